package translator

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// To keep what a client asked for takes a filter, and with it a fourth of what telling about a
// request costs. A route needs none whose name tells, or that leaves the request as it is.

// tellAsked has a route say what clients ask for that come by it, where it can, and switches off
// the filter that keeps it.
func (c *stageCompiler) tellAsked(r *parsedRoute, route *routev3.Route) {
	// Envoy's own access log reads what the filter has kept, and so does the one that keeps keys.
	if !c.site.telemetry || c.site.accessLog || route.TypedPerFilterConfig[filterLoggedKey] != nil {
		return
	}
	asked, ok := c.askedBy(r, route)
	if !ok {
		return
	}
	logged := wire.ParseLoggedRoute(route.Name)
	logged.Asked = asked
	route.Name = logged.String()
	route.TypedPerFilterConfig[filterAsked] = switchedOff
}

// askedBy is what clients ask for whose requests a route takes; false where that differs from
// what is known at a request's end.
func (c *stageCompiler) askedBy(r *parsedRoute, route *routev3.Route) (wire.Asked, bool) {
	asked := wire.Asked{Host: c.site.host, Path: route.GetMatch().GetPath()}
	if strings.HasPrefix(asked.Host, "*") || changesUserAgent(r.Integration) {
		return wire.Asked{}, false
	}
	if asked.Path == "" && rewritesPath(route) {
		return wire.Asked{}, false
	}
	if r.Method != gateway.AnyMethod {
		asked.Method = r.Method
	} else if mapsRequest(route) {
		return wire.Asked{}, false
	}
	return asked, true
}

// changesUserAgent tells integrations before which the header is not the client's any more.
func changesUserAgent(in *gateway.Integration) bool {
	return in.Type == gateway.IntegrationHTTP || slices.ContainsFunc(in.RequestParameters, func(m gateway.ParameterMapping) bool {
		return strings.HasSuffix(strings.ToLower(m.Target), "header.user-agent")
	})
}

// rewritesPath tells routes whose requests may have another path when they end.
func rewritesPath(route *routev3.Route) bool {
	action := route.GetRoute()
	return mapsRequest(route) || action.GetPrefixRewrite() != "" || action.GetRegexRewrite() != nil || action.GetPathRewrite() != "" || action.GetPathRewritePolicy() != nil
}

// mapsRequest tells routes with a script that may change a request's method and path.
func mapsRequest(route *routev3.Route) bool { return route.TypedPerFilterConfig[filterMapping] != nil }
