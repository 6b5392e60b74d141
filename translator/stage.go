package translator

import (
	"math"
	"regexp"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
	"gatehouse/internal/wire"
)

// A stageCompiler translates the routes of one stage, or of its canary, below one
// base path of one host.
type stageCompiler struct {
	site       *compiledSite
	snapshot   *gateway.Snapshot
	keyAccess  *gateway.KeyAccess
	api        *gateway.API
	stage      *gateway.Stage
	deployment *gateway.Deployment
	variables  map[string]string
	base       string
	// ruleID is that of the routing rule that leads there, or empty.
	ruleID string
	// share is set in what is compiled for a canary.
	share *canaryShare
	// custom caches the route configuration of customised gateway responses.
	custom *proto.Message
	// served is that of routes that the integration service serves, the same for all.
	served *servedReplies
	// stagePlans are the usage plans that have the stage.
	stagePlans []stagePlan
	// planCheck is the check of a key's usage plans, classChecks are those that tell the
	// classes of its buckets, by routes that are alike in these.
	planCheck   *anypb.Any
	classChecks map[string]*anypb.Any
	// refused caches the same with what is said to those who are not let in.
	refused map[string]*anypb.Any
	// The resource policy: its rules for Envoy, nil when it asks for more than they can.
	policyParsed   bool
	policyIdentity iampolicy.API
	addressRules   *iampolicy.AddressRules
}

// A canaryShare is which requests of a stage go to its canary: those with a header, or a
// part of all.
type canaryShare struct {
	header  *gateway.CanaryHeader
	percent float64
}

// A parsedRoute is a route with its path template.
type parsedRoute struct {
	*gateway.Route
	template gateway.PathTemplate
	settings gateway.RouteSettings
}

func (c *stageCompiler) errorf(code string, pos gateway.Position, hint, format string, args ...any) {
	c.site.diags.Errorf(code, pos, "", hint, format, args...)
}

func (c *stageCompiler) warnf(code string, pos gateway.Position, hint, format string, args ...any) {
	c.site.diags.Warnf(code, pos, "", hint, format, args...)
}

func (c *stageCompiler) rest() bool { return c.api.Protocol == gateway.REST }

// keyed reports whether the API is of a kind that knows API keys.
func (c *stageCompiler) keyed() bool { return c.api.Protocol != gateway.HTTP }

// section compiles every route, most specific first.
func (c *stageCompiler) section() section {
	c.checkDeployment()
	if c.api.Protocol == gateway.WebSocket {
		return c.webSocketSection()
	}
	var routes []*parsedRoute
	var fallback *parsedRoute
	for i := range c.deployment.Routes {
		r := &parsedRoute{Route: &c.deployment.Routes[i], settings: settingsOf(c.stage, &c.deployment.Routes[i])}
		if r.Path == gateway.DefaultRoute {
			fallback = r
			continue
		}
		template, err := gateway.ParsePath(r.Path)
		if err != nil {
			c.errorf("invalid-path", r.Source, "", "the path %q cannot be served: %v", r.Path, err)
			continue
		}
		r.template = template
		routes = append(routes, r)
	}
	sortRoutes(routes, c.rest())

	out := section{stop: stop{base: c.base, routes: c.missRoutes(fallback)}}
	out.candidates = append(out.candidates, c.toolEndpoint()...)
	if unknown := c.unknownEncodingRoute(); unknown != nil {
		out.candidates = append(out.candidates, candidate{base: c.base, everything: true, looseSlash: true, routes: []*routev3.Route{unknown}})
	}
	if preflight := c.preflightRoutes(); len(preflight) > 0 {
		out.candidates = append(out.candidates, candidate{base: c.base, everything: true, looseSlash: true, routes: preflight})
	}
	for _, r := range routes {
		if envoyRoutes := c.routes(r); len(envoyRoutes) > 0 {
			out.candidates = append(out.candidates, candidate{
				base: c.base, template: r.template, looseSlash: c.rest(), routes: envoyRoutes,
			})
		}
	}
	return out
}

// missRoutes answer what no route matches below the base: an HTTP API's $default
// route, or the reply for the unknown.
func (c *stageCompiler) missRoutes(fallback *parsedRoute) []*routev3.Route {
	if fallback != nil {
		if routes := c.routes(fallback); len(routes) > 0 {
			return routes
		}
	}
	route := c.newRoute("no route", c.everythingMatch(""))
	if c.rest() {
		c.replyGatewayResponse(route, gateway.MissingAuthenticationToken, "")
		return []*routev3.Route{route}
	}
	replyJSON(route, 404, "Not Found", "")
	return append(c.corsMissRoutes(), route)
}

// everythingMatch matches all paths below the base, and the base itself.
func (c *stageCompiler) everythingMatch(method string) *routev3.RouteMatch {
	m := c.routeMatch(method)
	if c.base == "" {
		m.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: "/"}
	} else {
		m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: c.base}
	}
	return m
}

// newRoute begins a route with what all routes of the stage share.
func (c *stageCompiler) newRoute(name string, match *routev3.RouteMatch) *routev3.Route {
	metadata := map[string]*structpb.Value{
		wire.MetadataAPI:      structpb.NewStringValue(c.api.ID),
		wire.MetadataStage:    structpb.NewStringValue(c.stage.Name),
		wire.MetadataRoute:    structpb.NewStringValue(name),
		wire.MetadataProtocol: structpb.NewStringValue(string(c.api.Protocol)),
	}
	if c.share != nil {
		metadata[wire.MetadataCanary] = structpb.NewStringValue("true")
	}
	r := &routev3.Route{
		Match: match,
		Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
			wire.MetadataNamespace: {Fields: metadata},
		}},
		ResponseHeadersToAdd: []*corev3.HeaderValueOption{c.requestID()},
		TypedPerFilterConfig: map[string]*anypb.Any{},
	}
	if c.site.telemetry {
		// The name is told of each request, for less than metadata would cost.
		r.Name = wire.LoggedRoute{API: c.api.ID, Stage: c.stage.Name, Canary: c.share != nil, Rule: c.ruleID, Route: name}.String()
	}
	c.trace(r, name)
	if c.repliesNameNetworks() {
		c.readNetworks(r)
	}
	if config := c.customResponses(); config != nil {
		r.TypedPerFilterConfig[filterResponses] = enabled(config)
	}
	return r
}

// requestIDFormat is Envoy's request id: a UUID, in the request header and the log.
const requestIDFormat = "%REQ(X-REQUEST-ID)%"

// requestID puts the request's id into the response. HTTP APIs append theirs: looking
// for one that a backend has set, which only Amazon's own gateway does, costs 4 % of a
// request.
func (c *stageCompiler) requestID() *corev3.HeaderValueOption {
	if c.api.Protocol != gateway.HTTP {
		return setHeader(c.requestIDHeader(), requestIDFormat)
	}
	return appendHeader(c.requestIDHeader(), requestIDFormat)
}

// requestIDHeader is the response header that carries the request id.
func (c *stageCompiler) requestIDHeader() string {
	if c.api.Protocol != gateway.HTTP {
		return "x-amzn-requestid"
	}
	return "apigw-requestid"
}

func setHeader(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// pathMatch matches the route's path. RouteMatches are one for each form: with a
// slash at the end, too, for REST APIs.
func (c *stageCompiler) pathMatches(r *parsedRoute) []*routev3.RouteMatch {
	exact := func(path string) *routev3.RouteMatch {
		m := c.routeMatch(r.Method)
		m.PathSpecifier = &routev3.RouteMatch_Path{Path: path}
		return m
	}
	switch {
	case r.Path == gateway.DefaultRoute:
		return []*routev3.RouteMatch{c.everythingMatch("")}
	case len(r.template) == 0:
		if c.base == "" {
			return []*routev3.RouteMatch{exact("/")}
		}
		return []*routev3.RouteMatch{exact(c.base + "/"), exact(c.base)}
	case len(r.template.Variables()) == 0:
		path := c.base + r.template.String()
		if c.rest() {
			return []*routev3.RouteMatch{exact(path), exact(path + "/")}
		}
		return []*routev3.RouteMatch{exact(path)}
	}
	m := c.routeMatch(r.Method)
	m.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: regexMatcher(c.pathPattern(r.template, false)).GetSafeRegex()}
	return []*routev3.RouteMatch{m}
}

// pathPattern is a regular expression for a template below the base, with a group
// for each variable when asked for. It spans the whole path.
func (c *stageCompiler) pathPattern(t gateway.PathTemplate, groups bool) string {
	open, end := "", ""
	if groups {
		open, end = "(", ")"
	}
	var b strings.Builder
	b.WriteString("^" + regexp.QuoteMeta(c.base))
	for _, s := range t {
		b.WriteByte('/')
		switch {
		case s.Greedy:
			b.WriteString(open + ".+" + end)
		case s.Variable != "":
			b.WriteString(open + "[^/]+" + end)
		default:
			b.WriteString(regexp.QuoteMeta(s.Literal))
		}
	}
	if c.rest() && !t.Greedy() {
		b.WriteString("/?")
	}
	b.WriteByte('$')
	return b.String()
}

// settingsOf merges the stage's settings for a route over those for all routes.
func settingsOf(stage *gateway.Stage, r *gateway.Route) gateway.RouteSettings {
	var merged gateway.RouteSettings
	for _, key := range []string{"*", r.Key()} {
		for _, s := range stage.Settings {
			if s.RouteKey != key {
				continue
			}
			merged.Source = s.Source
			if s.MaxRequestBytes != nil {
				merged.MaxRequestBytes = s.MaxRequestBytes
			}
			if s.TimeoutMillis != nil {
				merged.TimeoutMillis = s.TimeoutMillis
			}
			if s.Retry != nil {
				merged.Retry = s.Retry
			}
			if s.Throttle != nil {
				merged.Throttle = s.Throttle
			}
		}
	}
	return merged
}

// timeout of a route's integration: the stage's setting, the integration's own,
// Amazon's default for the kind of API.
func (c *stageCompiler) timeout(r *parsedRoute) *durationpb.Duration {
	switch {
	case r.settings.TimeoutMillis != nil:
		return millis(*r.settings.TimeoutMillis)
	case r.Integration.TimeoutMillis > 0:
		return millis(r.Integration.TimeoutMillis)
	}
	return durationpb.New(r.Integration.DefaultTimeout(c.api.Protocol))
}

// fraction is a percentage with four decimals, Envoy's finest.
func fraction(percent float64) *corev3.RuntimeFractionalPercent {
	return &corev3.RuntimeFractionalPercent{DefaultValue: &typev3.FractionalPercent{
		Numerator:   uint32(math.Round(percent * 10_000)),
		Denominator: typev3.FractionalPercent_MILLION,
	}}
}
