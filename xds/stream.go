package xds

import (
	"maps"
	"slices"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// stream is one Envoy's connection. All of it is guarded by Server.mu.
type stream struct {
	id      int64
	gateway *gateway
	node    string
	version string
	since   time.Time
	subs    map[string]*subscription
	// request is the last one; see Server.asking.
	request *discoveryv3.DeltaDiscoveryRequest

	// See reconnect.go. returned tells that the Envoy came with resources, warming
	// that it is not to be told of routes before it has newClusters, settling that
	// this is a matter of time now.
	returned, warming, settling bool
	newClusters                 []*entry
	servedSince                 time.Time
}

// inSync tells whether the Envoy has acknowledged all it is to have of some types.
func (st *stream) inSync(typeURLs []string) bool {
	for _, t := range typeURLs {
		if sub := st.subs[t]; sub != nil && len(sub.pending) > 0 {
			return false
		}
	}
	return true
}

// refuses tells whether some resource that is being served was refused.
func (st *stream) refuses(typeURLs []string) bool {
	for _, t := range typeURLs {
		if sub := st.subs[t]; sub != nil && len(sub.refusals()) > 0 {
			return true
		}
	}
	return false
}

// push is one response: the versions it held, "" for a removal.
type push struct {
	versions map[string]string
}

// sent are the names of the resources that a response held, sorted.
func (p push) sent() []string {
	var names []string
	for name, version := range p.versions {
		if version != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// subscription is what one Envoy wants, has and refused of one type. It follows
// the same requests as go-control-plane's, which remembers only what was sent.
type subscription struct {
	set      *resourceSet
	wildcard bool
	names    map[string]struct{}
	// acked are the versions that the Envoy is known to have.
	acked map[string]string
	// pending are the resources that it is to have in another version, or not
	// at all; refused are those of which it refused the version being served.
	// No resource is in both.
	pending map[string]struct{}
	refused map[string]*NACK
	// stale are the resources that the Envoy came back with, that are not served,
	// and that it is to keep for now; owed are those that it is to remove, with
	// their versions, but was not told to yet.
	stale map[string]struct{}
	owed  map[string]string
	// inflight are the responses not answered yet, by nonce.
	inflight map[string]push
	// retries are resources to be sent again, batch by batch, see retry.go.
	retries [][]string
	// revision is the last one of which all resources of this type were acked.
	revision string
	lastNACK *NACK
}

// newSubscription begins with a stream's first request for a type.
func newSubscription(set *resourceSet, req *discoveryv3.DeltaDiscoveryRequest) *subscription {
	s := &subscription{
		set:      set,
		wildcard: len(req.GetResourceNamesSubscribe()) == 0 && wildcard(set.typeURL),
		names:    map[string]struct{}{},
		acked:    maps.Clone(req.GetInitialResourceVersions()),
		pending:  map[string]struct{}{},
		refused:  map[string]*NACK{},
		stale:    map[string]struct{}{},
		owed:     map[string]string{},
		inflight: map[string]push{},
	}
	if s.acked == nil {
		s.acked = map[string]string{}
	}
	s.findStale()
	s.interest(req, true)
	s.reviewAll()
	return s
}

// interest takes in what a request adds to and removes from the subscription.
func (s *subscription) interest(req *discoveryv3.DeltaDiscoveryRequest, first bool) {
	for _, name := range req.GetResourceNamesSubscribe() {
		if name == "*" {
			s.wildcard = true
			continue
		}
		s.names[name] = struct{}{}
		if !first {
			delete(s.acked, name) // It is sent again, see asked.
		}
		s.review(name)
	}
	for _, name := range req.GetResourceNamesUnsubscribe() {
		if name == "*" {
			s.wildcard = false
			s.reviewAll()
			continue
		}
		delete(s.names, name)
		delete(s.acked, name)
		delete(s.stale, name)
		delete(s.owed, name)
		s.review(name)
	}
}

// review decides whether the Envoy is still to say something about a resource.
func (s *subscription) review(name string) {
	target := s.set.target(name)
	_, named := s.names[name]
	if nack := s.refused[name]; nack != nil && nack.versions[name] != target {
		delete(s.refused, name)
	}
	if target != "" {
		delete(s.stale, name)
		delete(s.owed, name)
	}
	_, unused := s.set.unused[name]
	_, stale := s.stale[name]
	if (s.wildcard || named) && !unused && !stale && s.acked[name] != target && s.refused[name] == nil {
		s.pending[name] = struct{}{}
	} else {
		delete(s.pending, name)
	}
}

// refusals are the resources that were refused and that the revision has.
func (s *subscription) refusals() map[string]*NACK {
	if len(s.refused) == 0 {
		return nil
	}
	out := map[string]*NACK{}
	for name, n := range s.refused {
		if _, unused := s.set.unused[name]; !unused {
			out[name] = n
		}
	}
	return out
}

// review reviews some resources for all Envoys. It needs Server.mu.
func (g *gateway) review(typeURL string, names []string) {
	for _, st := range g.streams {
		if sub := st.subs[typeURL]; sub != nil {
			for _, name := range names {
				sub.review(name)
			}
		}
	}
}

func (s *subscription) reviewAll() {
	for name := range s.set.entries {
		s.review(name)
	}
	for name := range s.acked {
		s.review(name)
	}
}

// sent remembers what a response held.
func (s *subscription) sent(resp *discoveryv3.DeltaDiscoveryResponse) {
	p := push{versions: make(map[string]string, len(resp.GetResources())+len(resp.GetRemovedResources()))}
	for _, r := range resp.GetResources() {
		p.versions[r.GetName()] = r.GetVersion()
	}
	for _, name := range resp.GetRemovedResources() {
		p.versions[name] = ""
		delete(s.owed, name)
	}
	s.inflight[resp.GetNonce()] = p
}

// ack takes in that the Envoy has what the response held.
func (s *subscription) ack(p push) {
	for name, version := range p.versions {
		if version == "" {
			delete(s.acked, name)
		} else {
			s.acked[name] = version
		}
		s.review(name)
	}
}
