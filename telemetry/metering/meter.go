package metering

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"
)

// KeptDays is how many days are kept.
const KeptDays = 400

// otherKey stands for API keys that there is no room for.
const otherKey = "(other keys)"

// Options configure a Meter. The zero value of each means its default.
type Options struct {
	// Path is the file in which counts are kept; without one, they are of this process.
	Path string
	// Interval is how often counts are written, every 5 seconds by default: what a crash loses.
	Interval time.Duration
	// MaxLines bounds what is counted apart and not written yet, 100,000 by default: of API
	// keys beyond that, only the stage is told.
	MaxLines int
	// Now is the time, time.Now by default.
	Now func() time.Time
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
}

// Meter counts. It is safe for concurrent use; a nil Meter counts nothing.
type Meter struct {
	options  Options
	failures prometheus.Counter

	mu sync.Mutex
	// counted is what is not in the file, by the day's number since 1970.
	counted map[dayOf]*Counts

	// writing is held by who reads or writes the file.
	writing sync.Mutex
	db      *bbolt.DB // nil without a file, or until it can be opened
	// over are the sums of days that are over, as they were asked for last.
	over    *sums
	failing bool
	stop    chan struct{}
	stopped sync.WaitGroup
}

type dayOf struct {
	day int64
	of  Of
}

// Open makes a Meter that goes on from what its file has. A file that can't be understood
// is set aside, which is logged as an error. One that can't be opened now, as on a disk that is
// full or while another process has it, is tried again with each write.
func Open(o Options) *Meter {
	o.Log = cmp.Or(o.Log, slog.Default())
	o.Interval = cmp.Or(o.Interval, 5*time.Second)
	o.MaxLines = cmp.Or(o.MaxLines, 100_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Meter{
		options: o, counted: map[dayOf]*Counts{}, stop: make(chan struct{}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_metering_file_failures_total", Help: "Writes of metered counts to their file that failed. They are tried again.",
		}),
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(m.failures)
	}
	if o.Path != "" {
		_ = m.write() // it logs and counts its errors itself
		m.stopped.Go(m.writeEvery)
	}
	return m
}

// Count adds to today's counts.
func (m *Meter) Count(of Of, c Counts) {
	if m == nil {
		return
	}
	// A clock before 1970 is none.
	key := dayOf{max(dayNumber(m.options.Now()), 0), of}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.counted[key]
	if at == nil && len(m.counted) >= m.options.MaxLines {
		// Stages are as many as are defined, keys are not.
		key.of.Key = otherKey
		at = m.counted[key]
	}
	if at == nil {
		at = &Counts{}
		m.counted[key] = at
	}
	at.Add(c)
}

// Lines are what was counted from a day to another, both included, in order.
func (m *Meter) Lines(from, to time.Time) ([]Line, error) {
	if m == nil {
		return nil, nil
	}
	all := map[dayOf]Counts{}
	add := func(key dayOf, counts Counts) {
		sum := all[key]
		sum.Add(counts)
		all[key] = sum
	}
	// What is being written would otherwise be told twice, or not at all.
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := m.read(dayNumber(from), dayNumber(to), add); err != nil {
		return nil, err
	}
	m.unwritten(dayNumber(from), dayNumber(to), add)
	return linesOf(all), nil
}

// Sums adds up what was counted from a day to another, both included.
func (m *Meter) Sums(from, to time.Time) (Sums, error) {
	if m == nil {
		return Sums{}, nil
	}
	first, last := dayNumber(from), dayNumber(to)
	m.writing.Lock()
	defer m.writing.Unlock()
	// Days that are over stay as they are, and may be many.
	over := min(last, dayNumber(m.options.Now())-1)
	if !m.over.is(first, over) {
		m.over = newSums(first, over)
		if err := m.read(first, over, m.over.add); err != nil {
			m.over = nil
			return Sums{}, err
		}
	}
	sums := m.over.clone()
	if err := m.read(max(first, over+1), last, sums.add); err != nil {
		return Sums{}, err
	}
	m.unwritten(first, last, sums.add)
	days := make(map[time.Time]Counts, len(sums.days))
	for day, counts := range sums.days {
		days[timeOf(day)] = counts
	}
	return Sums{linesOf(sums.months), days}, nil
}

// read tells of what the file has of the days from first to last, both included. It needs
// writing.
func (m *Meter) read(first, last int64, tell func(dayOf, Counts)) error {
	if m.db == nil || first > last {
		return nil
	}
	if err := m.db.View(func(tx *bbolt.Tx) error { return readDays(tx, first, last, tell) }); err != nil {
		return fmt.Errorf("%s: %w", m.db.Path(), err)
	}
	return nil
}

// unwritten tells of what is not in the file.
func (m *Meter) unwritten(first, last int64, tell func(dayOf, Counts)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, counts := range m.counted {
		if key.day >= first && key.day <= last {
			tell(key, *counts)
		}
	}
}

// Close writes what is not written yet, and closes the file. Nothing may be counted after.
func (m *Meter) Close() error {
	if m == nil || m.options.Path == "" {
		return nil
	}
	close(m.stop)
	m.stopped.Wait()
	err := m.write()
	if m.db != nil {
		err = errors.Join(err, m.db.Close())
	}
	return err
}
