package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/ratelimit"
)

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
