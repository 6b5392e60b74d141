package openapi

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
	"gatehouse/management/restapi"
)

// ImportREST reads a document into a REST API. The warnings are about what is in the
// document and not in the API. The API's own id, dates and endpoint type are not the
// document's business.
func ImportREST(data []byte, opts Import) (*restapi.Content, []string, error) {
	read, err := readDocument(data, gateway.REST, opts)
	if err != nil {
		return nil, nil, err
	}
	c, warnings, err := RESTContent(read.deployment, opts.APIID)
	if err != nil {
		return nil, nil, err
	}
	if err := checkSiblings(c.Resources); err != nil {
		return nil, nil, err
	}
	for _, m := range c.Models {
		if !modelName.MatchString(m.Name) {
			return nil, nil, &restapi.DocumentError{Text: fmt.Sprintf("Errors found during import:\n\tUnable to create model for '%s': Model name must be alphanumeric: %s", m.Name, m.Name)}
		}
	}
	c.API.SecurityPolicy = read.root.Get(extSecurityPolicy).Raw()
	c.API.EndpointAccessMode = read.root.Get(extAccessMode).Raw()
	if ids := read.vpcEndpoints(); len(ids) > 0 {
		c.API.EndpointConfiguration = &restapi.EndpointConfiguration{VPCEndpointIDs: ids}
	}
	if !opts.IgnoreDocumentation {
		c.DocumentationParts = documentationParts(read.root.Get(extDocumentation))
	}
	if opts.NewID != nil {
		Place(nil, c, opts.NewID)
	}
	return c, append(read.warnings, warnings...), nil
}

// modelName is what can be kept. Amazon's service does without dots, hyphens and
// underscores, which documents of others have.
var modelName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// vpcEndpoints are where a private API is reached.
func (i *imported) vpcEndpoints() []string {
	at := i.root.Get(extEndpoint)
	for _, server := range i.root.Get("servers").List() {
		if e := server.Object().Get(extEndpoint); e.IsObject() {
			at = e
		}
	}
	if !at.IsObject() {
		return nil
	}
	var ids []string
	for _, id := range at.Object().Get("vpcEndpointIds").List() {
		ids = append(ids, id.Raw())
	}
	return ids
}

// RESTContent gives what the management API keeps of a deployment. Until Place gives
// them others, a resource has its path as id, an authorizer and a validator their names.
// The warnings are about what cannot be kept.
func RESTContent(d *gateway.Deployment, apiID string) (*restapi.Content, []string, error) {
	b := &restBuilder{deployment: d, apiID: apiID, resources: map[string]*restapi.Resource{}}
	c := &restapi.Content{API: restapi.RestAPI{
		ID: apiID, Name: d.Title, Description: d.Description, Version: d.Version,
		APIKeySource: cmp.Or(d.APIKeySource, "HEADER"), BinaryMediaTypes: d.BinaryMediaTypes, Policy: d.Policy,
		DisableExecuteAPIEndpoint: d.DisableExecuteAPIEndpoint,
	}}
	if d.MinimumCompressionSize != nil {
		size := int(*d.MinimumCompressionSize)
		c.API.MinimumCompressionSize = &size
	}
	b.resource("/")
	for i := range d.Routes {
		b.method(&d.Routes[i])
	}
	for _, path := range b.order {
		c.Resources = append(c.Resources, *b.resources[path])
	}
	for _, a := range d.Authorizers {
		c.Authorizers = append(c.Authorizers, restAuthorizer(&a))
	}
	for _, v := range d.RequestValidators {
		c.RequestValidators = append(c.RequestValidators, restapi.RequestValidator{
			ID: v.Name, Name: v.Name, ValidateRequestBody: v.ValidateBody, ValidateRequestParameters: v.ValidateParameters,
		})
	}
	for _, r := range d.GatewayResponses {
		c.GatewayResponses = append(c.GatewayResponses, restapi.GatewayResponse{
			ResponseType: string(r.Type), StatusCode: r.StatusCode, ResponseParameters: mappings(r.Parameters), ResponseTemplates: r.Templates,
		})
	}
	for _, m := range d.Models {
		model, err := b.model(&m)
		if err != nil {
			return nil, nil, err
		}
		c.Models = append(c.Models, model)
	}
	return c, b.warnings, nil
}

// restBuilder is one deployment on its way to the content of an API.
type restBuilder struct {
	deployment *gateway.Deployment
	apiID      string
	resources  map[string]*restapi.Resource
	order      []string
	warnings   []string
}

// resource gives the resource of a path, with all those above it.
func (b *restBuilder) resource(path string) *restapi.Resource {
	path = "/" + strings.Trim(path, "/")
	if r := b.resources[path]; r != nil {
		return r
	}
	r := &restapi.Resource{ID: path, Path: path}
	if path != "/" {
		at := strings.LastIndex(path, "/")
		parent := b.resource(path[:at])
		r.ParentID, r.PathPart = parent.ID, path[at+1:]
	}
	b.resources[path] = r
	b.order = append(b.order, path)
	return r
}

func (b *restBuilder) method(r *gateway.Route) {
	resource := b.resource(r.Path)
	m := restapi.Method{
		HTTPMethod: r.Method, AuthorizationType: "NONE", APIKeyRequired: r.APIKeyRequired,
		OperationName: r.OperationName, RequestValidatorID: r.RequestValidator, RequestModels: r.RequestModels,
	}
	if a := r.Authorization; a != nil {
		m.AuthorizationType, m.AuthorizerID, m.AuthorizationScopes = a.Type, a.Authorizer, a.Scopes
	}
	for _, p := range r.Parameters {
		set(&m.RequestParameters, "method.request."+p.In+"."+p.Name, p.Required)
	}
	for _, response := range r.Responses {
		out := restapi.MethodResponse{StatusCode: response.StatusCode, ResponseModels: response.Models}
		for _, name := range response.Headers {
			set(&out.ResponseParameters, "method.response.header."+name, false)
		}
		set(&m.MethodResponses, response.StatusCode, out)
	}
	if r.Integration != nil {
		m.MethodIntegration = b.integration(r, resource)
	}
	if _, twice := resource.ResourceMethods[r.Method]; twice {
		b.warnings = append(b.warnings, fmt.Sprintf("The path '%s' is also written without its slash at the end, which is the same resource: the method '%s' is left out", r.Path, r.Method))
		return
	}
	set(&resource.ResourceMethods, r.Method, m)
}

func (b *restBuilder) integration(r *gateway.Route, resource *restapi.Resource) *restapi.Integration {
	in := r.Integration
	out := &restapi.Integration{
		Type: string(in.Type), HTTPMethod: in.HTTPMethod, URI: in.URI, ConnectionType: in.ConnectionType, ConnectionID: in.ConnectionID,
		Credentials: in.Credentials, RequestParameters: mappings(in.RequestParameters), RequestTemplates: in.RequestTemplates,
		PassthroughBehavior: in.PassthroughBehavior, ContentHandling: in.ContentHandling,
		TimeoutInMillis: cmp.Or(int(in.TimeoutMillis), defaultRESTTimeout), CacheNamespace: cmp.Or(in.CacheNamespace, resource.ID),
		CacheKeyParameters: in.CacheKeyParameters, ResponseTransferMode: in.ResponseTransferMode, IntegrationTarget: in.IntegrationTarget,
	}
	if in.TLS != nil {
		out.TLSConfig = &restapi.TLSConfig{InsecureSkipVerification: in.TLS.InsecureSkipVerification}
	}
	for _, response := range in.Responses {
		if _, twice := out.IntegrationResponses[response.StatusCode]; twice {
			b.warnings = append(b.warnings, fmt.Sprintf(
				"Two responses of the integration of resource '%s' and method '%s' are for status code '%s': an API has one for each, so that '%s' is left out",
				r.Path, r.Method, response.StatusCode, cmp.Or(response.SelectionPattern, defaultResponse)))
			continue
		}
		set(&out.IntegrationResponses, response.StatusCode, restapi.IntegrationResponse{
			StatusCode: response.StatusCode, SelectionPattern: response.SelectionPattern, ResponseParameters: mappings(response.ResponseParameters),
			ResponseTemplates: response.ResponseTemplates, ContentHandling: response.ContentHandling,
		})
	}
	return out
}

func set[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

func mappings(list []gateway.ParameterMapping) map[string]string {
	var out map[string]string
	for _, m := range list {
		set(&out, m.Target, m.Source)
	}
	return out
}

// restAuthTypes is what Amazon's service writes of authorizers whose documents say
// nothing else.
var restAuthTypes = map[string]string{"TOKEN": "custom", restAuthorizerRequest: "custom", gateway.CognitoAuthorizer: "cognito_user_pools"}

func restAuthorizer(a *gateway.Authorizer) restapi.Authorizer {
	return restapi.Authorizer{
		ID: a.Name, Name: a.Name, Type: a.Type, ProviderARNs: a.ProviderARNs, AuthType: cmp.Or(a.AuthType, restAuthTypes[a.Type]),
		AuthorizerURI: a.URI, AuthorizerCredentials: a.Credentials, IdentitySource: strings.Join(a.IdentitySources, ","),
		IdentityValidationExpression: a.ValidationExpression, AuthorizerResultTTLInSeconds: a.ResultTTLSeconds,
	}
}

// model gives a model as it is kept: references between models are URLs, and a schema
// says of which draft it is where that is not the one of models.
func (b *restBuilder) model(m *gateway.Model) (restapi.Model, error) {
	out := restapi.Model{ID: m.Name, Name: m.Name, ContentType: m.ContentType}
	tree, err := parseJSON(m.Schema)
	if err != nil {
		return out, &restapi.DocumentError{Text: fmt.Sprintf("the schema of the model %s cannot be kept: %v", m.Name, err)}
	}
	tree = rewriteReferences(tree, schema.InSchema, func(ref string) string { return b.modelURL(tree, ref) })
	switch whole := tree.(type) {
	case bool:
		tree = &object{}
		if !whole {
			tree.(*object).set("not", &object{})
		}
	case *object:
		if description, ok := whole.get("description").(string); ok {
			out.Description = description
		}
		if m.Dialect != "" && whole.get("$schema") == nil {
			tree = &object{members: append([]member{{"$schema", m.Dialect}}, whole.members...)}
		}
	}
	out.Schema = jsonText(tree)
	return out, nil
}

// modelURL gives a reference of a document as it is between models. One that leads to a
// part of the schema itself stays.
func (b *restBuilder) modelURL(schema any, ref string) string {
	here := "https://apigateway.amazonaws.com/restapis/" + b.apiID + "/models/"
	if at := modelURL.FindStringSubmatch(ref); at != nil {
		if at[2] != "" {
			return here + at[1] + "#" + at[2]
		}
		return here + at[1]
	}
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok || pointer == "" || has(schema, pointer) {
		return ref
	}
	for _, prefix := range []string{"/definitions/", "/components/schemas/"} {
		rest, ok := strings.CutPrefix(pointer, prefix)
		if !ok {
			continue
		}
		name, below, deeper := strings.Cut(rest, "/")
		if deeper {
			name += "#/" + below
		}
		return here + name
	}
	return ref
}

// has reports whether a JSON pointer leads somewhere.
func has(v any, pointer string) bool {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		o, ok := v.(*object)
		if !ok {
			return false
		}
		i := slices.IndexFunc(o.members, func(m member) bool { return m.key == token })
		if i < 0 {
			return false
		}
		v = o.members[i].value
	}
	return true
}

// checkSiblings refuses two variables under one resource, which Amazon's service has no
// way to choose between.
func checkSiblings(resources []restapi.Resource) error {
	variables := map[string]string{}
	for _, r := range resources {
		if !strings.HasPrefix(r.PathPart, "{") {
			continue
		}
		if first, taken := variables[r.ParentID]; taken {
			return &restapi.DocumentError{Text: fmt.Sprintf("Unable to create resource at path '%s': A sibling (%s) of this resource already has a variable path part -- only one is allowed", r.Path, first)}
		}
		variables[r.ParentID] = r.PathPart
	}
	return nil
}
