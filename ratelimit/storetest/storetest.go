// Package storetest holds what every store of limits must do, as tests that each runs
// against itself.
package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
		{"usage", usage}, {"old usage", oldUsage}, {"quotas", quotas}, {"bad asks", badAsks}, {"cancelled", cancelled},
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

// bucket begins full, is all or none, fills by the rate and not beyond its burst.
func bucket(_ *testing.T, a *ask) {
	a.want(tokens(10, 5, 3), 3, 2, 0)
	a.want(tokens(10, 5, 3), 0, 2, 0)
	a.want(tokens(10, 5, 2), 2, 0, 100*time.Millisecond)
	a.want(tokens(10, 5, 1), 0, 0, 100*time.Millisecond)
	a.clock.Add(50 * time.Millisecond)
	a.want(tokens(10, 5, 1), 0, 0, 50*time.Millisecond)
	a.clock.Add(50 * time.Millisecond)
	a.want(tokens(10, 5, 1), 1, 0, 100*time.Millisecond)
	a.clock.Add(time.Hour)
	a.want(tokens(10, 5, 6), 0, 5, 0)
	a.want(tokens(10, 5, 5), 5, 0, 100*time.Millisecond)
	other := tokens(10, 5, 5)
	other.Counter = "other"
	a.want(other, 5, 0, 100*time.Millisecond)
}

// slowBucket: a rate below one a second, and fractions that add up although each of
// them is asked about.
func slowBucket(t *testing.T, a *ask) {
	a.want(tokens(0.1, 1, 1), 1, 0, 10*time.Second)
	for range 99 {
		a.clock.Add(100 * time.Millisecond)
		if got := a.take(tokens(0.1, 1, 1))[0]; got.Granted != 0 {
			t.Fatalf("granted at %s", a.clock.Now())
		}
	}
	a.clock.Add(100 * time.Millisecond)
	a.want(tokens(0.1, 1, 1), 1, 0, 10*time.Second)
}

// changedBucket: what was taken stays taken when the limit changes.
func changedBucket(_ *testing.T, a *ask) {
	a.want(tokens(1, 10, 8), 8, 2, 0)
	a.want(tokens(1, 20, 0), 0, 12, 0)
	a.want(tokens(1, 10, 2), 2, 0, time.Second)
	a.want(tokens(100, 10, 1), 0, 0, 10*time.Millisecond)
	a.clock.Add(10 * time.Millisecond)
	a.want(tokens(100, 10, 1), 1, 0, 10*time.Millisecond)
}

// shutBucket: a rate or a burst of zero lets nothing through.
func shutBucket(t *testing.T, a *ask) {
	for _, k := range []ratelimit.Ask{tokens(0, 5, 1), tokens(5, 0, 1), tokens(0, 0, 1)} {
		got := a.take(k)[0]
		if got.Granted != 0 || got.Remaining > 0 || got.Reset <= 0 {
			t.Errorf("%+v: %+v", k.Bucket, got)
		}
	}
}

// window counts up to its limit and begins anew with the next period.
func window(_ *testing.T, a *ask) {
	a.want(within(ratelimit.Day, 3, 2), 2, 1, 5*time.Second)
	a.want(within(ratelimit.Day, 3, 2), 0, 1, 5*time.Second)
	a.want(within(ratelimit.Day, 3, 1), 1, 0, 5*time.Second)
	a.clock.Add(4 * time.Second)
	a.want(within(ratelimit.Day, 3, 1), 0, 0, time.Second)
	a.clock.Add(time.Second)
	a.want(within(ratelimit.Day, 3, 3), 3, 0, 24*time.Hour)
	a.want(within(ratelimit.Day, 0, 1), 0, -3, 24*time.Hour)
}

// periods end by the calendar of UTC, weeks on Saturday night.
func periods(_ *testing.T, a *ask) {
	each := []struct {
		period ratelimit.Period
		reset  time.Duration
		// next is how long the period is that begins at midnight.
		next time.Duration
	}{
		{ratelimit.Second, time.Second, time.Second},
		{ratelimit.Minute, 5 * time.Second, time.Minute},
		{ratelimit.Hour, 5 * time.Second, time.Hour},
		{ratelimit.Day, 5 * time.Second, 24 * time.Hour},
		{ratelimit.Week, 5 * time.Second, 7 * 24 * time.Hour},
		{ratelimit.Month, 5 * time.Second, 31 * 24 * time.Hour},
		{ratelimit.Year, 5*time.Second + 306*24*time.Hour, 306 * 24 * time.Hour},
		// The 29th of February 2020 was the 18,321st day after the first of 1970.
		{ratelimit.Days7, 5*time.Second + 4*24*time.Hour, 4 * 24 * time.Hour},
		{ratelimit.Days30, 5*time.Second + 8*24*time.Hour, 8 * 24 * time.Hour},
		{ratelimit.Days365, 5*time.Second + 293*24*time.Hour, 293 * 24 * time.Hour},
	}
	of := func(p ratelimit.Period) ratelimit.Ask {
		k := within(p, 1, 1)
		k.Counter += " " + string(p)
		return k
	}
	for _, p := range each {
		a.want(of(p.period), 1, 0, p.reset)
	}
	a.clock.Add(5 * time.Second)
	for _, p := range each {
		granted := int64(1)
		if p.reset > time.Minute {
			granted = 0 // it goes on
		}
		a.want(of(p.period), granted, 0, p.next)
	}
	// A counter whose kind of period is changed begins anew.
	k := of(ratelimit.Year)
	k.Window = &ratelimit.Window{Limit: 1, Period: ratelimit.Month}
	a.want(k, 1, 0, 31*24*time.Hour)
}

// offset is taken off in the first period that hits are counted in, and in no other.
func offset(_ *testing.T, a *ask) {
	k := within(ratelimit.Day, 10, 1)
	k.Window.Offset = 8
	a.want(k, 1, 1, 5*time.Second)
	a.want(k, 1, 0, 5*time.Second)
	a.want(k, 0, 0, 5*time.Second)
	a.clock.Add(5 * time.Second)
	a.want(k, 1, 9, 24*time.Hour)
	// Long idle, it is still not new.
	a.clock.Add(400 * 24 * time.Hour)
	a.want(k, 1, 9, 24*time.Hour)
}

// changedWindow: what was counted stays when the limit changes.
func changedWindow(_ *testing.T, a *ask) {
	a.want(within(ratelimit.Month, 10, 8), 8, 2, 5*time.Second)
	a.want(within(ratelimit.Month, 5, 1), 0, -3, 5*time.Second)
	a.want(within(ratelimit.Month, 20, 1), 1, 11, 5*time.Second)
}

// changedPeriod: each kind of period has a count of its own, which is there again when the
// kind is: neither an edit to and fro, nor services that serve different revisions, give
// anything twice. An offset is for the first period of a counter, of whatever kind.
func changedPeriod(_ *testing.T, a *ask) {
	for range 3 {
		a.take(within(ratelimit.Day, 3, 1), within(ratelimit.Month, 4, 1), within(ratelimit.Week, 5, 1))
	}
	a.want(within(ratelimit.Day, 3, 1), 0, 0, 5*time.Second)
	a.want(within(ratelimit.Month, 4, 1), 1, 0, 5*time.Second)
	a.want(within(ratelimit.Week, 5, 3), 0, 2, 5*time.Second)
	a.clock.Add(5 * time.Second)
	a.want(within(ratelimit.Day, 3, 2), 2, 1, 24*time.Hour)
	a.want(within(ratelimit.Month, 4, 1), 1, 3, 31*24*time.Hour)
	a.clock.Add(24 * time.Hour)
	a.want(within(ratelimit.Day, 3, 1), 1, 2, 24*time.Hour)
	a.want(within(ratelimit.Month, 4, 4), 0, 3, 30*24*time.Hour)
	a.clock.Add(-24 * time.Hour)
	a.want(within(ratelimit.Day, 3, 2), 0, 1, 24*time.Hour)

	first := within(ratelimit.Day, 10, 1)
	first.Counter, first.Window.Offset = "first", 8
	a.want(first, 1, 1, 24*time.Hour)
	month := *first.Window
	month.Period = ratelimit.Month
	other := first
	other.Window = &month
	a.want(other, 1, 9, 31*24*time.Hour)
	a.want(first, 1, 0, 24*time.Hour)
	a.clock.Add(24 * time.Hour)
	a.want(first, 1, 9, 24*time.Hour)
	a.want(other, 1, 8, 30*24*time.Hour)
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

// setRemaining holds for the current period, whatever was used and whatever the limit.
func setRemaining(t *testing.T, a *ask) {
	set := func(remaining int64) {
		t.Helper()
		if err := a.store.SetRemaining(context.Background(), "window", ratelimit.Window{Limit: 5, Period: ratelimit.Day}, remaining); err != nil {
			t.Fatal(err)
		}
	}
	a.want(within(ratelimit.Day, 5, 5), 5, 0, 5*time.Second)
	set(2)
	a.want(within(ratelimit.Day, 5, 2), 2, 0, 5*time.Second)
	set(7)
	a.want(within(ratelimit.Day, 5, 6), 6, 1, 5*time.Second)
	set(7)
	// Giving back must not take the extension away.
	a.want(within(ratelimit.Day, 5, -1), -1, 7, 5*time.Second)
	set(0)
	a.want(within(ratelimit.Day, 5, 1), 0, 0, 5*time.Second)
	a.clock.Add(5 * time.Second)
	a.want(within(ratelimit.Day, 5, 1), 1, 4, 24*time.Hour)
	// It makes a counter known: an offset is not for it any more.
	limit := ratelimit.Window{Limit: 5, Period: ratelimit.Week, Offset: 4}
	if err := a.store.SetRemaining(context.Background(), "new", limit, 3); err != nil {
		t.Fatal(err)
	}
	a.want(ratelimit.Ask{Counter: "new", Window: &limit, Hits: 1}, 1, 2, 7*24*time.Hour)
}

// clockBack: a clock that is set back neither freezes a bucket nor fills it, and finds
// the count of the period that it is in again.
func clockBack(_ *testing.T, a *ask) {
	a.want(tokens(1, 5, 5), 5, 0, time.Second)
	a.want(within(ratelimit.Day, 5, 5), 5, 0, 5*time.Second)
	a.clock.Add(-time.Hour)
	a.want(tokens(1, 5, 1), 0, 0, time.Second)
	a.want(within(ratelimit.Day, 5, 1), 0, 0, time.Hour+5*time.Second)
	a.clock.Add(time.Second)
	a.want(tokens(1, 5, 1), 1, 0, time.Second)
	a.want(within(ratelimit.Day, 5, 1), 0, 0, time.Hour+4*time.Second)
	// Into the next day, and back: whether that counts in the day that has ended or in the
	// one that has begun, neither has four left.
	a.clock.Add(time.Hour + 4*time.Second)
	a.want(within(ratelimit.Day, 5, 2), 2, 3, 24*time.Hour)
	a.clock.Add(-time.Minute)
	if got := a.take(within(ratelimit.Day, 5, 4))[0]; got.Granted != 0 {
		a.t.Errorf("got %+v", got)
	}
	a.clock.Add(time.Minute)
	a.want(within(ratelimit.Day, 5, 1), 1, 2, 24*time.Hour)
}

// clockForward: at most one burst is won by it.
func clockForward(_ *testing.T, a *ask) {
	a.want(tokens(1, 5, 5), 5, 0, time.Second)
	a.clock.Add(1000 * 24 * time.Hour)
	a.want(tokens(1, 5, 6), 0, 5, 0)
	a.want(tokens(1, 5, 5), 5, 0, time.Second)
}

// clockJumps: however often the clock is set to and fro between two days, each has its
// limit once, and only a jump ahead refills a bucket.
func clockJumps(t *testing.T, a *ask) {
	const limit, hours = 5, 47
	random := rand.New(rand.NewPCG(1, 2))
	begin := Start.Truncate(24 * time.Hour)
	granted := map[int]int64{}
	a.take(tokens(1, limit, limit))
	for i := range 2000 {
		to := begin.Add(time.Duration(random.IntN(hours*60)) * time.Minute)
		jump := to.Sub(a.clock.Now())
		a.clock.Add(jump)
		others := within(ratelimit.Day, limit, 1)
		others.Counter = fmt.Sprint("other ", i) // a store may look after others then
		got := a.take(others, within(ratelimit.Day, limit, 1), tokens(1, limit, limit))
		granted[to.Day()] += got[1].Granted
		if want := int64(limit); jump <= 0 && got[2].Granted != 0 || jump >= limit*time.Second && got[2].Granted != want {
			t.Fatalf("a jump of %s: %d tokens of %d", jump, got[2].Granted, want)
		}
	}
	if diff := cmp.Diff(map[int]int64{29: limit, 1: limit}, granted); diff != "" {
		t.Error("granted on each day: " + diff)
	}
	a.clock.Add(48 * time.Hour)
	a.want(within(ratelimit.Day, limit, limit), limit, 0, 24*time.Hour-a.clock.Now().Sub(a.clock.Now().Truncate(24*time.Hour)))
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

func usage(t *testing.T, a *ask) {
	ctx := context.Background()
	add := func(counts ...ratelimit.Usage) {
		t.Helper()
		if err := a.store.AddUsage(ctx, counts); err != nil {
			t.Fatal(err)
		}
	}
	acme := ratelimit.Usage{Plan: "p1", Key: "acme", API: "pets", Stage: "v1", Allowed: 2}
	add(acme, ratelimit.Usage{Plan: "p1", Key: "acme", API: "pets", Stage: "v1", Allowed: 1, Denied: 4})
	add(ratelimit.Usage{Plan: "p2", Key: "zed|%:\x00", API: "pets", Stage: "v1", Denied: 1}, ratelimit.Usage{Plan: "p1", Key: "acme", API: "cats", Stage: "v1", Allowed: 5})
	a.clock.Add(5 * time.Second)
	add(acme)

	leap, march := time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	all := []ratelimit.DayUsage{
		{Day: leap, Usage: ratelimit.Usage{Plan: "p1", Key: "acme", API: "cats", Stage: "v1", Allowed: 5}},
		{Day: leap, Usage: ratelimit.Usage{Plan: "p1", Key: "acme", API: "pets", Stage: "v1", Allowed: 3, Denied: 4}},
		{Day: leap, Usage: ratelimit.Usage{Plan: "p2", Key: "zed|%:\x00", API: "pets", Stage: "v1", Denied: 1}},
		{Day: march, Usage: acme},
	}
	for _, c := range []struct {
		plan     string
		from, to time.Time
		want     []ratelimit.DayUsage
	}{
		{"", leap, march, all},
		{"", Start, march.Add(time.Hour), all},
		{"p1", leap, leap, all[:2]},
		{"p2", leap, march, all[2:3]},
		{"", march, march, all[3:]},
		{"none", leap, march, nil},
		{"", march, leap, nil},
	} {
		got, err := a.store.Usage(ctx, c.plan, c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("plan %q from %s to %s: %s", c.plan, c.from, c.to, diff)
		}
	}
}

// oldUsage is forgotten after 90 days, and not before.
func oldUsage(t *testing.T, a *ask) {
	ctx := context.Background()
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {89 * 24 * time.Hour, 2}, {24 * time.Hour, 2}} {
		a.clock.Add(step.wait)
		if err := a.store.AddUsage(ctx, []ratelimit.Usage{{Plan: "p", Key: "k", API: "a", Stage: "s", Allowed: 1}}); err != nil {
			t.Fatal(err)
		}
		got, err := a.store.Usage(ctx, "p", Start, a.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != step.want {
			t.Errorf("%s later there are %d days, want %d", step.wait, len(got), step.want)
		}
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

// quotas: what keys have left is noted by day, the last note of a day stands, and notes
// are kept for 90 days.
func quotas(t *testing.T, a *ask) {
	ctx := context.Background()
	month := ratelimit.Window{Limit: 10, Period: ratelimit.Month, Offset: 3}
	const odd = "zed|%:\x00 {}"
	note := func(limit ratelimit.Window, keys ...string) {
		t.Helper()
		var notes []ratelimit.QuotaNote
		for _, key := range keys {
			notes = append(notes, ratelimit.QuotaNote{Plan: "p", Key: key, Counter: "quota of " + key, Window: limit})
		}
		if err := a.store.NoteQuotas(ctx, notes); err != nil {
			t.Fatal(err)
		}
	}
	take := func(key string, limit ratelimit.Window, hits int64) {
		t.Helper()
		a.take(ratelimit.Ask{Counter: "quota of " + key, Window: &limit, Hits: hits})
	}
	take("acme", month, 2)
	note(month, "", "acme", odd)
	take("acme", month, 1)
	note(month, "acme")
	a.clock.Add(5 * time.Second) // a month later by the calendar
	day := ratelimit.Window{Limit: 20, Period: ratelimit.Day}
	take("acme", day, 4)
	note(day, "acme")
	leap, march := time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	all := []ratelimit.DayQuota{
		{Day: leap, Plan: "p", Limit: 10, Remaining: 7, Period: ratelimit.Month},
		{Day: leap, Plan: "p", Key: "acme", Limit: 10, Remaining: 4, Period: ratelimit.Month},
		{Day: leap, Plan: "p", Key: odd, Limit: 10, Remaining: 7, Period: ratelimit.Month},
		{Day: march, Plan: "p", Key: "acme", Limit: 20, Remaining: 16, Period: ratelimit.Day},
	}
	read := func(plan string, from, to time.Time) []ratelimit.DayQuota {
		t.Helper()
		got, err := a.store.Quotas(ctx, plan, from, to)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, c := range []struct {
		plan     string
		from, to time.Time
		want     []ratelimit.DayQuota
	}{{"p", leap, march, all}, {"p", Start, leap, all[:3]}, {"p", march, march.Add(time.Hour), all[3:]}, {"other", leap, march, nil}, {"p", march, leap, nil}} {
		if diff := cmp.Diff(c.want, read(c.plan, c.from, c.to), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("plan %q from %s to %s: %s", c.plan, c.from, c.to, diff)
		}
	}
	a.clock.Add(89 * 24 * time.Hour)
	note(day, "")
	if got := read("p", leap, a.clock.Now()); len(got) != 2 || !got[0].Day.Equal(march) {
		t.Errorf("89 days later: %v", got)
	}
	if err := a.store.NoteQuotas(ctx, []ratelimit.QuotaNote{{Plan: "p", Window: ratelimit.Window{Limit: 1, Period: "FORTNIGHT"}}}); err == nil {
		t.Error("an unknown period can be noted")
	}
}
