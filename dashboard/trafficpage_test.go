package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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

// remembered is a history with requests to the guarded shop, of the hour before now.
func remembered(t *testing.T) *history.History {
	t.Helper()
	at := now.Add(-30 * time.Minute)
	h := history.New(history.Options{Now: func() time.Time { return at }})
	add := func(n int, r history.Request) {
		for i := range n {
			told := r
			told.ID = fmt.Sprintf("%s-%d", r.ID, i)
			told.At, told.API, told.Stage, told.Protocol, told.Method = at, "pets", "v1", "REST", cmpOr(r.RouteMethod, "GET")
			h.Add(&told)
		}
	}
	ms := time.Millisecond
	add(40, history.Request{ID: "get", RouteMethod: "GET", Resource: "/pets", Path: "/pets", Status: 200, Latency: 20 * ms, Integrated: true, IntegrationLatency: 5 * ms, Cache: history.CacheMiss, KeyName: "acme", Caller: "192.0.2.1"})
	at = now.Add(-10 * time.Minute)
	add(30, history.Request{ID: "kept", RouteMethod: "GET", Resource: "/pets", Path: "/pets", Status: 200, Latency: 2 * ms, Cache: history.CacheHit, Caller: "192.0.2.2"})
	add(3, history.Request{ID: "slow", RouteMethod: "POST", Resource: "/pets", Path: "/pets", Status: 504, Latency: 1500 * ms, Integrated: true, IntegrationLatency: 1400 * ms, ResponseType: "INTEGRATION_TIMEOUT"})
	add(5, history.Request{ID: "much", RouteMethod: "POST", Resource: "/pets", Path: "/pets", Status: 429, Latency: ms, Throttled: true, ResponseType: "THROTTLED", Caller: "192.0.2.1"})
	add(2, history.Request{ID: "lost", Path: "/" + hostile, Status: 404, Latency: ms, KeyName: hostile, Caller: hostile, UserAgent: hostile, ErrorMessage: hostile})
	at = now
	return h
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// TestMoreRoutesThanAreToldApart holds that pages which have no numbers, or not all of them, for want
// of room say so.
func TestMoreRoutesThanAreToldApart(t *testing.T) {
	h := history.New(history.Options{MaxSeries: 8, Now: func() time.Time { return now }})
	count := func(api, method string) {
		h.Add(&history.Request{At: now, API: api, Stage: "v1", Protocol: "REST", Method: method, RouteMethod: method, Resource: "/pets", Status: 200})
	}
	s := guardedShop()
	s.Gateways[0].Telemetry = true
	d := dashboard.New(dashboard.Options{
		Log: slog.New(slog.DiscardHandler), Snapshot: func() *gateway.Snapshot { return s }, Traffic: h, Now: func() time.Time { return now },
	})
	defer d.Close()
	count("pets", "GET")
	const route, api = "/dashboard/apis/pets/v1?method=POST&resource=%2Fpets", "/dashboard/apis/pets"
	for _, path := range []string{route, api} {
		if body := bodyOf(d, path); strings.Contains(body, "to tell apart") {
			t.Errorf("%s says that there is no room: %s", path, body)
		}
	}
	count("pets", "POST")
	count("late", "GET")
	count("later", "GET")
	if body := bodyOf(d, route); !strings.Contains(body, `method=other&amp;resource=other">1 of other routes</a>`) {
		t.Errorf("a route without numbers: %s", body)
	}
	if body := bodyOf(d, api); !strings.Contains(body, "calls that were counted for none (1) may be of this one") {
		t.Errorf("an API among too many: %s", body)
	}
	if body := bodyOf(d, "/dashboard/"); !strings.Contains(body, `Other APIs <span class="tag">too many to tell apart</span>`) {
		t.Errorf("the overview: %s", body)
	}
}

func serveTraffic(t *testing.T, archive dashboard.Archive) *dashboard.Server {
	t.Helper()
	return serveSince(t, now, archive)
}

// serveSince serves what is remembered, by a process that runs since then.
func serveSince(t *testing.T, started time.Time, archive dashboard.Archive) *dashboard.Server {
	t.Helper()
	clock := started
	s := guardedShop()
	s.Gateways[0].Telemetry = true
	h := remembered(t)
	d := dashboard.New(dashboard.Options{
		Log: slog.New(slog.DiscardHandler), Snapshot: func() *gateway.Snapshot { return s }, Traffic: h, Archive: archive, Now: func() time.Time { return clock },
	})
	clock = now
	t.Cleanup(d.Close)
	return d
}

// bodyOf is a page as it is.
func bodyOf(d *dashboard.Server, path string) string {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Body.String()
}

// TestTraffic holds that charts, tables and tiles have the numbers of the requests.
func TestTraffic(t *testing.T) {
	d := serveTraffic(t, nil)
	expect(t, d, "/dashboard/apis/pets/v1",
		"REST API canary 12.5%", "1 hour 6 hours 24 hours Calls", "Calls 80 Latency, p99 1.50 s p50 20 ms Integration, p99 1.43 s p50 5.0 ms",
		"5xx errors 3 3.8% of calls 4xx errors 7 8.8% of calls Throttled 5 6.2% of calls Cache hits 43% 30 of 70",
		"14:59 UTC: 40 calls, 7 4xx, 3 5xx",
	)
	// Charts are drawings whose words are attributes, and titles of columns.
	for path, wants := range map[string][]string{
		"/dashboard/apis/pets/v1": {
			`aria-label="Calls by minute: 80 in all"`, `aria-label="Errors by minute: 5 throttled, 7 4xx with those, 3 5xx"`, `aria-label="Cache by minute: 30 hits, 40 misses"`,
			`<title>14:39 UTC: 40 calls, 0 4xx, 0 5xx</title>`, `<title>14:59 UTC: 40 calls, 7 4xx, 3 5xx</title>`, `<title>14:59 UTC: 5 throttled, 2 other 4xx, 3 5xx</title>`,
			`<title>14:39 UTC: p50 20 ms p90 20 ms p99 20 ms</title>`, `p99 1.43 s of 43 in all`,
		},
		"/dashboard/apis/pets":                                              {`aria-label="Calls by minute: 80 in all"`, `<title>14:59 UTC: 40 calls, 7 4xx, 3 5xx</title>`},
		"/dashboard/apis/pets/v1?method=POST&resource=%2Fpets":              {`aria-label="Calls by minute: 8 in all"`},
		"/dashboard/apis/pets/v1?method=none&resource=none&range=6h":        {`aria-label="Calls by 5 minutes: 2 in all"`, `<title>14:55 UTC: 2 calls, 2 4xx, 0 5xx</title>`},
		"/dashboard/apis/pets/v1?method=DELETE&resource=/&range=24h":        {`aria-label="Calls by 10 minutes: 0 in all"`, `aria-label="Latency by 10 minutes: nothing to show"`},
		"/dashboard/apis/pets/v1?from=2026-03-14T14:50&to=2026-03-14T15:00": {`aria-label="Calls by minute: 40 in all"`},
	} {
		page := bodyOf(d, path)
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s is without %s", path, want)
			}
		}
	}
	_, text := textOf(t, d, "/dashboard/apis/pets/v1")
	for _, want := range []string{
		"14:59 40 7 3 5 30 2.0 ms", "14:39 40 0 0 0 0 20 ms 20 ms 20 ms 5.0 ms", // the table
		"GET /pets 70 ", "POST /pets 8 ", "No route 2 ", // the routes
		"200 OK 70 88%", "404 Not Found 2 2.5%", "429 Too Many Requests 5 6.2%", "504 Gateway Timeout 3 3.8%",
		"acme 40 50%", "192.0.2.1 45 56% 192.0.2.2 30 38%",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("without %q:\n%s", want, text)
		}
	}
	expect(t, d, "/dashboard/apis/pets", "Stages", "v1 80")
	expect(t, d, "/dashboard/apis/pets/v1?method=POST&resource=%2Fpets", "v1 POST /pets Live", "Calls 8 ", "No call came with a known key")
	expect(t, d, "/dashboard/apis/pets/v1?range=7d", "longer ago than the day", "Calls 0 ")
	expect(t, d, "/dashboard/apis/pets/v1?from=2026-03-01T00:00&to=2026-03-02T00:00", "longer ago than the day")
	for _, wrong := range []string{"from=x", "from=2026-03-14T15:00&to=2026-03-14T15:00", "from=0001-01-01T00:00&to=2026-03-14T15:00", "to=%3Cscript%3E"} {
		if status, text := textOf(t, d, "/dashboard/apis/pets/v1?"+wrong); status != 200 || !regexp.MustCompile(`(?:A time must|That is not a time)[^.]*\.`).MatchString(text) {
			t.Errorf("%s: %d %s", wrong, status, text)
		}
	}
	if status, _ := textOf(t, d, "/dashboard/apis/none"); status != 404 {
		t.Errorf("an API that is not there: %d", status)
	}
}

// TestTrafficIsText holds that what clients have written stays text.
func TestTrafficIsText(t *testing.T) {
	d := serveTraffic(t, nil)
	for _, path := range []string{"/dashboard/apis/pets/v1", "/dashboard/requests", "/dashboard/requests/lost-1", "/dashboard/requests?key=%3Cscript%3E&api=%22%3E%3Cscript%3E&method=%3Cb%3E", "/dashboard/apis/pets/v1?method=%3Cscript%3E&resource=%22x"} {
		page := bodyOf(d, path)
		if strings.Contains(page, "<script>") || strings.Contains(page, "<script src=//") || strings.Contains(page, "\u202e") {
			t.Errorf("%s has markup of a client's:\n%s", path, page)
		}
		if !strings.Contains(page, "script") {
			t.Errorf("%s does not show it at all", path)
		}
	}
}

// TestRequests holds which of the last requests are shown.
func TestRequests(t *testing.T) {
	d := serveTraffic(t, nil)
	rows := func(query string) (ids []string) {
		for _, m := range regexp.MustCompile(`<tr data-key="([^"]*)"`).FindAllStringSubmatch(bodyOf(d, "/dashboard/requests"+query), -1) {
			ids = append(ids, m[1])
		}
		return ids
	}
	for query, want := range map[string][]string{
		"?status=5xx": {"slow-2", "slow-1", "slow-0"},
		"?status=404": {"lost-1", "lost-0"},
		"?caller=192.0.2.1&status=429-429&stage=v1&api=pets": {"much-4", "much-3", "much-2", "much-1", "much-0"},
		"?method=none&resource=none":                         {"lost-1", "lost-0"},
		"?path=/nothing":                                     nil,
		"?key=acm":                                           nil,
		"?status=nonsense":                                   nil,
	} {
		if got := rows(query); !slices.Equal(got, want) {
			t.Errorf("%s: %v", query, got)
		}
	}
	if all := rows(""); len(all) != 80 || all[0] != "slow-2" {
		t.Errorf("all: %v", all)
	}
	if n := len(rows("?key=acme")); n != 40 {
		t.Errorf("of a key: %d", n)
	}
	expect(t, d, "/dashboard/requests?status=nonsense", "want a status (404), a class (4xx)")
	expect(t, d, "/dashboard/requests?status=5xx", "14:59:26.000 POST /pets pets v1 504 1.50 s 1.40 s INTEGRATION_TIMEOUT")
	expect(t, d, "/dashboard/requests/slow-1", "Request slow-1", "POST /pets 504 pets v1 POST /pets", "Refused with INTEGRATION_TIMEOUT", "Integration took 1.40 s")
	if status, text := textOf(t, d, "/dashboard/requests/none"); status != 404 || !strings.Contains(text, "not among the last ones") {
		t.Errorf("%d %s", status, text)
	}
	expect(t, dashboard.New(dashboard.Options{}), "/dashboard/requests", "the role telemetry, which this one has not")
}

// far is an archive with one call in each hour.
type far struct {
	asked []string
	err   error
}

func (f *far) Series(_ context.Context, of dashboard.Of, from, to time.Time, step time.Duration) (points []dashboard.Point, _ error) {
	f.asked = append(f.asked, fmt.Sprint(of.API, of.Method, " ", from.Format("01-02T15:04"), " ", to.Format("01-02T15:04"), " ", step))
	for at := from; at.Before(to); at = at.Add(step) {
		points = append(points, dashboard.Point{At: at, Count: uint64(step / time.Hour)})
	}
	return points, f.err
}

// TestArchive holds when the archive is asked, and that it is asked once for all.
func TestArchive(t *testing.T) {
	archive := &far{}
	d := serveTraffic(t, archive)
	expect(t, d, "/dashboard/apis/pets/v1", "24 hours 7 days 30 days 90 days From to Show", "Calls 80 ")
	if len(archive.asked) != 0 {
		t.Errorf("asked for the last hour: %v", archive.asked)
	}
	for range 2 {
		expect(t, d, "/dashboard/apis/pets/v1?range=7d", "Calls 168 ", "These numbers are Prometheus's")
	}
	expect(t, d, "/dashboard/apis/pets/v1?method=GET&resource=/pets&from=2026-01-01T00:00&to=2026-03-01T00:00", "Calls 1,416 ", "metrics: detailed")
	expect(t, d, "/dashboard/apis/pets?from=2016-06-01T00:00&to=2026-03-01T00:00", "Calls ")
	// The process has just begun: what was before is the archive's.
	expect(t, d, "/dashboard/apis/pets?range=24h", "These numbers are Prometheus's")
	want := []string{
		"pets 03-07T16:00 03-14T16:00 1h0m0s", "petsGET 01-01T00:00 03-01T00:00 12h0m0s", "pets 05-15T00:00 03-01T00:00 456h0m0s",
		"pets 03-13T15:10 03-14T15:10 10m0s",
	}
	if !slices.Equal(archive.asked, want) {
		t.Errorf("asked:\n%s", strings.Join(archive.asked, "\n"))
	}
	failing := serveSince(t, now.Add(-2*time.Hour), &far{err: errors.New("prometheus at http://p: <b>gone")})
	expect(t, failing, "/dashboard/apis/pets/v1?range=7d", "The archive of metrics did not answer: prometheus at http://p: &lt;b&gt;gone. These are the numbers of this process alone, from Mar 14 13:00 UTC on.", "Calls 80 ")
	if body := bodyOf(failing, "/dashboard/apis/pets/v1?from=2016-06-01T00:00&to=2016-06-02T00:00"); !strings.Contains(body, "gone</p>") || strings.Contains(body, "5xx errors") {
		t.Errorf("nothing is known, and numbers are shown:\n%s", body)
	}
}
