package openapi

import (
	"cmp"
	"fmt"
	"slices"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
)

// ImportHTTP reads a document into an HTTP API. What has no effect in one is told as
// info, what may be a mistake as warnings.
func ImportHTTP(data []byte, opts Import) (c *httpapi.Content, info, warnings []string, err error) {
	read, err := readDocument(data, gateway.HTTP, opts)
	if err != nil {
		return nil, nil, nil, err
	}
	c = HTTPContent(read.deployment, opts.APIID)
	if opts.NewID != nil {
		PlaceHTTP(nil, c, opts.NewID)
	}
	return c, read.info, read.warnings, nil
}

// HTTPContent gives what the management API keeps of a deployment of an HTTP API. Until
// PlaceHTTP gives them others, routes have their keys as ids, authorizers their names.
func HTTPContent(d *gateway.Deployment, apiID string) *httpapi.Content {
	c := &httpapi.Content{API: httpapi.API{
		APIID: apiID, Name: d.Title, Description: d.Description, Version: d.Version, ProtocolType: string(gateway.HTTP), Tags: d.Tags,
		APIKeySelectionExpression: "$request.header.x-api-key", RouteSelectionExpression: "$request.method $request.path",
		DisableExecuteAPIEndpoint: d.DisableExecuteAPIEndpoint,
	}}
	if d.CORS != nil {
		c.API.CorsConfiguration = &httpapi.Cors{
			AllowCredentials: d.CORS.AllowCredentials, AllowHeaders: d.CORS.AllowHeaders, AllowMethods: d.CORS.AllowMethods,
			AllowOrigins: d.CORS.AllowOrigins, ExposeHeaders: d.CORS.ExposeHeaders, MaxAge: d.CORS.MaxAge,
		}
	}
	// Operations that refer to one integration share it: it is written in one place.
	written := map[gateway.Position]string{}
	for i := range d.Routes {
		r := &d.Routes[i]
		route := httpapi.Route{RouteID: r.Key(), RouteKey: r.Key(), OperationName: r.OperationName, AuthorizationType: "NONE"}
		if a := r.Authorization; a != nil {
			route.AuthorizationType, route.AuthorizerID, route.AuthorizationScopes = a.Type, a.Authorizer, a.Scopes
		}
		if in := r.Integration; in != nil {
			id := written[in.Source]
			if id == "" || in.Source.IsZero() {
				id = fmt.Sprintf("integration%d", len(c.Integrations)+1)
				written[in.Source] = id
				c.Integrations = append(c.Integrations, httpapi.IntegrationContent{Integration: httpIntegrationOf(in, id)})
			}
			route.Target = "integrations/" + id
		}
		c.Routes = append(c.Routes, httpapi.RouteContent{Route: route})
	}
	for _, a := range d.Authorizers {
		c.Authorizers = append(c.Authorizers, httpAuthorizer(&a))
	}
	return c
}

func httpIntegrationOf(in *gateway.Integration, id string) httpapi.Integration {
	out := httpapi.Integration{
		IntegrationID: id, IntegrationType: string(in.Type), IntegrationMethod: in.HTTPMethod, IntegrationURI: in.URI, IntegrationSubtype: in.Subtype,
		ConnectionType: cmp.Or(in.ConnectionType, gateway.ConnectionInternet), CredentialsARN: in.Credentials, PayloadFormatVersion: in.PayloadFormatVersion,
		RequestParameters: mappings(in.RequestParameters), TimeoutInMillis: cmp.Or(int(in.TimeoutMillis), defaultHTTPTimeout),
	}
	if in.ConnectionType == gateway.ConnectionVPCLink {
		out.ConnectionID = in.ConnectionID
	}
	for _, m := range in.ResponseParameters {
		set(&out.ResponseParameters, m.StatusCode, mappings(m.Mappings))
	}
	if in.TLS != nil && in.TLS.ServerNameToVerify != "" {
		out.TLSConfig = &httpapi.TLSConfig{ServerNameToVerify: in.TLS.ServerNameToVerify}
	}
	return out
}

func httpAuthorizer(a *gateway.Authorizer) httpapi.Authorizer {
	out := httpapi.Authorizer{
		AuthorizerID: a.Name, Name: a.Name, AuthorizerType: a.Type, AuthorizerURI: a.URI, AuthorizerCredentialsARN: a.Credentials,
		AuthorizerPayloadFormatVersion: a.PayloadVersion, EnableSimpleResponses: a.SimpleResponses,
		AuthorizerResultTTLInSeconds: a.ResultTTLSeconds, IdentitySource: a.IdentitySources,
	}
	if a.Type == gateway.JWTAuthorizer {
		out.JWTConfiguration = &httpapi.JWTConfiguration{Issuer: a.JWTIssuer, Audience: a.JWTAudience}
	}
	return out
}

// httpIDLength is that of routes and integrations.
const httpIDLength = 7

// PlaceHTTP gives everything in new content an id: that of what is in its place in the
// existing content, which may be nil, else a new one.
func PlaceHTTP(existing, c *httpapi.Content, newID func(int) string) {
	if existing == nil {
		existing = &httpapi.Content{}
	}
	routes := idsBy(existing.Routes, func(r httpapi.RouteContent) (string, string) { return r.Route.RouteKey, r.Route.RouteID })
	authorizers := idsBy(existing.Authorizers, func(a httpapi.Authorizer) (string, string) { return a.Name, a.AuthorizerID })
	targets := idsBy(existing.Routes, func(r httpapi.RouteContent) (string, string) { return r.Route.RouteKey, integrationOf(&r.Route) })
	named := map[string]string{}
	for i := range c.Authorizers {
		a := &c.Authorizers[i]
		id := authorizers.of(a.Name, idLength, newID)
		named[a.AuthorizerID], a.AuthorizerID = id, id
	}
	placed, taken := map[string]string{}, map[string]bool{}
	for i := range c.Routes {
		r := &c.Routes[i].Route
		r.RouteID = routes.of(r.RouteKey, httpIDLength, newID)
		r.AuthorizerID = named[r.AuthorizerID]
		id := integrationOf(r)
		if id == "" {
			continue
		}
		if placed[id] == "" {
			// The integration of the route that was there before is changed, not replaced.
			now := targets[r.RouteKey]
			if now == "" || taken[now] {
				now = newID(httpIDLength)
			}
			placed[id], taken[now] = now, true
		}
		r.Target = "integrations/" + placed[id]
	}
	for i := range c.Integrations {
		in := &c.Integrations[i].Integration
		in.IntegrationID = placed[in.IntegrationID]
	}
	c.Integrations = slices.DeleteFunc(c.Integrations, func(in httpapi.IntegrationContent) bool { return in.Integration.IntegrationID == "" })
}
