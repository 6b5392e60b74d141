package ratelimit

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/wire"
)

// What a key has left of its quota is in the store, but not what it had on the days
// before, when the quota may have been another, or was extended. So the store is to note
// it: for keys that were used, now and then and before a day ends, and once a day for
// each plan, which stands for the keys that were not.

const (
	// noteInterval is how often what is left is noted of keys in use.
	noteInterval = 5 * time.Second
	// beforeMidnight is when it is noted as often as usage is added, so that a day's last
	// note is about all of the day.
	beforeMidnight = 3 * time.Second
	// notesAtOnce bounds a call of the store.
	notesAtOnce = 2000
)

type planKey struct{ plan, key string }

// notes are what is to be noted.
type notes struct {
	mu   sync.Mutex
	keys map[planKey]bool
	// at is when it was noted last. plans and day are of when it was for the plans.
	at    time.Time
	plans *Limits
	day   string
	// noting is held while it is.
	noting sync.Mutex
}

// add a key that was used. Beyond as many as the tally has there is no room.
func (n *notes) add(of planKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.keys == nil {
		n.keys = map[planKey]bool{}
	}
	if len(n.keys) < maxTally {
		n.keys[of] = true
	}
}

// due takes what is to be noted now.
func (n *notes) due(now time.Time, limits *Limits, all bool) (keys []planKey, plans bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	day := now.UTC().Format(time.DateOnly)
	plans = limits != n.plans || day != n.day
	tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	if !all && now.Sub(n.at) < noteInterval && now.Sub(n.at) >= 0 && tomorrow.Sub(now) > beforeMidnight {
		return nil, plans
	}
	n.at = now
	keys = slices.Collect(maps.Keys(n.keys))
	n.keys = nil
	return keys, plans
}

// done tells that the plans' quotas are noted.
func (n *notes) done(now time.Time, limits *Limits) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plans, n.day = limits, now.UTC().Format(time.DateOnly)
}

// noteQuotas notes what is due, or all. What a failing store does not take waits.
func (s *Server) noteQuotas(now time.Time, all bool) {
	s.notes.noting.Lock()
	defer s.notes.noting.Unlock()
	serving := s.serving.Load()
	if serving.current == nil {
		return
	}
	keys, plans := s.notes.due(now, serving.current, all)
	var list []QuotaNote
	if plans {
		list = serving.current.planNotes()
	}
	for _, of := range keys {
		if window, counter := serving.quota(of.plan, of.key); window != nil {
			list = append(list, QuotaNote{Plan: of.plan, Key: of.key, Counter: counter, Window: *window})
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	failed := false
	for batch := range slices.Chunk(list, notesAtOnce) {
		if !failed && s.options.Store.NoteQuotas(ctx, batch) == nil {
			continue
		}
		failed = true
		for _, note := range batch {
			if note.Key != "" {
				s.notes.add(planKey{note.Plan, note.Key})
			}
		}
	}
	if plans && !failed {
		failed = s.options.Store.NamePlans(ctx, serving.current.planNames()) != nil
	}
	switch {
	case failed:
		s.metrics.storeErrors.Inc()
	case plans:
		s.notes.done(now, serving.current)
	}
}

// planNotes are of keys that have used nothing.
func (l *Limits) planNotes() []QuotaNote {
	var list []QuotaNote
	for _, id := range slices.Sorted(maps.Keys(l.plans)) {
		if q := l.plans[id].Quota; q != nil {
			list = append(list, QuotaNote{Plan: id, Window: Window{Limit: q.Limit, Period: Period(q.Period), Offset: q.Offset}})
		}
	}
	return list
}

// planNames are the names of plans by their ids, for usage of those that are gone later.
func (l *Limits) planNames() map[string]string {
	names := make(map[string]string, len(l.plans))
	for id, p := range l.plans {
		names[id] = p.Name
	}
	return names
}

// noteExtension notes what a key was given, so that it is told of at once.
func (s *Server) noteExtension(ctx context.Context, plan, key string, window *Window) {
	note := QuotaNote{Plan: plan, Key: key, Counter: wire.Join(wire.LimitQuota, plan, key), Window: *window}
	if s.options.Store.NoteQuotas(ctx, []QuotaNote{note}) != nil {
		s.notes.add(planKey{plan, key})
	}
}
