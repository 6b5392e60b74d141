package ratelimit

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// halfStore has no room for the usage of one plan.
type halfStore struct {
	countingStore
	gone  atomic.Bool
	added map[Usage]int64
}

func (s *halfStore) AddUsage(_ context.Context, counts []Usage) error {
	part := &PartialError{Err: errors.New("a server is gone")}
	for i, u := range counts {
		if u.Plan == "lost" && s.gone.Load() {
			part.Failed = append(part.Failed, i)
			continue
		}
		n := u.Allowed + u.Denied
		u.Allowed, u.Denied = 0, 0
		s.added[u] += n
	}
	if part.Failed != nil {
		return part
	}
	return nil
}

// TestUsageOnce: usage that a store took is not added again with what it did not.
func TestUsageOnce(t *testing.T) {
	store := &halfStore{countingStore: countingStore{used: map[string]int64{}}, added: map[Usage]int64{}}
	store.gone.Store(true)
	s := New(Options{Store: store})
	t.Cleanup(s.Close)
	for _, plan := range []string{"lost", "kept"} {
		s.tally.add(Usage{Plan: plan, Key: "k"}, 3, 1)
	}
	for range 3 {
		s.flushTally()
	}
	s.tally.add(Usage{Plan: "lost", Key: "k"}, 1, 0)
	store.gone.Store(false)
	s.flushTally()
	for plan, want := range map[string]int64{"kept": 4, "lost": 5} {
		if got := store.added[Usage{Plan: plan, Key: "k"}]; got != want {
			t.Errorf("usage of the plan %s is %d, want %d", plan, got, want)
		}
	}
}
