package translator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
)

// mockRoutes answers a MOCK integration in Envoy: the status from the request
// template, headers and body from the integration response it selects.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
func (c *stageCompiler) mockRoutes(r *parsedRoute, match *routev3.RouteMatch) []*routev3.Route {
	route := c.newRoute(r.Key(), match)
	if mediaTypes := c.unsupportedMediaRoute(r, match); mediaTypes != nil {
		return append([]*routev3.Route{mediaTypes}, c.mockReply(r, route)...)
	}
	return c.mockReply(r, route)
}

func (c *stageCompiler) mockReply(r *parsedRoute, route *routev3.Route) []*routev3.Route {
	status, err := mockStatus(r.Integration.RequestTemplates)
	if err != nil {
		if strings.Contains(err.Error(), "VTL") {
			c.errorf("unsupported-template", r.Integration.Source, "", "the MOCK request template cannot be served: %v", err)
			return nil
		}
		c.warnf("mock-without-status", r.Integration.Source, `write {"statusCode": 200}`, "the MOCK integration always answers 500: %v", err)
		c.replyGatewayResponse(route, gateway.APIConfigurationError, "")
		return []*routev3.Route{route}
	}
	response := selectResponse(r.Integration.Responses, status)
	if response == nil {
		c.warnf("no-integration-response", r.Integration.Source, "add a default integration response",
			"no integration response matches the MOCK status %s; every request is answered 500", status)
		c.replyGatewayResponse(route, gateway.APIConfigurationError, "")
		return []*routev3.Route{route}
	}
	code, err := strconv.ParseUint(response.StatusCode, 10, 32)
	if err != nil || code < 200 || code > 599 {
		c.errorf("invalid-status", response.Source, "", "the status code %q cannot be answered; it must be from 200 to 599", response.StatusCode)
		return nil
	}
	contentType, template := chooseTemplate(response.ResponseTemplates)
	if len(response.ResponseTemplates) > 1 {
		c.warnf("accept-ignored", response.Source, "", "the response has several templates; %s is used whatever the client accepts", contentType)
	}
	body, err := c.mockBody(r, template)
	if err != nil {
		c.errorf("unsupported-template", response.Source, "", "the MOCK response template cannot be served: %v", err)
		return nil
	}
	if contentType == "" {
		contentType = "application/json"
	}
	// A reply's content type is its body format's; a mapped header overrides that only there.
	for _, m := range response.ResponseParameters {
		name, ok := strings.CutPrefix(m.Target, "method.response.header.")
		value, err := gateway.ParseRESTValue(m.Source)
		if !ok || err != nil {
			c.errorf("invalid-mapping", m.Pos, "", "%q from %q is not a response mapping", m.Target, m.Source)
			continue
		}
		format, ok := c.format(r, value, m.Pos)
		if literal, constant := value.Literal(); constant && strings.EqualFold(name, "content-type") {
			contentType = literal
		} else if ok {
			route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(remappedName(name), format))
		}
	}
	respond(route, uint32(code), bodyFormat(contentType, body))
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

var (
	mockStatusCode = regexp.MustCompile(`(?:^|[{,\s])["']?statusCode["']?\s*:\s*(-?[0-9]+)\s*(?:[,}\s]|$)`)
	vtlConstruct   = regexp.MustCompile(`#(?:set|if|elseif|else|end|foreach|macro|define|stop|break|\*|#|\{)|\$[!{a-zA-Z]`)
)

// mockStatus reads the status of a request template. The parser is as lenient as
// Amazon's: unquoted or single-quoted keys and anything else beside the status pass.
// Without a template the status is unknown and selects the default response.
func mockStatus(templates map[string]string) (string, error) {
	_, template := chooseTemplate(templates)
	if len(templates) == 0 {
		return "", nil
	}
	text := strings.TrimSpace(template)
	switch {
	case vtlConstruct.MatchString(text):
		return "", fmt.Errorf("it has VTL in it, which is not supported yet")
	case !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}"):
		return "", fmt.Errorf("the request template is not an object with a statusCode")
	}
	m := mockStatusCode.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("the request template has no statusCode that is a whole number")
	}
	return m[1], nil
}

var mockVariable = regexp.MustCompile(`\$!?(\{)?(?:(context|stageVariables)\.([A-Za-z0-9_.]*[A-Za-z0-9_])|input\.params\(\s*['"]([^'"]+)['"]\s*\))`)

// mockBody turns a response template of plain text and variables into an Envoy
// format. What needs a template engine is refused.
func (c *stageCompiler) mockBody(r *parsedRoute, template string) (string, error) {
	var b strings.Builder
	last := 0
	for _, m := range mockVariable.FindAllStringSubmatchIndex(template, -1) {
		text := template[last:m[0]]
		if vtlConstruct.MatchString(text) {
			return "", vtlError(text)
		}
		b.WriteString(formatLiteral(text))
		last = afterReference(template, m)
		if m[8] >= 0 {
			b.WriteString(c.parameterFormat(r, template[m[8]:m[9]]))
		} else {
			b.WriteString(c.variableFormat(template[m[4]:m[5]], template[m[6]:m[7]], r.Integration.Source))
		}
	}
	if vtlConstruct.MatchString(template[last:]) {
		return "", vtlError(template[last:])
	}
	b.WriteString(formatLiteral(template[last:]))
	return b.String(), nil
}

func vtlError(text string) error {
	at := vtlConstruct.FindStringIndex(text)
	end := min(at[0]+24, len(text))
	return fmt.Errorf("%q needs VTL, which is not supported yet", text[at[0]:end])
}

// parameterFormat is $input.params('name'): the path variable, else the query
// parameter, else the header of that name.
func (c *stageCompiler) parameterFormat(r *parsedRoute, name string) string {
	if slices.Contains(r.template.Variables(), name) {
		return c.pathVariableFormat(r, name)
	}
	for _, p := range r.Parameters {
		if p.Name == name && p.In == "header" {
			return "%REQ(" + name + ")%"
		}
	}
	return "%QUERY_PARAM(" + name + ")%"
}

// unsupportedMediaRoute answers 415 for content types without a template, where the
// integration's passthrough behaviour asks for that.
func (c *stageCompiler) unsupportedMediaRoute(r *parsedRoute, match *routev3.RouteMatch) *routev3.Route {
	templates := r.Integration.RequestTemplates
	behavior := r.Integration.PassthroughBehavior
	if _, any := templates["$default"]; any || behavior != "NEVER" && (behavior != "WHEN_NO_TEMPLATES" || len(templates) == 0) {
		return nil
	}
	var types []string
	for name := range templates {
		types = append(types, regexp.QuoteMeta(name))
	}
	slices.Sort(types)
	refused := cloneMatch(match)
	refused.Headers = append(refused.Headers,
		&routev3.HeaderMatcher{Name: "content-type", HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}},
		&routev3.HeaderMatcher{
			Name:                 "content-type",
			InvertMatch:          true,
			HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: regexMatcher(`(?i:` + strings.Join(types, "|") + `)\s*(?:;.*)?`)},
		})
	if _, json := templates["application/json"]; !json {
		// A missing content type counts as JSON.
		refused.Headers = refused.Headers[:len(refused.Headers)-2]
		refused.Headers = append(refused.Headers, &routev3.HeaderMatcher{
			Name:                      "content-type",
			InvertMatch:               true,
			TreatMissingHeaderAsEmpty: true,
			HeaderMatchSpecifier:      &routev3.HeaderMatcher_StringMatch{StringMatch: regexMatcher(`(?i:` + strings.Join(types, "|") + `)\s*(?:;.*)?`)},
		})
	}
	route := c.newRoute(r.Key(), refused)
	c.replyGatewayResponse(route, gateway.UnsupportedMediaType, "")
	return route
}
