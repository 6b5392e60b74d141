package etcd

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/google/btree"

	"gatehouse/management/store"
)

// record is a key of etcd below the store's prefix, which is left out.
type record struct {
	key   string
	value []byte
	// revision is etcd's of the last change; 0 for one that a transaction has made and
	// that is not compressed yet.
	revision int64
}

// document is the record's value as it was put.
func (r record) document() ([]byte, error) {
	if r.revision == 0 {
		return r.value, nil
	}
	value, err := unpacked(r.value)
	if err != nil {
		return nil, fmt.Errorf("document %s: %w", r.key, err)
	}
	return value, nil
}

type tree = btree.BTreeG[record]

func newTree() *tree {
	return btree.NewG(32, func(a, b record) bool { return a.key < b.key })
}

// view is everything as it was at one revision. Its tree is not changed any more.
type view struct {
	revision int64
	mu       sync.Mutex
	records  *tree
}

// clone makes a tree that may be changed. Both share what they have in common.
func (v *view) clone() *tree {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.records.Clone()
}

// revisionOf is the revision of a key's last change, 0 for one that is not there.
func (v *view) revisionOf(key string) int64 {
	r, _ := v.records.Get(record{key: key})
	return r.revision
}

// below calls visit for all records whose keys begin with prefix, in order, until it
// returns a key to skip to, or false.
func below(records *tree, prefix string, visit func(record) (skipTo string)) {
	for from := prefix; from != ""; {
		next := ""
		records.AscendGreaterOrEqual(record{key: from}, func(r record) bool {
			if !strings.HasPrefix(r.key, prefix) {
				return false
			}
			next = visit(r)
			return next == ""
		})
		from = next
	}
}

// mirror is what is known of etcd. Views replace each other.
type mirror struct {
	mu      sync.Mutex
	current *view
	// changed is closed when current is replaced.
	changed chan struct{}
	// watchers are told which documents have changed.
	watchers map[*watcher]bool
}

func newMirror() *mirror {
	return &mirror{changed: make(chan struct{}), watchers: map[*watcher]bool{}}
}

// view is the newest one, nil before there is one.
func (m *mirror) view() *view {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// replace shows a new view. Without keys, everything may have changed.
func (m *mirror) replace(v *view, keys []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = v
	close(m.changed)
	m.changed = make(chan struct{})
	for w := range m.watchers {
		w.add(keys)
	}
}

// wait gives a view that is at least as new as the revision.
func (m *mirror) wait(ctx context.Context, revision int64) (*view, error) {
	for {
		m.mu.Lock()
		v, changed := m.current, m.changed
		m.mu.Unlock()
		if v != nil && v.revision >= revision {
			return v, nil
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-changed:
		}
	}
}

// watcher collects keys for one Watch.
type watcher struct {
	wake chan struct{}
	mu   sync.Mutex
	// keys have changed; all tells that any may have.
	keys map[string]bool
	all  bool
}

// maxPending is how many changed keys are remembered one by one.
const maxPending = 100_000

func (w *watcher) add(keys []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case keys == nil || len(w.keys)+len(keys) > maxPending:
		w.all, w.keys = true, nil
	case !w.all:
		if w.keys == nil {
			w.keys = map[string]bool{}
		}
		for _, key := range keys {
			w.keys[key] = true
		}
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() (keys map[string]bool, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys, all = w.keys, w.all
	w.keys, w.all = nil, false
	return keys, all
}

// reader reads documents from a tree.
type reader struct{ records *tree }

func (r reader) Get(key string) ([]byte, error) {
	found, ok := r.records.Get(record{key: documents + key})
	if !ok {
		return nil, store.ErrNotFound
	}
	return found.document()
}

func (r reader) List(prefix string) ([]store.Entry, error) {
	return r.entries(prefix, func(string) string { return "" })
}

func (r reader) Children(path string) ([]store.Entry, error) {
	if !strings.HasSuffix(path, "/") {
		return nil, fmt.Errorf("the path %q does not end with a slash", path)
	}
	return r.entries(path, func(key string) string {
		child, _, deeper := strings.Cut(key[len(path):], "/")
		if !deeper {
			return ""
		}
		// Behind all that is below the child: '0' follows '/'.
		return path + child + "0"
	})
}

// entries collects documents by prefix. Instead of one for which skip gives a key, those
// from that key on follow.
func (r reader) entries(prefix string, skip func(key string) string) (all []store.Entry, err error) {
	below(r.records, documents+prefix, func(found record) string {
		key := strings.TrimPrefix(found.key, documents)
		if to := skip(key); to != "" {
			return documents + to
		}
		value, problem := found.document()
		if problem != nil && err == nil {
			err = problem
		}
		all = append(all, store.Entry{Key: key, Value: value})
		return ""
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
