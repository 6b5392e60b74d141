package etcd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/management/store"
)

// smallDisk mounts a file system of 128 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=128m"); err != nil {
		t.Skipf("SKIPPED: a full disk needs the right to mount a file system: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill leaves no more than so many bytes on a disk.
func fill(t *testing.T, dir string, left int64) (free func()) {
	t.Helper()
	var at unix.Statfs_t
	if err := unix.Statfs(dir, &at); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if size := int64(at.Bavail)*at.Bsize - left; size > 0 {
		_, err = io.CopyN(f, zeros{}, size)
	}
	if err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return func() { _ = os.Remove(name) }
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func embedIn(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Embed(t.Context(), filepath.Join(dir, "etcd"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
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
	dir := smallDisk(t)
	s := embedIn(t, dir)
	if err := write(t.Context(), s, "before", []byte("1")); err != nil {
		t.Fatal(err)
	}
	free := fill(t, dir, 8<<20)
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
// on, with what was read.
func TestNoRoom(t *testing.T) {
	dir := smallDisk(t)
	s := embedIn(t, dir)
	s.room.least = 0
	if err := write(t.Context(), s, "before", []byte("1")); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, 0)
	value := make([]byte, 256<<10)
	for i := range value {
		value[i] = byte(i * i >> 3) // It is compressed.
	}
	end := time.Now().Add(time.Minute)
	for !s.room.failed.Load() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_ = write(ctx, s, "many", append(value, byte(time.Now().UnixNano()), byte(time.Now().UnixNano()>>8)))
		cancel()
		if time.Now().After(end) {
			t.Fatal("etcd never failed")
		}
	}
	if err := write(t.Context(), s, "full", []byte("1")); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(s.Problem(), "has failed") {
		t.Errorf("%v, %q", err, s.Problem())
	}
	reads(t, s, "before")
}
