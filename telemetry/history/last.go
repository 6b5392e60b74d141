package history

import (
	"context"
	"hash/maphash"
	"sync"
)

// last are the last requests, and those who want to hear of each. Requests are kept as
// bytes in large pieces of memory: ten thousand of them with their texts would be as many
// things for the garbage collector to look at, again and again, as all else together.
type last struct {
	maxRequests, maxBytes, maxTails int
	seed                            maphash.Seed

	mu sync.Mutex
	// ring has the place of request number n at n modulo its length; numbers from oldest to
	// next are there.
	ring         []place
	oldest, next uint64
	bytes        int
	// byID finds requests by the hash of their id.
	byID map[uint64]uint64
	// chunks hold requests from the oldest on; firstChunk is the number of the first.
	chunks     [][]byte
	firstChunk int
	scratch    []byte

	tails map[*tail]struct{}
	lost  uint64
}

// place is where a request is kept.
type place struct {
	chunk       int
	start, size int
	hash        uint64
}

// chunkSize is more than any request takes.
const chunkSize = 128 << 10

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
		maxRequests: maxRequests, maxBytes: maxBytes, maxTails: maxTails, seed: maphash.MakeSeed(),
		ring: make([]place, maxRequests), byID: make(map[uint64]uint64, maxRequests), tails: map[*tail]struct{}{},
	}
}

func (l *last) place(n uint64) *place { return &l.ring[n%uint64(len(l.ring))] }

func (l *last) add(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scratch = r.appendTo(l.scratch[:0])
	size := len(l.scratch)
	for l.next > l.oldest && (l.next-l.oldest >= uint64(l.maxRequests) || l.bytes+size > l.maxBytes) {
		l.drop()
	}
	n := len(l.chunks)
	if n == 0 || len(l.chunks[n-1])+size > chunkSize {
		l.chunks = append(l.chunks, make([]byte, 0, chunkSize))
		n++
	}
	chunk := &l.chunks[n-1]
	at := place{chunk: l.firstChunk + n - 1, start: len(*chunk), size: size, hash: maphash.String(l.seed, r.ID)}
	*chunk = append(*chunk, l.scratch...)
	*l.place(l.next) = at
	l.byID[at.hash] = l.next
	l.bytes += size
	l.next++
	for t := range l.tails {
		t.tell(l, r)
	}
}

func (t *tail) tell(l *last, r *Request) {
	if !t.filter.Match(r) {
		return
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

// drop forgets the oldest request.
func (l *last) drop() {
	at := *l.place(l.oldest)
	// Ids may come twice: the later one is the one that is found.
	if l.byID[at.hash] == l.oldest {
		delete(l.byID, at.hash)
	}
	l.bytes -= at.size
	l.oldest++
	if l.oldest == l.next || l.place(l.oldest).chunk > at.chunk {
		l.chunks[0] = nil
		l.chunks = l.chunks[1:]
		l.firstChunk++
	}
}

// read gives the request of a number that is there.
func (l *last) read(n uint64) Request {
	at := l.place(n)
	return readRequest(l.chunks[at.chunk-l.firstChunk][at.start : at.start+at.size])
}

func (l *last) find(id string) (Request, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.byID[maphash.String(l.seed, id)]
	if !ok || id == "" {
		return Request{}, false
	}
	r := l.read(n)
	return r, r.ID == id
}

func (l *last) recent(f Filter, n int) []Request {
	var out []Request
	l.mu.Lock()
	// Reading all of them takes a while, in which others are to be told, too.
	for i := l.next; len(out) < n; {
		for range 200 {
			if i <= l.oldest || len(out) >= n {
				l.mu.Unlock()
				return out
			}
			i--
			if r := l.read(i); f.Match(&r) {
				out = append(out, r)
			}
		}
		l.mu.Unlock()
		l.mu.Lock()
	}
	l.mu.Unlock()
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
