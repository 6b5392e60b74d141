package history

import (
	"context"
	"sync"
)

// last are the last requests, and those who want to hear of each.
type last struct {
	maxRequests, maxBytes, maxTails int

	mu sync.Mutex
	// ring has the request of number n at n modulo its length; numbers from oldest to next
	// are there.
	ring         []kept
	oldest, next uint64
	bytes        int
	byID         map[string]uint64
	tails        map[*tail]struct{}
	lost         uint64
}

// kept is a request, which is not changed any more.
type kept struct {
	*Request
	size int
}

// tail is somebody who wants to hear of requests.
type tail struct {
	filter Filter
	to     chan Request
	missed uint64
}

// tailBuffer is how many requests wait for one who is slow.
const tailBuffer = 256

func newLast(maxRequests, maxBytes, maxTails int) *last {
	return &last{
		maxRequests: maxRequests, maxBytes: maxBytes, maxTails: maxTails,
		ring: make([]kept, maxRequests), byID: make(map[string]uint64, maxRequests), tails: map[*tail]struct{}{},
	}
}

func (l *last) add(r *Request, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.next > l.oldest && (l.next-l.oldest >= uint64(l.maxRequests) || l.bytes+size > l.maxBytes) {
		l.drop()
	}
	l.ring[l.next%uint64(len(l.ring))] = kept{r, size}
	l.byID[r.ID] = l.next
	l.bytes += size
	l.next++
	for t := range l.tails {
		if !t.filter.Match(r) {
			continue
		}
		told := *r
		told.Missed = t.missed
		select {
		case t.to <- told:
			t.missed = 0
		default:
			t.missed++
			l.lost++
		}
	}
}

// drop forgets the oldest request.
func (l *last) drop() {
	at := &l.ring[l.oldest%uint64(len(l.ring))]
	// Ids may come twice: the later one is the one that is found.
	if l.byID[at.ID] == l.oldest {
		delete(l.byID, at.ID)
	}
	l.bytes -= at.size
	*at = kept{}
	l.oldest++
}

func (l *last) find(id string) (Request, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.byID[id]
	if !ok || id == "" {
		return Request{}, false
	}
	return *l.ring[n%uint64(len(l.ring))].Request, true
}

func (l *last) recent(f Filter, n int) []Request {
	l.mu.Lock()
	all := make([]*Request, 0, l.next-l.oldest)
	for i := l.next; i > l.oldest; i-- {
		all = append(all, l.ring[(i-1)%uint64(len(l.ring))].Request)
	}
	l.mu.Unlock()
	var out []Request
	for _, r := range all {
		if len(out) >= n {
			break
		}
		if f.Match(r) {
			out = append(out, *r)
		}
	}
	return out
}

func (l *last) tail(ctx context.Context, f Filter) <-chan Request {
	t := &tail{filter: f, to: make(chan Request, tailBuffer)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tails) >= l.maxTails {
		close(t.to)
		return t.to
	}
	l.tails[t] = struct{}{}
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.tails, t)
		close(t.to)
	})
	return t.to
}
