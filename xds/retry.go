package xds

// An Envoy answers a response as a whole. Clusters and listeners it takes one by
// one, and names those that it refuses. Of the other types it stops at the first
// bad resource, mostly without naming it, and leaves open which of the rest it
// took. The server then sends them again in halves, until every resource has its
// own answer. A hundred new route configurations of which one is bad cost some
// fifteen more responses, the change of a single one costs none.

// independent tells whether Envoy takes the good resources of a response that
// has a bad one.
func independent(typeURL string) bool {
	return typeURL == ClusterType || typeURL == ListenerType
}

// split plans to send a refused response again in halves. It tells whether there
// is anything to split: a single resource is itself to blame.
func (s *subscription) split(p push) bool {
	names := p.sent()
	if len(names) < 2 {
		return false
	}
	s.forget(p)
	half := len(names) / 2
	s.retries = append([][]string{names[:half], names[half:]}, s.retries...)
	return true
}

// nack takes in that the Envoy refused some of what a response held, and took
// the rest.
func (s *subscription) nack(p push, n *NACK) {
	s.lastNACK = n
	taken := push{versions: map[string]string{}}
	for name, version := range p.versions {
		taken.versions[name] = version
	}
	for _, name := range n.Resources {
		delete(taken.versions, name)
		// What it has now is not known: the old version, or none.
		delete(s.acked, name)
		s.refused[name] = n
		s.review(name)
	}
	s.ack(taken)
}

// forget takes in that it is not known what the Envoy has of a response.
func (s *subscription) forget(p push) {
	for name := range p.versions {
		delete(s.acked, name)
		s.review(name)
	}
}

// nextRetry gives the next batch to send again, if it is time. What has been
// acknowledged or given up since is left out.
func (s *subscription) nextRetry() []string {
	for len(s.retries) > 0 && len(s.inflight) == 0 {
		var names []string
		for _, name := range s.retries[0] {
			if _, waiting := s.pending[name]; waiting {
				names = append(names, name)
			}
		}
		s.retries = s.retries[1:]
		if len(names) > 0 {
			return names
		}
	}
	return nil
}
