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

// made tells whether all Envoys have acknowledged what others may refer to. It needs
// Server.mu.
func (p *plan) made(typeURLs []string) bool {
	for _, st := range p.gateway.streams {
		if !st.inSync(typeURLs) || !st.endpointsKnown(p.newClusters) {
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
