package memory

import (
	"fmt"
	"sync"
	"time"

	"gatehouse/ratelimit"
)

// sweepEvery is how often what is over is forgotten, sooner when a shard has grown
// full, yet never more often than sweepApart: a sweep looks at everything.
const (
	sweepEvery = int64(time.Minute)
	sweepApart = int64(time.Second)
)

// shard is a part of the counters with a lock of its own.
type shard struct {
	mu      sync.Mutex
	buckets map[string]bucket
	windows map[windowKey]window
	// filed are shards of a store with a file. gone are counts that it may still have.
	filed bool
	gone  []windowKey
	// guesses are what was taken for granted while the file is not read; nil otherwise.
	guesses map[windowKey]guess
	most    int
	swept   int64
}

func (s *shard) init(most int) {
	s.buckets, s.windows, s.most = map[string]bucket{}, map[windowKey]window{}, most
}

// room reports whether there may be one more beside so many.
func (s *shard) room(have int, now instant) bool {
	if have < s.most {
		return true
	}
	if now.run-s.swept >= sweepApart {
		before := len(s.buckets) + len(s.windows)
		s.sweep(now)
		return len(s.buckets)+len(s.windows) < before
	}
	return false
}

// overflowName is the counter that new ones share when there is no room for them.
// Forgetting others instead would give everyone a fresh limit who asks for enough of
// them.
func overflowName(ask *ratelimit.Ask) string {
	if ask.Bucket != nil {
		return fmt.Sprintf("\x00%g/%d", ask.Bucket.Rate, ask.Bucket.Burst)
	}
	return fmt.Sprintf("\x00%d", ask.Window.Limit)
}

func (s *shard) sweepSometimes(now instant) {
	if now.run-s.swept >= sweepEvery {
		s.sweep(now)
	}
}

// sweep forgets buckets that are full and counts of periods that are over.
func (s *shard) sweep(now instant) {
	s.swept = now.run
	before := len(s.buckets)
	for name, b := range s.buckets {
		if b.full <= now.run {
			delete(s.buckets, name)
		}
	}
	// Maps do not shrink by themselves.
	if len(s.buckets) < before/4 {
		kept := make(map[string]bucket, len(s.buckets))
		for name, b := range s.buckets {
			kept[name] = b
		}
		s.buckets = kept
	}
	before = len(s.windows)
	for key, w := range s.windows {
		if w.over(key.period, now) {
			delete(s.windows, key)
			// What was not read yet decides about itself, and nothing was written.
			if s.filed && s.guesses == nil && persistent(key.period) {
				s.gone = append(s.gone, key)
			}
		}
	}
	if len(s.windows) < before/4 {
		kept := make(map[windowKey]window, len(s.windows))
		for key, w := range s.windows {
			kept[key] = w
		}
		s.windows = kept
	}
}

// persistent are the periods whose counts outlive a restart.
func persistent(p ratelimit.Period) bool {
	return p != ratelimit.Second && p != ratelimit.Minute
}
