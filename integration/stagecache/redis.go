package stagecache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/v9"

	"gatehouse/internal/obs"
)

// RedisOptions of a Redis store. The zero value of each but Client means its default.
type RedisOptions struct {
	// Client says where Redis is, and may have a password.
	Client *redis.UniversalOptions
	// Timeout of a question, 100 milliseconds by default: an answer that is kept is not
	// worth waiting for as long as for a new one.
	Timeout time.Duration
	// Pause is how long Redis is not asked after it has failed, a second by default.
	Pause time.Duration
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
}

// Redis is a Store that several processes share. Its room is Redis's: each entry ends by
// itself, and Redis may drop any earlier (maxmemory-policy). While Redis is gone nothing is
// kept, and that is all.
type Redis struct {
	client         redis.UniversalClient
	timeout, pause time.Duration
	log            *slog.Logger
	failures       prometheus.Counter
	// gone is until when Redis is not asked, in nanoseconds since 1970; 0 while it is well.
	gone atomic.Int64
}

var _ Store = (*Redis)(nil)

// unknownGeneration is for a space whose generation could not be found out. Nothing is
// kept for it.
const unknownGeneration = ^Generation(0)

// OpenRedis makes a store. It does not connect: Redis may come later than the service.
func OpenRedis(o RedisOptions) *Redis {
	given := *o.Client
	options := &given
	o.Timeout = cmp.Or(o.Timeout, 100*time.Millisecond)
	options.MaxRetries, options.DialerRetries, options.ContextTimeoutEnabled = -1, 1, true
	if options.PoolSize == 0 {
		options.PoolSize = 8 * runtime.GOMAXPROCS(0)
	}
	options.MaxActiveConns = options.PoolSize
	options.ClientName = "gatehouse-cache"
	return &Redis{
		client: redis.NewUniversalClient(options), timeout: o.Timeout, pause: cmp.Or(o.Pause, time.Second),
		log: cmp.Or(o.Log, slog.Default()),
		failures: promauto.With(o.Registerer).NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_stage_cache_redis_failures_total", Help: "Questions about answers that are kept which Redis did not answer.",
		}),
	}
}

// Keys have the space in full, so that who looks into Redis sees whose they are.
func generationKey(space string) string { return "gatehouse:cache-flushes:" + space }

func entryKey(space string, key Key) string { return fmt.Sprintf("gatehouse:cache:%s:%x", space, key) }

// Get implements Store.
func (r *Redis) Get(ctx context.Context, space Space, key Key) (*Entry, Generation) {
	if r.paused() {
		return nil, unknownGeneration
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	pipeline := r.client.Pipeline()
	counted := pipeline.Get(ctx, generationKey(space.Name))
	kept := pipeline.Get(ctx, entryKey(space.Name, key))
	end := obs.Redis(ctx, "get")
	_, _ = pipeline.Exec(ctx) // Each answer has its own error.
	generation, err := counted.Uint64()
	answered := err == nil || errors.Is(err, redis.Nil)
	end(answered)
	if !answered {
		r.failed(ctx, err)
		return nil, unknownGeneration
	}
	text, err := kept.Bytes()
	if err != nil {
		if errors.Is(err, redis.Nil) {
			r.well()
		} else {
			r.failed(ctx, err)
		}
		return nil, Generation(generation)
	}
	r.well()
	entry, of := decode(text)
	if of != Generation(generation) {
		return nil, Generation(generation)
	}
	return entry, of
}

// Put implements Store.
func (r *Redis) Put(ctx context.Context, space Space, key Key, g Generation, e *Entry, ttl time.Duration) {
	if g == unknownGeneration || r.paused() {
		return
	}
	// That the client leaves is no reason to lose what it has fetched.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	end := obs.Redis(ctx, "set")
	err := r.client.Set(ctx, entryKey(space.Name, key), encode(e, g), ttl).Err()
	end(err == nil)
	if err != nil {
		r.failed(ctx, err)
	}
}

// flushTimeout is how long a flush may take: somebody waits for it, and wants it done.
const flushTimeout = 5 * time.Second

// Flush implements Store. What was kept before is of another generation then, and ends by
// itself.
func (r *Redis) Flush(ctx context.Context, space string) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := r.client.Incr(ctx, generationKey(space)).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// Keep implements Store. Entries end by themselves.
func (r *Redis) Keep(map[string]bool) {}

// Close implements Store.
func (r *Redis) Close() error { return r.client.Close() }

func (r *Redis) paused() bool { return time.Now().UnixNano() < r.gone.Load() }

// failed notes that Redis did not answer, unless the client has left.
func (r *Redis) failed(ctx context.Context, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	r.failures.Inc()
	if r.gone.Swap(time.Now().Add(r.pause).UnixNano()) == 0 {
		r.log.Warn("the caches of stages are without Redis; every request is a miss", "error", err)
	}
}

func (r *Redis) well() {
	if r.gone.Load() != 0 && r.gone.Swap(0) != 0 {
		r.log.Info("Redis keeps the caches of stages again")
	}
}
