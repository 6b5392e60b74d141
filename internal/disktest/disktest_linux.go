// Package disktest gives tests disks that are small enough to be filled.
package disktest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Small mounts a file system of 128 MiB, for a thousand files. Where that may not be done, the test is skipped.
func Small(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=128m,nr_inodes=1000"); err != nil {
		t.Skipf("SKIPPED: a full disk needs the right to mount a file system: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// Fill leaves no more than so many bytes on a disk, until free is called.
func Fill(t *testing.T, dir string, left int64) (free func()) {
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

// FillNames leaves no room for another file, however small, until free is called. What is
// there already may grow.
func FillNames(t *testing.T, dir string) (free func()) {
	t.Helper()
	folder := filepath.Join(dir, "names")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		switch err := os.WriteFile(filepath.Join(folder, strconv.Itoa(i)), nil, 0o600); {
		case errors.Is(err, unix.ENOSPC):
			return func() { _ = os.RemoveAll(folder) }
		case err != nil:
			t.Fatal(err)
		}
	}
}
