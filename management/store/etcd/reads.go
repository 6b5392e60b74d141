package etcd

import (
	"maps"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A readSet is what a transaction has read: documents by their keys, the children of folders,
// and listings by their prefixes.
type readSet struct {
	gets, folders, lists map[string]bool
}

func newReadSet() readSet {
	return readSet{gets: map[string]bool{}, folders: map[string]bool{}, lists: map[string]bool{}}
}

// compares are what must still be as it was read. What a listing has is compared with the
// listing.
func (r readSet) compares(from *view, prefix string) (all []clientv3.Cmp) {
	unchanged := func(key string) {
		all = append(all, clientv3.Compare(clientv3.ModRevision(prefix+key), "=", from.revisionOf(key)))
	}
	for _, key := range r.outsideListings(r.gets) {
		unchanged(documents + key)
	}
	for _, folder := range r.outsideListings(r.folders) {
		unchanged(children + folder)
	}
	for _, listed := range r.outermost() {
		all = append(all, clientv3.Compare(clientv3.ModRevision(prefix+documents+listed).WithPrefix(), "<", from.revision+1))
		unchanged(gone + folderOf(listed))
		below(from.records, documents+listed, func(first record) string {
			unchanged(first.key)
			return "\xff" // behind everything
		})
	}
	return all
}

// comparesOfCluster are compares that every cluster takes. Where what was read is too much for
// that, whole folders around it must be as they were: as few as it takes, so that a large
// API does not wait for changes of others. What only its own process writes into need not do so.
func (r readSet) comparesOfCluster(from *view, prefix string) []clientv3.Cmp {
	all := r.compares(from, prefix)
	for depth := r.depth(); len(all) > maxCompares && depth > 0; depth-- {
		r = r.widened(depth)
		all = r.compares(from, prefix)
	}
	if len(all) > maxCompares {
		all = []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(prefix+head), "=", from.revisionOf(head))}
	}
	return all
}

// depth is in how many folders the deepest of what was read is.
func (r readSet) depth() (deepest int) {
	for _, kind := range []map[string]bool{r.gets, r.folders, r.lists} {
		for key := range kind {
			deepest = max(deepest, strings.Count(key, "/"))
		}
	}
	return deepest
}

// widened lists the folders of a depth in the place of the documents in them, and of all that is
// deeper.
func (r readSet) widened(depth int) readSet {
	wider := newReadSet()
	widen := func(read, into map[string]bool, from int) {
		for key := range read {
			if strings.Count(key, "/") < from {
				into[key] = true
			} else {
				wider.lists[folderAt(key, depth)] = true
			}
		}
	}
	widen(r.gets, wider.gets, depth)
	widen(r.folders, wider.folders, depth+1)
	widen(r.lists, wider.lists, depth+1)
	return wider
}

// folderAt is what a key has up to its nth slash, with it.
func folderAt(key string, n int) string {
	end := 0
	for range n {
		end += strings.IndexByte(key[end:], '/') + 1
	}
	return key[:end]
}

// outsideListings are those, sorted, that no listing has.
func (r readSet) outsideListings(read map[string]bool) (outside []string) {
	listed := r.outermost()
	for _, key := range slices.Sorted(maps.Keys(read)) {
		if !listedBy(listed, key) {
			outside = append(outside, key)
		}
	}
	return outside
}

// outermost are the listings, sorted, that no other has.
func (r readSet) outermost() (prefixes []string) {
	for _, prefix := range slices.Sorted(maps.Keys(r.lists)) {
		// What begins with another sorts right behind it, and all that others have with it.
		if last := len(prefixes) - 1; last < 0 || !strings.HasPrefix(prefix, prefixes[last]) {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

// listedBy tells whether one of the prefixes, which are sorted and have none of each other,
// begins the key.
func listedBy(prefixes []string, key string) bool {
	at, found := slices.BinarySearch(prefixes, key)
	return found || at > 0 && strings.HasPrefix(key, prefixes[at-1])
}
