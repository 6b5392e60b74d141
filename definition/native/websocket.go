package native

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// AWS imports no documents for WebSocket APIs, so that they are written here, by the
// names that its API and its templates have for everything: in the API itself, or in
// files that its stages name.

// webSocketKeys are the keys that say what a WebSocket API does.
var webSocketKeys = []string{"routes", "authorizers", "routeSelectionExpression", "apiKeySelectionExpression", "models"}

// parseWebSocket reads the keys of a WebSocket API, and gives what they make to all
// stages that name no file.
func (a *API) parseWebSocket(o *source.Object, own Definition) {
	refuseBackend(o)
	if own.File != "" {
		for _, key := range webSocketKeys {
			if o.Has(key) {
				o.Get(key).Errorf("conflicting-keys", "write it there, or leave definition out", "%s is in the file %s already", key, own.Value.Shown())
			}
		}
		return
	}
	pinned := len(a.Stages) > 0
	for i := range a.Stages {
		pinned = pinned && a.Stages[i].Definition.File != ""
	}
	if written := slices.ContainsFunc(webSocketKeys, o.Has); pinned && !written {
		return
	}
	d := parseMessages(o)
	d.Source, d.Tags = a.Source, a.Tags
	for i := range a.Stages {
		if a.Stages[i].Definition.File == "" {
			a.Stages[i].Deployment = d
		}
	}
}

// refuseBackend reports a backend, which is for operations without an integration.
func refuseBackend(o *source.Object) {
	if other := o.Get("backend"); other.Exists() {
		other.Errorf("conflicting-keys", "write routes: here", "backend is for REST and HTTP APIs; a WebSocket API is not made of a document")
	}
}

// parseFile reads the key definition, which leads to a file about a WebSocket API.
func parseFile(o *source.Object, d Definition) Definition {
	if file := o.Get("definition"); file.Exists() {
		d.File, d.Value = file.NonEmpty(), file
	}
	return d
}

// IsWebSocket tells files about a WebSocket API, which wait to be named by one.
func IsWebSocket(root source.Value) bool {
	return root.IsObject() && root.Object().Has("routeSelectionExpression")
}

// ParseWebSocket reads a file about a WebSocket API: what such an API may say in
// gatehouse.yaml of its routes, authorizers and selection expressions.
func ParseWebSocket(doc *source.Document) *gateway.Deployment {
	o := doc.Root().Object()
	d := parseMessages(o)
	d.Source = doc.Root().Pos()
	o.Done()
	return d
}

// parseMessages reads what a WebSocket API does.
func parseMessages(o *source.Object) *gateway.Deployment {
	d := &gateway.Deployment{Protocol: gateway.WebSocket}
	selection := o.Require("routeSelectionExpression")
	d.RouteSelectionExpression = parseSelection(selection, "$request.body.action", gateway.SelectRequestBody)
	if e := o.Get("apiKeySelectionExpression"); !e.IsNull() {
		switch text := e.NonEmpty(); text {
		case "", "$request.header.x-api-key":
		case "$context.authorizer.usageIdentifierKey":
			d.APIKeySource = gateway.APIKeyFromAuthorizer
		default:
			e.Errorf("unknown-value", "", "%s is %s, must be $request.header.x-api-key or $context.authorizer.usageIdentifierKey", e.Path(), e.Shown())
		}
	}
	for _, at := range o.Get("authorizers").List() {
		d.Authorizers = append(d.Authorizers, parseConnectAuthorizer(at))
	}
	d.Models = parseMessageModels(o.Get("models"))
	for _, e := range o.Require("routes").Object().Entries() {
		d.Routes = append(d.Routes, parseMessageRoute(e))
	}
	return d
}

// refuseWebSocketKeys reports the keys of a WebSocket API in an API that is none.
func refuseWebSocketKeys(o *source.Object) {
	for _, key := range webSocketKeys {
		if !o.Has(key) {
			continue
		}
		o.Get(key).Errorf("conflicting-keys", "write it in the OpenAPI document, or protocol: WEBSOCKET", "%s is for WebSocket APIs", key)
	}
}

// parseSelection reads a selection expression that may refer to the given sources only.
func parseSelection(v source.Value, example string, sources ...gateway.SelectionSource) string {
	if v.IsNull() {
		return ""
	}
	text := v.NonEmpty()
	if text == "" {
		return ""
	}
	e, err := gateway.ParseSelection(text)
	if err != nil {
		v.Errorf("invalid-selection-expression", "write such as "+example, "%v", err)
		return ""
	}
	if !e.Only(sources...) {
		v.Errorf("invalid-selection-expression", "write such as "+example, "%s refers to what is not at hand when it is evaluated", v.Shown())
		return ""
	}
	return text
}

// noAuthorizerCache: answers of authorizers are not kept. A connection asks once.
var noAuthorizerCache = 0

func parseConnectAuthorizer(v source.Value) gateway.Authorizer {
	o := v.Object()
	a := gateway.Authorizer{
		Name: o.RequireText("name"), Type: "REQUEST", ResultTTLSeconds: &noAuthorizerCache,
		URI: o.RequireText("uri"), Source: v.Pos(), URISource: o.Get("uri").Pos(),
	}
	sources := o.Get("identitySource")
	a.IdentitySource = sources.Pos()
	if !sources.Exists() {
		a.IdentitySource = v.Pos()
	}
	for _, s := range sources.List() {
		text := s.NonEmpty()
		if text == "" {
			continue
		}
		if !identitySource.MatchString(text) {
			s.Errorf("unsupported-identity-source", "write route.request.header.NAME, route.request.querystring.NAME, context.NAME or stageVariables.NAME",
				"%s is not an identity source of a WebSocket API", s.Shown())
			continue
		}
		a.IdentitySources = append(a.IdentitySources, text)
	}
	o.Done()
	return a
}

var identitySource = regexp.MustCompile(`^(route\.request\.(header|querystring)|context|stageVariables)\.[A-Za-z0-9._-]+$`)

func parseMessageRoute(e source.Entry) gateway.Route {
	o := e.Object()
	r := gateway.Route{Path: e.Key, OperationName: o.Get("operationName").Text(), Source: e.KeyValue.Pos()}
	kind, authorizer := o.Get("authorizationType"), o.Get("authorizer")
	switch kind.OneOf("NONE", gateway.AuthorizationIAM, gateway.AuthorizationLambda) {
	case gateway.AuthorizationIAM:
		r.Authorization = &gateway.Authorization{Type: gateway.AuthorizationIAM, Source: kind.Pos()}
	case gateway.AuthorizationLambda:
		r.Authorization = &gateway.Authorization{Type: gateway.AuthorizationLambda, Authorizer: o.RequireText("authorizer"), Source: kind.Pos()}
	default:
		if none := kind.IsNull() || strings.EqualFold(kind.Raw(), "NONE"); none && authorizer.Exists() {
			authorizer.Errorf("conflicting-keys", "add authorizationType: CUSTOM", "the authorizer of %s would not be asked", e.Key)
		}
	}
	if r.Authorization != nil && r.Authorization.Type == gateway.AuthorizationIAM && authorizer.Exists() {
		authorizer.Errorf("conflicting-keys", "", "with AWS_IAM, the authorizer of %s would not be asked", e.Key)
	}
	key := o.Get("apiKeyRequired")
	r.APIKeyRequired, r.APIKeySource = key.Bool(false), key.Pos()
	r.ResponseSelectionExpression = o.Get("routeResponseSelectionExpression").OneOf(gateway.DefaultRoute)
	parseRouteModels(o, &r)
	if in := o.Get("integration"); !in.IsNull() {
		r.Integration = parseMessageIntegration(in)
	} else if e.IsObject() && e.Key != gateway.ConnectRoute && e.Key != gateway.DisconnectRoute {
		e.Errorf("missing-key", "", "%s needs the key \"integration\"", e.Path())
	}
	o.Done()
	return r
}

// Amazon's bounds for how long an integration may take. The upper one is a default
// here, as it is for other APIs.
const minIntegrationTimeout = 50 * time.Millisecond

func parseMessageIntegration(v source.Value) *gateway.Integration {
	o := v.Object()
	in := &gateway.Integration{Source: v.Pos(), URISource: v.Pos()}
	kind := o.Require("type")
	in.Type = gateway.IntegrationType(kind.OneOf(string(gateway.IntegrationHTTP), string(gateway.IntegrationHTTPProxy),
		string(gateway.IntegrationAWS), string(gateway.IntegrationAWSProxy), string(gateway.IntegrationMock)))
	uri := o.Get("uri")
	if uri.Exists() {
		in.URISource = uri.Pos()
	}
	switch in.Type {
	case "":
		uri.Text()
	case gateway.IntegrationMock:
		if uri.Exists() {
			uri.Errorf("no-effect", "remove it", "a MOCK integration calls nothing")
		}
	default:
		in.URI = o.RequireText("uri")
	}
	method := o.Get("httpMethod")
	in.HTTPMethod = method.OneOf("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
	http := in.Type == gateway.IntegrationHTTP || in.Type == gateway.IntegrationHTTPProxy
	if method.Exists() && !http && in.Type != gateway.IntegrationAWS && in.Type != "" {
		method.Errorf("no-effect", "remove it", "httpMethod is for AWS, HTTP and HTTP_PROXY integrations")
	}
	parseConnection(o, in, http)
	if timeout := o.Get("timeout"); timeout.Exists() {
		in.TimeoutMillis = timeout.Millis(0, minIntegrationTimeout)
	}
	in.PassthroughBehavior = o.Get("passthroughBehavior").OneOf("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
	in.TemplateSelectionExpression = parseSelection(o.Get("templateSelectionExpression"), "$request.body.type", gateway.SelectRequestBody)
	in.RequestTemplates = o.Get("requestTemplates").StringMap()
	for _, e := range o.Get("requestParameters").Object().Entries() {
		in.RequestParameters = append(in.RequestParameters, gateway.ParameterMapping{Target: e.Key, Source: e.NonEmpty(), Pos: e.KeyValue.Pos()})
	}
	responses := o.Get("responses")
	in.ResponseSelectionExpression = parseSelection(o.Get("responseSelectionExpression"), "$integration.response.statuscode",
		gateway.SelectResponseStatus, gateway.SelectResponseHeader, gateway.SelectResponseBody)
	for _, e := range responses.Object().Entries() {
		in.Responses = append(in.Responses, parseMessageResponse(e))
	}
	proxy := in.Type == gateway.IntegrationHTTPProxy || in.Type == gateway.IntegrationAWSProxy
	for _, key := range []string{"requestTemplates", "templateSelectionExpression", "passthroughBehavior", "responses", "responseSelectionExpression"} {
		if at := o.Get(key); proxy && at.Exists() {
			at.Errorf("no-effect", "remove it, or take an integration that is no proxy", "%s has no effect in a proxy integration, which passes everything on", key)
		}
	}
	if p := o.Get("requestParameters"); p.Exists() && !http && in.Type != gateway.IntegrationAWS && in.Type != "" {
		p.Errorf("no-effect", "remove it", "requestParameters is for AWS, HTTP and HTTP_PROXY integrations")
	}
	o.Done()
	return in
}

// parseConnection reads as whom, and on which way, an integration is called.
func parseConnection(o *source.Object, in *gateway.Integration, http bool) {
	credentials := o.Get("credentials")
	if credentials.Exists() {
		in.Credentials = credentials.NonEmpty()
		if in.Type != gateway.IntegrationAWS && in.Type != gateway.IntegrationAWSProxy && in.Type != "" {
			credentials.Errorf("no-effect", "remove it", "credentials is for AWS and AWS_PROXY integrations")
		}
	}
	kind, id := o.Get("connectionType"), o.Get("connectionId")
	in.ConnectionType = kind.OneOf("INTERNET", gateway.ConnectionVPCLink)
	linked := in.ConnectionType == gateway.ConnectionVPCLink
	switch {
	case linked && !http && in.Type != "":
		kind.Errorf("no-effect", "remove it", "a VPC link is for HTTP and HTTP_PROXY integrations")
	case linked:
		in.ConnectionID = o.RequireText("connectionId")
	case id.Exists() && (kind.IsNull() || in.ConnectionType != ""):
		id.Errorf("conflicting-keys", "add connectionType: VPC_LINK", "the connectionId would not be used")
	}
}

func parseMessageResponse(e source.Entry) gateway.IntegrationResponse {
	o := e.Object()
	r := gateway.IntegrationResponse{SelectionPattern: e.Key, Source: e.KeyValue.Pos()}
	if e.Key == gateway.DefaultRoute {
		r.SelectionPattern = ""
	}
	if _, err := gateway.ParseResponseKey(e.Key); err != nil {
		e.KeyValue.Errorf("invalid-pattern", "use the syntax of RE2, which has no look-around and no back-references", "%v", err)
	}
	r.ResponseTemplates = o.Get("responseTemplates").StringMap()
	o.Done()
	return r
}

// parseConnectionBounds reads what holds for the connections of a stage.
func parseConnectionBounds(o *source.Object, s *gateway.Stage, protocol gateway.Protocol) {
	idle, duration := o.Get("idleTimeout"), o.Get("maxDuration")
	if protocol != gateway.WebSocket {
		for _, v := range []source.Value{idle, duration} {
			if v.Exists() && protocol != "" {
				v.Errorf("no-effect", "remove it", "%s is for WebSocket APIs", v.Path())
			}
		}
		return
	}
	s.IdleMillis = idle.Millis(gateway.DefaultIdleMillis, time.Second)
	s.DurationMillis = duration.Millis(gateway.DefaultDurationMillis, time.Second)
}
