package integration

import (
	"fmt"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// handler answers the requests of one route. There is one for each kind of integration.
type handler interface {
	// kind names it in metrics.
	kind() string
	serve(*exchange)
}

// handlerOf makes the handler of a route; nil when Envoy serves the route without us, or
// something is wrong with it, which is reported.
func (b *stageCompiler) handlerOf(r *gateway.Route) handler {
	in := r.Integration
	switch {
	case in == nil:
		return nil
	case in.IsLambdaProxy():
		return b.lambdaProxy(r)
	case in.Type == gateway.IntegrationAWSProxy:
		return b.firstClass(r)
	case !b.everything && !b.of.NeedsService(r):
		return nil
	case in.Type == gateway.IntegrationMock:
		return b.mapped(r, "mock", mock{})
	case in.Type == gateway.IntegrationHTTP:
		return b.http(r)
	case in.Type == gateway.IntegrationHTTPProxy:
		return b.httpProxy(r)
	case in.Type == gateway.IntegrationAWS:
		return b.service(r)
	}
	return nil
}

// Compiled is a snapshot made ready to be served. It is not changed once it is made.
type Compiled struct {
	revision string
	stages   map[stageKey]*stage
	// parsed are templates by their text.
	parsed map[string]parsedTemplate
	// upstreams are the keys of those that are called.
	upstreams map[string]bool
	// functions and keys are the snapshot's.
	functions []gateway.Function
	keys      map[string]gateway.Secret
	// previous is where stages may be taken from, while this is made.
	previous *Compiled
	// everything: there is no Envoy that serves some of the routes.
	everything bool
}

// Revision is that of the snapshot.
func (c *Compiled) Revision() string { return c.revision }

// stageKey names what one stage serves: its own deployment, or that of its canary.
type stageKey struct {
	api, stage string
	canary     bool
}

// stage is the routes of a deployment with the settings of a stage.
type stage struct {
	api        string
	account    string
	name       string
	canary     bool
	protocol   gateway.Protocol
	variables  map[string]string
	deployment *gateway.Deployment
	// snapshot and from, the stage in it, are there while the stage is compiled.
	snapshot *gateway.Snapshot
	from     *gateway.Stage
	routes   map[string]*route
	// binary are the media types whose bodies are bytes (REST).
	binary mediaTypes
	// cache is the stage of the definition, which says how answers are kept; nil without a
	// cache.
	cache *gateway.Stage
	// customised are the values of wire.ReplyHeader that Envoy has answers of the API's own
	// for.
	customised map[string]bool
	// found are the problems that it has.
	found gateway.Diagnostics
}

func (s *stage) rest() bool { return s.protocol == gateway.REST }

// route is what is known of a route beforehand.
type route struct {
	stage *stage
	*gateway.Route
	key        string
	resourceID string
	template   gateway.PathTemplate
	handler    handler
	// execution is how much is told of its requests.
	execution gateway.ExecutionDetail
	// identity are the headers and query parameters by which callers make themselves known
	// to its authorizer.
	identity []identityParameter
}

// Compile makes a snapshot ready for a Server, and reports everything that could not be
// served; nothing is made of one with errors.
func Compile(snapshot *gateway.Snapshot) (*Compiled, gateway.Diagnostics) {
	return compile(snapshot, nil)
}

// compile takes what has not changed from what is served.
func compile(snapshot *gateway.Snapshot, previous *Compiled) (*Compiled, gateway.Diagnostics) {
	c := newCompiled(snapshot)
	if previous != nil && sameFunctions(previous.functions, snapshot.Functions) {
		c.previous = previous
	}
	found := c.compile(snapshot)
	if found.HasErrors() {
		return nil, found
	}
	return c, found
}

func newCompiled(snapshot *gateway.Snapshot) *Compiled {
	return &Compiled{
		revision: snapshot.Revision(), stages: map[stageKey]*stage{}, functions: snapshot.Functions, keys: keyValues(snapshot.APIKeys),
		parsed: map[string]parsedTemplate{}, upstreams: map[string]bool{},
	}
}

func (c *Compiled) compile(snapshot *gateway.Snapshot) gateway.Diagnostics {
	// What was parsed is of use as long as others may have the same text only.
	defer func() { c.previous, c.parsed = nil, nil }()
	var found gateway.Diagnostics
	for i := range snapshot.APIs {
		api := &snapshot.APIs[i]
		if api.Protocol == gateway.WebSocket {
			continue // Package websocket serves those.
		}
		for j := range api.Stages {
			st := &api.Stages[j]
			c.compileStage(snapshot, api, st, st.Deployment, st.Variables, false, &found)
			if st.Canary != nil {
				deployment := st.Canary.Deployment
				if deployment == nil {
					deployment = st.Deployment
				}
				c.compileStage(snapshot, api, st, deployment, st.CanaryVariables(), true, &found)
			}
		}
	}
	found.Sort()
	return found
}

func (c *Compiled) compileStage(snapshot *gateway.Snapshot, api *gateway.API, of *gateway.Stage, deployment *gateway.Deployment, variables map[string]string, canary bool, found *gateway.Diagnostics) {
	if deployment == nil {
		return // Validate reports it.
	}
	key := stageKey{api.ID, of.Name, canary}
	if known := c.known(key, api, of, deployment, variables); known != nil {
		c.stages[key] = known
		*found = append(*found, known.found...)
		return
	}
	st := &stage{
		api: api.ID, account: api.Home().Account, name: of.Name, canary: canary, protocol: api.Protocol, variables: variables,
		deployment: deployment, snapshot: snapshot, from: of, routes: map[string]*route{},
		binary: mediaTypesOf(deployment.BinaryMediaTypes), customised: map[string]bool{},
	}
	if of.Cache != nil && st.rest() {
		st.cache = of
	}
	if st.rest() {
		for t := range gateway.ResponseDefaults {
			st.customised[string(t)] = deployment.ResolveGatewayResponse(t) != nil
		}
		custom := deployment.GatewayResponse(gateway.Default5XX) != nil
		st.customised[wire.ReplyMalformed], st.customised[wire.ReplyOverloaded] = custom, custom
	}
	defer func() {
		st.snapshot, st.from = nil, nil
		*found = append(*found, st.found...)
	}()
	b := &stageCompiler{stage: st, of: of, found: &st.found, parsed: c.parsed, upstreams: c.upstreams, everything: c.everything}
	for i := range deployment.Routes {
		r := &deployment.Routes[i]
		h := b.handlerOf(r)
		if h == nil {
			continue
		}
		if st.cache != nil {
			h = b.cached(r, h)
		}
		compiled := &route{stage: st, Route: r, key: r.Key(), resourceID: lambdaevent.ResourceID(r.Path), handler: h, execution: of.RouteExecution(r.Key())}
		if compiled.execution.Data() {
			compiled.identity = identityOf(deployment, r)
		}
		if r.Path != gateway.DefaultRoute {
			// A path that cannot be read is reported by Validate.
			compiled.template, _ = gateway.ParsePath(r.Path)
		}
		st.routes[compiled.key] = compiled
	}
	c.stages[key] = st
}

// stageCompiler makes the routes of one stage.
type stageCompiler struct {
	stage *stage
	// of is where the stage's settings are.
	of     *gateway.Stage
	found  *gateway.Diagnostics
	parsed map[string]parsedTemplate
	// upstreams are for Compiled.
	upstreams map[string]bool
	// contentHash is for contentOf.
	contentHash string
	// everything is Compiled's.
	everything bool
}

func (b *stageCompiler) errorf(code string, pos gateway.Position, hint, format string, args ...any) {
	b.found.Errorf(code, pos, "", hint, format, args...)
}

// uri is an integration's, with the stage's variables filled in.
func (b *stageCompiler) uri(in *gateway.Integration) (string, bool) {
	text, missing := gateway.ResolveStageVariables(in.URI, b.stage.variables)
	if len(missing) > 0 {
		b.errorf("unset-stage-variable", in.URISource, fmt.Sprintf("add it to the variables of stage %s", b.stage.name),
			"the stage variable %s of the integration URI is not set in stage %s/%s", strings.Join(missing, ", "), b.stage.api, b.stage.name)
		return "", false
	}
	return text, true
}
