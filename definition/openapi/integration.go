package openapi

import (
	"math"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

const (
	// minTimeoutMillis is AWS's. Its upper bounds (29 s and 30 s) are quotas, not
	// ours: only what no proxy could hold is refused.
	minTimeoutMillis = 50
	maxTimeoutMillis = math.MaxInt32
)

// integrationSubtypes are the service actions that HTTP APIs integrate.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
var integrationSubtypes = []string{
	"EventBridge-PutEvents", "SQS-SendMessage", "SQS-ReceiveMessage", "SQS-DeleteMessage", "SQS-PurgeQueue",
	"AppConfig-GetConfiguration", "Kinesis-PutRecord",
	"StepFunctions-StartExecution", "StepFunctions-StartSyncExecution", "StepFunctions-StopExecution",
}

// integrationMethods are what a backend can be called with; ANY keeps the client's.
var integrationMethods = []string{gateway.AnyMethod, "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// restTypes and httpTypes are the types of integrations of the two kinds of APIs.
var (
	restTypes = []string{string(gateway.IntegrationHTTP), string(gateway.IntegrationHTTPProxy), string(gateway.IntegrationAWS), string(gateway.IntegrationAWSProxy), string(gateway.IntegrationMock)}
	httpTypes = []string{string(gateway.IntegrationHTTPProxy), string(gateway.IntegrationAWSProxy)}
)

// restOnlyKeys of an integration have no effect on an HTTP API.
var restOnlyKeys = []string{
	"passthroughBehavior", "contentHandling", "requestTemplates", "responses", "cacheKeyParameters", "cacheNamespace",
	"integrationTarget", "responseTransferMode",
}

// sharedIntegration reads an operation's integration, which may be a reference to
// "#/components/x-amazon-apigateway-integrations/NAME".
func (p *parser) sharedIntegration(r *gateway.Route, item *pathItem, written source.Value) *gateway.Integration {
	v, ok := p.follow(written, atIntegration)
	if !ok {
		return brokenIntegration(written)
	}
	if v.Node() != written.Node() {
		p.referredIntegrations[v.Node()] = true
	}
	return p.integration(r, item, v)
}

// brokenIntegration stands for one that could not be read, which is reported: the
// route is not without one.
func brokenIntegration(v source.Value) *gateway.Integration {
	return &gateway.Integration{Source: v.Pos(), URISource: v.Pos()}
}

// unusedIntegrations checks the shared integrations that no operation refers to.
func (p *parser) unusedIntegrations(v source.Value) {
	for _, e := range v.Object().Entries() {
		if !p.referredIntegrations[e.Node()] {
			p.sharedIntegration(&gateway.Route{Method: e.Key, Path: extIntegrations}, &pathItem{}, e.Value)
		}
	}
}

// integration reads x-amazon-apigateway-integration.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
func (p *parser) integration(r *gateway.Route, item *pathItem, v source.Value) *gateway.Integration {
	if !p.isObject(v) {
		return brokenIntegration(v)
	}
	o := v.Object()
	in := &gateway.Integration{
		HTTPMethod:    o.Get("httpMethod").OneOf(integrationMethods...),
		URI:           p.text(o.Get("uri")),
		Credentials:   p.text(o.Get("credentials")),
		ConnectionID:  p.text(o.Get("connectionId")),
		TimeoutMillis: o.Get("timeoutInMillis").Int(0, minTimeoutMillis, maxTimeoutMillis),
		Source:        v.Pos(),
		URISource:     firstPosition(v, o.Get("uri")),
	}
	if p.protocol == gateway.HTTP {
		p.httpIntegration(r, in, o)
	} else {
		p.restIntegration(r, in, o)
	}
	p.connection(in, o)
	p.integrationTLS(in, o.Get("tlsConfig"))
	p.checkURI(in, o)
	if c := o.Get("credentials"); in.Credentials != "" && in.Type != gateway.IntegrationAWS && in.Type != gateway.IntegrationAWSProxy {
		c.Warnf("no-effect", "", "credentials have no effect: only AWS services and functions are called with them")
	}
	o.Done()
	if p.protocol == gateway.REST && in.Type == gateway.IntegrationHTTPProxy {
		p.mapPathVariables(r, in, item.template)
	}
	// A Lambda function is called with POST whatever the document says.
	if in.Type == gateway.IntegrationAWSProxy && in.Subtype == "" {
		in.HTTPMethod = "POST"
	}
	return in
}

func (p *parser) restIntegration(r *gateway.Route, in *gateway.Integration, o *source.Object) {
	in.Type = gateway.IntegrationType(o.Require("type").OneOf(restTypes...))
	if target := o.Get("integrationTarget"); !target.IsNull() {
		in.IntegrationTarget = p.text(target)
		target.Warnf("no-effect", "name a backend with connectionId", "integrationTarget has no effect: a VPC link leads to the backend that connectionId names")
	}
	in.PassthroughBehavior = o.Get("passthroughBehavior").OneOf("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
	if in.PassthroughBehavior == "" {
		in.PassthroughBehavior = "WHEN_NO_MATCH"
	}
	in.ContentHandling = contentHandling(o)
	in.RequestParameters = p.mappings(r, o.Get("requestParameters"), "requestParameters")
	in.RequestTemplates, in.RequestTemplateSources = p.templates(o.Get("requestTemplates"))
	in.Responses = p.integrationResponses(r, o.Get("responses"))
	in.CacheKeyParameters = p.texts(o.Get("cacheKeyParameters"))
	in.CacheNamespace = p.text(o.Get("cacheNamespace"))
	mode := o.Get("responseTransferMode")
	in.ResponseTransferMode = mode.OneOf("BUFFERED", "STREAM")
	if in.ResponseTransferMode == "STREAM" && in.Type != gateway.IntegrationHTTPProxy && in.Type != gateway.IntegrationAWSProxy {
		mode.Errorf("conflicting-keys", "", "only HTTP_PROXY and AWS_PROXY integrations stream, not %s", in.Type)
	}
	if in.Type == gateway.IntegrationHTTPProxy {
		p.proxyMaps(o)
	}
	if v := o.Get("payloadFormatVersion"); v.Exists() {
		p.text(v)
		v.Warnf("no-effect", "", "payloadFormatVersion has no effect: only HTTP APIs have it")
	}
	if in.HTTPMethod == "" && in.Type == gateway.IntegrationAWS && !o.Get("httpMethod").Exists() {
		o.Errorf("missing-key", "", "an AWS integration needs the httpMethod that the service is called with")
	}
}

// proxyMaps reports what an HTTP_PROXY integration has no use for: bodies and answers
// pass as they are.
func (p *parser) proxyMaps(o *source.Object) {
	warn := func(v source.Value) {
		if v.IsScalar() || v.IsObject() && len(v.Object().Entries()) > 0 {
			v.Warnf("no-effect", "write type: http", "%s has no effect: an HTTP_PROXY integration maps neither bodies nor answers", v.Path())
		}
	}
	warn(o.Get("requestTemplates"))
	warn(o.Get("contentHandling"))
	for _, e := range o.Get("responses").Object().Entries() {
		if !e.IsObject() {
			continue
		}
		response := e.Object()
		for _, key := range []string{"responseParameters", "responseTemplates", "contentHandling"} {
			warn(response.Get(key))
		}
	}
}

func (p *parser) httpIntegration(r *gateway.Route, in *gateway.Integration, o *source.Object) {
	in.Type = gateway.IntegrationType(o.Require("type").OneOf(httpTypes...))
	for _, key := range restOnlyKeys {
		if v := o.Get(key); v.Exists() {
			v.Warnf("no-effect", "", "%s has no effect: only REST APIs have it", key)
		}
	}
	subtype := o.Get("integrationSubtype")
	in.Subtype = subtype.OneOf(integrationSubtypes...)
	if in.Subtype != "" && in.Type == gateway.IntegrationHTTPProxy {
		subtype.Errorf("conflicting-keys", "write type: aws_proxy", "an integration of type HTTP_PROXY has no integrationSubtype")
	}
	version := o.Get("payloadFormatVersion")
	in.PayloadFormatVersion = version.OneOf("1.0", "2.0")
	if in.PayloadFormatVersion == "2.0" && (in.Type == gateway.IntegrationHTTPProxy || in.Subtype != "") {
		version.Errorf("conflicting-keys", "", "only Lambda functions take the payload format 2.0")
	}
	if in.PayloadFormatVersion == "" {
		in.PayloadFormatVersion = "1.0"
	}
	in.RequestParameters = p.mappings(r, o.Get("requestParameters"), "requestParameters")
	in.ResponseParameters = p.statusMappings(r, o.Get("responseParameters"))
}

func contentHandling(o *source.Object) string {
	return o.Get("contentHandling").OneOf("CONVERT_TO_TEXT", "CONVERT_TO_BINARY")
}

// connection reads how the backend is reached. AWS keeps the type only for HTTP.
func (p *parser) connection(in *gateway.Integration, o *source.Object) {
	v := o.Get("connectionType")
	connection := v.OneOf(gateway.ConnectionInternet, gateway.ConnectionVPCLink)
	isHTTP := in.Type == gateway.IntegrationHTTP || in.Type == gateway.IntegrationHTTPProxy
	switch {
	case !isHTTP && connection == gateway.ConnectionVPCLink:
		v.Errorf("conflicting-keys", "", "only HTTP and HTTP_PROXY integrations use a VPC link, not %s", in.Type)
	case isHTTP && connection == "":
		in.ConnectionType = gateway.ConnectionInternet
	case isHTTP:
		in.ConnectionType = connection
	}
	if in.ConnectionType == gateway.ConnectionVPCLink && in.ConnectionID == "" {
		o.Errorf("missing-key", "set connectionId to the name of a backend", "an integration over a VPC link needs a connectionId")
	}
	if id := o.Get("connectionId"); id.IsScalar() && in.ConnectionType != gateway.ConnectionVPCLink {
		id.Warnf("no-effect", "write connectionType: VPC_LINK", "connectionId has no effect without a VPC link")
	}
}

func (p *parser) integrationTLS(in *gateway.Integration, v source.Value) {
	if v.IsNull() {
		return
	}
	o := v.Object()
	tls := gateway.IntegrationTLS{}
	if p.protocol == gateway.REST {
		tls.InsecureSkipVerification = o.Get("insecureSkipVerification").Bool(false)
	} else {
		tls.ServerNameToVerify = p.text(o.Get("serverNameToVerify"))
	}
	o.Done()
	if tls != (gateway.IntegrationTLS{}) {
		in.TLS = &tls
	}
}

// checkURI asks for a URI where one is needed. What it says is checked where it is
// resolved, with the stage's variables.
func (p *parser) checkURI(in *gateway.Integration, o *source.Object) {
	if in.Type == "" || in.Type == gateway.IntegrationMock || in.Subtype != "" {
		return
	}
	switch uri := o.Get("uri"); {
	case uri.IsNull():
		o.Errorf("missing-key", "", "an integration of type %s needs a uri", in.Type)
	case uri.IsScalar() && in.URI == "":
		uri.Errorf("empty-value", "", "%s must not be empty", uri.Path())
	}
}
