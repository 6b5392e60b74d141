package translator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
)

// A program is what mapping.lua carries out for a route: data, never code. Both
// sides of it are plain maps and lists, as they travel in the filter context.
type program struct {
	request  map[string]any
	response map[string]any
	// save lists context variables that the response mappings need.
	save []string
	// semicolons part query parameters (REST APIs).
	semicolons bool
	// host is what a mapping sets the Host header to.
	host []any
}

// config is the route's filter configuration; false when there is nothing to map.
func (p *program) config() (*luav3.LuaPerRoute, bool) {
	fields := map[string]any{}
	if len(p.save) > 0 {
		slices.Sort(p.save)
		p.request["save"] = toList(slices.Compact(p.save))
	}
	if len(p.request) > 0 {
		if p.semicolons {
			p.request["semicolons"] = true
		}
		fields["request"] = p.request
	}
	if len(p.response) > 0 {
		fields["response"] = p.response
	}
	if p.request["method"] != nil {
		fields["changes_method"] = true
	}
	if len(fields) == 0 {
		return nil, false
	}
	context, err := structpb.NewStruct(fields)
	if err != nil {
		panic("translator: a mapping program of a wrong shape: " + err.Error())
	}
	return &luav3.LuaPerRoute{
		Override:      &luav3.LuaPerRoute_Name{Name: mappingScriptName},
		FilterContext: context,
	}, true
}

// constants are the headers to set when that is all there is to do, and each has one value
// whatever the request is: Envoy sets such by itself, for a small part of what the script
// costs. False where it takes the script.
func (p *program) constants() ([]*corev3.HeaderValueOption, bool) {
	headers, _ := p.request["headers"].([]any)
	if len(headers) == 0 || len(p.request) != 1 || len(p.response) > 0 || len(p.save) > 0 {
		return nil, false
	}
	var out []*corev3.HeaderValueOption
	seen := map[string]bool{}
	for _, h := range headers {
		change, _ := h.(map[string]any)
		name, _ := change["name"].(string)
		value, ok := constant(change["parts"])
		if change["op"] != "set" || !ok || seen[name] || readByEnvoy(name) {
			return nil, false
		}
		seen[name] = true
		out = append(out, setHeader(name, formatLiteral(value)))
	}
	return out, true
}

// constant is the text of parts that are all literal, and that a header can have.
func constant(parts any) (string, bool) {
	list, _ := parts.([]any)
	var b strings.Builder
	for _, part := range list {
		literal, ok := part.(map[string]any)["lit"].(string)
		if !ok {
			return "", false
		}
		b.WriteString(literal)
	}
	return b.String(), b.Len() > 0 && !strings.ContainsFunc(b.String(), unicode.IsControl)
}

// readByEnvoy are headers that Envoy goes by behind the script: what a mapping sets is in
// force only if it is set there.
func readByEnvoy(name string) bool {
	return strings.HasPrefix(name, "x-envoy-") || name == "accept-encoding" || name == "content-encoding" || slices.Contains(hiddenRequestHeaders, name)
}

// mapsResponses reports whether the script changes backend responses: their headers
// and status, or only what a changed method makes necessary.
func (p *program) mapsResponses() bool {
	return len(p.response) > 0 || p.request["method"] != nil
}

// strict reports whether there are backend statuses that no integration response is for.
func (p *program) strict() bool {
	selected, _ := p.response["select"].(map[string]any)
	return p.response["strict"] == true && selected["default"] == nil
}

// mappingProgram compiles the parameter mappings of a route.
func (c *stageCompiler) mappingProgram(r *parsedRoute) *program {
	p := &program{request: map[string]any{}, response: map[string]any{}, semicolons: c.rest()}
	in := r.Integration
	if in.HTTPMethod != "" && in.HTTPMethod != gateway.AnyMethod && in.HTTPMethod != r.Method {
		p.request["method"] = in.HTTPMethod
	}
	if c.rest() {
		c.restRequest(r, p)
		c.restResponses(r, p)
	} else {
		c.httpRequest(r, p)
		c.httpResponses(r, p)
	}
	if c.tellsStatus(p) {
		p.response["tell_status"] = true
	}
	return p
}

// values compiles a mapping's source. Sources that need the body are refused: Envoy
// streams it past.
func (c *stageCompiler) parts(r *parsedRoute, value gateway.Value, pos gateway.Position, p *program, response bool) ([]any, bool) {
	var out []any
	for _, e := range value {
		part, err := c.part(r, e, response)
		if err != nil {
			c.errorf("unsupported-mapping", pos, "", "%v", err)
			return nil, false
		}
		if name, ok := part["context"].(string); ok && response {
			p.save = append(p.save, name)
		}
		out = append(out, part)
	}
	return out, true
}

func (c *stageCompiler) part(r *parsedRoute, e gateway.Expression, response bool) (map[string]any, error) {
	all := !c.rest()
	switch e.Kind {
	case gateway.Literal:
		return map[string]any{"lit": e.Name}, nil
	case gateway.StageVariable:
		return map[string]any{"lit": c.variables[e.Name]}, nil
	case gateway.ContextVariable:
		return c.contextPart(r, e.Name)
	case gateway.RequestBody, gateway.ResponseBody:
		return nil, fmt.Errorf("mappings from a body are not supported yet")
	case gateway.ResponseHeader, gateway.ResponseMultiHeader:
		if !response {
			return nil, fmt.Errorf("a request mapping cannot use the response")
		}
		return map[string]any{"response": strings.ToLower(e.Name), "all": all || e.Kind == gateway.ResponseMultiHeader}, nil
	}
	if response {
		return nil, fmt.Errorf("a response mapping cannot use the request")
	}
	switch e.Kind {
	case gateway.RequestHeader, gateway.RequestMultiHeader:
		if !all && slices.Contains(slices.Concat(droppedRequestHeaders, hiddenRequestHeaders), strings.ToLower(e.Name)) {
			return map[string]any{"absent": true}, nil
		}
		return map[string]any{"header": strings.ToLower(e.Name), "all": all || e.Kind == gateway.RequestMultiHeader}, nil
	case gateway.RequestQuery, gateway.RequestMultiQuery:
		return map[string]any{"query": e.Name, "all": all || e.Kind == gateway.RequestMultiQuery}, nil
	case gateway.RequestPath:
		if e.Name == "" {
			return map[string]any{"path": true}, nil
		}
		return c.segmentPart(r, e.Name)
	}
	return nil, fmt.Errorf("this mapping source is not supported yet")
}

// segmentPart takes a path variable from its place in the path.
func (c *stageCompiler) segmentPart(r *parsedRoute, name string) (map[string]any, error) {
	for i, s := range r.template {
		if s.Variable == name {
			return map[string]any{"segment": float64(strings.Count(c.base, "/") + i + 1), "rest": s.Greedy}, nil
		}
	}
	return nil, fmt.Errorf("the path %s has no variable {%s}", r.Path, name)
}

// dynamicContext are the context variables known only with the request; mapping.lua
// has a function for each.
var dynamicContext = []string{
	"requestId", "extendedRequestId", "httpMethod", "path", "protocol", "domainName",
	"domainPrefix", "identity.sourceIp", "identity.userAgent", "requestTime", "requestTimeEpoch",
	"identity.clientCert.clientCertPem", "identity.clientCert.subjectDN", "identity.clientCert.issuerDN",
	"identity.clientCert.serialNumber", "identity.clientCert.validity.notBefore", "identity.clientCert.validity.notAfter",
}

func (c *stageCompiler) contextPart(r *parsedRoute, name string) (map[string]any, error) {
	if text, ok := c.staticContext(r, name); ok {
		return map[string]any{"lit": text}, nil
	}
	if c.tellsNetwork(name) {
		return c.networkPart(name), nil
	}
	if slices.Contains(dynamicContext, name) {
		return map[string]any{"context": name}, nil
	}
	if aboutCaller(name) {
		return c.callerPart(r, name), nil
	}
	return nil, fmt.Errorf("the context variable $context.%s is not supported yet", name)
}

// staticContext are the context variables that a route knows beforehand.
func (c *stageCompiler) staticContext(r *parsedRoute, name string) (string, bool) {
	switch name {
	case "apiId":
		return c.api.ID, true
	case "stage":
		return c.stage.Name, true
	case "accountId":
		return c.api.Home().Account, true
	case "resourcePath", "routeKey":
		if r.Route == nil {
			return "", false
		}
		if name == "routeKey" {
			return r.Key(), true
		}
		return r.Path, true
	case "deploymentId":
		return c.deployment.Hash(), true
	case "domainName":
		return c.site.host, exactHost(c.site.host)
	case "domainPrefix":
		prefix, _, _ := strings.Cut(c.site.host, ".")
		return prefix, exactHost(c.site.host)
	case "isCanaryRequest":
		if c.stage.Canary == nil {
			return "", false
		}
		return strconv.FormatBool(c.share != nil), true
	}
	return "", false
}

// needsPath reports whether the backend's path takes more than the request's path
// variables, or is set by a mapping.
func (p *program) needsPath(r *parsedRoute, uri *gateway.EndpointURI) bool {
	if _, set := p.request["path"]; set {
		return true
	}
	for _, name := range gateway.Placeholders(uri.Path) {
		if pathSource(r.Integration, name) == "" {
			return true
		}
	}
	return strings.Contains(uri.Path, "{") && len(r.template.Variables()) > 9 // a substitution has nine groups
}

// rewriteHost sends the mapped Host header instead of the URI's. Envoy sets that header
// after the script has run, so that the script only leaves the value for it.
func (p *program) rewriteHost(action *routev3.RouteAction, uri *gateway.EndpointURI) {
	if p.host == nil {
		return
	}
	p.request["host"] = p.host
	p.request["authority"] = uri.Authority
	action.HostRewriteSpecifier = &routev3.RouteAction_HostRewrite{HostRewrite: "%DYNAMIC_METADATA(" + mappingMetadata + ":host)%"}
}

// mappingMetadata is the namespace of dynamic metadata where mapping.lua leaves values.
const mappingMetadata = "gw.mapping"

// pathSource is the path variable that fills a placeholder of the URI, or "" when
// something else does.
func pathSource(in *gateway.Integration, placeholder string) string {
	for _, m := range in.RequestParameters {
		if m.Target == "integration.request.path."+placeholder {
			name, _ := strings.CutPrefix(m.Source, "method.request.path.")
			if name == m.Source {
				return ""
			}
			return name
		}
	}
	return placeholder
}

// buildPath has the script put the backend's path together.
func (p *program) buildPath(c *stageCompiler, r *parsedRoute, uri *gateway.EndpointURI) {
	own := c.textParts(r, uri.Path, p)
	if r.Path == gateway.DefaultRoute || uri.Private {
		p.request["base_length"] = float64(len(c.base))
		own = []any{map[string]any{"lit": strings.TrimSuffix(uri.Path, "/")}, map[string]any{"path": true}}
	}
	if _, set := p.request["path"]; set {
		// overwrite:path; a source that is missing leaves the URI's own path.
		p.request["path_else"], p.request["slashes"] = own, true
		return
	}
	p.request["path"] = own
}

// appendQuery adds the URI's own query parameters to the request's.
func (p *program) appendQuery(c *stageCompiler, r *parsedRoute, uri *gateway.EndpointURI) {
	if uri.Query == "" {
		return
	}
	list, _ := p.request["query"].([]any)
	for _, item := range strings.Split(uri.Query, "&") {
		name, value, _ := strings.Cut(item, "=")
		list = append(list, map[string]any{"op": "append", "name": name, "parts": c.textParts(r, value, p)})
	}
	p.request["query"] = list
}

// textParts compiles URI text with {placeholders}.
func (c *stageCompiler) textParts(r *parsedRoute, text string, p *program) []any {
	var out []any
	gateway.ReplacePlaceholders(text,
		func(literal string) string {
			if literal != "" {
				out = append(out, map[string]any{"lit": literal})
			}
			return ""
		},
		func(name string) string {
			if parts, ok := c.placeholderParts(r, name, p); ok {
				out = append(out, parts...)
			}
			return ""
		})
	if out == nil {
		out = []any{map[string]any{"lit": ""}}
	}
	return out
}

// placeholderParts finds what fills a placeholder: a mapping, or the path variable
// of the same name.
func (c *stageCompiler) placeholderParts(r *parsedRoute, name string, p *program) ([]any, bool) {
	for _, m := range r.Integration.RequestParameters {
		if m.Target == "integration.request.path."+name {
			value, err := gateway.ParseRESTValue(m.Source)
			if err != nil {
				return nil, false // restRequest reports it
			}
			return c.parts(r, value, m.Pos, p, false)
		}
	}
	part, err := c.segmentPart(r, name)
	if err != nil {
		c.errorf("unmapped-uri-parameter", r.Integration.URISource, "add an integration.request.path."+name+" mapping",
			"nothing fills {%s} of the integration URI: %v", name, err)
		return nil, false
	}
	return []any{part}, true
}

// statuses gives, for each response rule of a REST integration, the backend statuses
// that select it: the first pattern that matches the whole status code wins.
// Compiling patterns to tables leaves no regular expression to the request path.
func statuses(patterns []string) map[string]any {
	selected := map[string]any{}
	for i, pattern := range patterns {
		if pattern == "" {
			selected["default"] = float64(i + 1)
			continue
		}
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			continue // the definition's parser reports it
		}
		for status := 200; status <= 599; status++ {
			key := strconv.Itoa(status)
			if _, taken := selected[key]; !taken && re.MatchString(key) {
				selected[key] = float64(i + 1)
			}
		}
	}
	return selected
}

func toList(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

func toSet(names ...string) map[string]any {
	set := map[string]any{}
	for _, n := range names {
		set[n] = true
	}
	return set
}
