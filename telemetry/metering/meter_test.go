package metering

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

var (
	today = time.Date(2026, 11, 25, 23, 59, 0, 0, time.UTC)
	pets  = Of{API: "pets", Protocol: "REST", Stage: "v1"}
	acme  = Of{API: "pets", Protocol: "REST", Stage: "v1", Key: "acme"}
)

// clock is set by tests.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func open(t *testing.T, o Options) *Meter {
	t.Helper()
	o.Interval = time.Hour
	return Open(o)
}

func lines(t *testing.T, m *Meter, from, to time.Time) []string {
	t.Helper()
	all, err := m.Lines(from, to)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, l := range all {
		out = append(out, fmt.Sprintf("%s %s/%s %q %d+%d", l.Day.Format(time.DateOnly), l.API, l.Stage, l.Key, l.Calls, l.Free))
	}
	return out
}

// TestKept holds that counts are of days of UTC, that those in the file and those that are
// not are told together and once, and that they outlast the process.
func TestKept(t *testing.T) {
	c := &clock{t: today}
	o := Options{Path: filepath.Join(t.TempDir(), "metering.db"), Now: c.now}
	m := open(t, o)
	m.Count(acme, Counts{Calls: 2})
	m.Count(pets, Counts{Free: 1})
	if err := m.write(); err != nil {
		t.Fatal(err)
	}
	m.Count(acme, Counts{Calls: 1})
	c.set(today.Add(time.Minute))
	m.Count(acme, Counts{Calls: 10})
	want := []string{`2026-11-25 pets/v1 "" 0+1`, `2026-11-25 pets/v1 "acme" 3+0`, `2026-11-26 pets/v1 "acme" 10+0`}
	for range 2 {
		if diff := cmp.Diff(want, lines(t, m, today, today.AddDate(0, 0, 1))); diff != "" {
			t.Error(diff)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		m = open(t, o)
	}
	if diff := cmp.Diff(want[2:], lines(t, m, today.AddDate(0, 0, 1), today.AddDate(0, 0, 9))); diff != "" {
		t.Error(diff)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	// One who counts nothing, and one who keeps nothing.
	(*Meter)(nil).Count(pets, Counts{Calls: 1})
	alone := open(t, Options{Now: c.now})
	alone.Count(pets, Counts{Calls: 1})
	if diff := cmp.Diff([]string{`2026-11-26 pets/v1 "" 1+0`}, lines(t, alone, today, today.AddDate(0, 0, 1))); diff != "" {
		t.Error(diff)
	}
}

// TestForget holds that the oldest days go, and that a clock that is wrong for a moment
// takes no others with it.
func TestForget(t *testing.T) {
	c := &clock{}
	m := open(t, Options{Path: filepath.Join(t.TempDir(), "metering.db"), Now: c.now})
	defer m.Close()
	count := func(at time.Time) {
		c.set(at)
		m.Count(pets, Counts{Calls: 1})
		if err := m.write(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range KeptDays {
		count(today.AddDate(0, 0, i))
	}
	count(today.AddDate(90, 0, 0))
	count(time.Time{})
	got := lines(t, m, time.Unix(0, 0), today.AddDate(100, 0, 0))
	if len(got) != KeptDays || !strings.HasPrefix(got[0], "2026-11-26") && !strings.HasPrefix(got[0], "2026-11-27") {
		t.Errorf("%d days, the first is %s", len(got), got[0])
	}
}

// TestBounded holds that clients with many keys cannot fill the memory, and that nothing
// goes uncounted for it.
func TestBounded(t *testing.T) {
	m := open(t, Options{MaxLines: 10, Now: (&clock{t: today}).now})
	for i := range 100 {
		of := pets
		of.Key = fmt.Sprintf("key-%03d", i)
		m.Count(of, Counts{Calls: 1})
	}
	got := lines(t, m, today, today)
	if len(got) != 11 || got[0] != `2026-11-25 pets/v1 "(other keys)" 90+0` {
		t.Errorf("%d lines: %v", len(got), got)
	}
}

// TestFailedWrite holds that what could not be written is told and counted all the same, and
// is written later.
func TestFailedWrite(t *testing.T) {
	log := &strings.Builder{}
	path := filepath.Join(t.TempDir(), "metering.db")
	m := open(t, Options{Path: path, Now: (&clock{t: today}).now, Log: slog.New(slog.NewTextHandler(log, nil))})
	m.Count(pets, Counts{Calls: 1})
	good := m.db
	readOnly, err := bbolt.Open(copyOf(t, path), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	m.db = readOnly
	for range 2 {
		if err := m.write(); err == nil {
			t.Fatal("a file that is read only was written to")
		}
		m.Count(pets, Counts{Calls: 1})
	}
	if strings.Count(log.String(), "level=ERROR") != 1 {
		t.Errorf("logged: %s", log)
	}
	m.db = good
	if err := errors.Join(readOnly.Close(), m.write()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`2026-11-25 pets/v1 "" 3+0`}, lines(t, m, today, today)); diff != "" {
		t.Error(diff)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// TestOpenedLater holds that a file that cannot be opened at first is so later, without a restart:
// what was counted meanwhile is added to what it has, whatever was asked for before.
func TestOpenedLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metering.db")
	first := &clock{t: today.AddDate(0, 0, -1)}
	m := open(t, Options{Path: path, Now: first.now})
	m.Count(pets, Counts{Calls: 1})
	log := &strings.Builder{}
	other := open(t, Options{Path: path, Now: (&clock{t: today}).now, Log: slog.New(slog.NewTextHandler(log, nil))})
	other.Count(pets, Counts{Calls: 2})
	if _, err := other.Sums(first.t, today); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`2026-11-25 pets/v1 "" 2+0`}, lines(t, other, first.t, today)); diff != "" {
		t.Errorf("without the file: %s", diff)
	}
	if n := strings.Count(log.String(), "is used by another process"); n != 1 {
		t.Errorf("logged: %s", log)
	}
	if err := errors.Join(m.Close(), other.write()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`2026-11-24 pets/v1 "" 1+0`, `2026-11-25 pets/v1 "" 2+0`}, lines(t, other, first.t, today)); diff != "" {
		t.Error(diff)
	}
	if sums, err := other.Sums(first.t, today); err != nil || len(sums.Days) != 2 {
		t.Errorf("sums: %+v, %v", sums, err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := path + ".copy"
	if err := os.WriteFile(out, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBrokenFile holds that a file of any other content is set aside, and a new one begun.
func TestBrokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metering.db")
	m := open(t, Options{Path: path, Now: (&clock{t: today}).now})
	m.Count(pets, Counts{Calls: 1})
	if err := m.write(); err != nil {
		t.Fatal(err)
	}
	err := m.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(days).Put([]byte("yesterday"), []byte("{")) })
	if err := errors.Join(err, m.Close()); err != nil {
		t.Fatal(err)
	}
	m = open(t, Options{Path: path, Now: (&clock{t: today}).now})
	defer m.Close()
	if got := lines(t, m, today, today); len(got) != 0 {
		t.Errorf("read from what can't be: %v", got)
	}
	if aside, _ := filepath.Glob(path + ".broken-*"); len(aside) != 1 {
		t.Errorf("set aside: %v", aside)
	}
}

// TestSteps holds what begins another step.
func TestSteps(t *testing.T) {
	for bytes, want := range map[uint64]uint64{0: 1, 1: 1, CallStep: 1, CallStep + 1: 2, 700 << 10: 2, 10 * CallStep: 10} {
		if got := Steps(bytes, CallStep); got != want {
			t.Errorf("%d bytes are %d steps, want %d", bytes, got, want)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	m := Open(Options{})
	for b.Loop() {
		m.Count(acme, Counts{Calls: 1, BytesIn: 100, BytesOut: 200})
	}
}
