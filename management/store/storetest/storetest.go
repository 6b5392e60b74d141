// Package storetest is what every store of the management API has to do, as a test.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/store"
)

// Run tests stores that open makes; each is empty.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"reads what was written":                      readsWhatWasWritten,
		"a transaction sees its own changes":          seesItsOwnChanges,
		"a change that fails changes nothing":         failedChangesChangeNothing,
		"takes whole folders away and writes in them": overwritesFolders,
		"counts":                               counts,
		"notices what is added to a listing":   noticesAdded,
		"notices what is taken from a listing": noticesTaken,
		"notices folders that are taken away":  noticesTakenFolders,
		"notices children that are taken away": noticesTakenChildren,
		"children of unrelated changes":        childrenOfUnrelatedChanges,
		"keeps large documents":                keepsLargeDocuments,
		"makes large transactions":             makesLargeTransactions,
		"puts much in the place of much":       replacesMuch,
		"notices what of much that was read":   noticesWhatOfMuch,
		"much that was read in one folder":     muchOfUnrelatedChanges,
		"tells watchers":                       tellsWatchers,
		"agrees with a plain map":              agreesWithMap,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func update(t *testing.T, s store.Store, change func(store.Tx)) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx store.Tx) error { change(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

// put writes documents whose values are their keys.
func put(t *testing.T, s store.Store, keys ...string) {
	t.Helper()
	update(t, s, func(tx store.Tx) {
		for _, key := range keys {
			tx.Put(key, []byte(strconv.Quote(key)))
		}
	})
}

func keysOf(entries []store.Entry) (keys []string) {
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys
}

func list(t *testing.T, s store.Store, prefix string) (keys []string) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		entries, err := r.List(prefix)
		keys = keysOf(entries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func children(t *testing.T, s store.Store, path string) (keys []string) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		entries, err := r.Children(path)
		keys = keysOf(entries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func readsWhatWasWritten(t *testing.T, s store.Store) {
	put(t, s, "r/apis/a", "r/apis/a/x/1", "r/apis/a/x/2", "r/apis/a-b", "r/apis/ab", "r/apis/b", "s/apis/a")
	want(t, "a folder", list(t, s, "r/apis/a/"), []string{"r/apis/a/x/1", "r/apis/a/x/2"})
	want(t, "a region", list(t, s, "r/"), []string{"r/apis/a", "r/apis/a-b", "r/apis/a/x/1", "r/apis/a/x/2", "r/apis/ab", "r/apis/b"})
	want(t, "children", children(t, s, "r/apis/"), []string{"r/apis/a", "r/apis/a-b", "r/apis/ab", "r/apis/b"})
	want(t, "children that are folders only", children(t, s, "r/apis/a/"), []string(nil))
	want(t, "nothing", list(t, s, "q/"), []string(nil))
	err := s.View(t.Context(), func(r store.Reader) error {
		value, err := r.Get("r/apis/a")
		want(t, "value", string(value), `"r/apis/a"`)
		_, missing := r.Get("r/apis/c")
		if !errors.Is(missing, store.ErrNotFound) {
			t.Errorf("a key that is not there: %v", missing)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func seesItsOwnChanges(t *testing.T, s store.Store) {
	put(t, s, "r/a/1", "r/a/2", "r/a/3/4", "r/b")
	update(t, s, func(tx store.Tx) {
		tx.Put("r/a/0", []byte("{}"))
		tx.Delete("r/a/1")
		tx.Delete("r/nothing")
		entries, _ := tx.List("r/a/")
		want(t, "listing", keysOf(entries), []string{"r/a/0", "r/a/2", "r/a/3/4"})
		entries, _ = tx.Children("r/a/")
		want(t, "children", keysOf(entries), []string{"r/a/0", "r/a/2"})
		tx.DeleteAll("r/a/")
		if _, err := tx.Get("r/a/0"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what was put and taken away: %v", err)
		}
		tx.Put("r/a/5", []byte("5"))
		value, err := tx.Get("r/a/5")
		want(t, "what was put", string(value), "5")
		if err != nil {
			t.Error(err)
		}
	})
	want(t, "afterwards", list(t, s, "r/"), []string{"r/a/5", "r/b"})
}

func failedChangesChangeNothing(t *testing.T, s store.Store) {
	put(t, s, "r/a", "r/b/c")
	failed := errors.New("failed")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		tx.Put("r/new", []byte("1"))
		tx.DeleteAll("r/b/")
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("the change's error became %v", err)
	}
	want(t, "afterwards", list(t, s, "r/"), []string{"r/a", "r/b/c"})
}

func overwritesFolders(t *testing.T, s store.Store) {
	put(t, s, "r/a/1", "r/a/2", "r/a/b/3", "r/ab")
	update(t, s, func(tx store.Tx) {
		tx.DeleteAll("r/a/")
		tx.Put("r/a/2", []byte("new"))
		tx.Put("r/a/4", []byte("new"))
	})
	want(t, "overwritten", list(t, s, "r/"), []string{"r/a/2", "r/a/4", "r/ab"})
	update(t, s, func(tx store.Tx) {
		tx.Delete("r/a/2")
		tx.DeleteAll("r/a")
		tx.DeleteAll("r/a/")
	})
	want(t, "taken away", list(t, s, "r/"), []string(nil))
}

func counts(t *testing.T, s store.Store) {
	const writers, each = 8, 15
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				err := s.Update(t.Context(), func(tx store.Tx) error {
					n := 0
					if value, err := tx.Get("r/count"); err == nil {
						n, _ = strconv.Atoi(string(value))
					}
					tx.Put("r/count", []byte(strconv.Itoa(n+1)))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	_ = s.View(t.Context(), func(r store.Reader) error {
		value, _ := r.Get("r/count")
		want(t, "count", string(value), strconv.Itoa(writers*each))
		return nil
	})
}

// interrupted has others change something while a transaction, on its first try, has
// read and not yet written. It returns how often the transaction was tried. Stores whose
// transactions wait for each other are never interrupted.
func interrupted(t *testing.T, s store.Store, read func(store.Tx), others func()) int {
	t.Helper()
	if _, waits := s.(*store.Memory); waits {
		t.Skip("transactions of this store wait for each other")
	}
	tries := 0
	update(t, s, func(tx store.Tx) {
		read(tx)
		if tries++; tries == 1 {
			others()
		}
		tx.Put("q/result", []byte("1"))
	})
	return tries
}

func noticesAdded(t *testing.T, s store.Store) {
	put(t, s, "r/a/1")
	for i, read := range []func(tx store.Tx){
		func(tx store.Tx) { _, _ = tx.List("r/a/") },
		func(tx store.Tx) { _, _ = tx.List("r/") },
		func(tx store.Tx) { _, _ = tx.Children("r/a/") },
		func(tx store.Tx) { _, _ = tx.Get(fmt.Sprintf("r/a/new%d", 3)) },
	} {
		tries := interrupted(t, s, read, func() { put(t, s, fmt.Sprintf("r/a/new%d", i)) })
		want(t, "tries of reader "+strconv.Itoa(i), tries, 2)
	}
}

func noticesTaken(t *testing.T, s store.Store) {
	for i, read := range []func(tx store.Tx){
		func(tx store.Tx) { _, _ = tx.List("r/a/") },
		func(tx store.Tx) { _, _ = tx.List("r/a") },
		func(tx store.Tx) { _, _ = tx.List("r/") },
		func(tx store.Tx) { _, _ = tx.Children("r/a/b/") },
		func(tx store.Tx) { _, _ = tx.Get("r/a/b/2") },
	} {
		put(t, s, "r/a/b/1", "r/a/b/2", "r/a/b/3")
		tries := interrupted(t, s, read, func() { update(t, s, func(tx store.Tx) { tx.Delete("r/a/b/2") }) })
		want(t, "tries of reader "+strconv.Itoa(i), tries, 2)
	}
}

func noticesTakenFolders(t *testing.T, s store.Store) {
	for i, read := range []func(tx store.Tx){
		func(tx store.Tx) { _, _ = tx.List("r/a/") },
		func(tx store.Tx) { _, _ = tx.List("r/a/b/") },
		func(tx store.Tx) { _, _ = tx.List("r/") },
		func(tx store.Tx) { _, _ = tx.Children("r/a/b/") },
		func(tx store.Tx) { _, _ = tx.Get("r/a/b/2") },
	} {
		for _, prefix := range []string{"r/a/", "r/a", "r/a/b/", "r/"} {
			// The first of all stays, so that it is no hint.
			put(t, s, "r/0", "r/a/b/1", "r/a/b/2", "r/other/1")
			tries := interrupted(t, s, read, func() { update(t, s, func(tx store.Tx) { tx.DeleteAll(prefix) }) })
			want(t, fmt.Sprintf("tries of reader %d without %s", i, prefix), tries, 2)
			put(t, s, "r/0", "r/a/b/1", "r/a/b/2")
			// Taken away and written again, as an overwriting import does.
			tries = interrupted(t, s, read, func() {
				update(t, s, func(tx store.Tx) {
					tx.DeleteAll(prefix)
					tx.Put("r/a/b/2", []byte("again"))
				})
			})
			want(t, fmt.Sprintf("tries of reader %d with %s written again", i, prefix), tries, 2)
		}
	}
}

func noticesTakenChildren(t *testing.T, s store.Store) {
	put(t, s, "r/0", "r/a")
	tries := interrupted(t, s, func(tx store.Tx) { _, _ = tx.Children("r/") }, func() {
		update(t, s, func(tx store.Tx) { tx.DeleteAll("r/a") })
	})
	want(t, "tries", tries, 2)
}

// childrenOfUnrelatedChanges are not to be read again: an API is not created anew because
// another one has got a resource.
func childrenOfUnrelatedChanges(t *testing.T, s store.Store) {
	put(t, s, "r/a", "r/a/1", "r/a/2", "r/b")
	tries := interrupted(t, s, func(tx store.Tx) { _, _ = tx.Children("r/") }, func() {
		put(t, s, "r/a/3")
		update(t, s, func(tx store.Tx) { tx.Delete("r/a/1") })
		update(t, s, func(tx store.Tx) { tx.DeleteAll("r/a/") })
	})
	want(t, "tries", tries, 1)
}

func keepsLargeDocuments(t *testing.T, s store.Store) {
	// Half of it cannot be compressed.
	value := make([]byte, 8<<20)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(value[:4<<20])
	binary := append([]byte{0x1f, 0x8b}, "what looks compressed"...)
	update(t, s, func(tx store.Tx) {
		tx.Put("r/large", value)
		tx.Put("r/binary", binary)
		tx.Put("r/empty", nil)
	})
	_ = s.View(t.Context(), func(r store.Reader) error {
		got, err := r.Get("r/large")
		if err != nil || !bytes.Equal(got, value) {
			t.Errorf("%d bytes of %d, error %v", len(got), len(value), err)
		}
		if got, err := r.Get("r/binary"); err != nil || !bytes.Equal(got, binary) {
			t.Errorf("binary: %x, error %v", got, err)
		}
		if got, err := r.Get("r/empty"); err != nil || len(got) != 0 {
			t.Errorf("empty: %x, error %v", got, err)
		}
		return nil
	})
}

func makesLargeTransactions(t *testing.T, s store.Store) {
	const n = 5000
	update(t, s, func(tx store.Tx) {
		for i := range n {
			tx.Put(fmt.Sprintf("r/a/folder%d/%d", i%10, i), []byte("{}"))
		}
	})
	want(t, "documents", len(list(t, s, "r/")), n)
	update(t, s, func(tx store.Tx) {
		tx.DeleteAll("r/")
		for i := range n / 2 {
			tx.Put(fmt.Sprintf("r/a/folder%d/%d", i%10, i), []byte("new"))
		}
	})
	want(t, "documents", len(list(t, s, "r/")), n/2)
}

// replacesMuch takes away document by document, of which each is read, too.
func replacesMuch(t *testing.T, s store.Store) {
	for _, n := range []int{70, 90, 300} {
		folder := fmt.Sprintf("r/%d/", n)
		for round := range 2 {
			update(t, s, func(tx store.Tx) {
				for i := range n {
					tx.Delete(fmt.Sprintf("%sold%d", folder, i))
					tx.Put(fmt.Sprintf("%snew%d", folder, round*n+i), []byte("{}"))
				}
			})
			update(t, s, func(tx store.Tx) {
				for i := range n {
					tx.Put(fmt.Sprintf("%sold%d", folder, i), []byte("{}"))
				}
			})
		}
		want(t, "documents", len(list(t, s, folder)), 3*n)
	}
}

// noticesWhatOfMuch has a transaction read more than etcd compares in one.
func noticesWhatOfMuch(t *testing.T, s store.Store) {
	const n = 300
	read := func(tx store.Tx) {
		for i := range n {
			_, _ = tx.Get(fmt.Sprintf("r/a/%d", i))
			_, _ = tx.Children(fmt.Sprintf("r/a/%d/b/", i))
		}
	}
	put(t, s, "r/0", "r/a/150", "r/a/150/b/c")
	for i, others := range []func(tx store.Tx){
		func(tx store.Tx) { tx.Put("r/a/299", []byte("{}")) },
		func(tx store.Tx) { tx.Put("r/a/299/b/c", []byte("{}")) },
		func(tx store.Tx) { tx.Delete("r/a/299/b/c") },
		func(tx store.Tx) { tx.Delete("r/a/299") },
		func(tx store.Tx) { tx.DeleteAll("r/a/150/") },
		func(tx store.Tx) { tx.DeleteAll("r/a") },
	} {
		tries := interrupted(t, s, read, func() { update(t, s, others) })
		want(t, "tries beside change "+strconv.Itoa(i), tries, 2)
	}
}

// muchOfUnrelatedChanges is not to be read again: a large API is edited while others are, too.
func muchOfUnrelatedChanges(t *testing.T, s store.Store) {
	put(t, s, "r/apis/a", "r/apis/b", "r/apis/b/routes/1")
	tries := interrupted(t, s, func(tx store.Tx) {
		_, _ = tx.Get("r/apis/a")
		_, _ = tx.Children("r/apis/")
		for i := range 300 {
			_, _ = tx.Children(fmt.Sprintf("r/apis/a/routes/%d/responses/", i))
			tx.Delete(fmt.Sprintf("r/apis/a/routes/%d", i))
		}
	}, func() {
		put(t, s, "r/apis/b/routes/2", "r/plans/1", "q/apis/a")
		update(t, s, func(tx store.Tx) { tx.DeleteAll("r/apis/b/") })
	})
	want(t, "tries", tries, 1)
}

func tellsWatchers(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := make(chan []string, 100)
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(ctx, func(keys []string) { changes <- keys }) }()
	next := func() []string {
		select {
		case keys := <-changes:
			return keys
		case <-time.After(10 * time.Second):
			t.Fatal("no change was told")
			return nil
		}
	}
	want(t, "at first", next(), []string(nil))
	put(t, s, "r/2", "r/1")
	want(t, "what was put", next(), []string{"r/1", "r/2"})
	put(t, s, "r/a/1")
	want(t, "what was put", next(), []string{"r/a/1"})
	update(t, s, func(tx store.Tx) { tx.DeleteAll("r/a/"); tx.Delete("r/1") })
	want(t, "what was taken away", next(), []string{"r/1", "r/a/1"})
	update(t, s, func(tx store.Tx) { _, _ = tx.Get("r/2") })
	select {
	case keys := <-changes:
		t.Errorf("a transaction that changes nothing was told: %v", keys)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v", err)
	}
}

// agreesWithMap makes random transactions, and the same changes to a map.
func agreesWithMap(t *testing.T, s store.Store) {
	random := rand.New(rand.NewPCG(1, 2))
	model := map[string]string{}
	key := func() string {
		parts := []string{"r"}
		for range 1 + random.IntN(3) {
			parts = append(parts, string(rune('a'+random.IntN(3))))
		}
		return join(parts)
	}
	for range 150 {
		update(t, s, func(tx store.Tx) {
			for range 1 + random.IntN(5) {
				switch k := key(); random.IntN(4) {
				case 0, 1:
					value := strconv.Itoa(random.IntN(1000))
					tx.Put(k, []byte(value))
					model[k] = value
				case 2:
					tx.Delete(k)
					delete(model, k)
				case 3:
					if random.IntN(2) == 0 {
						k += "/"
					}
					tx.DeleteAll(k)
					for other := range model {
						if len(other) >= len(k) && other[:len(k)] == k {
							delete(model, other)
						}
					}
				}
			}
		})
		var keys []string
		for k := range model {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		if diff := cmp.Diff(keys, list(t, s, "r/")); diff != "" {
			t.Fatalf("documents (-want +got):\n%s", diff)
		}
	}
	_ = s.View(t.Context(), func(r store.Reader) error {
		for k, value := range model {
			got, err := r.Get(k)
			want(t, k, string(got), value)
			if err != nil {
				t.Error(err)
			}
		}
		return nil
	})
}

func join(parts []string) string {
	all := parts[0]
	for _, p := range parts[1:] {
		all += "/" + p
	}
	return all
}
