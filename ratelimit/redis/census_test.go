package redis

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/storetest"
)

// TestCensus has three services meet about two limits. One goes, and one falls silent.
func TestCensus(t *testing.T) {
	server := redistest.Start(t)
	clock := storetest.NewClock()
	s := withClock(t, open(t, Options{URL: server.URL()}), clock)
	meet := func(service string, a, b []float64) [][]float64 {
		t.Helper()
		others, err := s.Meet(context.Background(), service, []ratelimit.Claim{{Counter: "stage|a b|{c}", Demands: a}, {Counter: "b", Demands: b}})
		if err != nil {
			t.Fatal(err)
		}
		return others
	}
	same := func(what string, want, got [][]float64) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	same("alone", [][]float64{nil, nil}, meet("one", []float64{1.5, math.Inf(1)}, []float64{3}))
	same("second", [][]float64{{1.5, math.Inf(1)}, {3}}, meet("two", []float64{7}, nil))
	same("first again", [][]float64{{7}, nil}, meet("one", []float64{2}, []float64{3}))
	same("who goes", [][]float64{{2}, {3}}, meet("two", nil, nil))
	clock.Add(ratelimit.CensusExpiry - time.Second)
	same("who has gone", [][]float64{nil, nil}, meet("one", []float64{2}, nil))
	meet("three", []float64{9}, nil)
	clock.Add(ratelimit.CensusExpiry + time.Second)
	same("who is silent", [][]float64{nil, nil}, meet("one", []float64{2}, nil))
	// All keys go by themselves.
	for _, key := range []string{"gatehouse:c:stage|a b|{c}", "gatehouse:c:b"} {
		if ttl, ok := server.Do("PTTL", key).(int64); !ok || ttl == -1 {
			t.Errorf("%s has a time to live of %d", key, ttl)
		}
	}
	server.Kill()
	if _, err := s.Store.Meet(context.Background(), "one", []ratelimit.Claim{{Counter: "a"}}); err == nil {
		t.Error("without Redis services have met")
	}
}
