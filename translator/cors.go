package translator

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
)

// HTTP APIs answer preflight requests themselves, whatever routes there are, and
// replace the CORS headers of their backends.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html

// preflightRoutes answer OPTIONS requests that ask for permission: 204, with CORS
// headers when the origin is allowed.
func (c *stageCompiler) preflightRoutes() []*routev3.Route {
	cors := c.deployment.CORS
	if c.rest() || cors == nil {
		return nil
	}
	preflight := func() *routev3.RouteMatch {
		m := c.everythingMatch("OPTIONS")
		for _, name := range []string{"origin", "access-control-request-method"} {
			m.Headers = append(m.Headers, &routev3.HeaderMatcher{
				Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true},
			})
		}
		return m
	}
	no := c.newRoute("preflight", preflight())
	respond(no, 204, nil)
	if len(cors.AllowOrigins) == 0 {
		return []*routev3.Route{no}
	}
	allowed := preflight()
	allowed.Headers = append(allowed.Headers, headerMatcher("origin", originMatcher(cors)))
	yes := c.newRoute("preflight", allowed)
	respond(yes, 204, nil)
	yes.ResponseHeadersToAdd = append(yes.ResponseHeadersToAdd, allowHeaders(cors)...)
	add := func(name string, values []string) {
		if len(values) > 0 {
			yes.ResponseHeadersToAdd = append(yes.ResponseHeadersToAdd, setHeader(name, formatLiteral(strings.Join(values, ","))))
		}
	}
	add("access-control-allow-methods", cors.AllowMethods)
	add("access-control-allow-headers", cors.AllowHeaders)
	if cors.MaxAge != nil {
		add("access-control-max-age", []string{strconv.Itoa(*cors.MaxAge)})
	}
	return []*routev3.Route{yes, no}
}

// corsMissRoutes answer 404 to requests of allowed origins, in a way that their pages can
// read: Envoy's filter leaves alone what is answered without a backend.
func (c *stageCompiler) corsMissRoutes() []*routev3.Route {
	cors := c.deployment.CORS
	if cors == nil || len(cors.AllowOrigins) == 0 {
		return nil
	}
	match := c.everythingMatch("")
	match.Headers = append(match.Headers, headerMatcher("origin", originMatcher(cors)))
	route := c.newRoute("no route", match)
	replyJSON(route, 404, "Not Found", "")
	route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, allowHeaders(cors)...)
	return []*routev3.Route{route}
}

// allowHeaders tell an allowed origin so.
func allowHeaders(cors *gateway.CORS) []*corev3.HeaderValueOption {
	headers := []*corev3.HeaderValueOption{originHeader(cors)}
	if cors.AllowCredentials {
		headers = append(headers, setHeader("access-control-allow-credentials", "true"))
	}
	return headers
}

func anyOrigin(cors *gateway.CORS) bool { return slices.Contains(cors.AllowOrigins, "*") }

func originHeader(cors *gateway.CORS) *corev3.HeaderValueOption {
	if anyOrigin(cors) {
		return setHeader("access-control-allow-origin", "*")
	}
	return setHeader("access-control-allow-origin", "%REQ(ORIGIN)%")
}

// originMatcher matches the allowed origins; * in one stands for any text.
func originMatcher(cors *gateway.CORS) *envoymatcherv3.StringMatcher {
	var patterns []string
	for _, origin := range cors.AllowOrigins {
		patterns = append(patterns, strings.ReplaceAll(regexp.QuoteMeta(origin), `\*`, `.*`))
	}
	return regexMatcher(strings.Join(patterns, "|"))
}

// answerCORS adds the CORS headers of actual requests to a route.
func (c *stageCompiler) answerCORS(route *routev3.Route) {
	cors := c.deployment.CORS
	if c.rest() || cors == nil || len(cors.AllowOrigins) == 0 {
		return
	}
	route.ResponseHeadersToRemove = append(route.ResponseHeadersToRemove,
		"access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers",
		"access-control-allow-methods", "access-control-allow-headers", "access-control-max-age")
	if anyOrigin(cors) {
		// Envoy's filter would answer with the request's origin instead.
		route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, originHeader(cors))
		if len(cors.ExposeHeaders) > 0 {
			route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd,
				setHeader("access-control-expose-headers", formatLiteral(strings.Join(cors.ExposeHeaders, ","))))
		}
		return
	}
	route.TypedPerFilterConfig[filterCORS] = enabled(corsPolicy(cors))
}

// corsPolicy has Envoy's filter tell pages that they may read an answer.
func corsPolicy(cors *gateway.CORS) *corsv3.CorsPolicy {
	policy := &corsv3.CorsPolicy{
		AllowOriginStringMatch: []*envoymatcherv3.StringMatcher{originMatcher(cors)},
		ExposeHeaders:          strings.Join(cors.ExposeHeaders, ","),
	}
	if cors.AllowCredentials {
		policy.AllowCredentials = wrapperspb.Bool(true)
	}
	return policy
}

// answerPages has Envoy's filter answer the preflight requests of a route, too.
func answerPages(cors *gateway.CORS, route *routev3.Route) {
	if cors == nil {
		return
	}
	policy := corsPolicy(cors)
	policy.AllowMethods, policy.AllowHeaders = strings.Join(cors.AllowMethods, ","), strings.Join(cors.AllowHeaders, ",")
	if cors.MaxAge != nil {
		policy.MaxAge = strconv.Itoa(*cors.MaxAge)
	}
	route.TypedPerFilterConfig[filterCORS] = enabled(policy)
}
