package durable

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockWait is how long OpenDatabase waits for another process to leave the file.
const lockWait = time.Second

// Aside is a file that could not be understood.
type Aside struct {
	// Path is where it is now.
	Path string
	// Err is what was wrong with it.
	Err error
}

// OpenDatabase opens a bbolt file that only its owner may read, and makes it if there is
// none. It is checked as a whole and read by the function given, which may be called once
// more after it has failed. A file that is broken, or that the function can't read, is set
// aside, and a new one is begun.
func OpenDatabase(path string, read func(*bbolt.Tx) error) (*bbolt.DB, *Aside, error) {
	db, err := openDatabase(path, read)
	if err == nil {
		return db, nil, nil
	}
	var broken brokenError
	if !errors.As(err, &broken) {
		return nil, nil, err
	}
	aside := path + ".broken-" + time.Now().UTC().Format("20060102T150405.000")
	if renamed := os.Rename(path, aside); renamed != nil {
		return nil, nil, fmt.Errorf("%s can't be read (%w), and can't be set aside: %w", path, err, renamed)
	}
	if db, again := openDatabase(path, read); again == nil {
		return db, &Aside{aside, err}, nil
	} else {
		return nil, nil, again
	}
}

// brokenError is of a file whose content is the matter, not how to get at it.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// openDatabase opens a file and reads what is in it. One that was cut short or written over
// may lead the reader anywhere, hence the recover.
func openDatabase(path string, read func(*bbolt.Tx) error) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if mistake := recover(); mistake != nil {
			err = brokenError{fmt.Errorf("%s: %v", path, mistake)}
		}
		if err != nil && db != nil {
			closeQuietly(db)
			db = nil
		}
	}()
	_, absent := os.Stat(path)
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	var system syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%s is used by another process: let each have a file of its own, or a store that they share", path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, brokenError{err}
	case errors.As(err, &system):
		// It says nothing of what is in the file. One that a full disk let only be begun is none.
		if errors.Is(absent, os.ErrNotExist) && (system == syscall.ENOSPC || system == syscall.EDQUOT) {
			_ = os.Remove(path)
		}
		return nil, fmt.Errorf("opening %s: %w", path, err)
	case err != nil:
		if info, stat := os.Stat(path); stat == nil && info.Mode().IsRegular() && !errors.Is(err, os.ErrPermission) {
			return nil, brokenError{err}
		}
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		for problem := range tx.Check() {
			return brokenError{problem}
		}
		if err := read(tx); err != nil {
			return brokenError{err}
		}
		return nil
	})
	return db, err
}

// closeQuietly closes what may be broken in ways that make closing fail.
func closeQuietly(db *bbolt.DB) {
	defer func() { _ = recover() }()
	_ = db.Close()
}
