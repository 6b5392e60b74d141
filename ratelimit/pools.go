package ratelimit

import (
	"math"
	"slices"
	"sync"
	"time"

	quotav3 "github.com/envoyproxy/go-control-plane/envoy/service/rate_limit_quota/v3"

	"gatehouse/gateway"
)

const (
	// maxBuckets bounds what all streams together keep: so many buckets of Envoys. Those
	// beyond are let through, and come again with the next report.
	maxBuckets = 1_000_000
	// silentAfter is when an Envoy that does not report any more has no part in a limit: it
	// reports every five seconds.
	silentAfter = 16 * time.Second
	// idleReports is after how many reports without a request a bucket is forgotten.
	idleReports = 12
	// horizon is how far a lease reaches at least, if there is so much: two reports.
	horizon = 10.0
	// sayAgain is how often an Envoy is told what it knows. It goes by that for longer.
	sayAgain = 50 * time.Second
	// steady is by how much a share may be off before it is said anew.
	steady = 0.02
)

// pools are the limits that Envoys have a part of.
type pools struct {
	mu sync.Mutex
	at map[string]*pool
	// members is how many there are in all, and most how many there may be.
	members, most int
	// replicas is how many services share the limits: each gives out its part of a quota.
	replicas int64
	// gone are rates that no Envoy has a part of any more, which others are to hear; only
	// where services meet.
	gone  []*pool
	meets bool
	now   func() time.Time
}

// A pool is one limit, by its counter.
type pool struct {
	members []*member
	// remaining is what a quota had left when the store last answered. What was let
	// through and is not counted there yet is owed, or asked while the store counts it.
	remaining, owed, asked int64
	// questions are under way. Answers to those that overlap may come in another order.
	questions int
	overlap   bool
	// ends is when the quota's period does.
	ends time.Time
	// counter is its name. others are what Envoys of other services ask for of a rate, as
	// of when services last met about it.
	counter string
	others  []float64
	met     time.Time
}

// A member is a bucket of an Envoy.
type member struct {
	stream *envoyStream
	id     *quotav3.BucketId
	name   string
	// limit is that of what is served, and kind which one it is.
	limit  *Limit
	kind   string
	served *serving
	// pool is nil where only usage is counted.
	pool *pool
	// seen is when it was reported last. demand is how many requests a second there were
	// between the last reports, or between those before if there were more: a pause of a
	// moment gives nothing away. A fresh one has been reported once, and nobody knows.
	seen         time.Time
	demand, last float64
	fresh        bool
	idle         int
	// changed is set by the report of another, and until it is told.
	changed bool

	// size is that of the lease that the Envoy has, 0 for none; left is what it may still
	// let through by it as of its last report. renewed is a lease that begins anew, short
	// that the last one did not do.
	size, left     int64
	renewed, short bool

	// rate and burst are its share of a throttle; told whether there is one.
	rate  float64
	burst int64
	told  bool
	// said is what the Envoy was told last.
	said said
}

// said is an assignment, and when it was told.
type said struct {
	limited bool
	size    int64
	rate    float64
	burst   int64
	at      time.Time
}

func newPools(replicas int64) *pools {
	return &pools{at: map[string]*pool{}, most: maxBuckets, replicas: max(1, replicas), now: time.Now}
}

// join makes a bucket's member; nil when there is no room. It needs mu.
func (ps *pools) join(e *envoyStream, id *quotav3.BucketId, name string, limit *Limit) *member {
	if ps.members >= ps.most {
		return nil
	}
	ps.members++
	m := &member{stream: e, id: id, name: name, limit: limit, fresh: true}
	if limit.Counter != "" && (limit.Quota != nil || limit.Throttle != nil) {
		ps.enter(m)
	}
	e.members[name] = m
	return m
}

func (ps *pools) enter(m *member) {
	p := ps.at[m.limit.Counter]
	if p == nil {
		p = &pool{counter: m.limit.Counter}
		ps.at[m.limit.Counter] = p
	}
	p.members = append(p.members, m)
	m.pool = p
}

// leave forgets a member. What others may have of its part they learn when they report.
// It needs mu.
func (ps *pools) leave(m *member) {
	if m.stream.members[m.name] != m {
		return
	}
	delete(m.stream.members, m.name)
	ps.members--
	ps.quit(m)
}

func (ps *pools) quit(m *member) {
	p := m.pool
	if p == nil {
		return
	}
	m.pool = nil
	p.members = slices.DeleteFunc(p.members, func(o *member) bool { return o == m })
	if len(p.members) > 0 || p.owed+p.asked > 0 {
		return
	}
	delete(ps.at, p.counter)
	if ps.meets && m.limit.Throttle != nil && len(ps.gone) < maxClaims {
		ps.gone = append(ps.gone, p)
	}
}

// follow has a member go by the limit as it is defined now.
func (ps *pools) follow(m *member, limit *Limit) {
	limited := limit.Quota != nil || limit.Throttle != nil
	if (m.pool != nil) != limited {
		ps.quit(m)
		m.size, m.left, m.told = 0, 0, false
		m.limit = limit
		if limited {
			ps.enter(m)
		}
	}
	m.limit = limit
}

// used takes in what a member reports.
func (ps *pools) used(m *member, allowed, denied int64) {
	now := ps.now()
	if took := now.Sub(m.seen).Seconds(); m.seen.IsZero() {
		m.seen = now
	} else if took >= 1 || !m.fresh {
		rate := float64(allowed+denied) / max(took, 1)
		m.demand, m.last, m.fresh, m.seen = max(rate, m.last), rate, false, now
	}
	m.idle++
	if allowed+denied > 0 {
		m.idle = 0
	}
	m.short = denied > 0
	m.left = max(0, m.left-allowed)
	if m.pool != nil && m.limit.Quota != nil {
		m.pool.owed = min(m.pool.owed+allowed, maxReported)
	}
}

// drop the members that are silent.
func (ps *pools) drop(p *pool) {
	now := ps.now()
	silent := func(m *member) bool { return now.Sub(m.seen) > silentAfter }
	if !slices.ContainsFunc(p.members, silent) {
		return
	}
	for _, m := range slices.Clone(p.members) {
		if silent(m) {
			ps.leave(m)
		}
	}
}

// ask notes that the store is asked to count what is owed.
func (p *pool) ask() (hits int64) {
	hits = p.owed
	p.asked, p.owed = p.asked+hits, 0
	p.questions++
	p.overlap = p.overlap || p.questions > 1
	return hits
}

// answered notes what the store said to that, or that it said nothing.
func (p *pool) answered(hits int64, answer *Answer, now time.Time) {
	p.asked -= hits
	switch {
	case answer == nil:
		p.owed = min(p.owed+hits, maxReported)
	case p.overlap:
		p.remaining = min(p.remaining, answer.Remaining)
	default:
		p.remaining = answer.Remaining
	}
	if answer != nil {
		p.ends = now.Add(answer.Reset)
	}
	if p.questions--; p.questions == 0 {
		p.overlap = false
	}
}

// lease gives a member its part of what a quota has left, and cuts the parts of others
// as far as they have more than theirs. It needs mu.
//
// All leases together are never more than what is left. They are given by demand, and
// what nobody asks for is given out, too: the only Envoy has all of it, so that sudden
// traffic is not refused while there is something left.
func (ps *pools) lease(m *member) {
	p := m.pool
	ps.drop(p)
	available := max(0, p.remaining-p.owed-p.asked)
	available = available/ps.replicas + min(1, available%ps.replicas)
	demands := make([]float64, len(p.members))
	for i, o := range p.members {
		if demands[i] = o.demand * horizon; o.fresh {
			demands[i] = math.Inf(1)
		}
	}
	parts := wholeShares(available, demands)
	var given, part int64
	for i, o := range p.members {
		parts[i] = min(parts[i], maxLease)
		if o == m {
			part = parts[i]
		}
	}
	if m.left < part-part/4 || m.short || m.left > part && m.left > available {
		m.size, m.left, m.renewed = part, part, true
	} else if m.left == 0 {
		m.size = 0
	}
	for _, o := range p.members {
		given += o.left
	}
	for i, o := range p.members {
		if given > available && o.left > parts[i] {
			o.cut(parts[i])
			o.changed = o != m
		}
	}
}

// cut makes a lease smaller. The Envoy may have used some of it by now: it keeps the part
// of the new size that it had left of the old one.
func (m *member) cut(to int64) {
	if to == 0 {
		m.size, m.left = 0, 0
		return
	}
	m.size, m.left = max(1, int64(float64(m.size)*float64(to)/float64(m.left))), to
}

// share divides a rate among the members of a pool. Who has less than before is changed at
// once, who has more when it reports: that is m, or nobody. It needs mu.
func (ps *pools) share(p *pool, m *member) {
	ps.drop(p)
	if len(p.members) == 0 {
		return
	}
	t := p.members[0].limit.Throttle
	if m != nil {
		t = m.limit.Throttle
	}
	demands := make([]float64, 0, len(p.members)+len(p.others))
	for _, o := range p.members {
		demands = append(demands, o.claim())
	}
	parts := shares(t.Rate, append(demands, p.others...))
	for i, o := range p.members {
		rate, burst := parts[i], int64(0)
		if t.Rate > 0 {
			burst = int64(math.Ceil(float64(t.Burst)*rate/t.Rate - 1e-9))
		}
		if o.told && (burst == 0) == (o.burst == 0) && near(rate, o.rate, 0) && near(float64(burst), float64(o.burst), 1) {
			continue
		}
		if o == m || rate < o.rate || burst < o.burst {
			o.rate, o.burst, o.told, o.changed = rate, burst, true, o != m
		}
	}
}

// claim is what a member asks for of a rate. Nobody knows of a fresh one: it has an equal
// part. Who is asked for nothing keeps something for the first who comes.
func (m *member) claim() float64 {
	if m.fresh {
		return math.Inf(1)
	}
	n := float64(len(m.pool.members) + len(m.pool.others))
	return max(m.demand, m.limit.Throttle.Rate*steady/n)
}

// near reports whether a number need not be said anew.
func near(a, b, least float64) bool { return math.Abs(a-b) <= max(least, math.Abs(b)*steady) }

// actions tell an Envoy what a member has now, unless it knows. It needs mu.
func (ps *pools) actions(m *member) []*action {
	m.changed = false
	now := ps.now()
	ttl := lifetime(m.limit, m.ends(now))
	say := said{m.pool != nil, m.size, m.rate, m.burst, m.said.at}
	if say == m.said && !m.renewed && now.Sub(say.at) < sayAgain && ttl > sayAgain {
		return nil
	}
	say.at = now
	m.said = say
	if m.pool == nil {
		return []*action{allowAll(m.id, ttl)}
	}
	if t := m.limit.Throttle; t != nil {
		if m.rate <= 0 || m.burst <= 0 {
			return []*action{denyAll(m.id, ttl)}
		}
		return []*action{share(m.id, m.rate, m.burst, ttl)}
	}
	renewed := m.renewed
	m.renewed = false
	switch {
	case m.size == 0:
		return []*action{denyAll(m.id, ttl)}
	case renewed:
		// The rule before it makes the bucket begin full.
		return []*action{denyAll(m.id, ttl), lease(m.id, m.size, ttl)}
	}
	return []*action{lease(m.id, m.size, ttl)}
}

// ends is how long the period of a quota still is.
func (m *member) ends(now time.Time) time.Duration {
	if m.pool == nil || m.limit.Quota == nil || m.pool.ends.IsZero() {
		return 0
	}
	return max(m.pool.ends.Sub(now), time.Second)
}

// withoutStore is what holds of a quota while its store does not answer; nil where the
// lease goes on that there is.
func (m *member) withoutStore() []*action {
	switch m.limit.FailureMode() {
	case gateway.FailOpen:
		m.size, m.left, m.said = 0, 0, said{}
		return []*action{allowAll(m.id, openTTL)}
	case gateway.FailClosed:
		m.size, m.left, m.said = 0, 0, said{}
		return []*action{denyAll(m.id, localTTL)}
	}
	return nil
}
