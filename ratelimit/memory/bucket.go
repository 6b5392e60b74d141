package memory

import (
	"math"
	"time"

	"gatehouse/ratelimit"
)

// bucket is a token bucket that is not full.
type bucket struct {
	// lacks is how many tokens it lacked at the moment at. Unlike how many it had, that
	// means the same when the burst is changed.
	lacks float64
	at    int64
	// full is when it is full again, and need not be known any more.
	full int64
}

// takeTokens answers an ask of a bucket.
func (s *shard) takeTokens(ask *ratelimit.Ask, now instant) ratelimit.Answer {
	rate, burst := ask.Bucket.Rate, float64(ask.Bucket.Burst)
	if rate <= 0 || burst <= 0 {
		return nothing(ask)
	}
	b, kept := s.buckets[ask.Counter]
	name := ask.Counter
	if !kept && ask.Hits > 0 && !s.room(len(s.buckets), now) {
		name = overflowName(ask)
		b = s.buckets[name]
	}
	lacks := max(0, b.lacks-float64(max(0, now.run-b.at))*rate/1e9)
	granted := grant(ask, whole(burst-lacks))
	if granted != 0 {
		lacks = max(0, lacks+float64(granted))
		if lacks == 0 {
			delete(s.buckets, name)
		} else {
			full := float64(now.run) + lacks/rate*1e9
			s.buckets[name] = bucket{lacks, max(b.at, now.run), int64(min(full, math.MaxInt64/2))}
		}
		s.sweepSometimes(now)
	}
	answer := ratelimit.Answer{Granted: granted, Remaining: whole(burst - lacks)}
	if answer.Remaining < 1 {
		answer.Reset = time.Duration(min(math.Ceil((1-burst+lacks)/rate*1e9), math.MaxInt64/2))
	}
	return answer
}

// whole tokens: sums of fractions fall short of them by very little.
func whole(tokens float64) int64 { return int64(math.Floor(tokens + 1e-6)) }

// nothing answers an ask of a limit that lets nothing through, of which nothing needs
// to be known.
func nothing(ask *ratelimit.Ask) ratelimit.Answer {
	return ratelimit.Answer{Granted: grant(ask, 0), Reset: math.MaxInt64 / 2}
}

// grant is how many hits an ask gets when there are so many.
func grant(ask *ratelimit.Ask, there int64) int64 {
	switch {
	case ask.Hits <= 0 || ask.Always || ask.Hits <= there:
		return ask.Hits
	case ask.Partial:
		return max(0, there)
	}
	return 0
}
