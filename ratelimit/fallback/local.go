package fallback

import (
	"context"

	"gatehouse/ratelimit"
)

// local holds a limit to this process's part of it.
func (s *Store) local(ctx context.Context, ask *ratelimit.Ask) (ratelimit.Answer, error) {
	part := *ask
	if ask.Bucket != nil {
		part.Bucket = s.partOfBucket(ask.Bucket)
		answer, err := s.takeLocal(ctx, &part)
		if err == nil && answer.Granted != 0 {
			s.owed.note(ask, answer.Granted, 0)
		}
		return answer, err
	}
	part.Window = &ratelimit.Window{Limit: s.part(ask.Window.Limit), Period: ask.Window.Period}
	// One at a time: what a counter has is set before the first takes of it, and not again.
	s.owed.taking.Lock()
	defer s.owed.taking.Unlock()
	if remaining, begins := s.owed.begin(ask); begins {
		if err := s.options.Local.SetRemaining(ctx, part.Counter, *part.Window, s.part(remaining)); err != nil {
			return ratelimit.Answer{}, err
		}
	}
	answer, err := s.takeLocal(ctx, &part)
	if err == nil {
		s.owed.note(ask, answer.Granted, answer.Reset)
	}
	return answer, err
}

func (s *Store) takeLocal(ctx context.Context, ask *ratelimit.Ask) (ratelimit.Answer, error) {
	answers, err := s.options.Local.Take(ctx, []ratelimit.Ask{*ask})
	if err != nil {
		return ratelimit.Answer{}, err
	}
	return answers[0], nil
}

// partOfBucket is this process's share of a bucket.
func (s *Store) partOfBucket(b *ratelimit.Bucket) *ratelimit.Bucket {
	return &ratelimit.Bucket{Rate: b.Rate / float64(s.options.Replicas), Burst: s.part(b.Burst)}
}

// part is this process's share of a whole, rounded up: a share of nothing would be a
// failure of its own.
func (s *Store) part(whole int64) int64 {
	if whole <= 0 {
		return whole
	}
	return (whole-1)/s.options.Replicas + 1
}
