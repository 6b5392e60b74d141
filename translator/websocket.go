package translator

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// A WebSocket API has two paths below its stage: the stage's own, where clients connect,
// and @connections, where backends send to them. Both lead to the integration service,
// over HTTP/1.1, which a WebSocket is an upgrade of.

// connectionsPath is the path of @connections, below the stage.
const connectionsPath = "/" + gateway.ConnectionsRoute + "/{connectionId}"

// webSocketSection compiles a stage of a WebSocket API.
func (c *stageCompiler) webSocketSection() section {
	connect := &gateway.Route{Path: gateway.ConnectRoute, Source: c.deployment.Source}
	for i := range c.deployment.Routes {
		if r := &c.deployment.Routes[i]; r.Key() == gateway.ConnectRoute {
			connect = r
		}
	}
	// Who may connect without one may not send to others by that.
	connections := &gateway.Route{
		Path: gateway.ConnectionsRoute, Source: c.deployment.Source,
		Authorization: &gateway.Authorization{Type: gateway.AuthorizationIAM, Source: c.deployment.Source},
	}
	refusal := c.newRoute("no route", c.everythingMatch(""))
	replyJSON(refusal, 403, "Forbidden", "")
	out := section{stop: stop{base: c.base, routes: []*routev3.Route{refusal}}}

	before := len(c.site.diags)
	parsed := &parsedRoute{Route: connect, settings: settingsOf(c.stage, connect)}
	c.checkAuthorization(parsed)
	var routes []*routev3.Route
	for _, path := range c.connectPaths() {
		match := c.routeMatch("")
		match.PathSpecifier = &routev3.RouteMatch_Path{Path: path}
		route := c.webSocketRoute(parsed, match)
		action := route.GetRoute()
		action.UpgradeConfigs = upgrades()
		action.IdleTimeout = withSlack(idleMillis(c.stage))
		routes = append(routes, route)
	}
	c.authorize(parsed, routes)
	out.candidates = append(out.candidates, candidate{base: c.base, looseSlash: true, routes: routes})

	template, err := gateway.ParsePath(connectionsPath)
	if err != nil {
		panic("translator: the path of @connections: " + err.Error()) // it is a constant
	}
	match := c.routeMatch("")
	match.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regexMatcher(c.pathPattern(template, false)).GetSafeRegex()}
	managed := &parsedRoute{Route: connections, template: template}
	route := c.webSocketRoute(managed, match)
	c.askService(managed, route)
	route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, "authorization", "x-amz-security-token")
	// What stands there for the id may be no path at all.
	route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, setHeader(wire.PathHeader, "%REQ(:PATH)%"))
	route.GetRoute().PathRewrite = "/"
	out.candidates = append(out.candidates, candidate{base: c.base, template: template, routes: []*routev3.Route{route}})
	if c.site.diags[before:].HasErrors() {
		out.candidates = nil
	}
	return out
}

func idleMillis(s *gateway.Stage) int64 {
	if s.IdleMillis > 0 {
		return s.IdleMillis
	}
	return gateway.DefaultIdleMillis
}

// connectPaths are where clients connect.
func (c *stageCompiler) connectPaths() []string {
	if c.base == "" {
		return []string{"/"}
	}
	return []string{c.base + "/", c.base}
}

// webSocketRoute leads to the integration service.
func (c *stageCompiler) webSocketRoute(r *parsedRoute, match *routev3.RouteMatch) *routev3.Route {
	route := c.newRoute(r.Key(), match)
	// The service has timeouts of its own for all that it waits for.
	c.toService(route, wire.WebSocketCluster, wire.ApartWebSocketCluster, millis(0))
	route.RequestHeadersToAdd = c.serviceHeaders(r)
	return route
}
