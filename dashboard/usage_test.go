package dashboard_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/cost"
	"gatehouse/telemetry/metering"
)

type metered struct {
	lines []metering.Line
	err   error
}

func (m metered) Sums(from, to time.Time) (metering.Sums, error) {
	sums := metering.Sums{Days: map[time.Time]metering.Counts{}}
	for _, l := range m.lines {
		if !l.Day.Before(from) && !l.Day.After(to) {
			sums.Months = append(sums.Months, l)
			day := sums.Days[l.Day]
			day.Add(l.Counts)
			sums.Days[l.Day] = day
		}
	}
	return sums, m.err
}

// TestUsage holds what months are said to have used and cost, on the page and as a file.
func TestUsage(t *testing.T) {
	s := guardedShop()
	line := func(day int, stage, key string, calls, free uint64) metering.Line {
		return metering.Line{
			Day: time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC), Of: metering.Of{API: "pets", Protocol: "REST", Stage: stage, Key: key},
			Counts: metering.Counts{Calls: calls, Free: free, CallSteps: calls, BytesIn: 1 << 20, BytesOut: 2 << 20},
		}
	}
	counted := metered{lines: []metering.Line{
		line(1, "v1", "acme", 400_000, 5), line(14, "v1", "=1+1", 600_000, 0), line(14, "v2", "", 10, 0), line(-1, "v1", "acme", 7, 0),
	}}
	serve := func(m dashboard.Meter) *dashboard.Server {
		return dashboard.New(dashboard.Options{Log: slog.New(slog.DiscardHandler), Snapshot: func() *gateway.Snapshot { return s }, Now: func() time.Time { return now }, Meter: m})
	}
	d := serve(counted)
	expect(t, d, "/dashboard/usage",
		"March 2026 February 2026", "Calls 1.0M 5 more for free", "Cost by prices “aws” 3.50 USD, so far", "14 March: 600,010 calls and messages, 0 calls for free",
		"v1 1,000,000 5 0 6 MiB 3.50", "v2 10 0 0 3 MiB 0.000224",
	)
	expect(t, d, "/dashboard/usage?by=key", "acme 400,000 5 0 3 MiB 1.40", "without a key 10")
	expect(t, d, "/dashboard/usage?month=2026-02", "Calls 7 0 more for free", "0.000213")
	expect(t, d, "/dashboard/usage?month=2019-01&by=none", "Calls 1.0M")
	expect(t, serve(metered{}), "/dashboard/usage", "Nothing was used in this month")
	expect(t, serve(nil), "/dashboard/usage", "Not in this process")
	if status, text := textOf(t, serve(metered{err: errors.New("a full disk")}), "/dashboard/usage"); status != 503 || !strings.Contains(text, "Not to be had just now") {
		t.Errorf("%d %s", status, text)
	}

	// What has no whole minutes and hours, in a month that is over, of two APIs of one name.
	parts := line(-1, "v1", "", 0, 0)
	parts.ConnectionSeconds, parts.CacheMinutes = 90, 100
	other := parts
	other.API = "other"
	s.APIs = append(s.APIs, gateway.API{ID: "other", Name: s.APIs[0].Name})
	old := serve(metered{lines: []metering.Line{parts, other}})
	if _, text := textOf(t, old, "/dashboard/usage?month=2026-02&by=api"); strings.Contains(text, "so far") || !strings.Contains(text, "(pets)") || !strings.Contains(text, "(other)") {
		t.Errorf("February is %s", text)
	}
	file := httptest.NewRecorder()
	old.ServeHTTP(file, httptest.NewRequest(http.MethodGet, "/dashboard/usage?month=2026-02&by=all&format=csv", nil))
	if got := file.Body.String(); strings.Count(got, ",1.5,1.666667,") != 2 {
		t.Errorf("minutes and hours are\n%s", got)
	}
	s.APIs = s.APIs[:1]

	// Prices of one's own, beside Amazon's.
	aws, _ := cost.BuiltIn(cost.AWS)
	own, err := cost.Parse([]byte(`{name: "own", currency: EUR, prices: [{meter: calls, tiersOf: key, per: 1000, tiers: [{upTo: 500000, price: 0}, {price: 0.10}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	both := dashboard.New(dashboard.Options{Now: func() time.Time { return now }, Meter: counted, Prices: []*cost.Table{aws, own}})
	expect(t, both, "/dashboard/usage", "Cost by prices “aws” 3.50 USD, so far", "Cost by prices “own” 10.00 EUR, so far", "aws, USD own, EUR", "v1 1,000,000 5 0 6 MiB 3.50 10.00", "v2 10 0 0 3 MiB 0.000224 0.00")
	w := httptest.NewRecorder()
	both.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/dashboard/usage?by=key&format=csv", nil))
	if got := w.Body.String(); !strings.Contains(got, ",cost_aws_usd,cost_own_eur\n2026-03,,,'=1+1,600000,0,0,0,0,1048576,2097152,2.100188744,10\n") {
		t.Errorf("the file of both is\n%s", got)
	}

	w = httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/dashboard/usage?by=all&format=csv", nil))
	want := "month,api,stage,key,calls,free_calls,messages,connection_minutes,cache_hours,bytes_in,bytes_out,cost_aws_usd\n" +
		"2026-03,NAME,v1,'=1+1,600000,0,0,0,0,1048576,2097152,2.100188744\n" +
		"2026-03,NAME,v1,acme,400000,5,0,0,0,1048576,2097152,1.400188744\n" +
		"2026-03,NAME,v2,,10,0,0,0,0,1048576,2097152,0.000223744\n"
	name := `"` + strings.ReplaceAll(hostile, `"`, `""`) + `"`
	if diff := cmp.Diff(strings.ReplaceAll(want, "NAME", name), w.Body.String()); diff != "" {
		t.Error(diff)
	}
	if got := w.Header().Get("Content-Disposition"); got != "attachment; filename=usage-2026-03-by-all.csv" {
		t.Errorf("the file is %s", got)
	}
}
