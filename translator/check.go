package translator

import (
	"cmp"
	"slices"

	"gatehouse/gateway"
)

// What a definition asks for and the gateway does not do yet is refused where its
// neglect would change behaviour or security, and named at its line in any case.

// checkDeployment looks at what concerns the whole API.
func (c *stageCompiler) checkDeployment() {
	c.checkGatewayResponses()
}

// checkRoute looks at one route.
func (c *stageCompiler) checkRoute(r *parsedRoute) {
	c.checkAuthorization(r)
	in := r.Integration
	if in == nil {
		c.errorf("missing-integration", r.Source, "add x-amazon-apigateway-integration, or a backend: for the API", "No integration defined for method %s", r.Key())
		return
	}
	c.checkIntegrationHeaders(in)
	if c.servedByService(r) {
		c.checkServed(r)
		return
	}
	if in.Type == gateway.IntegrationHTTP || in.Type == gateway.IntegrationHTTPProxy {
		c.checkPlaceholders(r)
	}
}

// checkAuthorization makes sure that somebody enforces what a route asks for.
func (c *stageCompiler) checkAuthorization(r *parsedRoute) {
	if r.APIKeyRequired && c.deployment.APIKeySource == gateway.APIKeyFromAuthorizer && (r.Authorization == nil || r.Authorization.Type != gateway.AuthorizationLambda) {
		c.errorf("conflicting-authorization", r.Source, "give the method a Lambda authorizer, or take the key from the header",
			"%s asks for an API key from its authorizer, and has no Lambda authorizer", r.Key())
	}
	a := r.Authorization
	if a == nil {
		return
	}
	switch a.Type {
	case gateway.AuthorizationIAM, gateway.AuthorizationLambda, gateway.AuthorizationUserPool, gateway.AuthorizationJWT:
	default:
		c.errorf("unsupported-authorizer", cmp.Or(a.Source, r.Source), "", "%s asks for %s authorization, which would not be enforced", r.Key(), a.Type)
	}
	if a.Type != gateway.AuthorizationIAM && c.deployment.Authorizer(a.Authorizer) == nil {
		c.errorf("unsupported-authorizer", cmp.Or(a.Source, r.Source), "", "%s asks for the authorizer %q, which is not defined", r.Key(), a.Authorizer)
	}
}

// checkPlaceholders makes sure that something fills every {name} of the URI.
func (c *stageCompiler) checkPlaceholders(r *parsedRoute) {
	resolved, _ := gateway.ResolveStageVariables(r.Integration.URI, c.variables)
	uri, err := gateway.ParseEndpointURI(resolved)
	if err != nil {
		return // integrationURI reports it.
	}
	for _, name := range append(gateway.Placeholders(uri.Path), gateway.Placeholders(uri.Query)...) {
		mapped := slices.ContainsFunc(r.Integration.RequestParameters, func(m gateway.ParameterMapping) bool {
			return m.Target == "integration.request.path."+name
		})
		variable := pathSource(r.Integration, name)
		switch {
		case mapped && variable == "":
		case !slices.Contains(r.template.Variables(), variable):
			c.errorf("unmapped-uri-parameter", r.Integration.URISource,
				"name it in the path of the route, or add an integration.request.path."+name+" mapping",
				"nothing fills {%s} of the integration URI", name)
		}
	}
}
