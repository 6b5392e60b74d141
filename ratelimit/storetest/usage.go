package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/ratelimit"
)

func usage(t *testing.T, a *ask) {
	ctx := context.Background()
	add := func(counts ...ratelimit.Usage) {
		t.Helper()
		if err := a.store.AddUsage(ctx, counts); err != nil {
			t.Fatal(err)
		}
	}
	acme := ratelimit.Usage{Plan: "p1", Key: "acme", API: "pets", Stage: "v1", Allowed: 2}
	add(acme, ratelimit.Usage{Plan: "p1", Key: "acme", API: "pets", Stage: "v1", Allowed: 1, Denied: 4})
	add(ratelimit.Usage{Plan: "p2", Key: "zed|%:\x00", API: "pets", Stage: "v1", Denied: 1}, ratelimit.Usage{Plan: "p1", Key: "acme", API: "cats", Stage: "v1", Allowed: 5})
	a.clock.Add(5 * time.Second)
	add(acme)

	leap, march := time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	all := []ratelimit.DayUsage{
		{Day: leap, Usage: ratelimit.Usage{Plan: "p1", Key: "acme", API: "cats", Stage: "v1", Allowed: 5}},
		{Day: leap, Usage: ratelimit.Usage{Plan: "p1", Key: "acme", API: "pets", Stage: "v1", Allowed: 3, Denied: 4}},
		{Day: leap, Usage: ratelimit.Usage{Plan: "p2", Key: "zed|%:\x00", API: "pets", Stage: "v1", Denied: 1}},
		{Day: march, Usage: acme},
	}
	for _, c := range []struct {
		plan     string
		from, to time.Time
		want     []ratelimit.DayUsage
	}{
		{"", leap, march, all},
		{"", Start, march.Add(time.Hour), all},
		{"p1", leap, leap, all[:2]},
		{"p2", leap, march, all[2:3]},
		{"", march, march, all[3:]},
		{"none", leap, march, nil},
		{"", march, leap, nil},
	} {
		got, err := a.store.Usage(ctx, c.plan, c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("plan %q from %s to %s: %s", c.plan, c.from, c.to, diff)
		}
	}
}

// oldUsage is forgotten after 90 days, and not before.
func oldUsage(t *testing.T, a *ask) {
	ctx := context.Background()
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {89 * 24 * time.Hour, 2}, {24 * time.Hour, 2}} {
		a.clock.Add(step.wait)
		if err := a.store.AddUsage(ctx, []ratelimit.Usage{{Plan: "p", Key: "k", API: "a", Stage: "s", Allowed: 1}}); err != nil {
			t.Fatal(err)
		}
		got, err := a.store.Usage(ctx, "p", Start, a.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != step.want {
			t.Errorf("%s later there are %d days, want %d", step.wait, len(got), step.want)
		}
	}
}

// quotas: what keys have left is noted by day, the last note of a day stands, and notes
// are kept for 90 days.
func quotas(t *testing.T, a *ask) {
	ctx := context.Background()
	month := ratelimit.Window{Limit: 10, Period: ratelimit.Month, Offset: 3}
	const odd = "zed|%:\x00 {}"
	note := func(limit ratelimit.Window, keys ...string) {
		t.Helper()
		var notes []ratelimit.QuotaNote
		for _, key := range keys {
			notes = append(notes, ratelimit.QuotaNote{Plan: "p", Key: key, Counter: "quota of " + key, Window: limit})
		}
		if err := a.store.NoteQuotas(ctx, notes); err != nil {
			t.Fatal(err)
		}
	}
	take := func(key string, limit ratelimit.Window, hits int64) {
		t.Helper()
		a.take(ratelimit.Ask{Counter: "quota of " + key, Window: &limit, Hits: hits})
	}
	take("acme", month, 2)
	note(month, "", "acme", odd)
	take("acme", month, 1)
	note(month, "acme")
	a.clock.Add(5 * time.Second) // a month later by the calendar
	day := ratelimit.Window{Limit: 20, Period: ratelimit.Day}
	take("acme", day, 4)
	note(day, "acme")
	leap, march := time.Date(2020, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	all := []ratelimit.DayQuota{
		{Day: leap, Plan: "p", Limit: 10, Remaining: 7, Period: ratelimit.Month},
		{Day: leap, Plan: "p", Key: "acme", Limit: 10, Remaining: 4, Period: ratelimit.Month},
		{Day: leap, Plan: "p", Key: odd, Limit: 10, Remaining: 7, Period: ratelimit.Month},
		{Day: march, Plan: "p", Key: "acme", Limit: 20, Remaining: 16, Period: ratelimit.Day},
	}
	read := func(plan string, from, to time.Time) []ratelimit.DayQuota {
		t.Helper()
		got, err := a.store.Quotas(ctx, plan, from, to)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, c := range []struct {
		plan     string
		from, to time.Time
		want     []ratelimit.DayQuota
	}{{"p", leap, march, all}, {"p", Start, leap, all[:3]}, {"p", march, march.Add(time.Hour), all[3:]}, {"other", leap, march, nil}, {"p", march, leap, nil}} {
		if diff := cmp.Diff(c.want, read(c.plan, c.from, c.to), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("plan %q from %s to %s: %s", c.plan, c.from, c.to, diff)
		}
	}
	a.clock.Add(89 * 24 * time.Hour)
	note(day, "")
	if got := read("p", leap, a.clock.Now()); len(got) != 2 || !got[0].Day.Equal(march) {
		t.Errorf("89 days later: %v", got)
	}
	if err := a.store.NoteQuotas(ctx, []ratelimit.QuotaNote{{Plan: "p", Window: ratelimit.Window{Limit: 1, Period: "FORTNIGHT"}}}); err == nil {
		t.Error("an unknown period can be noted")
	}
}

// planNames: plans have the name that they were given last, and unknown ones have none.
func planNames(t *testing.T, a *ask) {
	ctx := context.Background()
	const odd = "zed|%:\x00 {}"
	for _, names := range []map[string]string{{"p1": "gold", odd: odd}, {"p1": "silver"}, {}} {
		if err := a.store.NamePlans(ctx, names); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.store.PlanNames(ctx, []string{"p1", "p2", odd})
	if diff := cmp.Diff(map[string]string{"p1": "silver", odd: odd}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got, err := a.store.PlanNames(ctx, nil); len(got) != 0 || err != nil {
		t.Error(got, err)
	}
}
