package websocket

import (
	"math"
	"sync"

	"golang.org/x/time/rate"

	"gatehouse/gateway"
)

// throttles are the buckets of stages and routes. They outlive revisions: a definition
// that is read again does not give anyone a full bucket.
type throttles struct {
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

// bucketKey names a bucket; that of a stage has no route.
type bucketKey struct {
	stageKey
	route string
}

type bucket struct {
	rate    float64
	burst   int64
	limiter *rate.Limiter
}

// allow takes a token from the bucket of the route and from that of the stage, if both
// have one.
func (t *throttles) allow(st *stage, r *route) bool {
	return t.take(bucketKey{st.key, r.key}, r.throttle) && t.take(bucketKey{st.key, ""}, st.throttle)
}

func (t *throttles) take(key bucketKey, limit *gateway.Throttle) bool {
	switch {
	case limit == nil:
		return true
	case limit.Rate <= 0 || limit.Burst <= 0:
		return false // as Envoy's are
	}
	t.mu.Lock()
	b := t.buckets[key]
	if b == nil || b.rate != limit.Rate || b.burst != limit.Burst {
		b = &bucket{limit.Rate, limit.Burst, rate.NewLimiter(rate.Limit(limit.Rate), int(min(limit.Burst, math.MaxInt32)))}
		t.buckets[key] = b
	}
	t.mu.Unlock()
	return b.limiter.Allow()
}

// keepOnly forgets the buckets of stages that are gone.
func (t *throttles) keepOnly(stages map[stageKey]*stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.buckets {
		if st := stages[key.stageKey]; st == nil || key.route != "" && st.routes[key.route] == nil {
			delete(t.buckets, key)
		}
	}
}
