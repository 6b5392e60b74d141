package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	quotav3 "github.com/envoyproxy/go-control-plane/envoy/service/rate_limit_quota/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// countingStore has one window per counter, whose period the test begins anew.
type countingStore struct {
	used  map[string]int64
	usage Usage
	err   error
}

func (s *countingStore) Take(_ context.Context, asks []Ask) ([]Answer, error) {
	if s.err != nil {
		return nil, s.err
	}
	answers := make([]Answer, len(asks))
	for i, a := range asks {
		s.used[a.Counter] += a.Hits
		answers[i] = Answer{Granted: a.Hits, Remaining: a.Window.Limit - s.used[a.Counter], Reset: time.Hour}
	}
	return answers, nil
}

func (s *countingStore) SetRemaining(_ context.Context, counter string, w Window, remaining int64) error {
	s.used[counter] = w.Limit - remaining
	return nil
}

func (s *countingStore) AddUsage(_ context.Context, counts []Usage) error {
	for _, u := range counts {
		s.usage.Allowed += u.Allowed
		s.usage.Denied += u.Denied
	}
	return s.err
}

func (s *countingStore) Usage(context.Context, string, time.Time, time.Time) ([]DayUsage, error) {
	return nil, nil
}

func (s *countingStore) NoteQuotas(context.Context, []QuotaNote) error { return s.err }

func (s *countingStore) NamePlans(context.Context, map[string]string) error { return s.err }

func (s *countingStore) PlanNames(context.Context, []string) (map[string]string, error) {
	return nil, nil
}

func (s *countingStore) Quotas(context.Context, string, time.Time, time.Time) ([]DayQuota, error) {
	return nil, nil
}

// fakeEnvoy has one bucket, and goes by assignments as Envoy does.
type fakeEnvoy struct {
	stream *envoyStream
	id     *quotav3.BucketId
	clock  *time.Time
	// size and rate are those of a token bucket, 0 for none; left are its tokens.
	size, rate, left float64
	open             bool
	filled           time.Time
	allowed, denied  uint64
	forgotten        bool
}

func (e *fakeEnvoy) ask(n int) (passed int64) {
	e.fill()
	for range n {
		if e.open || e.left >= 1 {
			passed++
			e.allowed++
			if !e.open {
				e.left--
			}
		} else {
			e.denied++
		}
	}
	return passed
}

func (e *fakeEnvoy) fill() {
	e.left = min(e.size, e.left+e.rate*e.clock.Sub(e.filled).Seconds())
	e.filled = *e.clock
}

func (e *fakeEnvoy) report() []*action {
	if e.forgotten && e.allowed+e.denied == 0 {
		return nil
	}
	e.forgotten = false
	told := e.stream.report(context.Background(), &quotav3.RateLimitQuotaUsageReports{
		BucketQuotaUsages: []*quotav3.RateLimitQuotaUsageReports_BucketQuotaUsage{{BucketId: e.id, NumRequestsAllowed: e.allowed, NumRequestsDenied: e.denied}},
	})
	e.allowed, e.denied = 0, 0
	e.hear(told)
	return told
}

func (e *fakeEnvoy) hear(told []*action) {
	for _, a := range told {
		if a.GetAbandonAction() != nil {
			e.forgotten, e.open, e.size = true, true, 0
			continue
		}
		strategy := a.GetQuotaAssignmentAction().GetRateLimitStrategy()
		if b := strategy.GetTokenBucket(); b != nil {
			e.fill()
			size := float64(b.MaxTokens)
			if e.size == 0 {
				e.left = size
			} else {
				e.left *= size / e.size
			}
			e.size, e.open = size, false
			e.rate = float64(b.TokensPerFill.GetValue()) / b.FillInterval.AsDuration().Seconds()
			continue
		}
		e.size, e.left, e.rate, e.open = 0, 0, 0, strategy.GetBlanketRule() == typev3.RateLimitStrategy_ALLOW_ALL
	}
}

// fleet is a store, a clock, and servers that Envoys connect to.
type fleet struct {
	t        *testing.T
	store    *countingStore
	now      time.Time
	snapshot *gateway.Snapshot
	envoys   []*fakeEnvoy
}

func newFleet(t *testing.T, plan gateway.UsagePlan) *fleet {
	plan.Name, plan.Keys, plan.Stages = "gold", []string{"acme"}, []gateway.PlanStage{{API: "pets", Stage: "v1"}}
	return &fleet{
		t: t, store: &countingStore{used: map[string]int64{}}, now: time.Unix(1_700_000_000, 0),
		snapshot: &gateway.Snapshot{APIKeys: []gateway.APIKey{{Name: "acme"}}, UsagePlans: []gateway.UsagePlan{plan}},
	}
}

func (f *fleet) server(replicas int64) *Server {
	s := New(Options{Store: f.store, Replicas: replicas, Log: slog.New(slog.DiscardHandler)})
	f.t.Cleanup(s.Close)
	s.pools.now = func() time.Time { return f.now }
	s.Swap(Compile(f.snapshot))
	return s
}

func (f *fleet) connect(s *Server, kind string) *fakeEnvoy {
	plan := f.snapshot.UsagePlans[0].ID()
	e := &fakeEnvoy{stream: newStream(s), clock: &f.now, filled: f.now, open: true}
	e.id = &quotav3.BucketId{Bucket: map[string]string{
		wire.BucketOf(map[string]string{wire.LimitKind: kind, wire.LimitPlan: plan, wire.LimitAPI: "pets", wire.LimitStage: "v1"}): "|" + plan + "|:acme",
	}}
	// The request that makes a bucket gets through, before anything is assigned.
	e.allowed = 1
	e.report()
	f.envoys = append(f.envoys, e)
	return e
}

// pass lets time pass between reports, in which each Envoy is asked for so much.
func (f *fleet) pass(rounds int, asked func(envoy int) int) (passed int64) {
	for range rounds {
		for range 10 {
			f.now = f.now.Add(500 * time.Millisecond)
			for i, e := range f.envoys {
				e.hear(e.stream.changes())
				passed += e.ask(asked(i))
			}
		}
		for _, e := range f.envoys {
			e.report()
		}
	}
	return passed
}

func (f *fleet) extend(remaining int64) {
	for counter := range f.store.used {
		if err := f.store.SetRemaining(context.Background(), counter, Window{Limit: f.snapshot.UsagePlans[0].Quota.Limit}, remaining); err != nil {
			f.t.Fatal(err)
		}
	}
}

func within(t *testing.T, what string, got, least, most int64) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s: %d got through, want %d to %d", what, got, least, most)
	}
}

// TestQuotaAmongEnvoys holds that Envoys get a quota together and not one request more,
// that one alone is never refused while there is something left, and that all get more
// when it is extended and when a period begins; and that what they used is counted.
func TestQuotaAmongEnvoys(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1000, Period: gateway.QuotaDay, FailureMode: gateway.FailLocal}})
	s := f.server(1)
	f.connect(s, wire.LimitQuota)
	within(t, "one Envoy, all at once", f.envoys[0].ask(400), 400, 400)
	// Two more come while the first has not said what it used: that much may be too many.
	f.connect(s, wire.LimitQuota)
	f.connect(s, wire.LimitQuota)
	within(t, "three Envoys", f.pass(20, func(i int) int { return 3 * (i + 1) }), 1000-3-400, 1000-3)
	f.extend(70)
	within(t, "extended", f.pass(10, func(int) int { return 2 }), 70, 70)
	clear(f.store.used)
	within(t, "the next period", f.pass(30, func(int) int { return 7 }), 1000, 1000)
	// A plan that is edited goes on from what was used.
	f.snapshot.UsagePlans[0].Quota.Limit = 1200
	s.Swap(Compile(f.snapshot))
	within(t, "edited", f.pass(30, func(int) int { return 5 }), 200, 200)
	s.flushTally()
	if f.store.usage.Allowed < 2270 || f.store.usage.Denied == 0 {
		t.Errorf("counted usage: %+v", f.store.usage)
	}
}

// TestQuotaAmongServers holds that servers on one store get a quota together.
func TestQuotaAmongServers(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1001, Period: gateway.QuotaDay, FailureMode: gateway.FailLocal}})
	one, two := f.server(2), f.server(2)
	f.connect(one, wire.LimitQuota)
	f.connect(two, wire.LimitQuota)
	f.connect(two, wire.LimitQuota)
	// What they let through between two reports may be too many.
	within(t, "two servers", 3+f.pass(40, func(i int) int { return 10 }), 1001, 1001+300)
}

// TestRestartedServer holds that a server that knows nothing of what another gave out
// goes by what was used.
func TestRestartedServer(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1000, Period: gateway.QuotaDay, FailureMode: gateway.FailLocal}})
	s := f.server(1)
	f.connect(s, wire.LimitQuota)
	f.connect(s, wire.LimitQuota)
	passed := 2 + f.pass(3, func(int) int { return 10 })
	s = f.server(1)
	for _, e := range f.envoys {
		e.stream.end()
		e.stream = newStream(s)
		// What is let through until the next report is in it.
		passed += e.ask(50)
	}
	within(t, "after a restart", passed+f.pass(20, func(int) int { return 10 }), 900, 1000)
}

// TestQuotaWithoutStore holds what each failure mode promises, and that what was let
// through meanwhile is counted afterwards.
func TestQuotaWithoutStore(t *testing.T) {
	for mode, want := range map[gateway.FailureMode]int64{gateway.FailOpen: 1500, gateway.FailClosed: 0, gateway.FailLocal: 999} {
		f := newFleet(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1000, Period: gateway.QuotaDay, FailureMode: mode}})
		e := f.connect(f.server(1), wire.LimitQuota)
		f.store.err = errors.New("down")
		e.report()
		within(t, string(mode), e.ask(1500), want, want)
		e.report()
		f.store.err = nil
		e.report()
		for _, used := range f.store.used {
			if used != 1+want {
				t.Errorf("%s: %d are counted after %d got through", mode, used, 1+want)
			}
		}
	}
}

// TestSharedRateAmongEnvoys holds that Envoys together get the rate, however unlike they
// are asked, also while some come, go idle and go away.
func TestSharedRateAmongEnvoys(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Throttle: &gateway.Throttle{Rate: 100, Burst: 100, Shared: true, FailureMode: gateway.FailLocal}})
	s := f.server(1)
	f.connect(s, wire.LimitKeyPlan)
	within(t, "one", f.pass(6, func(int) int { return 60 }), 2950, 3120)
	f.connect(s, wire.LimitKeyPlan)
	f.connect(s, wire.LimitKeyPlan)
	all := func(int) int { return 60 }
	f.pass(2, all)
	within(t, "three", f.pass(6, all), 2850, 3060)
	uneven := func(i int) int { return []int{100, 5, 0}[i] }
	f.pass(3, uneven)
	within(t, "uneven", f.pass(6, uneven), 2850, 3060)
	// One stops to report, and nobody has its part for a moment.
	f.envoys[0].stream.end()
	f.envoys = f.envoys[1:]
	f.pass(3, all)
	within(t, "two", f.pass(6, all), 2850, 3060)
	if d := f.envoys[0].stream.server.pools.members; d != 2 {
		t.Errorf("%d buckets are kept", d)
	}
}

// TestSilentEnvoy holds that one that is connected and says nothing has no part after
// a while, and gets one when it speaks again.
func TestSilentEnvoy(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Throttle: &gateway.Throttle{Rate: 100, Burst: 100, Shared: true, FailureMode: gateway.FailLocal}})
	s := f.server(1)
	silent := f.connect(s, wire.LimitKeyPlan)
	f.connect(s, wire.LimitKeyPlan)
	f.envoys = f.envoys[1:]
	all := func(int) int { return 60 }
	f.pass(5, all)
	within(t, "the other", f.pass(6, all), 2850, 3060)
	silent.report()
	if silent.rate < 49 || silent.rate > 51 {
		t.Errorf("who speaks again has a rate of %v", silent.rate)
	}
}

// TestIdleBuckets holds that buckets that nobody uses are forgotten, but for those that
// have nothing left: they would let the next request through.
func TestIdleBuckets(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 10, Period: gateway.QuotaDay, FailureMode: gateway.FailLocal}})
	s := f.server(1)
	e := f.connect(s, wire.LimitQuota)
	none := func(int) int { return 0 }
	f.pass(idleReports+1, none)
	if !e.forgotten || s.pools.members != 0 || len(s.pools.at) != 0 {
		t.Errorf("an idle bucket is kept: %v %d %d", e.forgotten, s.pools.members, len(s.pools.at))
	}
	f.pass(1, func(int) int { return 5 })
	f.pass(2*idleReports, none)
	if used := f.pass(1, func(int) int { return 5 }); e.forgotten || used != 0 {
		t.Errorf("the bucket of a key that has nothing left is forgotten, and lets %d through", used)
	}
}

func TestStrangeReports(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 1000, Period: gateway.QuotaDay, FailureMode: gateway.FailLocal}})
	s := f.server(1)
	e := f.connect(s, wire.LimitQuota)
	e.allowed, e.denied = math.MaxUint64, math.MaxUint64
	for range 3 {
		e.report()
	}
	if got := e.ask(10); got != 0 {
		t.Errorf("%d requests got through a quota that is used up", got)
	}
	bucket := func(nameAndKey ...string) *quotav3.BucketId {
		id := &quotav3.BucketId{Bucket: map[string]string{}}
		for i := 0; i < len(nameAndKey); i += 2 {
			id.Bucket[nameAndKey[i]] = nameAndKey[i+1]
		}
		return id
	}
	plan := f.snapshot.UsagePlans[0].ID()
	name, key := "quota|"+plan+"|pets|v1", "|"+plan+"|:acme"
	id := e.id
	for what, strange := range map[string]*quotav3.BucketId{
		"none": nil, "empty": {}, "no key": bucket(name, ""), "every key": bucket(name, wire.EveryKey), "a tag without a key": bucket(name, "|"),
		"another plan": bucket("quota|x|pets|v1", key), "one entry more": bucket(name, key, "x", "y"), "another kind": bucket("x", key),
		"less of it": bucket("quota|x|pets", key), "more of it": bucket(name+"|x", key),
		"a key that does not belong there": bucket("stage|pets|v1", key),
	} {
		// Unused, it is to be forgotten; in use it lets everything through.
		e.id, e.forgotten, e.allowed, e.denied = strange, false, 0, 0
		for _, a := range e.report() {
			if a.GetAbandonAction() == nil {
				t.Errorf("%s: answered %v", what, a)
			}
		}
		e.allowed, e.open = 1, false
		e.report()
		if got := e.ask(3); len(strange.GetBucket()) > 0 && got != 3 {
			t.Errorf("%s: %d of 3 requests got through", what, got)
		}
	}
	if s.pools.members != 1 {
		t.Errorf("%d buckets are kept", s.pools.members)
	}
	// A bucket of a plan that is gone is forgotten with it.
	f.snapshot.UsagePlans = nil
	s.Swap(Compile(f.snapshot))
	s.Swap(Compile(&gateway.Snapshot{}))
	e.id, e.forgotten = id, false
	e.report()
	if s.pools.members != 0 || len(s.pools.at) != 0 {
		t.Errorf("%d buckets are kept of a plan that is gone", s.pools.members)
	}
}

// TestNoRoomForBuckets holds that what is kept is bounded, and that buckets that are there
// stay as they are.
func TestNoRoomForBuckets(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Quota: &gateway.Quota{Limit: 10, Period: gateway.QuotaDay, FailureMode: gateway.FailLocal}})
	for i := range 50 {
		f.snapshot.APIKeys = append(f.snapshot.APIKeys, gateway.APIKey{Name: fmt.Sprint("k", i)})
		f.snapshot.UsagePlans[0].Keys = append(f.snapshot.UsagePlans[0].Keys, fmt.Sprint("k", i))
	}
	s := f.server(1)
	s.pools.most = 20
	first := f.connect(s, wire.LimitQuota)
	for i := range 50 {
		e := f.connect(s, wire.LimitQuota)
		e.stream = first.stream
		for name := range e.id.Bucket {
			e.id.Bucket[name] = fmt.Sprint("k", i)
		}
		e.allowed = 1
		e.report()
	}
	if s.pools.members > 20 {
		t.Errorf("%d buckets are kept", s.pools.members)
	}
	first.ask(20)
	first.report()
	if got := first.ask(5); got != 0 {
		t.Errorf("%d more got through the first bucket", got)
	}
}

// meeting is a store by which servers meet.
type meeting struct {
	*countingStore
	mu     sync.Mutex
	claims map[string]map[string][]float64
	gone   bool
}

func (c *meeting) Meet(_ context.Context, service string, claims []Claim) ([][]float64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return nil, errors.New("down")
	}
	others := make([][]float64, len(claims))
	for i, claim := range claims {
		of := c.claims[claim.Counter]
		if of == nil {
			of = map[string][]float64{}
			c.claims[claim.Counter] = of
		}
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if name != service {
				others[i] = append(others[i], of[name]...)
			}
		}
		of[service] = claim.Demands
	}
	return others, nil
}

// TestSharedRateAmongServers holds Envoys of two servers to one rate, also while the store
// by which they meet does not answer, and when one server has no Envoys any more.
func TestSharedRateAmongServers(t *testing.T) {
	f := newFleet(t, gateway.UsagePlan{Throttle: &gateway.Throttle{Rate: 100, Burst: 100, Shared: true, FailureMode: gateway.FailLocal}})
	store := &meeting{countingStore: f.store, claims: map[string]map[string][]float64{}}
	server := func() *Server {
		s := f.server(2)
		// By the test's clock, not by the second.
		s.census, s.name, s.pools.meets = store, serviceName(), true
		return s
	}
	one, two := server(), server()
	f.connect(one, wire.LimitKeyPlan)
	f.connect(one, wire.LimitKeyPlan)
	f.connect(two, wire.LimitKeyPlan)
	meet := func() {
		for range 2 {
			for _, s := range []*Server{one, two} {
				s.meet(store, s.pools.due())
			}
		}
	}
	pass := func(rounds int, asked func(int) int) (passed int64) {
		for range rounds {
			passed += f.pass(1, asked)
			meet()
		}
		return passed
	}
	all := func(int) int { return 60 }
	pass(3, all)
	within(t, "three at two servers", pass(6, all), 2850, 3060)
	third := func(i int) int { return []int{2, 2, 100}[i] }
	pass(3, third)
	within(t, "most of it at the second", pass(6, third), 2850, 3060)
	store.gone = true
	within(t, "without the store", pass(6, third), 2850, 3060)
	store.gone = false
	f.envoys[2].stream.end()
	f.envoys = f.envoys[:2]
	pass(4, all)
	within(t, "two at the first", pass(6, all), 2850, 3060)
}
