package ratelimit

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"
)

// DailyUsage is what keys of a plan used of their quota, and had left of it, day by day:
// what Amazon's GetUsage tells.
// See https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html
type DailyUsage struct {
	Plan     string
	From, To time.Time
	// Unlimited: the plan has no quota, of which Unlimited is left each day.
	Unlimited bool
	// Keys have an entry for each day from From to To: requests that went on that day, and
	// what was left when it ended, or is left now.
	Keys map[string][][2]int64
}

// Unlimited is what is left of a quota that there is none of.
const Unlimited = math.MaxInt64

// usageKept is how many days of usage there are, today included.
const usageKept = 90

// DailyUsage tells it of a plan, by its id, and of one key, or of all that the plan has or
// had. Days that have not come yet, and those that nothing is known of
// any more, are left out. found is false when there is no such plan.
func (s *Server) DailyUsage(ctx context.Context, plan, key string, from, to time.Time) (usage *DailyUsage, found bool, err error) {
	serving := s.serving.Load()
	if serving.current == nil || serving.current.plans[plan] == nil {
		return nil, false, nil
	}
	p := serving.current.plans[plan]
	// What this process has counted and not told the store yet is to be in it.
	s.flushTally()
	s.noteQuotas(time.Now(), true)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	oldest := today.AddDate(0, 0, 1-usageKept)
	from, to = from.UTC().Truncate(24*time.Hour), to.UTC().Truncate(24*time.Hour)
	if from.Before(oldest) {
		from = oldest
	}
	if to.After(today) {
		to = today
	}
	used, err := s.options.Store.Usage(ctx, plan, from, to)
	if err != nil {
		return nil, true, err
	}
	// What was left on a day may have been noted long before it.
	noted, err := s.options.Store.Quotas(ctx, plan, oldest, to)
	if err != nil {
		return nil, true, err
	}
	out := &DailyUsage{Plan: plan, From: from, To: to, Unlimited: p.Quota == nil, Keys: map[string][][2]int64{}}
	names := map[string]bool{}
	if key != "" {
		names[key] = true
	} else {
		maps.Copy(names, p.keys)
		for i := range used {
			names[used[i].Key] = true
		}
	}
	allowed := map[string]map[time.Time]int64{}
	for i := range used {
		u := &used[i]
		if allowed[u.Key] == nil {
			allowed[u.Key] = map[time.Time]int64{}
		}
		allowed[u.Key][u.Day] += u.Allowed
	}
	byKey := map[string][]DayQuota{}
	for _, n := range noted {
		byKey[n.Key] = append(byKey[n.Key], n)
	}
	var now DayQuota
	if !out.Unlimited {
		now = DayQuota{Limit: p.Quota.Limit, Remaining: p.Quota.Limit - p.Quota.Offset, Period: Period(p.Quota.Period)}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		days := [][2]int64{}
		for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
			left := int64(Unlimited)
			if !out.Unlimited {
				left = max(0, leftOn(day, byKey[name], quotaOn(day, byKey[""], now)))
			}
			days = append(days, [2]int64{allowed[name][day], left})
		}
		out.Keys[name] = days
	}
	return out, true, nil
}

// quotaOn is the quota of the plan on a day: as it was noted that day or, when nothing
// ran then, before. What was before the first note is not known; it is taken for that of
// the first.
func quotaOn(day time.Time, notes []DayQuota, now DayQuota) DayQuota {
	if len(notes) == 0 {
		return now
	}
	return notes[max(0, notedUntil(notes, day)-1)]
}

// leftOn is what a key had left at the end of a day by the quota of that day. Of a day
// without a note the one before stands, if its period was not over.
func leftOn(day time.Time, notes []DayQuota, quota DayQuota) int64 {
	after := notedUntil(notes, day)
	if after == 0 {
		// An offset is taken off the first period of a key.
		return quota.Remaining
	}
	last := notes[after-1]
	if begin, _ := quota.Period.Bounds(day); last.Period != quota.Period || last.Day.Before(begin) {
		return quota.Limit
	}
	// What was used stays when a limit is changed.
	return last.Remaining + quota.Limit - last.Limit
}

// notedUntil is how many notes are of a day and those before it.
func notedUntil(notes []DayQuota, day time.Time) int {
	n, _ := slices.BinarySearchFunc(notes, day, func(n DayQuota, day time.Time) int {
		if n.Day.After(day) {
			return 1
		}
		return -1
	})
	return n
}
