package etcd

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"gatehouse/management/store"
)

// TestCompactedHistory has a watch that broke off before etcd forgot what it missed.
func TestCompactedHistory(t *testing.T) {
	s, err := Embed(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for i := range 10 {
		if err := s.Update(t.Context(), func(tx store.Tx) error { tx.Put(fmt.Sprintf("r/%d", i), []byte("1")); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.client().Compact(t.Context(), s.mirror.view().revision); err != nil {
		t.Fatal(err)
	}
	// As it would be had the watch been broken from the beginning.
	behind := &Store{log: s.log, mirror: newMirror(), exclusive: true}
	behind.connect(s.client())
	behind.mirror.replace(&view{revision: 1, records: newTree()}, nil)
	if err := behind.takeChanges(t.Context()); !errors.Is(err, errMissed) {
		t.Fatalf("the watch says %v", err)
	}
	if err := behind.synchronise(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := behind.mirror.view().records.Len(); n < 10 {
		t.Errorf("%d records afterwards", n)
	}
}
