package fallback

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"gatehouse/ratelimit"
)

// ledger knows what counters had left when the store answered last, and what was
// granted since then without it.
type ledger struct {
	most int
	// seen is what the counts of periods had left.
	seen *lru.Cache[name, left]

	// taking is held while a local count of a period is asked, before mu.
	taking sync.Mutex
	mu     sync.Mutex
	debts  map[name]*debt
	// dropped are hits that there was no room to note.
	dropped int64
}

// name of a counter. One whose kind of period is changed is another.
type name struct {
	counter string
	// period is empty for buckets.
	period ratelimit.Period
}

func nameOf(ask *ratelimit.Ask) name {
	if ask.Bucket != nil {
		return name{counter: ask.Counter}
	}
	return name{ask.Counter, ask.Window.Period}
}

// left is what a count had left in the period that ends at a time by this machine's
// clock that only runs forward.
type left struct {
	remaining int64
	ends      time.Time
}

// debt is what was granted and is to be added to the store's count.
type debt struct {
	ask  ratelimit.Ask
	hits int64
	// ends is when the period of the hits is over and nobody wants them any more. Zero
	// is not known.
	ends time.Time
}

func newLedger(most int) *ledger {
	seen, _ := lru.New[name, left](most) // fails only for a size below 1
	return &ledger{most: most, seen: seen, debts: map[name]*debt{}}
}

// learn what counts have left from the store's answers.
func (l *ledger) learn(asks []ratelimit.Ask, answers []ratelimit.Answer) {
	now := time.Now()
	for i := range asks {
		// Periods of minutes are over before it matters.
		if w := asks[i].Window; w != nil && w.Period != ratelimit.Second && w.Period != ratelimit.Minute {
			l.seen.Add(nameOf(&asks[i]), left{answers[i].Remaining, now.Add(answers[i].Reset)})
		}
	}
}

func (l *ledger) forget(counter string, w ratelimit.Window) {
	l.seen.Remove(name{counter, w.Period})
}

// begin tells what a count begins with: for the first who asks after the store failed
// what is left of it, and for the first in a new period all of its limit.
func (l *ledger) begin(ask *ratelimit.Ask) (remaining int64, begins bool) {
	n, now := nameOf(ask), time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	d, begun := l.debts[n]
	switch {
	case begun && d.over(now):
		// Nobody wants to know of a period that is over.
		d.hits, d.ends = 0, time.Time{}
		return ask.Window.Limit, true
	case begun || len(l.debts) >= l.most:
		return 0, false
	}
	d = &debt{ask: template(ask)}
	l.debts[n] = d
	if was, ok := l.seen.Get(n); ok && now.Before(was.ends) {
		d.ends = was.ends
		return was.remaining, true
	}
	// Nothing is known of it: it has all of its limit, also where a failure before this
	// one has left something in the local count.
	return ask.Window.Limit, true
}

// over reports whether the period of the hits has ended.
func (d *debt) over(now time.Time) bool { return !d.ends.IsZero() && !now.Before(d.ends) }

// template of asks that add hits which have happened.
func template(ask *ratelimit.Ask) ratelimit.Ask {
	t := *ask
	t.Hits, t.Partial, t.Always, t.Refusable = 0, false, true, false
	return t
}

// note hits that were granted. Reset is of a count's period, where it is known.
func (l *ledger) note(ask *ratelimit.Ask, hits int64, reset time.Duration) {
	n := nameOf(ask)
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.debts[n]
	if d == nil {
		if hits == 0 {
			return
		}
		if len(l.debts) >= l.most {
			l.dropped += max(0, hits)
			return
		}
		d = &debt{ask: template(ask)}
		l.debts[n] = d
		if was, ok := l.seen.Peek(n); ok && n.period != "" {
			d.ends = was.ends
		}
	}
	now := time.Now()
	if d.over(now) {
		d.hits, d.ends = 0, time.Time{}
	}
	if reset > 0 && n.period != "" && d.ends.IsZero() {
		d.ends = now.Add(reset)
	}
	d.hits += hits
}

// due are hits to add to the store's counts, of so many counters at most.
func (l *ledger) due(most int) []ratelimit.Ask {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var asks []ratelimit.Ask
	for _, d := range l.debts {
		if d.over(now) {
			d.hits = 0
		}
		if d.hits == 0 {
			continue
		}
		ask := d.ask
		ask.Hits = d.hits
		if asks = append(asks, ask); len(asks) == most {
			break
		}
	}
	return asks
}

// paid are hits that the store has.
func (l *ledger) paid(asks []ratelimit.Ask) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range asks {
		if d := l.debts[nameOf(&asks[i])]; d != nil {
			d.hits -= asks[i].Hits
		}
	}
}

// end forgets counters that owe nothing, so that a failure to come begins with what
// the store said last.
func (l *ledger) end() (owing int) {
	l.taking.Lock()
	defer l.taking.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, d := range l.debts {
		if d.hits == 0 {
			delete(l.debts, n)
		}
	}
	return len(l.debts)
}

// takeDropped gives the number of hits that could not be noted, once.
func (l *ledger) takeDropped() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.dropped
	l.dropped = 0
	return n
}
