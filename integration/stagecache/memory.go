package stagecache

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// entryBytes is what an entry takes beside its texts: the lists, maps and nodes around
// them.
const entryBytes = 1 << 10

// Memory is a Store in this process. When a space is full, what was not asked for the
// longest makes room.
type Memory struct {
	now    func() time.Time
	mu     sync.Mutex
	spaces map[string]*memorySpace
}

var _ Store = (*Memory)(nil)

type memorySpace struct {
	mu         sync.Mutex
	generation Generation
	bytes      int64
	entries    *simplelru.LRU[Key, kept]
}

// kept is an entry with the end of its time.
type kept struct {
	*Entry
	until time.Time
	bytes int64
}

// NewMemory makes a store; now is the clock, time.Now if nil.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, spaces: map[string]*memorySpace{}}
}

// space finds or makes one.
func (m *Memory) space(name string) *memorySpace {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.spaces[name]
	if s == nil {
		s = &memorySpace{}
		// The number of entries is bounded by their bytes.
		s.entries, _ = simplelru.NewLRU(math.MaxInt, func(_ Key, k kept) { s.bytes -= k.bytes })
		m.spaces[name] = s
	}
	return s
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, space Space, key Key) (*Entry, Generation) {
	s := m.space(space.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.entries.Get(key)
	if ok && !m.now().Before(k.until) {
		s.entries.Remove(key)
		ok = false
	}
	if !ok {
		return nil, s.generation
	}
	return k.Entry, s.generation
}

// Put implements Store.
func (m *Memory) Put(_ context.Context, space Space, key Key, g Generation, e *Entry, ttl time.Duration) {
	k := kept{e, m.now().Add(ttl), e.size()}
	s := m.space(space.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation != g || k.bytes > space.Bytes {
		return
	}
	s.entries.Remove(key)
	s.entries.Add(key, k)
	for s.bytes += k.bytes; s.bytes > space.Bytes; {
		s.entries.RemoveOldest()
	}
}

// Flush implements Store.
func (m *Memory) Flush(_ context.Context, space string) error {
	s := m.space(space)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	s.entries.Purge()
	return nil
}

// Keep implements Store.
func (m *Memory) Keep(spaces map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.spaces {
		if !spaces[name] {
			delete(m.spaces, name)
		}
	}
}

// Close implements Store.
func (m *Memory) Close() error { return nil }

func (e *Entry) size() int64 {
	n := entryBytes + len(e.Body)
	for name, values := range e.Header {
		n += len(name)
		for _, value := range values {
			n += len(value) + 16
		}
	}
	return int64(n)
}
