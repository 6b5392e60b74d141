package websocket

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration/upstream"
	"gatehouse/integration/vtl"
	"gatehouse/internal/amazon"
	"gatehouse/internal/lambda"
)

// Compiled is a snapshot made ready to be served. It is not changed once it is made.
type Compiled struct {
	stages map[stageKey]*stage
	// upstreams are the keys of those that are called.
	upstreams map[string]bool
}

// stageKey names a stage.
type stageKey struct{ api, stage string }

// stage is what one stage of a WebSocket API does.
type stage struct {
	key       stageKey
	variables map[string]string
	selection gateway.SelectionExpression
	routes    map[string]*route
	// idle and duration bound its connections.
	idle, duration time.Duration
	throttle       *gateway.Throttle
	// execution is how much is told of the events of a route.
	execution func(routeKey string) gateway.ExecutionDetail
	// identity is by what clients say who they are that want to connect.
	identity []string
}

// route is what a message, or the beginning or the end of a connection, leads to.
type route struct {
	key string
	// target is nil where there is nothing to call.
	target  target
	timeout time.Duration
	// twoWay: the answer is sent to the client.
	twoWay bool
	// responses map the answers of integrations that are no proxies.
	responses *responses
	// proxy: the answer decides whether a client may connect.
	proxy bool
	// models hold messages to schemas; nil for none.
	models   *models
	throttle *gateway.Throttle
}

// Compile reports everything that could not be served at run time.
func Compile(s *gateway.Snapshot) gateway.Diagnostics {
	_, ds := compile(s, callers{})
	return ds
}

// callers are what integrations are called by.
type callers struct {
	invoker Invoker
	// services are found by the one, and called over the other.
	services  *amazon.Client
	transport http.RoundTripper
	backends  *upstream.Pools
}

type compiler struct {
	callers
	snapshot *gateway.Snapshot
	found    gateway.Diagnostics
	// upstreams are for Compiled.
	upstreams map[string]bool

	api       *gateway.API
	stageOf   *gateway.Stage
	variables map[string]string
}

func (c *compiler) errorf(code string, pos gateway.Position, hint, format string, args ...any) {
	c.found.Errorf(code, pos, "", hint, format, args...)
}

func compile(s *gateway.Snapshot, by callers) (*Compiled, gateway.Diagnostics) {
	c := &compiler{callers: by, snapshot: s, upstreams: map[string]bool{}}
	out := &Compiled{stages: map[stageKey]*stage{}, upstreams: c.upstreams}
	for i := range s.APIs {
		api := &s.APIs[i]
		if api.Protocol != gateway.WebSocket {
			continue
		}
		c.api = api
		for j := range api.Stages {
			st := c.stage(&api.Stages[j])
			out.stages[st.key] = st
		}
	}
	c.found.Sort()
	if c.found.HasErrors() {
		return nil, c.found
	}
	return out, c.found
}

func (c *compiler) stage(from *gateway.Stage) *stage {
	c.stageOf, c.variables = from, from.Variables
	st := &stage{
		key: stageKey{c.api.ID, from.Name}, variables: from.Variables, routes: map[string]*route{},
		idle:     millis(cmp.Or(from.IdleMillis, gateway.DefaultIdleMillis)),
		duration: millis(cmp.Or(from.DurationMillis, gateway.DefaultDurationMillis)),
		throttle: from.Throttle, execution: from.RouteExecution,
	}
	c.throttle(from.Throttle)
	for i := range from.Settings {
		c.settings(&from.Settings[i])
	}
	d := from.Deployment
	if d == nil {
		return st // Validate reports it.
	}
	st.identity = identityOf(d)
	st.selection = c.selection(d.RouteSelectionExpression, d.Source)
	set := c.schemas(d)
	for i := range d.Routes {
		r := c.route(from, &d.Routes[i])
		r.models = c.models(set, d, &d.Routes[i])
		st.routes[r.key] = r
	}
	return st
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// throttle refuses what nobody would count.
func (c *compiler) throttle(t *gateway.Throttle) {
	if t != nil && t.Shared {
		c.errorf("unsupported-limit", t.Source, "leave scope out", "messages are counted where their connection is: a throttle of a WebSocket API cannot be shared")
	}
}

func (c *compiler) settings(s *gateway.RouteSettings) {
	c.throttle(s.Throttle)
	if s.Retry != nil || s.MaxRequestBytes != nil || s.TimeoutMillis != nil && *s.TimeoutMillis == 0 {
		c.errorf("unsupported-setting", s.Source, "remove it", "routes of WebSocket APIs have the settings timeout, which is not 0s, and throttle")
	}
}

func (c *compiler) selection(text string, pos gateway.Position) gateway.SelectionExpression {
	e, err := gateway.ParseSelection(text)
	if err != nil && text != "" {
		c.errorf("invalid-selection-expression", pos, "", "%v", err)
	}
	return e
}

func (c *compiler) route(from *gateway.Stage, r *gateway.Route) *route {
	out := &route{key: r.Path, twoWay: r.ResponseSelectionExpression != "", timeout: defaultTimeout, throttle: from.RouteThrottle(r.Path)}
	in := r.Integration
	if in == nil {
		return out
	}
	if in.TimeoutMillis > 0 {
		out.timeout = millis(in.TimeoutMillis)
	}
	for _, key := range []string{"*", r.Path} {
		for _, s := range from.Settings {
			if s.RouteKey == key && s.TimeoutMillis != nil {
				out.timeout = millis(*s.TimeoutMillis)
			}
		}
	}
	switch in.Type {
	case gateway.IntegrationAWSProxy:
		out.proxy = true
		if f := c.function(in, r.Path); f != nil {
			out.target = f
		}
	case gateway.IntegrationAWS:
		uri, _ := gateway.ResolveStageVariables(in.URI, c.variables) // Validate reports what is missing.
		if amazon.IsServiceURI(uri) {
			if s := c.service(in, uri, r.Path); s != nil {
				out.target = s
			}
		} else if f := c.customFunction(in, r.Path); f != nil {
			out.target = f
		}
		out.responses = c.responses(in)
	case gateway.IntegrationHTTPProxy, gateway.IntegrationHTTP:
		out.proxy = in.Type == gateway.IntegrationHTTPProxy
		if p := c.endpoint(in, r.Path); p != nil {
			out.target = p
		}
		if !out.proxy {
			out.responses = c.responses(in)
		}
	case gateway.IntegrationMock:
		if len(in.RequestTemplates) == 0 {
			c.errorf("mock-without-status", in.Source, `add requestTemplates: {$default: '{"statusCode": 200}'}`, "the MOCK integration of %s has no request template, which says its status", r.Path)
		}
		out.target = &mock{c.templates(in.RequestTemplates, in.TemplateSelectionExpression, in.PassthroughBehavior, in.Source)}
		out.responses = c.responses(in)
		// Its status is the route's own word.
		out.proxy = true
	default:
		c.errorf("unsupported-integration", in.Source, "WebSocket APIs have AWS, AWS_PROXY, HTTP, HTTP_PROXY and MOCK integrations", "%s has an integration of type %s", r.Path, in.Type)
	}
	return out
}

func (c *compiler) function(in *gateway.Integration, key string) *function {
	uri, _ := gateway.ResolveStageVariables(in.URI, c.variables) // Validate reports what is missing.
	target, err := lambda.Find(uri, c.snapshot.Functions)
	switch {
	case errors.Is(err, lambda.ErrUnknown):
		c.errorf("unknown-function", in.URISource, "add it to functions:, or write its ARN", "the integration of %s calls the function %s, which is not defined", key, target)
	case err != nil:
		c.errorf("invalid-uri", in.URISource, "write the ARN of a function, its name, or arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION-ARN/invocations", "the integration of %s: %v", key, err)
	case in.Credentials != "" && (target.URL != "" || target.Endpoint != ""):
		c.found.Warnf("no-effect", in.Source, "", "", "the credentials of %s have no effect: its function is not called at AWS", key)
		return &function{c.invoker, target}
	default:
		var ok bool
		if target.Role, ok = c.role(in, key); ok {
			return &function{c.invoker, target}
		}
	}
	return nil
}

// responses choose what is sent to the client of what an integration that is no proxy
// has answered.
type responses struct {
	selection gateway.SelectionExpression
	list      []response
}

type response struct {
	// pattern is nil for the default response.
	pattern   *regexp.Regexp
	templates *templates
}

func (c *compiler) responses(in *gateway.Integration) *responses {
	out := &responses{}
	if in.ResponseSelectionExpression != "" {
		out.selection = c.selection(in.ResponseSelectionExpression, in.Source)
	}
	for _, from := range in.Responses {
		pattern, err := gateway.ParseResponseKey(from.SelectionPattern)
		if err != nil {
			c.errorf("invalid-pattern", from.Source, "", "%v", err)
			continue
		}
		out.list = append(out.list, response{pattern, c.templates(from.ResponseTemplates, "", "", from.Source)})
	}
	return out
}

// render makes the text for the client. The first response whose pattern fits is taken,
// else the default one; without any, the answer goes on as it is.
func (rs *responses) render(ctx context.Context, e *event, a *answer) (vtl.Output, error) {
	asItIs := vtl.Output{Text: string(a.body), Overrides: a.overrides}
	if rs == nil {
		return asItIs, nil
	}
	key := ""
	if rs.selection != nil {
		key = rs.selection.Select(func(part gateway.SelectionPart) string { return a.part(part) })
	}
	var fallback *response
	for i := range rs.list {
		r := &rs.list[i]
		if r.pattern == nil {
			fallback = r
			continue
		}
		if rs.selection != nil && r.pattern.MatchString(key) {
			return r.templates.render(ctx, e, a.body, a.overrides)
		}
	}
	if fallback != nil {
		return fallback.templates.render(ctx, e, a.body, a.overrides)
	}
	return asItIs, nil
}
