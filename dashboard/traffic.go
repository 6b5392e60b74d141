package dashboard

import (
	"sync"
	"time"
)

// Traffic knows the requests of the last day, by minute.
type Traffic interface {
	// Series gives what was seen of something from one time to another, by steps: every
	// step, with zeros where there was nothing.
	Series(of Of, from, to time.Time, step time.Duration) []Point
	// Names are what has been seen, busiest first.
	Names() []Of
}

// Of names what numbers are about. What is empty stands for all.
type Of struct{ API, Stage, Method, Resource string }

// Point is what was seen in a step.
type Point struct {
	At                                           time.Time
	Count, ClientErrors, ServerErrors, Throttled uint64
	CacheHits, CacheMisses                       uint64
	Latency, IntegrationLatency                  Sketch
}

// Sketch tells quantiles of latencies.
type Sketch interface {
	Quantile(q float64) time.Duration
	Count() uint64
}

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
	quantile := func(of Sketch, q float64) time.Duration {
		if of == nil || of.Count() == 0 {
			return 0
		}
		return of.Quantile(q)
	}
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
		s.P50, s.P99 = quantile(latency, 0.5), quantile(latency, 0.99)
		s.IntegrationP50, s.IntegrationP99 = quantile(integration, 0.5), quantile(integration, 0.99)
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
