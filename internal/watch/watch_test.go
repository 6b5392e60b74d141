package watch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A watch is a running Watcher that counts its calls.
type watch struct {
	t       *testing.T
	watcher *Watcher
	calls   chan struct{}
}

func start(t *testing.T, options Options, files ...string) *watch {
	t.Helper()
	w := New(options)
	w.Set(files)
	ctx, cancel := context.WithCancel(t.Context())
	s := &watch{t, w, make(chan struct{}, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx, func() { s.calls <- struct{}{} })
	}()
	t.Cleanup(func() { cancel(); <-done })
	time.Sleep(50 * time.Millisecond) // the watches are set up by Run
	return s
}

func (s *watch) expect(what string) {
	s.t.Helper()
	select {
	case <-s.calls:
	case <-time.After(10 * time.Second):
		s.t.Fatalf("%s was not noticed", what)
	}
}

func (s *watch) expectNothing(what string) {
	s.t.Helper()
	select {
	case <-s.calls:
		s.t.Fatalf("%s was taken for a change", what)
	case <-time.After(400 * time.Millisecond):
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventsOnly makes sure that events do it, pollOnly that polling does.
var (
	eventsOnly = Options{Quiet: 20 * time.Millisecond, Poll: time.Hour}
	pollOnly   = Options{Quiet: 20 * time.Millisecond, Poll: 20 * time.Millisecond}
)

func TestNoticesChanges(t *testing.T) {
	for name, options := range map[string]Options{"events": eventsOnly, "polling": pollOnly} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, later := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "later.yaml")
			write(t, file, "one")
			s := start(t, options, file, later, dir)
			write(t, file, "two")
			s.expect("a write in place")
			write(t, file, "two")
			os.Chtimes(file, time.Now(), time.Now())
			s.expectNothing("a touch")
			write(t, filepath.Join(dir, ".a.yaml.tmp"), "three")
			s.expect("a new file in a watched directory")
			os.Rename(filepath.Join(dir, ".a.yaml.tmp"), file)
			s.expect("an editor's rename")
			os.Remove(file)
			s.expect("a removal")
			write(t, file, "three")
			s.expect("the file coming back")
			write(t, later, "x")
			s.expect("a missing file that appears")
		})
	}
}

// Kubernetes swaps the link ..data to a new directory; the files are links through it.
// TestNoticesWhatWasReadInBetween: a file is changed, read because of something else, and
// changed back, before the watcher has looked. What was read is not what it holds.
func TestNoticesWhatWasReadInBetween(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, "one")
	s := start(t, Options{Quiet: time.Second, MaxDelay: time.Second, Poll: time.Hour}, file)
	write(t, file, "two")
	s.watcher.Reading()
	write(t, file, "one")
	s.expect("what was changed back")
}

func TestNoticesSwappedLinks(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		os.Mkdir(filepath.Join(dir, "..v"+version), 0o700)
		write(t, filepath.Join(dir, "..v"+version, "a.yaml"), "version "+version)
	}
	os.Symlink("..v1", filepath.Join(dir, "..data"))
	file := filepath.Join(dir, "a.yaml")
	os.Symlink(filepath.Join("..data", "a.yaml"), file)
	s := start(t, eventsOnly, file)
	os.Symlink("..v2", filepath.Join(dir, "..tmp"))
	os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))
	s.expect("a swapped link")
}

// A deployment that switches the link of a whole folder is seen without polling,
// and so are changes in the folder it leads to then.
func TestNoticesSwappedFolders(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		os.Mkdir(filepath.Join(dir, version), 0o700)
		write(t, filepath.Join(dir, version, "a.yaml"), "version "+version)
	}
	os.Symlink("1", filepath.Join(dir, "current"))
	file := filepath.Join(dir, "current", "a.yaml")
	s := start(t, eventsOnly, file)
	os.Symlink("2", filepath.Join(dir, "next"))
	os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current"))
	s.expect("a swapped folder")
	write(t, file, "version 2, changed")
	s.expect("a change in the folder swapped in")
	write(t, filepath.Join(dir, "1", "a.yaml"), "version 1, changed")
	s.expectNothing("a change in the folder swapped out")
}

// A watch stays with the folder that it was made for, wherever that goes.
func TestNoticesReplacedFolders(t *testing.T) {
	for name, remove := range map[string]func(string) error{
		"renamed": func(dir string) error { return os.Rename(dir, dir+".old") },
		"removed": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "apis")
			file := filepath.Join(dir, "a.yaml")
			os.Mkdir(dir, 0o700)
			write(t, file, "one")
			s := start(t, eventsOnly, file, dir)
			if err := remove(dir); err != nil {
				t.Fatal(err)
			}
			s.expect("the folder's end")
			os.Mkdir(dir, 0o700)
			write(t, file, "two")
			s.expect("the folder coming back")
			write(t, file, "three")
			s.expect("a change in the new folder")
			s.expectNothing("nothing more")
		})
	}
}

// Files that are made reproducibly all have one time, and versions have one size.
func TestNoticesFilesOfTheSameSizeAndTime(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "first")
	write(t, file+".new", "other")
	for _, name := range []string{file, file + ".new"} {
		os.Chtimes(name, old, old)
	}
	s := start(t, pollOnly, file)
	os.Rename(file+".new", file)
	s.expect("a file of the same size and time")
}

func TestHoldsBackWhileFilesAreWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "0")
	s := start(t, Options{Quiet: 300 * time.Millisecond, MaxDelay: time.Minute, Poll: time.Hour}, file)
	for i := range 10 {
		write(t, file, fmt.Sprint("write ", i))
		time.Sleep(20 * time.Millisecond)
	}
	s.expect("the last of several writes")
	s.expectNothing("the same writes")
	s = start(t, Options{Quiet: time.Minute, MaxDelay: 100 * time.Millisecond, Poll: time.Hour}, file)
	write(t, file, "again")
	s.expect("a change, at the longest delay")
}

func BenchmarkLook(b *testing.B) {
	dir := b.TempDir()
	w := New(Options{})
	var files []string
	for i := range 1000 {
		name := filepath.Join(dir, fmt.Sprint(i))
		os.WriteFile(name, make([]byte, 4096), 0o600)
		os.Chtimes(name, time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
		files = append(files, name)
	}
	w.Set(files)
	for b.Loop() {
		if w.look() {
			b.Fatal("nothing has changed")
		}
	}
}

// TestFolderSwappedOftenAndAtOnce replaces a folder, and removes the old one, so fast
// that the watch of the old one is gone before its renaming is read: what fsnotify has to
// say of that must not stop it, and so everything.
func TestFolderSwappedOftenAndAtOnce(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "defs")
	file := filepath.Join(dir, "a.yaml")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, file, "0")
	s := start(t, eventsOnly, file)
	for i := range 300 {
		next, old := filepath.Join(parent, "next"), filepath.Join(parent, "old")
		if err := os.Mkdir(next, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(next, "a.yaml"), fmt.Sprint(i))
		if err := os.Rename(dir, old); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, dir); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(old); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			time.Sleep(5 * time.Millisecond) // now and then the new folder is watched
		}
		for len(s.calls) > 0 {
			<-s.calls
		}
	}
	time.Sleep(200 * time.Millisecond)
	for len(s.calls) > 0 {
		<-s.calls
	}
	write(t, file, "the last")
	s.expect("a change after many")
}
