package fallback

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"gatehouse/ratelimit"
)

const (
	// perBatch counters get their hits added in a call, which may take longer than a
	// request may wait.
	perBatch      = 256
	catchUpWithin = time.Second
	// steady is how long the store must answer for the next failure to be a new one,
	// after which it is asked again soon.
	steady = 10 * time.Second
)

// probe writes, since a store may answer and not take anything: it is full, or only a
// replica. What it writes is gone within a second.
var probe = []ratelimit.Ask{{
	Counter: "probe", Hits: 1, Always: true, Bucket: &ratelimit.Bucket{Rate: 1000, Burst: 1000},
}}

// rouse has the keeper look.
func (s *Store) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// keep sees to it that the store is asked again, and gets what it missed.
func (s *Store) keep() {
	wait, closed := s.options.FirstProbe, time.Now()
	for {
		select {
		case <-s.closing:
			return
		case <-s.wake:
		}
		for again := true; again; {
			if s.open.Load() && time.Since(closed) > steady {
				wait = s.options.FirstProbe
			}
			// Not all replicas at a time.
			pause := time.NewTimer(wait/2 + rand.N(wait))
			select {
			case <-s.closing:
				pause.Stop()
				return
			case <-pause.C:
			}
			wasOpen := s.open.Load()
			switch ok := s.back(wasOpen); {
			case ok && wasOpen:
				s.setClosed()
				closed = time.Now()
				again = s.owed.end() > 0
			case ok:
				wait = s.options.FirstProbe
				again = s.owed.end() > 0 || s.open.Load()
			default:
				closed = time.Now()
				wait = min(2*wait, s.options.LastProbe)
			}
		}
	}
}

// back reports whether the store answers, and has all that it missed but for what is
// granted without it right now.
func (s *Store) back(ask bool) bool {
	if ask {
		ctx, cancel := context.WithTimeout(context.Background(), s.options.Timeout)
		_, err := s.options.Store.Take(ctx, probe)
		cancel()
		if err != nil {
			return false
		}
	}
	if n := s.owed.takeDropped(); n > 0 {
		s.metrics.dropped.Add(float64(n))
		s.options.Log.Error("hits that were granted while the store of limits did not answer are not in its counts: there are too many counters", "hits", n)
	}
	// With traffic there is always something new, so this ends after all that was owed
	// at some time.
	for range s.options.MaxCounters/perBatch + 1 {
		due := s.owed.due(perBatch)
		if len(due) == 0 {
			return true
		}
		if !s.catchUp(due) {
			return false
		}
		if len(due) < perBatch {
			return true
		}
	}
	return true
}

// catchUp adds hits to the store's counts.
func (s *Store) catchUp(due []ratelimit.Ask) bool {
	ctx, cancel := context.WithTimeout(context.Background(), catchUpWithin)
	defer cancel()
	add := make([]ratelimit.Ask, len(due))
	copy(add, due)
	for i := range add {
		if add[i].Bucket != nil {
			// A bucket has refilled meanwhile. It lacks what it lacks here.
			add[i].Hits = s.lacks(ctx, &add[i])
		}
	}
	answers, err := s.options.Store.Take(ctx, add)
	part := &ratelimit.PartialError{}
	switch {
	case errors.As(err, &part):
		// What the rest has is not to be added again.
		due, add, answers = except(due, part.Failed), except(add, part.Failed), except(answers, part.Failed)
	case err != nil:
		return false
	}
	s.owed.paid(due)
	s.owed.learn(add, answers)
	for i := range add {
		s.metrics.caughtUp.Add(float64(max(0, add[i].Hits)))
	}
	return err == nil
}

// lacks is how many tokens of this process's part of a bucket are gone at the moment.
func (s *Store) lacks(ctx context.Context, ask *ratelimit.Ask) int64 {
	if ask.Hits < 0 {
		return ask.Hits
	}
	part := *ask
	part.Hits, part.Always = 0, false
	part.Bucket = s.partOfBucket(ask.Bucket)
	answer, err := s.takeLocal(ctx, &part)
	if err != nil || part.Bucket.Rate <= 0 || part.Bucket.Burst <= 0 {
		return 0
	}
	return min(ask.Hits, max(0, part.Bucket.Burst-answer.Remaining))
}
