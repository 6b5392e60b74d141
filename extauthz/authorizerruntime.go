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
	"gatehouse/internal/obs"
)

// authorizerRuntime calls the functions of authorizers, and the endpoints that know
// about tokens, and keeps what they answered. It outlives revisions: an answer stays
// good as long as its authorizer stays the same.
type authorizerRuntime struct {
	options Options
	log     *slog.Logger
	metrics *metrics
	// apis are *authorizerCalls by callsOf: what one API's callers do must not push out
	// the answers, or take the turns, of another's; nor do tokens those of functions.
	apis sync.Map
	// life ends with the server.
	life context.Context
	end  context.CancelFunc
}

// callsOf names the calls of one API's authorizers of a kind.
type callsOf struct {
	api  string
	kind kind
}

// authorizerCalls are the calls of one API's authorizers.
type authorizerCalls struct {
	// cache keeps answers, and refused those that are refusals: they are as cheap to come
	// by as wrong tokens, and must not push out the answers to right ones.
	cache, refused *answerCache
	flights        singleflight.Group
	turns          *semaphore.Weighted
	// callers are those that have their turn or wait for it.
	callers    atomic.Int64
	maxCallers int64
}

const waitingPerTurn = 10

func newAuthorizerRuntime(o Options, m *metrics) *authorizerRuntime {
	o.RESTTimeout = cmp.Or(o.RESTTimeout, 29*time.Second)
	o.HTTPTimeout = cmp.Or(o.HTTPTimeout, 10*time.Second)
	o.IntrospectionTimeout = cmp.Or(o.IntrospectionTimeout, 5*time.Second)
	o.CacheEntries = cmp.Or(o.CacheEntries, 10_000)
	o.CacheBytes = cmp.Or(o.CacheBytes, 64<<20)
	o.Concurrency = cmp.Or(o.Concurrency, 500)
	rt := &authorizerRuntime{options: o, log: o.Log, metrics: m}
	rt.life, rt.end = context.WithCancel(context.Background())
	return rt
}

func (rt *authorizerRuntime) close() { rt.end() }

// refusedShare is the part of the cache's bounds that refusals have, beside the rest.
const refusedShare = 8

func (rt *authorizerRuntime) calls(api string, k kind) *authorizerCalls {
	at := callsOf{api, k}
	if known, ok := rt.apis.Load(at); ok {
		return known.(*authorizerCalls)
	}
	made := &authorizerCalls{
		cache:      newAnswerCache(rt.options.CacheEntries, rt.options.CacheBytes, rt.metrics.evicted.Inc),
		refused:    newAnswerCache(rt.options.CacheEntries/refusedShare, rt.options.CacheBytes/refusedShare, rt.metrics.evicted.Inc),
		turns:      semaphore.NewWeighted(int64(rt.options.Concurrency)),
		maxCallers: int64(rt.options.Concurrency) * (1 + waitingPerTurn),
	}
	known, _ := rt.apis.LoadOrStore(at, made)
	return known.(*authorizerCalls)
}

func (c *authorizerCalls) cacheOf(a *answer) *answerCache {
	if a.refused != nil {
		return c.refused
	}
	return c.cache
}

// get finds an answer that has not expired.
func (c *authorizerCalls) get(key cacheKey, now time.Time) *answer {
	if found := c.cache.get(key, now); found != nil {
		return found
	}
	return c.refused.get(key, now)
}

func (c *authorizerCalls) flush(api, stage string) {
	c.cache.flush(api, stage)
	c.refused.flush(api, stage)
}

// keepOnly forgets the APIs that are gone.
func (rt *authorizerRuntime) keepOnly(exists func(api string) bool) {
	rt.apis.Range(func(at, _ any) bool {
		if !exists(at.(callsOf).api) {
			rt.apis.Delete(at)
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

// A question is what an authorizer asks of a function or an endpoint about a caller.
type question struct {
	kind kind
	// authorizer is its name, and stage where it stands.
	authorizer string
	stage      stageKey
	timeout    time.Duration
	// key is what the answer is kept under. Without kept each asks for itself.
	key  cacheKey
	kept bool
	// call asks. It does not belong to the check, which may end earlier.
	call func(context.Context) (*answer, *refusal)
	// until tells how long an answer may be used again.
	until func(*answer) time.Time
}

// ask gives an answer: one that is kept, or a new one. Whoever asks the same while a
// call is under way gets its answer; a client that goes away in the meantime does not
// end the call for the others.
func (rt *authorizerRuntime) ask(ctx context.Context, calls *authorizerCalls, q *question, now time.Time) (*answer, *refusal) {
	if !q.kept {
		done := make(chan singleflight.Result, 1)
		go func() {
			answer, err := rt.call(obs.Follow(rt.life, ctx), calls, q)
			done <- singleflight.Result{Val: answer, Err: err}
		}()
		return rt.await(ctx, q, done)
	}
	generation := calls.cache.current()
	// A call that was under way at a flush is not shared with those who ask after it.
	flight := fmt.Sprintf("%d %s", generation, q.key[:])
	return rt.await(ctx, q, calls.flights.DoChan(flight, func() (any, error) {
		// Another's call may have ended since this one looked.
		if known := calls.get(q.key, now); known != nil {
			return known, nil
		}
		answer, err := rt.call(obs.Follow(rt.life, ctx), calls, q)
		if err != nil {
			return nil, err
		}
		if until := q.until(answer); until.After(rt.options.Now()) {
			calls.cacheOf(answer).put(q.key, &cachedAnswer{answer.forLater(), q.stage, until}, generation)
		}
		return answer, nil
	}))
}

// known finds an answer that is kept.
func (rt *authorizerRuntime) known(calls *authorizerCalls, k kind, key cacheKey, now time.Time) *answer {
	if known := calls.get(key, now); known != nil {
		rt.metrics.cache[k].hits.Inc()
		return known
	}
	rt.metrics.cache[k].misses.Inc()
	return nil
}

// await waits for a call, no longer than the one who asked does.
func (rt *authorizerRuntime) await(ctx context.Context, q *question, done <-chan singleflight.Result) (*answer, *refusal) {
	select {
	case <-ctx.Done():
		return nil, refuse(CodeCancelled, gateway.AuthorizerFailure).because(ctx.Err().Error())
	case result := <-done:
		if result.Shared {
			rt.metrics.cache[q.kind].shared.Inc()
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

// call asks a question when it has its turn. The context is that of the server, and tells
// whose trace the call is part of: that of whoever asked first. It takes care of panics itself: nobody
// else could, in a goroutine of its own.
func (rt *authorizerRuntime) call(ctx context.Context, calls *authorizerCalls, q *question) (_ *answer, err error) {
	defer func() {
		if mistake := recover(); mistake != nil {
			rt.log.Error("a mistake in gatehouse: please report it", "panic", mistake, "authorizer", q.authorizer, "stack", string(debug.Stack()))
			err = &refusalError{refuse(CodeInternal, gateway.AuthorizerFailure)}
		}
	}()
	defer calls.callers.Add(-1)
	if calls.callers.Add(1) > calls.maxCallers {
		return nil, &refusalError{refuse(CodeAuthorizerBusy, gateway.AuthorizerFailure)}
	}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	if err := calls.turns.Acquire(ctx, 1); err != nil {
		return nil, &refusalError{refuse(CodeAuthorizerBusy, gateway.AuthorizerFailure)}
	}
	defer calls.turns.Release(1)
	rt.metrics.inFlight[q.kind].Inc()
	defer rt.metrics.inFlight[q.kind].Dec()
	begin := time.Now()
	answer, refused := q.call(ctx)
	took := time.Since(begin).Seconds()
	if refused != nil {
		rt.metrics.calls.WithLabelValues(kindNames[q.kind], string(refused.code)).Observe(took)
		return nil, &refusalError{refused}
	}
	rt.metrics.calls.WithLabelValues(kindNames[q.kind], "ok").Observe(took)
	return answer, nil
}

// askFunction gives the answer of an authorizer's function.
func (rt *authorizerRuntime) askFunction(ctx context.Context, a *lambdaAuthorizer, c *check, identity [][]string) (*answer, *refusal) {
	calls := rt.calls(c.stage.key.api, lambdaKind)
	q := &question{kind: lambdaKind, authorizer: a.name, stage: a.stage.key, timeout: rt.timeout(a.stage.protocol), kept: a.ttl > 0}
	if q.kept {
		q.key = newCacheKey(a.id, identity)
		if known := rt.known(calls, lambdaKind, q.key, c.now); known != nil {
			return known, nil
		}
	}
	// The check belongs to its own goroutine, which the call may outlive.
	event, err := a.event(c, identity)
	if err != nil {
		return nil, refuse(CodeInternal, gateway.AuthorizerFailure).because(err.Error())
	}
	q.call = func(ctx context.Context) (*answer, *refusal) {
		id := ""
		begin := time.Now()
		result, err := rt.options.Lambda.Invoke(lambda.WithRequestID(ctx, func(told string) { id = told }), a.target, event)
		answer, refused := a.judge(ctx, result, err, time.Since(begin), id)
		if refused != nil {
			refused.functionRequest = id
		}
		return answer, refused
	}
	q.until = func(*answer) time.Time { return rt.options.Now().Add(a.ttl) }
	if given := c.header("x-amzn-trace-id"); given != "" {
		ctx = obs.WithXRay(ctx, given)
	}
	return rt.ask(ctx, calls, q, c.now)
}

// judge reads how a call ended.
func (a *lambdaAuthorizer) judge(ctx context.Context, result []byte, err error, took time.Duration, id string) (*answer, *refusal) {
	var failed *lambda.FunctionError
	switch {
	case err == nil && len(result) > maxAnswerBytes, errors.Is(err, lambda.ErrTooLarge):
		return nil, refuse(CodeAuthorizerMalformed, gateway.AuthorizerConfigurationError).because("the answer is too large")
	case err == nil:
		answer, err := a.readAnswer(result, took, id)
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
	for k := range kinds {
		if known, ok := s.runtime.apis.Load(callsOf{api, k}); ok {
			known.(*authorizerCalls).flush(api, stage)
		}
	}
}
