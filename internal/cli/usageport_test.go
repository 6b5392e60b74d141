package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
)

// usagePort serves the status port with the usage of a plan: acme called 12 times, and 3
// times more than its quota lets it.
func usagePort(t *testing.T, writable bool) *httptest.Server {
	t.Helper()
	plan := gateway.UsagePlan{
		Name: "gold", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}},
		Quota: &gateway.Quota{Limit: 12, Period: gateway.QuotaMonth},
	}
	store := memory.New(memory.Options{})
	limits := ratelimit.New(ratelimit.Options{Store: store})
	t.Cleanup(limits.Close)
	limits.Swap(ratelimit.Compile(&gateway.Snapshot{
		APIs:       []gateway.API{{ID: "pets", Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{}}}}},
		APIKeys:    []gateway.APIKey{{Name: "acme"}},
		UsagePlans: []gateway.UsagePlan{plan},
	}))
	used := ratelimit.Usage{Plan: plan.ID(), Key: "acme", API: "pets", Stage: "v1", Allowed: 12, Denied: 3}
	if err := store.AddUsage(t.Context(), []ratelimit.Usage{used}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(statusHandler(&controlPlane{
		metrics: prometheus.NewRegistry(), usage: limits.UsageHandler(), writable: writable,
	}))
	t.Cleanup(server.Close)
	return server
}

// TestUsageAsServed holds that the command understands what the service says, and that a
// port which other machines reach shows usage and extends nothing.
func TestUsageAsServed(t *testing.T) {
	for writable, extended := range map[bool]result{
		true:  {0, "", "acme has 5 left of the quota of gold"},
		false: {1, "", "extends no quotas: its --http-address can be reached from other machines"},
	} {
		server := usagePort(t, writable)
		usage := func(args ...string) result {
			return command(t, append([]string{"usage", "--server", server.URL}, args...)...)
		}
		shown := usage("--plan", "gold", "--key", "acme", "-o", "csv")
		if shown.code != 0 || !strings.HasSuffix(shown.out, ",gold,acme,pets,v1,12,3\n") {
			t.Errorf("writable %t: %+v", writable, shown)
		}
		got := usage("--plan", "gold", "--key", "acme", "--set-remaining", "5")
		if got.code != extended.code || !strings.Contains(got.err, extended.err) {
			t.Errorf("writable %t: %+v, want %+v", writable, got, extended)
		}
	}
}

// TestStatusPortIsNotForPages holds that pages in a browser can neither read the status
// port by a name of theirs, whatever they ask for, nor extend quotas across sites.
func TestStatusPortIsNotForPages(t *testing.T) {
	server := usagePort(t, true)
	const more = `{"plan": "gold", "key": "acme", "remaining": 1000}`
	for _, c := range []struct {
		method, path, host, header, value string
		code                              int
	}{
		{"GET", "/usage", "evil.example", "", "", 421},
		{"GET", "/status", "evil.example:8001", "", "", 421},
		{"GET", "/metrics", "localhost.evil.example", "", "", 421},
		{"GET", "/healthz", "127.0.0.1.evil.example", "", "", 421},
		{"PUT", "/usage", "evil.example", "", "", 421},
		{"PUT", "/usage", "", "Origin", "http://evil.example", 403},
		{"PUT", "/usage", "", "Sec-Fetch-Site", "cross-site", 403},
		{"PUT", "/usage", "", "Content-Type", "text/plain", 415},
		{"OPTIONS", "/usage", "", "Origin", "http://evil.example", 405},
		{"GET", "/healthz", "LOCALHOST:8001", "", "", 200},
		{"GET", "/healthz", "[::1]", "", "", 200},
		{"PUT", "/usage", "", "", "", 204},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, strings.NewReader(more))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		r.Header.Set("Content-Type", "application/json")
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.code {
			t.Errorf("%s %s at %q with %s %s: %d, want %d", c.method, c.path, c.host, c.header, c.value, answer.StatusCode, c.code)
		}
		if answer.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s lets pages of other sites read it", c.method, c.path)
		}
	}
}
