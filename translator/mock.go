package translator

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"

	"gatehouse/gateway"
)

// mockRoutes answers a MOCK integration in Envoy: the status from the request
// template, headers and body from the integration response it selects. Content types
// with a template of their own have a route of their own, where that makes a
// difference.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
func (c *stageCompiler) mockRoutes(r *parsedRoute, match *routev3.RouteMatch) []*routev3.Route {
	in := r.Integration
	usual := mockOutcomeOf(in, jsonType)
	var out []*routev3.Route
	for _, contentType := range templateTypes(in.RequestTemplates) {
		if special := mockOutcomeOf(in, contentType); contentType != jsonType && !special.same(usual) {
			own := cloneMatch(match)
			own.Headers = append(own.Headers, contentTypeMatcher(contentType))
			out = append(out, c.mockReplies(r, own, special)...)
		}
	}
	if refusesOtherTypes(in) {
		out = append(out, c.unsupportedMediaRoute(r, match))
	} else if other := mockOutcomeOf(in, ""); !other.same(usual) {
		rest := cloneMatch(match)
		rest.Headers = append(rest.Headers, otherTypesMatchers(in)...)
		out = append(out, c.mockReplies(r, rest, other)...)
	}
	return append(out, c.mockReplies(r, match, usual)...)
}

// A mockOutcome is what a request template makes of a request.
type mockOutcome struct {
	// status is empty when no template was there to give one.
	status string
	// problem says why there is no status where there should be one.
	problem  string
	response *gateway.IntegrationResponse
}

// same reports whether the client sees no difference.
func (o mockOutcome) same(other mockOutcome) bool {
	return o.response == other.response
}

func mockOutcomeOf(in *gateway.Integration, contentType string) mockOutcome {
	template, found := in.RequestTemplates[contentType]
	if !found {
		template, found = in.RequestTemplates[anyType]
	}
	if !found {
		return mockOutcome{response: selectResponse(in.Responses, "")}
	}
	status, err := gateway.MockStatus(template)
	if err != nil {
		return mockOutcome{problem: err.Error()}
	}
	return mockOutcome{status: status, response: selectResponse(in.Responses, status)}
}

// mockReplies answers what an outcome selects: the response template of the client's
// Accept header where it has one, else the usual one.
func (c *stageCompiler) mockReplies(r *parsedRoute, match *routev3.RouteMatch, outcome mockOutcome) []*routev3.Route {
	response := outcome.response
	switch {
	case outcome.problem != "":
		c.warnf("mock-without-status", r.Integration.Source, `write {"statusCode": 200}`, "the MOCK integration always answers 500: %s", outcome.problem)
	case response == nil:
		c.warnf("no-integration-response", r.Integration.Source, "add a default integration response",
			"no integration response matches the MOCK status %s; every request is answered 500", outcome.status)
	}
	if response == nil {
		route := c.newRoute(r.Key(), match)
		c.replyGatewayResponse(route, gateway.APIConfigurationError, "")
		return []*routev3.Route{route}
	}
	usual, template := gateway.UsualTemplate(response.ResponseTemplates)
	var out []*routev3.Route
	for _, contentType := range templateTypes(response.ResponseTemplates) {
		if contentType != usual {
			own := cloneMatch(match)
			own.Headers = append(own.Headers, headerMatcher("accept", regexMatcher("(?i:"+regexp.QuoteMeta(contentType)+")")))
			out = append(out, c.mockReply(r, own, response, contentType, response.ResponseTemplates[contentType])...)
		}
	}
	return append(out, c.mockReply(r, match, response, usual, template)...)
}

func (c *stageCompiler) mockReply(r *parsedRoute, match *routev3.RouteMatch, response *gateway.IntegrationResponse, contentType, template string) []*routev3.Route {
	route := c.newRoute(r.Key(), match)
	code, err := strconv.ParseUint(response.StatusCode, 10, 32)
	if err != nil || code < 200 || code > 599 {
		c.errorf("invalid-status", response.Source, "", "the status code %q cannot be answered; it must be from 200 to 599", response.StatusCode)
		return nil
	}
	values := &program{request: map[string]any{}, semicolons: true}
	body := c.mockBody(r, template, values)
	contentType = cmp.Or(contentType, jsonType)
	// A reply's content type is its body format's; a mapped header overrides that only there.
	for _, m := range response.ResponseParameters {
		name, ok := strings.CutPrefix(m.Target, "method.response.header.")
		value, err := gateway.ParseRESTValue(m.Source)
		if !ok || err != nil {
			c.errorf("invalid-mapping", m.Pos, "", "%q from %q is not a response mapping", m.Target, m.Source)
			continue
		}
		format, ok := c.format(r, value, m.Pos, inHeader)
		if literal, constant := value.Literal(); constant && strings.EqualFold(name, "content-type") {
			contentType = literal
		} else if ok {
			route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(remappedName(name), format))
		}
	}
	respond(route, uint32(code), bodyFormat(contentType, body))
	if body == "" {
		// Envoy takes the type off replies without a body; this filter comes after that. What
		// the checks before the reply refuse has a body, and its type.
		route.TypedPerFilterConfig[filterHeaders] = enabled(&headermutationv3.HeaderMutationPerRoute{Mutations: &headermutationv3.Mutations{
			ResponseMutations: []*mutationv3.HeaderMutation{mutateIfAbsent("content-type", formatLiteral(contentType))},
		}})
	}
	if config, ok := values.config(); ok {
		route.TypedPerFilterConfig[filterMapping] = enabled(config)
	}
	var extra []extraFilter
	c.compress(r.Integration, &extra)
	setExtra(route, extra)
	return []*routev3.Route{route}
}

// selectResponse picks the integration response for a status: the first pattern that
// matches all of it, else the default.
func selectResponse(responses []gateway.IntegrationResponse, status string) *gateway.IntegrationResponse {
	var fallback *gateway.IntegrationResponse
	for i := range responses {
		pattern := responses[i].SelectionPattern
		if pattern == "" {
			if fallback == nil {
				fallback = &responses[i]
			}
			continue
		}
		if re, err := regexp.Compile("^(?:" + pattern + ")$"); err == nil && status != "" && re.MatchString(status) {
			return &responses[i]
		}
	}
	return fallback
}

// mockBody turns a response template of plain text and variables into an Envoy
// format. Parameters are read, and decoded, by mapping.lua, as values of the program.
// What needs a template engine, the integration service serves.
func (c *stageCompiler) mockBody(r *parsedRoute, template string, values *program) string {
	return gateway.ExpandPlain(template, formatLiteral,
		func(space, name string) string { return c.variableFormat(r, space, name, r.Integration.Source) },
		func(name string) string { return values.parameter(c, r, name) })
}

// parameter is $input.params('name'): the path variable, else the query parameter,
// else the header of that name. It gives the Envoy format for the value.
func (p *program) parameter(c *stageCompiler, r *parsedRoute, name string) string {
	values, _ := p.request["values"].(map[string]any)
	if values == nil {
		values = map[string]any{}
		p.request["values"] = values
	}
	part, err := c.segmentPart(r, name)
	if err != nil {
		part = map[string]any{"param": name}
	}
	for i := 1; ; i++ {
		key := "param" + strconv.Itoa(i)
		parts := []any{part}
		if known, taken := values[key]; !taken || reflect.DeepEqual(known, parts) {
			values[key] = parts
			return "%DYNAMIC_METADATA(" + mappingMetadata + ":" + key + ")%"
		}
	}
}

const (
	jsonType = "application/json"
	// anyType is the key of a template for content types without one.
	anyType = "$default"
)

func templateTypes(templates map[string]string) []string {
	var types []string
	for name := range templates {
		if name != anyType {
			types = append(types, name)
		}
	}
	slices.Sort(types)
	return types
}

// refusesOtherTypes reports whether a content type without a template is answered 415.
func refusesOtherTypes(in *gateway.Integration) bool {
	_, all := in.RequestTemplates[anyType]
	return !all && (in.PassthroughBehavior == "NEVER" || in.PassthroughBehavior == "WHEN_NO_TEMPLATES" && len(in.RequestTemplates) > 0)
}

// contentTypeMatcher matches requests of any of the content types, whatever their
// parameters. Of several types in one header the first counts.
func contentTypeMatcher(types ...string) *routev3.HeaderMatcher {
	for i := range types {
		types[i] = regexp.QuoteMeta(types[i])
	}
	return headerMatcher("content-type", regexMatcher(`(?i:`+strings.Join(types, "|")+`)\s*(?:[;,].*)?`))
}

// otherTypesMatchers match requests of content types without a template. A missing
// content type counts as JSON.
func otherTypesMatchers(in *gateway.Integration) []*routev3.HeaderMatcher {
	if len(in.RequestTemplates) == 0 {
		return nil
	}
	types := templateTypes(in.RequestTemplates)
	if _, json := in.RequestTemplates[jsonType]; json {
		types = append(types, "")
	}
	others := contentTypeMatcher(types...)
	others.InvertMatch, others.TreatMissingHeaderAsEmpty = true, true
	return []*routev3.HeaderMatcher{others}
}

// unsupportedMediaRoute answers 415 for content types without a template.
func (c *stageCompiler) unsupportedMediaRoute(r *parsedRoute, match *routev3.RouteMatch) *routev3.Route {
	refused := cloneMatch(match)
	refused.Headers = append(refused.Headers, otherTypesMatchers(r.Integration)...)
	route := c.newRoute(r.Key(), refused)
	c.replyGatewayResponse(route, gateway.UnsupportedMediaType, "")
	return route
}
