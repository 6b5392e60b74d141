package redis

import (
	"testing"
	"time"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
)

// TestOverLimit: what is used up costs no round trip, until it may have something again.
func TestOverLimit(t *testing.T) {
	server := redistest.Start(t)
	// A busy machine answers in time, and refills no bucket meanwhile.
	s, other := open(t, Options{URL: server.URL(), Timeout: time.Second}), open(t, Options{URL: server.URL()})
	now := time.Now()
	s.over.now = func() time.Time { return now }
	take := func(k ratelimit.Ask) (ratelimit.Answer, error) {
		answers, err := s.Take(t.Context(), []ratelimit.Ask{k})
		if err != nil {
			return ratelimit.Answer{}, err
		}
		return answers[0], nil
	}
	must := func(k ratelimit.Ask, granted int64) ratelimit.Answer {
		t.Helper()
		got, err := take(k)
		if err != nil || got.Granted != granted {
			t.Fatalf("%+v, %v; want %d granted", got, err, granted)
		}
		return got
	}
	year := ratelimit.Window{Limit: 3, Period: ratelimit.Year}
	window := ratelimit.Ask{Counter: "w", Window: &year, Hits: 3}
	bucket := ratelimit.Ask{Counter: "b", Bucket: &ratelimit.Bucket{Rate: 0.001, Burst: 3}, Hits: 3}
	for _, k := range []ratelimit.Ask{window, bucket} {
		must(k, 3)
	}
	for i, k := range []ratelimit.Ask{window, bucket} {
		// Redis need not answer for what has nothing.
		server.Pause()
		for range 2 {
			for _, k := range []ratelimit.Ask{window, bucket} {
				if got := must(k, 0); got.Reset <= 0 || got.Remaining != 0 {
					t.Errorf("%+v", got)
				}
			}
		}
		look, always := k, k
		look.Hits, always.Always = 0, true
		ask := []ratelimit.Ask{look, always}[i]
		if got, err := take(ask); err == nil {
			t.Errorf("%+v is answered without Redis: %+v", ask, got)
		}
		// Once Redis was seen not to answer, it is not answered for any more: what holds
		// without it is to hold for all alike.
		for _, k := range []ratelimit.Ask{window, bucket} {
			if got, err := take(k); err == nil {
				t.Errorf("%+v is answered though Redis is seen to be gone: %+v", k, got)
			}
		}
		server.Resume()
		// What timed out may have been counted.
		server.Do("FLUSHALL")
		for _, k := range []ratelimit.Ask{window, bucket} {
			must(k, 3)
		}
	}
	for _, k := range []ratelimit.Ask{window, bucket} {
		more := k
		if k.Window != nil {
			more.Window = &ratelimit.Window{Limit: 4, Period: ratelimit.Year}
		} else {
			more.Bucket = &ratelimit.Bucket{Rate: 0.001, Burst: 4}
		}
		must(k, 0)
		must(more, 0)
		if _, ok := s.over.find(&k); ok {
			t.Error("a limit that was changed is still refused")
		}
	}

	// An extension by this store holds at once, one by another within mostStale.
	server.Do("FLUSHALL")
	must(window, 3)
	must(window, 0)
	if err := s.SetRemaining(t.Context(), "w", year, 3); err != nil {
		t.Fatal(err)
	}
	must(window, 3)
	if err := other.SetRemaining(t.Context(), "w", year, 3); err != nil {
		t.Fatal(err)
	}
	must(window, 0)
	now = now.Add(mostStale)
	must(window, 3)
	// What is given back here is there at once.
	must(window, 0)
	back := window
	back.Hits = -3
	must(back, -3)
	must(window, 3)
}

// TestOverLimitRefusable: hits that count beyond a limit cost no round trip once they are
// beyond it; the one that gets there does.
func TestOverLimitRefusable(t *testing.T) {
	o := newOverLimit(10)
	k := ratelimit.Ask{Counter: "c", Window: &ratelimit.Window{Limit: 1, Period: ratelimit.Year}, Hits: 1, Always: true, Refusable: true}
	o.learn(&k, ratelimit.Answer{Granted: 1, Remaining: 0, Reset: time.Hour})
	if _, ok := o.find(&k); ok {
		t.Error("a count that is at its limit is taken for one beyond it")
	}
	o.learn(&k, ratelimit.Answer{Granted: 1, Remaining: -1, Reset: time.Hour})
	if got, ok := o.find(&k); !ok || got.Remaining != -1 {
		t.Errorf("%+v, %v", got, ok)
	}
	happened := k
	happened.Refusable = false
	if _, ok := o.find(&happened); ok {
		t.Error("hits that have happened are not counted")
	}
}

// TestOverLimitIsBounded: a client that cycles through keys takes no more room.
func TestOverLimitIsBounded(t *testing.T) {
	o := newOverLimit(10)
	for i := range 1000 {
		k := ratelimit.Ask{Counter: string(rune(i)), Window: &ratelimit.Window{Period: ratelimit.Year}, Hits: 1}
		o.learn(&k, ratelimit.Answer{Reset: time.Hour})
		if _, ok := o.find(&k); !ok {
			t.Fatal("not learnt")
		}
	}
	if n := o.entries.Len(); n != 10 {
		t.Errorf("%d are remembered, want 10", n)
	}
}
