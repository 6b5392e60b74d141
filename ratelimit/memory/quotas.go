package memory

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"gatehouse/ratelimit"
)

// quotas are notes of what keys had left, by day.
type quotas struct {
	// noting is held by who makes notes of counts, or adds to those that notes were made of.
	noting sync.Mutex
	// counters are those that notes were made of while the file is not read; nil otherwise.
	counters map[quotaKey]string

	mu   sync.Mutex
	days days[map[planKey]quotaNote]
}

type planKey struct{ plan, key string }

type quotaNote struct {
	limit, remaining int64
	period           ratelimit.Period
	// changed since it was written to the file.
	changed bool
}

// NoteQuotas implements ratelimit.Store.
func (s *Store) NoteQuotas(ctx context.Context, notes []ratelimit.QuotaNote) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range notes {
		if err := notes[i].Check(); err != nil {
			return err
		}
	}
	s.quotas.noting.Lock()
	defer s.quotas.noting.Unlock()
	now := s.clock.read()
	today := now.wall.Unix() / secondsOfDay
	for i := range notes {
		n := &notes[i]
		remaining := n.Window.Limit - n.Window.Offset
		if n.Key != "" {
			shard := s.shard(n.Counter)
			shard.mu.Lock()
			remaining = shard.takeWindow(n.Ask(), now).Remaining
			shard.mu.Unlock()
			if s.quotas.counters != nil {
				s.quotas.counters[quotaKey{today, planKey{n.Plan, n.Key}}] = n.Counter
			}
		}
		s.quotas.note(today, planKey{n.Plan, n.Key}, quotaNote{n.Window.Limit, remaining, n.Window.Period, true})
	}
	s.quotas.forget(today - usageDays)
	return nil
}

func (q *quotas) note(day int64, of planKey, note quotaNote) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.put(day, of, note)
}

// put needs the lock.
func (q *quotas) put(day int64, of planKey, note quotaNote) {
	if q.days[day] == nil {
		q.days[day] = map[planKey]quotaNote{}
	}
	q.days[day][of] = note
}

// forget the days up to one.
func (q *quotas) forget(last int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.days.forget(last)
}

// Quotas implements ratelimit.Store.
func (s *Store) Quotas(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayQuota, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var found []ratelimit.DayQuota
	s.quotas.mu.Lock()
	for day, notes := range s.quotas.days.between(from, to) {
		for of, n := range notes {
			if of.plan == plan {
				found = append(found, ratelimit.DayQuota{
					Day: day, Plan: of.plan, Key: of.key, Limit: n.limit, Remaining: n.remaining, Period: n.period,
				})
			}
		}
	}
	s.quotas.mu.Unlock()
	slices.SortFunc(found, func(a, b ratelimit.DayQuota) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Key, b.Key))
	})
	return found, nil
}
