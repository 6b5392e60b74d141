package memory

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"gatehouse/ratelimit"
)

// usageDays is how long counts of usage are kept.
const usageDays = 90

// usage counts by day, and by who used what.
type usage struct {
	mu   sync.Mutex
	days days[map[ratelimit.Usage]*usageCount]
}

type usageCount struct {
	allowed, denied int64
	changed         bool
}

// AddUsage implements ratelimit.Store.
func (s *Store) AddUsage(ctx context.Context, counts []ratelimit.Usage) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	today := s.clock.read().wall.Unix() / secondsOfDay
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	for _, u := range counts {
		s.usage.add(today, u)
	}
	s.usage.days.forget(today - usageDays)
	return nil
}

// add needs the lock.
func (u *usage) add(day int64, counted ratelimit.Usage) {
	allowed, denied := counted.Allowed, counted.Denied
	counted.Allowed, counted.Denied = 0, 0
	if u.days[day] == nil {
		u.days[day] = map[ratelimit.Usage]*usageCount{}
	}
	c := u.days[day][counted]
	if c == nil {
		c = &usageCount{}
		u.days[day][counted] = c
	}
	c.allowed, c.denied, c.changed = c.allowed+allowed, c.denied+denied, true
}

// Usage implements ratelimit.Store.
func (s *Store) Usage(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayUsage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var found []ratelimit.DayUsage
	s.usage.mu.Lock()
	for day, counts := range s.usage.days.between(from, to) {
		for u, c := range counts {
			if plan == "" || u.Plan == plan {
				u.Allowed, u.Denied = c.allowed, c.denied
				found = append(found, ratelimit.DayUsage{Day: day, Usage: u})
			}
		}
	}
	s.usage.mu.Unlock()
	slices.SortFunc(found, func(a, b ratelimit.DayUsage) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Key, b.Key), cmp.Compare(a.API, b.API), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Plan, b.Plan))
	})
	return found, nil
}
