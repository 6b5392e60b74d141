package openapi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restapi"
)

// ExportREST writes a REST API as an OpenAPI document. The same content gives the same
// bytes, whatever the ids in it.
func ExportREST(c *restapi.Content, e Export) ([]byte, error) {
	root, err := newRESTExport(c, e).document()
	if err != nil {
		return nil, err
	}
	return e.bytes(root)
}

// ServedREST writes a REST API for the gateway: as an export with all extensions, but
// without what is of no use there.
func ServedREST(c *restapi.Content) ([]byte, error) { return ExportREST(c, served) }

// restExport is one export under way.
type restExport struct {
	Export
	content *restapi.Content
	// schemes are the names of the security schemes of authorizers, by their ids.
	schemes map[string]string
	// keyScheme and iamScheme are those of API keys and of signatures; empty while no
	// method asks for them.
	keyScheme, iamScheme string
	taken                map[string]bool
	validators           map[string]string
	// described are the documentation parts that are written as descriptions.
	described descriptions
}

func newRESTExport(c *restapi.Content, e Export) *restExport {
	x := &restExport{Export: e, content: c, schemes: map[string]string{}, taken: map[string]bool{}, validators: map[string]string{}}
	for _, a := range sortedBy(c.Authorizers, func(a restapi.Authorizer) string { return a.Name }) {
		x.schemes[a.ID] = freeName(a.Name, x.taken)
	}
	for _, v := range c.RequestValidators {
		x.validators[v.ID] = v.Name
	}
	if e.DocumentationVersion != "" && !e.Extensions.Documentation {
		x.described = describe(c.DocumentationParts)
	}
	return x
}

// sortedBy gives the values in the order of a text that they have.
func sortedBy[T any](values []T, by func(T) string) []T {
	return slices.SortedStableFunc(slices.Values(values), func(a, b T) int { return strings.Compare(by(a), by(b)) })
}

func (x *restExport) document() (*object, error) {
	api := &x.content.API
	root, info := &object{}, &object{}
	description := cmp.Or(x.described.text(restapi.DocumentationPartLocation{Type: "API"}, "description"), api.Description)
	if x.Version == OpenAPI20 {
		root.set("swagger", "2.0")
		info.text("description", description)
		info.set("version", cmp.Or(api.Version, x.InfoVersion))
		info.set("title", api.Name)
	} else {
		root.set("openapi", "3.0.1")
		info.set("title", api.Name)
		info.text("description", description)
		info.set("version", cmp.Or(api.Version, x.InfoVersion))
	}
	root.set("info", info)
	x.location(root)
	paths, err := x.paths()
	if err != nil {
		return nil, err
	}
	root.set("paths", paths)
	schemes := x.securitySchemes()
	models, err := x.models()
	if err != nil {
		return nil, err
	}
	if x.Version == OpenAPI20 {
		root.object("securityDefinitions", schemes)
		root.object("definitions", models)
	} else {
		components := &object{}
		components.object("schemas", models)
		components.object("securitySchemes", schemes)
		root.set("components", components)
	}
	if x.Extensions.Gateway {
		if err := x.settings(root); err != nil {
			return nil, err
		}
	}
	return root, x.documentation(root)
}

// location writes where the stage is served.
func (x *restExport) location(root *object) {
	endpoint := x.endpoint()
	if x.Version == OpenAPI20 {
		if x.Host != "" {
			root.set("host", x.Host)
			root.set("basePath", "/"+x.Stage)
			root.set("schemes", []any{x.scheme()})
		}
		root.object(extEndpoint, endpoint)
		return
	}
	if x.Host == "" && len(endpoint.members) == 0 {
		return
	}
	server := &object{}
	server.set("url", "/")
	if x.Host != "" {
		server = x.server()
	}
	server.object(extEndpoint, endpoint)
	root.set("servers", []any{server})
}

func (x *restExport) endpoint() *object {
	endpoint := &object{}
	if !x.Extensions.Gateway {
		return endpoint
	}
	if x.content.API.DisableExecuteAPIEndpoint {
		endpoint.set("disableExecuteApiEndpoint", true)
	}
	if configuration := x.content.API.EndpointConfiguration; configuration != nil && !x.served {
		endpoint.texts("vpcEndpointIds", configuration.VPCEndpointIDs)
	}
	return endpoint
}

// settings writes the extensions of the root, but the documentation.
func (x *restExport) settings(root *object) error {
	api := &x.content.API
	if api.APIKeySource == gateway.APIKeyFromAuthorizer {
		root.set(extAPIKeySource, api.APIKeySource)
	}
	validators := &object{}
	for _, v := range sortedBy(x.content.RequestValidators, func(v restapi.RequestValidator) string { return v.Name }) {
		o := &object{}
		o.set("validateRequestParameters", v.ValidateRequestParameters)
		o.set("validateRequestBody", v.ValidateRequestBody)
		validators.set(v.Name, o)
	}
	root.object(extRequestValidators, validators)
	responses := &object{}
	for _, r := range sortedBy(x.content.GatewayResponses, func(r restapi.GatewayResponse) string { return r.ResponseType }) {
		if !r.DefaultResponse {
			responses.set(r.ResponseType, gatewayResponse(&r))
		}
	}
	root.object(extGatewayResponses, responses)
	root.texts(extBinaryMediaTypes, slices.Sorted(slices.Values(api.BinaryMediaTypes)))
	if api.MinimumCompressionSize != nil {
		root.set(extCompression, *api.MinimumCompressionSize)
	}
	if api.Policy != "" {
		policy, err := parseJSON(api.Policy)
		if err != nil {
			return fmt.Errorf("the resource policy is not JSON: %w", err)
		}
		root.set(extPolicy, policy)
	}
	if !x.served {
		root.text(extSecurityPolicy, api.SecurityPolicy)
		root.text(extAccessMode, api.EndpointAccessMode)
	}
	return nil
}

func gatewayResponse(r *restapi.GatewayResponse) *object {
	o := &object{}
	if code, err := strconv.Atoi(r.StatusCode); err == nil {
		o.set("statusCode", code)
	}
	o.object("responseParameters", textObject(r.ResponseParameters))
	o.object("responseTemplates", textObject(r.ResponseTemplates))
	return o
}

// textObject writes a map, sorted by its keys.
func textObject(m map[string]string) *object {
	o := &object{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		o.set(key, m[key])
	}
	return o
}

func (x *restExport) paths() (*object, error) {
	paths := &object{}
	for _, r := range sortedBy(x.content.Resources, func(r restapi.Resource) string { return r.Path }) {
		if len(r.ResourceMethods) == 0 {
			continue
		}
		item := &object{}
		methods := slices.SortedFunc(maps.Keys(r.ResourceMethods), func(a, b string) int {
			return cmp.Or(methodRank(a)-methodRank(b), strings.Compare(a, b))
		})
		for _, name := range methods {
			method := r.ResourceMethods[name]
			operation, err := x.operation(&r, name, &method)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", name, r.Path, err)
			}
			item.set(methodKey(name), operation)
		}
		paths.set(r.Path, item)
	}
	return paths, nil
}

func (x *restExport) operation(r *restapi.Resource, name string, m *restapi.Method) (*object, error) {
	o := &object{}
	at := restapi.DocumentationPartLocation{Type: "METHOD", Path: r.Path, Method: name}
	if tags, ok := x.described.get(at, "tags").([]any); ok {
		o.set("tags", tags)
	}
	o.text("summary", x.described.text(at, "summary"))
	o.text("description", x.described.text(at, "description"))
	o.text("operationId", m.OperationName)
	if x.Version == OpenAPI20 {
		if len(m.RequestModels) > 0 {
			o.set("consumes", list(slices.Sorted(maps.Keys(m.RequestModels))))
		}
		o.texts("produces", producedTypes(m))
	}
	parameters, err := x.parameters(r, name, m)
	if err != nil {
		return nil, err
	}
	if len(parameters) > 0 {
		o.set("parameters", parameters)
	}
	if x.Version == OpenAPI30 && len(m.RequestModels) > 0 {
		o.set("requestBody", x.requestBody(r, name, m))
	}
	o.set("responses", x.responses(r, name, m))
	security, err := x.security(m)
	if err != nil {
		return nil, err
	}
	if len(security) > 0 {
		o.set("security", security)
	}
	if m.RequestValidatorID != "" && x.Extensions.Gateway {
		validator, ok := x.validators[m.RequestValidatorID]
		if !ok {
			return nil, fmt.Errorf("there is no request validator %s", m.RequestValidatorID)
		}
		o.set(extRequestValidator, validator)
	}
	if m.MethodIntegration != nil && x.Extensions.Integrations {
		o.set(extIntegration, restIntegration(r, m.MethodIntegration))
	}
	return o, nil
}

func producedTypes(m *restapi.Method) []string {
	types := map[string]bool{}
	for _, response := range m.MethodResponses {
		for contentType := range response.ResponseModels {
			types[contentType] = true
		}
	}
	return slices.Sorted(maps.Keys(types))
}
