package storetest

import (
	"context"
	"testing"
	"time"

	"gatehouse/ratelimit"
)

// window counts up to its limit and begins anew with the next period.
func window(_ *testing.T, a *ask) {
	a.want(within(ratelimit.Day, 3, 2), 2, 1, 5*time.Second)
	a.want(within(ratelimit.Day, 3, 2), 0, 1, 5*time.Second)
	a.want(within(ratelimit.Day, 3, 1), 1, 0, 5*time.Second)
	a.clock.Add(4 * time.Second)
	a.want(within(ratelimit.Day, 3, 1), 0, 0, time.Second)
	a.clock.Add(time.Second)
	a.want(within(ratelimit.Day, 3, 3), 3, 0, 24*time.Hour)
	a.want(within(ratelimit.Day, 0, 1), 0, -3, 24*time.Hour)
}

// periods end by the calendar of UTC, weeks on Saturday night.
func periods(_ *testing.T, a *ask) {
	each := []struct {
		period ratelimit.Period
		reset  time.Duration
		// next is how long the period is that begins at midnight.
		next time.Duration
	}{
		{ratelimit.Second, time.Second, time.Second},
		{ratelimit.Minute, 5 * time.Second, time.Minute},
		{ratelimit.Hour, 5 * time.Second, time.Hour},
		{ratelimit.Day, 5 * time.Second, 24 * time.Hour},
		{ratelimit.Week, 5 * time.Second, 7 * 24 * time.Hour},
		{ratelimit.Month, 5 * time.Second, 31 * 24 * time.Hour},
		{ratelimit.Year, 5*time.Second + 306*24*time.Hour, 306 * 24 * time.Hour},
		// The 29th of February 2020 was the 18,321st day after the first of 1970.
		{ratelimit.Days7, 5*time.Second + 4*24*time.Hour, 4 * 24 * time.Hour},
		{ratelimit.Days30, 5*time.Second + 8*24*time.Hour, 8 * 24 * time.Hour},
		{ratelimit.Days365, 5*time.Second + 293*24*time.Hour, 293 * 24 * time.Hour},
	}
	of := func(p ratelimit.Period) ratelimit.Ask {
		k := within(p, 1, 1)
		k.Counter += " " + string(p)
		return k
	}
	for _, p := range each {
		a.want(of(p.period), 1, 0, p.reset)
	}
	a.clock.Add(5 * time.Second)
	for _, p := range each {
		granted := int64(1)
		if p.reset > time.Minute {
			granted = 0 // it goes on
		}
		a.want(of(p.period), granted, 0, p.next)
	}
	// A counter whose kind of period is changed begins anew.
	k := of(ratelimit.Year)
	k.Window = &ratelimit.Window{Limit: 1, Period: ratelimit.Month}
	a.want(k, 1, 0, 31*24*time.Hour)
}

// offset is taken off in the first period that hits are counted in, and in no other.
func offset(_ *testing.T, a *ask) {
	k := within(ratelimit.Day, 10, 1)
	k.Window.Offset = 8
	a.want(k, 1, 1, 5*time.Second)
	a.want(k, 1, 0, 5*time.Second)
	a.want(k, 0, 0, 5*time.Second)
	a.clock.Add(5 * time.Second)
	a.want(k, 1, 9, 24*time.Hour)
	// Long idle, it is still not new.
	a.clock.Add(400 * 24 * time.Hour)
	a.want(k, 1, 9, 24*time.Hour)
}

// changedWindow: what was counted stays when the limit changes.
func changedWindow(_ *testing.T, a *ask) {
	a.want(within(ratelimit.Month, 10, 8), 8, 2, 5*time.Second)
	a.want(within(ratelimit.Month, 5, 1), 0, -3, 5*time.Second)
	a.want(within(ratelimit.Month, 20, 1), 1, 11, 5*time.Second)
}

// changedPeriod: each kind of period has a count of its own, which is there again when the
// kind is: neither an edit to and fro, nor services that serve different revisions, give
// anything twice. An offset is for the first period of a counter, of whatever kind.
func changedPeriod(_ *testing.T, a *ask) {
	for range 3 {
		a.take(within(ratelimit.Day, 3, 1), within(ratelimit.Month, 4, 1), within(ratelimit.Week, 5, 1))
	}
	a.want(within(ratelimit.Day, 3, 1), 0, 0, 5*time.Second)
	a.want(within(ratelimit.Month, 4, 1), 1, 0, 5*time.Second)
	a.want(within(ratelimit.Week, 5, 3), 0, 2, 5*time.Second)
	a.clock.Add(5 * time.Second)
	a.want(within(ratelimit.Day, 3, 2), 2, 1, 24*time.Hour)
	a.want(within(ratelimit.Month, 4, 1), 1, 3, 31*24*time.Hour)
	a.clock.Add(24 * time.Hour)
	a.want(within(ratelimit.Day, 3, 1), 1, 2, 24*time.Hour)
	a.want(within(ratelimit.Month, 4, 4), 0, 3, 30*24*time.Hour)
	a.clock.Add(-24 * time.Hour)
	a.want(within(ratelimit.Day, 3, 2), 0, 1, 24*time.Hour)

	first := within(ratelimit.Day, 10, 1)
	first.Counter, first.Window.Offset = "first", 8
	a.want(first, 1, 1, 24*time.Hour)
	month := *first.Window
	month.Period = ratelimit.Month
	other := first
	other.Window = &month
	a.want(other, 1, 9, 31*24*time.Hour)
	a.want(first, 1, 0, 24*time.Hour)
	a.clock.Add(24 * time.Hour)
	a.want(first, 1, 9, 24*time.Hour)
	a.want(other, 1, 8, 30*24*time.Hour)
}

// setRemaining holds for the current period, whatever was used and whatever the limit.
func setRemaining(t *testing.T, a *ask) {
	set := func(remaining int64) {
		t.Helper()
		if err := a.store.SetRemaining(context.Background(), "window", ratelimit.Window{Limit: 5, Period: ratelimit.Day}, remaining); err != nil {
			t.Fatal(err)
		}
	}
	a.want(within(ratelimit.Day, 5, 5), 5, 0, 5*time.Second)
	set(2)
	a.want(within(ratelimit.Day, 5, 2), 2, 0, 5*time.Second)
	set(7)
	a.want(within(ratelimit.Day, 5, 6), 6, 1, 5*time.Second)
	set(7)
	// Giving back must not take the extension away.
	a.want(within(ratelimit.Day, 5, -1), -1, 7, 5*time.Second)
	set(0)
	a.want(within(ratelimit.Day, 5, 1), 0, 0, 5*time.Second)
	a.clock.Add(5 * time.Second)
	a.want(within(ratelimit.Day, 5, 1), 1, 4, 24*time.Hour)
	// It makes a counter known: an offset is not for it any more.
	limit := ratelimit.Window{Limit: 5, Period: ratelimit.Week, Offset: 4}
	if err := a.store.SetRemaining(context.Background(), "new", limit, 3); err != nil {
		t.Fatal(err)
	}
	a.want(ratelimit.Ask{Counter: "new", Window: &limit, Hits: 1}, 1, 2, 7*24*time.Hour)
}
