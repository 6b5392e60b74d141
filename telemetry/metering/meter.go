package metering

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
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

	// writing is held by who writes to the file.
	writing sync.Mutex
	db      *bbolt.DB // nil without a file
	failing bool
	stop    chan struct{}
	stopped sync.WaitGroup
}

type dayOf struct {
	day int64
	of  Of
}

// Open makes a Meter that goes on from what its file has. A file that can't be understood
// is set aside, which is logged as an error.
func Open(o Options) (*Meter, error) {
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
	if o.Path == "" {
		return m, nil
	}
	if err := m.openFile(o.Path); err != nil {
		return nil, err
	}
	m.stopped.Go(m.writeEvery)
	return m, nil
}

const secondsOfDay = 24 * 60 * 60

// Count adds to today's counts.
func (m *Meter) Count(of Of, c Counts) {
	if m == nil {
		return
	}
	// Whole days since 1970; a clock before that is none.
	key := dayOf{max(m.options.Now().Unix(), 0) / secondsOfDay, of}
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
	first, last := from.UTC().Unix()/secondsOfDay, to.UTC().Unix()/secondsOfDay
	all := map[dayOf]Counts{}
	// What is being written would otherwise be told twice, or not at all.
	m.writing.Lock()
	defer m.writing.Unlock()
	if m.db != nil {
		err := m.db.View(func(tx *bbolt.Tx) error {
			return readDays(tx, first, last, func(key dayOf, counts Counts) { all[key] = counts })
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.db.Path(), err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, counts := range m.counted {
		if key.day >= first && key.day <= last {
			sum := all[key]
			sum.Add(*counts)
			all[key] = sum
		}
	}
	lines := make([]Line, 0, len(all))
	for key, counts := range all {
		lines = append(lines, Line{time.Unix(key.day*secondsOfDay, 0).UTC(), key.of, counts})
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Or(a.Day.Compare(b.Day), compareOf(a.Of, b.Of)) })
	return lines, nil
}

// Close writes what is not written yet, and closes the file. Nothing may be counted after.
func (m *Meter) Close() error {
	if m == nil || m.db == nil {
		return nil
	}
	close(m.stop)
	m.stopped.Wait()
	return m.closeFile()
}
