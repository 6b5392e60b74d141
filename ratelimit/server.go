package ratelimit

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"gatehouse/internal/wire"
)

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Store keeps the state of limits. It has to be set.
	Store Store
	// Timeout is how long the store may take before a limit's failure mode holds, 50 ms
	// by default.
	Timeout time.Duration
	// Local keeps, in this process, what limits with the failure mode local have while
	// the store fails; without it those let nothing through. Shares is how many
	// processes share a limit then, 1 by default.
	Local  Store
	Shares int64
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
}

// Server is Envoy's rate limit service. It is safe for concurrent use.
type Server struct {
	ratelimitv3.UnimplementedRateLimitServiceServer
	options Options
	metrics *metrics
	serving atomic.Pointer[serving]
	tally   tally
}

// serving are the limits in force, and those of the revision before.
type serving struct{ current, previous *Limits }

var _ ratelimitv3.RateLimitServiceServer = (*Server)(nil)

// New makes a Server that knows no limits until the first Swap. It has to be closed.
func New(o Options) *Server {
	o.Log = cmp.Or(o.Log, slog.Default())
	o.Timeout, o.Shares = cmp.Or(o.Timeout, 50*time.Millisecond), max(1, o.Shares)
	s := &Server{options: o, metrics: newMetrics(o.Registerer)}
	s.serving.Store(&serving{})
	s.tally.counts, s.tally.stop = map[Usage][2]int64{}, make(chan struct{})
	s.tally.stopped.Go(s.tallyOn)
	return s
}

// Register adds the service to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	ratelimitv3.RegisterRateLimitServiceServer(r, s)
}

// Swap takes limits into use, for every call that begins from now on. Envoys go on to
// ask for limits of the revision before for a moment, so those are still known. The
// function that it returns goes back to how it was.
func (s *Server) Swap(l *Limits) (back func()) {
	before := s.serving.Load()
	next := &serving{current: l, previous: before.current}
	if before.current == l {
		next.previous = before.previous
	}
	s.serving.Store(next)
	return func() { s.serving.CompareAndSwap(next, before) }
}

func (s *serving) find(entries map[string]string) *Limit {
	for _, l := range []*Limits{s.current, s.previous} {
		if l == nil {
			continue
		}
		if found := l.Find(entries); found != nil {
			return found
		}
	}
	return nil
}

// quota is the quota of a key by a plan, with its counter; nil when there is none.
func (s *serving) quota(planID, key string) (*Window, string) {
	if s.current == nil {
		return nil, ""
	}
	p := s.current.plans[planID]
	if p == nil || p.Quota == nil || !p.keys[key] {
		return nil, ""
	}
	q := p.Quota
	return &Window{Limit: q.Limit, Period: Period(q.Period), Offset: q.Offset}, counter(wire.LimitQuota, planID, key)
}

// take asks the store, and falls back on what holds for each limit when it fails; then
// counted is false.
func (s *Server) take(ctx context.Context, asks []Ask) (answers []Answer, counted bool) {
	bounded, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	answers, err := s.options.Store.Take(bounded, asks)
	if err == nil {
		return answers, true
	}
	s.metrics.storeErrors.Inc()
	s.options.Log.Debug("the store of limits failed", "error", err)
	return s.withoutStore(ctx, asks), false
}
