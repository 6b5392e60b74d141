package openapi

import (
	"cmp"
	"fmt"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
)

// WebSocketContent gives what the management API keeps of a deployment of a WebSocket API.
// Until PlaceHTTP gives them others, routes have their keys as ids, authorizers their
// names.
func WebSocketContent(d *gateway.Deployment, apiID string) *httpapi.Content {
	key := "$request.header.x-api-key"
	if d.APIKeySource == gateway.APIKeyFromAuthorizer {
		key = "$context.authorizer.usageIdentifierKey"
	}
	c := &httpapi.Content{API: httpapi.API{
		APIID: apiID, Name: d.Title, Description: d.Description, Version: d.Version, ProtocolType: string(gateway.WebSocket),
		APIKeySelectionExpression: key, RouteSelectionExpression: d.RouteSelectionExpression,
	}}
	for i := range d.Routes {
		r := &d.Routes[i]
		route := httpapi.RouteContent{Route: httpapi.Route{
			RouteID: r.Key(), RouteKey: r.Key(), OperationName: r.OperationName, AuthorizationType: "NONE", APIKeyRequired: r.APIKeyRequired,
			RequestModels: r.RequestModels, ModelSelectionExpression: r.ModelSelectionExpression, RouteResponseSelectionExpression: r.ResponseSelectionExpression,
		}}
		if a := r.Authorization; a != nil {
			route.Route.AuthorizationType, route.Route.AuthorizerID = a.Type, a.Authorizer
		}
		if r.ResponseSelectionExpression != "" {
			route.Responses = []httpapi.RouteResponse{{RouteResponseID: gateway.DefaultRoute, RouteResponseKey: gateway.DefaultRoute}}
		}
		if in := r.Integration; in != nil {
			id := fmt.Sprintf("integration%d", len(c.Integrations)+1)
			route.Route.Target = "integrations/" + id
			c.Integrations = append(c.Integrations, messageIntegrationOf(in, id))
		}
		c.Routes = append(c.Routes, route)
	}
	for i := range d.Authorizers {
		c.Authorizers = append(c.Authorizers, httpAuthorizer(&d.Authorizers[i]))
	}
	for i := range d.Models {
		m := &d.Models[i]
		c.Models = append(c.Models, httpapi.Model{ModelID: m.Name, Name: m.Name, ContentType: cmp.Or(m.ContentType, "application/json"), Schema: m.Schema})
	}
	return c
}

func messageIntegrationOf(in *gateway.Integration, id string) httpapi.IntegrationContent {
	out := httpapi.IntegrationContent{Integration: httpIntegrationOf(in, id)}
	i := &out.Integration
	i.PassthroughBehavior, i.RequestTemplates = in.PassthroughBehavior, in.RequestTemplates
	i.TemplateSelectionExpression, i.IntegrationResponseSelectionExpression = in.TemplateSelectionExpression, in.ResponseSelectionExpression
	for _, r := range in.Responses {
		key := cmp.Or(r.SelectionPattern, gateway.DefaultRoute)
		out.Responses = append(out.Responses, httpapi.IntegrationResponse{
			IntegrationResponseID: fmt.Sprintf("response%d", len(out.Responses)+1), IntegrationResponseKey: key,
			ResponseTemplates: r.ResponseTemplates, ResponseParameters: mappings(r.ResponseParameters),
		})
	}
	return out
}
