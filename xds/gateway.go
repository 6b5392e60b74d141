package xds

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// resourceSet is one type of one gateway.
type resourceSet struct {
	typeURL string
	linear  *cache.LinearCache
	// entries mirror the cache. They and unused are written by Set and sweep
	// alone, and under Server.mu, so that these read them without it.
	entries map[string]*entry
	// unused holds since when the revision has had no use for a resource that
	// is still in the cache, see Server.sweep; zero until Set is through.
	unused map[string]time.Time
}

// target is the version that every Envoy is to end up with, "" for none.
func (r *resourceSet) target(name string) string {
	if e := r.entries[name]; e != nil {
		return e.version
	}
	return ""
}

// gateway is what the Envoys of one node cluster are served.
type gateway struct {
	name string
	sets map[string]*resourceSet
	// What follows is guarded by Server.mu. A gateway that no revision defined
	// exists for as long as an Envoy asks for it, or Set works on it.
	streams map[int64]*stream
	defined bool
	setting bool

	// mu guards the watches that came before the gateway had any resources.
	mu     sync.Mutex
	open   bool
	parked []*parkedWatch
}

func newGateway(name string) *gateway {
	g := &gateway{name: name, sets: map[string]*resourceSet{}, streams: map[int64]*stream{}}
	for _, typeURL := range allTypes {
		g.sets[typeURL] = &resourceSet{
			typeURL: typeURL,
			linear:  cache.NewLinearCache(typeURL),
			entries: map[string]*entry{},
			unused:  map[string]time.Time{},
		}
	}
	return g
}

// update puts resources in a cache, which sends them to whoever is waiting.
func (r *resourceSet) update(upsert map[string]types.Resource, remove []string) error {
	if len(upsert) == 0 && len(remove) == 0 {
		return nil
	}
	if err := r.linear.UpdateResources(upsert, remove); err != nil {
		return fmt.Errorf("updating the %s cache: %w", TypeName(r.typeURL), err)
	}
	return nil
}

// parkedWatch is an Envoy's open question that must not be answered yet.
type parkedWatch struct {
	stream *stream
	req    *cache.DeltaRequest
	sub    cache.Subscription
	out    chan cache.DeltaResponse
	cancel func()
}

// watch is CreateDeltaWatch for the Envoys of one gateway. Before the gateway
// has resources nothing is answered: to answer "there is nothing" would make an
// Envoy that outlived the control plane drop all that it serves. wait is asked
// whether there is another reason.
func (g *gateway) watch(w *parkedWatch, wait func() bool) (func(), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open && !wait() {
		return g.answer(w)
	}
	g.parked = append(g.parked, w)
	return func() {
		// The lock is what keeps unpark from answering on a closed channel.
		g.mu.Lock()
		g.parked = slices.DeleteFunc(g.parked, func(p *parkedWatch) bool { return p == w })
		cancel := w.cancel
		g.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	}, nil
}

func (g *gateway) answer(w *parkedWatch) (func(), error) {
	return g.sets[w.req.GetTypeUrl()].linear.CreateDeltaWatch(w.req, asked(w.req, w.sub), w.out)
}

// start answers what was asked so far, and from now on at once, except to those
// who must wait.
func (g *gateway) start(wait func(*parkedWatch) bool) error {
	g.mu.Lock()
	open := g.open
	g.open = true
	g.mu.Unlock()
	if open {
		return nil
	}
	return g.unpark(func(w *parkedWatch) bool { return !wait(w) })
}

// unpark answers those of the open questions that are due, if there are answers.
func (g *gateway) unpark(due func(*parkedWatch) bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		return nil
	}
	for _, typeURL := range allTypes {
		for _, w := range slices.Clone(g.parked) {
			if w.req.GetTypeUrl() != typeURL || !due(w) {
				continue
			}
			g.parked = slices.DeleteFunc(g.parked, func(p *parkedWatch) bool { return p == w })
			cancel, err := g.answer(w)
			if err != nil {
				return fmt.Errorf("answering %s: %w", TypeName(typeURL), err)
			}
			w.cancel = cancel
		}
	}
	return nil
}

// asked makes a cache answer with every resource that a request names, even one
// that the Envoy was sent before: it may have dropped it and taken interest again
// before it could say either. go-control-plane believes it to be known, and the
// listener that needs it would warm for ever. Only the first request on a stream,
// the one with initial versions, is to be believed. See resource_names_subscribe:
// https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#envoy-v3-api-msg-service-discovery-v3-deltadiscoveryrequest
func asked(req *cache.DeltaRequest, sub cache.Subscription) cache.Subscription {
	if len(req.GetInitialResourceVersions()) > 0 {
		return sub
	}
	known := sub.ReturnedResources()
	var without map[string]string
	for _, name := range req.GetResourceNamesSubscribe() {
		if _, ok := known[name]; !ok {
			continue
		}
		if without == nil {
			without = make(map[string]string, len(known))
			for n, v := range known {
				without[n] = v
			}
		}
		delete(without, name)
	}
	if without == nil {
		return sub
	}
	return resubscription{sub, without}
}

type resubscription struct {
	cache.Subscription
	returned map[string]string
}

func (r resubscription) ReturnedResources() map[string]string { return r.returned }
