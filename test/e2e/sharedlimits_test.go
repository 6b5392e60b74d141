package e2e

import (
	"testing"

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
