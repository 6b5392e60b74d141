package memory

import "time"

// A store that can't open its file counts from nothing. What it counts is added to what the file
// has, once that can be read. Most of it is sums; a guess is of what is none.
type guess struct {
	// offset was counted as used in a period: it is not, where the file knows the counter.
	offset count
	// set is when the period began whose count was set, whatever had been used in it.
	set int64
}

// expectFile has the store remember what must be known to go on from a file's counts later.
func (s *Store) expectFile() {
	for i := range s.shards {
		s.shards[i].filed, s.shards[i].guesses = true, map[windowKey]guess{}
	}
	s.quotas.counters = map[quotaKey]string{}
}

// guessOffset notes that an offset is counted.
func (s *shard) guessOffset(key windowKey, offset count) {
	if s.guesses != nil {
		g := s.guesses[key]
		g.offset = offset
		s.guesses[key] = g
	}
}

// guessSet notes that the count of a period was set.
func (s *shard) guessSet(key windowKey, begin int64) {
	if s.guesses == nil {
		return
	}
	g := s.guesses[key]
	g.set = begin
	if g.offset.begin == begin {
		g.offset = count{}
	}
	s.guesses[key] = g
}

// goOnFrom adds what was counted to what a file has, of which read was made.
func (s *Store) goOnFrom(read *Store) {
	s.quotas.noting.Lock()
	defer s.quotas.noting.Unlock()
	s.correctNotes(read)
	now := s.clock.read()
	for i := range s.shards {
		s.shards[i].goOnFrom(&read.shards[i], now)
	}
	s.quotas.goOnFrom(&read.quotas)
	s.usage.goOnFrom(&read.usage)
	s.planNames.goOnFrom(&read.planNames)
}

func (s *shard) goOnFrom(read *shard, now instant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, g := range s.guesses {
		if w, counted := s.windows[key]; counted && g.offset.used != 0 && read.begun(key.counter) {
			s.windows[key] = w.without(g.offset)
		}
	}
	for key, w := range read.windows {
		if since, counted := s.windows[key]; counted {
			w = since.after(w, s.guesses[key].set)
		}
		w.seen = now.run
		s.windows[key] = w
	}
	// What was read is not to be there twice any longer than it must.
	s.guesses, read.windows = nil, nil
}

// without takes off what was counted for nothing.
func (w window) without(too count) window {
	for _, c := range []*count{&w.current, &w.previous} {
		if c.begin == too.begin {
			c.used, w.changed = c.used-too.used, true
		}
	}
	return w
}

// after is the count that goes on from one before. What was set in a period stands.
func (w window) after(before window, set int64) window {
	for _, c := range []*count{&w.current, &w.previous} {
		if c.begin != 0 && c.begin != set {
			c.used = min(c.used+before.in(time.Unix(c.begin, 0)), mostUsed)
		}
	}
	switch {
	case w.previous.begin != 0:
	case before.current.begin != w.current.begin:
		w.previous = before.current
	default:
		w.previous = before.previous
	}
	w.pinned, w.changed = w.pinned || before.pinned, true
	return w
}

// correctNotes takes off what notes did not know to be used. It needs noting.
func (s *Store) correctNotes(read *Store) {
	s.quotas.mu.Lock()
	defer s.quotas.mu.Unlock()
	for of, counter := range s.quotas.counters {
		note, kept := s.quotas.days[of.day][of.of]
		if !kept {
			continue
		}
		begin, _ := note.period.Bounds(time.Unix(of.day*secondsOfDay, 0))
		key := windowKey{counter, note.period}
		shard := s.shard(counter)
		shard.mu.Lock()
		g := shard.guesses[key]
		shard.mu.Unlock()
		if g.set == begin.Unix() {
			continue
		}
		before := read.shard(counter)
		used := before.windows[key]
		note.remaining -= used.in(begin)
		if g.offset.begin == begin.Unix() && before.begun(counter) {
			note.remaining += g.offset.used
		}
		note.changed = true
		s.quotas.days[of.day][of.of] = note
	}
	s.quotas.counters = nil
}

// goOnFrom keeps the notes of a file, but of days that have newer ones.
func (q *quotas) goOnFrom(read *quotas) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for day, notes := range read.days {
		for of, note := range notes {
			if _, newer := q.days[day][of]; !newer {
				q.put(day, of, note)
			}
		}
	}
}

func (u *usage) goOnFrom(read *usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for day, counts := range read.days {
		if u.days[day] == nil {
			u.days[day] = counts
			continue
		}
		for of, c := range counts {
			of.Allowed, of.Denied = c.allowed, c.denied
			u.add(day, of)
		}
	}
}
