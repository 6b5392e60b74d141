package translator

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	customresponsev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/custom_response/v3"
	localpolicyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/custom_response/local_response_policy/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

const errorTypeHeader = "x-amzn-errortype"

// A gatewayReply is a gateway response made ready for Envoy.
type gatewayReply struct {
	status      uint32
	contentType string
	// body is an Envoy format.
	body    string
	headers []*corev3.HeaderValueOption
}

// gatewayReply resolves what a REST API answers for a type: its customisation or
// the default. message replaces the default's and may hold Envoy format commands.
func (c *stageCompiler) gatewayReply(t gateway.ResponseType, message string) gatewayReply {
	builtIn := gateway.ResponseDefaults[t]
	if message == "" {
		message = formatLiteral(builtIn.Message)
	}
	reply := gatewayReply{
		status:      uint32(builtIn.Status),
		contentType: "application/json",
		body:        `{"` + t.MessageKey() + `":` + quoteFormat(message) + `}`,
		headers:     []*corev3.HeaderValueOption{setHeader(errorTypeHeader, builtIn.ErrorType)},
	}
	if custom := c.deployment.ResolveGatewayResponse(t); custom != nil {
		c.customise(&reply, custom, t, message)
	}
	return reply
}

// customise makes a reply of a type what the API wants it to be.
func (c *stageCompiler) customise(reply *gatewayReply, custom *gateway.GatewayResponse, t gateway.ResponseType, message string) {
	reply.body = `{"message":` + quoteFormat(message) + `}`
	if n, err := strconv.ParseUint(custom.StatusCode, 10, 32); err == nil {
		reply.status = uint32(n)
	}
	if contentType, template := gateway.UsualTemplate(custom.Templates); contentType != "" {
		if len(custom.Templates) > 1 {
			c.warnf("accept-ignored", custom.Source, "", "the gateway response %s has several templates; %s is used whatever the client accepts", custom.Type, contentType)
		}
		reply.contentType = contentType
		reply.body = c.gatewayTemplate(template, t, message, custom.Source)
	}
	for _, m := range custom.Parameters {
		name, ok := strings.CutPrefix(m.Target, "gatewayresponse.header.")
		if !ok {
			c.errorf("invalid-mapping", m.Pos, "", "%q is not a target of a gateway response; only gatewayresponse.header.NAME has an effect", m.Target)
			continue
		}
		value, err := gateway.ParseRESTValue(m.Source)
		if err != nil {
			c.errorf("invalid-mapping", m.Pos, "", "%v", err)
			continue
		}
		if format, ok := c.format(nil, value, m.Pos, inHeader); ok {
			reply.headers = append(reply.headers, setHeader(strings.ToLower(name), format))
		}
	}
}

// replyGatewayResponse makes a route answer with a gateway response.
func (c *stageCompiler) replyGatewayResponse(route *routev3.Route, t gateway.ResponseType, message string) {
	reply := c.gatewayReply(t, message)
	respond(route, reply.status, bodyFormat(reply.contentType, reply.body))
	route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, reply.headers...)
	// What is final already must not be customised twice.
	delete(route.TypedPerFilterConfig, filterResponses)
}

// respond makes a route answer by itself.
func respond(route *routev3.Route, status uint32, body *corev3.SubstitutionFormatString) {
	route.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: status, BodyFormat: body}}
	if status == 201 {
		// Envoy adds the request's own URL to replies of this status.
		route.ResponseHeadersToRemove = append(route.ResponseHeadersToRemove, "location")
	}
}

// replyJSON makes a route answer {"message": …}.
func replyJSON(route *routev3.Route, status uint32, message, errorType string) {
	respond(route, status, bodyFormat("application/json", `{"message":`+quoteFormat(formatLiteral(message))+`}`))
	if errorType != "" {
		route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(errorTypeHeader, errorType))
	}
}

// forbiddenRoute answers 403 below a base path where nothing is mapped.
func forbiddenRoute(base, requestIDHeader string, _ gateway.Position) *routev3.Route {
	match := &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
	if base != "" {
		match.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: base}
	}
	route := &routev3.Route{
		Name: "unmapped", Match: match,
		ResponseHeadersToAdd: []*corev3.HeaderValueOption{setHeader(cmp.Or(requestIDHeader, "x-amzn-requestid"), requestIDFormat)},
	}
	replyJSON(route, 403, "Forbidden", "ForbiddenException")
	return route
}

// unmappedRoute answers paths of a host that no stage or mapping takes.
func unmappedRoute(s *site) *routev3.Route {
	if s.kind != executeAPI || s.api == nil || s.api.Protocol != gateway.HTTP {
		return forbiddenRoute("", "", s.source)
	}
	route := forbiddenRoute("", "apigw-requestid", s.source)
	route.ResponseHeadersToAdd = route.ResponseHeadersToAdd[:1]
	replyJSON(route, 404, "Not Found", "")
	return route
}

// quoteFormat quotes a message as a JSON string; an empty message is null. Format
// commands in it pass: none holds a quote or backslash that JSON would escape, but
// CEL expressions do and are put in after quoting.
func quoteFormat(message string) string {
	if message == "" {
		return "null"
	}
	var commands []string
	plain := celCommand.ReplaceAllStringFunc(message, func(command string) string {
		commands = append(commands, command)
		return "\x00"
	})
	quoted, _ := json.Marshal(plain)
	text := string(quoted)
	for _, command := range commands {
		text = strings.Replace(text, `\u0000`, command, 1)
	}
	return text
}

var celCommand = regexp.MustCompile(`%CEL\(.*\)%`)

// gatewayTemplate turns the plain variables of a gateway response's template into
// Envoy format commands.
func (c *stageCompiler) gatewayTemplate(template string, t gateway.ResponseType, message string, pos gateway.Position) string {
	return gateway.ExpandReply(template, formatLiteral, func(space, name string) string {
		switch {
		case space == "context" && name == "error.message":
			return message
		case space == "context" && name == "error.messageString":
			return quoteFormat(message)
		case space == "context" && name == "error.responseType":
			return string(t)
		case space == "context" && name == "error.validationErrorString":
			if t == gateway.BadRequestBody {
				return validationDetail
			}
			return ""
		}
		return c.variableFormat(nil, space, name, pos)
	})
}

func (c *stageCompiler) variableFormat(r *parsedRoute, space, name string, pos gateway.Position) string {
	source := space + "." + name
	value, err := gateway.ParseRESTValue(source)
	if err != nil {
		c.warnf("unknown-variable", pos, "", "$%s has no value and prints nothing", source)
		return ""
	}
	format, _ := c.format(r, value, pos, inBody)
	return format
}

// format turns a mapping value into an Envoy format, for replies that Envoy gives
// itself. r may be nil where no route is known.
func (c *stageCompiler) format(r *parsedRoute, value gateway.Value, pos gateway.Position, at place) (string, bool) {
	var b strings.Builder
	for _, e := range value {
		switch e.Kind {
		case gateway.Literal:
			b.WriteString(formatLiteral(e.Name))
		case gateway.StageVariable:
			b.WriteString(formatLiteral(c.variables[e.Name]))
		case gateway.RequestHeader, gateway.RequestMultiHeader:
			b.WriteString("%REQ(" + e.Name + ")%")
		case gateway.RequestQuery, gateway.RequestMultiQuery:
			b.WriteString("%QUERY_PARAM(" + e.Name + ")%")
		case gateway.RequestPath:
			if r == nil || !slices.Contains(r.template.Variables(), e.Name) {
				c.errorf("unsupported-mapping", pos, "", "a path parameter cannot be used here")
				return "", false
			}
			b.WriteString(c.pathVariableFormat(r, e.Name))
		case gateway.ContextVariable:
			route := r
			if route == nil {
				route = &parsedRoute{}
			}
			if text, ok := c.staticContext(route, e.Name); ok {
				b.WriteString(formatLiteral(text))
			} else if c.tellsNetwork(e.Name) {
				b.WriteString(c.networkFormat(e.Name))
			} else if command, ok := contextFormat[e.Name]; ok {
				b.WriteString(command)
			} else if format := c.callerFormat(route, e.Name, at); format != "" {
				b.WriteString(format)
			} else if !aboutCaller(e.Name) || r != nil {
				c.warnf("unknown-variable", pos, "", "$context.%s has no value here and prints nothing", e.Name)
			}
		default:
			c.errorf("unsupported-mapping", pos, "", "this mapping source cannot be used here")
			return "", false
		}
	}
	return b.String(), true
}

// pathVariableFormat extracts a path variable.
func (c *stageCompiler) pathVariableFormat(r *parsedRoute, name string) string {
	group := slices.Index(r.template.Variables(), name) + 1
	return `%CEL(re.extract(request.url_path, ` + celString(c.pathPattern(r.template, true)) + `, ` + celString(`\`+strconv.Itoa(group)) + `))%`
}

// celString quotes text for a CEL expression. Format commands end at the first
// percent sign, so that one must not stand in it.
func celString(text string) string {
	text = strings.ReplaceAll(text, `\`, `\\`)
	text = strings.ReplaceAll(text, `'`, `\'`)
	return `'` + strings.ReplaceAll(text, `%`, `\x25`) + `'`
}

// runtimeResponses are the types that Envoy's own replies become, which the filter
// for customised responses tells apart by status and error type.
var runtimeResponses = []gateway.ResponseType{
	gateway.IntegrationFailure, gateway.IntegrationTimeout, gateway.RequestTooLarge,
}

// customResponses rewrites those of Envoy's own replies that the API customises;
// nil when it customises none.
func (c *stageCompiler) customResponses() proto.Message {
	if !c.rest() {
		return nil
	}
	if c.custom != nil {
		return *c.custom
	}
	config := customResponse(c.runtimeMatchers())
	c.custom = &config
	return config
}

// strictResponses answers API_CONFIGURATION_ERROR in place of what mapping.lua has
// marked as a backend's answer that no integration response is for, besides.
func (c *stageCompiler) strictResponses() proto.Message {
	return customResponse(append(c.runtimeMatchers(), c.responseMatcher(gateway.APIConfigurationError, "", marked(string(gateway.APIConfigurationError)))))
}

// marked holds for answers that are to be replaced by the gateway response of this name.
func marked(reply string) *predicate {
	return inputEquals("marked", &envoymatcherv3.HttpResponseHeaderMatchInput{HeaderName: wire.ReplyHeader}, reply)
}

func customResponse(matchers []*matcherconfigv3.Matcher_MatcherList_FieldMatcher) proto.Message {
	if len(matchers) == 0 {
		return nil
	}
	return &customresponsev3.CustomResponse{CustomResponseMatcher: &matcherconfigv3.Matcher{
		MatcherType: &matcherconfigv3.Matcher_MatcherList_{MatcherList: &matcherconfigv3.Matcher_MatcherList{Matchers: matchers}},
	}}
}

func (c *stageCompiler) runtimeMatchers() []*matcherconfigv3.Matcher_MatcherList_FieldMatcher {
	var matchers []*matcherconfigv3.Matcher_MatcherList_FieldMatcher
	for _, t := range runtimeResponses {
		if c.deployment.ResolveGatewayResponse(t) == nil {
			continue
		}
		matchers = append(matchers, c.responseMatcher(t, "", isReply(t)))
	}
	return matchers
}

// isReply matches Envoy's own replies that are a gateway response in its usual form.
func isReply(t gateway.ResponseType) *predicate {
	d := gateway.ResponseDefaults[t]
	return all(
		inputEquals("local", &envoymatcherv3.HttpResponseLocalReplyMatchInput{}, "true"),
		inputEquals("status", &envoymatcherv3.HttpResponseStatusCodeMatchInput{}, strconv.Itoa(d.Status)),
		inputEquals("type", &envoymatcherv3.HttpResponseHeaderMatchInput{HeaderName: errorTypeHeader}, d.ErrorType),
	)
}

// responseMatcher answers a gateway response where the predicate holds. The message is
// an Envoy format; empty means the type's own.
func (c *stageCompiler) responseMatcher(t gateway.ResponseType, message string, when *predicate) *matcherconfigv3.Matcher_MatcherList_FieldMatcher {
	return c.replyMatcher(t, c.gatewayReply(t, message), when)
}

// replyMatcher answers a reply, which is a gateway response of a type, where the predicate
// holds.
func (c *stageCompiler) replyMatcher(t gateway.ResponseType, reply gatewayReply, when *predicate) *matcherconfigv3.Matcher_MatcherList_FieldMatcher {
	headers := append([]*corev3.HeaderValueOption{
		setHeader("content-type", formatLiteral(reply.contentType)),
		setHeader(c.requestIDHeader(), requestIDFormat),
	}, append(c.keptLimitHeaders(t), reply.headers...)...)
	return &matcherconfigv3.Matcher_MatcherList_FieldMatcher{
		Predicate: when,
		OnMatch: &matcherconfigv3.Matcher_OnMatch{OnMatch: &matcherconfigv3.Matcher_OnMatch_Action{
			Action: &xdscorev3.TypedExtensionConfig{
				Name: string(t),
				TypedConfig: anyOf(&localpolicyv3.LocalResponsePolicy{
					StatusCode:           uint32Value(reply.status),
					BodyFormat:           bodyFormat(reply.contentType, reply.body),
					ResponseHeadersToAdd: headers,
					// Said outright: keeping Envoy's own details was seen to log garbage.
					ResponseCodeDetailsAction: &localpolicyv3.LocalResponsePolicy_ResponseCodeDetails{
						ResponseCodeDetails: customDetailsPrefix + string(t),
					},
				}),
			},
		}},
	}
}

type predicate = matcherconfigv3.Matcher_MatcherList_Predicate

func all(list ...*predicate) *predicate {
	return &predicate{MatchType: &matcherconfigv3.Matcher_MatcherList_Predicate_AndMatcher{
		AndMatcher: &matcherconfigv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: list},
	}}
}

func inputEquals(name string, input proto.Message, value string) *predicate {
	return &predicate{MatchType: &matcherconfigv3.Matcher_MatcherList_Predicate_SinglePredicate_{
		SinglePredicate: &matcherconfigv3.Matcher_MatcherList_Predicate_SinglePredicate{
			Input: &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: anyOf(input)},
			Matcher: &matcherconfigv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{
				ValueMatch: &matcherconfigv3.StringMatcher{MatchPattern: &matcherconfigv3.StringMatcher_Exact{Exact: value}},
			},
		},
	}}
}
