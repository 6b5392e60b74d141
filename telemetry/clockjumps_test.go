package telemetry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
	"gatehouse/telemetry/metering"
)

// TestClockJumps has the clock jump an hour forward, over midnight, and back again: every request
// is in the log, in the metrics, in the history and on the bill, and in each of them once; and the
// dashboard shows for every range what was counted in it by then.
func TestClockJumps(t *testing.T) {
	evening := time.Date(2026, 11, 25, 23, 30, 10, 0, time.UTC)
	at := evening
	now := func() time.Time { return at }
	kept := history.New(history.Options{Now: now})
	meter := metering.Open(metering.Options{Now: now})
	h := newHarness(t, Options{History: kept, Meter: meter, Now: now})
	s := snapshot(&gateway.StageAccessLog{Format: "$context.requestId", Destination: gateway.DestinationStdout})
	h.Swap(h.Compile(s))
	d := dashboard.New(dashboard.Options{Snapshot: func() *gateway.Snapshot { return s }, Traffic: kept, Now: now})
	t.Cleanup(d.Close)
	total := 0
	minutes := map[time.Time]uint64{}
	days := map[time.Time]uint64{}
	for _, phase := range []struct {
		name     string
		jump     time.Duration
		requests int
		// hour and day are what the dashboard shows of the last of them.
		hour, day int
	}{
		{"at first", 0, 3, 3, 3},
		{"an hour forward", time.Hour, 5, 5, 8},
		{"an hour back", time.Minute, 7, 10, 10},
		{"when it is that late", time.Hour, 2, 14, 17},
	} {
		at = evening.Add(phase.jump)
		for range phase.requests {
			total++
			e := entry("shop", "v1", "GET /pets/{id}")
			e.RequestID, e.began = fmt.Sprint("request-", total), at
			h.tell(e)
		}
		minutes[at.Truncate(time.Minute)] += uint64(phase.requests)
		days[at.Truncate(24*time.Hour)] += uint64(phase.requests)
		if got, _ := h.metric(t, "gatehouse_apigateway_count_total", nil); int(got) != total {
			t.Errorf("%s: the metrics have %v requests, want %d", phase.name, got, total)
		}
		from := evening.Add(-2 * time.Hour)
		for _, step := range []time.Duration{time.Minute, 10 * time.Minute} {
			sum := uint64(0)
			for _, p := range kept.Series(history.Of{}, from, from.Add(5*time.Hour), step) {
				if sum += p.Count; step == time.Minute && p.Count != minutes[p.At] {
					t.Errorf("%s: the history has %d requests of %s, want %d", phase.name, p.Count, p.At, minutes[p.At])
				}
			}
			if int(sum) != total {
				t.Errorf("%s: the history has %d requests by %s, want %d", phase.name, sum, step, total)
			}
		}
		lines, err := meter.Lines(evening, evening.Add(24*time.Hour))
		if err != nil || len(lines) != len(days) {
			t.Fatalf("%s: %v %v", phase.name, lines, err)
		}
		for _, line := range lines {
			if line.Calls != days[line.Day] {
				t.Errorf("%s: the bill has %d requests of %s, want %d", phase.name, line.Calls, line.Day, days[line.Day])
			}
		}
		for span, want := range map[string]string{
			"1h": fmt.Sprintf("Calls by minute: %d in all", phase.hour), "24h": fmt.Sprintf("Calls by 10 minutes: %d in all", phase.day),
		} {
			w := httptest.NewRecorder()
			d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, dashboard.Prefix+"apis/shop/v1?range="+span, nil))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d, and the page of the last %s lacks %q", phase.name, w.Code, span, want)
			}
		}
	}
	logged := strings.Fields(h.written(t))
	seen := map[string]bool{}
	for _, id := range logged {
		seen[id] = true
	}
	if len(logged) != total || len(seen) != total {
		t.Errorf("the log has %d lines of %d requests, want %d", len(logged), len(seen), total)
	}
}
