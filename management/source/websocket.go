package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gatehouse/gateway"
	"gatehouse/management/httpapi"
)

// What a file of Gatehouse's own says about a WebSocket API.
type (
	nativeWebSocket struct {
		RouteSelectionExpression  string                     `json:"routeSelectionExpression"`
		APIKeySelectionExpression string                     `json:"apiKeySelectionExpression,omitempty"`
		Authorizers               []nativeAuthorizer         `json:"authorizers,omitempty"`
		Models                    map[string]json.RawMessage `json:"models,omitempty"`
		Routes                    map[string]nativeMessage   `json:"routes"`
	}
	nativeAuthorizer struct {
		Name           string   `json:"name"`
		URI            string   `json:"uri"`
		IdentitySource []string `json:"identitySource,omitempty"`
	}
	nativeMessage struct {
		OperationName                    string             `json:"operationName,omitempty"`
		AuthorizationType                string             `json:"authorizationType,omitempty"`
		Authorizer                       string             `json:"authorizer,omitempty"`
		APIKeyRequired                   bool               `json:"apiKeyRequired,omitempty"`
		RouteResponseSelectionExpression string             `json:"routeResponseSelectionExpression,omitempty"`
		RequestModels                    map[string]string  `json:"requestModels,omitempty"`
		ModelSelectionExpression         string             `json:"modelSelectionExpression,omitempty"`
		Integration                      *nativeIntegration `json:"integration,omitempty"`
	}
	nativeIntegration struct {
		Type                        string                    `json:"type"`
		URI                         string                    `json:"uri,omitempty"`
		HTTPMethod                  string                    `json:"httpMethod,omitempty"`
		Credentials                 string                    `json:"credentials,omitempty"`
		ConnectionType              string                    `json:"connectionType,omitempty"`
		ConnectionID                string                    `json:"connectionId,omitempty"`
		Timeout                     string                    `json:"timeout,omitempty"`
		PassthroughBehavior         string                    `json:"passthroughBehavior,omitempty"`
		TemplateSelectionExpression string                    `json:"templateSelectionExpression,omitempty"`
		RequestTemplates            map[string]string         `json:"requestTemplates,omitempty"`
		RequestParameters           map[string]string         `json:"requestParameters,omitempty"`
		ResponseSelectionExpression string                    `json:"responseSelectionExpression,omitempty"`
		Responses                   map[string]nativeResponse `json:"responses,omitempty"`
	}
	nativeResponse struct {
		ResponseTemplates map[string]string `json:"responseTemplates,omitempty"`
	}
)

// webSocketFile writes a WebSocket API, of which there are no OpenAPI documents.
func webSocketFile(c *httpapi.Content) ([]byte, error) {
	out := nativeWebSocket{
		RouteSelectionExpression: c.API.RouteSelectionExpression, APIKeySelectionExpression: c.API.APIKeySelectionExpression,
		Routes: map[string]nativeMessage{},
	}
	used := map[string]bool{}
	for _, r := range c.Routes {
		for _, name := range r.Route.RequestModels {
			used[name] = true
		}
	}
	for _, m := range c.Models {
		// Those that no message is held to may be anything.
		if used[m.Name] && json.Valid([]byte(m.Schema)) {
			if out.Models == nil {
				out.Models = map[string]json.RawMessage{}
			}
			out.Models[m.Name] = json.RawMessage(m.Schema)
		}
	}
	names := map[string]string{}
	for _, a := range c.Authorizers {
		names[a.AuthorizerID] = a.Name
		out.Authorizers = append(out.Authorizers, nativeAuthorizer{Name: a.Name, URI: a.AuthorizerURI, IdentitySource: a.IdentitySource})
	}
	integrations := map[string]*httpapi.IntegrationContent{}
	for i := range c.Integrations {
		integrations["integrations/"+c.Integrations[i].Integration.IntegrationID] = &c.Integrations[i]
	}
	for _, r := range c.Routes {
		message, err := messageOf(&r, names, integrations)
		if err != nil {
			return nil, fmt.Errorf("the route %s: %w", r.Route.RouteKey, err)
		}
		out.Routes[r.Route.RouteKey] = message
	}
	return json.Marshal(out)
}

func messageOf(c *httpapi.RouteContent, authorizers map[string]string, integrations map[string]*httpapi.IntegrationContent) (nativeMessage, error) {
	r := &c.Route
	out := nativeMessage{OperationName: r.OperationName}
	// An answer is sent back only if there is a response, too, as on AWS.
	if slices.ContainsFunc(c.Responses, func(response httpapi.RouteResponse) bool {
		return response.RouteResponseKey == gateway.DefaultRoute
	}) {
		out.RouteResponseSelectionExpression = r.RouteResponseSelectionExpression
	}
	if r.RouteKey != gateway.ConnectRoute && r.RouteKey != gateway.DisconnectRoute && len(r.RequestModels) > 0 {
		out.RequestModels = r.RequestModels
		// $default selects nothing else than what there is without an expression.
		if r.ModelSelectionExpression != gateway.DefaultRoute {
			out.ModelSelectionExpression = r.ModelSelectionExpression
		}
	}
	if r.RouteKey == gateway.ConnectRoute {
		// Only who connects is asked who they are.
		out.APIKeyRequired = r.APIKeyRequired
		if r.AuthorizationType != "NONE" {
			out.AuthorizationType = r.AuthorizationType
		}
		if r.AuthorizationType == gateway.AuthorizationLambda {
			if out.Authorizer = authorizers[r.AuthorizerID]; out.Authorizer == "" {
				return out, fmt.Errorf("there is no authorizer %s", r.AuthorizerID)
			}
		}
	}
	if r.Target == "" {
		return out, nil
	}
	in := integrations[r.Target]
	if in == nil {
		return out, fmt.Errorf("there is no integration %s", r.Target)
	}
	integration, err := messageIntegration(in)
	out.Integration = integration
	return out, err
}

var errContentHandling = errors.New("contentHandlingStrategy is not supported by Gatehouse: what WebSocket APIs pass on is text")

// messageIntegration writes what has an effect for the type of the integration: what has
// none would be refused in a file.
func messageIntegration(c *httpapi.IntegrationContent) (*nativeIntegration, error) {
	in := &c.Integration
	for _, r := range c.Responses {
		if r.ContentHandlingStrategy != "" {
			return nil, errContentHandling
		}
	}
	if in.ContentHandlingStrategy != "" {
		return nil, errContentHandling
	}
	out := &nativeIntegration{Type: in.IntegrationType, URI: in.IntegrationURI}
	if in.TimeoutInMillis > 0 {
		out.Timeout = strconv.Itoa(in.TimeoutInMillis) + "ms"
	}
	isHTTP := in.IntegrationType == string(gateway.IntegrationHTTP) || in.IntegrationType == string(gateway.IntegrationHTTPProxy)
	if isHTTP || in.IntegrationType == string(gateway.IntegrationAWS) {
		out.HTTPMethod = in.IntegrationMethod
	}
	if isHTTP && in.ConnectionType == gateway.ConnectionVPCLink {
		out.ConnectionType, out.ConnectionID = in.ConnectionType, in.ConnectionID
	}
	if in.IntegrationType == string(gateway.IntegrationAWS) || in.IntegrationType == string(gateway.IntegrationAWSProxy) {
		out.Credentials = in.CredentialsARN
	}
	if isHTTP || in.IntegrationType == string(gateway.IntegrationAWS) {
		out.RequestParameters = in.RequestParameters
	}
	if in.IntegrationType == string(gateway.IntegrationMock) {
		out.URI = ""
	}
	if in.IntegrationType == string(gateway.IntegrationHTTPProxy) || in.IntegrationType == string(gateway.IntegrationAWSProxy) {
		return out, nil
	}
	out.PassthroughBehavior, out.RequestTemplates = in.PassthroughBehavior, in.RequestTemplates
	out.TemplateSelectionExpression, out.ResponseSelectionExpression = in.TemplateSelectionExpression, in.IntegrationResponseSelectionExpression
	for _, r := range c.Responses {
		if out.Responses == nil {
			out.Responses = map[string]nativeResponse{}
		}
		out.Responses[r.IntegrationResponseKey] = nativeResponse{ResponseTemplates: r.ResponseTemplates}
	}
	return out, nil
}
