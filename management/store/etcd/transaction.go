package etcd

import (
	"maps"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/management/store"
)

// transaction collects what one reads and changes. It reads from a view, and from a
// copy of it as soon as it has changed something.
type transaction struct {
	from *view
	reader

	copied bool
	read   readSet
	// puts and deletes are keys, deleteAlls prefixes.
	puts       map[string][]byte
	deletes    map[string]bool
	deleteAlls map[string]bool
}

func newTransaction(from *view) *transaction {
	return &transaction{
		from: from, reader: reader{from.records},
		read: newReadSet(),
		puts: map[string][]byte{}, deletes: map[string]bool{}, deleteAlls: map[string]bool{},
	}
}

func (t *transaction) Get(key string) ([]byte, error) {
	t.read.gets[key] = true
	return t.reader.Get(key)
}

func (t *transaction) List(prefix string) ([]store.Entry, error) {
	t.read.lists[prefix] = true
	return t.reader.List(prefix)
}

func (t *transaction) Children(path string) ([]store.Entry, error) {
	t.read.folders[path] = true
	return t.reader.Children(path)
}

func (t *transaction) own() *tree {
	if !t.copied {
		t.records, t.copied = t.from.clone(), true
	}
	return t.records
}

func (t *transaction) Put(key string, value []byte) {
	value = slices.Clone(value)
	t.own().ReplaceOrInsert(record{key: documents + key, value: value})
	t.puts[key] = value
	delete(t.deletes, key)
}

func (t *transaction) Delete(key string) {
	// Whether there is something to take away is read.
	t.read.gets[key] = true
	t.take(key)
}

func (t *transaction) take(key string) {
	t.own().Delete(record{key: documents + key})
	delete(t.puts, key)
	if t.from.revisionOf(documents+key) != 0 {
		t.deletes[key] = true
	}
}

func (t *transaction) DeleteAll(prefix string) {
	var keys []string
	below(t.records, documents+prefix, func(r record) string {
		keys = append(keys, strings.TrimPrefix(r.key, documents))
		return ""
	})
	for _, key := range keys {
		t.take(key)
	}
	t.deleteAlls[prefix] = true
}

// changes reports whether there is something to be made durable.
func (t *transaction) changes() bool { return len(t.puts) > 0 || len(t.deletes) > 0 }

// operations are what is to be done. It may add to what counts as read.
func (t *transaction) operations(prefix string) ([]clientv3.Op, error) {
	var all []clientv3.Op
	var left marks
	var ranges []string
	for _, p := range slices.Sorted(maps.Keys(t.deleteAlls)) {
		within := func(key string) bool { return strings.HasPrefix(key, p) }
		found := slices.ContainsFunc(slices.Collect(maps.Keys(t.deletes)), within)
		overwritten := slices.ContainsFunc(slices.Collect(maps.Keys(t.puts)), within)
		switch {
		case !found || overwritten:
			// Document by document: etcd takes no range in which something is put.
			t.read.lists[p] = true
		case slices.ContainsFunc(ranges, func(other string) bool { return strings.HasPrefix(p, other) }):
		default:
			ranges = append(ranges, p)
		}
	}
	for _, p := range ranges {
		for _, kind := range []string{documents, gone, children} {
			all = append(all, clientv3.OpDelete(prefix+kind+p, clientv3.WithPrefix()))
		}
		left.takenAll(p)
	}
	for _, key := range slices.Sorted(maps.Keys(t.deletes)) {
		if slices.ContainsFunc(ranges, func(p string) bool { return strings.HasPrefix(key, p) }) {
			continue
		}
		all = append(all, clientv3.OpDelete(prefix+documents+key))
		left.taken(key)
	}
	for _, key := range slices.Sorted(maps.Keys(t.puts)) {
		value, err := packed(t.puts[key])
		if err != nil {
			return nil, err
		}
		all = append(all, clientv3.OpPut(prefix+documents+key, string(value)))
		left.put(key)
	}
	for _, key := range left.outside(ranges) {
		all = append(all, clientv3.OpPut(prefix+key, ""))
	}
	return all, nil
}

// How many comparisons etcd takes, and how many operations on each level of nested ones. Servers
// that were told nothing else take 128 along all levels, of which each counts with its operations
// or its comparisons, whichever are more: three levels of operations fit.
const (
	maxCompares   = 60
	maxOperations = 30
)

// nested spreads operations over levels of transactions.
func nested(operations []clientv3.Op) []clientv3.Op {
	for len(operations) > maxOperations {
		var level []clientv3.Op
		for part := range slices.Chunk(operations, maxOperations) {
			level = append(level, clientv3.OpTxn(nil, part, nil))
		}
		operations = level
	}
	return operations
}
