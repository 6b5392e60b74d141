package memory

import (
	"time"

	"gatehouse/ratelimit"
)

// windowKey names a count. A counter whose kind of period is changed begins anew, and goes
// on when it is changed back.
type windowKey struct {
	counter string
	period  ratelimit.Period
}

// window counts what was used in a calendar period. The one before is kept, so that a
// clock that is set back finds the count that it left.
type window struct {
	current, previous count
	// seen is when it was asked for last, by the time that the store ran.
	seen int64
	// pinned is never forgotten: whether it had its first period decides about an offset.
	pinned bool
	// changed since it was written to the file.
	changed bool
}

// mostUsed bounds a count that goes on beyond its limit, so that it stays a number.
const mostUsed = 1 << 52

// count is of the period that begins at a Unix time.
type count struct{ begin, used int64 }

// takeWindow answers an ask of a calendar period.
func (s *shard) takeWindow(ask *ratelimit.Ask, now instant) ratelimit.Answer {
	begin, end := ask.Window.Period.Bounds(now.wall)
	key := windowKey{ask.Counter, ask.Window.Period}
	w, kept := s.windows[key]
	if !kept && ask.Hits > 0 && !s.room(len(s.windows), now) {
		key.counter = overflowName(ask)
		w, kept = s.windows[key]
	}
	c := count{begin: begin.Unix()}
	first := !kept && ask.Window.Offset > 0 && !s.begun(key.counter)
	switch {
	case kept:
		c.used = w.in(begin)
	case first:
		c.used = ask.Window.Offset
	}
	granted := grant(ask, ask.Window.Limit-c.used)
	if granted != 0 {
		if first {
			s.guessOffset(key, c)
		}
		// What is given back may have been taken in the period before.
		c.used = min(max(c.used+granted, min(c.used, 0)), mostUsed)
		s.putWindow(key, w, c, ask.Window.Offset > 0, now)
		s.sweepSometimes(now)
	}
	return ratelimit.Answer{Granted: granted, Remaining: ask.Window.Limit - c.used, Reset: end.Sub(now.wall)}
}

// begun tells whether a counter has had a period, of any kind that has an offset.
func (s *shard) begun(counter string) bool {
	for _, p := range []ratelimit.Period{ratelimit.Day, ratelimit.Week, ratelimit.Month} {
		if _, kept := s.windows[windowKey{counter, p}]; kept {
			return true
		}
	}
	return false
}

// setWindow makes the count of the current period so much.
func (s *shard) setWindow(counter string, limit ratelimit.Window, used int64, now instant) {
	begin, _ := limit.Period.Bounds(now.wall)
	key := windowKey{counter, limit.Period}
	s.guessSet(key, begin.Unix())
	s.putWindow(key, s.windows[key], count{begin.Unix(), used}, limit.Offset > 0, now)
}

func (s *shard) putWindow(key windowKey, w window, c count, pinned bool, now instant) {
	if w.current.begin != c.begin {
		w.previous = w.current
	}
	w.current, w.seen, w.pinned, w.changed = c, now.run, w.pinned || pinned, true
	s.windows[key] = w
}

// in is what was used in the period that begins then.
func (w *window) in(begin time.Time) int64 {
	switch begin.Unix() {
	case w.current.begin:
		return w.current.used
	case w.previous.begin:
		return w.previous.used
	}
	return 0
}

// over reports whether nothing needs to be known of the counts any more: their periods are
// over, also that which a clock that was set back has left for a while, and they were not
// asked for in some time, since the clock may have been set wrong.
func (w *window) over(p ratelimit.Period, now instant) bool {
	if w.pinned {
		return false
	}
	begin, end := p.Bounds(time.Unix(max(w.current.begin, w.previous.begin), 0))
	return end.Before(now.wall) && now.run-w.seen > int64(min(end.Sub(begin), time.Hour))
}
