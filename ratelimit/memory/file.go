package memory

import (
	"cmp"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.etcd.io/bbolt"

	"gatehouse/internal/durable"
)

// file is where the counts of periods and the usage are kept while the process is not
// there. Buckets are full again too soon to be worth it.
type file struct {
	path     string
	db       *bbolt.DB // nil until it can be opened
	log      *slog.Logger
	flushing sync.Mutex
	failing  bool
	failures prometheus.Counter
	written  prometheus.Gauge
	stop     chan struct{}
	stopped  sync.WaitGroup
}

// Open makes a Store that begins with what the file has and writes to it at an
// interval. A file that can't be understood is set aside: what it counted is lost,
// which is logged as an error. One that can't be opened now, as on a disk that is full or
// while another process has it, is tried again at each interval; until then the store counts from
// nothing, and what it counted is added to what the file has.
func Open(path string, o Options) *Store {
	o.Log = cmp.Or(o.Log, slog.Default())
	s := New(o)
	s.expectFile()
	f := promauto.With(o.Registerer)
	s.file = &file{
		path: path, log: o.Log, stop: make(chan struct{}),
		failures: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_file_failures_total", Help: "Times that counts could not be written to their file, or that it could not be opened. It is tried again.",
		}),
		written: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_ratelimit_file_written_timestamp_seconds", Help: "When counts were written to their file last.",
		}),
	}
	interval := o.Interval
	if interval <= 0 {
		interval = time.Second
	}
	_ = s.Flush() // It logs and counts its errors itself.
	s.file.stopped.Go(func() { s.flushEvery(interval) })
	return s
}

// openFile opens the file, and goes on from what it has. It needs flushing.
func (s *Store) openFile() error {
	f := s.file
	var read *Store
	db, aside, err := durable.OpenDatabase(f.path, func(tx *bbolt.Tx) error {
		read = New(Options{Now: s.clock.wall})
		read.seed = s.seed // A counter is in the same shard then.
		return read.readAll(tx)
	})
	if err != nil {
		return err
	}
	if aside != nil {
		f.log.Error("counts of quotas and usage are lost: their file can't be read and was set aside", "file", f.path, "aside", aside.Path, "error", aside.Err)
	}
	f.db = db
	s.goOnFrom(read)
	return nil
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
	err := s.writeFile()
	switch {
	case err != nil:
		f.failures.Inc()
		if !f.failing {
			f.log.Error(f.failure(), "file", f.path, "error", err)
		}
	case f.failing:
		f.log.Info("counts of quotas and usage are written again", "file", f.path)
	}
	f.failing = err != nil
	return err
}

// failure says what it means that the file cannot be had.
func (f *file) failure() string {
	if f.db == nil {
		return "counts of quotas and usage can't be read: quotas begin from nothing, and a restart now would lose what is counted; it is added to the file as soon as that is there for this process to read and write"
	}
	return "counts of quotas and usage can't be written: a restart now would lose them"
}

// writeFile is Flush without what is said of it. It needs flushing.
func (s *Store) writeFile() error {
	f := s.file
	if f.db == nil {
		if err := s.openFile(); err != nil {
			return err
		}
	}
	changes := s.takeChanges()
	if changes.empty() {
		return nil
	}
	if err := f.db.Update(func(tx *bbolt.Tx) error { return changes.write(tx) }); err != nil {
		s.putBack(changes)
		return err
	}
	f.written.Set(float64(time.Now().Unix()))
	return nil
}

// Close writes what is not written yet, and closes the file.
func (s *Store) Close() error {
	if s.file == nil {
		return nil
	}
	close(s.file.stop)
	s.file.stopped.Wait()
	err := s.Flush()
	if s.file.db != nil {
		err = errors.Join(err, s.file.db.Close())
	}
	return err
}
