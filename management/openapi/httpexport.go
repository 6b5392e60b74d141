package openapi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
)

// defaultHTTPTimeout is how long the integration of an HTTP API may take, in
// milliseconds, unless something else is said.
const defaultHTTPTimeout = 30000

// ExportHTTP writes an HTTP API as an OpenAPI 3.0 document, with Amazon's extensions or
// without any. The same content gives the same bytes, whatever the ids in it.
func ExportHTTP(c *httpapi.Content, e Export) ([]byte, error) {
	root, err := newHTTPExport(c, e).document()
	if err != nil {
		return nil, err
	}
	return e.bytes(root)
}

// ServedHTTP writes an HTTP API for the gateway.
func ServedHTTP(c *httpapi.Content) ([]byte, error) { return ExportHTTP(c, served) }

// httpExport is one export under way.
type httpExport struct {
	Export
	content *httpapi.Content
	// schemes are the names of the authorizers' security schemes by their ids.
	schemes      map[string]string
	integrations map[string]*httpapi.Integration
	// shared are the names of the integrations that several routes have, by their ids.
	shared map[string]string
}

func newHTTPExport(c *httpapi.Content, e Export) *httpExport {
	x := &httpExport{Export: e, content: c, schemes: map[string]string{}, integrations: map[string]*httpapi.Integration{}, shared: map[string]string{}}
	taken := map[string]bool{}
	for _, a := range sortedBy(c.Authorizers, func(a httpapi.Authorizer) string { return a.Name }) {
		x.schemes[a.AuthorizerID] = freeName(a.Name, taken)
	}
	for i := range c.Integrations {
		x.integrations[c.Integrations[i].Integration.IntegrationID] = &c.Integrations[i].Integration
	}
	uses := map[string]int{}
	for _, r := range x.routes() {
		id := integrationOf(&r.Route)
		if uses[id]++; uses[id] == 2 && id != "" {
			x.shared[id] = fmt.Sprintf("integration%d", len(x.shared)+1)
		}
	}
	return x
}

// integrationOf is the id of a route's integration.
func integrationOf(r *httpapi.Route) string { return strings.TrimPrefix(r.Target, "integrations/") }

// routes are the routes by path, then by method.
func (x *httpExport) routes() []httpapi.RouteContent {
	return slices.SortedStableFunc(slices.Values(x.content.Routes), func(a, b httpapi.RouteContent) int {
		methodA, pathA := splitRouteKey(a.Route.RouteKey)
		methodB, pathB := splitRouteKey(b.Route.RouteKey)
		return cmp.Or(strings.Compare(pathA, pathB), methodRank(methodA)-methodRank(methodB), strings.Compare(methodA, methodB))
	})
}

// splitRouteKey gives the method and path of a route as a document writes them.
func splitRouteKey(key string) (method, path string) {
	if key == gateway.DefaultRoute {
		return gateway.AnyMethod, "/" + gateway.DefaultRoute
	}
	method, path, _ = strings.Cut(key, " ")
	return method, path
}

func (x *httpExport) document() (*object, error) {
	api := &x.content.API
	root, info := &object{}, &object{}
	root.set("openapi", "3.0.1")
	info.set("title", api.Name)
	info.text("description", api.Description)
	info.set("version", cmp.Or(api.Version, x.InfoVersion))
	root.set("info", info)
	x.location(root)
	if x.Extensions.Gateway && len(api.Tags) > 0 {
		var tags []any
		for _, name := range slices.Sorted(maps.Keys(api.Tags)) {
			tag := &object{}
			tag.set("name", name)
			tag.set(extTagValue, api.Tags[name])
			tags = append(tags, tag)
		}
		root.set("tags", tags)
	}
	paths, err := x.paths()
	if err != nil {
		return nil, err
	}
	root.set("paths", paths)
	components, schemes, integrations := &object{}, &object{}, &object{}
	for _, a := range sortedBy(x.content.Authorizers, func(a httpapi.Authorizer) string { return x.schemes[a.AuthorizerID] }) {
		schemes.set(x.schemes[a.AuthorizerID], x.scheme(&a))
	}
	components.object("securitySchemes", schemes)
	if x.Extensions.Integrations {
		for _, id := range slices.SortedFunc(maps.Keys(x.shared), func(a, b string) int { return strings.Compare(x.shared[a], x.shared[b]) }) {
			integrations.set(x.shared[id], httpIntegration(x.integrations[id]))
		}
	}
	components.object("x-amazon-apigateway-integrations", integrations)
	root.object("components", components)
	if x.Extensions.Gateway {
		if api.CorsConfiguration != nil {
			root.set(extCORS, cors(api.CorsConfiguration))
		}
		root.set(extImportExport, "1.0")
	}
	return root, nil
}

func (x *httpExport) location(root *object) {
	endpoint := &object{}
	if x.content.API.DisableExecuteAPIEndpoint && x.Extensions.Gateway {
		endpoint.set("disableExecuteApiEndpoint", true)
	}
	if x.Host == "" && len(endpoint.members) == 0 {
		return
	}
	server := &object{}
	server.set("url", "/")
	if x.Host != "" {
		e := x.Export
		// The default stage has no segment of its own.
		if e.Stage == gateway.DefaultStage {
			e.Stage = ""
		}
		server = e.server()
	}
	server.object(extEndpoint, endpoint)
	root.set("servers", []any{server})
}

func (x *httpExport) paths() (*object, error) {
	paths := &object{}
	for _, r := range x.routes() {
		method, path := splitRouteKey(r.Route.RouteKey)
		operation, err := x.operation(&r.Route)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Route.RouteKey, err)
		}
		item, ok := paths.get(path).(*object)
		if !ok {
			item = &object{}
			paths.set(path, item)
		}
		item.set(methodKey(method), operation)
	}
	for _, m := range paths.members {
		item, ok := m.value.(*object)
		if !ok {
			continue
		}
		if parameters := pathParameters(m.key); len(parameters) > 0 {
			item.set("parameters", parameters)
		}
	}
	return paths, nil
}

// pathParameters declares the variables of a path, a greedy one with its sign, as
// Amazon's exports do.
func pathParameters(path string) []any {
	template, err := gateway.ParsePath(path)
	if err != nil {
		return nil // the default route, or what the loader says why it cannot be routed
	}
	var out []any
	for _, segment := range template {
		if segment.Variable == "" {
			continue
		}
		name := segment.Variable
		if segment.Greedy {
			name += "+"
		}
		o, text := &object{}, &object{}
		text.set("type", "string")
		o.set("name", name)
		o.set("in", "path")
		o.set("description", "Generated path parameter for "+name)
		o.set("required", true)
		o.set("schema", text)
		out = append(out, o)
	}
	return out
}

func (x *httpExport) operation(r *httpapi.Route) (*object, error) {
	o, responses, response := &object{}, &object{}, &object{}
	o.text("operationId", r.OperationName)
	response.set("description", "Default response for "+r.RouteKey)
	responses.set("default", response)
	o.set("responses", responses)
	if r.RouteKey == gateway.DefaultRoute {
		o.set("isDefaultRoute", true)
	}
	switch r.AuthorizationType {
	case "", "NONE":
	case gateway.AuthorizationIAM:
		if x.Extensions.Authorizers {
			auth := &object{}
			auth.set("type", gateway.AuthorizationIAM)
			o.set(extAuth, auth)
		}
	default:
		scheme, ok := x.schemes[r.AuthorizerID]
		if !ok {
			return nil, fmt.Errorf("there is no authorizer %s", r.AuthorizerID)
		}
		requirement := &object{}
		requirement.set(scheme, list(r.AuthorizationScopes))
		o.set("security", []any{requirement})
	}
	id := integrationOf(r)
	if id == "" || !x.Extensions.Integrations {
		return o, nil
	}
	in := x.integrations[id]
	if in == nil {
		return nil, fmt.Errorf("there is no integration %s", id)
	}
	if name := x.shared[id]; name != "" {
		reference := &object{}
		reference.set("$ref", "#/components/x-amazon-apigateway-integrations/"+name)
		o.set(extIntegration, reference)
		return o, nil
	}
	o.set(extIntegration, httpIntegration(in))
	return o, nil
}

func httpIntegration(in *httpapi.Integration) *object {
	o := &object{}
	if in.IntegrationSubtype == "" {
		o.text("payloadFormatVersion", in.PayloadFormatVersion)
	}
	o.text("integrationSubtype", in.IntegrationSubtype)
	o.set("type", strings.ToLower(in.IntegrationType))
	o.text("credentials", in.CredentialsARN)
	o.text("httpMethod", in.IntegrationMethod)
	o.text("uri", in.IntegrationURI)
	if in.ConnectionType == gateway.ConnectionVPCLink {
		o.set("connectionType", in.ConnectionType)
		o.text("connectionId", in.ConnectionID)
	}
	if in.TLSConfig != nil {
		tls := &object{}
		tls.text("serverNameToVerify", in.TLSConfig.ServerNameToVerify)
		o.object("tlsConfig", tls)
	}
	o.object("requestParameters", textObject(in.RequestParameters))
	responses := &object{}
	for _, status := range slices.Sorted(maps.Keys(in.ResponseParameters)) {
		responses.set(status, textObject(in.ResponseParameters[status]))
	}
	o.object("responseParameters", responses)
	if in.TimeoutInMillis != 0 && in.TimeoutInMillis != defaultHTTPTimeout {
		o.set("timeoutInMillis", in.TimeoutInMillis)
	}
	return o
}

func (x *httpExport) scheme(a *httpapi.Authorizer) *object {
	o, extension := &object{}, &object{}
	extension.set("type", strings.ToLower(a.AuthorizerType))
	extension.text("identitySource", strings.Join(a.IdentitySource, ","))
	if a.AuthorizerType == gateway.JWTAuthorizer {
		o.set("type", "oauth2")
		o.set("flows", &object{})
		jwt := &object{}
		if a.JWTConfiguration != nil {
			jwt.set("audience", list(a.JWTConfiguration.Audience))
			jwt.text("issuer", a.JWTConfiguration.Issuer)
		}
		extension.set("jwtConfiguration", jwt)
	} else {
		o = headerScheme(cmp.Or(identityHeaderOf(a.IdentitySource), "Unused"))
		extension.text("authorizerUri", a.AuthorizerURI)
		extension.text("authorizerCredentials", a.AuthorizerCredentialsARN)
		extension.text("authorizerPayloadFormatVersion", a.AuthorizerPayloadFormatVersion)
		if a.AuthorizerResultTTLInSeconds != nil {
			extension.set("authorizerResultTtlInSeconds", *a.AuthorizerResultTTLInSeconds)
		}
		if a.EnableSimpleResponses {
			extension.set("enableSimpleResponses", true)
		}
	}
	if x.Extensions.Authorizers {
		o.set(extAuthorizer, extension)
	}
	return o
}

// identityHeaderOf is the first header among identity sources.
func identityHeaderOf(sources []string) string {
	for _, s := range sources {
		if name, ok := strings.CutPrefix(s, "$request.header."); ok {
			return name
		}
	}
	return ""
}

func cors(c *httpapi.Cors) *object {
	o := &object{}
	o.texts("allowOrigins", c.AllowOrigins)
	o.texts("allowMethods", c.AllowMethods)
	o.texts("allowHeaders", c.AllowHeaders)
	o.texts("exposeHeaders", c.ExposeHeaders)
	if c.MaxAge != nil {
		o.set("maxAge", *c.MaxAge)
	}
	if c.AllowCredentials {
		o.set("allowCredentials", true)
	}
	return o
}
