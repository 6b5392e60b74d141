package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/ratelimit"
)

// daysKept is how many days usage is kept for, today included.
const daysKept = 90

// usageKey begins the keys of a plan's days; in a Cluster they are all in one place.
func (s *Store) usageKey(plan string) string {
	// A tag ends at the first brace, and must not be empty.
	return s.prefix + "u:{p" + strings.NewReplacer("{", "%7B", "}", "%7D", "%", "%25").Replace(plan) + "}"
}

func (s *Store) plansKey() string { return s.prefix + "plans" }

// field of a count in a day's hash.
type field struct {
	Key, API, Stage string
	Denied          bool
}

func (f field) text() string {
	// Strings and a bool can't fail.
	text, _ := json.Marshal([]any{f.Key, f.API, f.Stage, f.Denied})
	return string(text)
}

func parseField(text string) (f field, err error) {
	parts := []any{&f.Key, &f.API, &f.Stage, &f.Denied}
	if err := json.Unmarshal([]byte(text), &parts); err != nil {
		return f, fmt.Errorf("a count of usage has the name %q, which this version did not write: %w", text, err)
	}
	return f, nil
}

// dayCall writes to the hash of a plan's day, whose key is base and the day: by a command
// with fields and values in turn.
type dayCall struct {
	base   string
	fields []any
	// of are the places of what is written in the list that it is from.
	of []int
}

// writeToday carries calls out on the day that it is at Redis, and gives the places of what
// was not written, with why. Redis checks the day: a key that a script makes up itself is
// not found where a Cluster moves it to another node.
func (s *Store) writeToday(ctx context.Context, command string, all []dayCall) (failed []int, err error) {
	for range 3 {
		today := s.today.Load()
		calls := make([]call, len(all))
		for i, c := range all {
			calls[i] = call{
				keys: []string{fmt.Sprintf("%s:%d", c.base, today)},
				args: append([]any{today, daysKept, command}, c.fields...),
			}
		}
		run(ctx, s.client, s.scripts.usage, calls)
		var again []dayCall
		for i := range calls {
			switch day, failure := calls[i].cmd.Int64(); {
			case failure != nil:
				failed, err = append(failed, all[i].of...), failure
			case day != today:
				s.today.Store(day)
				again = append(again, all[i])
			}
		}
		if all = again; len(all) == 0 {
			return failed, err
		}
	}
	for _, c := range all {
		failed = append(failed, c.of...)
	}
	return failed, errors.New("servers of Redis have different days")
}

// AddUsage adds to the counts of the day that it is at Redis.
func (s *Store) AddUsage(ctx context.Context, counts []ratelimit.Usage) error {
	if len(counts) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	at := map[string]int{}
	var calls []dayCall
	names := call{keys: []string{s.plansKey()}, args: []any{daysKept}}
	for place, u := range counts {
		i, ok := at[u.Plan]
		// A call has so many fields at most, since Redis does nothing else during it.
		if !ok || len(calls[i].fields) > mostArguments {
			if !ok {
				names.args = append(names.args, u.Plan)
			}
			i = len(calls)
			at[u.Plan] = i
			calls = append(calls, dayCall{base: s.usageKey(u.Plan)})
		}
		c := &calls[i]
		c.of = append(c.of, place)
		if u.Allowed != 0 {
			c.fields = append(c.fields, field{u.Key, u.API, u.Stage, false}.text(), u.Allowed)
		}
		if u.Denied != 0 {
			c.fields = append(c.fields, field{u.Key, u.API, u.Stage, true}.text(), u.Denied)
		}
	}
	// The names first: a plan without counts does no harm, counts that are not found do.
	plans := []call{names}
	run(ctx, s.client, s.scripts.plans, plans)
	if err := plans[0].cmd.Err(); err != nil {
		return fmt.Errorf("redis: add usage: %w", err)
	}
	failed, err := s.writeToday(ctx, "HINCRBY", calls)
	if err == nil {
		return nil
	}
	slices.Sort(failed)
	return &ratelimit.PartialError{Failed: failed, Err: fmt.Errorf("redis: add usage: %w", err)}
}

// mostArguments of one call that adds usage.
const mostArguments = 1000

// Usage reads counts of the last 90 days.
func (s *Store) Usage(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayUsage, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*s.timeout)
	defer cancel()
	today, plans, err := s.plans(ctx)
	if err != nil {
		return nil, fmt.Errorf("redis: read usage: %w", err)
	}
	if plan != "" {
		plans = []string{plan}
	}
	first, last := max(dayOf(from), today-daysKept+1), min(dayOf(to), today)
	var all []ratelimit.DayUsage
	for _, p := range plans {
		pipe := s.client.Pipeline()
		var hashes []*redis.MapStringStringCmd
		for day := first; day <= last; day++ {
			hashes = append(hashes, pipe.HGetAll(ctx, fmt.Sprintf("%s:%d", s.usageKey(p), day)))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return nil, fmt.Errorf("redis: read usage: %w", err)
		}
		for i, hash := range hashes {
			counts, err := dayUsage(p, time.Unix((first+int64(i))*86400, 0).UTC(), hash.Val())
			if err != nil {
				return nil, fmt.Errorf("redis: %w", err)
			}
			all = append(all, counts...)
		}
	}
	slices.SortFunc(all, func(a, b ratelimit.DayUsage) int {
		if c := a.Day.Compare(b.Day); c != 0 {
			return c
		}
		return slices.Compare([]string{a.Key, a.API, a.Stage, a.Plan}, []string{b.Key, b.API, b.Stage, b.Plan})
	})
	return all, nil
}

// plans gives Redis's day, and the plans that have usage.
func (s *Store) plans(ctx context.Context) (today int64, names []string, err error) {
	calls := []call{{keys: []string{s.plansKey()}, args: []any{daysKept}}}
	run(ctx, s.client, s.scripts.plans, calls)
	answer, err := calls[0].cmd.Slice()
	if err != nil {
		return 0, nil, err
	}
	for _, name := range answer[1:] {
		text, _ := name.(string)
		names = append(names, text)
	}
	today, _ = answer[0].(int64)
	return today, names, nil
}

// dayOf counts days since 1970, in UTC.
func dayOf(t time.Time) int64 {
	seconds := t.Unix()
	day := seconds / 86400
	if seconds%86400 < 0 {
		day--
	}
	return day
}

// dayUsage makes counts of a day's hash.
func dayUsage(plan string, day time.Time, hash map[string]string) ([]ratelimit.DayUsage, error) {
	at := map[field]*ratelimit.DayUsage{}
	for name, text := range hash {
		f, err := parseField(name)
		if err != nil {
			return nil, err
		}
		var n int64
		if _, err := fmt.Sscan(text, &n); err != nil {
			return nil, errors.New("a count of usage is not a number")
		}
		denied := f.Denied
		f.Denied = false
		u := at[f]
		if u == nil {
			u = &ratelimit.DayUsage{Day: day, Usage: ratelimit.Usage{Plan: plan, Key: f.Key, API: f.API, Stage: f.Stage}}
			at[f] = u
		}
		if denied {
			u.Denied = n
		} else {
			u.Allowed = n
		}
	}
	all := make([]ratelimit.DayUsage, 0, len(at))
	for _, u := range at {
		all = append(all, *u)
	}
	return all, nil
}
