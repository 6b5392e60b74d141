package redis

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/internal/obs"
	"gatehouse/ratelimit"
)

// Options of a Store.
type Options struct {
	// URL says where Redis is; see docs/redis.md. It may have a password.
	URL string
	// Timeout of everything that is asked of Redis; 0 means a second. What is less
	// patient passes a context of its own, which is not waited beyond.
	Timeout time.Duration
	// Prefix of all keys; empty means "gatehouse:".
	Prefix string
	// OverLimit bounds how many counters that are over their limit are remembered
	// here; 0 means 10,000, below 0 none.
	OverLimit int
}

// Store keeps the state of limits in Redis. It is for any number of goroutines.
type Store struct {
	client  redis.UniversalClient
	cluster bool
	timeout time.Duration
	prefix  string
	over    *overLimit
	scripts scripts
	// today is the day that it was at Redis last, counted from 1970.
	today atomic.Int64

	asks chan *question
	// slow holds a token when a pipeline waits for its answers for long.
	slow    chan struct{}
	closing chan struct{}
	work    sync.WaitGroup
	once    sync.Once
}

var _ ratelimit.Store = (*Store)(nil)

// Open makes a store. It does not connect: Redis may come later than the service.
func Open(o Options) (*Store, error) {
	options, cluster, err := parse(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Second
	}
	if o.Prefix == "" {
		o.Prefix = "gatehouse:"
	}
	silence.Do(func() { redis.SetLogger(silent{}) })
	// What timed out may have been counted, so that asking again would count twice.
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.ContextTimeoutEnabled = true
	options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = o.Timeout, o.Timeout, o.Timeout
	if options.PoolSize == 0 {
		options.PoolSize = 4 * runtime.GOMAXPROCS(0)
	}
	options.MaxActiveConns = options.PoolSize
	options.ClientName = "gatehouse"
	// A Cluster's slot may have moved, which is worth asking again at once; waiting in
	// between is not what a request has time for.
	options.MaxRedirects, options.MinRetryBackoff, options.MaxRetryBackoff = 3, -1, -1
	s := &Store{
		client: redis.NewUniversalClient(options), cluster: cluster,
		timeout: o.Timeout, prefix: o.Prefix, over: newOverLimit(o.OverLimit), scripts: newScripts(),
		asks: make(chan *question), slow: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	s.today.Store(dayOf(time.Now()))
	// Each is one pipeline at a time. More than one would make pipelines shorter and so
	// dearer, but keep a Redis busy whose answers take a while: there the others help.
	for i := range max(2, min(4, options.PoolSize/2)) {
		s.work.Add(1)
		go s.pipelines(i > 0)
	}
	return s, nil
}

// silent is a logger of go-redis that says nothing: it would write a line for each
// attempt to connect. Every error comes to whoever asks.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

var silence sync.Once

// Close ends connections. Takes that wait fail.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.closing) })
	s.work.Wait()
	return s.client.Close()
}

var errClosed = errors.New("redis: the store is closed")

// Ping asks Redis whether it is there.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.client.Ping(ctx).Err()
}

// Take carries out asks in one round trip, together with those of other Takes.
func (s *Store) Take(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	for i := range asks {
		if err := asks[i].Check(); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
	}
	answers := make([]ratelimit.Answer, len(asks))
	q := &question{ctx: ctx, asks: make([]ratelimit.Ask, 0, len(asks)), done: make(chan struct{})}
	at := make([]int, 0, len(asks))
	for i := range asks {
		if answer, ok := s.over.find(&asks[i]); ok {
			answers[i] = answer
			continue
		}
		q.asks, at = append(q.asks, asks[i]), append(at, i)
	}
	if len(at) == 0 {
		return answers, nil
	}
	end := obs.Redis(ctx, "take")
	err := s.answer(ctx, q)
	end(err == nil)
	// Who went away says nothing about Redis.
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		s.over.forgetAll()
	}
	part := &ratelimit.PartialError{}
	if err != nil && !errors.As(err, &part) {
		return nil, err
	}
	var failed []int
	for i, answer := range q.answers {
		if _, none := slices.BinarySearch(part.Failed, i); none {
			failed = append(failed, at[i])
			continue
		}
		answers[at[i]] = answer
		s.over.learn(&q.asks[i], answer)
	}
	if failed != nil {
		return answers, &ratelimit.PartialError{Failed: failed, Err: part.Err}
	}
	return answers, nil
}

// answer waits for the answer to a question.
func (s *Store) answer(ctx context.Context, q *question) error {
	select {
	case s.asks <- q:
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("redis: %w", ctx.Err())
	}
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return fmt.Errorf("redis: %w", ctx.Err())
	}
}

// SetRemaining makes a counter have so much left. Other services notice within
// mostStale, in which they may go on to refuse a counter that was used up.
func (s *Store) SetRemaining(ctx context.Context, counter string, limit ratelimit.Window, remaining int64) error {
	ask := ratelimit.Ask{Counter: counter, Window: &limit, Hits: remaining}
	if err := ask.Check(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	calls := []call{{keys: []string{s.key(&ask)}, args: append(arguments(nil, &ask)[:4], "S", "0")}}
	run(ctx, s.client, s.scripts.take, calls)
	s.over.forget(&ask)
	if _, err := calls[0].numbers(3); err != nil {
		return fmt.Errorf("redis: set what remains: %w", err)
	}
	return nil
}
