package xds

import (
	"maps"
	"slices"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// An Envoy that was without a control plane for a while comes back with what it
// has: perhaps from a revision that this server never saw. To it, what is served
// now is a change like any other, and loses requests if all of it is said at once.
// So it is taken through the same order as by Set, alone:
//
//   - Clusters that it has and that are not served are left to it. The routes that
//     it has still lead there. They are removed, by sweep, once it has
//     acknowledged everything and the linger time is over.
//   - Routes, scopes and listeners are said only when it has the clusters, and has
//     had time to warm them up.
//
// Of the types that are named in requests nothing need ever be removed: an Envoy
// that has no more use for a name says so.

// findStale notes what an Envoy came back with that is not served.
func (s *subscription) findStale() {
	if !slices.Contains(breakTypes, s.set.typeURL) {
		return
	}
	for name := range s.acked {
		if s.set.target(name) == "" {
			s.stale[name] = struct{}{}
		}
	}
}

// returned takes in the first request for a type of an Envoy that came back.
// It needs mu.
func (s *Server) returned(st *stream, sub *subscription) {
	if sub.set.typeURL != ClusterType || len(sub.acked) == 0 {
		return
	}
	st.returned = true
	s.warm(st)
	st.servedSince = time.Now()
	if len(sub.stale) > 0 {
		s.startSweeper()
	}
}

// warm decides whether an Envoy is to have clusters before it is told of routes.
// It needs mu.
func (s *Server) warm(st *stream) {
	sub := st.subs[ClusterType]
	if !st.returned || st.warming || sub == nil || len(sub.pending) == 0 {
		return
	}
	st.warming = true
	for name := range sub.pending {
		if e := sub.set.entries[name]; e != nil && sub.acked[name] == "" {
			st.newClusters = append(st.newClusters, e)
		}
	}
	// An Envoy that does not answer has a reason, but is not to go without.
	time.AfterFunc(s.opts.AckTimeout, func() { s.warmed(st) })
}

// isWarm tells whether an Envoy can be told of routes, and whether it should be
// given time before that.
func (st *stream) isWarm() (warm, slow bool) {
	if !st.inSync([]string{ClusterType, EndpointType}) || !st.endpointsKnown(st.newClusters) {
		return false, false
	}
	return true, slices.ContainsFunc(st.newClusters, (*entry).warmsUnseen)
}

// checkWarm tells an Envoy of routes if it is ready for them.
func (s *Server) checkWarm(st *stream) {
	s.mu.Lock()
	warm, slow := st.isWarm()
	warm = warm && st.warming && !st.settling
	if warm && slow {
		st.settling = true
	}
	s.mu.Unlock()
	switch {
	case warm && slow:
		time.AfterFunc(s.opts.SettleTime, func() { s.warmed(st) })
	case warm:
		s.warmed(st)
	}
}

// warmed answers what an Envoy asked for meanwhile.
func (s *Server) warmed(st *stream) {
	s.mu.Lock()
	was := st.warming
	st.warming, st.newClusters = false, nil
	s.mu.Unlock()
	if !was {
		return
	}
	if err := st.gateway.unpark(func(w *parkedWatch) bool { return w.stream == st }); err != nil {
		s.log.Error("answering an envoy that came back", "node", st.node, "error", err)
	}
}

// mustWait tells whether an Envoy is not to have an answer yet. It takes mu.
func (s *Server) mustWait(st *stream, typeURL string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.warming && slices.Contains(useTypes, typeURL)
}

// endpointsKnown tells whether an Envoy has the endpoints of clusters. It
// acknowledges a cluster before it asks for its endpoints, so that there is a
// moment when nothing is pending though the cluster is not ready.
func (st *stream) endpointsKnown(clusters []*entry) bool {
	for _, e := range clusters {
		name := endpointsOf(e.msg.(*clusterv3.Cluster))
		if name == "" {
			continue
		}
		if sub := st.subs[EndpointType]; sub == nil || sub.acked[name] != sub.set.target(name) {
			return false
		}
	}
	return true
}

// letGo has Envoys of a gateway that are done with the old clusters they came back
// with remove them: those that are served since before a time, and have taken all of
// a complete revision. It tells whether some are left for later. It needs mu.
func (g *gateway) letGo(complete bool, before time.Time) (removed []string, left bool) {
	for _, st := range g.streams {
		sub := st.subs[ClusterType]
		if !g.defined || sub == nil || len(sub.stale) == 0 {
			continue
		}
		if !complete || !st.inSync(allTypes) || st.refuses(allTypes) || st.servedSince.After(before) {
			left = true
			continue
		}
		for name := range sub.stale {
			sub.owed[name] = sub.acked[name]
			delete(sub.stale, name)
			removed = append(removed, name)
			sub.review(name)
		}
	}
	slices.Sort(removed)
	return slices.Compact(removed), left
}

// view is a subscription as a cache is to see it: without what the Envoy is left
// with for now, and with what it is to remove.
type view struct {
	cache.Subscription
	server *Server
	sub    *subscription
}

func (v view) ReturnedResources() map[string]string {
	known := v.Subscription.ReturnedResources()
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	if len(v.sub.stale) == 0 && len(v.sub.owed) == 0 {
		return known
	}
	known = maps.Clone(known)
	for name := range v.sub.stale {
		delete(known, name)
	}
	for name, version := range v.sub.owed {
		known[name] = version
	}
	return known
}
