package ratelimit

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	quotav3 "github.com/envoyproxy/go-control-plane/envoy/service/rate_limit_quota/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gatehouse/gateway"
	"gatehouse/internal/nearest"
	"gatehouse/internal/wire"
)

// Domains answers for domains other than that of definitions.
type Domains interface {
	ShouldRateLimit(context.Context, *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error)
}

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Store keeps the state of limits. It has to be set. One that may go away is wrapped
	// in a fallback.Store, which answers in its place.
	Store Store
	// Others answers for other domains; nil for nobody.
	Others Domains
	// Replicas is how many services work on the store: each gives out its part of what a
	// quota has left. 1 by default.
	Replicas int64
	// Tracer makes spans of requests whose Envoys have sampled them; nil for none.
	Tracer trace.Tracer
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
}

// Server is Envoy's rate limit service and its rate limit quota service. It is safe for
// concurrent use.
type Server struct {
	ratelimitv3.UnimplementedRateLimitServiceServer
	options Options
	metrics *metrics
	serving atomic.Pointer[serving]
	tally   tally
	notes   notes
	pools   *pools
	// census is the store's, or nil; name is what others know this server by.
	census Census
	name   string
	// ended is closed when streams are to end.
	ended     chan struct{}
	endedOnce sync.Once
}

// serving are the limits in force, and those of the revision before.
type serving struct{ current, previous *Limits }

var _ ratelimitv3.RateLimitServiceServer = (*Server)(nil)

// New makes a Server that knows no limits until the first Swap. It has to be closed.
func New(o Options) *Server {
	o.Log = cmp.Or(o.Log, slog.Default())
	s := &Server{options: o, metrics: newMetrics(o.Registerer), pools: newPools(o.Replicas), ended: make(chan struct{})}
	s.serving.Store(&serving{})
	s.tally.counts, s.tally.stop = map[Usage][2]int64{}, make(chan struct{})
	s.tally.stopped.Go(s.tallyOn)
	if census, ok := o.Store.(Census); ok {
		s.census, s.name, s.pools.meets = census, serviceName(), true
		s.tally.stopped.Go(func() { s.meetOn(census) })
	}
	return s
}

// Register adds both services to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	ratelimitv3.RegisterRateLimitServiceServer(r, s)
	quotav3.RegisterRateLimitQuotaServiceServer(r, quotaStreams{Server: s})
}

// EndStreams ends the streams of the quota service, so that the gRPC server can be
// stopped gracefully. Envoys keep what they have, and go to another server.
func (s *Server) EndStreams() { s.endedOnce.Do(func() { close(s.ended) }) }

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

// planID is the id of the plan of a name. What is no plan's name is taken for an id, which
// may be that of a plan that there was.
func (s *serving) planID(name string) string {
	id := (&gateway.UsagePlan{Name: name}).ID()
	if name != "" && s.current != nil && s.current.plans[id] != nil {
		return id
	}
	return name
}

// mistaken says what is wrong with the names of a plan and of a key, either of which may be
// empty: "" when nothing is.
func (s *serving) mistaken(plan, key string) string {
	if s.current == nil {
		return ""
	}
	names, keys := []string{}, map[string]bool{}
	for id, p := range s.current.plans {
		names = append(names, p.Name)
		if plan == "" || id == s.planID(plan) {
			maps.Copy(keys, p.keys)
		}
	}
	unknown := func(what, name string, choices []string) string {
		text := fmt.Sprintf("%s %q", what, name)
		if near := nearest.Of(name, choices); near != "" {
			text += fmt.Sprintf(" (did you mean %q?)", near)
		}
		return text
	}
	switch {
	case plan != "" && s.current.plans[s.planID(plan)] == nil:
		return unknown("there is no usage plan", plan, names)
	case key != "" && plan != "" && !keys[key]:
		return unknown(fmt.Sprintf("the usage plan %q has no key", plan), key, slices.Collect(maps.Keys(keys)))
	case key != "" && !keys[key]:
		return unknown("no usage plan has a key", key, slices.Collect(maps.Keys(keys)))
	}
	return ""
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
	return &Window{Limit: q.Limit, Period: Period(q.Period), Offset: q.Offset}, wire.Join(wire.LimitQuota, planID, key)
}

// take asks the store. An error leaves it to Envoy, whose filters know which limits are
// open and which are closed without an answer.
func (s *Server) take(ctx context.Context, asks []Ask) ([]Answer, error) {
	answers, err := s.options.Store.Take(ctx, asks)
	if err != nil {
		s.metrics.storeErrors.Inc()
		s.options.Log.Debug("the store of limits failed", "error", err)
		return nil, status.Error(codes.Unavailable, "the store of limits failed")
	}
	return answers, nil
}
