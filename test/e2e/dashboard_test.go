package e2e

import (
	"fmt"
	"html"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

const shownAPI = `
openapi: 3.0.1
info: {title: shown, version: "1"}
paths:
  /open: {get: {x-amazon-apigateway-integration: &b {type: http_proxy, httpMethod: GET, uri: "BACKEND/open"}}}
  /key: {get: {security: [{api_key: []}], x-amazon-apigateway-integration: *b}}
  /kept/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/kept"}}}
components: {securitySchemes: {api_key: {type: apiKey, name: x-api-key, in: header}}}
`

// TestDashboardShowsTraffic holds that pages have the numbers of what was sent through
// Envoy, by each way in which requests end, and that what clients write stays text.
func TestDashboardShowsTraffic(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, shownAPI, backend.URL)
	s := snapshotOf(gateway.API{ID: "shown", Name: "Shown", Protocol: gateway.REST, Stages: []gateway.Stage{
		{
			Name: "v1", Deployment: d, Cache: &gateway.StageCache{Bytes: 1 << 20},
			Settings: []gateway.RouteSettings{
				{RouteKey: "GET /open", Cache: &gateway.CacheSettings{Enabled: new(bool)}}, {RouteKey: "GET /key", Cache: &gateway.CacheSettings{Enabled: new(bool)}},
			},
		},
		{Name: "slow", Deployment: d, Throttle: &gateway.Throttle{Rate: 0.001, Burst: 2}},
	}})
	s.Gateways[0].Telemetry = true
	const key = "secret-key-0123456789"
	s.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{key}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "shown", Stage: "v1"}}}}
	g := start(t, s)

	const host, hostile = "shown.execute-api.localhost", "<script>alert(1)</script>\u202e"
	sent := 0
	send := func(n int, target string, headers ...string) {
		for range n {
			g.request("GET", host, target, "", headers...)
			sent++
		}
	}
	send(7, "/v1/open?token=secret-query", "User-Agent", hostile)
	send(2, "/v1/open?status=503")
	send(1, "/v1/open?sleep=300ms")
	send(4, "/v1/key", "x-api-key", key)
	send(3, "/v1/key", "x-api-key", hostile)
	send(5, "/v1/kept/1")
	send(6, "/v1/%3Cscript%3Enothing")
	send(5, "/slow/open")
	g.request("GET", "nobody.example.com", "/", "")
	for end := time.Now().Add(time.Minute); len(g.history.Recent(history.Filter{}, 100)) < sent+1; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d requests are known", len(g.history.Recent(history.Filter{}, 100)), sent+1)
		}
	}

	pages := dashboard.New(dashboard.Options{Snapshot: func() *gateway.Snapshot { return s }, Traffic: g.history})
	defer pages.Close()
	body := func(path string) string {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest("GET", dashboard.Prefix+path, nil))
		if w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
		text := w.Body.String()
		for _, never := range []string{"<script>", "\u202e", "secret-", key} {
			if strings.Contains(text, never) {
				t.Errorf("%s has %q in it", path, never)
			}
		}
		return text
	}
	tile := func(page, name string) string {
		found := regexp.MustCompile(`data-value="` + name + `">([^<]*)`).FindStringSubmatch(page)
		if found == nil {
			return "(none)"
		}
		return found[1]
	}
	words := func(page string) string {
		return html.UnescapeString(strings.Join(strings.Fields(regexp.MustCompile(`(?s)<svg.*?</svg>|<[^>]*>`).ReplaceAllString(page, " ")), " "))
	}
	for path, want := range map[string]string{
		"":                "33 2 12 80%",
		"apis/shown":      "33 2 12 80%",
		"apis/shown/v1":   "28 2 9 80%",
		"apis/shown/slow": "5 0 3 –",
		"apis/shown/v1?method=GET&resource=/kept/%7Bid%7D": "5 0 0 80%",
		"apis/shown/v1?method=none&resource=none&range=6h": "6 0 6 –",
	} {
		page := body(path)
		if got := fmt.Sprint(tile(page, "calls"), " ", tile(page, "5xx"), " ", tile(page, "4xx"), " ", tile(page, "cache")); got != want {
			t.Errorf("%s has %s, want %s", path, got, want)
		}
	}
	if page := body("apis/shown/slow"); tile(page, "throttled") != "3" || !strings.Contains(words(page), "429 Too Many Requests 3 60%") {
		t.Errorf("of what is throttled:\n%s", words(page))
	}
	text := words(body("apis/shown/v1"))
	for _, want := range []string{"GET /open 10 ", "GET /key 7 ", "GET /kept/{id} 5 ", "No route 6 ", "200 OK 17 ", "403 Forbidden 9 ", "503 Service Unavailable 2 ", "acme 4 ", "127.0.0.1 28 100%"} {
		if !strings.Contains(text, want) {
			t.Errorf("without %q:\n%s", want, text)
		}
	}
	// All columns of the chart together, and the slowest request in it.
	page := body("apis/shown/v1")
	var calls, failed int
	for _, column := range regexp.MustCompile(`<title>[^<]* UTC: (\d+) calls, \d+ 4xx, (\d+) 5xx</title>`).FindAllStringSubmatch(page, -1) {
		var n, bad int
		fmt.Sscan(column[1], &n)
		fmt.Sscan(column[2], &bad)
		calls, failed = calls+n, failed+bad
	}
	if calls != 28 || failed != 2 || !regexp.MustCompile(`aria-label="Latency by minute: p50 [^"]* p99 (29|30|31|32|33|34|35|36|37|38|39|[4-9]\d)\d ms of 28 in all"`).MatchString(page) {
		t.Errorf("the chart has %d calls and %d errors", calls, failed)
	}

	rows := words(body("requests?status=4xx&stage=v1"))
	if strings.Count(rows, "MISSING_AUTHENTICATION_TOKEN") != 6 || strings.Count(rows, "INVALID_API_KEY") != 3 || !strings.Contains(rows, "/v1/%3Cscript%3Enothing") {
		t.Errorf("refused were:\n%s", rows)
	}
	if kept := words(body("requests?path=/v1/kept")); strings.Count(kept, "cache hit") != 4 || strings.Count(kept, "cache miss") != 1 {
		t.Errorf("kept were:\n%s", kept)
	}
	if all := words(body("requests")); !strings.Contains(all, "nobody.example.com: no API") {
		t.Errorf("all are:\n%s", all)
	}
	one := g.history.Recent(history.Filter{Key: "acme"}, 1)[0]
	if text := words(body("requests/" + one.ID)); !strings.Contains(text, "GET /v1/key 200 shown v1 GET /key") || !strings.Contains(text, "API key acme") || !strings.Contains(text, "Envoy test") {
		t.Errorf("one request:\n%s", text)
	}
	// Which is told of first is for Envoy's threads to say.
	open := g.history.Recent(history.Filter{Of: history.Of{API: "shown", Stage: "v1", Method: "GET", Resource: "/open"}}, 10)
	hostileOne := slices.IndexFunc(open, func(r history.Request) bool { return strings.Contains(r.UserAgent, "script") })
	if hostileOne < 0 {
		t.Fatalf("no hostile one is known: %+v", open)
	}
	if text := words(body("requests/" + open[hostileOne].ID)); !strings.Contains(text, `Client <script>alert(1)</script>`) {
		t.Errorf("a hostile one:\n%s", text)
	}
}
