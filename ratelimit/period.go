package ratelimit

import "time"

// Known reports whether p is one of the periods.
func (p Period) Known() bool {
	switch p {
	case Second, Minute, Hour, Day, Week, Month, Year, Days7, Days30, Days365:
		return true
	}
	return false
}

// Bounds gives the beginning and the end of the period that t is in, by the calendar
// of UTC. Periods that are not known end where they begin.
func (p Period) Bounds(t time.Time) (begin, end time.Time) {
	t = t.UTC()
	year, month, day := t.Date()
	switch p {
	case Second:
		begin = t.Truncate(time.Second)
		return begin, begin.Add(time.Second)
	case Minute:
		begin = t.Truncate(time.Minute)
		return begin, begin.Add(time.Minute)
	case Hour:
		begin = t.Truncate(time.Hour)
		return begin, begin.Add(time.Hour)
	case Day:
		return date(year, month, day), date(year, month, day+1)
	case Week:
		day -= int(t.Weekday())
		return date(year, month, day), date(year, month, day+7)
	case Month:
		return date(year, month, 1), date(year, month+1, 1)
	case Year:
		return date(year, time.January, 1), date(year+1, time.January, 1)
	case Days7:
		return sinceEpoch(t, 7)
	case Days30:
		return sinceEpoch(t, 30)
	case Days365:
		return sinceEpoch(t, 365)
	}
	return t, t
}

// sinceEpoch counts periods of so many days from the beginning of 1970.
func sinceEpoch(t time.Time, days int64) (begin, end time.Time) {
	length := days * 24 * 60 * 60
	now := t.Unix()
	passed := (now%length + length) % length
	return time.Unix(now-passed, 0).UTC(), time.Unix(now-passed+length, 0).UTC()
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
