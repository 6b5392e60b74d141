package translator

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
)

// Envoy finds a route by the longest prefix in a map, then tries the routes of that
// bucket in order. It never goes back to a shorter prefix, so that every bucket must
// hold all routes a path with its prefix may want, the less specific ones last: that
// is how API Gateway's backtracking comes about.

// A candidate is a route with what decides its place in the buckets.
type candidate struct {
	// base is the mount's path.
	base     string
	template gateway.PathTemplate
	// looseSlash: the path with a slash at its end matches too (REST APIs).
	looseSlash bool
	// everything: all paths below base match, whatever the template.
	everything bool
	// routes are tried in this order; more than one where conditions differ.
	routes []*routev3.Route
}

// A stop is the end of a mount's candidates: whatever path below base is left gets
// these routes.
type stop struct {
	base   string
	routes []*routev3.Route
	// partial: the routes take a share of the requests only, the sections after
	// this one are still needed.
	partial bool
}

// A section is a mount's candidates, most specific first, and its stop, below whose base they
// all are.
type section struct {
	candidates []candidate
	stop       stop
}

// A bucket is an entry of the prefix map.
type bucket struct {
	prefix string
	routes []*routev3.Route
}

// buckets lays sections (longest base first) out over prefixes. The last section's
// stop must have base "": no path is left without a route.
func buckets(sections []section) []bucket {
	prefixes := map[string]bool{"": true}
	for _, s := range sections {
		prefixes[s.stop.base] = true
		if s.stop.base != "" {
			prefixes[s.stop.base+"/"] = true
		}
		for _, c := range s.candidates {
			prefixes[c.literalPrefix()] = true
		}
	}
	// The root bucket is "/", the prefix of every path.
	delete(prefixes, "")
	prefixes["/"] = true

	var out []bucket
	for prefix := range prefixes {
		out = append(out, bucket{prefix, routesBelow(sections, prefix)})
	}
	slices.SortFunc(out, func(a, b bucket) int { return strings.Compare(a.prefix, b.prefix) })
	return out
}

func routesBelow(sections []section, prefix string) []*routev3.Route {
	var routes []*routev3.Route
	for _, s := range sections {
		// Most of a host with many mappings is elsewhere.
		if !strings.HasPrefix(prefix, s.stop.base) {
			continue
		}
		for _, c := range s.candidates {
			if c.mayMatchBelow(prefix) {
				routes = append(routes, c.routes...)
			}
		}
		if s.stop.mayMatchBelow(prefix) {
			routes = append(routes, s.stop.routes...)
		}
		if s.stop.covers(prefix) {
			break
		}
	}
	return routes
}

// literalPrefix is the path up to the first variable.
func (c *candidate) literalPrefix() string {
	var b strings.Builder
	b.WriteString(c.base)
	for _, s := range c.template {
		b.WriteByte('/')
		if s.Variable != "" {
			return b.String()
		}
		b.WriteString(s.Literal)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// mayMatchBelow reports whether some path that ends up in the bucket of prefix
// matches. What the candidate's own literal prefix is longer than, the bucket of
// that one takes.
func (c *candidate) mayMatchBelow(prefix string) bool {
	if !strings.HasPrefix(prefix, c.literalPrefix()) {
		return false
	}
	if c.everything {
		all := stop{base: c.base}
		return all.mayMatchBelow(prefix)
	}
	var segments []gateway.PathSegment
	for _, s := range strings.Split(strings.TrimPrefix(c.base, "/"), "/") {
		if s != "" {
			segments = append(segments, gateway.PathSegment{Literal: s})
		}
	}
	segments = append(segments, c.template...)

	parts := strings.Split(strings.TrimPrefix(prefix, "/"), "/")
	last := len(parts) - 1
	for i, part := range parts {
		if i >= len(segments) {
			// Only the slash at the end is left of the prefix; the root always has it.
			return i == last && part == "" && (c.looseSlash || len(c.template) == 0)
		}
		s := segments[i]
		switch {
		case s.Greedy:
			return true
		case s.Variable != "":
			if part == "" && i < last {
				return false
			}
		case i < last && s.Literal != part, i == last && !strings.HasPrefix(s.Literal, part):
			return false
		}
	}
	return true
}

func (s *stop) mayMatchBelow(prefix string) bool {
	return s.below(prefix) || s.base == prefix
}

// covers reports whether the stop leaves nothing of what begins with prefix.
func (s *stop) covers(prefix string) bool {
	return !s.partial && s.below(prefix)
}

// below reports whether every path that begins with prefix is below the base.
func (s *stop) below(prefix string) bool {
	return s.base == "" || strings.HasPrefix(prefix, s.base+"/")
}
