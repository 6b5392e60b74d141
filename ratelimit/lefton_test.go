package ratelimit

import (
	"testing"
	"time"
)

// TestLeftOn asks what a key had left on days that it was noted on, and on others.
func TestLeftOn(t *testing.T) {
	on := func(month time.Month, day int) time.Time { return date(2026, month, day) }
	now := DayQuota{Limit: 7, Remaining: 7, Period: Day}
	plan := []DayQuota{
		{Day: on(3, 10), Limit: 100, Remaining: 90, Period: Month},
		{Day: on(3, 20), Limit: 50, Remaining: 40, Period: Month},
		{Day: on(4, 5), Limit: 20, Remaining: 20, Period: Week},
	}
	key := []DayQuota{
		{Day: on(3, 12), Limit: 100, Remaining: 70, Period: Month},
		{Day: on(3, 15), Limit: 100, Remaining: 60, Period: Month},
		{Day: on(3, 25), Limit: 50, Remaining: 500, Period: Month},
		{Day: on(4, 7), Limit: 20, Remaining: 3, Period: Week},
	}
	for _, c := range []struct {
		what string
		day  time.Time
		want int64
	}{
		{"before anything was noted", on(3, 1), 90},
		{"before it was used: the offset counts", on(3, 11), 90},
		{"noted", on(3, 12), 70},
		{"not used since", on(3, 14), 70},
		{"used again", on(3, 15), 60},
		{"the limit was lowered by 50", on(3, 20), 10},
		{"extended", on(3, 25), 500},
		{"the extension lasts as long as the period", on(3, 31), 500},
		{"a new month, by the quota of March", on(4, 1), 50},
		{"quota of another period", on(4, 6), 20},
		{"noted in a week", on(4, 7), 3},
		{"the week's last day", on(4, 11), 3},
		{"the next week", on(4, 12), 20},
	} {
		if got := leftOn(c.day, key, quotaOn(c.day, plan, now)); got != c.want {
			t.Errorf("%s, %s: %d, want %d", c.day.Format(time.DateOnly), c.what, got, c.want)
		}
	}
	if got := leftOn(on(5, 1), nil, quotaOn(on(5, 1), nil, now)); got != 7 {
		t.Errorf("nothing was noted: %d", got)
	}
}

// TestNotesAreDue holds that notes are made now and then, before a day ends, and for
// plans when they change or a day begins.
func TestNotesAreDue(t *testing.T) {
	var n notes
	begin, first, second := time.Date(2026, 3, 1, 23, 59, 30, 0, time.UTC), &Limits{}, &Limits{}
	of := planKey{"p", "k"}
	for _, c := range []struct {
		what   string
		after  time.Duration
		limits *Limits
		all    bool
		keys   int
		plans  bool
	}{
		{"at first", 0, first, false, 1, true},
		{"a second later", time.Second, first, false, 0, false},
		{"asked for", time.Second, first, true, 1, false},
		{"other limits", 2 * time.Second, second, false, 0, true},
		{"some seconds later", 8 * time.Second, second, false, 1, false},
		{"before midnight", 28 * time.Second, second, false, 1, false},
		{"again", 29 * time.Second, second, false, 1, false},
		{"the next day", 31 * time.Second, second, false, 0, true},
		{"set back", 10 * time.Second, second, false, 1, true},
	} {
		n.add(of)
		now := begin.Add(c.after)
		keys, plans := n.due(now, c.limits, c.all)
		if len(keys) != c.keys || plans != c.plans {
			t.Errorf("%s: %v %t", c.what, keys, plans)
		}
		if plans {
			n.done(now, c.limits)
		}
	}
}
