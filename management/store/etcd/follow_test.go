package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"gatehouse/internal/etcdtest"
	"gatehouse/internal/proctest"
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

// TestOneReadInVain does not keep the next call from asking: neither one whose caller has
// gone away, nor one that etcd had no time for.
func TestOneReadInVain(t *testing.T) {
	c := etcdtest.Start(t, 1)
	s, err := Connect(t.Context(), Cluster{Endpoints: []string{c.Endpoints()}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	write := func(value string) {
		t.Helper()
		if err := s.Update(t.Context(), func(tx store.Tx) error { tx.Put("r/a", []byte(value)); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := s.View(gone, func(store.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("a read whose caller has gone away: %v", err)
	}
	if s.doubt.Load() != 0 {
		t.Error("a caller that went away has etcd not be asked any more")
	}
	s.doubt.Store(time.Now().Add(time.Hour).UnixNano())
	write("2")
	if s.doubt.Load() != 0 {
		t.Error("etcd is not asked for reads, although it answers")
	}
}

// TestHeardOfAgain has reads ask again as soon as anything of etcd's arrives, not when the
// doubt ends: they would miss what others write as soon as it is back.
func TestHeardOfAgain(t *testing.T) {
	c := etcdtest.Start(t, 1)
	connect := func() *Store {
		t.Helper()
		s, err := Connect(t.Context(), Cluster{Endpoints: []string{c.Endpoints()}}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s, other := connect(), connect()
	never := time.Now().Add(time.Hour).UnixNano()

	s.doubt.Store(never)
	if err := s.synchronise(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.doubt.Load() != 0 {
		t.Error("everything was read, and etcd is still not asked")
	}

	s.doubt.Store(never)
	if err := other.Update(t.Context(), func(tx store.Tx) error { tx.Put("r/a", []byte("1")); return nil }); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(proctest.Patience); s.doubt.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a change has arrived, and etcd is still not asked")
		}
	}
}
