package ratelimit

import (
	"context"
	"errors"
	"sync"
	"time"
)

// tallyInterval is how often usage is added to the store: not with each call.
const tallyInterval = time.Second

// maxTally bounds the usage that waits for a store that fails: one entry for each key
// and stage. Beyond that it is counted only for those that wait already.
const maxTally = 200_000

// tally collects usage on its way to the store.
type tally struct {
	mu      sync.Mutex
	counts  map[Usage][2]int64
	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once
}

func (y *tally) add(u Usage, allowed, denied int64) {
	u.Allowed, u.Denied = 0, 0
	y.mu.Lock()
	defer y.mu.Unlock()
	n, waits := y.counts[u]
	if waits || len(y.counts) < maxTally {
		y.counts[u] = [2]int64{n[0] + allowed, n[1] + denied}
	}
}

// flushTally hands over what was collected. What a failing store does not take waits.
func (s *Server) flushTally() {
	y := &s.tally
	y.mu.Lock()
	counts := y.counts
	y.counts = map[Usage][2]int64{}
	y.mu.Unlock()
	if len(counts) == 0 {
		return
	}
	all := make([]Usage, 0, len(counts))
	for u, n := range counts {
		s.notes.add(planKey{u.Plan, u.Key})
		u.Allowed, u.Denied = n[0], n[1]
		all = append(all, u)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.options.Store.AddUsage(ctx, all)
	if err == nil {
		return
	}
	s.metrics.storeErrors.Inc()
	if part := (*PartialError)(nil); errors.As(err, &part) {
		all = At(all, part.Failed)
	}
	for _, u := range all {
		y.add(u, u.Allowed, u.Denied)
	}
}

func (s *Server) tallyOn() {
	ticker := time.NewTicker(tallyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.tally.stop:
			return
		case <-ticker.C:
			s.flushTally()
			s.noteQuotas(time.Now(), false)
		}
	}
}

// Close hands over the usage that was counted, and what is left of quotas. The store is still the caller's to close.
func (s *Server) Close() {
	s.tally.once.Do(func() {
		close(s.tally.stop)
		s.tally.stopped.Wait()
		s.flushTally()
		s.noteQuotas(time.Now(), true)
	})
}
