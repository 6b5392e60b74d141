package oidc

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"gatehouse/gateway"
	"gatehouse/gateway/jwks"
)

// maxLogged bounds the keys of one set that are complained of.
const maxLogged = 10

// issuer is one issuer with what is known of it. Its remote belongs to its
// goroutine, all else to the Keeper's lock.
type issuer struct {
	remote *remote
	cancel context.CancelFunc
	// tried is closed when there are keys, or the first fetch has failed.
	tried chan struct{}
	// waiting are those who will look for keys themselves when tried is closed.
	waiting int

	storedSet
	// next is when another fetch is due.
	next time.Time
	// failures are those since the last success; err is the last one's.
	failures int
	err      error
	// expired: there were keys, but they are too old to be used.
	expired bool
	// dropped are the keys that were left out of the set, so that each is logged once.
	dropped []jwks.Dropped
}

// problem says why there are no keys.
func (i *issuer) problem(wait time.Duration) string {
	switch {
	case i.err != nil:
		return i.err.Error()
	default:
		return fmt.Sprintf("no answer within %v", wait)
	}
}

// start begins to keep the keys of an issuer. It is called with the lock.
func (k *Keeper) start(id string, of gateway.Issuer) {
	ctx, cancel := context.WithCancel(k.ctx)
	i := &issuer{cancel: cancel, tried: make(chan struct{})}
	k.issuers[id] = i
	if stored, ok := k.stored[id]; ok {
		if i.expired = k.tooOld(stored); !i.expired {
			i.storedSet = stored
			close(i.tried)
		}
	}
	delete(k.stored, id)
	i.storedSet.url = of.URL
	r, err := newRemote(of, k.opts.Fetch)
	i.remote = r
	if err != nil || k.ctx.Err() != nil {
		// Nothing to ask: the definition must change first.
		i.remote, i.err, i.failures = &remote{issuer: of}, err, 1
		i.try()
		return
	}
	log := k.log.With("issuer", of.URL)
	k.running.Go(func() { k.keep(ctx, i, log) })
}

// try closes tried, once.
func (i *issuer) try() {
	select {
	case <-i.tried:
	default:
		close(i.tried)
	}
}

// keep asks the issuer again and again, until the context ends.
func (k *Keeper) keep(ctx context.Context, i *issuer, log *slog.Logger) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case <-ctx.Done():
			return
		case k.slots <- struct{}{}:
		}
		got, err := i.remote.fetch(ctx)
		<-k.slots
		k.mu.Lock()
		if ctx.Err() != nil {
			k.mu.Unlock()
			return
		}
		var pause time.Duration
		if err != nil {
			pause = k.failed(i, err, log)
		} else {
			pause = k.succeeded(i, got, log)
		}
		timer.Reset(pause)
	}
}

// succeeded takes in a key set, and gives the time to the next fetch. It is called
// with the lock, and gives it up.
func (k *Keeper) succeeded(i *issuer, got answer, log *slog.Logger) time.Duration {
	pause := jittered(k.opts.lifetime(got.header))
	now := time.Now()
	changed, failures := i.keys != got.set.JSON || i.endpoint != got.endpoint, i.failures
	i.keys, i.count, i.endpoint, i.confirmed = got.set.JSON, got.set.Keys, got.endpoint, now
	if changed {
		i.changed = now
	}
	i.failures, i.err, i.expired, i.next = 0, nil, false, now.Add(pause)
	leftOut := got.set.Dropped
	if slices.Equal(i.dropped, leftOut) {
		leftOut = nil
	}
	i.dropped = got.set.Dropped
	result := "unchanged"
	if changed {
		result = "changed"
	}
	k.metrics.fetched(i.remote.issuer.URL, result)
	k.settle(i, changed)

	for n, d := range leftOut {
		if n == maxLogged {
			log.Warn("more keys of the issuer are left out", "keys", len(leftOut)-n)
			break
		}
		log.Warn("a key of the issuer is left out", "key", shortened(d.String()))
	}
	switch {
	case changed && got.endpoint != "":
		log.Info("where the issuer is asked about tokens has changed", "next", pause.Round(time.Second))
	case changed:
		log.Info("the keys of the issuer have changed", "keys", got.set.Keys, "next", pause.Round(time.Second))
	case failures > 0:
		log.Info("the issuer answers again", "failures", failures)
	}
	return pause
}

// failed takes in a failure, and gives the time to the next fetch. It is called with
// the lock, and gives it up.
func (k *Keeper) failed(i *issuer, err error, log *slog.Logger) time.Duration {
	now := time.Now()
	i.failures++
	i.err = err
	pause := jittered(k.opts.backoff(i.failures))
	expiring := i.known() && k.tooOld(i.storedSet)
	if expiring {
		i.keys, i.count, i.endpoint, i.expired = "", 0, "", true
	} else if i.known() && k.opts.MaxAge > 0 {
		pause = min(pause, max(time.Until(i.confirmed.Add(k.opts.MaxAge)), time.Millisecond))
	}
	i.next = now.Add(pause)
	failures, known, confirmed := i.failures, i.known(), i.confirmed
	what := "the keys of the issuer"
	if i.remote.issuer.Introspection != nil {
		what = "the metadata of the issuer"
	}
	k.metrics.fetched(i.remote.issuer.URL, "failed")
	k.settle(i, expiring)

	switch {
	case expiring:
		log.Error(what+" cannot be refreshed for too long: its tokens are refused", "since", confirmed, "error", err)
	case known:
		log.Warn(what+" cannot be refreshed: what was known last is used on", "since", confirmed, "failures", failures, "retry", pause.Round(time.Millisecond), "error", err)
	default:
		log.Warn(what+" cannot be fetched: its tokens are refused", "failures", failures, "retry", pause.Round(time.Millisecond), "error", err)
	}
	return pause
}

// settle gives up the lock, and tells all that wait for news.
func (k *Keeper) settle(i *issuer, changed bool) {
	notify := changed && i.waiting == 0
	i.try()
	k.mu.Unlock()
	select {
	case k.unsaved <- struct{}{}:
	default:
	}
	if notify && k.opts.OnChange != nil {
		k.opts.OnChange()
	}
}

// tooOld reports whether keys must not be used any more.
func (k *Keeper) tooOld(s storedSet) bool {
	return k.opts.MaxAge > 0 && time.Since(s.confirmed) > k.opts.MaxAge
}
