package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
)

const throttledAPI = `
openapi: 3.0.1
info: {title: throttled, version: "1"}
paths:
  /a: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/a"}}}
  /b: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/b"}}}
  /items/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/item"}}}
  /mock:
    get:
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}
  /closed: {get: {security: [{api_key: []}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/closed"}}}
  /shut: {get: {security: [{api_key: []}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/shut"}}}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
`

// few is a bucket that does not fill while a test looks.
func few(burst int64) *gateway.Throttle { return &gateway.Throttle{Rate: 0.0001, Burst: burst} }

func forRoute(key string, t *gateway.Throttle) gateway.RouteSettings {
	return gateway.RouteSettings{RouteKey: key, Throttle: t}
}

// passes counts the requests that get through until one is refused, at most thirty. It
// gives the status with a minus for one that is neither. Those that a hard limit was not
// answered about in time, as on a machine with much else to do, may have taken a token or
// not: they are counted as late.
func (c *connection) passes(target string, headers ...string) (passed, late int) {
	for passed+late < 30 {
		begin := time.Now()
		switch status := c.get(target, headers...); {
		case status == 200:
			passed++
		case status == 429:
			return passed, late
		case status == 500 && time.Since(begin) > gateway.HardLimitTimeout/2:
			late++
		default:
			return -status, 0
		}
	}
	return passed, late
}

// expectPasses asks the targets in turn. What follows a space in one is the API key.
func expectPasses(t *testing.T, conn *connection, want ...any) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		target, key, keyed := strings.Cut(want[i].(string), " ")
		var headers []string
		if keyed {
			headers = []string{"x-api-key: " + keyValue(key)}
		}
		if got, late := conn.passes(target, headers...); got > want[i+1].(int) || got+late < want[i+1].(int) {
			t.Errorf("%s: %d requests passed and %d were late, want %d", want[i], got, late, want[i+1])
		}
	}
}

func keyValue(name string) string { return "0123456789-0123456789-" + name }

const throttledHost = "t.execute-api.localhost"

// throttled is an API of two stages with a throttle on every level, and two plans.
func throttled(d *gateway.Deployment, change func(*gateway.Snapshot)) *gateway.Snapshot {
	s := snapshotOf(gateway.API{ID: "t", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "v1", Deployment: d, Throttle: few(12), Settings: []gateway.RouteSettings{
			forRoute("*", few(5)), forRoute("GET /b", few(3)), forRoute("GET /closed", few(9)), forRoute("GET /shut", few(20)),
		}},
		{Name: "v2", Deployment: d},
	}})
	for _, name := range []string{"acme", "bolt", "coal"} {
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret(keyValue(name))}})
	}
	s.UsagePlans = []gateway.UsagePlan{
		{Name: "gold", Keys: []string{"acme", "bolt"}, Throttle: few(4), Stages: []gateway.PlanStage{
			{API: "t", Stage: "v1", Routes: []gateway.RouteThrottle{{RouteKey: "GET /closed", Throttle: *few(2)}}}, {API: "t", Stage: "v2"},
		}},
		{Name: "tin", Keys: []string{"coal"}, Stages: []gateway.PlanStage{{API: "t", Stage: "v1"}}},
	}
	if change != nil {
		change(s)
	}
	return s
}

// manyKeys are more than Envoy looks up by itself.
func manyKeys(s *gateway.Snapshot) {
	for i := range 20_000 {
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: fmt.Sprint("key", i), Values: []gateway.Secret{gateway.Secret(keyValue(fmt.Sprint(i)))}})
	}
}

// TestThrottleLevels empties buckets from the most specific to the least. A request that
// is refused takes nothing from the buckets behind: the counts would not fit otherwise.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
func TestThrottleLevels(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	for name, c := range map[string]struct {
		change func(*gateway.Snapshot)
		want   []any
	}{
		"routes, then their stage": {nil, []any{"/v1/a", 5, "/v1/items/1", 5, "/v1/items/2", 0, "/v1/b", 2, "/v1/mock", 0, "/v2/a", 30}},
		"a route's own":            {nil, []any{"/v1/b", 3, "/v1/a", 5, "/v1/mock", 4, "/v1/items/1", 0}},
		"plan and route, plan, then the stage": {nil, []any{
			"/v1/closed acme", 2, "/v1/shut acme", 2, "/v2/shut acme", 0, // the plan's four
			"/v1/closed bolt", 2, "/v1/shut bolt", 2, // another key's
			"/v1/closed coal", 4, "/v1/a", 0, // the stage's twelve
			"/v2/shut bolt", 0, "/v2/closed bolt", 0,
		}},
		"a key that is refused costs nothing": {nil, []any{"/v1/closed", -403, "/v1/closed nobody", -403, "/v1/shut coal", 12}},
		"the account": {func(s *gateway.Snapshot) { s.Account.Throttle = few(8) },
			[]any{"/v1/a", 5, "/v2/a", 3, "/v1/b", 0, "/v2/shut acme", 0}},
		"nothing for a route": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Settings[1].Throttle = &gateway.Throttle{Rate: 0, Burst: 5}
		}, []any{"/v1/b", 0, "/v1/a", 5}},
		"nothing for a route, and headers about plans": {func(s *gateway.Snapshot) {
			s.Gateways[0].LimitHeaders.XRateLimit = true
			s.APIs[0].Stages[0].Settings[3].Throttle = &gateway.Throttle{}
		}, []any{"/v1/shut acme", 0, "/v1/closed coal", 9, "/v1/closed acme", 0}},
		"no burst for a stage": {func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Throttle = &gateway.Throttle{Rate: 5} },
			[]any{"/v1/a", 0, "/v1/mock", 0, "/v2/a", 30}},
		"nothing for the account": {func(s *gateway.Snapshot) { s.Account.Throttle = &gateway.Throttle{} }, []any{"/v1/a", 0, "/v2/a", 0}},
		"nothing for a plan":      {func(s *gateway.Snapshot) { s.UsagePlans[0].Throttle = &gateway.Throttle{} }, []any{"/v1/shut acme", 0, "/v1/shut coal", 12}},
		"nothing for a plan's route": {func(s *gateway.Snapshot) { s.UsagePlans[0].Stages[0].Routes[0].Throttle = gateway.Throttle{} },
			[]any{"/v1/closed acme", 0, "/v1/shut acme", 4}},
		"the slowest bucket is asked first": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Settings[1].Throttle = &gateway.Throttle{Rate: 0.0002, Burst: 3}
		}, []any{"/v1/b", 3, "/v1/b", 0, "/v1/b", 0, "/v1/a", 5, "/v1/mock", 1}},
		"very much": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Throttle = &gateway.Throttle{Rate: 1e9, Burst: 1e9}
			s.UsagePlans[0].Throttle = &gateway.Throttle{Rate: 123456.789, Burst: 1}
		}, []any{"/v1/a", 5, "/v1/b", 3, "/v1/closed coal", 9}},
		"many plans, and none of the key's": {func(s *gateway.Snapshot) {
			for i := range 50 {
				s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: fmt.Sprint("plan ", i), Throttle: few(1), Stages: []gateway.PlanStage{{API: "t", Stage: "v1"}}})
			}
		}, []any{"/v1/shut acme", 4, "/v1/shut coal", 8}},
		"many plans, the key's among them": {func(s *gateway.Snapshot) {
			for i := range 50 {
				s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: fmt.Sprint("plan ", i), Throttle: few(int64(4 + i%2)), Stages: []gateway.PlanStage{{API: "t", Stage: "v1"}}})
			}
			s.UsagePlans[51].Keys = []string{"more"}
			s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: "more", Values: []gateway.Secret{gateway.Secret(keyValue("more"))}})
		}, []any{"/v1/shut acme", 4, "/v1/shut more", 5, "/v1/shut coal", 3}},
		"a plan without the stage": {func(s *gateway.Snapshot) { s.UsagePlans[1].Stages[0].Stage = "v2" },
			[]any{"/v1/shut coal", -403, "/v1/shut acme", 4, "/v2/shut coal", 30}},
		"a key of two plans, one without limits": {func(s *gateway.Snapshot) {
			s.UsagePlans[0].Stages, s.UsagePlans[1].Stages[0].Stage = s.UsagePlans[0].Stages[:1], "v2"
			s.UsagePlans[1].Keys = []string{"acme"}
		}, []any{"/v1/shut acme", 4, "/v2/shut acme", 30}},
		"two plans of one class": {func(s *gateway.Snapshot) {
			s.UsagePlans[0].Stages = s.UsagePlans[0].Stages[:1]
			s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: "also", Keys: []string{"acme"}, Throttle: few(4), Stages: []gateway.PlanStage{{API: "t", Stage: "v2"}}})
		}, []any{"/v1/shut acme", 4, "/v2/shut acme", 4}},
		"one plan": {func(s *gateway.Snapshot) { s.UsagePlans = s.UsagePlans[:1] },
			[]any{"/v1/closed coal", -403, "/v1/closed acme", 2, "/v1/shut acme", 2, "/v2/shut acme", 0, "/v1/closed bolt", 2, "/v1/shut bolt", 2}},
		"one plan, that lets nothing through": {func(s *gateway.Snapshot) {
			s.UsagePlans = s.UsagePlans[:1]
			s.UsagePlans[0].Throttle = &gateway.Throttle{}
		}, []any{"/v1/shut coal", -403, "/v1/shut acme", 0, "/v1/a", 5}},
		"one plan, that lets nothing through to a route": {func(s *gateway.Snapshot) {
			s.UsagePlans = s.UsagePlans[:1]
			s.UsagePlans[0].Stages[0].Routes[0].Throttle = gateway.Throttle{}
		}, []any{"/v1/closed acme", 0, "/v1/shut acme", 4}},
		"plans that differ in a route": {func(s *gateway.Snapshot) { s.UsagePlans[1].Throttle = few(4) },
			[]any{"/v1/closed nobody", -403, "/v1/closed acme", 2, "/v1/shut acme", 2, "/v1/closed coal", 4, "/v1/closed bolt", 2, "/v1/shut bolt", 2}},
		"a plan, and routes that only the canary has": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Canary = &gateway.Canary{Percent: 100, Deployment: deploy(t, gateway.REST, strings.ReplaceAll(throttledAPI, "/shut", "/new"), backend.URL)}
			routes := &s.UsagePlans[0].Stages[0].Routes
			*routes = append(*routes, gateway.RouteThrottle{RouteKey: "GET /new", Throttle: *few(1)})
			s.UsagePlans[1].Stages[0].Routes = []gateway.RouteThrottle{{RouteKey: "GET /new", Throttle: gateway.Throttle{Rate: 0.0001, Burst: 3, Shared: true, Hard: true, FailureMode: gateway.FailClosed}}}
		}, []any{"/v1/new acme", 1, "/v1/closed acme", 2, "/v1/new coal", 3, "/v1/new bolt", 1}},
		"keys that the service looks up": {manyKeys, []any{"/v1/closed acme", 2, "/v1/shut acme", 2, "/v1/shut bolt", 4}},
		"keys that the service looks up, in one plan": {func(s *gateway.Snapshot) {
			manyKeys(s)
			s.UsagePlans = s.UsagePlans[:1]
		}, []any{"/v1/closed coal", -403, "/v1/closed acme", 2, "/v1/shut acme", 2, "/v1/shut bolt", 4}},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, throttled(d, c.change))
			expectPasses(t, g.connect(throttledHost), c.want...)
		})
	}
}

// TestThrottleRates looks when emptied buckets have a token again. The intervals that
// Envoy is told go up to years; it must fill buckets steadily all the same.
func TestThrottleRates(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	g := start(t, snapshotOf(gateway.API{ID: "t", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Settings: []gateway.RouteSettings{
		forRoute("GET /a", &gateway.Throttle{Rate: 0.5, Burst: 1}),
		forRoute("GET /b", &gateway.Throttle{Rate: 1.2345678, Burst: 2}),
		forRoute("GET /mock", &gateway.Throttle{Rate: 20, Burst: 3}),
	}}}}))
	conn := g.connect(throttledHost)
	for _, c := range []struct {
		target string
		burst  int
		rate   float64
	}{{"/v1/a", 1, 0.5}, {"/v1/b", 2, 1.2345678}, {"/v1/mock", 3, 20}} {
		begin := time.Now()
		passed := 0
		for passed < c.burst+3 {
			if conn.get(c.target) == 200 {
				passed++
			}
			if time.Since(begin) > 30*time.Second {
				t.Fatalf("%s: only %d requests in %v", c.target, passed, time.Since(begin))
			}
			time.Sleep(5 * time.Millisecond)
		}
		// Three tokens more than the burst take three intervals; a slow machine is later, never earlier.
		if took, least := time.Since(begin), time.Duration(2.9/c.rate*float64(time.Second)); took < least {
			t.Errorf("%s: %d requests passed in %v, which should take %v", c.target, passed, took, least)
		}
	}
}

// TestThrottledByOneBucket: workers, canary, hosts and base paths share a stage's buckets.
func TestThrottledByOneBucket(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	other := deploy(t, gateway.REST, throttledAPI, backend.URL+"/canary")
	s := snapshotOf(gateway.API{ID: "t", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "v1", Deployment: d, Throttle: few(100), Settings: []gateway.RouteSettings{forRoute("GET /a", few(40))}, Canary: &gateway.Canary{Percent: 50, Deployment: other}},
	}})
	s.Domains = []gateway.Domain{
		{Name: "api.example.com", Gateway: "edge", Mappings: []gateway.DomainMapping{{Path: "shop", API: "t", Stage: "v1"}, {Path: "", API: "t", Stage: "v1"}}},
		{Name: "*.example.org", Gateway: "edge", Mappings: []gateway.DomainMapping{{Path: "", API: "t", Stage: "v1"}}},
	}
	g := start(t, s)
	var passed atomic.Int64
	var group sync.WaitGroup
	targets := [][2]string{{throttledHost, "/v1"}, {"api.example.com", "/shop"}, {"api.example.com", ""}, {"www.example.org", ""}}
	each := func(target string, times int) {
		for i := range 16 {
			at := targets[i%len(targets)]
			conn := g.connect(at[0])
			group.Go(func() {
				for range times {
					if conn.get(at[1]+target) == 200 {
						passed.Add(1)
					}
				}
			})
		}
		group.Wait()
	}
	each("/a", 10)
	if n := passed.Load(); n != 40 {
		t.Errorf("%d of 160 requests passed on a route with a burst of 40", n)
	}
	each("/b", 10)
	if n := passed.Load(); n != 100 {
		t.Errorf("%d requests passed on a stage with a burst of 100", n)
	}
}

// TestThrottlesOutliveChanges empties buckets and changes what has nothing to do with
// them. Then it edits limits.
func TestThrottlesOutliveChanges(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	more := deploy(t, gateway.REST, strings.Replace(throttledAPI, "/b: {get", "/c: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: BACKEND}}}\n  /b: {get", 1), backend.URL)
	g := start(t, throttled(d, nil))
	conn := g.connect(throttledHost)
	empty := func(t *testing.T) {
		t.Helper()
		expectPasses(t, conn, "/v1/closed acme", 0, "/v1/shut acme", 0, "/v2/shut acme", 0, "/v1/b", 0)
	}
	expectPasses(t, conn, "/v1/closed acme", 2, "/v1/shut acme", 2, "/v1/b", 3)
	empty(t)
	for _, c := range []struct {
		name   string
		change func(*gateway.Snapshot)
	}{
		{"a new route", func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Deployment = more }},
		{"another API of the same limits", func(s *gateway.Snapshot) {
			s.APIs = append(s.APIs, gateway.API{ID: "other", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Throttle: few(12)}}})
		}},
		{"another key", func(s *gateway.Snapshot) {
			s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: "new", Values: []gateway.Secret{gateway.Secret(keyValue("new"))}})
			s.UsagePlans[0].Keys = append(s.UsagePlans[0].Keys, "new")
		}},
		{"a plan without limits", func(s *gateway.Snapshot) {
			s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: "free", Stages: []gateway.PlanStage{{API: "t", Stage: "v2"}}})
		}},
		{"a plan with a limit that is there", func(s *gateway.Snapshot) {
			s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: "lead", Keys: []string{"bolt"}, Throttle: few(4), Stages: []gateway.PlanStage{{API: "other", Stage: "v1"}}})
			s.UsagePlans[0].Keys = []string{"acme"}
			s.APIs = append(s.APIs, gateway.API{ID: "other", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}})
		}},
		{"another limit of a class that is there", func(s *gateway.Snapshot) {
			s.APIs[0].Stages[1].Settings = []gateway.RouteSettings{forRoute("GET /a", few(9))}
		}},
		{"a timeout", func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Settings[0].TimeoutMillis = new(int64(5000))
		}},
		{"a custom domain", func(s *gateway.Snapshot) {
			s.Domains = []gateway.Domain{{Name: "api.example.com", Gateway: "edge", Mappings: []gateway.DomainMapping{{API: "t", Stage: "v1"}}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.change(throttled(d, c.change))
			empty(t)
		})
	}
	// New limits are in force at once, on the same connection. They empty the other
	// filter's buckets in no case.
	g.change(throttled(d, func(s *gateway.Snapshot) { s.UsagePlans[0].Throttle = few(6) }))
	expectPasses(t, conn, "/v1/b", 0, "/v2/shut acme", 6)
	g.change(throttled(d, func(s *gateway.Snapshot) {
		s.UsagePlans[0].Throttle = few(6)
		s.APIs[0].Stages[0].Settings[1].Throttle = few(7)
	}))
	expectPasses(t, conn, "/v2/shut acme", 0, "/v1/b", 7)
	g.change(throttled(d, func(s *gateway.Snapshot) {
		s.APIs[0].Stages[0].Throttle, s.APIs[0].Stages[0].Settings, s.UsagePlans[0].Throttle, s.UsagePlans[0].Stages[0].Routes = nil, nil, nil, nil
	}))
	expectPasses(t, conn, "/v1/b", 30, "/v1/closed acme", 30)
}

const throttledHTTP = `
openapi: 3.0.1
info: {title: throttled, version: "1"}
paths:
  /a: {get: {x-amazon-apigateway-integration: {type: http_proxy, payloadFormatVersion: "1.0", httpMethod: GET, uri: "BACKEND/a"}}}
  /$default: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, payloadFormatVersion: "1.0", httpMethod: ANY, uri: "BACKEND/else"}}}
`

// TestThrottledReplies asks both kinds of API what they say to those who come too often.
func TestThrottledReplies(t *testing.T) {
	backend := echoBackend(t, "one")
	custom := strings.Replace(throttledAPI, "paths:", `x-amazon-apigateway-gateway-responses:
  THROTTLED: {statusCode: 420, responseParameters: {gatewayresponse.header.X-Mine: "'yes'"}, responseTemplates: {application/json: '{"calm": $context.error.messageString}'}}
paths:`, 1)
	limits := []gateway.RouteSettings{forRoute("*", few(1))}
	rest := func(id, document string) gateway.API {
		return gateway.API{ID: id, Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, document, backend.URL), Settings: limits}}}
	}
	snapshot := func(headers gateway.LimitHeaders) *gateway.Snapshot {
		s := snapshotOf(rest("rest", throttledAPI), rest("custom", custom),
			gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: deploy(t, gateway.HTTP, throttledHTTP, backend.URL), Settings: limits}}})
		s.Gateways[0].LimitHeaders = headers
		s.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{gateway.Secret(keyValue("acme"))}}}
		s.UsagePlans = []gateway.UsagePlan{{Name: "gold", Keys: []string{"acme"}, Throttle: few(5), Stages: []gateway.PlanStage{{API: "rest", Stage: "v1"}}}}
		return s
	}
	limitHeaders := []string{"Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"}
	for _, headers := range []gateway.LimitHeaders{{}, {RetryAfter: true}, {XRateLimit: true}, {RetryAfter: true, XRateLimit: true}} {
		t.Run(fmt.Sprintf("%+v", headers), func(t *testing.T) {
			g := start(t, snapshot(headers))
			for _, c := range []struct {
				host, target, key, body, errorType string
				status                             int
			}{
				{"rest", "/v1/a", "", `{"message":"Too Many Requests"}`, "TooManyRequestsException", 429},
				{"rest", "/v1/mock", "", `{"message":"Too Many Requests"}`, "TooManyRequestsException", 429},
				{"rest", "/v1/closed", "acme", `{"message":"Too Many Requests"}`, "TooManyRequestsException", 429},
				{"custom", "/v1/a", "", `{"calm": "Too Many Requests"}`, "TooManyRequestsException", 420},
				{"http", "/a", "", `{"message":"Too Many Requests"}`, "", 429},
				{"http", "/anything/else", "", `{"message":"Too Many Requests"}`, "", 429},
			} {
				for _, refused := range []bool{false, true} {
					var key []string
					if c.key != "" {
						key = []string{"x-api-key", keyValue(c.key)}
					}
					r := g.request("GET", c.host+".execute-api.localhost", c.target, "", key...)
					switch {
					case !refused && r.StatusCode != 200:
						t.Errorf("%s%s, first: %d %s", c.host, c.target, r.StatusCode, r.body)
					case refused && (r.StatusCode != c.status || r.body != c.body || r.Header.Get("x-amzn-errortype") != c.errorType ||
						r.Header.Get("content-type") != "application/json" || r.Header.Get("x-amzn-requestid")+r.Header.Get("apigw-requestid") == "" ||
						c.host == "custom" && r.Header.Get("x-mine") != "yes"):
						t.Errorf("%s%s, second: %d %s %v", c.host, c.target, r.StatusCode, r.body, r.Header)
					}
					var has, want []string
					for _, name := range limitHeaders {
						if len(r.Header.Values(name)) > 0 {
							has = append(has, name)
						}
						if name == "Retry-After" && headers.RetryAfter && refused || name != "Retry-After" && headers.XRateLimit {
							want = append(want, name)
						}
						if len(r.Header.Values(name)) > 1 {
							t.Errorf("%s%s: %s is there several times: %v", c.host, c.target, name, r.Header.Values(name))
						}
					}
					if !slices.Equal(has, want) {
						t.Errorf("%s%s, refused %t: the headers are %v, want %v", c.host, c.target, refused, has, want)
					}
					if refused && headers.RetryAfter && r.Header.Get("Retry-After") != "10000" {
						t.Errorf("%s%s: come again in %s seconds, want 10000", c.host, c.target, r.Header.Get("Retry-After"))
					}
					limit := "1"
					if c.key != "" {
						limit = "5" // the plan's
					}
					if got := r.Header.Get("X-Ratelimit-Limit"); headers.XRateLimit && got != limit && len(want) > 0 {
						t.Errorf("%s%s, refused %t: the limit is %s of which remain %s", c.host, c.target, refused, got, r.Header.Get("X-Ratelimit-Remaining"))
					}
				}
			}
		})
	}
}

// TestThrottlesOfListeners: each listener has buckets of its own, and so has the path
// form, which passes a listener inside Envoy. It costs a request one token all the same.
func TestThrottlesOfListeners(t *testing.T) {
	backend := echoBackend(t, "one")
	s := throttled(deploy(t, gateway.REST, throttledAPI, backend.URL), nil)
	ports := []int{proctest.FreePort(t), proctest.FreePort(t)}
	for _, port := range ports {
		s.Gateways[0].Listeners = append(s.Gateways[0].Listeners, gateway.Listener{Address: "127.0.0.1", Port: uint32(port)})
	}
	g := startOn(t, s, ports[0])
	expectPasses(t, g.connect(throttledHost), "/v1/a", 5)
	expectPasses(t, g.connect("localhost"), "/_aws/execute-api/t/v1/a", 5, "/_aws/execute-api/t/v1/closed acme", 2)
	expectPasses(t, g.connect(throttledHost), "/v1/a", 0)
	g.port = ports[1]
	g.waitFor(s.Revision())
	expectPasses(t, g.connect(throttledHost), "/v1/a", 5)
}
