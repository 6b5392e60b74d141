package memory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"gatehouse/ratelimit"
)

// The file's buckets. The names say the version of what is in them.
var windowRecords, usageRecords, quotaRecords, planRecords = []byte("windows-1"), []byte("usage-1"), []byte("quotas-1"), []byte("plans-1")

// changes are records to write; nil values are to delete.
type changes struct {
	windows map[windowKey]*window
	usage   map[usageKey]usageCount
	quotas  map[quotaKey]quotaNote
	plans   map[string]*planName
	// forget are the days of usage and notes up to it.
	forget int64
}

type quotaKey struct {
	day int64
	of  planKey
}

type usageKey struct {
	day int64
	of  ratelimit.Usage
}

func (c *changes) empty() bool {
	return len(c.windows) == 0 && len(c.usage) == 0 && len(c.quotas) == 0 && len(c.plans) == 0
}

// takeChanges collects what is not written yet, and takes it for written.
func (s *Store) takeChanges() *changes {
	c := &changes{windows: map[windowKey]*window{}, usage: map[usageKey]usageCount{}, quotas: map[quotaKey]quotaNote{}, plans: map[string]*planName{}}
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		for _, key := range shard.gone {
			c.windows[key] = nil
		}
		shard.gone = nil
		for key, w := range shard.windows {
			if w.changed && persistent(key.period) {
				w.changed = false
				shard.windows[key] = w
				c.windows[key] = &w
			}
		}
		shard.mu.Unlock()
	}
	c.forget = s.clock.read().wall.Unix()/secondsOfDay - usageDays
	s.quotas.mu.Lock()
	for day, notes := range s.quotas.days {
		for of, note := range notes {
			if note.changed {
				c.quotas[quotaKey{day, of}] = note
				note.changed = false
				notes[of] = note
			}
		}
	}
	s.quotas.mu.Unlock()
	s.planNames.takeChanges(c)
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	for day, counts := range s.usage.days {
		for of, count := range counts {
			if count.changed {
				count.changed = false
				c.usage[usageKey{day, of}] = *count
			}
		}
	}
	return c
}

// putBack marks what could not be written as changed.
func (s *Store) putBack(c *changes) {
	for key, w := range c.windows {
		shard := s.shard(key.counter)
		shard.mu.Lock()
		if kept, ok := shard.windows[key]; ok {
			kept.changed = true
			shard.windows[key] = kept
		} else if w == nil {
			shard.gone = append(shard.gone, key)
		}
		shard.mu.Unlock()
	}
	s.quotas.mu.Lock()
	for key := range c.quotas {
		if note, kept := s.quotas.days[key.day][key.of]; kept {
			note.changed = true
			s.quotas.days[key.day][key.of] = note
		}
	}
	s.quotas.mu.Unlock()
	s.planNames.putBack(c)
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	for key := range c.usage {
		if count := s.usage.days[key.day][key.of]; count != nil {
			count.changed = true
		}
	}
}

func (c *changes) write(tx *bbolt.Tx) error {
	windows, err := tx.CreateBucketIfNotExists(windowRecords)
	if err != nil {
		return err
	}
	records := make(map[string][]byte, len(c.windows))
	for key, w := range c.windows {
		var value []byte
		if w != nil {
			value = numbers(w.current.begin, w.current.used, w.previous.begin, w.previous.used, flag(w.pinned))
		}
		records[string(texts(nil, string(key.period), key.counter))] = value
	}
	if err := writeRecords(windows, records); err != nil {
		return err
	}
	usage, err := tx.CreateBucketIfNotExists(usageRecords)
	if err != nil {
		return err
	}
	records = make(map[string][]byte, len(c.usage))
	for key, count := range c.usage {
		records[string(texts(numbers(key.day), key.of.Plan, key.of.Key, key.of.API, key.of.Stage))] = numbers(count.allowed, count.denied)
	}
	if err := writeRecords(usage, records); err != nil {
		return err
	}
	if err := forgetDays(usage, c.forget); err != nil {
		return err
	}
	quotas, err := tx.CreateBucketIfNotExists(quotaRecords)
	if err != nil {
		return err
	}
	records = make(map[string][]byte, len(c.quotas))
	for key, note := range c.quotas {
		records[string(texts(numbers(key.day), key.of.plan, key.of.key))] = texts(numbers(note.limit, note.remaining), string(note.period))
	}
	if err := writeRecords(quotas, records); err != nil {
		return err
	}
	if err := forgetDays(quotas, c.forget); err != nil {
		return err
	}
	return c.writePlans(tx)
}

// writeRecords puts records into a bucket; nil values are to delete. It does so in their order:
// bbolt makes room for each among those that are not written yet, which for hundreds of thousands
// in any order, as after a disk was full for long, takes minutes.
func writeRecords(b *bbolt.Bucket, records map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(records)) {
		if len(name) > bbolt.MaxKeySize {
			continue
		}
		var err error
		if value := records[name]; value == nil {
			err = b.Delete([]byte(name))
		} else {
			err = b.Put([]byte(name), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetDays deletes what is of days up to one. They are in the order of their keys.
func forgetDays(b *bbolt.Bucket, last int64) error {
	old := b.Cursor()
	for name, _ := old.First(); name != nil && bytes.Compare(name[:8], numbers(last)) <= 0; name, _ = old.First() {
		if err := old.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// readAll takes over what the file has.
func (s *Store) readAll(tx *bbolt.Tx) error {
	now := s.clock.read()
	if b := tx.Bucket(windowRecords); b != nil {
		if err := b.ForEach(func(name, value []byte) error {
			of, n := readTexts(name, 2), readNumbers(value, 5)
			if of == nil || n == nil || !ratelimit.Period(of[0]).Known() {
				return fmt.Errorf("the count %q can't be understood", name)
			}
			key := windowKey{of[1], ratelimit.Period(of[0])}
			s.shard(key.counter).windows[key] = window{current: count{n[0], n[1]}, previous: count{n[2], n[3]}, pinned: n[4] != 0, seen: now.run}
			return nil
		}); err != nil {
			return err
		}
	}
	today := now.wall.Unix() / secondsOfDay
	if err := s.readQuotas(tx.Bucket(quotaRecords), today); err != nil {
		return err
	}
	if err := s.planNames.read(tx.Bucket(planRecords)); err != nil {
		return err
	}
	b := tx.Bucket(usageRecords)
	if b == nil {
		return nil
	}
	return b.ForEach(func(name, value []byte) error {
		if len(name) < 8 {
			return fmt.Errorf("the usage %q can't be understood", name)
		}
		day, of, n := readNumbers(name[:8], 1), readTexts(name[8:], 4), readNumbers(value, 2)
		if of == nil || n == nil {
			return fmt.Errorf("the usage %q can't be understood", name)
		}
		if day[0] > today-usageDays {
			s.usage.add(day[0], ratelimit.Usage{Plan: of[0], Key: of[1], API: of[2], Stage: of[3], Allowed: n[0], Denied: n[1]})
		}
		return nil
	})
}

func (s *Store) readQuotas(b *bbolt.Bucket, today int64) error {
	if b == nil {
		return nil
	}
	return b.ForEach(func(name, value []byte) error {
		if len(name) < 8 || len(value) < 16 {
			return fmt.Errorf("the note %q can't be understood", name)
		}
		day, of, n, period := readNumbers(name[:8], 1), readTexts(name[8:], 2), readNumbers(value[:16], 2), readTexts(value[16:], 1)
		if of == nil || period == nil || !ratelimit.Period(period[0]).Known() {
			return fmt.Errorf("the note %q can't be understood", name)
		}
		if day[0] > today-usageDays {
			s.quotas.note(day[0], planKey{of[0], of[1]}, quotaNote{limit: n[0], remaining: n[1], period: ratelimit.Period(period[0])})
		}
		return nil
	})
}

// numbers writes each in eight bytes.
func numbers(all ...int64) []byte {
	var b []byte
	for _, n := range all {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func readNumbers(b []byte, count int) []int64 {
	if len(b) != 8*count {
		return nil
	}
	all := make([]int64, count)
	for i := range all {
		all[i] = int64(binary.BigEndian.Uint64(b[8*i:]))
	}
	return all
}

// texts adds each with its length before it, so that any of them may have any bytes.
func texts(b []byte, all ...string) []byte {
	for _, text := range all {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

func readTexts(b []byte, count int) []string {
	all := make([]string, count)
	for i := range all {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return nil
		}
		all[i], b = string(b[n:n+int(length)]), b[n+int(length):]
	}
	if len(b) > 0 {
		return nil
	}
	return all
}

func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}
