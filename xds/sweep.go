package xds

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// sweep removes what has been without use for the linger time: the "break" of
// make-before-break. It leaves alone the gateways with an Envoy that has not
// acknowledged everything, or refused something: such an Envoy may still be
// serving the old routes, which need the old clusters.
func (s *Server) sweep() {
	select {
	case s.setting <- struct{}{}:
		defer func() { <-s.setting }()
	case <-s.ctx.Done():
		return
	}
	if s.ctx.Err() != nil {
		return
	}
	removed, before := 0, time.Now().Add(-s.opts.LingerTime)
	for _, g := range s.settled() {
		for _, typeURL := range breakTypes {
			set := g.sets[typeURL]
			due := set.due(before)
			if len(due) > 0 {
				if err := s.put(g, typeURL, change{}, due); err != nil {
					s.log.Error("removing unused resources", "gateway", g.name, "error", err)
				}
			}
			removed += len(due)
		}
	}
	left := false
	for _, g := range s.all() {
		s.mu.Lock()
		stale, more := g.letGo(s.complete, before)
		s.mu.Unlock()
		// To remove what is not there makes the cache look who should be told.
		if err := g.sets[ClusterType].update(nil, stale); err != nil {
			s.log.Error("removing clusters that envoys came back with", "gateway", g.name, "error", err)
		}
		removed, left = removed+len(stale), left || more
	}
	s.mu.Lock()
	s.sweeping = false
	if s.startLingering() || left {
		s.startSweeper()
	}
	for _, g := range s.gateways {
		s.dropUnused(g)
	}
	s.mu.Unlock()
	if removed > 0 {
		s.log.Debug("unused resources removed", "resources", removed)
	}
}

// startSweeper has sweep called after the linger time. It needs mu.
func (s *Server) startSweeper() {
	if !s.sweeping && s.ctx.Err() == nil {
		s.sweeping = true
		s.sweeper.Reset(s.opts.LingerTime)
	}
}

// all gives all gateways, sorted.
func (s *Server) all() []*gateway {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.gateways), func(a, b *gateway) int { return strings.Compare(a.name, b.name) })
}

// settled gives the gateways of which every Envoy has what it is to have. After
// a Set that stopped halfway there are none: routes still use the old resources.
func (s *Server) settled() []*gateway {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.complete {
		return nil
	}
	var gateways []*gateway
next:
	for _, g := range s.gateways {
		for _, st := range g.streams {
			if !st.inSync(allTypes) || st.refuses(allTypes) {
				continue next
			}
		}
		gateways = append(gateways, g)
	}
	return gateways
}

// markUnused tells apart what a revision wants from what it has no use for. The
// latter no longer has a say in whether Envoys are in sync: a cluster that was
// refused, and that the next revision gave up, is no blemish of that revision.
// It needs Server.mu.
func (g *gateway) markUnused(typeURL string, want map[string]*entry, unwanted []string) {
	set := g.sets[typeURL]
	var names []string
	for name := range set.unused {
		if want[name] != nil {
			delete(set.unused, name)
			names = append(names, name)
		}
	}
	for _, name := range unwanted {
		if _, ok := set.unused[name]; !ok {
			set.unused[name] = time.Time{}
			names = append(names, name)
		}
	}
	g.review(typeURL, names)
}

// startLingering starts the linger time of what became unused since it was last
// called, and tells whether anything is unused. It needs mu.
func (s *Server) startLingering() (some bool) {
	now := time.Now()
	for _, g := range s.gateways {
		for _, set := range g.sets {
			for name, since := range set.unused {
				some = true
				if since.IsZero() {
					set.unused[name] = now
				}
			}
		}
	}
	return some
}

// due lists, sorted, the resources that have been unused since before a time.
func (r *resourceSet) due(before time.Time) []string {
	var names []string
	for name, since := range r.unused {
		if since.Before(before) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
