package history

import (
	"hash/maphash"
	"sync"
)

// last are the last requests, and those who follow them. They are kept as
// bytes in large pieces of memory: ten thousand of them with their texts would be as many
// things for the garbage collector to look at, again and again, as all else together.
type last struct {
	maxRequests, maxBytes int
	seed                  maphash.Seed

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

	// tails is how many follow, lost how many were forgotten before one of them had read them.
	tails int
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

func newLast(maxRequests, maxBytes int) *last {
	return &last{
		maxRequests: maxRequests, maxBytes: maxBytes, seed: maphash.MakeSeed(),
		ring: make([]place, maxRequests), byID: make(map[uint64]uint64, maxRequests),
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
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.before(l.next, f, n)
}

// before gives the last n of those before a number. It needs mu.
func (l *last) before(i uint64, f Filter, n int) (out []Request) {
	if n > 0 {
		l.backwards(i, 0, f, func(r Request) bool {
			out = append(out, r)
			return len(out) < n
		})
	}
	return out
}

// backwards gives what is asked for of those before a number, newest first, down to another
// one, or until it is enough, and tells down to where it came. It needs mu, and lets go of it
// now and then: reading all of them takes a while, in which more are to be taken in.
func (l *last) backwards(i, end uint64, f Filter, more func(Request) bool) uint64 {
	for {
		for range 200 {
			if i <= end || i <= l.oldest {
				return i
			}
			i--
			if r := l.read(i); f.Match(&r) && !more(r) {
				return i
			}
		}
		l.mu.Unlock()
		l.mu.Lock()
	}
}
