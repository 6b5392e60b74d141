package metering

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/disktest"
)

// TestFullDisk begins on a disk that is full: counts are in the file as soon as there is room for
// one, nothing is left beside it, and the same holds for a disk that is full again later.
func TestFullDisk(t *testing.T) {
	dir := disktest.Small(t)
	path := filepath.Join(dir, "metering.db")
	free := disktest.Fill(t, dir, 4096) // a part of a new file
	m := open(t, Options{Path: path, Now: (&clock{t: today}).now})
	for range 3 {
		m.Count(pets, Counts{Calls: 1})
		if m.write() == nil {
			t.Fatal("a full disk was written to")
		}
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 0 {
		t.Errorf("there are %v", files)
	}
	free()
	if err := m.write(); err != nil {
		t.Fatal(err)
	}
	free = disktest.Fill(t, dir, 0)
	failed := false
	for range 100 {
		m.Count(acme, Counts{Calls: 1})
		failed = m.write() != nil || failed
	}
	free()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if !failed {
		t.Error("the second time, the disk was not full")
	}
	m = open(t, Options{Path: path, Now: (&clock{t: today}).now})
	defer m.Close()
	if diff := cmp.Diff([]string{`2026-11-25 pets/v1 "" 3+0`, `2026-11-25 pets/v1 "acme" 100+0`}, lines(t, m, today, today)); diff != "" {
		t.Error(diff)
	}
}
