package httpapi

import (
	"context"
	"net/http"
	"slices"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Protocols of APIs.
const (
	protocolHTTP      = "HTTP"
	protocolWebSocket = "WEBSOCKET"
)

// What Amazon gives members that are not set.
const (
	defaultRouteSelection  = "$request.method $request.path"
	defaultAPIKeySelection = "$request.header.x-api-key"
	authorizerKeySelection = "$context.authorizer.usageIdentifierKey"
	defaultIPAddressType   = "ipv4"
)

// apiMembers are what callers may set of an API; those of quick create are apart.
var (
	apiMembers = []string{
		"apiKeySelectionExpression", "corsConfiguration", "description", "disableSchemaValidation", "disableExecuteApiEndpoint",
		"ipAddressType", "name", "protocolType", "routeSelectionExpression", "tags", "version",
	}
	quickMembers = []string{"target", "routeKey", "credentialsArn"}
)

func (s *Service) apiOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetApis", Method: http.MethodGet, Path: "/v2/apis", Status: http.StatusOK, Do: s.getAPIs},
		{Name: "CreateApi", Method: http.MethodPost, Path: "/v2/apis", Status: http.StatusCreated, Do: s.createAPI},
		{Name: "GetApi", Method: http.MethodGet, Path: "/v2/apis/{apiId}", Status: http.StatusOK, Do: s.getAPI},
		{Name: "UpdateApi", Method: http.MethodPatch, Path: "/v2/apis/{apiId}", Status: http.StatusOK, Do: s.updateAPI},
		{Name: "DeleteApi", Method: http.MethodDelete, Path: "/v2/apis/{apiId}", Status: http.StatusNoContent, Do: s.deleteAPI},
		{Name: "DeleteCorsConfiguration", Method: http.MethodDelete, Path: "/v2/apis/{apiId}/cors", Status: http.StatusNoContent, Do: s.deleteCORS},
	}
}

func (s *Service) getAPIs(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[API], error) {
		return list(r, c, c.Region+"/apis/", func(a *API) bool {
			s.addEndpoint(a)
			return true
		})
	})
}

func (s *Service) getAPI(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*API, error) {
		api, err := getAPI(r, c)
		if err == nil {
			s.addEndpoint(api)
		}
		return api, err
	})
}

// addEndpoint says where an API is served, which is not kept: it changes when the
// gateway moves. Answers have tags even where there are none.
func (s *Service) addEndpoint(a *API) {
	if a.Tags == nil {
		a.Tags = map[string]string{}
	}
	scheme := "http"
	if a.ProtocolType == protocolWebSocket {
		scheme = "ws"
	}
	at := s.address()
	a.APIEndpoint = at.Scheme(scheme) + "://" + at.Host(a.APIID)
}

func (s *Service) createAPI(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, slices.Concat(apiMembers, quickMembers)...)
	if err != nil {
		return nil, err
	}
	api := API{
		APIKeySelectionExpression: defaultAPIKeySelection, IPAddressType: defaultIPAddressType,
		Tags: map[string]string{}, CreatedDate: s.timestamp(),
	}
	if err := in.into(&api); err != nil {
		return nil, err
	}
	quick, err := readQuick(in)
	if err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "name", "protocolType")
	if api.ProtocolType == protocolHTTP && api.RouteSelectionExpression == "" {
		api.RouteSelectionExpression = defaultRouteSelection
	}
	checkAPI(&p, &api, in)
	quick.check(&p, &api)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*API, error) {
		created := api
		created.APIID = restjson.NewID(apiIDLength)
		key := APIKeyOf(c.Region, created.APIID)
		if err := store.WriteDocument(tx, key, &created); err != nil {
			return nil, err
		}
		if quick.target != "" {
			if err := s.quickCreate(ctx, tx, key, &created, quick); err != nil {
				return nil, err
			}
		}
		s.addEndpoint(&created)
		return &created, nil
	})
}

func (s *Service) updateAPI(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, without(slices.Concat(apiMembers, quickMembers), "protocolType", "tags")...)
	if err != nil {
		return nil, err
	}
	quick, err := readQuick(in)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*API, error) {
		api, err := getAPI(tx, c)
		if err != nil {
			return nil, err
		}
		if err := in.into(api); err != nil {
			return nil, err
		}
		var p problems
		checkAPI(&p, api, in)
		if err := p.err(); err != nil {
			return nil, err
		}
		if err := store.WriteDocument(tx, apiKey(c), api); err != nil {
			return nil, err
		}
		if err := s.updateQuick(tx, apiKey(c), api, quick, in); err != nil {
			return nil, err
		}
		s.addEndpoint(api)
		return api, s.changed(ctx, tx, apiKey(c))
	})
}

func (s *Service) deleteAPI(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		if _, err := getAPI(tx, c); err != nil {
			return err
		}
		mapped, err := mappingOf(tx, c.Region, c.Params["apiId"], "")
		if err != nil {
			return err
		}
		if mapped != "" {
			return restjson.BadRequest("Deleting the API failed. Please remove all API mappings related to the API in your domains: %s", mapped)
		}
		tx.Delete(apiKey(c))
		tx.DeleteAll(apiKey(c) + "/")
		return nil
	})
}

func (s *Service) deleteCORS(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		api, err := getAPI(tx, c)
		if err != nil {
			return err
		}
		api.CorsConfiguration = nil
		if err := store.WriteDocument(tx, apiKey(c), api); err != nil {
			return err
		}
		return s.changed(ctx, tx, apiKey(c))
	})
}

// checkAPI checks an API. What only one protocol has is refused for the other when the
// call sets it.
func checkAPI(p *problems, a *API, in input) {
	if in.has("name") {
		p.length("name", a.Name, 1, 128)
	}
	p.length("description", a.Description, 0, 1024)
	p.length("version", a.Version, 0, 64)
	if in.has("protocolType") && a.ProtocolType == "" {
		a.ProtocolType = " " // An empty text is none of the protocols.
	}
	p.enum("protocolType", a.ProtocolType, protocolWebSocket, protocolHTTP)
	p.enum("ipAddressType", a.IPAddressType, "ipv4", "dualstack")
	p.tags(a.Tags)
	switch a.ProtocolType {
	case protocolHTTP:
		checkHTTPAPI(p, a)
	case protocolWebSocket:
		checkWebSocketAPI(p, a)
	}
}

func checkHTTPAPI(p *problems, a *API) {
	a.CorsConfiguration.settle()
	switch a.RouteSelectionExpression {
	case defaultRouteSelection, "${request.method} ${request.path}":
	default:
		p.add("Invalid routeSelectionExpression: an API with a protocol type of HTTP supports only ${request.method} ${request.path}")
	}
	if a.APIKeySelectionExpression != defaultAPIKeySelection {
		p.add("apiKeySelectionExpression is supported only for APIs with a protocol type of WEBSOCKET")
	}
	if a.DisableSchemaValidation {
		p.add("disableSchemaValidation is supported only for APIs with a protocol type of WEBSOCKET")
	}
	checkCORS(p, a.CorsConfiguration)
}

func checkWebSocketAPI(p *problems, a *API) {
	if a.RouteSelectionExpression == "" {
		p.add("routeSelectionExpression is required for APIs with a protocol type of WEBSOCKET")
	} else if e, err := gateway.ParseSelection(a.RouteSelectionExpression); err != nil {
		p.add("Invalid routeSelectionExpression: %v", err)
	} else if slices.ContainsFunc(e, func(part gateway.SelectionPart) bool {
		return part.Source != gateway.SelectText && part.Source != gateway.SelectRequestBody
	}) {
		p.add("Invalid routeSelectionExpression: messages have no more than $request.body to select a route by")
	}
	switch a.APIKeySelectionExpression {
	case defaultAPIKeySelection, authorizerKeySelection:
	default:
		p.add("Invalid apiKeySelectionExpression: must be %s or %s", defaultAPIKeySelection, authorizerKeySelection)
	}
	if a.CorsConfiguration != nil {
		p.add("corsConfiguration is supported only for APIs with a protocol type of HTTP")
	}
}
