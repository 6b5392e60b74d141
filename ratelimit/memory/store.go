// Package memory is the store of limits for one machine: everything is kept in memory,
// and what must outlive a restart is written to a file now and then.
package memory

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/ratelimit"
)

// shardCount is how many locks the counters are spread over.
const shardCount = 64

// Options configure a Store. The zero value of each means its default.
type Options struct {
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// MaxCounters is how many buckets, and how many counts of periods, are kept: a
	// million each, which are about 200 MB. Beyond that, counters that are new share
	// one another's limit. Those that are kept are never given up for new ones.
	MaxCounters int
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics of the file are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// Interval is how often the file is written, a second by default. A crash loses
	// what was counted since.
	Interval time.Duration
}

// Store is a ratelimit.Store in memory. It is safe for concurrent use.
type Store struct {
	clock     clock
	seed      maphash.Seed
	shards    [shardCount]shard
	usage     usage
	quotas    quotas
	planNames planNames
	// file is nil for a store that forgets.
	file *file
}

var _ ratelimit.Store = (*Store)(nil)

// New makes an empty Store.
func New(o Options) *Store {
	s := &Store{seed: maphash.MakeSeed(), clock: clock{wall: o.Now}}
	if o.Now == nil {
		s.clock.wall = time.Now
	}
	most := max(1, cmp.Or(o.MaxCounters, 1_000_000)/shardCount)
	for i := range s.shards {
		s.shards[i].init(most)
	}
	s.quotas.days = days[map[planKey]quotaNote]{}
	s.usage.days = days[map[ratelimit.Usage]*usageCount]{}
	s.planNames.all = map[string]planName{}
	return s
}

// Take implements ratelimit.Store.
func (s *Store) Take(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range asks {
		if err := asks[i].Check(); err != nil {
			return nil, err
		}
	}
	now := s.clock.read()
	answers := make([]ratelimit.Answer, len(asks))
	for i := range asks {
		ask := &asks[i]
		shard := s.shard(ask.Counter)
		shard.mu.Lock()
		if ask.Bucket != nil {
			answers[i] = shard.takeTokens(ask, now)
		} else {
			answers[i] = shard.takeWindow(ask, now)
		}
		shard.mu.Unlock()
	}
	return answers, nil
}

// SetRemaining implements ratelimit.Store.
func (s *Store) SetRemaining(ctx context.Context, counter string, limit ratelimit.Window, remaining int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ask := ratelimit.Ask{Counter: counter, Window: &limit, Hits: remaining}
	if err := ask.Check(); err != nil {
		return err
	}
	shard := s.shard(counter)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.setWindow(counter, limit, limit.Limit-remaining, s.clock.read())
	return nil
}

func (s *Store) shard(counter string) *shard {
	return &s.shards[maphash.String(s.seed, counter)%shardCount]
}

// Counters is how many buckets and counts of periods are kept.
func (s *Store) Counters() (buckets, windows int) {
	for i := range s.shards {
		s.shards[i].mu.Lock()
		buckets += len(s.shards[i].buckets)
		windows += len(s.shards[i].windows)
		s.shards[i].mu.Unlock()
	}
	return buckets, windows
}

// instant is one reading of the clock.
type instant struct {
	wall time.Time
	// run is how long the store has run, in nanoseconds. It never goes back, and it
	// does not stand still when the clock is set back.
	run int64
}

// clock tells the time of day for calendar periods, and the time that passed for
// buckets.
type clock struct {
	wall func() time.Time
	mu   sync.Mutex
	last time.Time
	run  int64
}

func (c *clock) read() instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.wall()
	if c.last.IsZero() {
		c.last = now
	}
	// The difference is by the machine's monotonic clock, where readings have it.
	if passed := now.Sub(c.last); passed > 0 {
		c.run += int64(passed)
	}
	c.last = now
	return instant{now, c.run}
}
