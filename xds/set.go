package xds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Set replaces all that is served by a revision: what is in no gateway of it is
// removed. It returns when everything is in the caches and on its way; whether
// the Envoys take it is what Wait tells.
//
// An *InvalidError means that nothing was changed. A *RejectedError, or the
// context's error, means that Set stopped before any route was changed: the
// routes served are the old ones, and the next Set carries on from there.
//
// One Set runs at a time; the others wait for their turn.
func (s *Server) Set(ctx context.Context, rev Revision) error {
	select {
	case s.setting <- struct{}{}:
		defer func() { <-s.setting }()
	case <-ctx.Done():
		return fmt.Errorf("revision %s: waiting for the revision before it: %w", rev.ID, ctx.Err())
	}
	if s.ctx.Err() != nil {
		return errClosed
	}
	start := time.Now()
	err := s.set(ctx, rev)
	s.metrics.duration.Observe(time.Since(start).Seconds())
	result := "canceled"
	var invalid *InvalidError
	var rejected *RejectedError
	switch {
	case err == nil:
		result = "ok"
	case errors.As(err, &invalid):
		result = "invalid"
		s.metrics.invalid.Add(float64(len(invalid.Problems)))
	case errors.As(err, &rejected):
		result = "rejected"
	}
	s.metrics.sets.WithLabelValues(result).Inc()
	return err
}

func (s *Server) set(ctx context.Context, rev Revision) error {
	start := time.Now()
	gateways := s.hold(rev)
	defer s.release(gateways)
	plans, err := s.planAll(rev, gateways)
	if err != nil {
		return err
	}
	sent, removed := 0, 0
	for _, p := range plans {
		sent += p.changed(allTypes)
		removed += p.gone()
	}
	s.begin(rev.ID, plans)

	if err := s.apply(plans, makeTypes, false); err != nil {
		return err
	}
	if err := s.settle(ctx, rev.ID, plans, makeTypes, slices.Concat(fitTypes, useTypes)); err != nil {
		return err
	}
	if err := s.apply(plans, fitTypes, false); err != nil {
		return err
	}
	if err := s.settle(ctx, rev.ID, plans, fitTypes, useTypes); err != nil {
		return err
	}
	if err := s.apply(plans, useTypes, true); err != nil {
		return err
	}
	if err := s.finish(plans); err != nil {
		return err
	}
	s.log.Info("revision sent", "revision", rev.ID, "resources", sent, "removals", removed, "took", time.Since(start).Round(time.Microsecond))
	return nil
}

// hold gives all gateways that a revision concerns, those that it leaves out
// included, sorted. Until they are released, no Envoy that leaves takes the last
// trace of its gateway with it: what Set then defined would be out of reach.
func (s *Server) hold(rev Revision) []*gateway {
	s.mu.Lock()
	defer s.mu.Unlock()
	gateways := make([]*gateway, 0, len(rev.Gateways))
	for name := range rev.Gateways {
		gateways = append(gateways, s.gatewayNamed(name))
	}
	for name, g := range s.gateways {
		if _, ok := rev.Gateways[name]; !ok && (g.defined || g.inUse()) {
			gateways = append(gateways, g)
		}
	}
	for _, g := range gateways {
		g.setting = true
	}
	slices.SortFunc(gateways, func(a, b *gateway) int { return strings.Compare(a.name, b.name) })
	return gateways
}

func (s *Server) release(gateways []*gateway) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range gateways {
		g.setting = false
		s.dropUnused(g)
	}
}

// planAll compares gateways with what the revision has for them.
func (s *Server) planAll(rev Revision, gateways []*gateway) ([]*plan, error) {
	var plans []*plan
	var problems []Problem
	for _, g := range gateways {
		res, defined := rev.Gateways[g.name]
		p, found := s.plan(g, res, defined)
		plans, problems = append(plans, p), append(problems, found...)
	}
	if len(problems) > 0 {
		return nil, &InvalidError{Revision: rev.ID, Problems: problems}
	}
	return plans, nil
}

// begin makes a revision the current one.
func (s *Server) begin(id string, plans []*plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		for _, sub := range st.subs {
			sub.revision = s.ackedRevision(sub)
		}
	}
	s.revision, s.complete = id, false
	for _, p := range plans {
		if g := p.gateway; g.defined && !p.defined && len(g.streams) > 0 {
			s.log.Warn("the revision leaves out a gateway with connected envoys; all it serves is removed",
				"revision", id, "gateway", g.name, "envoys", len(g.streams))
		}
		for _, typeURL := range breakTypes {
			p.gateway.markUnused(typeURL, p.want[typeURL], p.changes[typeURL].remove)
		}
	}
	s.notify()
}

// apply puts the changes of some types in the caches of all gateways. Removals
// go along for types that take them together with additions, that is for all
// types that are not left to sweep.
func (s *Server) apply(plans []*plan, typeURLs []string, removals bool) error {
	for _, p := range plans {
		for _, typeURL := range typeURLs {
			c := p.changes[typeURL]
			var remove []string
			if removals && !slices.Contains(breakTypes, typeURL) {
				remove = c.remove
			}
			if err := s.put(p.gateway, typeURL, c, remove); err != nil {
				return err
			}
		}
	}
	return nil
}

// put changes one cache, and beforehand what its Envoys are expected to have.
func (s *Server) put(g *gateway, typeURL string, c change, remove []string) error {
	set := g.sets[typeURL]
	s.mu.Lock()
	for name, e := range c.rebuilt {
		set.entries[name] = e
	}
	for name, e := range c.upsert {
		set.entries[name] = e
	}
	for _, name := range remove {
		delete(set.entries, name)
		delete(set.unused, name)
	}
	g.review(typeURL, slices.AppendSeq(slices.Clone(remove), maps.Keys(c.upsert)))
	s.mu.Unlock()
	return set.update(messages(c.upsert), remove)
}

// settle waits until the Envoys can be sent what comes next and needs what was just
// done. It does not wait at all if nothing was, or if nothing comes.
func (s *Server) settle(ctx context.Context, id string, plans []*plan, done, next []string) error {
	var waiting []*plan
	slow := false
	for _, p := range plans {
		if p.gateway.open && p.changed(done) > 0 && p.changed(next) > 0 && s.nodes(p.gateway) > 0 {
			waiting = append(waiting, p)
			slow = slow || slices.Contains(done, ClusterType) && slices.ContainsFunc(p.newClusters, (*entry).warmsUnseen)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, s.opts.AckTimeout)
	defer cancel()
	err := s.until(bounded, func() bool {
		return !slices.ContainsFunc(waiting, func(p *plan) bool { return !p.made(done) })
	}, func() error {
		var nacks []NACK
		for _, p := range waiting {
			nacks = append(nacks, p.gateway.refusals(done)...)
		}
		if len(nacks) > 0 {
			return &RejectedError{Revision: id, NACKs: nacks}
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("revision %s: waiting for envoys: %w", id, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		// An Envoy that does not answer must not keep the others waiting.
		s.log.Warn("going on without all acknowledgements", "revision", id, "after", s.opts.AckTimeout)
	case err != nil:
		return err
	}
	if !slow {
		return nil
	}
	select {
	case <-time.After(s.opts.SettleTime):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("revision %s: waiting for new clusters: %w", id, ctx.Err())
	}
}

// finish opens new gateways, declares the revision complete, and leaves to sweep
// what it has no use for.
func (s *Server) finish(plans []*plan) error {
	for _, p := range plans {
		if !p.defined {
			continue
		}
		s.mu.Lock()
		for _, st := range p.gateway.streams {
			if !p.gateway.defined {
				st.servedSince = time.Now()
			}
			s.warm(st)
		}
		s.mu.Unlock()
		err := p.gateway.start(func(w *parkedWatch) bool { return s.mustWait(w.stream, w.req.GetTypeUrl()) })
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range plans {
		if g := p.gateway; p.defined && !g.defined && len(g.streams) > 0 {
			s.log.Info("waiting envoys are served now", "revision", s.revision, "gateway", g.name, "envoys", len(g.streams))
		}
		p.gateway.defined = p.defined
	}
	s.complete = true
	if s.startLingering() {
		s.startSweeper()
	}
	s.countNodes()
	s.notify()
	return nil
}
