package metering

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSums holds that sums are those of the lines of the same days, however the days that are
// over were asked for before, and whether what is counted is in the file.
func TestSums(t *testing.T) {
	c := &clock{}
	m := open(t, Options{Path: filepath.Join(t.TempDir(), "metering.db"), Now: c.now})
	defer m.Close()
	first := time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC)
	check := func(what string, begins ...time.Time) {
		t.Helper()
		for _, from := range begins {
			to := from.AddDate(0, 0, 9)
			lines, err := m.Lines(from, to)
			if err != nil {
				t.Fatal(err)
			}
			want := newSums(0, 0)
			for _, l := range lines {
				want.add(dayOf{dayNumber(l.Day), l.Of}, l.Counts)
			}
			got, err := m.Sums(from, to)
			if err != nil {
				t.Fatal(err)
			}
			days := map[time.Time]Counts{}
			for day, counts := range want.days {
				days[timeOf(day)] = counts
			}
			if diff := cmp.Diff(Sums{linesOf(want.months), days}, got); diff != "" {
				t.Errorf("%s, from %s: %s", what, from.Format(time.DateOnly), diff)
			}
		}
	}
	for i := range 5 {
		c.set(first.AddDate(0, 0, i))
		m.Count(acme, Counts{Calls: 1, BytesIn: uint64(i)})
		m.Count(pets, Counts{Free: 10, CacheMinutes: 3})
		check("unwritten", first, first.AddDate(0, 0, 2), first)
		if err := m.write(); err != nil {
			t.Fatal(err)
		}
		check("written", first, first.AddDate(0, 0, 2))
	}
	sums, err := m.Sums(first, first.AddDate(0, 0, 9))
	if err != nil || len(sums.Months) != 4 || sums.Months[0].Day.Format(time.DateOnly) != "2026-10-01" || sums.Months[1].Calls != 2 || sums.Months[3].Calls != 3 || len(sums.Days) != 5 {
		t.Errorf("%+v, %v", sums, err)
	}
	// A clock that goes back to a day that was over.
	c.set(first)
	m.Count(acme, Counts{Calls: 100})
	c.set(first.AddDate(0, 0, 6))
	check("before it is written", first)
	if err := m.write(); err != nil {
		t.Fatal(err)
	}
	check("after it was written", first)
}

// TestReadCounts holds that what is read without reflection is what JSON says, for every
// count, and for what others may have written.
func TestReadCounts(t *testing.T) {
	all := []byte(`{"calls":1,"free":2,"callSteps":3,"bytesIn":4,"bytesOut":5,"messages":6,"messageSteps":7,"connectionSeconds":8,"cacheMinutes":18446744073709551615}`)
	var want Counts
	if err := json.Unmarshal(all, &want); err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(want); err != nil || !bytes.Equal(text, all) {
		t.Errorf("a count is missing here: %s, %v", text, err)
	}
	for i, text := range []string{string(all), `{"calls":5}`, `{}`, ` {"calls": 5, "more": {"calls": 6}}`, `{"calls":5,"later":7}`, `null`, "", "{", `{"calls":5`, `{"calls":-5}`, `{"calls":5},`, `{"calls":5}{"calls":6}`, `{"calls":18446744073709551616}`} {
		var want Counts
		wanted := json.Unmarshal([]byte(text), &want)
		got, err := readCounts([]byte(text))
		if (err != nil) != (wanted != nil) || err == nil && got != want {
			t.Errorf("%d %q: %+v, %v, want %+v, %v", i, text, got, err, want, wanted)
		}
	}
}
