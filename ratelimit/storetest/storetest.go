// Package storetest holds what every store of limits must do, as tests that each runs
// against itself.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/ratelimit"
)

// Start is where the clock stands when a store is opened: a Saturday, five seconds
// before a week, a month and the leap day of 2020 end.
var Start = time.Date(2020, time.February, 29, 23, 59, 55, 0, time.UTC)

// Clock is a clock that tests set.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that stands at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now tells the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock, back when d is negative.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Open makes an empty store that goes by the clock.
type Open func(t *testing.T, clock *Clock) ratelimit.Store

// Run tests a store.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *ask)
	}{
		{"bucket", bucket}, {"slow bucket", slowBucket}, {"changed bucket", changedBucket}, {"shut bucket", shutBucket},
		{"window", window}, {"periods", periods}, {"offset", offset}, {"changed window", changedWindow}, {"changed period", changedPeriod},
		{"partial", partial}, {"always", always}, {"give back", giveBack}, {"look", look}, {"batch", batch}, {"set remaining", setRemaining},
		{"clock back", clockBack}, {"clock forward", clockForward}, {"clock jumps", clockJumps}, {"concurrent", concurrent},
		{"usage", usage}, {"old usage", oldUsage}, {"quotas", quotas}, {"names of plans", planNames}, {"bad asks", badAsks}, {"cancelled", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := NewClock()
			c.test(t, &ask{t: t, clock: clock, store: open(t, clock)})
		})
	}
}

// ask asks a store and holds it to an answer.
type ask struct {
	t     *testing.T
	clock *Clock
	store ratelimit.Store
}

func (a *ask) take(asks ...ratelimit.Ask) []ratelimit.Answer {
	a.t.Helper()
	answers, err := a.store.Take(context.Background(), asks)
	if err != nil {
		a.t.Fatal(err)
	}
	if len(answers) != len(asks) {
		a.t.Fatalf("%d asks have %d answers", len(asks), len(answers))
	}
	return answers
}

// want takes once. Reset may be a little off, since stores reckon in units of their own.
func (a *ask) want(k ratelimit.Ask, granted, remaining int64, reset time.Duration) {
	a.t.Helper()
	got := a.take(k)[0]
	if off := got.Reset - reset; got.Granted != granted || got.Remaining != remaining || off < -time.Millisecond || off > time.Millisecond {
		a.t.Errorf("%s, %d hits: granted %d, remaining %d, reset %s; want %d, %d, %s", k.Counter, k.Hits, got.Granted, got.Remaining, got.Reset, granted, remaining, reset)
	}
}

func tokens(rate float64, burst, hits int64) ratelimit.Ask {
	return ratelimit.Ask{Counter: "bucket", Bucket: &ratelimit.Bucket{Rate: rate, Burst: burst}, Hits: hits}
}

func within(p ratelimit.Period, limit, hits int64) ratelimit.Ask {
	return ratelimit.Ask{Counter: "window", Window: &ratelimit.Window{Limit: limit, Period: p}, Hits: hits}
}

func partial(_ *testing.T, a *ask) {
	for _, k := range []ratelimit.Ask{tokens(1, 5, 4), within(ratelimit.Day, 5, 4)} {
		k.Partial = true
		reset := time.Duration(0)
		if k.Window != nil {
			reset = 5 * time.Second
		}
		a.want(k, 4, 1, reset)
		if k.Window == nil {
			reset = time.Second
		}
		a.want(k, 1, 0, reset)
		a.want(k, 0, 0, reset)
	}
}

// always counts beyond the limit, and what is beyond has to be made good.
func always(_ *testing.T, a *ask) {
	k := tokens(1, 5, 7)
	k.Always = true
	a.want(k, 7, -2, 3*time.Second)
	a.clock.Add(2 * time.Second)
	a.want(tokens(1, 5, 1), 0, 0, time.Second)
	less := tokens(1, 5, 3)
	less.Partial = true
	a.want(less, 0, 0, time.Second)
	a.clock.Add(time.Second)
	a.want(less, 1, 0, time.Second)

	k = within(ratelimit.Day, 5, 7)
	k.Always = true
	a.want(k, 7, -2, 2*time.Second)
	less = within(ratelimit.Day, 5, 3)
	less.Partial = true
	a.want(less, 0, -2, 2*time.Second)
	a.clock.Add(2 * time.Second)
	a.want(within(ratelimit.Day, 5, 5), 5, 0, 24*time.Hour)

	// Counts never go so far that they would begin anew.
	k.Counter, k.Hits = "far", 1<<50
	for range 5 {
		a.take(k)
	}
	if got := a.take(k)[0]; got.Remaining != 5-1<<52 {
		a.t.Errorf("far beyond the limit %d remain", got.Remaining)
	}
}

// giveBack: no more than was taken comes back.
func giveBack(_ *testing.T, a *ask) {
	a.want(tokens(1, 5, 4), 4, 1, 0)
	a.want(tokens(1, 5, -2), -2, 3, 0)
	a.want(tokens(1, 5, -9), -9, 5, 0)
	a.want(within(ratelimit.Day, 5, 4), 4, 1, 5*time.Second)
	a.want(within(ratelimit.Day, 5, -2), -2, 3, 5*time.Second)
	a.want(within(ratelimit.Day, 5, -9), -9, 5, 5*time.Second)
}

func look(_ *testing.T, a *ask) {
	a.want(tokens(1, 5, 0), 0, 5, 0)
	a.want(tokens(1, 5, 5), 5, 0, time.Second)
	a.want(tokens(1, 5, 0), 0, 0, time.Second)
	a.want(within(ratelimit.Day, 5, 0), 0, 5, 5*time.Second)
	a.want(within(ratelimit.Day, 5, 5), 5, 0, 5*time.Second)
	a.want(within(ratelimit.Day, 5, 0), 0, 0, 5*time.Second)
}

// batch: asks are carried out in their order, also those of the same counter.
func batch(t *testing.T, a *ask) {
	answers := a.take(tokens(1, 2, 2), within(ratelimit.Day, 2, 1), tokens(1, 2, 1), within(ratelimit.Day, 2, 1), within(ratelimit.Day, 2, 1))
	var granted []int64
	for _, answer := range answers {
		granted = append(granted, answer.Granted)
	}
	if diff := cmp.Diff([]int64{2, 1, 0, 1, 0}, granted); diff != "" {
		t.Error(diff)
	}
	if got := a.take(); len(got) != 0 {
		t.Errorf("no asks: %v", got)
	}
}

// concurrent askers get no more together than there is.
func concurrent(t *testing.T, a *ask) {
	const askers, each = 8, 50
	var mu sync.Mutex
	granted := map[string]int64{}
	var wait sync.WaitGroup
	for range askers {
		wait.Go(func() {
			for range each {
				answers, err := a.store.Take(context.Background(), []ratelimit.Ask{tokens(1, 100, 1), within(ratelimit.Month, 77, 1)})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				granted["bucket"] += answers[0].Granted
				granted["window"] += answers[1].Granted
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if diff := cmp.Diff(map[string]int64{"bucket": 100, "window": 77}, granted); diff != "" {
		t.Error(diff)
	}
}

// badAsks are errors, and nothing of their batch is carried out.
func badAsks(t *testing.T, a *ask) {
	both := tokens(1, 5, 1)
	both.Window = &ratelimit.Window{Limit: 1, Period: ratelimit.Day}
	for i, bad := range []ratelimit.Ask{{Counter: "neither", Hits: 1}, both, within("FORTNIGHT", 5, 1)} {
		k := tokens(1, 5, 5)
		k.Counter = fmt.Sprint("good ", i)
		if _, err := a.store.Take(context.Background(), []ratelimit.Ask{k, bad}); err == nil {
			t.Errorf("%+v is no error", bad)
		}
		a.want(k, 5, 0, time.Second)
	}
	if err := a.store.SetRemaining(context.Background(), "window", ratelimit.Window{Limit: 1, Period: "FORTNIGHT"}, 1); err == nil {
		t.Error("an unknown period can be set")
	}
}

func cancelled(t *testing.T, a *ask) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.store.Take(ctx, []ratelimit.Ask{tokens(1, 5, 5)}); err == nil {
		t.Error("a cancelled ask is carried out")
	}
	a.want(tokens(1, 5, 5), 5, 0, time.Second)
}
