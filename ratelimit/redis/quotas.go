package redis

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/ratelimit"
)

// quotaKey begins the keys of a plan's notes, by day.
func (s *Store) quotaKey(plan string) string {
	return s.prefix + "q:" + strings.TrimPrefix(s.usageKey(plan), s.prefix+"u:")
}

// NoteQuotas implements ratelimit.Store.
func (s *Store) NoteQuotas(ctx context.Context, notes []ratelimit.QuotaNote) error {
	if len(notes) == 0 {
		return nil
	}
	asks := make([]ratelimit.Ask, 0, len(notes))
	for i := range notes {
		if notes[i].Key != "" {
			asks = append(asks, *notes[i].Ask())
		} else if err := notes[i].Check(); err != nil {
			return fmt.Errorf("redis: note quotas: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var left []ratelimit.Answer
	// So many at a time: requests do not wait behind all of them.
	for batch := range slices.Chunk(asks, mostAsks) {
		answers, err := s.Take(ctx, batch)
		if err != nil {
			return fmt.Errorf("redis: note quotas: %w", err)
		}
		left = append(left, answers...)
	}
	at := map[string]int{}
	var calls []dayCall
	for i := range notes {
		n := &notes[i]
		remaining := n.Window.Limit - n.Window.Offset
		if n.Key != "" {
			remaining, left = left[0].Remaining, left[1:]
		}
		c, ok := at[n.Plan]
		if !ok || len(calls[c].fields) > mostArguments {
			c = len(calls)
			at[n.Plan] = c
			calls = append(calls, dayCall{base: s.quotaKey(n.Plan)})
		}
		calls[c].fields = append(calls[c].fields, n.Key, fmt.Sprintf("%d %d %s", n.Window.Limit, remaining, n.Window.Period))
	}
	if _, err := s.writeToday(ctx, "HSET", calls); err != nil {
		return fmt.Errorf("redis: note quotas: %w", err)
	}
	return nil
}

// Quotas implements ratelimit.Store.
func (s *Store) Quotas(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayQuota, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*s.timeout)
	defer cancel()
	today, _, err := s.plans(ctx)
	if err != nil {
		return nil, fmt.Errorf("redis: read quotas: %w", err)
	}
	first, last := max(dayOf(from), today-daysKept+1), min(dayOf(to), today)
	pipe := s.client.Pipeline()
	var hashes []*redis.MapStringStringCmd
	for day := first; day <= last; day++ {
		hashes = append(hashes, pipe.HGetAll(ctx, fmt.Sprintf("%s:%d", s.quotaKey(plan), day)))
	}
	if len(hashes) == 0 {
		return nil, nil
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("redis: read quotas: %w", err)
	}
	var all []ratelimit.DayQuota
	for i, hash := range hashes {
		for key, text := range hash.Val() {
			q := ratelimit.DayQuota{Day: time.Unix((first+int64(i))*86400, 0).UTC(), Plan: plan, Key: key}
			if n, err := fmt.Sscan(text, &q.Limit, &q.Remaining, &q.Period); n != 3 || err != nil {
				return nil, fmt.Errorf("redis: a note about a quota is %q, which this version did not write", text)
			}
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b ratelimit.DayQuota) int { return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Key, b.Key)) })
	return all, nil
}
