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

// window is how far back summaries look.
const window = time.Hour

// summary is what was seen of something in the window.
type summary struct {
	Calls, ClientErrors, ServerErrors, Throttled uint64
	CacheHits, Cacheable                         uint64
	P50, P99                                     time.Duration
	IntegrationP50, IntegrationP99               time.Duration
	Sockets                                      history.Sockets
}

func summarize(p *Point) summary {
	return summary{
		Calls: p.Count, ClientErrors: p.ClientErrors, ServerErrors: p.ServerErrors, Throttled: p.Throttled,
		CacheHits: p.CacheHits, Cacheable: p.CacheHits + p.CacheMisses,
		P50: p.Latency.Quantile(0.5), P99: p.Latency.Quantile(0.99),
		IntegrationP50: p.IntegrationLatency.Quantile(0.5), IntegrationP99: p.IntegrationLatency.Quantile(0.99),
		Sockets: p.Sockets,
	}
}

// summariesLast is how long summaries are shared by all who look.
const summariesLast = time.Second

// summaries are those of the window that ends now. Those who look at the same time share
// them.
type summaries struct {
	traffic Traffic
	mu      sync.Mutex
	// from and to are the window, until when it is used.
	from, to, until time.Time
	whole           map[Of]summary
	inside          map[Of]map[Of]summary
	series          map[Of][]Point
}

// renew begins anew when what is known is too old. It needs the lock.
func (s *summaries) renew(now time.Time) {
	// A clock that was set back must not keep the old ones for long.
	if now.Before(s.until) && s.until.Sub(now) <= summariesLast {
		return
	}
	s.until, s.to = now.Add(summariesLast), now.Truncate(time.Minute).Add(time.Minute)
	s.from = s.to.Add(-window)
	s.whole, s.inside, s.series = map[Of]summary{}, map[Of]map[Of]summary{}, map[Of][]Point{}
}

// parts are the summaries of all parts of something: of all APIs, of an API's stages, or of
// a stage's routes. To ask for one after the other would take many times as long. What
// nobody called has none.
func (s *summaries) parts(what Of, now time.Time) map[Of]summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(now)
	parts, known := s.inside[what]
	if known {
		return parts
	}
	parts = map[Of]summary{}
	for _, total := range s.traffic.Totals(what, s.from, s.to) {
		parts[total.Of] = summarize(&total.Point)
	}
	s.inside[what] = parts
	return parts
}

// of summarizes the window. Minutes are added up: a longer step would begin where it is
// whole, and not where the window does.
func (s *summaries) of(what Of, now time.Time) summary {
	points := s.minutely(what, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, known := s.whole[what]
	if !known {
		var whole Point
		for i := range points {
			whole.Add(&points[i])
		}
		sum = summarize(&whole)
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
		points = s.traffic.Series(what, s.from, s.to, time.Minute)
		s.series[what] = points
	}
	return points
}
