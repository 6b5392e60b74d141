package metering

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"gatehouse/internal/durable"
)

// days is the file's bucket, with a bucket for each day in it: its number since 1970, so
// that their order is that of time. The name says the version of what is in them.
var days = []byte("days-1")

// openFile opens the file, and makes sure that it can be read.
func (m *Meter) openFile(path string) error {
	db, aside, err := durable.OpenDatabase(path, func(tx *bbolt.Tx) error {
		// Nothing of it is kept: more than a year of many keys is more than a process should have.
		return readDays(tx, 0, 1<<40, func(dayOf, Counts) {})
	})
	if err != nil {
		return err
	}
	if aside != nil {
		m.options.Log.Error("metered counts are lost: their file can't be read and was set aside", "file", path, "aside", aside.Path, "error", aside.Err)
	}
	m.db, m.over = db, nil
	return nil
}

func (m *Meter) writeEvery() {
	ticker := time.NewTicker(m.options.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-ticker.C:
			_ = m.write() // it logs and counts its errors itself
		}
	}
}

// write adds what was counted to the file. What could not be written is so the next time.
func (m *Meter) write() error {
	m.writing.Lock()
	defer m.writing.Unlock()
	err := m.writeFile()
	switch {
	case err != nil:
		m.failures.Inc()
		if !m.failing {
			m.options.Log.Error("metered counts can't be written: a restart now would lose them", "file", m.options.Path, "error", err)
		}
	case m.failing:
		m.options.Log.Info("metered counts are written again", "file", m.options.Path)
	}
	m.failing = err != nil
	return err
}

// writeFile is write without what is said of it. It needs writing.
func (m *Meter) writeFile() error {
	if m.db == nil {
		if err := m.openFile(m.options.Path); err != nil {
			return err
		}
	}
	m.mu.Lock()
	counted := m.counted
	m.counted = map[dayOf]*Counts{}
	m.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	for key := range counted {
		if m.over != nil && key.day <= m.over.last {
			m.over = nil
		}
	}
	err := m.db.Update(func(tx *bbolt.Tx) error {
		all, err := tx.CreateBucketIfNotExists(days)
		if err != nil {
			return err
		}
		for key, counts := range counted {
			if err := addTo(all, key, *counts); err != nil {
				return err
			}
		}
		return forgetDays(all)
	})
	if err != nil {
		m.putBack(counted)
	}
	return err
}

func (m *Meter) putBack(counted map[dayOf]*Counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, counts := range counted {
		if since := m.counted[key]; since != nil {
			counts.Add(*since)
		}
		m.counted[key] = counts
	}
}

// addTo adds to what a day has of something. Its bucket has the JSON of Counts by that of Of.
func addTo(all *bbolt.Bucket, key dayOf, counts Counts) error {
	day, err := all.CreateBucketIfNotExists(binary.BigEndian.AppendUint64(nil, uint64(key.day)))
	if err != nil {
		return err
	}
	name, err := json.Marshal(key.of)
	if err != nil {
		return err
	}
	if before := day.Get(name); before != nil {
		var sum Counts
		if err := json.Unmarshal(before, &sum); err != nil {
			return err
		}
		counts.Add(sum)
	}
	text, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	return day.Put(name, text)
}

// forgetDays deletes the oldest days of which there is something, beyond KeptDays. It goes
// by their number: a clock that is far ahead for a moment costs a day, not the past.
func forgetDays(all *bbolt.Bucket) error {
	var names [][]byte
	c := all.Cursor()
	for name, _ := c.First(); name != nil; name, _ = c.Next() {
		names = append(names, bytes.Clone(name))
	}
	for _, name := range names[:max(0, len(names)-KeptDays)] {
		if err := all.DeleteBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// readDays tells of all that the days from first to last have, both included.
func readDays(tx *bbolt.Tx, first, last int64, tell func(dayOf, Counts)) error {
	all := tx.Bucket(days)
	if all == nil {
		return nil
	}
	// Days have the same names again and again.
	names := map[string]Of{}
	c := all.Cursor()
	for name, _ := c.Seek(binary.BigEndian.AppendUint64(nil, uint64(max(first, 0)))); name != nil; name, _ = c.Next() {
		if len(name) != 8 {
			return fmt.Errorf("%q is no day", name)
		}
		day := int64(binary.BigEndian.Uint64(name))
		if day > last {
			return nil
		}
		bucket := all.Bucket(name)
		if bucket == nil {
			return fmt.Errorf("day %d is no bucket", day)
		}
		err := bucket.ForEach(func(name, text []byte) error {
			of, known := names[string(name)]
			if !known {
				if err := json.Unmarshal(name, &of); err != nil {
					return err
				}
				names[string(name)] = of
			}
			counts, err := readCounts(text)
			if err != nil {
				return err
			}
			tell(dayOf{day, of}, counts)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readCounts reads the JSON of Counts. A month of many keys has hundreds of thousands of them,
// so that what is as addTo writes it is read without reflection.
func readCounts(text []byte) (c Counts, err error) {
	rest, ok := bytes.CutPrefix(text, []byte("{"))
	rest, closed := bytes.CutSuffix(rest, []byte("}"))
	for ok && closed {
		var name, digits []byte
		if name, rest, ok = bytes.Cut(rest, []byte(":")); !ok {
			break
		}
		digits, rest, ok = bytes.Cut(rest, []byte(","))
		into := c.named(string(name))
		if into == nil {
			break
		}
		if *into, err = strconv.ParseUint(string(digits), 10, 64); err != nil {
			break
		}
		if !ok {
			return c, nil
		}
	}
	c = Counts{}
	err = json.Unmarshal(text, &c)
	return c, err
}
