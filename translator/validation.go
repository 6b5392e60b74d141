package translator

import (
	"net/http"
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
			header, pattern := whereGiven(p)
			route.Match.Headers = append(route.Match.Headers, headerMatcher(header, regexMatcher(pattern)))
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
			pattern := celString(`(^|[&;])` + givenInQuery(p.Name))
			terms = append(terms, `(request.query.matches(`+pattern+`) ? '' : `+name+`)`)
		}
	}
	return `%CEL(re.extract(` + strings.Join(terms, " + ") + ` + '.', '^(.*), [.]$', '\\1'))%`
}

// whereGiven is the header that a required parameter is looked for in, and what that has to
// match as a whole for the parameter to be there, and not blank.
func whereGiven(p gateway.Parameter) (header, pattern string) {
	if p.In == "header" {
		return strings.ToLower(p.Name), `.*\S.*`
	}
	return ":path", `[^?]*\?(?:.*[&;])?` + givenInQuery(p.Name) + `.*`
}

// givenInQuery is a regular expression for a query parameter, up to the first character of its
// value that is not blank. Any character may be percent-encoded, as integrations decode them.
func givenInQuery(name string) string {
	const blank, other = `(?:\+|%(?:20|09|0[aAdD]))*`, `(?:[^&;+%]|%(?:[^02]|2[^0]|0[^9aAdD]|[02]?$))`
	return anyEscapes(name) + "=" + blank + other
}

// MissingParameters are the names of those of a route's required parameters that a request
// lacks, or that are blank in it. The target is its path with the query.
func MissingParameters(required []gateway.Parameter, header http.Header, target string) (missing []string) {
	for _, p := range required {
		name, pattern := whereGiven(p)
		value := target
		if p.In == "header" {
			value = strings.Join(header.Values(name), ",") // as Envoy takes several
		}
		if !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(value) {
			missing = append(missing, p.Name)
		}
	}
	return missing
}

func cloneMatch(m *routev3.RouteMatch) *routev3.RouteMatch {
	return proto.Clone(m).(*routev3.RouteMatch)
}
