package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/store"
)

func contents(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	_ = s.View(t.Context(), func(r store.Reader) error {
		entries, err := r.List("")
		for _, e := range entries {
			all[e.Key] = string(e.Value)
		}
		return err
	})
	return all
}

func filled(t *testing.T, documents map[string]string) *store.Memory {
	t.Helper()
	s := store.NewMemory()
	_ = s.Update(t.Context(), func(tx store.Tx) error {
		for key, value := range documents {
			tx.Put(key, []byte(value))
		}
		return nil
	})
	return s
}

func someDocuments() map[string]string {
	all := map[string]string{
		"r/restapis/a": `{"id":"a","name":"<b>&amp;"}`, "r/spaced": "{ \"a\": 1 }\n", "r/binary": "\x1f\x8b\x00\xff", "r/empty": "",
		"r/large": `"` + strings.Repeat("x", 3<<20) + `"`,
	}
	for i := range 350 {
		all[fmt.Sprintf("r/many/%d", i)] = fmt.Sprint(i)
	}
	return all
}

func backup(t *testing.T, s store.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := store.Backup(t.Context(), s, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBackupAndRestore(t *testing.T) {
	documents := someDocuments()
	saved := backup(t, filled(t, documents))
	empty := store.NewMemory()
	n, err := store.Restore(t.Context(), empty, bytes.NewReader(saved), false)
	if err != nil || n != len(documents) {
		t.Fatalf("restored %d documents: %v", n, err)
	}
	if diff := cmp.Diff(documents, contents(t, empty)); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	// What is there is not overwritten by accident.
	other := filled(t, map[string]string{"r/other": "1"})
	if _, err := store.Restore(t.Context(), other, bytes.NewReader(saved), false); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("into a store with documents: %v", err)
	}
	if diff := cmp.Diff(map[string]string{"r/other": "1"}, contents(t, other)); diff != "" {
		t.Errorf("refused, and yet (-want +got):\n%s", diff)
	}
	if _, err := store.Restore(t.Context(), other, bytes.NewReader(saved), true); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(documents, contents(t, other)); diff != "" {
		t.Errorf("replaced (-want +got):\n%s", diff)
	}
}

func TestDamagedBackups(t *testing.T) {
	saved := backup(t, filled(t, map[string]string{"r/a": `{"a":1}`, "r/b": `{"b":2}`}))
	lines := bytes.SplitAfter(saved, []byte("\n"))
	for name, damaged := range map[string][]byte{
		"nothing":      nil,
		"cut off":      saved[:len(saved)-1],
		"without end":  bytes.Join(lines[:3], nil),
		"without one":  bytes.Join([][]byte{lines[0], lines[1], lines[3]}, nil),
		"changed":      bytes.Replace(saved, []byte(`"a":1`), []byte(`"a":7`), 1),
		"continued":    append(bytes.Clone(saved), lines[1]...),
		"no JSON":      bytes.Replace(saved, []byte(`{"key"`), []byte(`{key`), 1),
		"other format": bytes.Replace(saved, []byte("store 1"), []byte("store 2"), 1),
		"no backup":    []byte("PK\x03\x04"),
	} {
		s := filled(t, map[string]string{"r/kept": "1"})
		if _, err := store.Restore(t.Context(), s, bytes.NewReader(damaged), true); err == nil {
			t.Errorf("%s: it was restored", name)
		}
		if diff := cmp.Diff(map[string]string{"r/kept": "1"}, contents(t, s)); diff != "" {
			t.Errorf("%s: refused, and yet (-want +got):\n%s", name, diff)
		}
	}
}

// cutStore fails after some transactions.
type cutStore struct {
	store.Store
	left int
}

func (s *cutStore) Update(ctx context.Context, change func(store.Tx) error) error {
	if s.left--; s.left < 0 {
		return store.ErrUnavailable
	}
	return s.Store.Update(ctx, change)
}

func TestRestoreThatIsCutOff(t *testing.T) {
	documents := someDocuments()
	saved := backup(t, filled(t, documents))
	s := store.NewMemory()
	if _, err := store.Restore(t.Context(), &cutStore{s, 3}, bytes.NewReader(saved), false); !errors.Is(err, store.ErrUnavailable) {
		t.Fatal(err)
	}
	cut := func() (cut bool) {
		_ = s.View(t.Context(), func(r store.Reader) (err error) { cut, err = store.Unfinished(r); return err })
		return cut
	}
	if !cut() {
		t.Error("nobody can tell that documents are missing")
	}
	if _, err := store.Restore(t.Context(), s, bytes.NewReader(saved), false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(documents, contents(t, s)); diff != "" || cut() {
		t.Errorf("restored at last (-want +got):\n%s", diff)
	}
}
