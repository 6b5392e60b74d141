package iampolicy

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// AddressRules is the policy of one stage of an API, for the action Invoke, when it
// asks for nothing but the client's address, the method and the path. A request that
// a rule of Deny covers is denied; else one that a rule of Allow covers is allowed;
// else the policy says neither. That is exactly what Evaluate says.
//
// For Envoy's RBAC filter each rule is a conjunction of remote_ip (Sources), :method
// and url_path (Paths). Addresses have to be those that aws:SourceIp would have, and
// paths those of the ARN.
type AddressRules struct {
	Deny  []AddressRule
	Allow []AddressRule
}

// AddressRule is one statement.
type AddressRule struct {
	// Statement is its index, Sid its name.
	Statement int
	Sid       string
	Sources   Sources

	resources []remainders
	// not: the statement is about all but the resources.
	not bool
}

// Sources is a set of addresses.
type Sources struct {
	// Any: all but those of NotIn; In is empty then.
	Any bool
	// In has at least one prefix unless Any is set. An IPv4 address is in no IPv6 prefix.
	In    []netip.Prefix
	NotIn []netip.Prefix
}

// Contains reports whether an address is in the set.
func (s Sources) Contains(addr netip.Addr) bool {
	contains := func(p netip.Prefix) bool { return p.Contains(addr) }
	return (s.Any || slices.ContainsFunc(s.In, contains)) && !slices.ContainsFunc(s.NotIn, contains)
}

// Paths is a set of paths: those that one of the patterns covers, or, with Not, those
// that none does. Without patterns that is no path, or every path.
type Paths struct {
	Not      bool
	Patterns []PathPattern
}

// None reports whether the set has no path at all, All whether it has every one.
func (p Paths) None() bool { return p.full() == p.Not && p.settled() }
func (p Paths) All() bool  { return p.full() != p.Not && p.settled() }

func (p Paths) full() bool    { return len(p.Patterns) > 0 }
func (p Paths) settled() bool { return len(p.Patterns) == 0 || p.Patterns[0].Any() }

// Paths are those of the rule for one method. The set depends on the method, since a
// star in a resource may stretch over method and path; a route for any method needs
// one rule for each.
func (r *AddressRule) Paths(method string) Paths {
	paths := Paths{Not: r.not}
	for _, m := range r.resources {
		m = m.after(method)
		for _, place := range m.places {
			here := remainders{m.elements, []int{place}}
			if len(here.after("/").places) == 0 {
				continue
			}
			pattern := here.from(place)
			if pattern.Any() {
				paths.Patterns = []PathPattern{pattern}
				return paths
			}
			paths.Patterns = append(paths.Patterns, pattern)
		}
	}
	slices.SortFunc(paths.Patterns, func(a, b PathPattern) int { return cmp.Compare(a.String(), b.String()) })
	paths.Patterns = slices.CompactFunc(paths.Patterns, func(a, b PathPattern) bool { return a.Regexp() == b.Regexp() })
	return paths
}

// AddressRules reduces the policy to rules for one stage of an API. The error says, for
// every statement that asks for more than rules can, what that is.
func (p *Policy) AddressRules(api API, stage string) (*AddressRules, error) {
	rules := &AddressRules{}
	var reasons []error
	for i := range p.statements {
		s := &p.statements[i]
		if s.actsOn(lowerAction(Invoke)) == s.notActions {
			continue
		}
		rule := AddressRule{Statement: i, Sid: s.sid, not: s.notResources}
		sources, err := s.sources()
		if err == nil {
			rule.resources, err = s.below(api, stage)
		}
		if err != nil {
			reasons = append(reasons, fmt.Errorf("%v %w", Path(nil).key("Statement").item(i), err))
			continue
		}
		rule.Sources = sources
		switch {
		case !sources.Any && len(sources.In) == 0, len(rule.resources) == 0 && !rule.not:
			// The statement never applies.
		case s.deny:
			rules.Deny = append(rules.Deny, rule)
		default:
			rules.Allow = append(rules.Allow, rule)
		}
	}
	if reasons != nil {
		return nil, errors.Join(reasons...)
	}
	return rules, nil
}

// sources are the addresses that a statement is about, if it asks for no more.
func (s *statement) sources() (Sources, error) {
	sources := Sources{Any: true}
	if s.principals.stated && (s.principals.not || !s.principals.everyone) {
		return sources, errors.New("names principals")
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.key.id != keySourceIP || c.operator.family != addressFamily || c.set != noSet {
			return sources, fmt.Errorf("asks for %s of %s", c.operator.name, c.key.info().name+c.key.tag)
		}
		switch {
		case c.operator.negated:
			sources.NotIn = append(sources.NotIn, c.prefixes...)
		case sources.Any:
			sources.Any, sources.In = false, slices.Clone(c.prefixes)
		default:
			sources.In = intersect(sources.In, c.prefixes)
		}
	}
	sources.In, sources.NotIn = tidy(sources.In), tidy(sources.NotIn)
	return sources, nil
}

func intersect(a, b []netip.Prefix) []netip.Prefix {
	var both []netip.Prefix
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) {
				// Of two prefixes that overlap, the longer is within the shorter.
				if p.Bits() < q.Bits() {
					both = append(both, q)
				} else {
					both = append(both, p)
				}
			}
		}
	}
	return both
}

// tidy sorts prefixes and drops those that others contain.
func tidy(prefixes []netip.Prefix) []netip.Prefix {
	slices.SortFunc(prefixes, func(p, q netip.Prefix) int {
		return cmp.Or(cmp.Compare(p.Addr().BitLen(), q.Addr().BitLen()), cmp.Compare(p.Bits(), q.Bits()), p.Addr().Compare(q.Addr()))
	})
	var kept []netip.Prefix
	for _, p := range prefixes {
		if !slices.ContainsFunc(kept, func(k netip.Prefix) bool { return k.Overlaps(p) }) {
			kept = append(kept, p)
		}
	}
	return kept
}

// below is what the resources of a statement ask of what follows the stage in the ARN
// of a method.
func (s *statement) below(api API, stage string) ([]remainders, error) {
	var all []remainders
	for i := range s.resources {
		r := &s.resources[i]
		if r.any {
			return []remainders{{elements: star.elements(), places: []int{0}}}, nil
		}
		if r.parts[resourcePart].variables {
			return nil, errors.New("has variables in its resources")
		}
		if !r.within(api) {
			continue
		}
		if m := r.parts[resourcePart].after(api.ID + "/" + stage + "/"); len(m.beyond()) > 0 {
			all = append(all, m)
		}
	}
	return all, nil
}
