package memory

import (
	"path/filepath"
	"testing"

	"gatehouse/internal/disktest"
)

// TestFullDisk begins on a disk that is full: what was counted is in the file as soon as there is
// room for one, and nothing is left beside it.
func TestFullDisk(t *testing.T) {
	dir := disktest.Small(t)
	path := filepath.Join(dir, "limits.db")
	free := disktest.Fill(t, dir, 4096) // a part of a new file
	s := openFile(t, path, Options{})
	for range 3 {
		take(t, s, monthly(1))
		if s.Flush() == nil {
			t.Fatal("a full disk was written to")
		}
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 0 {
		t.Errorf("there are %v", files)
	}
	free()
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	take(t, s, monthly(1))
	closeFile(t, s)
	s = openFile(t, path, Options{})
	defer closeFile(t, s)
	if got := take(t, s, monthly(0)); got.Remaining != 3 {
		t.Errorf("4 were used of 10, and 3 taken off: %d are left", got.Remaining)
	}
}
