package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// cacheOf is a REST stage with a cache, and routes.
func cacheOf(change func(*gateway.Stage), routes ...gateway.Route) *gateway.Snapshot {
	s := snapshot(gateway.REST, &gateway.Deployment{Routes: routes})
	st := &s.APIs[0].Stages[0]
	st.Cache = &gateway.StageCache{Bytes: 8 << 20}
	if change != nil {
		change(st)
	}
	return s
}

// keyedBy has a route's answers depend on parameters.
func keyedBy(parameters ...string) func(*gateway.Route) {
	return func(r *gateway.Route) { r.Integration.CacheKeyParameters = parameters }
}

func mapped(target, source string) func(*gateway.Route) {
	return func(r *gateway.Route) {
		r.Integration.RequestParameters = append(r.Integration.RequestParameters, gateway.ParameterMapping{Target: target, Source: source})
	}
}

// counting functions return how often one was called.
func (s *service) counting() *atomic.Int64 {
	var calls atomic.Int64
	s.lambdas.call = func(context.Context, lambda.Target, []byte) ([]byte, error) {
		return json.Marshal(map[string]any{"statusCode": 200, "headers": map[string]string{"X-A": "b"}, "body": fmt.Sprint(calls.Add(1))})
	}
	return &calls
}

// Requests share an answer if, and only if, they have the same key. The key is made of the
// method and of the parameters that are declared, and of nothing else.
func TestCacheKeys(t *testing.T) {
	type request struct {
		route, method, target string
		headers               []string
	}
	get := func(target string, headers ...string) request {
		return request{"", "GET", target, headers}
	}
	lambdaAuthorized := func(r *gateway.Route) {
		r.Authorization = &gateway.Authorization{Type: gateway.AuthorizationLambda, Authorizer: "a"}
	}
	for name, c := range map[string]struct {
		route gateway.Route
		a, b  request
		same  bool
	}{
		"nothing declared: the query":  {lambdaRoute("GET", "/x"), get("/v1/x?a=1"), get("/v1/x?a=2"), true},
		"nothing declared: a header":   {lambdaRoute("GET", "/x"), get("/v1/x", "A", "1"), get("/v1/x", "A", "2"), true},
		"nothing declared: a variable": {lambdaRoute("GET", "/{id}"), get("/v1/1"), get("/v1/2"), true},
		"a variable of the path":       {lambdaRoute("GET", "/{id}", keyedBy("method.request.path.id")), get("/v1/1"), get("/v1/2"), false},
		"a greedy variable":            {lambdaRoute("GET", "/{p+}", keyedBy("method.request.path.p")), get("/v1/1/2"), get("/v1/1/3"), false},
		"the same variable":            {lambdaRoute("GET", "/{id}", keyedBy("method.request.path.id")), get("/v1/1?x"), get("/v1/1?y"), true},
		"a query parameter":            {lambdaRoute("GET", "/x", keyedBy("method.request.querystring.a")), get("/v1/x?a=1"), get("/v1/x?a=2"), false},
		"another query parameter":      {lambdaRoute("GET", "/x", keyedBy("method.request.querystring.a")), get("/v1/x?a=1&b=1"), get("/v1/x?b=2&a=1"), true},
		"one that is encoded":          {lambdaRoute("GET", "/x", keyedBy("method.request.querystring.a")), get("/v1/x?a=%31"), get("/v1/x?a=1"), true},
		"empty and absent":             {lambdaRoute("GET", "/x", keyedBy("method.request.querystring.a")), get("/v1/x?a="), get("/v1/x"), false},
		// A function is shown them all.
		"an earlier value of several": {lambdaRoute("GET", "/x", keyedBy("method.request.querystring.a")), get("/v1/x?a=1&a=3"), get("/v1/x?a=2&a=3"), false},
		"two values, or one of both":  {lambdaRoute("GET", "/x", keyedBy("method.request.querystring.a")), get("/v1/x?a=1&a=2"), get("/v1/x?a=1%26a=2"), false},
		"two parameters":              {lambdaRoute("GET", "/x", keyedBy("method.request.querystring.a", "method.request.querystring.b")), get("/v1/x?a=1"), get("/v1/x?b=1"), false},
		"a header":                    {lambdaRoute("GET", "/x", keyedBy("method.request.header.x-a")), get("/v1/x", "X-A", "1"), get("/v1/x", "X-A", "2"), false},
		"a header with two values":    {lambdaRoute("GET", "/x", keyedBy("method.request.header.x-a")), get("/v1/x", "X-A", "1", "X-A", "2"), get("/v1/x", "X-A", "1,2"), false},
		"a mapped parameter": {lambdaRoute("GET", "/x", keyedBy("integration.request.header.h"), mapped("integration.request.header.h", "method.request.querystring.a")),
			get("/v1/x?a=1"), get("/v1/x?a=2"), false},
		"a constant": {lambdaRoute("GET", "/x", keyedBy("integration.request.header.h"), mapped("integration.request.header.h", "'c'")),
			get("/v1/x?a=1"), get("/v1/x?a=2"), true},
		"the caller": {lambdaRoute("GET", "/x", lambdaAuthorized, keyedBy("integration.request.header.h"), mapped("integration.request.header.h", "context.authorizer.principalId")),
			get("/v1/x", wire.AuthorizerHeader, `{"principalId":"1"}`), get("/v1/x", wire.AuthorizerHeader, `{"principalId":"2"}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.counting()
			s.serve(cacheOf(nil, c.route))
			ask := func(r request) response { return s.ask(c.route.Key(), r.method, r.target, "", r.headers...) }
			first, second := ask(c.a), ask(c.b)
			if again := ask(c.a); first.body != "1" || again.body != "1" {
				t.Errorf("the same request again: %q after %q", again.body, first.body)
			}
			if same := first.body == second.body; same != c.same {
				t.Errorf("%q and %q", first.body, second.body)
			}
		})
	}
}

// What is kept is the answer to the last byte, but for the id that is each request's own.
func TestCacheHit(t *testing.T) {
	registry := prometheus.NewRegistry()
	var told []string
	s := newService(t, func(o *integration.Options) {
		o.Registerer = registry
		o.Cached = func(id, result string) { told = append(told, id+" "+result) }
	})
	s.counting()
	s.serve(cacheOf(nil, lambdaRoute("GET", "/x")))
	first := s.ask("GET /x", "GET", "/v1/x", "", "X-Request-Id", "id-1")
	if want := []string{"id-1 miss"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	second := s.ask("GET /x", "GET", "/v1/x", "", "X-Amzn-Trace-Id", "Root=1-2-3;Parent=4;Sampled=0")
	if second.StatusCode != 200 || second.body != first.body || second.Header.Get("X-A") != "b" || second.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
		t.Errorf("%d %v %q", second.StatusCode, second.Header, second.body)
	}
	if second.Header.Get("X-Amzn-Trace-Id") == first.Header.Get("X-Amzn-Trace-Id") || len(second.Header.Values("X-Amzn-Trace-Id")) != 1 {
		t.Error(second.Header.Values("X-Amzn-Trace-Id"))
	}
	want := `# HELP gatehouse_stage_cache_requests_total Requests of routes whose answers are kept, by API and stage, and whether there was one: hit, miss, or refresh where the client asked for a new one.
# TYPE gatehouse_stage_cache_requests_total counter
gatehouse_stage_cache_requests_total{api="a",result="hit",stage="v1"} 1
gatehouse_stage_cache_requests_total{api="a",result="miss",stage="v1"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "gatehouse_stage_cache_requests_total"); err != nil {
		t.Error(err)
	}
}

// Answers of the integration are kept, failures are not, nor what is one caller's.
func TestWhatIsCached(t *testing.T) {
	for name, c := range map[string]struct {
		result string
		fails  error
		kept   bool
	}{
		"200":               {result: `{"statusCode":200,"body":"x"}`, kept: true},
		"204":               {result: `{"statusCode":204}`, kept: true},
		"404":               {result: `{"statusCode":404,"body":"no"}`, kept: true},
		"499":               {result: `{"statusCode":499}`, kept: true},
		"500":               {result: `{"statusCode":500}`},
		"a session":         {result: `{"statusCode":200,"headers":{"set-cookie":"a=b"}}`},
		"1 MiB":             {result: `{"statusCode":200,"body":"` + strings.Repeat("x", 1<<20) + `"}`, kept: true},
		"more than 1 MiB":   {result: `{"statusCode":200,"body":"` + strings.Repeat("x", 1<<20+1) + `"}`},
		"no answer":         {result: `{"statusCode":"yes"}`},
		"invalid base64":    {result: `{"statusCode":200,"body":"?","isBase64Encoded":true}`},
		"a failed call":     {fails: errors.New("unreachable")},
		"its own warning":   {result: `{"statusCode":200,"headers":{"Warning":"110 - \"stale\""}}`, kept: true},
		"a failed function": {fails: &lambda.FunctionError{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			calls := 0
			s.lambdas.call = func(context.Context, lambda.Target, []byte) ([]byte, error) {
				calls++
				return []byte(c.result), c.fails
			}
			// Every media type is bytes, so that base64 is decoded.
			d := cacheOf(nil, lambdaRoute("GET", "/x"))
			d.APIs[0].Stages[0].Deployment.BinaryMediaTypes = []string{"*/*"}
			s.serve(d)
			first := s.ask("GET /x", "GET", "/v1/x", "")
			second := s.ask("GET /x", "GET", "/v1/x", "")
			if kept := calls == 1; kept != c.kept {
				t.Errorf("%d calls", calls)
			}
			if first.StatusCode != second.StatusCode || first.body != second.body || first.Header.Get("Warning") != second.Header.Get("Warning") {
				t.Errorf("%d %v, then %d %v", first.StatusCode, first.Header, second.StatusCode, second.Header)
			}
		})
	}
}

// Which answers are kept is up to the stage, then the route.
func TestCacheSettings(t *testing.T) {
	yes, no, zero, minute := true, false, int64(0), int64(60)
	set := func(key string, c gateway.CacheSettings) func(*gateway.Stage) {
		return func(s *gateway.Stage) {
			s.Settings = append(s.Settings, gateway.RouteSettings{RouteKey: key, Cache: &c})
		}
	}
	for name, c := range map[string]struct {
		change     func(*gateway.Stage)
		definition string
		method     string
		kept       bool
	}{
		"GET":                          {nil, "GET", "GET", true},
		"no cache":                     {func(s *gateway.Stage) { s.Cache = nil }, "GET", "GET", false},
		"POST":                         {nil, "POST", "POST", false},
		"POST, said for all":           {set("*", gateway.CacheSettings{Enabled: &yes}), "POST", "POST", false},
		"POST, said for it":            {set("POST /x", gateway.CacheSettings{Enabled: &yes}), "POST", "POST", true},
		"GET, switched off":            {set("GET /x", gateway.CacheSettings{Enabled: &no}), "GET", "GET", false},
		"GET, all switched off":        {set("*", gateway.CacheSettings{Enabled: &no}), "GET", "GET", false},
		"GET, the stage switched off":  {func(s *gateway.Stage) { s.Cache.Enabled = &no }, "GET", "GET", false},
		"GET, for no time":             {set("GET /x", gateway.CacheSettings{TTLSeconds: &zero}), "GET", "GET", false},
		"GET, for a minute":            {set("GET /x", gateway.CacheSettings{TTLSeconds: &minute}), "GET", "GET", true},
		"any method":                   {nil, "ANY", "GET", false},
		"any method, said for it":      {set("ANY /x", gateway.CacheSettings{Enabled: &yes}), "ANY", "GET", true},
		"POST of any method, for it":   {set("ANY /x", gateway.CacheSettings{Enabled: &yes}), "ANY", "POST", false},
		"GET, on only for its own key": {func(s *gateway.Stage) { s.Cache.Enabled = &no; set("GET /x", gateway.CacheSettings{Enabled: &yes})(s) }, "GET", "GET", true},
	} {
		s := newService(t)
		calls := s.counting()
		s.serve(cacheOf(c.change, lambdaRoute(c.definition, "/x")))
		for range 2 {
			if r := s.ask(c.definition+" /x", c.method, "/v1/x", "body"); r.StatusCode != 200 {
				t.Errorf("%s: %d", name, r.StatusCode)
			}
		}
		if kept := calls.Load() == 1; kept != c.kept {
			t.Errorf("%s: %d calls", name, calls.Load())
		}
	}
}

// Answers are kept for their time, until the stage is flushed, and for one deployment with
// its variables.
func TestCacheEnds(t *testing.T) {
	clock := atomic.Int64{}
	s := newService(t, func(o *integration.Options) {
		o.Now = func() time.Time { return time.Unix(1_700_000_000+clock.Load(), 0) }
	})
	calls := s.counting()
	of := cacheOf
	s.serve(of(nil, lambdaRoute("GET", "/x")))
	expect := func(what string, want int64) {
		t.Helper()
		if s.ask("GET /x", "GET", "/v1/x", ""); calls.Load() != want {
			t.Errorf("%s: %d calls, want %d", what, calls.Load(), want)
		}
	}
	expect("at first", 1)
	clock.Store(299)
	expect("in time", 1)
	clock.Store(300)
	expect("after 300 seconds", 2)
	if err := s.Flush(t.Context(), "a", "v1"); err != nil {
		t.Error(err)
	}
	expect("after a flush", 3)
	for _, unknown := range [][2]string{{"a", "v2"}, {"b", "v1"}, {"a/v1", ""}} {
		if err := s.Flush(t.Context(), unknown[0], unknown[1]); !errors.Is(err, integration.ErrNoCache) {
			t.Error(unknown, err)
		}
	}
	expect("after a flush of others", 3)
	s.serve(of(nil, lambdaRoute("GET", "/x")))
	expect("the same deployment again", 3)
	s.serve(of(func(st *gateway.Stage) { st.Variables = map[string]string{"env": "q"} }, lambdaRoute("GET", "/x")))
	expect("with other variables", 4)
	s.serve(of(nil, lambdaRoute("GET", "/x"), lambdaRoute("GET", "/y")))
	expect("another deployment", 5)
	canary := of(func(st *gateway.Stage) { st.Canary = &gateway.Canary{Percent: 50} }, lambdaRoute("GET", "/x"), lambdaRoute("GET", "/y"))
	s.serve(canary)
	s.askAs(wire.RouteIdentity{API: "a", Stage: "v1", Canary: true, Base: "/v1", Route: "GET /x"}, "GET", "/v1/x", "")
	if calls.Load() != 6 {
		t.Errorf("a canary of the same deployment: %d calls, want 6", calls.Load())
	}
}

// A canary that uses the stage's cache answers what the stage has kept, and the other way
// round, but not to callers of whom the stage's own route would ask more.
func TestCanaryUsesStageCache(t *testing.T) {
	s := newService(t)
	calls := s.counting()
	guarded := lambdaRoute("GET", "/guarded", func(r *gateway.Route) { r.Authorization = &gateway.Authorization{Type: gateway.AuthorizationIAM} })
	of := func(shared bool) *gateway.Snapshot {
		return cacheOf(func(st *gateway.Stage) {
			st.Canary = &gateway.Canary{Percent: 50, UseStageCache: shared, Variables: map[string]string{"env": "canary"}, Deployment: &gateway.Deployment{
				Routes: []gateway.Route{lambdaRoute("GET", "/x"), lambdaRoute("GET", "/guarded"), lambdaRoute("GET", "/new")},
			}}
		}, lambdaRoute("GET", "/x"), guarded)
	}
	ask := func(canary bool, path string, want string) {
		t.Helper()
		if r := s.askAs(wire.RouteIdentity{API: "a", Stage: "v1", Canary: canary, Base: "/v1", Route: "GET " + path}, "GET", "/v1"+path, ""); r.body != want {
			t.Errorf("canary %t, %s: %q, want %q", canary, path, r.body, want)
		}
	}
	s.serve(of(true))
	ask(true, "/x", "1")
	ask(false, "/x", "1")
	ask(true, "/new", "2")
	ask(false, "/guarded", "3")
	ask(true, "/guarded", "4")
	// Another canary does not empty the stage's cache.
	next := of(true)
	next.APIs[0].Stages[0].Canary.Deployment.Routes[2].OperationName = "other"
	s.serve(next)
	ask(true, "/x", "1")
	if err := s.Flush(t.Context(), "a", "v1"); err != nil {
		t.Fatal(err)
	}
	ask(true, "/x", "5")
	s.serve(of(false))
	ask(false, "/x", "5")
	ask(true, "/x", "6")
	if calls.Load() != 6 {
		t.Errorf("%d calls", calls.Load())
	}
}

// Routes of one namespace share what is kept, those of others do not.
func TestCacheNamespaces(t *testing.T) {
	in := func(name string) func(*gateway.Route) {
		return func(r *gateway.Route) { r.Integration.CacheNamespace = name }
	}
	s := newService(t)
	s.counting()
	s.serve(cacheOf(nil, lambdaRoute("GET", "/x", in("n")), lambdaRoute("GET", "/y", in("n")), lambdaRoute("GET", "/z", in("/w")), lambdaRoute("GET", "/w")))
	for _, c := range [][2]string{{"/x", "1"}, {"/y", "1"}, {"/z", "2"}, {"/w", "3"}} {
		if r := s.ask("GET "+c[0], "GET", "/v1"+c[0], ""); r.body != c[1] {
			t.Errorf("%s: %s, want %s", c[0], r.body, c[1])
		}
	}
}

// Who asks for an answer that was not kept gets one if allowed to, and then it is kept for
// the others.
func TestCacheInvalidation(t *testing.T) {
	no := false
	for name, c := range map[string]struct {
		settings gateway.CacheSettings
		headers  []string
		status   int
		body     string
		warning  string
		// after is what others get then.
		after string
	}{
		"nobody asks":          {gateway.CacheSettings{}, []string{"Cache-Control", "max-age=10"}, 200, "1", "", "1"},
		"no-cache":             {gateway.CacheSettings{}, []string{"Cache-Control", "no-cache"}, 200, "1", "", "1"},
		"without permission":   {gateway.CacheSettings{}, []string{"Cache-Control", "max-age=0"}, 200, "1", "199", "1"},
		"with permission":      {gateway.CacheSettings{}, []string{"Cache-Control", "max-age=0", wire.InvalidateHeader, "true"}, 200, "2", "", "2"},
		"a dash for nothing":   {gateway.CacheSettings{}, []string{"Cache-Control", "max-age=0", wire.InvalidateHeader, "-"}, 200, "1", "199", "1"},
		"no permission needed": {gateway.CacheSettings{RequireAuthorization: &no}, []string{"Cache-Control", "no-store, Max-Age = 0"}, 200, "2", "", "2"},
		"refused":              {gateway.CacheSettings{Unauthorized: gateway.CacheFail}, []string{"Cache-Control", "max-age=0"}, 403, `{"Message":"User is not authorized to access this resource"}`, "", "1"},
		"in silence":           {gateway.CacheSettings{Unauthorized: gateway.CacheSilence}, []string{"Cache-Control", "max-age=0"}, 200, "1", "", "1"},
	} {
		s := newService(t)
		s.counting()
		s.serve(cacheOf(func(st *gateway.Stage) { st.Cache.CacheSettings = c.settings }, lambdaRoute("GET", "/x")))
		s.ask("GET /x", "GET", "/v1/x", "")
		r := s.ask("GET /x", "GET", "/v1/x", "", c.headers...)
		if warning, _, _ := strings.Cut(r.Header.Get("Warning"), " "); r.StatusCode != c.status || r.body != c.body || warning != c.warning {
			t.Errorf("%s: %d %v %s", name, r.StatusCode, r.Header, r.body)
		}
		if after := s.ask("GET /x", "GET", "/v1/x", ""); after.body != c.after || after.Header.Get("Warning") != "" {
			t.Errorf("%s, afterwards: %s %v", name, after.body, after.Header)
		}
	}
	// The warning is that request's alone, also where nothing was kept yet.
	s := newService(t)
	s.counting()
	s.serve(cacheOf(nil, lambdaRoute("GET", "/x")))
	if r := s.ask("GET /x", "GET", "/v1/x", "", "Cache-Control", "max-age=0"); r.body != "1" || r.Header.Get("Warning") == "" {
		t.Errorf("%s %v", r.body, r.Header)
	}
	if r := s.ask("GET /x", "GET", "/v1/x", ""); r.body != "1" || r.Header.Get("Warning") != "" {
		t.Errorf("%s %v", r.body, r.Header)
	}
}

// gate holds calls of functions until the test lets them return.
type gate struct {
	began   chan context.Context
	results chan func() ([]byte, error)
}

func (s *service) gated() *gate {
	g := &gate{make(chan context.Context), make(chan func() ([]byte, error))}
	s.lambdas.call = func(ctx context.Context, _ lambda.Target, _ []byte) ([]byte, error) {
		g.began <- ctx
		select {
		case result := <-g.results:
			return result()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return g
}

func body(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(`{"statusCode":200,"body":"` + text + `"}`), nil }
}

// waiters asks from several clients at once, and gives what they got.
func (s *service) waiters(n int) (bodies func() []string) {
	var wait sync.WaitGroup
	got := make([]string, n)
	for i := range n {
		wait.Go(func() {
			r := s.ask("GET /x", "GET", "/v1/x", "")
			got[i] = fmt.Sprintf("%d %s", r.StatusCode, r.body)
		})
	}
	return func() []string {
		wait.Wait()
		return got
	}
}

// Many who ask for the same at once cost one call.
func TestCacheCoalesces(t *testing.T) {
	s := newService(t)
	g := s.gated()
	s.serve(cacheOf(nil, lambdaRoute("GET", "/x")))
	bodies := s.waiters(20)
	<-g.began
	g.results <- body("one")
	for _, got := range bodies() {
		if got != "200 one" {
			t.Error(got)
		}
	}
	if n := len(s.lambdas.events); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// When the client leaves whose request fetches the answer, the others go on.
func TestCacheLeaderLeaves(t *testing.T) {
	s := newService(t)
	g := s.gated()
	s.serve(cacheOf(nil, lambdaRoute("GET", "/x")))
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.url+"/v1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(wire.RouteHeader, wire.RouteIdentity{API: "a", Stage: "v1", Base: "/v1", Route: "GET /x"}.String())
	left := make(chan struct{})
	go func() {
		defer close(left)
		if answer, err := s.http.Do(r); err == nil {
			answer.Body.Close()
			t.Error("the one who left got an answer")
		}
	}()
	called := <-g.began
	bodies := s.waiters(5)
	leave()
	<-left
	<-called.Done()
	<-g.began
	g.results <- body("two")
	for _, got := range bodies() {
		if got != "200 two" {
			t.Error(got)
		}
	}
}

// gauge is one metric of a registry.
type gauge struct {
	from *prometheus.Registry
	name string
}

func (g gauge) Describe(chan<- *prometheus.Desc) {}

func (g gauge) Collect(out chan<- prometheus.Metric) {
	families, _ := g.from.Gather()
	for _, f := range families {
		if f.GetName() == g.name {
			out <- prometheus.MustNewConstMetric(prometheus.NewDesc(g.name, "of the test", nil, nil), prometheus.GaugeValue, f.GetMetric()[0].GetGauge().GetValue())
		}
	}
}

// A failure is of the one who got it: the others call for themselves, all at once.
func TestCacheLeaderFails(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := newService(t, func(o *integration.Options) { o.Registerer, o.MaxWait = registry, time.Minute })
	g := s.gated()
	s.serve(cacheOf(nil, lambdaRoute("GET", "/x")))
	first := s.waiters(1)
	<-g.began
	others := s.waiters(3)
	// They have to wait for the first before it fails.
	for testutil.ToFloat64(gauge{registry, "gatehouse_stage_cache_waiting"}) < 3 {
		time.Sleep(time.Millisecond)
	}
	g.results <- func() ([]byte, error) { return nil, errors.New("gone") }
	if got := first(); !strings.HasPrefix(got[0], "500 ") {
		t.Error(got)
	}
	for range 3 {
		<-g.began
	}
	for range 3 {
		g.results <- body("well")
	}
	for _, got := range others() {
		if got != "200 well" {
			t.Error(got)
		}
	}
}

// Nobody waits for long for another one's call.
func TestCacheLeaderIsSlow(t *testing.T) {
	s := newService(t, func(o *integration.Options) { o.MaxWait = 20 * time.Millisecond })
	g := s.gated()
	s.serve(cacheOf(nil, lambdaRoute("GET", "/x")))
	first := s.waiters(1)
	<-g.began
	second := s.waiters(1)
	<-g.began
	g.results <- body("x")
	g.results <- body("x")
	if a, b := first(), second(); a[0] != "200 x" || b[0] != "200 x" {
		t.Error(a, b)
	}
}

// What was under way when the stage was flushed, or the answer made anew, is not kept.
func TestCacheKeepsNothingOld(t *testing.T) {
	no := false
	for name, meanwhile := range map[string]func(*service, *gate){
		"flushed": func(s *service, _ *gate) {
			if err := s.Flush(s.t.Context(), "a", "v1"); err != nil {
				s.t.Error(err)
			}
		},
		"refreshed": func(s *service, g *gate) {
			done := make(chan response)
			go func() { done <- s.ask("GET /x", "GET", "/v1/x", "", "Cache-Control", "max-age=0") }()
			<-g.began
			g.results <- body("new")
			if r := <-done; r.body != "new" {
				s.t.Error(r.body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.serve(cacheOf(func(st *gateway.Stage) { st.Cache.RequireAuthorization = &no }, lambdaRoute("GET", "/x")))
			old := s.gated()
			first := s.waiters(1)
			<-old.began
			next := s.gated()
			meanwhile(s, next)
			old.results <- body("old")
			if got := first(); got[0] != "200 old" {
				t.Error(got)
			}
			s.lambdas.call = returning(`{"statusCode":200,"body":"new"}`)
			if r := s.ask("GET /x", "GET", "/v1/x", ""); r.body != "new" {
				t.Error(r.body)
			}
		})
	}
}

// A cache cannot go by what is not known before the integration is called.
func TestCacheKeyMistakes(t *testing.T) {
	at := gateway.Position{File: "api.yaml", Line: 7, Column: 3}
	for name, c := range map[string]struct {
		change []func(*gateway.Route)
		want   string
	}{
		"no expression":         {[]func(*gateway.Route){keyedBy("page")}, "the cache key parameter page of GET /{id} cannot be read"},
		"no such variable":      {[]func(*gateway.Route){keyedBy("method.request.path.name")}, "the path of GET /{id} has no {name}, which is a cache key parameter"},
		"the body":              {[]func(*gateway.Route){keyedBy("method.request.body")}, "the cache key parameter method.request.body of GET /{id} is none that is known before the integration is called"},
		"a header of our own":   {[]func(*gateway.Route){keyedBy("method.request.header.X-Gw-Route")}, "the cache key parameter method.request.header.X-Gw-Route of GET /{id} is none that is known"},
		"nothing sets it":       {[]func(*gateway.Route){keyedBy("integration.request.header.h")}, "nothing sets the cache key parameter integration.request.header.h of GET /{id}"},
		"no authorizer":         {[]func(*gateway.Route){keyedBy("integration.request.header.h"), mapped("integration.request.header.h", "context.authorizer.sub")}, "the cache key parameter integration.request.header.h of GET /{id} is none that is known"},
		"of each request's own": {[]func(*gateway.Route){keyedBy("integration.request.header.h"), mapped("integration.request.header.h", "context.requestId")}, "the cache key parameter integration.request.header.h of GET /{id} is none that is known"},
	} {
		route := lambdaRoute("GET", "/{id}", append(c.change, func(r *gateway.Route) { r.Integration.Source = at })...)
		compiled, found := integration.Compile(cacheOf(nil, route))
		if compiled != nil || len(found) != 1 || !strings.HasPrefix(found[0].String(), "api.yaml:7:3: error invalid-cache-key: "+c.want) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// A stage is compiled anew when nothing but its cache has changed.
func TestCacheIsNotReused(t *testing.T) {
	s := newService(t)
	calls := s.counting()
	minute := int64(60)
	for i, c := range []struct {
		change func(*gateway.Stage)
		calls  int64
	}{
		{func(st *gateway.Stage) { st.Cache = nil }, 2}, {nil, 3}, {func(st *gateway.Stage) { st.Cache.TTLSeconds = new(int64) }, 5},
		{func(st *gateway.Stage) { st.Cache.TTLSeconds = &minute }, 5}, {func(st *gateway.Stage) { st.Cache = nil }, 7},
	} {
		s.serve(cacheOf(c.change, lambdaRoute("GET", "/x")))
		for range 2 {
			s.ask("GET /x", "GET", "/v1/x", "")
		}
		if calls.Load() != c.calls {
			t.Errorf("step %d: %d calls, want %d", i, calls.Load(), c.calls)
		}
	}
}
