// Package watch tells when the files of a configuration have changed. Their content
// decides: events of the file system only make it look sooner, and where there are
// none (network mounts) it looks by itself. So editors that rename, symbolic links
// that are swapped (as Kubernetes does with config maps) and files that come and go
// need no special care.
package watch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options of a Watcher. The zero value of each means its default.
type Options struct {
	// Quiet is how long nothing must happen before a change is told: 100 ms.
	Quiet time.Duration
	// MaxDelay bounds how long changes that never pause are held back: 1 s.
	MaxDelay time.Duration
	// Poll is how often files are looked at without any event: 2 s.
	Poll time.Duration
	Log  *slog.Logger
}

// Watcher watches a set of files. It is safe for concurrent use.
type Watcher struct {
	options Options
	changed chan struct{}

	mu    sync.Mutex
	files []string
	sums  map[string]sum
}

// New returns a Watcher of no files yet.
func New(options Options) *Watcher {
	options.Quiet = cmp.Or(options.Quiet, 100*time.Millisecond)
	options.MaxDelay = cmp.Or(options.MaxDelay, time.Second)
	options.Poll = cmp.Or(options.Poll, 2*time.Second)
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{options: options, changed: make(chan struct{}, 1), sums: map[string]sum{}}
}

// Set replaces the files and directories that are watched. Those that do not exist
// are waited for. What they hold now counts as known: Set before reading them, or
// right after, and a change in between is still told by the next look.
func (w *Watcher) Set(files []string) {
	files = slices.Clone(files)
	slices.Sort(files)
	files = slices.Compact(files)
	w.mu.Lock()
	defer w.mu.Unlock()
	sums := make(map[string]sum, len(files))
	for _, name := range files {
		if known, ok := w.sums[name]; ok {
			sums[name] = known
		} else {
			sums[name] = look(name, sum{})
		}
	}
	w.files, w.sums = files, sums
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// Reading takes what the files hold now for known. Whoever reads them says so before,
// whatever the reason to read them is: else a file that was changed, read for another
// reason, and changed back before anybody looked would be no change, although what was
// read is not what it holds.
func (w *Watcher) Reading() { w.look() }

// Run calls onChange, never twice at a time, after the content of watched files has
// changed. It returns when the context ends.
func (w *Watcher) Run(ctx context.Context, onChange func()) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		// Out of inotify instances: polling alone is slower, but does.
		w.options.Log.Warn("file events are not available, polling instead", "error", err)
	} else {
		defer w.readErrors(events)()
	}
	watched := map[string]os.FileInfo{}
	poll := time.NewTicker(w.options.Poll)
	defer poll.Stop()
	for {
		// What changed before there were events of it is seen by looking.
		if !w.follow(events, watched) || !w.differs() {
			select {
			case <-ctx.Done():
				return nil
			case <-w.changed:
				continue
			case <-poll.C:
				if !w.differs() {
					continue
				}
			case <-eventsOf(events):
			}
		}
		// A file may be half written: only what stays counts.
		w.settle(ctx, events)
		if w.look() && ctx.Err() == nil {
			onChange()
		}
	}
}

// settle waits until events pause, but not for ever.
func (w *Watcher) settle(ctx context.Context, events *fsnotify.Watcher) {
	quiet := time.NewTimer(w.options.Quiet)
	defer quiet.Stop()
	limit := time.NewTimer(w.options.MaxDelay)
	defer limit.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-quiet.C:
			return
		case <-limit.C:
			return
		case <-eventsOf(events):
			quiet.Reset(w.options.Quiet)
		}
	}
}

func eventsOf(events *fsnotify.Watcher) <-chan fsnotify.Event {
	if events == nil {
		return nil
	}
	return events.Events
}

// follow asks for events of every directory that matters to the files. It reports whether it
// asked for anything new.
func (w *Watcher) follow(events *fsnotify.Watcher, watched map[string]os.FileInfo) (added bool) {
	if events == nil {
		return false
	}
	// A directory may be swapped between the look at it and the request for its events.
	// Only when another look finds nothing to ask for has none been missed. One that is
	// swapped all the time is left to polling.
	for range 100 {
		if !w.ask(events, watched) {
			break
		}
		added = true
	}
	return added
}

// ask asks for events of the directories that hold the files, of those their links
// lead to, and of the watched directories themselves. Directories are watched rather
// than files: a renamed file takes its watch with it. So does a renamed directory,
// which is why every one is looked at again each time. It reports whether there was
// anything new to ask for.
func (w *Watcher) ask(events *fsnotify.Watcher, watched map[string]os.FileInfo) (asked bool) {
	w.mu.Lock()
	files := w.files
	w.mu.Unlock()
	dirs, wanted := map[string]bool{}, map[string]os.FileInfo{}
	for _, name := range files {
		for _, dir := range directoriesOf(name) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		if real, info := existing(dir); info != nil {
			wanted[real] = info
		}
	}
	// A directory that was removed or renamed is no longer in the list.
	alive := events.WatchList()
	for dir, info := range watched {
		if now, ok := wanted[dir]; !ok || !os.SameFile(info, now) || !slices.Contains(alive, dir) {
			_ = events.Remove(dir) // it may be gone
			delete(watched, dir)
		}
	}
	for dir, info := range wanted {
		if watched[dir] != nil {
			continue
		}
		switch err := events.Add(dir); {
		case err == nil:
			watched[dir] = info
			asked = true
		case errors.Is(err, fs.ErrNotExist): // it went since it was looked at
			asked = true
		}
	}
	return asked
}

// readErrors takes errors as they come: fsnotify holds a lock while it waits for
// somebody to take one, which every other call of it would wait for in turn. The
// function that it returns ends the events.
func (w *Watcher) readErrors(events *fsnotify.Watcher) (end func()) {
	var reader sync.WaitGroup
	reader.Go(func() {
		for err := range events.Errors {
			w.options.Log.Debug("file event error", "error", err)
		}
	})
	return func() {
		_ = events.Close() // its errors are those of file descriptors
		reader.Wait()
	}
}

// existing gives the directory, or the nearest one above it that exists: there it
// will come back. The path is free of links, since two names of one directory would
// share a watch and take it from each other.
func existing(dir string) (real string, info os.FileInfo) {
	for {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			if info, err := os.Stat(real); err == nil && info.IsDir() {
				return real, info
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		dir = parent
	}
}

// directoriesOf lists the directories in which an event may concern the file: its
// own, and those that hold the symbolic links on the way to it.
func directoriesOf(name string) []string {
	dirs := []string{filepath.Dir(name)}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		dirs = append(dirs, name)
	}
	for range 16 { // as many links as the kernel would follow, about
		link, target := firstLink(name)
		if link == "" {
			break
		}
		dirs = append(dirs, filepath.Dir(link))
		name = target
	}
	return append(dirs, filepath.Dir(name))
}

// firstLink finds the first element of a path that is a symbolic link, and gives
// the path with that link followed. Without one both are empty.
func firstLink(name string) (link, target string) {
	for end := 1; end <= len(name); end++ {
		if end < len(name) && name[end] != filepath.Separator {
			continue
		}
		link = name[:end]
		to, err := os.Readlink(link)
		if err != nil {
			continue
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(link), to)
		}
		return link, filepath.Join(to, name[end:])
	}
	return "", ""
}

// differs reports whether a file is not as it is known, without remembering it.
func (w *Watcher) differs() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.files, func(name string) bool {
		known := w.sums[name]
		return look(name, known).content != known.content
	})
}

// look compares all files with what is known and remembers what it sees.
func (w *Watcher) look() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := false
	for _, name := range w.files {
		known := w.sums[name]
		now := look(name, known)
		if now.content != known.content {
			changed = true
		}
		w.sums[name] = now
	}
	return changed
}

// A sum is what is known of a file. Size and time spare reading it again.
type sum struct {
	content [sha256.Size]byte
	size    int64
	time    time.Time
	target  string
	// file tells whether it is still the same one: a file that was made
	// reproducibly may replace another of its size and time.
	file os.FileInfo
	read time.Time
}

// racy is how fresh a file's time may be for a later write to share it.
const racy = 2 * time.Second

func look(name string, known sum) sum {
	info, err := os.Stat(name)
	if err != nil {
		return sum{}
	}
	target, _ := filepath.EvalSymlinks(name)
	now := sum{size: info.Size(), time: info.ModTime(), target: target, file: info, read: time.Now()}
	settled := known.read.Sub(known.time) > racy
	if settled && now.size == known.size && now.time.Equal(known.time) && now.target == known.target && os.SameFile(now.file, known.file) {
		known.read = now.read
		return known
	}
	now.content = contentOf(name, info)
	return now
}

// contentOf hashes a file's bytes, or a directory's names.
func contentOf(name string, info os.FileInfo) [sha256.Size]byte {
	h := sha256.New()
	if info.IsDir() {
		entries, _ := os.ReadDir(name)
		for _, e := range entries {
			io.WriteString(h, e.Name()+"\x00")
		}
	} else if info.Mode().IsRegular() {
		f, err := os.Open(name)
		if err != nil {
			return [sha256.Size]byte{}
		}
		defer f.Close()
		_, _ = io.Copy(h, f)
	}
	var out [sha256.Size]byte
	copy(out[:], h.Sum([]byte{})) // an empty file differs from a missing one
	return out
}
