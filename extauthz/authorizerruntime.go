package extauthz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"gatehouse/gateway"
	"gatehouse/internal/lambda"
)

// authorizerRuntime calls the functions of authorizers, and keeps what they answered.
// It outlives revisions: an answer stays good as long as its authorizer stays the same.
type authorizerRuntime struct {
	options Options
	log     *slog.Logger
	metrics *metrics
	// apis are *authorizerCalls by the ids of APIs: what one API's callers do must not
	// push out the answers, or take the turns, of another's.
	apis sync.Map
	// life ends with the server.
	life context.Context
	end  context.CancelFunc
}

// authorizerCalls are the calls of one API's authorizers.
type authorizerCalls struct {
	cache   *answerCache
	flights singleflight.Group
	turns   *semaphore.Weighted
	// callers are those that have their turn or wait for it.
	callers    atomic.Int64
	maxCallers int64
}

const waitingPerTurn = 10

func newAuthorizerRuntime(o Options, m *metrics) *authorizerRuntime {
	o.RESTTimeout = cmp.Or(o.RESTTimeout, 29*time.Second)
	o.HTTPTimeout = cmp.Or(o.HTTPTimeout, 10*time.Second)
	o.CacheEntries = cmp.Or(o.CacheEntries, 10_000)
	o.CacheBytes = cmp.Or(o.CacheBytes, 64<<20)
	o.Concurrency = cmp.Or(o.Concurrency, 500)
	rt := &authorizerRuntime{options: o, log: o.Log, metrics: m}
	rt.life, rt.end = context.WithCancel(context.Background())
	return rt
}

func (rt *authorizerRuntime) close() { rt.end() }

func (rt *authorizerRuntime) calls(api string) *authorizerCalls {
	if known, ok := rt.apis.Load(api); ok {
		return known.(*authorizerCalls)
	}
	made := &authorizerCalls{
		cache:      newAnswerCache(rt.options.CacheEntries, rt.options.CacheBytes, rt.metrics.evicted.Inc),
		turns:      semaphore.NewWeighted(int64(rt.options.Concurrency)),
		maxCallers: int64(rt.options.Concurrency) * (1 + waitingPerTurn),
	}
	known, _ := rt.apis.LoadOrStore(api, made)
	return known.(*authorizerCalls)
}

// keepOnly forgets the APIs that are gone.
func (rt *authorizerRuntime) keepOnly(exists func(api string) bool) {
	rt.apis.Range(func(id, _ any) bool {
		if !exists(id.(string)) {
			rt.apis.Delete(id)
		}
		return true
	})
}

func (rt *authorizerRuntime) timeout(protocol gateway.Protocol) time.Duration {
	if protocol == gateway.HTTP {
		return rt.options.HTTPTimeout
	}
	return rt.options.RESTTimeout
}

// ask gives an authorizer's answer: the one that is kept, or a new one. Whoever asks
// the same while a call is under way gets its answer; a client that goes away in the
// meantime does not end the call for the others.
func (rt *authorizerRuntime) ask(ctx context.Context, a *lambdaAuthorizer, c *check, identity [][]string) (*answer, *refusal) {
	calls := rt.calls(c.stage.key.api)
	if a.ttl == 0 {
		event, err := a.event(c, identity)
		if err != nil {
			return nil, refuse(CodeInternal, gateway.AuthorizerFailure).because(err.Error())
		}
		done := make(chan singleflight.Result, 1)
		go func() {
			answer, err := rt.call(calls, a, event)
			done <- singleflight.Result{Val: answer, Err: err}
		}()
		return rt.await(ctx, done)
	}
	key, now := newCacheKey(a.id, identity), c.now
	known, generation := calls.cache.get(key, now)
	if known != nil {
		rt.metrics.hits.Inc()
		return known, nil
	}
	rt.metrics.misses.Inc()
	// The check belongs to its own goroutine, which the call may outlive.
	event, err := a.event(c, identity)
	if err != nil {
		return nil, refuse(CodeInternal, gateway.AuthorizerFailure).because(err.Error())
	}
	// A call that was under way at a flush is not shared with those who ask after it.
	flight := fmt.Sprintf("%d %s", generation, key[:])
	return rt.await(ctx, calls.flights.DoChan(flight, func() (any, error) {
		// Another's call may have ended since this one looked.
		if known, _ := calls.cache.get(key, now); known != nil {
			return known, nil
		}
		answer, err := rt.call(calls, a, event)
		if err != nil {
			return nil, err
		}
		calls.cache.put(key, &cachedAnswer{answer.forLater(), a.stage.key, rt.options.Now().Add(a.ttl)}, generation)
		return answer, nil
	}))
}

// await waits for a call, no longer than the one who asked does.
func (rt *authorizerRuntime) await(ctx context.Context, done <-chan singleflight.Result) (*answer, *refusal) {
	select {
	case <-ctx.Done():
		return nil, refuse(CodeCancelled, gateway.AuthorizerFailure).because(ctx.Err().Error())
	case result := <-done:
		if result.Shared {
			rt.metrics.shared.Inc()
		}
		if refused := (*refusalError)(nil); errors.As(result.Err, &refused) {
			return nil, refused.refusal
		}
		return result.Val.(*answer), nil
	}
}

// refusalError takes a refusal through singleflight.
type refusalError struct{ *refusal }

func (e *refusalError) Error() string { return string(e.code) }

// call calls the function. It takes care of panics itself: nobody else could, in a
// goroutine of its own.
func (rt *authorizerRuntime) call(calls *authorizerCalls, a *lambdaAuthorizer, event []byte) (_ *answer, err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			rt.log.Error("a mistake in gatehouse: please report it", "panic", mistake, "authorizer", a.name, "stack", string(debug.Stack()))
			err = &refusalError{refuse(CodeInternal, gateway.AuthorizerFailure)}
		}
	}()
	defer calls.callers.Add(-1)
	if calls.callers.Add(1) > calls.maxCallers {
		return nil, &refusalError{refuse(CodeAuthorizerBusy, gateway.AuthorizerFailure)}
	}
	ctx, cancel := context.WithTimeout(rt.life, rt.timeout(a.stage.protocol))
	defer cancel()
	if err := calls.turns.Acquire(ctx, 1); err != nil {
		return nil, &refusalError{refuse(CodeAuthorizerBusy, gateway.AuthorizerFailure)}
	}
	defer calls.turns.Release(1)
	rt.metrics.inFlight.Inc()
	defer rt.metrics.inFlight.Dec()
	begin := time.Now()
	result, err := rt.options.Lambda.Invoke(ctx, a.target, event)
	took := time.Since(begin)
	answer, refused := a.judge(ctx, result, err, took)
	if refused != nil {
		rt.metrics.calls.WithLabelValues(string(refused.code)).Observe(took.Seconds())
		return nil, &refusalError{refused}
	}
	rt.metrics.calls.WithLabelValues("ok").Observe(took.Seconds())
	return answer, nil
}

// judge reads how a call ended.
func (a *lambdaAuthorizer) judge(ctx context.Context, result []byte, err error, took time.Duration) (*answer, *refusal) {
	var failed *lambda.FunctionError
	switch {
	case err == nil && len(result) > maxAnswerBytes, errors.Is(err, lambda.ErrTooLarge):
		return nil, refuse(CodeAuthorizerMalformed, gateway.AuthorizerConfigurationError).because("the answer is too large")
	case err == nil:
		answer, err := a.readAnswer(result, took)
		if err != nil {
			return nil, refuse(CodeAuthorizerMalformed, gateway.AuthorizerConfigurationError).because(err.Error())
		}
		return answer, nil
	case errors.As(err, &failed) && failed.Message == "Unauthorized":
		// Amazon states it for REST APIs; that it is so for both formats of HTTP APIs is
		// a guess.
		return nil, unauthorized(CodeAuthorizerUnauthorized)
	case failed != nil:
		return nil, refuse(CodeAuthorizerFailed, gateway.AuthorizerFailure).because(failed.Error())
	case ctx.Err() != nil:
		return nil, refuse(CodeAuthorizerTimeout, gateway.AuthorizerFailure).because(ctx.Err().Error())
	}
	return nil, refuse(CodeAuthorizerUnreachable, gateway.AuthorizerConfigurationError).because(err.Error())
}

// FlushAuthorizers forgets what the authorizers of a stage answered.
func (s *Server) FlushAuthorizers(api, stage string) {
	if known, ok := s.runtime.apis.Load(api); ok {
		known.(*authorizerCalls).cache.flush(api, stage)
	}
}
