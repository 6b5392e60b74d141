package translator

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	bodysizev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/body_size_limit/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
)

// routes translates a route: one Envoy route for each form of its path, preceded by
// the replies that its conditions ask for. It is empty when something is wrong with
// the route, which diagnostics then tell.
func (c *stageCompiler) routes(r *parsedRoute) []*routev3.Route {
	before := len(c.site.diags)
	c.checkRoute(r)
	var out []*routev3.Route
	for _, match := range c.pathMatches(r) {
		out = append(out, c.routesFor(r, match)...)
	}
	if r.Integration != nil && !c.servedByService(r) && c.mappingsNameNetworks(r.Integration) {
		for _, route := range out {
			c.readNetworks(route)
		}
	}
	c.authorize(r, out)
	c.customBodyRefusals(out)
	for _, route := range out {
		c.tellAsked(r, route)
	}
	if c.site.diags[before:].HasErrors() {
		return nil
	}
	return out
}

func (c *stageCompiler) routesFor(r *parsedRoute, match *routev3.RouteMatch) []*routev3.Route {
	if r.Integration == nil {
		return nil // Validate and checkRoute report it.
	}
	if c.servedByService(r) {
		return c.validated(r, []*routev3.Route{c.integrated(r, match)})
	}
	switch r.Integration.Type {
	case gateway.IntegrationMock:
		return c.validated(r, c.mockRoutes(r, match))
	case gateway.IntegrationHTTP, gateway.IntegrationHTTPProxy:
		route := c.newRoute(r.Key(), match)
		if !c.proxy(r, route) {
			return nil
		}
		routes := []*routev3.Route{route}
		if r.Integration.Type == gateway.IntegrationHTTP && refusesOtherTypes(r.Integration) {
			routes = []*routev3.Route{c.unsupportedMediaRoute(r, match), route}
		}
		return c.validated(r, routes)
	}
	return nil // checkRoute reports the others.
}

// limitBody bounds the request body of a route that reads it.
func (c *stageCompiler) limitBody(r *parsedRoute, route *routev3.Route, extra *[]extraFilter) {
	limit := int64(defaultMaxRequestBytes)
	if r.settings.MaxRequestBytes != nil {
		limit = *r.settings.MaxRequestBytes
	}
	switch {
	case limit == 0:
	case limit == defaultMaxRequestBytes && len(*extra) == 0:
		route.TypedPerFilterConfig[filterBodyLimit] = enabled(nil)
	default:
		*extra = append(*extra, extraFilter{bodyLimitName, &bodysizev3.BodySizeLimit{MaxRequestBytes: wrapperspb.UInt64(uint64(limit))}})
	}
}

// BodyLimits are how many bytes the body of a route's requests may have, by where that is
// looked at: before who calls, with a signature, with a model, and last of all. 0 is for any
// number.
type BodyLimits struct{ First, Signed, Validated, Last uint64 }

// BodyLimitsOf reads the limits of a route, which may have the first from its host.
func BodyLimitsOf(host *routev3.VirtualHost, route *routev3.Route) (l BodyLimits) {
	configs := route.GetTypedPerFilterConfig()
	first := configs[filterBodyLimit]
	if first == nil {
		first = host.GetTypedPerFilterConfig()[filterBodyLimit]
	}
	if first != nil && !proto.Equal(first, switchedOff) {
		l.First = defaultMaxRequestBytes
	}
	check := &extauthzv3.ExtAuthzPerRoute{}
	if readEnabled(configs[filterAuthorization], check) {
		l.Signed = uint64(check.GetCheckSettings().GetWithRequestBody().GetMaxRequestBytes())
	}
	if readEnabled(configs[filterValidation], check) {
		l.Validated = uint64(check.GetCheckSettings().GetWithRequestBody().GetMaxRequestBytes())
	}
	chain, limit := &filterchainv3.FilterChainConfigPerRoute{}, &bodysizev3.BodySizeLimit{}
	if !readEnabled(configs[filterExtra], chain) {
		return l
	}
	for _, f := range chain.GetFilterChain().GetFilters() {
		if f.GetName() == bodyLimitName && f.GetTypedConfig().UnmarshalTo(limit) == nil {
			l.Last = limit.GetMaxRequestBytes().GetValue()
		}
	}
	return l
}

// bodyLimitName is what the limit is called in a route's own chain.
const bodyLimitName = "body-limit"

// setExtra gives a route a chain of its own.
func setExtra(route *routev3.Route, extra []extraFilter) {
	if len(extra) == 0 {
		return
	}
	chain := &filterchainv3.FilterChain{}
	for _, f := range extra {
		chain.Filters = append(chain.Filters, &corev3.TypedExtensionConfig{Name: f.name, TypedConfig: anyOf(f.config)})
	}
	route.TypedPerFilterConfig[filterExtra] = enabled(&filterchainv3.FilterChainConfigPerRoute{FilterChain: chain})
}

// An extraFilter is a filter of a route's own chain.
type extraFilter struct {
	name   string
	config proto.Message
}
