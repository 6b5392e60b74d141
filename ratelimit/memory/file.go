package memory

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// file is where the counts of periods and the usage are kept while the process is not
// there. Buckets are full again too soon to be worth it.
type file struct {
	db       *bbolt.DB
	log      *slog.Logger
	flushing sync.Mutex
	failing  bool
	failures prometheus.Counter
	written  prometheus.Gauge
	stop     chan struct{}
	stopped  sync.WaitGroup
}

// lockWait is how long Open waits for another process to leave the file.
const lockWait = time.Second

// Open makes a Store that begins with what the file has and writes to it at an
// interval. A file that can't be understood is set aside: what it counted is lost,
// which is logged as an error.
func Open(path string, o Options) (*Store, error) {
	o.Log = cmp.Or(o.Log, slog.Default())
	s := New(o)
	db, err := s.load(path)
	if err != nil && !isBroken(err) {
		return nil, err
	}
	if err != nil {
		aside := path + ".broken-" + s.clock.read().wall.UTC().Format("20060102T150405.000")
		if renamed := os.Rename(path, aside); renamed != nil {
			return nil, fmt.Errorf("limits in %s can't be read (%w), and the file can't be set aside: %w", path, err, renamed)
		}
		o.Log.Error("counts of quotas and usage are lost: their file can't be read and was set aside", "file", path, "aside", aside, "error", err)
		s = New(o)
		if db, err = s.load(path); err != nil {
			return nil, err
		}
	}
	f := promauto.With(o.Registerer)
	s.file = &file{
		db: db, log: o.Log, stop: make(chan struct{}),
		failures: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_file_failures_total", Help: "Writes of counts to their file that failed. They are tried again.",
		}),
		written: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_ratelimit_file_written_timestamp_seconds", Help: "When counts were written to their file last.",
		}),
	}
	interval := o.Interval
	if interval <= 0 {
		interval = time.Second
	}
	s.file.stopped.Go(func() { s.flushEvery(interval) })
	return s, nil
}

// brokenError is of a file whose content is the matter, not how to get at it.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

func isBroken(err error) bool {
	var broken brokenError
	return errors.As(err, &broken)
}

// load opens the file and reads what is in it. A file that was cut short or written
// over may lead the reader anywhere, hence the recover.
func (s *Store) load(path string) (db *bbolt.DB, err error) {
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
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%s is used by another process: let each have a file of its own, or a store that they share", path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, brokenError{err}
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
		if err := s.readAll(tx); err != nil {
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

func (s *Store) flushEvery(interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-s.file.stop:
			return
		case <-ticker.C:
			// It logs and counts its errors itself.
			_ = s.Flush()
		}
	}
}

// Flush writes what changed since it was written last. What could not be written is
// so the next time. A store without a file has nothing to do.
func (s *Store) Flush() error {
	f := s.file
	if f == nil {
		return nil
	}
	f.flushing.Lock()
	defer f.flushing.Unlock()
	changes := s.takeChanges()
	if changes.empty() {
		return nil
	}
	err := f.db.Update(func(tx *bbolt.Tx) error { return changes.write(tx) })
	if err != nil {
		s.putBack(changes)
		f.failures.Inc()
		if !f.failing {
			f.log.Error("counts of quotas and usage can't be written: a restart now would lose them", "file", f.db.Path(), "error", err)
		}
	} else {
		f.written.Set(float64(time.Now().Unix()))
		if f.failing {
			f.log.Info("counts of quotas and usage are written again", "file", f.db.Path())
		}
	}
	f.failing = err != nil
	return err
}

// Close writes what is not written yet, and closes the file.
func (s *Store) Close() error {
	if s.file == nil {
		return nil
	}
	close(s.file.stop)
	s.file.stopped.Wait()
	return errors.Join(s.Flush(), s.file.db.Close())
}
