package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"text/tabwriter"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// measureDashboard asks for the overview of a thousand APIs that were all called in each of
// the last sixty minutes. Each time anew: summaries are shared for a second by those who look
// at the same time, so that others wait less.
func measureDashboard(size effort, w *tabwriter.Writer) error {
	const apis, minutes = 1000, 60
	s := &gateway.Snapshot{Gateways: []gateway.Gateway{{Name: "edge", Telemetry: true}}}
	for i := range apis {
		api := gateway.API{ID: fmt.Sprintf("api-%04d", i), Name: fmt.Sprintf("API %d", i), Protocol: gateway.REST}
		for _, name := range []string{"v1", "v2"} {
			api.Stages = append(api.Stages, gateway.Stage{Name: name, Deployment: &gateway.Deployment{Protocol: gateway.REST}})
		}
		s.APIs = append(s.APIs, api)
	}
	s.Seal()
	now := time.Now().Add(-minutes * time.Minute)
	kept := history.New(history.Options{Now: func() time.Time { return now }})
	for minute := range minutes {
		for i := range s.APIs {
			for j, stage := range s.APIs[i].Stages {
				for k := range 3 {
					kept.Add(&history.Request{
						API: s.APIs[i].ID, Stage: stage.Name, Protocol: string(gateway.REST), RouteMethod: "GET", Resource: fmt.Sprint("/", k), Status: []int{200, 200, 404, 500}[(i+k+minute)%4],
						Latency: time.Duration(1+(i*7+j*5+k*11+minute)%90) * time.Millisecond, Integrated: true, IntegrationLatency: time.Duration(1+(i+k+minute)%70) * time.Millisecond,
					})
				}
			}
		}
		now = now.Add(time.Minute)
	}
	d := dashboard.New(dashboard.Options{Snapshot: func() *gateway.Snapshot { return s }, Traffic: kept, Now: func() time.Time { return now }})
	server := httptest.NewServer(d)
	defer server.Close()
	defer d.Close()
	fmt.Fprintln(w, "dashboard, 1,000 APIs with 2,000 stages\tmiddle\tslowest of\t\tat most")
	for _, page := range []struct{ name, path string }{
		{"overview, busiest first", ""}, {"overview, by p99, page 20", "?sort=latency&page=20"}, {"overview, looking for a name", "?q=77"},
	} {
		var took []float64
		rounds := 10 * size.rounds
		for range rounds {
			now = now.Add(1100 * time.Millisecond)
			begin := time.Now()
			resp, err := http.Get(server.URL + dashboard.Prefix + page.path)
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || n < 10_000 {
				return fmt.Errorf("%s: %d with %d bytes: %w", page.name, resp.StatusCode, n, err)
			}
			took = append(took, float64(time.Since(begin).Microseconds())/1000)
		}
		fmt.Fprintf(w, "%s\t%.0f ms\t%d: %.0f ms\t\t50 ms\n", page.name, median(took), rounds, slices.Max(took))
	}
	return nil
}
