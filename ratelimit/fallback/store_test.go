package fallback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"gatehouse/gateway"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/ratelimit/storetest"
)

// shaky is a store that fails when it is told to, and counts how often it is asked.
type shaky struct {
	ratelimit.Store
	fails, hangs atomic.Bool
	// failsAside is for what no request waits for.
	failsAside atomic.Bool
	asked      atomic.Int64
}

var errGone = errors.New("the store is gone")

func (s *shaky) Take(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	s.asked.Add(1)
	if s.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if s.fails.Load() {
		return nil, errGone
	}
	return s.Store.Take(ctx, asks)
}

func (s *shaky) AddUsage(ctx context.Context, counts []ratelimit.Usage) error {
	if s.fails.Load() || s.failsAside.Load() {
		return errGone
	}
	return s.Store.AddUsage(ctx, counts)
}

// Meet implements ratelimit.Census.
func (s *shaky) Meet(_ context.Context, _ string, claims []ratelimit.Claim) ([][]float64, error) {
	if s.fails.Load() || s.failsAside.Load() {
		return nil, errGone
	}
	return make([][]float64, len(claims)), nil
}

// late is a store that takes its time.
type late struct {
	ratelimit.Store
	takes time.Duration
}

func (s late) Take(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(s.takes):
		return s.Store.Take(ctx, asks)
	}
}

// TestReportsMayWait: a quota does not open because a report of what was let through had a
// late answer, as a request's would.
func TestReportsMayWait(t *testing.T) {
	s := replica(t, late{memory.New(memory.Options{}), 100 * time.Millisecond}, Options{Timeout: time.Millisecond})
	reported, asked := window("w", 2, 2, gateway.FailOpen), window("w", 2, 1, gateway.FailOpen)
	reported.Always = true
	if got := take(t, s, reported); got.Open || got.Remaining != 0 {
		t.Errorf("a report: %+v", got)
	}
	if got := take(t, s, asked); !got.Open {
		t.Errorf("a request: %+v", got)
	}
}

// logged counts what is logged.
type logged struct{ lines atomic.Int64 }

func (l *logged) Write(p []byte) (int, error) { l.lines.Add(1); return len(p), nil }

func replica(t *testing.T, store ratelimit.Store, o Options) *Store {
	t.Helper()
	o.Store = store
	if o.Local == nil {
		o.Local = memory.New(memory.Options{Now: SteadyClock()})
	}
	if o.FirstProbe == 0 {
		o.FirstProbe, o.LastProbe = 5*time.Millisecond, 20*time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := New(o)
	t.Cleanup(s.Close)
	return s
}

func take(t *testing.T, s ratelimit.Store, ask ratelimit.Ask) ratelimit.Answer {
	t.Helper()
	answers, err := s.Take(t.Context(), []ratelimit.Ask{ask})
	if err != nil {
		t.Fatal(err)
	}
	return answers[0]
}

func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for: " + what)
		}
	}
}

func window(counter string, limit, hits int64, mode gateway.FailureMode) ratelimit.Ask {
	return ratelimit.Ask{Counter: counter, Window: &ratelimit.Window{Limit: limit, Period: ratelimit.Year}, Hits: hits, Failure: mode}
}

func bucket(counter string, rate float64, burst, hits int64) ratelimit.Ask {
	return ratelimit.Ask{Counter: counter, Bucket: &ratelimit.Bucket{Rate: rate, Burst: burst}, Hits: hits}
}

// TestNobodyAsks: that the store is gone is told also where no request asks it, as where all limits
// are reported, and that it is back again.
func TestNobodyAsks(t *testing.T) {
	for name, call := range map[string]func(*Store) error{
		"usage": func(s *Store) error { return s.AddUsage(t.Context(), []ratelimit.Usage{{Plan: "p"}}) },
		"census": func(s *Store) error {
			_, err := s.Meet(t.Context(), "one", []ratelimit.Claim{{Counter: "c"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &shaky{Store: memory.New(memory.Options{})}
			s := replica(t, store, Options{Failures: 3})
			up := func() bool { return testutil.ToFloat64(s.metrics.up) == 1 }
			for range 5 {
				// Now and then is no sign of anything.
				for _, fails := range []bool{true, true, false} {
					store.fails.Store(fails)
					if err := call(s); (err != nil) != fails {
						t.Fatal(err)
					}
				}
			}
			if !up() || s.open.Load() {
				t.Error("it is taken for gone too soon")
			}
			store.fails.Store(true)
			for range 3 {
				call(s)
			}
			if up() || !s.open.Load() {
				t.Error("nobody is told that it is gone")
			}
			store.fails.Store(false)
			wait(t, "it to be back", func() bool { return up() && call(s) == nil })
			// What answers all others is not gone.
			store.failsAside.Store(true)
			wait(t, "it to be taken for gone, and asked", func() bool { call(s); return testutil.ToFloat64(s.metrics.changes) == 4 })
			for range 10 {
				if err := call(s); err == nil || !up() {
					t.Fatalf("requests are without a store that answers them: %v", err)
				}
			}
		})
	}
}

// TestModes: what holds while the store fails, and that it is told of once.
func TestModes(t *testing.T) {
	for _, how := range []string{"fails", "hangs"} {
		t.Run(how, func(t *testing.T) {
			store := &shaky{Store: memory.New(memory.Options{})}
			lines := &logged{}
			reg := prometheus.NewRegistry()
			s := replica(t, store, Options{
				// A busy machine answers in time as well, and is not probed all the time.
				Timeout: 300 * time.Millisecond, Log: slog.New(slog.NewTextHandler(lines, nil)), Registerer: reg,
				FirstProbe: 500 * time.Millisecond, LastProbe: time.Second,
			})
			for _, mode := range []gateway.FailureMode{gateway.FailOpen, gateway.FailClosed, gateway.FailLocal, ""} {
				if got := take(t, s, window("w"+string(mode), 2, 1, mode)); got.Granted != 1 || got.Remaining != 1 {
					t.Fatalf("%s: %+v", mode, got)
				}
			}
			store.fails.Store(how == "fails")
			store.hangs.Store(how == "hangs")
			granted := map[gateway.FailureMode]int64{}
			before, began := store.asked.Load(), time.Now()
			for range 100 {
				for _, mode := range []gateway.FailureMode{gateway.FailOpen, gateway.FailClosed, gateway.FailLocal, ""} {
					granted[mode] += take(t, s, window("w"+string(mode), 2, 1, mode)).Granted
				}
			}
			if granted[gateway.FailOpen] != 100 || granted[gateway.FailClosed] != 0 || granted[gateway.FailLocal] != 1 || granted[""] != 1 {
				t.Errorf("granted %v", granted)
			}
			// Five failures, and probes as time goes by: 400 requests are not 400 waits.
			most := 6 + int64(time.Since(began)/(500*time.Millisecond))
			if n := store.asked.Load() - before; n < 5 || n > most {
				t.Errorf("the failing store was asked %d times, want at most %d", n, most)
			}
			if n := lines.lines.Load(); n != 1 || testutil.ToFloat64(s.metrics.changes) != 1 {
				t.Errorf("%d lines are logged of %v changes", n, testutil.ToFloat64(s.metrics.changes))
			}
			// What was taken before is given back in all modes.
			for _, mode := range []gateway.FailureMode{gateway.FailOpen, gateway.FailClosed, gateway.FailLocal} {
				if got := take(t, s, window("w"+string(mode), 2, -1, mode)); got.Granted != -1 {
					t.Errorf("%s: %+v", mode, got)
				}
			}
			if err := s.AddUsage(t.Context(), []ratelimit.Usage{{Plan: "p"}}); err == nil {
				t.Error("usage is taken, and lost")
			}
			store.fails.Store(false)
			store.hangs.Store(false)
			wait(t, "closed limits to be granted", func() bool { return take(t, s, window("other", 1e6, 1, gateway.FailClosed)).Granted == 1 })
			// It is told of once more that it is back. On a machine that stood still for a moment
			// it may have gone, and come, again: each of that is a line and a change.
			wait(t, "a line for each change, back and forth", func() bool {
				n := lines.lines.Load()
				return n >= 2 && n%2 == 0 && float64(n) == testutil.ToFloat64(s.metrics.changes)
			})
			// What went on, is counted: 1 + 100 - 1 of open, 1 - 1 of closed, 1 + 1 - 1 of local.
			for mode, want := range map[gateway.FailureMode]int64{gateway.FailOpen: 2 - 100, gateway.FailClosed: 2, gateway.FailLocal: 1} {
				if got := take(t, s, window("w"+string(mode), 2, 0, mode)); got.Remaining != want {
					t.Errorf("%s: %d left, want %d", mode, got.Remaining, want)
				}
			}
			if n := testutil.CollectAndCount(reg, "gatehouse_ratelimit_store_up", "gatehouse_ratelimit_store_changes_total"); n != 2 {
				t.Errorf("%d metrics", n)
			}
			if got := testutil.ToFloat64(s.metrics.up); got != 1 {
				t.Errorf("up is %v", got)
			}
		})
	}
}

// TestBoundOfQuota: what three replicas grant of a quota together, over a failure and
// after it, as the documentation has it.
func TestBoundOfQuota(t *testing.T) {
	const limit, replicas = 100, 3
	for name, c := range map[string]struct {
		// fresh: every replica has asked for the quota after the last use of it.
		fresh bool
		// before were used while the store answered, by the first replica.
		before, most, least int64
	}{
		"fresh":   {true, 40, limit + replicas - 1, limit},
		"stale":   {false, 99, 2*limit + replicas - 1, limit},
		"used up": {true, 100, limit, limit},
	} {
		t.Run(name, func(t *testing.T) {
			store := &shaky{Store: memory.New(memory.Options{})}
			var all []*Store
			for range replicas {
				all = append(all, replica(t, store, Options{Replicas: replicas, Failures: 1}))
			}
			quota := func(hits int64) ratelimit.Ask { return window("quota", limit, hits, gateway.FailLocal) }
			if !c.fresh {
				for _, s := range all[1:] {
					take(t, s, quota(0))
				}
			}
			total := take(t, all[0], quota(c.before)).Granted
			if c.fresh {
				for _, s := range all[1:] {
					take(t, s, quota(0))
				}
			}
			store.fails.Store(true)
			for _, s := range all {
				for range 2 * limit {
					total += take(t, s, quota(1)).Granted
				}
			}
			if total > c.most || total < c.least {
				t.Errorf("granted %d, want %d to %d", total, c.least, c.most)
			}
			store.fails.Store(false)
			for _, s := range all {
				wait(t, "the store to be asked", func() bool { return !s.open.Load() && len(s.owed.due(1)) == 0 })
			}
			if got := take(t, store, quota(0)); got.Remaining != limit-total {
				t.Errorf("%d left, want %d", got.Remaining, limit-total)
			}
			// A second failure in the same period has nothing more to give.
			if total >= limit {
				for _, s := range all {
					take(t, s, quota(1))
				}
				store.fails.Store(true)
				for _, s := range all {
					if got := take(t, s, quota(1)); got.Granted != 0 {
						t.Errorf("%+v", got)
					}
				}
			}
		})
	}
}

// TestBoundOfBucket: replicas have the bucket's rate together, and a burst more. All go by
// the test's clock, so that nothing refills while this machine is busy.
func TestBoundOfBucket(t *testing.T) {
	const rate, burst, replicas, passed = 50, 10, 3, 310 * time.Millisecond
	clock := storetest.NewClock()
	store := &shaky{Store: memory.New(memory.Options{Now: clock.Now})}
	var all []*Store
	for range replicas {
		all = append(all, replica(t, store, Options{Replicas: replicas, Failures: 1, Timeout: time.Minute, Local: memory.New(memory.Options{Now: clock.Now})}))
	}
	total := take(t, all[0], bucket("b", rate, burst, burst)).Granted
	store.fails.Store(true)
	for begin := clock.Now(); clock.Now().Sub(begin) < passed; clock.Add(time.Millisecond) {
		for _, s := range all {
			total += take(t, s, bucket("b", rate, burst, 1)).Granted
		}
	}
	refilled := int64(rate * passed / time.Second)
	if most := 2*burst + replicas - 1 + refilled; total > most {
		t.Errorf("granted %d in %s, want at most %d", total, passed, most)
	}
	// The last token of each replica may not be whole yet.
	if least := 2*burst + refilled - replicas; total < least {
		t.Errorf("granted %d in %s, want at least %d", total, passed, least)
	}
	// After it there is no burst for free: the local buckets are empty, and so is theirs.
	store.fails.Store(false)
	for _, s := range all {
		wait(t, "the store to be asked", func() bool { return !s.open.Load() })
	}
	if got := take(t, all[0], bucket("b", rate, burst, 1)); got.Granted != 0 {
		t.Errorf("there is something left: %+v", got)
	}
	clock.Add(time.Second)
	if got := take(t, all[0], bucket("b", rate, burst, burst)); got.Granted != burst {
		t.Errorf("it does not refill afterwards: %+v", got)
	}
}

// TestNextPeriod: a failure that lasts gives the share of each period, and what was
// granted in one that is over is not booked to the next.
func TestNextPeriod(t *testing.T) {
	store := &shaky{Store: memory.New(memory.Options{})}
	s := replica(t, store, Options{Replicas: 2, Failures: 1})
	ask := ratelimit.Ask{Counter: "c", Window: &ratelimit.Window{Limit: 10, Period: ratelimit.Second}, Hits: 1}
	store.fails.Store(true)
	periods := map[int64]int64{}
	for begin := time.Now(); time.Since(begin) < 3*time.Second; time.Sleep(5 * time.Millisecond) {
		at := time.Now().Unix()
		got := take(t, s, ask).Granted
		if at == time.Now().Unix() {
			periods[at] += got
		}
	}
	full := 0
	for at, n := range periods {
		if n > 5 {
			t.Errorf("%d granted at %d, want at most 5", n, at)
		}
		if n >= 4 {
			full++
		}
	}
	if full < 2 {
		t.Errorf("granted %v", periods)
	}
	if due := s.owed.due(1); len(due) > 0 && due[0].Hits > 5 {
		t.Errorf("%d hits are due", due[0].Hits)
	}
}

// TestBounded: a failure with ever more counters takes no more room, and its limits hold.
func TestBounded(t *testing.T) {
	store := &shaky{Store: memory.New(memory.Options{})}
	store.fails.Store(true)
	s := replica(t, store, Options{MaxCounters: 10, Failures: 1})
	for i := range 100 {
		for range 3 {
			take(t, s, window(fmt.Sprint(i), 2, 1, gateway.FailLocal))
			take(t, s, window(fmt.Sprint("open", i), 2, 1, gateway.FailOpen))
		}
		if got := take(t, s, window(fmt.Sprint(i), 2, 1, gateway.FailLocal)); got.Granted != 0 {
			t.Fatalf("%d: %+v", i, got)
		}
	}
	if n := len(s.owed.debts); n > 10 {
		t.Errorf("%d are kept", n)
	}
	store.fails.Store(false)
	wait(t, "the store to be asked", func() bool { return !s.open.Load() })
	if got := testutil.ToFloat64(s.metrics.dropped); got < 300 {
		t.Errorf("%v are told of as dropped", got)
	}
}

// TestConcurrent: under load, a store that comes and goes loses and invents nothing.
func TestConcurrent(t *testing.T) {
	store := &shaky{Store: memory.New(memory.Options{})}
	s := replica(t, store, Options{Failures: 2})
	var granted atomic.Int64
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 4 {
		group.Go(func() {
			for ctx.Err() == nil {
				answers, err := s.Take(t.Context(), []ratelimit.Ask{window("w", 1<<40, 1, gateway.FailLocal)})
				if err != nil {
					t.Error(err)
					return
				}
				granted.Add(answers[0].Granted)
			}
		})
	}
	for i := range 20 {
		store.fails.Store(i%2 == 0)
		time.Sleep(15 * time.Millisecond)
	}
	cancel()
	group.Wait()
	store.fails.Store(false)
	wait(t, "all to be counted", func() bool { return !s.open.Load() && s.owed.end() == 0 })
	if got := take(t, store, window("w", 1<<40, 0, "")); got.Remaining != 1<<40-granted.Load() {
		t.Errorf("%d are counted, %d were granted", 1<<40-got.Remaining, granted.Load())
	}
}

// TestNotTheStore: what is wrong with the ask, or that the asker has gone, is no failure.
func TestNotTheStore(t *testing.T) {
	store := &shaky{Store: memory.New(memory.Options{})}
	store.hangs.Store(true)
	s := replica(t, store, Options{Failures: 1, Timeout: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := s.Take(ctx, []ratelimit.Ask{window("w", 1, 1, "")}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := s.Take(t.Context(), []ratelimit.Ask{{Counter: "neither"}}); err == nil {
		t.Error("a bad ask is answered")
	}
	if s.open.Load() || s.failures.Load() != 0 {
		t.Error("they count as failures")
	}
}
