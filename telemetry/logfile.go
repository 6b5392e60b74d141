package telemetry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	// lockSuffix names the file beside a log that processes take turns by.
	lockSuffix = ".lock"
	// maxTurn is how long one waits for its turn.
	maxTurn = 5 * time.Second
	// oldForm is what lumberjack names old files by, in UTC.
	oldForm = "2006-01-02T15-04-05.000"
)

// logFile is a file with lines, of which another is begun when it is full. Several
// processes may write to the same one, as those of different roles, or an old and a new one
// while it is replaced: they take turns, and each notices when another has begun a file.
type logFile struct {
	name     string
	bytes    int64
	rotating lumberjack.Logger
	lock     *os.File
	// open is the file that was written to last, nil if there is none; whole is its size if it
	// ended with a whole line then.
	open  fs.FileInfo
	whole int64
}

func newLogFile(name string, bytes int64, files int) *logFile {
	megabytes := (bytes + 1<<20 - 1) >> 20
	return &logFile{
		name: name, bytes: megabytes << 20,
		rotating: lumberjack.Logger{Filename: name, MaxSize: int(megabytes), MaxBackups: files},
	}
}

// Write implements io.Writer. It is not for concurrent use.
func (f *logFile) Write(text []byte) (int, error) {
	if info, err := os.Stat(f.name); err == nil && !info.Mode().IsRegular() {
		return f.rotating.Write(text) // A pipe, or a device: nobody begins another.
	}
	if err := f.take(); err != nil {
		return 0, err
	}
	defer func() { _ = syscall.Flock(int(f.lock.Fd()), syscall.LOCK_UN) }()
	now, err := f.current()
	if err == nil && now.Size() > 0 && now.Size()+int64(len(text)) > f.bytes {
		f.rename(time.Now())
		if err = f.rotating.Rotate(); err == nil {
			// What is open now is not open for appending.
			err = f.rotating.Close()
		}
		if err == nil {
			now, err = f.current()
		}
	}
	if err != nil {
		return 0, err
	}
	if f.open != nil && !os.SameFile(now, f.open) {
		if err := f.rotating.Close(); err != nil {
			return 0, err
		}
		f.open = nil
	}
	torn := now.Size() > 0 && (f.open == nil || now.Size() != f.whole) && f.torn(now.Size())
	f.open = now
	n, torn, err := writeLines(&f.rotating, text, torn)
	f.whole = -1
	if !torn {
		if now, err := os.Stat(f.name); err == nil {
			f.whole = now.Size()
		}
	}
	return n, err
}

// torn reports whether a file of this size ends amid a line, as one does to which a disk that
// was full, or a process that was killed, has not let all be written.
func (f *logFile) torn(size int64) bool {
	file, err := os.Open(f.name)
	if err != nil {
		return false // It may be one that we may only write to.
	}
	defer file.Close()
	last := []byte{'\n'}
	_, _ = file.ReadAt(last, size-1)
	return last[0] != '\n'
}

// rename gives old files that are named after times to come, since the clock was ahead when they
// were, names of just now. By their names the oldest are deleted: that would be the file of before,
// each time that another is begun, until the clock is there again.
func (f *logFile) rename(now time.Time) {
	now = now.UTC()
	ext := filepath.Ext(f.name)
	prefix := strings.TrimSuffix(filepath.Clean(f.name), ext) + "-"
	files, _ := os.ReadDir(filepath.Dir(f.name)) // sorted by name, and so by time
	var wrong []string
	for _, file := range files {
		name := filepath.Join(filepath.Dir(f.name), file.Name())
		stamp, named := strings.CutPrefix(strings.TrimSuffix(name, ext), prefix)
		if at, err := time.Parse(oldForm, stamp); named && err == nil && at.After(now) {
			wrong = append(wrong, name)
		}
	}
	for i, name := range wrong {
		at := now.Add(time.Duration(i-len(wrong)) * time.Millisecond)
		if to := prefix + at.Format(oldForm) + ext; !exists(to) {
			_ = os.Rename(name, to) // where that fails it keeps its name
		}
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// current is the file that is there now. Where there is none it is made here: what
// lumberjack makes is not open for appending.
func (f *logFile) current() (fs.FileInfo, error) {
	info, err := os.Stat(f.name)
	if !errors.Is(err, fs.ErrNotExist) {
		return info, err
	}
	made, err := os.OpenFile(f.name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer made.Close()
	return made.Stat()
}

// take waits for this process's turn.
func (f *logFile) take() (err error) {
	if f.lock == nil {
		if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
			return err
		}
		if f.lock, err = os.OpenFile(f.name+lockSuffix, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
			return err
		}
	}
	for end := time.Now().Add(maxTurn); ; time.Sleep(time.Millisecond) {
		err := syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("%s: %w", f.lock.Name(), err)
		case time.Now().After(end):
			return fmt.Errorf("another process that logs to %s has had its turn for %v", f.name, maxTurn)
		}
	}
}

// Close closes the file, which is opened again if there are more lines.
func (f *logFile) Close() error {
	err := f.rotating.Close()
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}
