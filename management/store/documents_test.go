package store_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"gatehouse/management/store"
)

// written is a transaction that tells which keys were put.
type written struct {
	store.Tx
	keys map[string]bool
}

func (w written) Put(key string, value []byte) {
	w.keys[key] = true
	w.Tx.Put(key, value)
}

// TestReplace: what is no longer told is gone, what is as it was is not written, and what
// lies beside the folders stays.
func TestReplace(t *testing.T) {
	s := store.NewMemory()
	put := map[string]bool{}
	replace := func(documents map[string]any) {
		t.Helper()
		clear(put)
		err := s.Update(t.Context(), func(tx store.Tx) error { return store.Replace(written{tx, put}, documents, "a/x/", "a/y/") })
		if err != nil {
			t.Fatal(err)
		}
	}
	replace(map[string]any{"a": 1, "a/x/1": 1, "a/x/1/below": 1, "a/y/1": 1, "a/z/1": 1})
	replace(map[string]any{"a": 1, "a/x/1": 2, "a/y/2": 1})
	if got := slices.Sorted(maps.Keys(put)); !slices.Equal(got, []string{"a/x/1", "a/y/2"}) {
		t.Errorf("written: %v", got)
	}
	err := s.View(t.Context(), func(r store.Reader) error {
		for _, gone := range []string{"a/x/1/below", "a/y/1"} {
			if _, err := store.ReadDocument[int](r, gone); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", gone, err)
			}
		}
		if left, err := store.ReadDocument[int](r, "a/z/1"); err != nil || *left != 1 {
			t.Errorf("beside the folders: %v", err)
		}
		if all, err := store.ReadDocuments[int](r, "a/x/"); err != nil || !slices.Equal(all, []int{2}) {
			t.Errorf("a/x/ has %v, %v", all, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
