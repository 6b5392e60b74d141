package translator

import (
	"net/url"
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
)

// validated puts a REST method's required parameters into the match of its routes,
// and behind each the reply for requests that lack one. Where they are all there the
// body comes next.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
func (c *stageCompiler) validated(r *parsedRoute, routes []*routev3.Route) []*routev3.Route {
	c.validateBodies(r, routes)
	required := c.deployment.RequiredParameters(r.Route)
	if len(required) == 0 {
		return routes
	}
	var out []*routev3.Route
	for _, route := range routes {
		refused := c.newRoute(r.Key(), cloneMatch(route.Match))
		c.replyGatewayResponse(refused, gateway.BadRequestParameters,
			"Missing required request parameters: ["+missingParametersFormat(required)+"]")
		for _, p := range required {
			if p.In == "header" {
				route.Match.Headers = append(route.Match.Headers, headerMatcher(strings.ToLower(p.Name), regexMatcher(`.*\S.*`)))
			} else {
				route.Match.Headers = append(route.Match.Headers,
					headerMatcher(":path", regexMatcher(`[^?]*\?(?:.*[&;])?`+queryName(p.Name)+`=[^&;].*`)))
			}
		}
		out = append(out, route, refused)
	}
	return out
}

// missingParametersFormat lists the missing ones, as a CEL expression that is only
// evaluated when a request is refused.
func missingParametersFormat(required []gateway.Parameter) string {
	var terms []string
	for _, p := range required {
		name := celString(p.Name + ", ")
		if p.In == "header" {
			header := celString(strings.ToLower(p.Name))
			terms = append(terms, `((`+header+` in request.headers && request.headers[`+header+`].matches('[^ ]')) ? '' : `+name+`)`)
		} else {
			pattern := celString(`(^|[&;])` + queryName(p.Name) + `=[^&;]`)
			terms = append(terms, `(request.query.matches(`+pattern+`) ? '' : `+name+`)`)
		}
	}
	return `%CEL(re.extract(` + strings.Join(terms, " + ") + ` + '.', '^(.*), [.]$', '\\1'))%`
}

// queryName is a pattern for the name of a query parameter, percent-encoded or not.
func queryName(name string) string {
	plain, encoded := regexp.QuoteMeta(name), regexp.QuoteMeta(url.QueryEscape(name))
	if plain == encoded {
		return plain
	}
	return "(?:" + plain + "|(?i:" + encoded + "))"
}

func cloneMatch(m *routev3.RouteMatch) *routev3.RouteMatch {
	return proto.Clone(m).(*routev3.RouteMatch)
}
