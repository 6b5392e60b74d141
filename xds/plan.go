package xds

import (
	"cmp"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
)

// change is what a revision does to one type of one gateway.
type change struct {
	// upsert are the resources to send.
	upsert map[string]*entry
	// rebuilt are other messages with the bytes that are already served. They
	// are what the next revision is compared with.
	rebuilt map[string]*entry
	remove  []string
}

// plan is what a revision does to one gateway, as compared with what is in its
// caches. That need not be what the last revision asked for: it may have been
// stopped halfway, and resources linger after their last use.
type plan struct {
	gateway *gateway
	// defined tells whether the revision has this gateway at all.
	defined bool
	want    map[string]map[string]*entry
	changes map[string]change
	// newClusters are those that no Envoy of the gateway has yet.
	newClusters []*entry
}

// changed counts the resources of these types that are to be added or replaced.
func (p *plan) changed(typeURLs []string) (n int) {
	for _, t := range typeURLs {
		n += len(p.changes[t].upsert)
	}
	return n
}

// gone counts the resources that this revision has no use for, other than those
// of which that was known before.
func (p *plan) gone() (n int) {
	for typeURL, c := range p.changes {
		for _, name := range c.remove {
			if _, ok := p.gateway.sets[typeURL].unused[name]; !ok {
				n++
			}
		}
	}
	return n
}

// candidate is a resource that is not known to be the one in the cache.
type candidate struct {
	typeURL, name string
	msg           proto.Message
	old           *entry
	// What newEntry makes of it.
	entry *entry
	errs  []error
}

// plan compares one gateway's resources with its caches. Only what differs is
// validated, marshalled or looked into.
func (s *Server) plan(g *gateway, res Resources, defined bool) (*plan, []Problem) {
	p := &plan{gateway: g, defined: defined, want: map[string]map[string]*entry{}, changes: map[string]change{}}
	candidates, problems := p.compare(res)

	// At a cold start this is most of the work, and none of it is shared.
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range candidates {
		group.Go(func() error {
			c.entry, c.errs = newEntry(c.typeURL, c.name, c.msg, c.old)
			return nil
		})
	}
	_ = group.Wait() // All problems are reported, not the first.

	for _, c := range candidates {
		for _, err := range c.errs {
			problems = append(problems, Problem{Gateway: g.name, TypeURL: c.typeURL, Name: c.name, Err: err})
		}
		if c.entry != nil {
			p.add(c)
		}
	}
	if len(problems) == 0 {
		problems = checkReferences(g.name, p.want, s.static)
	}
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.TypeURL, b.TypeURL), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Err.Error(), b.Err.Error()))
	})
	return p, problems
}

// compare recognises what is unchanged by being the same message, notes what is
// gone, and gives the rest.
func (p *plan) compare(res Resources) (candidates []*candidate, problems []Problem) {
	for typeURL := range res {
		if _, ok := shortNames[typeURL]; !ok {
			problems = append(problems, Problem{Gateway: p.gateway.name, TypeURL: typeURL, Err: errUnservedType})
		}
	}
	for _, typeURL := range allTypes {
		have, want := p.gateway.sets[typeURL].entries, make(map[string]*entry, len(res[typeURL]))
		c := change{upsert: map[string]*entry{}, rebuilt: map[string]*entry{}}
		for name, msg := range res[typeURL] {
			if old := have[name]; old != nil && old.msg == msg {
				want[name] = old
			} else {
				candidates = append(candidates, &candidate{typeURL: typeURL, name: name, msg: msg, old: old})
			}
		}
		for name := range have {
			if _, ok := res[typeURL][name]; !ok {
				c.remove = append(c.remove, name)
			}
		}
		p.want[typeURL], p.changes[typeURL] = want, c
	}
	return candidates, problems
}

// add takes a candidate in, as changed or not.
func (p *plan) add(c *candidate) {
	p.want[c.typeURL][c.name] = c.entry
	if c.old != nil && c.old.version == c.entry.version {
		p.changes[c.typeURL].rebuilt[c.name] = c.entry
		return
	}
	p.changes[c.typeURL].upsert[c.name] = c.entry
	if c.typeURL == ClusterType && c.old == nil {
		p.newClusters = append(p.newClusters, c.entry)
	}
}

// messages are the resources of entries, as the caches take them.
func messages(entries map[string]*entry) map[string]types.Resource {
	out := make(map[string]types.Resource, len(entries))
	for name, e := range entries {
		out[name] = e.msg
	}
	return out
}
