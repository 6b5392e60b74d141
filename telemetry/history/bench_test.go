package history

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkAdd(b *testing.B) {
	h := New(Options{})
	of := make([]Of, 1000)
	for i := range of {
		of[i] = Of{fmt.Sprint("api", i%100), "v1", "GET", fmt.Sprint("/", i)}
	}
	b.ReportAllocs()
	for i := range b.N {
		r := request(of[i%len(of)], 200, time.Duration(i%1000)*100*time.Microsecond)
		r.ID, r.KeyName, r.Caller = "0f3c2f8e-9f6a-4d5e-8c7b-000000000000", "acme", "192.0.2.1"
		r.Host, r.Path, r.Details = "shop.example.com", "/pets/1", "via_upstream"
		h.Add(r)
	}
}

// BenchmarkThousandAPIs asks for what the overview shows of a day in which all APIs were
// busy all the time.
func BenchmarkThousandAPIs(b *testing.B) {
	c := &clock{noon}
	h := New(Options{Now: c.now})
	for minute := range 24*60 + 3 {
		c.at = noon.Add(time.Duration(minute) * time.Minute)
		for i := range 1000 {
			for j := range 3 {
				r := request(Of{fmt.Sprint("api", i), "v1", "GET", fmt.Sprint("/", j)}, 200+j, time.Duration(1+(i*7+j*13+minute)%50)*time.Millisecond)
				r.Integrated, r.IntegrationLatency = true, r.Latency/2
				h.count(Of{r.API, r.Stage, r.RouteMethod, r.Resource}, r)
			}
		}
	}
	b.Logf("%d MiB, minutes since %v", h.bytes()>>20, timeOf(h.finest))
	for _, hours := range []int{1, 6, 24} {
		b.Run(fmt.Sprintf("totals/%dh", hours), func(b *testing.B) {
			for range b.N {
				if got := h.Totals(Of{}, c.at.Add(-time.Duration(hours)*time.Hour), c.at); len(got) != 1000 {
					b.Fatal(len(got))
				}
			}
		})
	}
	b.Run("series/24h", func(b *testing.B) {
		for range b.N {
			h.Series(Of{API: "api7"}, c.at.Add(-24*time.Hour), c.at, 10*time.Minute)
		}
	})
	b.Run("series/24h by minutes", func(b *testing.B) {
		for range b.N {
			h.Series(Of{API: "api7"}, c.at.Add(-24*time.Hour), c.at, time.Minute)
		}
	})
	b.Run("names", func(b *testing.B) {
		for range b.N {
			h.Names()
		}
	})
}
