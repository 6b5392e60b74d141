package httpapi

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Types of authorization.
const (
	authorizationNone   = "NONE"
	authorizationIAM    = "AWS_IAM"
	authorizationCustom = "CUSTOM"
	authorizationJWT    = "JWT"
)

// targetPrefix begins the target of a route, which ends in the id of an integration.
const targetPrefix = "integrations/"

const maxScopes = 10

var routeMembers = []string{
	"apiKeyRequired", "authorizationScopes", "authorizationType", "authorizerId", "modelSelectionExpression", "operationName",
	"requestModels", "requestParameters", "routeKey", "routeResponseSelectionExpression", "target",
}

func (s *Service) routeOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/routes"
	return []restjson.Operation{
		{Name: "GetRoutes", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getRoutes},
		{Name: "CreateRoute", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createRoute},
		{Name: "GetRoute", Method: http.MethodGet, Path: path + "/{routeId}", Status: http.StatusOK, Do: s.getRoute},
		{Name: "UpdateRoute", Method: http.MethodPatch, Path: path + "/{routeId}", Status: http.StatusOK, Do: s.updateRoute},
		{Name: "DeleteRoute", Method: http.MethodDelete, Path: path + "/{routeId}", Status: http.StatusNoContent, Do: s.deleteRoute},
		{Name: "DeleteRouteRequestParameter", Method: http.MethodDelete, Path: path + "/{routeId}/requestparameters/{requestParameterKey}", Status: http.StatusNoContent, Do: s.deleteRouteRequestParameter},
	}
}

func routePart(r store.Reader, c *restjson.Call) (*API, *Route, error) {
	return part[Route](r, c, "/routes/", "Route", "routeId")
}

func (s *Service) getRoutes(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[Route], error) {
		if _, err := getAPI(r, c); err != nil {
			return nil, err
		}
		return list[Route](r, c, apiKey(c)+"/routes/", nil)
	})
}

func (s *Service) getRoute(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Route, error) {
		_, route, err := routePart(r, c)
		return route, err
	})
}

func (s *Service) createRoute(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, routeMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Route, error) {
		api, err := getAPI(tx, c)
		if err != nil {
			return nil, err
		}
		route := &Route{AuthorizationType: authorizationNone, RouteID: restjson.NewID(partIDLength)}
		if err := in.into(route); err != nil {
			return nil, err
		}
		if err := checkRoute(tx, apiKey(c), api, route, in); err != nil {
			return nil, err
		}
		if err := store.WriteDocument(tx, apiKey(c)+"/routes/"+route.RouteID, route); err != nil {
			return nil, err
		}
		return route, s.changed(ctx, tx, apiKey(c))
	})
}

func (s *Service) updateRoute(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, routeMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Route, error) {
		api, route, err := routePart(tx, c)
		if err != nil {
			return nil, err
		}
		key := route.RouteKey
		in.fresh(&route.RequestModels, "requestModels")
		if err := in.into(route); err != nil {
			return nil, err
		}
		if route.APIGatewayManaged && route.RouteKey != key {
			return nil, restjson.BadRequest("The key of a route that API Gateway manages can be updated by UpdateApi only")
		}
		if route.AuthorizationType == authorizationNone && !in.has("authorizerId") {
			route.AuthorizerID = ""
		}
		if route.AuthorizationType != authorizationJWT && !in.has("authorizationScopes") {
			route.AuthorizationScopes = nil
		}
		if err := checkRoute(tx, apiKey(c), api, route, in); err != nil {
			return nil, err
		}
		if err := store.WriteDocument(tx, apiKey(c)+"/routes/"+route.RouteID, route); err != nil {
			return nil, err
		}
		return route, s.changed(ctx, tx, apiKey(c))
	})
}

func (s *Service) deleteRoute(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, route, err := routePart(tx, c)
		if err != nil {
			return err
		}
		key := apiKey(c) + "/routes/" + route.RouteID
		tx.Delete(key)
		tx.DeleteAll(key + "/")
		if err := dropRouteSettings(tx, apiKey(c), route.RouteKey); err != nil {
			return err
		}
		return s.changed(ctx, tx, apiKey(c))
	})
}

func (s *Service) deleteRouteRequestParameter(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, route, err := routePart(tx, c)
		if err != nil {
			return err
		}
		name := c.Params["requestParameterKey"]
		if _, ok := route.RequestParameters[name]; !ok {
			return notFound("RequestParameter", "Invalid parameter name specified")
		}
		delete(route.RequestParameters, name)
		if err := store.WriteDocument(tx, apiKey(c)+"/routes/"+route.RouteID, route); err != nil {
			return err
		}
		return s.changed(ctx, tx, apiKey(c))
	})
}

// checkRoute checks a route, and that what it refers to is there.
func checkRoute(r store.Reader, key string, a *API, route *Route, in input) error {
	var p problems
	if route.RouteKey == "" {
		p.constraint("null", "routeKey", "Member must not be null")
	} else {
		checkRouteKey(&p, a.ProtocolType, route.RouteKey)
	}
	p.length("operationName", route.OperationName, 0, 64)
	p.enum("authorizationType", route.AuthorizationType, authorizationNone, authorizationIAM, authorizationCustom, authorizationJWT)
	checkProtocolOfRoute(&p, a, route)
	if len(route.AuthorizationScopes) > 0 && route.AuthorizationType != authorizationJWT {
		p.add("authorizationScopes are supported only for an authorization type of JWT")
	}
	if n := len(route.AuthorizationScopes); n > maxScopes {
		p.add("The number of authorization scopes %d exceeds the limit of %d", n, maxScopes)
	}
	if err := p.err(); err != nil {
		return err
	}
	if err := checkRouteReferences(r, key, route); err != nil {
		return err
	}
	if !in.has("routeKey") {
		return nil
	}
	routes, err := store.ReadDocuments[Route](r, key+"/routes/")
	if err != nil {
		return err
	}
	for _, other := range routes {
		if other.RouteKey == route.RouteKey && other.RouteID != route.RouteID {
			return restjson.Conflict("Route with key %s already exists for this API", route.RouteKey)
		}
	}
	return nil
}

// requestParameterName is what parameters of a WebSocket route are named.
var requestParameterName = regexp.MustCompile(`^route\.request\.(header|querystring|multivalueheader|multivaluequerystring)\.[A-Za-z0-9._$-]+$`)

// checkProtocolOfRoute refuses what routes of the API's protocol don't have.
func checkProtocolOfRoute(p *problems, a *API, route *Route) {
	if a.ProtocolType == protocolHTTP {
		for _, member := range []struct {
			name string
			set  bool
		}{
			{"apiKeyRequired", route.APIKeyRequired},
			{"modelSelectionExpression", route.ModelSelectionExpression != ""},
			{"requestModels", len(route.RequestModels) > 0},
			{"requestParameters", len(route.RequestParameters) > 0},
			{"routeResponseSelectionExpression", route.RouteResponseSelectionExpression != ""},
		} {
			if member.set {
				p.add("%s is supported only for APIs with a protocol type of WEBSOCKET", member.name)
			}
		}
		return
	}
	if route.AuthorizationType == authorizationJWT {
		p.add("An authorization type of JWT is supported only for APIs with a protocol type of HTTP")
	}
	if route.RouteKey != "$connect" && route.AuthorizationType != authorizationNone && route.AuthorizationType != "" {
		p.add("Currently, authorization is restricted to the $connect route only")
	}
	for name := range route.RequestParameters {
		if !requestParameterName.MatchString(name) {
			p.add("Invalid request parameter %s: must be route.request.querystring.NAME or route.request.header.NAME", shorten(name))
		}
	}
	slices.Sort(p.others)
	for member, expression := range map[string]string{
		"modelSelectionExpression": route.ModelSelectionExpression, "routeResponseSelectionExpression": route.RouteResponseSelectionExpression,
	} {
		checkSelection(p, member, expression)
	}
}

// checkSelection checks an expression of a WebSocket API, unless it is empty. Keys that
// begin with a dollar sign, such as $default, select what has that key.
func checkSelection(p *problems, member, expression string) {
	if expression == "" || expression == "$default" {
		return
	}
	if _, err := gateway.ParseSelection(expression); err != nil {
		p.add("Invalid %s: %v", member, err)
	}
}

// checkRouteReferences checks that a route's integration, authorizer and models are
// there.
func checkRouteReferences(r store.Reader, key string, route *Route) error {
	if route.Target != "" {
		id, ok := strings.CutPrefix(route.Target, targetPrefix)
		if !ok || id == "" || strings.Contains(id, "/") {
			return restjson.BadRequest("Invalid target specified: %s. Target must be of the form integrations/{integration-id}", shorten(route.Target))
		}
		if _, err := get[Integration](r, key+"/integrations/"+id, restjson.BadRequest("Invalid Integration identifier specified: %s", shorten(id))); err != nil {
			return err
		}
	}
	for contentType, name := range route.RequestModels {
		if err := checkModelName(r, key, contentType, name); err != nil {
			return err
		}
	}
	return checkAuthorization(r, key, route)
}

func checkAuthorization(r store.Reader, key string, route *Route) error {
	var invalid error
	wanted := ""
	switch route.AuthorizationType {
	case authorizationCustom:
		wanted = authorizerRequest
		invalid = restjson.BadRequest("Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.")
	case authorizationJWT:
		wanted = authorizerJWT
		invalid = restjson.BadRequest("Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer.")
	default:
		if route.AuthorizerID != "" {
			return restjson.BadRequest("authorizerId is supported only for an authorization type of CUSTOM or JWT")
		}
		return nil
	}
	if route.AuthorizerID == "" {
		return invalid
	}
	authorizer, err := get[Authorizer](r, key+"/authorizers/"+route.AuthorizerID, invalid)
	if err != nil {
		return err
	}
	if authorizer.AuthorizerType != wanted {
		return invalid
	}
	return nil
}

// routeMethods are what the key of a HTTP route can begin with.
var routeMethods = []string{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// checkRouteKey checks the key of a route.
func checkRouteKey(p *problems, protocol, key string) {
	if protocol == protocolWebSocket {
		checkMessageKey(p, key)
		return
	}
	if key == defaultRoute {
		return
	}
	method, path, ok := strings.Cut(key, " ")
	if !ok || !slices.Contains(routeMethods, method) || !strings.HasPrefix(path, "/") {
		p.add(`The provided route key is not formatted properly for HTTP protocol. Format should be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"`)
		return
	}
	if _, err := gateway.ParsePath(path); err != nil {
		p.add("The provided route key is not formatted properly for HTTP protocol: %v", err)
	}
}

// checkMessageKey checks the key of a route of a WebSocket API.
func checkMessageKey(p *problems, key string) {
	p.length("routeKey", key, 1, 128)
	switch {
	case strings.HasPrefix(key, "$") && key != "$connect" && key != "$disconnect" && key != defaultRoute:
		p.add("Invalid route key %s: must be $connect, $disconnect, $default or a key that does not begin with $", shorten(key))
	case strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		p.add("Invalid route key: it has characters that are not allowed")
	}
}
