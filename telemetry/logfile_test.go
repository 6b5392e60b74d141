package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// TestLogFileOfSeveral has several write to one file, each as another process would: none
// writes over what another has written, and however often another file is begun no line is
// lost.
func TestLogFileOfSeveral(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "logs", "access.log")
	const writers, lines = 4, 300
	filler := strings.Repeat("x", 8<<10)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			f := newLogFile(name, 1<<20, 100)
			for i := range lines {
				text := fmt.Sprintf("%d/%d %s\n", w, i, filler)
				if n, err := f.Write([]byte(text)); n != len(text) || err != nil {
					t.Errorf("writing: %d %v", n, err)
				}
				if i%50 == 0 {
					if err := f.Close(); err != nil {
						t.Error(err)
					}
				}
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	files, err := filepath.Glob(filepath.Join(dir, "logs", "access*.log"))
	if err != nil {
		t.Fatal(err)
	}
	// About 9.4 MiB.
	if len(files) < 9 || len(files) > 12 {
		t.Errorf("files: %v", files)
	}
	seen := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 1<<20 {
			t.Errorf("%s has %d bytes", file, len(text))
		}
		for line := range bytes.Lines(text) {
			first, rest, _ := strings.Cut(string(line), " ")
			if rest != filler+"\n" {
				t.Fatalf("%s has a line of %d bytes that begins with %.40q", file, len(line), line)
			}
			seen[first]++
		}
	}
	for w := range writers {
		for i := range lines {
			if n := seen[fmt.Sprintf("%d/%d", w, i)]; n != 1 {
				t.Fatalf("line %d of writer %d is there %d times", i, w, n)
			}
		}
	}
}

// TestLogFileMoved begins another file where somebody has taken the last one away.
func TestLogFileMoved(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access.log")
	f := newLogFile(name, 1<<20, 5)
	defer f.Close()
	for _, text := range []string{"one\n", "two\n"} {
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); string(got) != text || err != nil {
			t.Errorf("the file has %q, want %q: %v", got, text, err)
		}
		if err := os.Rename(name, name+".moved"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLogFileTorn has a line stand alone that comes behind a torn one, whoever has torn it: this
// process, one before it, or another that writes to the same file.
func TestLogFileTorn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access.log")
	tear := func() {
		t.Helper()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			_, err = f.WriteString("tor")
		}
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	tear()
	one, two := newLogFile(name, 1<<20, 5), newLogFile(name, 1<<20, 5)
	for _, f := range []*logFile{one, one, two, one} {
		if n, err := f.Write([]byte("whole\n")); n != 6 || err != nil {
			t.Fatal(n, err)
		}
	}
	tear()
	for _, f := range []*logFile{two, one} {
		if n, err := f.Write([]byte("whole\n")); n != 6 || err != nil {
			t.Fatal(n, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := "tor\n" + strings.Repeat("whole\n", 4) + "tor\n" + strings.Repeat("whole\n", 2); string(text) != want {
		t.Errorf("the file has %q, want %q", text, want)
	}
}

// TestLogFileClockBack holds that old files of a clock that was ahead do not have the newer ones
// deleted in their place.
func TestLogFileClockBack(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "access[1].log")
	for i := range 2 {
		old := filepath.Join(dir, "access[1]-"+time.Now().UTC().AddDate(1, i, 0).Format(oldForm)+".log")
		if err := os.WriteFile(old, []byte{byte('a' + i)}, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newLogFile(name, 1<<20, 2)
	defer f.Close()
	// That of the day before is no old file of this one.
	other := filepath.Join(dir, "access[1]-other.log")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const large = 900 << 10
	for _, begin := range "cde" {
		if _, err := f.Write([]byte(string(begin) + strings.Repeat("x", large) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	// Old files are deleted beside what is done.
	var begins string
	for end := time.Now().Add(proctest.Patience); begins != "cd" && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		begins = ""
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(filepath.Join(dir, file.Name())); err == nil && len(text) > 0 && file.Name() != "access[1].log" {
				begins += string(text[0])
			}
		}
	}
	if begins != "cd" {
		t.Errorf("the old files that are kept begin with %q", begins)
	}
	if !exists(other) {
		t.Error("another file is gone")
	}
}
