package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/disktest"
	"gatehouse/management/store"
)

func embedIn(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Embed(t.Context(), filepath.Join(dir, "etcd"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOnce(t, s) })
	return s
}

func closeOnce(t *testing.T, s *Store) {
	t.Helper()
	if s.client().Ctx().Err() != nil {
		return // it is closed
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func write(ctx context.Context, s *Store, key string, value []byte) error {
	return s.Update(ctx, func(tx store.Tx) error { tx.Put(key, value); return nil })
}

func reads(t *testing.T, s *Store, key string) {
	t.Helper()
	if err := s.View(t.Context(), func(r store.Reader) error { _, err := r.Get(key); return err }); err != nil {
		t.Errorf("%s cannot be read: %v", key, err)
	}
}

// TestLittleRoom refuses changes on a disk that is nearly full, and takes them again when
// there is room.
func TestLittleRoom(t *testing.T) {
	dir := disktest.Small(t)
	s := embedIn(t, dir)
	if err := write(t.Context(), s, "before", []byte("1")); err != nil {
		t.Fatal(err)
	}
	free := disktest.Fill(t, dir, 8<<20)
	if err := write(t.Context(), s, "full", []byte("1")); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(s.Problem(), "MiB are free") {
		t.Errorf("a full disk takes a change: %v, %q", err, s.Problem())
	}
	reads(t, s, "before")
	free()
	if err := write(t.Context(), s, "after", []byte("1")); err != nil || s.Problem() != "" {
		t.Errorf("a disk with room takes no change: %v, %q", err, s.Problem())
	}
	reads(t, s, "after")
}

// TestNoRoom has etcd itself come to the end of its disk: it fails, and the process goes
// on, with what was read. Once there is room, changes are taken again, and nothing is lost
// that was acknowledged.
func TestNoRoom(t *testing.T) {
	dir := disktest.Small(t)
	s := embedIn(t, dir)
	s.room.least = 0
	if err := write(t.Context(), s, "before", []byte("1")); err != nil {
		t.Fatal(err)
	}
	acknowledged := []string{"before"}
	for round := range 2 {
		dead := s.room.server.Load()
		free := disktest.Fill(t, dir, 0)
		end := time.Now().Add(time.Minute)
		for try := 0; !dead.hasFailed(); try++ {
			if time.Now().After(end) {
				t.Fatal("etcd never failed")
			}
			key := fmt.Sprint("many/", round, "/", try)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if write(ctx, s, key, incompressible(256<<10)) == nil {
				acknowledged = append(acknowledged, key)
			}
			cancel()
		}
		if err := write(t.Context(), s, "full", []byte("1")); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(s.Problem(), "has failed") {
			t.Errorf("%v, %q", err, s.Problem())
		}
		reads(t, s, "before")

		free()
		after := fmt.Sprint("after/", round)
		for write(t.Context(), s, after, []byte("1")) != nil {
			if time.Now().After(end.Add(time.Minute)) {
				t.Fatalf("there is room, and no change is taken: %s", s.Problem())
			}
			time.Sleep(20 * time.Millisecond)
		}
		if problem := s.Problem(); problem != "" {
			t.Errorf("a change was taken: %q", problem)
		}
		for _, key := range append(acknowledged, after) {
			reads(t, s, key)
		}
	}
	// Others of the process hear of changes again.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	heard := make(chan struct{})
	go func() {
		_ = s.Watch(ctx, func(keys []string) {
			if slices.Contains(keys, "heard") {
				close(heard)
			}
		})
	}()
	if err := write(t.Context(), s, "heard", []byte("1")); err != nil {
		t.Error(err)
	}
	select {
	case <-heard:
	case <-ctx.Done():
		t.Error("nobody hears of changes")
	}
	closeOnce(t, s)
	again := embedIn(t, dir)
	for _, key := range append(acknowledged, "after/0", "after/1", "heard") {
		reads(t, again, key)
	}
}

func incompressible(n int) []byte {
	value := make([]byte, n)
	_, _ = rand.Read(value)
	return value
}

// TestRelease has files be free of whoever has them locked, with the same content.
func TestRelease(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "wal"), 0o700); err != nil {
		t.Fatal(err)
	}
	file, ahead := filepath.Join(dir, "wal", "0.wal"), filepath.Join(dir, "wal", "1.tmp")
	for _, name := range []string{file, ahead} {
		if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := lock(file)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := release(dir); err != nil {
		t.Fatal(err)
	}
	again, err := lock(file)
	if err != nil {
		t.Fatal(err)
	}
	defer again()
	if text, err := os.ReadFile(file); err != nil || string(text) != "content" {
		t.Errorf("%q %v", text, err)
	}
	if _, err := os.Stat(ahead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was made ahead of time: %v", err)
	}
}
