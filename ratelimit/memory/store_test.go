package memory

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"gatehouse/ratelimit"
	"gatehouse/ratelimit/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, clock *storetest.Clock) ratelimit.Store {
		return New(Options{Now: clock.Now})
	})
}

func take(t testing.TB, s *Store, k ratelimit.Ask) ratelimit.Answer {
	t.Helper()
	answers, err := s.Take(context.Background(), []ratelimit.Ask{k})
	if err != nil {
		t.Fatal(err)
	}
	return answers[0]
}

// TestForget holds that what need not be known any more is forgotten.
func TestForget(t *testing.T) {
	clock := storetest.NewClock()
	s := New(Options{Now: clock.Now})
	fill := func(prefix string) {
		for i := range 10_000 {
			name := fmt.Sprint(prefix, i)
			take(t, s, ratelimit.Ask{Counter: name, Bucket: &ratelimit.Bucket{Rate: 1, Burst: 10}, Hits: 1})
			take(t, s, ratelimit.Ask{Counter: name, Window: &ratelimit.Window{Limit: 1, Period: ratelimit.Hour}, Hits: 1})
		}
	}
	fill("a")
	if buckets, windows := s.Counters(); buckets != 10_000 || windows != 10_000 {
		t.Fatalf("%d buckets and %d windows", buckets, windows)
	}
	clock.Add(3 * time.Hour)
	fill("b")
	if buckets, windows := s.Counters(); buckets != 10_000 || windows != 10_000 {
		t.Errorf("%d buckets and %d windows after those before were over", buckets, windows)
	}
	for i := range s.shards {
		if gone := len(s.shards[i].gone); gone != 0 {
			t.Fatalf("a store without a file remembers %d counts to delete from it", gone)
		}
	}
}

// TestCycling holds that who cycles through counters gets a limit for all of them
// beyond what there is room for, and no one else's state is given up.
func TestCycling(t *testing.T) {
	clock := storetest.NewClock()
	s := New(Options{Now: clock.Now, MaxCounters: 10 * shardCount})
	asks := map[string]func(string) ratelimit.Ask{
		"bucket": func(name string) ratelimit.Ask {
			return ratelimit.Ask{Counter: name, Bucket: &ratelimit.Bucket{Rate: 0.001, Burst: 5}, Hits: 5}
		},
		"window": func(name string) ratelimit.Ask {
			return ratelimit.Ask{Counter: name, Window: &ratelimit.Window{Limit: 5, Period: ratelimit.Year}, Hits: 5}
		},
	}
	for kind, ask := range asks {
		take(t, s, ask("victim"))
		granted := 0
		for i := range 100_000 {
			if i%1000 == 0 {
				clock.Add(100 * time.Millisecond)
			}
			if take(t, s, ask(fmt.Sprint(kind, i))).Granted > 0 {
				granted++
			}
		}
		if most := 11 * shardCount; granted > most {
			t.Errorf("%s: %d of 100,000 counters got through, want at most %d", kind, granted, most)
		}
		if got := take(t, s, ask("victim")); got.Granted != 0 {
			t.Errorf("%s: the victim's state is fresh", kind)
		}
	}
	if buckets, windows := s.Counters(); buckets > 11*shardCount || windows > 11*shardCount {
		t.Errorf("%d buckets and %d windows", buckets, windows)
	}
}

// TestBytesPerBucket holds the promise of at most 200 bytes for a live bucket, its
// name among them.
func TestBytesPerBucket(t *testing.T) {
	const count = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := New(Options{})
	for i := range count {
		take(t, s, ratelimit.Ask{
			Counter: fmt.Sprintf("key-route|0123456789abcdef|key-%06d|pets|v1|GET /pets", i),
			Bucket:  &ratelimit.Bucket{Rate: 0.001, Burst: 100}, Hits: 1,
		})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if buckets, _ := s.Counters(); buckets != count {
		t.Fatalf("%d buckets", buckets)
	}
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / count; each > 200 {
		t.Errorf("%d bytes for each bucket", each)
	} else {
		t.Logf("%d bytes for each bucket", each)
	}
	runtime.KeepAlive(s)
}

func BenchmarkTake(b *testing.B) {
	s := New(Options{})
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("key-plan|0123456789abcdef|key-%06d", i)
	}
	b.ReportAllocs()
	bucket := &ratelimit.Bucket{Rate: 10, Burst: 100}
	for i := 0; b.Loop(); i++ {
		take(b, s, ratelimit.Ask{Counter: names[i%len(names)], Bucket: bucket, Hits: 1})
	}
}
