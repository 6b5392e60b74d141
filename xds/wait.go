package xds

import "context"

// until waits for a condition, or for the error that makes waiting useless. Both
// are asked with mu held, again whenever something that mu guards has changed.
func (s *Server) until(ctx context.Context, done func() bool, fail func() error) error {
	for {
		s.mu.Lock()
		err, ok, changed := fail(), done(), s.changed
		s.mu.Unlock()
		if err != nil || ok {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nodes counts the Envoys of a gateway.
func (s *Server) nodes(g *gateway) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(g.streams)
}

// made tells whether all Envoys have acknowledged what routes may refer to. It
// needs Server.mu.
func (p *plan) made() bool {
	for _, st := range p.gateway.streams {
		if !st.inSync(makeTypes) || !p.endpointsKnown(st) {
			return false
		}
	}
	return true
}

// endpointsKnown tells whether an Envoy has the endpoints of all new clusters. It
// acknowledges a cluster before it asks for its endpoints, so that there is a
// moment when nothing is pending though the cluster is not ready.
func (p *plan) endpointsKnown(st *stream) bool {
	for _, c := range p.newClusters {
		name := endpointsOf(c)
		if name == "" {
			continue
		}
		if sub := st.subs[EndpointType]; sub == nil || sub.acked[name] != sub.set.target(name) {
			return false
		}
	}
	return true
}

// refusals lists the distinct NACKs of resources being served. It needs Server.mu.
func (g *gateway) refusals(typeURLs []string) []NACK {
	var nacks []NACK
	for _, st := range g.streams {
		seen := map[*NACK]bool{}
		for _, t := range typeURLs {
			if sub := st.subs[t]; sub != nil {
				for _, n := range sub.refusals() {
					if !seen[n] {
						seen[n] = true
						nacks = append(nacks, *n)
					}
				}
			}
		}
	}
	return nacks
}
