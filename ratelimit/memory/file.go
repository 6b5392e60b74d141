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
	db       *bbolt.DB
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
// which is logged as an error.
func Open(path string, o Options) (*Store, error) {
	o.Log = cmp.Or(o.Log, slog.Default())
	var s *Store
	db, aside, err := durable.OpenDatabase(path, func(tx *bbolt.Tx) error {
		s = New(o)
		return s.readAll(tx)
	})
	if err != nil {
		return nil, err
	}
	if aside != nil {
		o.Log.Error("counts of quotas and usage are lost: their file can't be read and was set aside", "file", path, "aside", aside.Path, "error", aside.Err)
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
