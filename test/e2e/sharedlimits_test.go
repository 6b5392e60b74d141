package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
)

// TestHardQuota holds that a key gets what its plan's quota says and no more, that keys
// and routes without one are not counted, and that an extension holds at once.
func TestHardQuota(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, withQuota, backend.URL)
	const acme, bolt, free = "acme-key-0123456789-acme", "bolt-key-0123456789-bolt", "free-key-0123456789-free"
	s := snapshotOf(gateway.API{ID: "keys", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}}})
	s.APIKeys = []gateway.APIKey{
		{Name: "acme", Values: []gateway.Secret{acme}}, {Name: "bolt:x", Values: []gateway.Secret{bolt}}, {Name: "free", Values: []gateway.Secret{free}},
	}
	stages := []gateway.PlanStage{{API: "keys", Stage: "v1"}, {API: "keys", Stage: "v2"}}
	s.UsagePlans = []gateway.UsagePlan{
		{Name: "gold", Stages: stages, Keys: []string{"acme", "bolt:x"}, Quota: &gateway.Quota{Limit: 5, Period: gateway.QuotaMonth, Offset: 1, Hard: true, FailureMode: gateway.FailClosed}},
		{Name: "free", Stages: stages, Keys: []string{"free"}},
	}
	g := start(t, s)
	const host = "keys.execute-api.localhost"
	ask := func(target, key string, want int) reply {
		t.Helper()
		r := g.request("GET", host, target, "", "x-api-key", key)
		if r.StatusCode != want {
			t.Errorf("%s with %.4s: %d %s, want %d", target, key, r.StatusCode, r.body, want)
		}
		return r
	}
	// One quota for all stages; the offset has taken one.
	ask("/v1/closed", acme, 200)
	ask("/v2/closed", acme, 200)
	ask("/v1/closed", acme, 200)
	ask("/v2/closed", acme, 200)
	r := ask("/v1/closed", acme, 429)
	if r.body != `{"message":"Limit Exceeded"}` || r.Header.Get("x-amzn-errortype") != "LimitExceededException" || r.Header.Get("x-amzn-requestid") == "" {
		t.Errorf("the refusal is %s %v", r.body, r.Header)
	}
	ask("/v1/open", acme, 200)
	ask("/v1/closed", bolt, 200)
	for range 8 {
		ask("/v1/closed", free, 200)
	}
	// More for this key, though the plan stays as it is.
	limit := ratelimit.Compile(s).Find(map[string]string{
		wire.LimitKind: wire.LimitQuota, wire.LimitPlan: s.UsagePlans[0].ID(), wire.LimitKey: "acme", wire.LimitAPI: "keys", wire.LimitStage: "v1",
	})
	month := ratelimit.Window{Limit: 5, Period: ratelimit.Month, Offset: 1}
	if err := g.limits.SetRemaining(t.Context(), limit.Counter, month, 1); err != nil {
		t.Fatal(err)
	}
	ask("/v2/closed", acme, 200)
	ask("/v2/closed", acme, 429)

	// A plan that is edited goes on from what was used.
	edited := *s
	edited.UsagePlans = append([]gateway.UsagePlan{}, s.UsagePlans...)
	quota := *s.UsagePlans[0].Quota
	quota.Limit = 7
	edited.UsagePlans[0].Quota = &quota
	g.change(&edited)
	ask("/v1/closed", acme, 200)

	// Without the service, nobody knows: closed is closed, and others go on.
	g.stopControlPlane()
	ask("/v1/closed", bolt, 500)
	ask("/v1/closed", free, 200)
}

// TestHardLimitsOfManyPlans holds that each key has the limits of its own plan, and fails as
// that plan says, where plans of a stage have some or all of them hard limits.
func TestHardLimitsOfManyPlans(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	const plans = 12
	mode := func(i int) gateway.FailureMode {
		return []gateway.FailureMode{gateway.FailClosed, gateway.FailOpen, gateway.FailLocal}[i%3]
	}
	hard := func(i int) *gateway.Throttle {
		return &gateway.Throttle{Rate: 0.0001, Burst: int64(i), Shared: true, Hard: true, FailureMode: mode(i)}
	}
	for name, limit := range map[string]func(p *gateway.UsagePlan, i int){
		"quotas": func(p *gateway.UsagePlan, i int) {
			p.Quota = &gateway.Quota{Limit: int64(i), Period: gateway.QuotaMonth, Hard: true, FailureMode: mode(i)}
		},
		"throttles": func(p *gateway.UsagePlan, i int) { p.Throttle = hard(i) },
		"throttles of a route": func(p *gateway.UsagePlan, i int) {
			p.Stages[0].Routes = []gateway.RouteThrottle{{RouteKey: "GET /closed", Throttle: *hard(i)}}
		},
	} {
		for _, free := range []int{0, 1} {
			t.Run(fmt.Sprint(name, ", plans without one: ", free), func(t *testing.T) {
				s := snapshotOf(gateway.API{ID: "t", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}}})
				for i := range plans + free {
					name := fmt.Sprint("key", i)
					s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret(keyValue(name))}})
					p := gateway.UsagePlan{Name: name, Keys: []string{name}, Stages: []gateway.PlanStage{{API: "t", Stage: "v1"}}}
					if i < plans {
						limit(&p, i+1)
					}
					s.UsagePlans = append(s.UsagePlans, p)
				}
				// A plan for another stage concerns nobody here.
				s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: "other", Keys: []string{"key0", "key3"}, Stages: []gateway.PlanStage{{API: "t", Stage: "v2"}}})
				g := start(t, s)
				conn := g.connect(throttledHost)
				for i := range plans {
					expectUses(t, conn, "/v1/closed", fmt.Sprint("key", i), i+1, mode(i+1) != gateway.FailClosed)
				}
				expectPasses(t, conn, "/v2/closed key3", 30)
				if free > 0 {
					expectPasses(t, conn, "/v1/closed key12", 30)
				}
				g.stopControlPlane()
				for i := range plans + free {
					want := 200
					if i < plans && mode(i+1) == gateway.FailClosed {
						want = 500
					}
					if got := conn.get("/v1/closed", "x-api-key: "+keyValue(fmt.Sprint("key", i))); got != want && (mode(i+1) != gateway.FailLocal || got != 429) {
						t.Errorf("without the service, key %d: %d, want %d", i, got, want)
					}
				}
			})
		}
	}
}

// TestHardSharedThrottles holds that a shared limit is one for all, whoever asks.
func TestHardSharedThrottles(t *testing.T) {
	backend := echoBackend(t, "one")
	few := &gateway.Throttle{Rate: 0.001, Burst: 3, Shared: true, Hard: true, FailureMode: gateway.FailOpen}
	s := snapshotOf(gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
		Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, things, backend.URL), Throttle: few,
	}}})
	g := start(t, s)
	for i, want := range []int{200, 200, 200, 429, 429} {
		r := g.request("GET", "http.execute-api.localhost", "/things", "")
		if r.StatusCode != want || want == 429 && r.body != `{"message":"Too Many Requests"}` {
			t.Errorf("request %d: %d %s, want %d", i, r.StatusCode, r.body, want)
		}
	}
	g.stopControlPlane()
	if r := g.request("GET", "http.execute-api.localhost", "/things", ""); r.StatusCode != 200 {
		t.Errorf("without the service: %d %s", r.StatusCode, r.body)
	}
}

// TestHardThrottleGetsItsRate: with the failure mode local an Envoy has a bucket of its own
// behind the service's. What the service grants goes on, however long its answers take, so
// that even those who ask all the time, of a bucket of one token, get the whole rate.
func TestHardThrottleGetsItsRate(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	hard := &gateway.Throttle{Rate: 20, Burst: 1, Shared: true, Hard: true, FailureMode: gateway.FailLocal}
	s := throttled(d, func(s *gateway.Snapshot) {
		s.APIs[0].Stages[0].Throttle, s.APIs[0].Stages[0].Settings = nil, []gateway.RouteSettings{forRoute("GET /a", hard)}
		s.UsagePlans[0].Throttle, s.UsagePlans[0].Stages[0].Routes = hard, nil
	})
	g := start(t, s)
	for target, headers := range map[string][]string{"/v1/a": nil, "/v1/shut": {"x-api-key: " + keyValue("acme")}} {
		var passed, late atomic.Int64
		var callers sync.WaitGroup
		end := time.Now().Add(2 * time.Second)
		for range 4 {
			conn := g.connect(throttledHost)
			callers.Go(func() {
				for time.Now().Before(end) {
					begin := time.Now()
					if conn.get(target, headers...) == 200 {
						passed.Add(1)
					}
					// The service may have granted what Envoy did not wait for.
					if time.Since(begin) > gateway.HardLimitTimeout/2 {
						late.Add(1)
					}
				}
			})
		}
		callers.Wait()
		granted := 0.0
		for labels, n := range metricsNamed(t, g.metrics, "gatehouse_ratelimit_descriptors_total") {
			if kind := map[string]string{"/v1/a": "route", "/v1/shut": "key-plan"}[target]; labels["limit"] == kind && labels["over"] == "false" {
				granted = n
			}
		}
		if got := passed.Load(); granted < 10 || float64(got+late.Load()) < granted {
			t.Errorf("%s: %d requests passed, of %v that the service granted; %d came late", target, got, granted, late.Load())
		}
	}
}

const withQuota = `
openapi: 3.0.1
info: {title: keys, version: "1"}
paths:
  /closed:
    get: {security: [{api_key: []}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/closed"}}
  /open:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/open"}}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
`

const things = `
openapi: 3.0.1
info: {title: things, version: "1"}
paths:
  /things: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/things", payloadFormatVersion: "1.0"}}}
`
