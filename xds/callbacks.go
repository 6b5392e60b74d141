package xds

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
)

// watcher is the face that Server shows to go-control-plane: it routes every
// Envoy to the caches of its gateway and listens to what is said.
type watcher struct{ *Server }

var (
	_ delta.Callbacks     = watcher{}
	_ cache.ConfigWatcher = watcher{}
)

// OnDeltaStreamOpen does nothing: who is there is known from the first request.
func (w watcher) OnDeltaStreamOpen(context.Context, int64, string) error { return nil }

// OnDeltaStreamClosed forgets an Envoy.
func (w watcher) OnDeltaStreamClosed(id int64, _ *corev3.Node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := w.streams[id]
	if st == nil {
		return
	}
	delete(w.streams, id)
	delete(w.asking, st.request)
	delete(st.gateway.streams, id)
	w.dropUnused(st.gateway)
	w.countNodes()
	w.notify()
	w.log.Info("envoy disconnected", "node", st.node, "gateway", st.gateway.name, "after", time.Since(st.since).Round(time.Millisecond))
}

// OnStreamDeltaRequest takes in subscriptions, ACKs and NACKs. It is called
// before the request is answered.
func (w watcher) OnStreamDeltaRequest(id int64, req *discoveryv3.DeltaDiscoveryRequest) error {
	st, nack := w.request(id, req)
	w.checkWarm(st)
	if nack != nil {
		w.log.Warn("envoy refused resources", "node", nack.Node, "gateway", nack.Gateway, "revision", nack.Revision,
			"type", TypeName(nack.TypeURL), "resources", nack.Resources, "message", nack.Message)
		if w.opts.OnNACK != nil {
			w.opts.OnNACK(*nack)
		}
	}
	return nil
}

func (w watcher) request(id int64, req *discoveryv3.DeltaDiscoveryRequest) (st *stream, nack *NACK) {
	w.mu.Lock()
	defer w.mu.Unlock()
	st = w.streams[id]
	if st == nil {
		st = w.connected(id, req.GetNode())
	} else {
		// Who it is it said at first, and cannot change.
		req.Node = nil
	}
	delete(w.asking, st.request)
	st.request, w.asking[req] = req, st
	set := st.gateway.sets[req.GetTypeUrl()]
	if set == nil {
		return st, nil // CreateDeltaWatch says so.
	}
	sub := st.subs[set.typeURL]
	if sub == nil {
		sub = newSubscription(set, req)
		st.subs[set.typeURL] = sub
		w.returned(st, sub)
		w.notify()
		return st, nil
	}
	defer w.notify()

	if p, ok := sub.inflight[req.GetResponseNonce()]; ok {
		delete(sub.inflight, req.GetResponseNonce())
		if detail := req.GetErrorDetail(); detail != nil {
			nack = w.refused(st, sub, p, strings.TrimSpace(detail.GetMessage()))
			w.metrics.nacks.WithLabelValues(TypeName(set.typeURL)).Inc()
		} else {
			sub.ack(p)
			w.metrics.acks.WithLabelValues(TypeName(set.typeURL)).Inc()
		}
	}
	// As if the Envoy asked for these again: the cache then sends them.
	req.ResourceNamesSubscribe = append(req.ResourceNamesSubscribe, sub.nextRetry()...)
	sub.interest(req, false)
	return st, nack
}

// refused books a refusal. It gives nil if what is refused has yet to be found
// out, which is what the retries are for.
func (w watcher) refused(st *stream, sub *subscription, p push, message string) *NACK {
	var names []string
	if independent(sub.set.typeURL) {
		names = blame(p.versions, message)
	}
	if names == nil && sub.split(p) {
		w.log.Debug("envoy refused one of several resources; finding out which", "node", st.node,
			"type", TypeName(sub.set.typeURL), "resources", len(p.versions), "message", message)
		return nil
	}
	if names == nil {
		names = p.sent()
	}
	nack := &NACK{
		Time: time.Now(), Node: st.node, Gateway: st.gateway.name, TypeURL: sub.set.typeURL,
		Resources: names, Message: message, versions: p.versions,
	}
	for _, name := range names {
		if sub.set.target(name) == p.versions[name] {
			nack.Revision = w.revision
		}
	}
	sub.nack(p, nack)
	return nack
}

// connected books an Envoy that spoke for the first time.
func (w watcher) connected(id int64, node *corev3.Node) *stream {
	g := w.gatewayNamed(node.GetCluster())
	st := &stream{
		id: id, gateway: g, node: node.GetId(), version: envoyVersion(node),
		since: time.Now(), subs: map[string]*subscription{},
	}
	w.streams[id], g.streams[id] = st, st
	w.countNodes()
	if otherSeries(st.version) {
		w.log.Warn("this envoy may refuse what it is sent, or do otherwise: it is of another series than gatehouse is made for",
			"node", st.node, "envoy", st.version, "wanted", EnvoySeries)
	}
	if missing := missingClusters(node); len(missing) > 0 {
		w.log.Warn("this envoy's bootstrap is of another version, or not of gatehouse's: where it lacks one of these clusters, what leads there is answered 500 or 503",
			"node", st.node, "clusters", missing, "hint", "print it again, by gatehouse bootstrap, and start the envoy with it")
	}
	if g.defined {
		w.log.Info("envoy connected", "node", st.node, "gateway", g.name, "envoy", st.version)
	} else if len(g.streams) == 1 {
		w.log.Warn("envoy connected for an unknown gateway; it is sent nothing until a revision defines that gateway",
			"node", st.node, "gateway", g.name, "envoy", st.version)
	}
	return st
}

// OnStreamDeltaResponse remembers what is about to be sent.
func (w watcher) OnStreamDeltaResponse(id int64, _ *discoveryv3.DeltaDiscoveryRequest, resp *discoveryv3.DeltaDiscoveryResponse) {
	typ := TypeName(resp.GetTypeUrl())
	w.metrics.pushes.WithLabelValues(typ).Inc()
	w.metrics.resources.WithLabelValues(typ).Add(float64(len(resp.GetResources()) + len(resp.GetRemovedResources())))
	w.metrics.bytes.WithLabelValues(typ).Add(float64(proto.Size(resp)))
	w.mu.Lock()
	defer w.mu.Unlock()
	if st := w.streams[id]; st != nil && st.subs[resp.GetTypeUrl()] != nil {
		st.subs[resp.GetTypeUrl()].sent(resp)
	}
}

// CreateDeltaWatch answers a request now or when there is something to say.
func (w watcher) CreateDeltaWatch(req *cache.DeltaRequest, sub cache.Subscription, out chan cache.DeltaResponse) (func(), error) {
	w.mu.Lock()
	st := w.asking[req]
	var own *subscription
	if st != nil {
		own = st.subs[req.GetTypeUrl()]
	}
	w.mu.Unlock()
	if st == nil {
		return nil, errUnknownStream
	}
	if own == nil {
		// An error would end the stream, and with it all other types.
		w.log.Warn("envoy asks for a type that is not served", "node", st.node, "type", req.GetTypeUrl())
		return func() {}, nil
	}
	return st.gateway.watch(&parkedWatch{stream: st, req: req, sub: view{sub, w.Server, own}, out: out},
		func() bool { return w.mustWait(st, req.GetTypeUrl()) })
}

// CreateWatch refuses the state-of-the-world protocol: it cannot say which
// resource was refused, and our bootstrap never asks for it.
func (w watcher) CreateWatch(*cache.Request, cache.Subscription, chan cache.Response) (func(), error) {
	return nil, errStateOfTheWorld
}
