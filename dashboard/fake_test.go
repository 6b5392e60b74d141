package dashboard_test

import (
	"fmt"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// now is the time in tests.
var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// fixed is a sketch of a latency, which a few exceed by half of it.
func fixed(latency time.Duration, n uint64) (s history.Sketch) {
	s.Observe(latency, n-n/50)
	s.Observe(latency*3/2, n/50)
	return s
}

// traffic has, for each stage, calls that are as many each minute as its place in the list.
type traffic struct {
	history.Reader
	stages []dashboard.Of
}

func (t traffic) Totals(of dashboard.Of, from, to time.Time) (totals []history.Total) {
	seen := map[dashboard.Of]bool{}
	for _, stage := range t.stages {
		part := stage
		if of.API == "" {
			part = dashboard.Of{API: stage.API}
		} else if of.API != stage.API || of.Stage != "" {
			continue
		}
		if !seen[part] {
			seen[part] = true
			totals = append(totals, history.Total{Of: part, Point: t.Series(part, from, to, to.Sub(from))[0]})
		}
	}
	return totals
}

func (t traffic) Names() (names []dashboard.Of) {
	return append(names, t.stages...)
}

func (t traffic) Series(of dashboard.Of, from, to time.Time, step time.Duration) (points []dashboard.Point) {
	each := uint64(0)
	for i, stage := range t.stages {
		if (of.API == "" || of.API == stage.API) && (of.Stage == "" || of.Stage == stage.Stage) {
			each += uint64(i + 1)
		}
	}
	for at := from; at.Before(to); at = at.Add(step) {
		n := each * uint64(step/time.Minute)
		points = append(points, dashboard.Point{
			At: at, Count: n, ClientErrors: n / 20, ServerErrors: n / 60, Throttled: n / 100, CacheHits: n / 4, CacheMisses: n / 8,
			Latency: fixed(12*time.Millisecond, n), IntegrationLatency: fixed(9*time.Millisecond, n),
		})
	}
	return points
}

// shop is a snapshot of so many APIs, each of two stages, and one with a hostile name.
func shop(n int) (*gateway.Snapshot, traffic) {
	s := &gateway.Snapshot{Gateways: []gateway.Gateway{{Name: "edge", Telemetry: true}}}
	var t traffic
	for i := range n {
		api := gateway.API{ID: fmt.Sprintf("api-%04d", i), Name: fmt.Sprintf("Shop %d", i), Protocol: gateway.REST}
		for _, name := range []string{"v1", "v2"} {
			api.Stages = append(api.Stages, gateway.Stage{Name: name, Deployment: &gateway.Deployment{}})
			t.stages = append(t.stages, dashboard.Of{API: api.ID, Stage: name})
		}
		s.APIs = append(s.APIs, api)
	}
	s.APIs = append(s.APIs, gateway.API{ID: "one", Name: hostile, Protocol: gateway.HTTP, Stages: []gateway.Stage{
		{Name: gateway.DefaultStage, Deployment: &gateway.Deployment{}, Canary: &gateway.Canary{Percent: 12.5}},
	}})
	return s.Seal(), t
}

// hostile is what must be text wherever it is shown.
const hostile = `<script src=//evil.example></script>"'&lt;` + "\u202e"
