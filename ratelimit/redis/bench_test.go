package redis

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
)

// ownCPU is the CPU time of this process.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// info reads a number of Redis's INFO.
func info(b *testing.B, server *redistest.Server, section, name string) float64 {
	b.Helper()
	_, after, _ := strings.Cut(fmt.Sprint(server.Do("INFO", section)), "\n"+name+":")
	text, _, _ := strings.Cut(after, "\r")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return n
}

func redisCPU(b *testing.B, server *redistest.Server) float64 {
	return info(b, server, "cpu", "used_cpu_sys") + info(b, server, "cpu", "used_cpu_user")
}

// BenchmarkTake measures the CPU time that a Take of three limits costs here and in
// Redis: in the calls that Takes share, and in three calls of its own as a client
// without pipelines makes them.
func BenchmarkTake(b *testing.B) {
	server := redistest.Start(b)
	s, err := Open(Options{URL: server.URL(), OverLimit: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	asks := func(i int64) []ratelimit.Ask {
		i %= 1000
		return []ratelimit.Ask{
			{Counter: fmt.Sprint("quota ", i), Window: &ratelimit.Window{Limit: 1 << 40, Period: ratelimit.Month}, Hits: 1},
			{Counter: fmt.Sprint("key ", i), Bucket: &ratelimit.Bucket{Rate: 1e9, Burst: 1e9}, Hits: 1},
			{Counter: "stage", Bucket: &ratelimit.Bucket{Rate: 1e9, Burst: 1e9}, Hits: 1},
		}
	}
	ctx := context.Background()
	shared := func(i int64) error { _, err := s.Take(ctx, asks(i)); return err }
	alone := func(i int64) error {
		for _, ask := range asks(i) {
			if err := s.scripts.take.EvalSha(ctx, s.client, []string{s.key(&ask)}, arguments(nil, &ask)...).Err(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := shared(0); err != nil {
		b.Fatal(err)
	}
	for _, how := range []struct {
		name string
		take func(int64) error
	}{{"shared", shared}, {"alone", alone}} {
		for _, askers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/askers=%d", how.name, askers), func(b *testing.B) {
				var n atomic.Int64
				own, theirs := ownCPU(), redisCPU(b, server)
				b.SetParallelism(max(1, askers/runtime.GOMAXPROCS(0)))
				b.ResetTimer()
				if askers == 1 {
					for range b.N {
						if err := how.take(n.Add(1)); err != nil {
							b.Fatal(err)
						}
					}
				} else {
					b.RunParallel(func(p *testing.PB) {
						for p.Next() {
							if err := how.take(n.Add(1)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				b.StopTimer()
				b.ReportMetric(float64((ownCPU()-own).Microseconds())/float64(b.N), "cpu-µs/op")
				b.ReportMetric((redisCPU(b, server)-theirs)*1e6/float64(b.N), "redis-µs/op")
			})
		}
	}
}

// BenchmarkOverLimit measures what is refused here.
func BenchmarkOverLimit(b *testing.B) {
	o := newOverLimit(0)
	ask := ratelimit.Ask{Counter: "plan|key", Window: &ratelimit.Window{Limit: 1, Period: ratelimit.Month}, Hits: 1}
	for b.Loop() {
		if _, ok := o.find(&ask); !ok {
			o.learn(&ask, ratelimit.Answer{Reset: time.Hour})
		}
	}
}

// BenchmarkMemory measures what 100,000 buckets and counts take in Redis, and what those
// that are over their limit take here.
func BenchmarkMemory(b *testing.B) {
	const counters = 100_000
	for range b.N {
		server := redistest.Start(b)
		for _, kind := range []string{"bucket", "window"} {
			s, err := Open(Options{URL: server.URL(), OverLimit: counters})
			if err != nil {
				b.Fatal(err)
			}
			ask := func(i int) ratelimit.Ask {
				k := ratelimit.Ask{Counter: fmt.Sprintf("key-plan|0123456789abcdef|customer-%d", i), Hits: 1}
				if kind == "bucket" {
					k.Bucket = &ratelimit.Bucket{Rate: 0.001, Burst: 1}
				} else {
					k.Window = &ratelimit.Window{Limit: 1, Period: ratelimit.Year}
				}
				return k
			}
			before, heap := info(b, server, "memory", "used_memory"), liveHeap()
			for i := 0; i < counters; i += 100 {
				var asks []ratelimit.Ask
				for j := range 100 {
					asks = append(asks, ask(i+j))
				}
				if _, err := s.Take(context.Background(), asks); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((info(b, server, "memory", "used_memory")-before)/counters, "redis-B/"+kind)
			b.ReportMetric(float64(liveHeap()-heap)/counters, "go-B/"+kind)
			s.Close()
		}
	}
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
