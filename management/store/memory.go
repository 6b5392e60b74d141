package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Memory is a Store that forgets everything when the process ends, for tests and for
// tries that are to leave nothing behind.
type Memory struct {
	mu       sync.RWMutex
	values   map[string][]byte
	watchers map[chan []string]bool
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{values: map[string][]byte{}, watchers: map[chan []string]bool{}}
}

// View implements Store.
func (m *Memory) View(_ context.Context, read func(Reader) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return read(&memoryTx{values: m.values})
}

// Update implements Store. Changes wait for each other, so none is tried twice.
func (m *Memory) Update(_ context.Context, change func(Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := &memoryTx{values: maps.Clone(m.values), changed: map[string]bool{}}
	if err := change(tx); err != nil {
		return err
	}
	m.values = tx.values
	if len(tx.changed) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(tx.changed))
	for w := range m.watchers {
		select {
		case w <- keys:
		default:
			// The watcher is behind: what it has not taken is replaced by the order to
			// read everything again.
			select {
			case <-w:
			default:
			}
			w <- nil
		}
	}
	return nil
}

// Watch implements Store.
func (m *Memory) Watch(ctx context.Context, changed func(keys []string)) error {
	w := make(chan []string, 1)
	m.mu.Lock()
	m.watchers[w] = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.watchers, w)
		m.mu.Unlock()
	}()
	changed(nil)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case keys := <-w:
			changed(keys)
		}
	}
}

// memoryTx is a transaction on a copy, or a view of the original.
type memoryTx struct {
	values  map[string][]byte
	changed map[string]bool
}

func (t *memoryTx) Get(key string) ([]byte, error) {
	if value, ok := t.values[key]; ok {
		return value, nil
	}
	return nil, ErrNotFound
}

func (t *memoryTx) List(prefix string) ([]Entry, error) {
	var entries []Entry
	for key, value := range t.values {
		if strings.HasPrefix(key, prefix) {
			entries = append(entries, Entry{key, value})
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries, nil
}

func (t *memoryTx) Children(path string) ([]Entry, error) {
	entries, err := t.List(path)
	return slices.DeleteFunc(entries, func(e Entry) bool { return strings.Contains(e.Key[len(path):], "/") }), err
}

func (t *memoryTx) Put(key string, value []byte) {
	t.values[key] = value
	t.changed[key] = true
}

func (t *memoryTx) Delete(key string) {
	if _, ok := t.values[key]; ok {
		delete(t.values, key)
		t.changed[key] = true
	}
}

func (t *memoryTx) DeleteAll(prefix string) {
	for key := range t.values {
		if strings.HasPrefix(key, prefix) {
			t.Delete(key)
		}
	}
}
