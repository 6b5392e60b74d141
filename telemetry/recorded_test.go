package telemetry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/telemetry/history"
)

// recording is a history that keeps all.
type recording struct {
	all  []history.Request
	sent []string
}

func (r *recording) Add(told *history.Request) { r.all = append(r.all, *told) }
func (r *recording) Sent(api, stage, route string) {
	r.sent = append(r.sent, api+" "+stage+" "+route)
}

func TestHistory(t *testing.T) {
	kept := &recording{}
	began := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	h := newHarness(t, Options{History: kept, Now: func() time.Time { return began.Add(time.Minute) }})
	s := snapshot(nil)
	stage := s.APIs[0].Stages[0]
	stage.Cache = &gateway.StageCache{Bytes: 1 << 20}
	stage.Deployment.Routes = append(stage.Deployment.Routes, gateway.Route{
		Method: "POST", Path: "/pets", Authorization: &gateway.Authorization{Type: gateway.AuthorizationIAM},
		Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy},
	})
	s.APIs[0].Stages[0] = stage
	s = s.Seal()
	h.Swap(h.Compile(s))
	h.Cached("id-1", "hit")

	good := entry("shop", "v1", "GET /pets/{id}")
	refused := entry("shop", "v1", "POST /pets")
	refused.RequestID, refused.Status = "id-2", "403"
	refused.Asked = wire.Asked{Method: "POST", Host: "shop.example.com", Path: "/base/pets", UserAgent: "curl/7"}.String()
	refused.Details, refused.ErrorType, refused.Flags = "ext_authz_denied", "AccessDeniedException", "UAEX"
	refused.Authorization = fmt.Sprintf(`{%q: "permission-denied", %q: "no \u001b[31mway"}`, wire.AnswerCode, wire.AnswerMessage)
	throttled := entry("shop", "v1", "GET /pets/{id}")
	throttled.RequestID, throttled.Status = "id-3", "429"
	throttled.Details, throttled.ErrorType = "local_rate_limited", gateway.ResponseDefaults[gateway.Throttled].ErrorType
	// A backend may say 429 for reasons of its own.
	itself := entry("shop", "v1", "GET /pets/{id}")
	itself.RequestID, itself.Status = "id-4", "429"
	lost := entry("", "", "")
	lost.Route, lost.began = "", time.Unix(1<<40, 0)
	h.tell(good, refused, throttled, itself, lost)
	if len(kept.all) != 5 {
		t.Fatalf("%d requests", len(kept.all))
	}

	want := history.Request{
		ID: "id-1", At: began, API: "shop", Stage: "v1", RouteMethod: "GET", Resource: "/pets/{id}", Protocol: "REST",
		Method: "GET", Host: "shop.example.com", Path: "/base/pets/7", HTTPVersion: "HTTP/2.0", Caller: "192.0.2.7", UserAgent: "curl/8", KeyName: "acme:1",
		Status: 200, Latency: 20 * time.Millisecond, Integrated: true, IntegrationLatency: 12 * time.Millisecond, Received: 120, Sent: 80,
		Cache: "hit", Details: "via_upstream", Upstream: "backend", UpstreamAddress: "10.0.0.1", Node: "edge-1", Revision: s.Revision(),
	}
	if diff := cmp.Diff(want, kept.all[0]); diff != "" {
		t.Errorf("a good one (-want):\n%s", diff)
	}
	got := kept.all[1]
	if got.ResponseType != string(gateway.AccessDenied) || got.Flags != "UAEX" || got.Permission != (history.Check{Status: "403", Failure: "permission-denied"}) ||
		got.Signature.Status != "200" || got.Throttled || got.Cache != "" || got.Path != "/base/pets" || got.UserAgent != "curl/7" {
		t.Errorf("a refused one: %+v", got)
	}
	for i, throttled := range []bool{false, false, true, false, false} {
		if kept.all[i].Throttled != throttled {
			t.Errorf("%s is throttled: %v", kept.all[i].ID, kept.all[i].Throttled)
		}
	}
	if got := kept.all[4]; got.API != "" || got.Protocol != "" || !got.At.Equal(began.Add(time.Minute-20*time.Millisecond)) {
		t.Errorf("one to no API, of a clock that is wrong: %+v", got)
	}
	if n, _ := h.metric(t, "gatehouse_apigateway_throttled_total", map[string]string{"api_id": "shop"}); n != 1 {
		t.Errorf("%v are counted as throttled", n)
	}
	// Neither a key nor a token may get in by any way.
	if text := fmt.Sprintf("%+v", kept.all); strings.Contains(text, "0a1b") || strings.Contains(text, "jane") {
		t.Errorf("secrets are kept: %s", text)
	}
}

// TestCacheResultsThatNobodyTakes holds what becomes of those whose requests Envoy never
// tells about.
func TestCacheResultsThatNobodyTakes(t *testing.T) {
	var c cacheResults
	for i := range 5 * maxCacheResults {
		c.put(fmt.Sprint(i), history.CacheHit)
	}
	if n := len(c.young) + len(c.before); n > 2*maxCacheResults {
		t.Errorf("%d are kept", n)
	}
	if got := c.take(fmt.Sprint(5*maxCacheResults - 1)); got != history.CacheHit {
		t.Errorf("the last one: %q", got)
	}
	if got := c.take(fmt.Sprint(5*maxCacheResults - 1)); got != "" {
		t.Errorf("taken twice: %q", got)
	}
	c.put(strings.Repeat("x", 1000), history.CacheHit)
	if got := c.take(strings.Repeat("x", 1000)); got != "" {
		t.Error("an id of any length is kept")
	}
}
