package stagecache

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"
)

// of is an answer that takes about so many bytes.
func of(bytes int) *Entry {
	return &Entry{Status: 200, Header: http.Header{"A": {"b"}}, Body: make([]byte, bytes)}
}

func key(n byte) Key { return Key{n} }

// What was not asked for the longest makes room, and what never fits is not kept.
func TestMemoryIsBounded(t *testing.T) {
	m, ctx := NewMemory(nil), context.Background()
	space := Space{"a/v1", 3 * (1000 + entryBytes + 100)}
	has := func(n byte) bool { e, _ := m.Get(ctx, space, key(n)); return e != nil }
	for n := range byte(3) {
		m.Put(ctx, space, key(n), 0, of(1000), time.Minute)
	}
	if !has(0) || !has(1) || !has(2) {
		t.Fatal("three do not fit")
	}
	has(0)
	m.Put(ctx, space, key(3), 0, of(1000), time.Minute)
	if !has(0) || has(1) || !has(2) || !has(3) {
		t.Error(has(0), has(1), has(2), has(3))
	}
	// The same key again counts once.
	for range 10 {
		m.Put(ctx, space, key(3), 0, of(1000), time.Minute)
	}
	if !has(0) || !has(2) || !has(3) {
		t.Error(has(0), has(2), has(3))
	}
	m.Put(ctx, space, key(4), 0, of(6000), time.Minute)
	if has(4) || !has(0) {
		t.Error("what does not fit")
	}
	m.Put(ctx, space, key(5), 0, of(5000), time.Minute)
	if !has(5) || has(0) || has(2) || has(3) {
		t.Error("what takes all the room")
	}
	// Another stage has room of its own.
	m.Put(ctx, Space{"b/v1", space.Bytes}, key(6), 0, of(5000), time.Minute)
	if !has(5) {
		t.Error("another stage took the room")
	}
	// A stage whose cache became smaller gives room back with the next answer.
	space.Bytes = 2000 + 2*entryBytes
	m.Put(ctx, space, key(7), 0, of(100), time.Minute)
	if has(5) || !has(7) {
		t.Error(has(5), has(7))
	}
	m.Keep(map[string]bool{"b/v1": true})
	if has(7) {
		t.Error("a stage that is gone")
	}
	if s := m.space("b/v1"); s.bytes < 5000 || s.entries.Len() != 1 {
		t.Error(s.bytes, s.entries.Len())
	}
}

// Entries end, and a flush ends also what is put for a generation before.
func TestMemoryForgets(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m, ctx, space := NewMemory(func() time.Time { return now }), context.Background(), Space{"a/v1", 1 << 20}
	m.Put(ctx, space, key(1), 0, of(1), time.Second)
	now = now.Add(time.Second - 1)
	if e, _ := m.Get(ctx, space, key(1)); e == nil {
		t.Error("ended too early")
	}
	now = now.Add(1)
	if e, _ := m.Get(ctx, space, key(1)); e != nil {
		t.Error("ended too late")
	}
	if s := m.space("a/v1"); s.bytes != 0 {
		t.Error(s.bytes)
	}
	m.Put(ctx, space, key(1), 0, of(1), time.Second)
	if err := m.Flush(ctx, "a/v1"); err != nil {
		t.Fatal(err)
	}
	m.Put(ctx, space, key(2), 0, of(1), time.Second)
	for n := range byte(3) {
		if e, g := m.Get(ctx, space, key(n)); e != nil || g != 1 {
			t.Error(n, e, g)
		}
	}
	m.Put(ctx, space, key(2), 1, of(1), time.Second)
	if e, _ := m.Get(ctx, space, key(2)); e == nil {
		t.Error("nothing is kept after a flush")
	}
}

// Everything at once, for the race detector, and to see that the count stays right.
func TestMemoryTogether(t *testing.T) {
	m, ctx, space := NewMemory(nil), context.Background(), Space{"a/v1", 50_000}
	var wait sync.WaitGroup
	for n := range byte(8) {
		wait.Go(func() {
			for i := range 500 {
				_, g := m.Get(ctx, space, key(byte(i)))
				m.Put(ctx, space, key(byte(i)+n), g, of(i), time.Minute)
				if i%100 == 0 {
					_ = m.Flush(ctx, space.Name)
				}
			}
		})
	}
	wait.Wait()
	s := m.space(space.Name)
	var bytes int64
	for _, k := range s.entries.Values() {
		bytes += k.bytes
	}
	if bytes != s.bytes || bytes > space.Bytes || bytes == 0 {
		t.Error(bytes, s.bytes)
	}
}

// A flight that takes another's place has the others wait for it, and what the older one
// brings is no longer the newest.
func TestFlights(t *testing.T) {
	var f Flights
	first, isFirst := f.Join(key(1))
	if again, is := f.Join(key(1)); !isFirst || is || again != first {
		t.Error(isFirst, is)
	}
	if _, is := f.Join(key(2)); !is {
		t.Error("another key waits for the first")
	}
	newer := f.Begin(key(1))
	if joined, is := f.Join(key(1)); is || joined != newer || first.Newest() || !newer.Newest() {
		t.Error("the newer flight did not take the place")
	}
	first.Land(of(1), false)
	if joined, is := f.Join(key(1)); is || joined != newer {
		t.Error("the older one took the newer one away")
	}
	newer.Land(nil, true)
	if entry, abandoned := newer.Outcome(); entry != nil || !abandoned {
		t.Error(entry, abandoned)
	}
	if _, is := f.Join(key(1)); !is {
		t.Error("a flight that has landed is joined")
	}
}
