package dashboard

import (
	"sync"
	"time"

	"gatehouse/telemetry/history"
)

// Traffic knows the requests of the last day: how many there were, by minute, and the last
// ones. *history.History is one.
type Traffic = history.Reader

type (
	// Of names what numbers are about. What is empty stands for all.
	Of = history.Of
	// Point is what was seen in a step.
	Point = history.Point
)

// window is how far back summaries look, minutes how many points it has.
const (
	window  = minutes * time.Minute
	minutes = 60
)

// summary is what was seen of something in the window.
type summary struct {
	Calls, ClientErrors, ServerErrors, Throttled uint64
	CacheHits, Cacheable                         uint64
	P50, P99                                     time.Duration
	IntegrationP50, IntegrationP99               time.Duration
}

func summarize(points []Point) (s summary) {
	for _, p := range points {
		s.Calls += p.Count
		s.ClientErrors += p.ClientErrors
		s.ServerErrors += p.ServerErrors
		s.Throttled += p.Throttled
		s.CacheHits += p.CacheHits
		s.Cacheable += p.CacheHits + p.CacheMisses
	}
	if len(points) == 1 {
		latency, integration := points[0].Latency, points[0].IntegrationLatency
		s.P50, s.P99 = latency.Quantile(0.5), latency.Quantile(0.99)
		s.IntegrationP50, s.IntegrationP99 = integration.Quantile(0.5), integration.Quantile(0.99)
	}
	return s
}

// summariesLast is how long summaries are shared by all who look.
const summariesLast = time.Second

// summaries are those of the window that ends now. Those who look at the same time share
// them.
type summaries struct {
	traffic Traffic
	mu      sync.Mutex
	until   time.Time
	to      time.Time
	whole   map[Of]summary
	series  map[Of][]Point
}

// renew begins anew when what is known is too old. It needs the lock.
func (s *summaries) renew(now time.Time) {
	// A clock that was set back must not keep the old ones for long.
	if now.Before(s.until) && s.until.Sub(now) <= summariesLast {
		return
	}
	s.until, s.to = now.Add(summariesLast), now.Truncate(time.Minute).Add(time.Minute)
	s.whole, s.series = map[Of]summary{}, map[Of][]Point{}
}

// parts are the summaries of all parts of something: of all APIs, of an API's stages, or of
// a stage's routes. To ask for one after the other would take many times as long.
func (s *summaries) parts(what Of, now time.Time) map[Of]summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(now)
	parts := map[Of]summary{}
	for _, total := range s.traffic.Totals(what, s.to.Add(-window), s.to) {
		parts[total.Of] = summarize([]Point{total.Point})
	}
	return parts
}

// of summarizes the window.
func (s *summaries) of(what Of, now time.Time) summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(now)
	sum, known := s.whole[what]
	if !known {
		sum = summarize(s.traffic.Series(what, s.to.Add(-window), s.to, window))
		s.whole[what] = sum
	}
	return sum
}

// minutely are the points of the window.
func (s *summaries) minutely(what Of, now time.Time) []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(now)
	points, known := s.series[what]
	if !known {
		points = s.traffic.Series(what, s.to.Add(-window), s.to, time.Minute)
		s.series[what] = points
	}
	return points
}
