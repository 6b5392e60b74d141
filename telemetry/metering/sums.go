package metering

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Sums are what was counted in a time: a line of each thing for a month, whose day is the
// month's first, and of each day all of it together. With many keys, lines of each day would
// be as many times more as there are days.
type Sums struct {
	Months []Line
	Days   map[time.Time]Counts
}

// sums are those of the days from first to last, both included.
type sums struct {
	first, last int64
	months      map[dayOf]Counts
	days        map[int64]Counts
}

func newSums(first, last int64) *sums {
	return &sums{first, last, map[dayOf]Counts{}, map[int64]Counts{}}
}

func (s *sums) is(first, last int64) bool { return s != nil && s.first == first && s.last == last }

func (s *sums) add(key dayOf, counts Counts) {
	day := s.days[key.day]
	day.Add(counts)
	s.days[key.day] = day
	key.day -= int64(timeOf(key.day).Day()) - 1
	month := s.months[key]
	month.Add(counts)
	s.months[key] = month
}

func (s *sums) clone() *sums {
	return &sums{s.first, s.last, maps.Clone(s.months), maps.Clone(s.days)}
}

func linesOf(all map[dayOf]Counts) []Line {
	lines := make([]Line, 0, len(all))
	for key, counts := range all {
		lines = append(lines, Line{timeOf(key.day), key.of, counts})
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Or(a.Day.Compare(b.Day), compareOf(a.Of, b.Of)) })
	return lines
}

const secondsOfDay = 24 * 60 * 60

// dayNumber counts days of UTC since 1970, and timeOf is when one begins.
func dayNumber(at time.Time) int64 { return at.Unix() / secondsOfDay }

func timeOf(day int64) time.Time { return time.Unix(day*secondsOfDay, 0).UTC() }
