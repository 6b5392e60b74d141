package redis

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/ratelimit"
)

const (
	// mostStale is for how long a counter is refused here without asking Redis, which
	// may know by then that it was given something.
	mostStale = time.Second
	// leastWait is how long a counter must have nothing for it to be worth remembering.
	leastWait = 2 * time.Millisecond
)

// overLimit remembers counters that have nothing for a while, so that those who ask on
// cost Redis nothing. It measures by this machine's clock that only runs forward.
type overLimit struct {
	entries *lru.Cache[overKey, overEntry]
	now     func() time.Time
}

type overKey struct {
	counter string
	bucket  bool
}

type overEntry struct {
	// bucket and window are what was asked with: another limit may grant.
	bucket    ratelimit.Bucket
	window    ratelimit.Window
	remaining int64
	// until is when to ask again, reset when there is something again.
	until, reset time.Time
}

func newOverLimit(size int) *overLimit {
	if size < 0 {
		return nil
	}
	if size == 0 {
		size = 10_000
	}
	// The size is above 0, which is all that New may complain about.
	entries, _ := lru.New[overKey, overEntry](size)
	return &overLimit{entries: entries, now: time.Now}
}

func keyOf(a *ratelimit.Ask) overKey { return overKey{a.Counter, a.Bucket != nil} }

func entryOf(a *ratelimit.Ask) overEntry {
	var e overEntry
	if a.Bucket != nil {
		e.bucket = *a.Bucket
	} else {
		e.window = *a.Window
	}
	return e
}

// find answers an ask that can get nothing.
func (o *overLimit) find(a *ratelimit.Ask) (ratelimit.Answer, bool) {
	if o == nil {
		return ratelimit.Answer{}, false
	}
	if a.Hits < 0 {
		o.entries.Remove(keyOf(a))
	}
	if a.Hits <= 0 || a.Always && !a.Refusable {
		return ratelimit.Answer{}, false
	}
	e, ok := o.entries.Get(keyOf(a))
	if !ok || a.Always && e.remaining >= 0 {
		return ratelimit.Answer{}, false
	}
	now, limit := o.now(), entryOf(a)
	if !now.Before(e.until) || e.bucket != limit.bucket || e.window != limit.window {
		o.entries.Remove(keyOf(a))
		return ratelimit.Answer{}, false
	}
	return ratelimit.Answer{Remaining: e.remaining, Reset: e.reset.Sub(now)}, true
}

// learn remembers an answer that leaves nothing.
func (o *overLimit) learn(a *ratelimit.Ask, answer ratelimit.Answer) {
	if o == nil || answer.Remaining > 0 || answer.Reset < leastWait {
		return
	}
	e := entryOf(a)
	now := o.now()
	e.remaining, e.reset = answer.Remaining, now.Add(answer.Reset)
	e.until = now.Add(min(answer.Reset, mostStale))
	o.entries.Add(keyOf(a), e)
}

// forget a counter that was given something.
func (o *overLimit) forget(a *ratelimit.Ask) {
	if o != nil {
		o.entries.Remove(keyOf(a))
	}
}

// forgetAll is for when Redis does not answer: from then on, whoever is around this store
// decides what holds, and must not be told of failures by some counters only.
func (o *overLimit) forgetAll() {
	if o != nil && o.entries.Len() > 0 {
		o.entries.Purge()
	}
}
