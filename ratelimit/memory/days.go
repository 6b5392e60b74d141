package memory

import (
	"iter"
	"maps"
	"time"
)

const secondsOfDay = 24 * 60 * 60

// days has something for each day, a day being its number since 1970.
type days[V any] map[int64]V

// between gives what there is for the days of two times, and for those between them.
func (d days[V]) between(from, to time.Time) iter.Seq2[time.Time, V] {
	first, last := from.Unix()/secondsOfDay, to.Unix()/secondsOfDay
	return func(yield func(time.Time, V) bool) {
		for day, v := range d {
			if day >= first && day <= last && !yield(time.Unix(day*secondsOfDay, 0).UTC(), v) {
				return
			}
		}
	}
}

// forget the days up to one.
func (d days[V]) forget(last int64) {
	maps.DeleteFunc(d, func(day int64, _ V) bool { return day <= last })
}
