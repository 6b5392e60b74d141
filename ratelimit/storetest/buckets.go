package storetest

import (
	"testing"
	"time"

	"gatehouse/ratelimit"
)

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
