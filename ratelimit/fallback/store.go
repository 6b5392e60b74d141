package fallback

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/ratelimit"
)

// Options configure a Store. The zero value of each means its default.
type Options struct {
	// Store is what may fail. It has to be set.
	Store ratelimit.Store
	// Local keeps what limits with the failure mode local have meanwhile, in this
	// process and for nothing else. It has to be set. Its clock should be SteadyClock's,
	// or what a machine's clock jumps is a new period.
	Local ratelimit.Store
	// Replicas is how many processes share the limits: each enforces its part. 1 by
	// default.
	Replicas int64
	// Timeout is how long Take waits for the store, 50 ms by default. For what has happened
	// already no request waits: it may take as long as the caller has, and the store.
	Timeout time.Duration
	// Failures in a row after which the store is not asked any more, 5 by default.
	Failures int
	// FirstProbe is when it is asked again for the first time, 100 ms by default. The
	// wait doubles up to LastProbe, 2 s by default.
	FirstProbe, LastProbe time.Duration
	// MaxCounters is how many counters are known at a time: what they had left, and what
	// is to be added to their counts. 100,000 by default.
	MaxCounters int
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
}

// Store is a ratelimit.Store whose Take does not fail because of the store that it is
// around. It is safe for concurrent use.
type Store struct {
	options Options
	metrics *metrics
	owed    *ledger

	// open is whether the store is not asked, and failures how often it failed in a row; aside is
	// that of calls which no request waits for.
	open            atomic.Bool
	failures, aside atomic.Int64
	// mu is held to change open.
	mu     sync.Mutex
	opened time.Time

	wake    chan struct{}
	closing chan struct{}
	once    sync.Once
	keeping sync.WaitGroup
}

var (
	_ ratelimit.Store  = (*Store)(nil)
	_ ratelimit.Census = (*Store)(nil)
)

// New makes a Store. It has to be closed.
func New(o Options) *Store {
	o.Replicas, o.Timeout = max(1, o.Replicas), cmp.Or(o.Timeout, 50*time.Millisecond)
	o.Failures, o.MaxCounters = cmp.Or(o.Failures, 5), cmp.Or(o.MaxCounters, 100_000)
	o.FirstProbe, o.LastProbe = cmp.Or(o.FirstProbe, 100*time.Millisecond), cmp.Or(o.LastProbe, 2*time.Second)
	o.Log = cmp.Or(o.Log, slog.Default())
	s := &Store{
		options: o, metrics: newMetrics(o.Registerer), owed: newLedger(o.MaxCounters),
		wake: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	s.metrics.up.Set(1)
	s.keeping.Go(s.keep)
	return s
}

// Close ends probing. What was not added to the store's counts by then is lost, as it
// is when the process is killed.
func (s *Store) Close() {
	s.once.Do(func() { close(s.closing) })
	s.keeping.Wait()
}

// Take asks the store, and answers in its place when it fails.
func (s *Store) Take(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range asks {
		if err := asks[i].Check(); err != nil {
			return nil, err
		}
	}
	if !s.open.Load() {
		answers, err := s.ask(ctx, asks)
		if err == nil {
			s.failures.Store(0)
			s.owed.learn(asks, answers)
			return answers, nil
		}
		part := &ratelimit.PartialError{}
		isPart := errors.As(err, &part)
		// Whoever has gone says nothing about the store.
		if !isPart && errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err()
		}
		s.failed(err)
		if isPart {
			return s.withoutSome(context.WithoutCancel(ctx), asks, answers, part.Failed)
		}
	}
	// The time to answer in may be over, but for this it is short.
	return s.without(context.WithoutCancel(ctx), asks)
}

// ask asks the store, for as long as who waits for it may wait.
func (s *Store) ask(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	if slices.ContainsFunc(asks, func(a ratelimit.Ask) bool { return !a.Always || a.Refusable }) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
	}
	return s.options.Store.Take(ctx, asks)
}

// withoutSome answers those of the asks that the store did not.
func (s *Store) withoutSome(ctx context.Context, asks []ratelimit.Ask, answers []ratelimit.Answer, failed []int) ([]ratelimit.Answer, error) {
	s.owed.learn(except(asks, failed), except(answers, failed))
	instead, err := s.without(ctx, ratelimit.At(asks, failed))
	if err != nil {
		return nil, err
	}
	for i, at := range failed {
		answers[at] = instead[i]
	}
	return answers, nil
}

// except is a list without what is in some places, which are in their order.
func except[T any](list []T, places []int) []T {
	var rest []T
	for i, v := range list {
		if _, without := slices.BinarySearch(places, i); !without {
			rest = append(rest, v)
		}
	}
	return rest
}

// failed counts a failure.
func (s *Store) failed(err error) {
	s.metrics.failures.Inc()
	if s.failures.Add(1) >= int64(s.options.Failures) {
		s.setOpen(err)
	}
	s.rouse()
}

// answersOthers is that of a store that has been seen to answer. If it goes on to fail those that no
// request waits for, it is not gone, and requests must not be without it now and then.
const answersOthers = math.MinInt64 / 2

// failedAside counts how a call ended that no request waits for. Where all limits are reported
// there is hardly any other, and nobody would hear that the store is gone.
func (s *Store) failedAside(err error) error {
	part := &ratelimit.PartialError{}
	switch {
	case err == nil:
		s.aside.Store(0)
	case errors.As(err, &part), errors.Is(err, context.Canceled):
		// What answers a part is there.
	default:
		if s.aside.Add(1) >= int64(s.options.Failures) {
			s.setOpen(err)
			s.rouse()
		}
	}
	return err
}

func (s *Store) setOpen(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open.Load() {
		return
	}
	s.opened = time.Now()
	s.open.Store(true)
	s.metrics.up.Set(0)
	s.metrics.changes.Inc()
	s.options.Log.Error("the store of limits does not answer: what each limit's failure mode says holds now", "error", err)
}

func (s *Store) setClosed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures.Store(0)
	s.aside.Store(answersOthers)
	s.open.Store(false)
	s.metrics.up.Set(1)
	s.metrics.changes.Inc()
	s.options.Log.Info("the store of limits answers again", "after", time.Since(s.opened).Round(time.Millisecond))
}

// without answers asks by their failure modes.
func (s *Store) without(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	answers := make([]ratelimit.Answer, len(asks))
	for i := range asks {
		ask := &asks[i]
		switch mode := ask.Failure; {
		case mode == gateway.FailClosed && ask.Always && ask.Refusable && ask.Hits > 0:
			// Nothing is counted, and the count is as if it were beyond the limit.
			answers[i] = ratelimit.Answer{Remaining: -ask.Hits, Reset: s.options.LastProbe}
		case mode == gateway.FailOpen || mode == gateway.FailClosed && (ask.Always || ask.Hits <= 0):
			// What has happened already, and what is given back, is never refused.
			answers[i] = ratelimit.Answer{Granted: ask.Hits, Remaining: limitOf(ask), Open: mode == gateway.FailOpen}
			// A quota has to know of it afterwards, a bucket has refilled by then.
			if ask.Window != nil {
				s.owed.note(ask, ask.Hits, 0)
			}
		case mode == gateway.FailClosed:
			answers[i] = ratelimit.Answer{Reset: s.options.LastProbe}
		default:
			answer, err := s.local(ctx, ask)
			if err != nil {
				return nil, err
			}
			answers[i] = answer
		}
		s.metrics.answered(ask.Failure, answers[i].Granted == ask.Hits)
	}
	s.rouse()
	return answers, nil
}

func limitOf(ask *ratelimit.Ask) int64 {
	if ask.Bucket != nil {
		return ask.Bucket.Burst
	}
	return ask.Window.Limit
}

// SetRemaining sets what a counter has in the store. It fails with the store.
func (s *Store) SetRemaining(ctx context.Context, counter string, limit ratelimit.Window, remaining int64) error {
	err := s.options.Store.SetRemaining(ctx, counter, limit, remaining)
	if err == nil {
		s.owed.forget(counter, limit)
	}
	return err
}

// SteadyClock makes a clock that begins with the time of day and does not jump with it.
func SteadyClock() func() time.Time {
	begin := time.Now()
	return func() time.Time { return begin.Add(time.Since(begin)) }
}

var errOpen = errors.New("the store of limits does not answer, and is not asked until it does again")

// AddUsage adds to the store's counts. While the store does not answer it fails at
// once: counts are with those who collect them, who come again.
func (s *Store) AddUsage(ctx context.Context, counts []ratelimit.Usage) error {
	if s.open.Load() {
		return errOpen
	}
	return s.failedAside(s.options.Store.AddUsage(ctx, counts))
}

// Meet meets the other services in the store. While the store does not answer it fails at
// once: what is known of them holds on.
func (s *Store) Meet(ctx context.Context, service string, claims []ratelimit.Claim) ([][]float64, error) {
	census, ok := s.options.Store.(ratelimit.Census)
	switch {
	case !ok:
		return make([][]float64, len(claims)), nil
	case s.open.Load():
		return nil, errOpen
	}
	others, err := census.Meet(ctx, service, claims)
	return others, s.failedAside(err)
}

// Usage reads the store's counts. It fails with the store.
func (s *Store) Usage(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayUsage, error) {
	return s.options.Store.Usage(ctx, plan, from, to)
}

// NoteQuotas has the store note what quotas have left. It fails as AddUsage does.
func (s *Store) NoteQuotas(ctx context.Context, notes []ratelimit.QuotaNote) error {
	if s.open.Load() {
		return errOpen
	}
	return s.failedAside(s.options.Store.NoteQuotas(ctx, notes))
}

// NamePlans has the store remember names of plans. It fails as AddUsage does.
func (s *Store) NamePlans(ctx context.Context, names map[string]string) error {
	if s.open.Load() {
		return errOpen
	}
	return s.failedAside(s.options.Store.NamePlans(ctx, names))
}

// PlanNames reads the store's names of plans. It fails with the store.
func (s *Store) PlanNames(ctx context.Context, ids []string) (map[string]string, error) {
	return s.options.Store.PlanNames(ctx, ids)
}

// Quotas reads the store's notes. It fails with the store.
func (s *Store) Quotas(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayQuota, error) {
	return s.options.Store.Quotas(ctx, plan, from, to)
}
