package translator

import (
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
)

// follow has the routes of a mount match only what its rule is about. What does not match is left
// to the mounts after it.
func (s *section) follow(r *gateway.RoutingRule, base string) {
	conditions := ruleConditions(r, base)
	narrow := func(routes []*routev3.Route) {
		for _, route := range routes {
			for _, c := range conditions {
				route.Match.Headers = append(route.Match.Headers, proto.Clone(c).(*routev3.HeaderMatcher))
			}
		}
	}
	for _, c := range s.candidates {
		narrow(c.routes)
	}
	narrow(s.stop.routes)
	s.stop.partial = true
}

// ruleConditions are what a rule asks for beside the base path of its mount: headers, and a path
// that is not cut off.
func ruleConditions(r *gateway.RoutingRule, base string) []*routev3.HeaderMatcher {
	var conditions []*routev3.HeaderMatcher
	for _, h := range r.Headers {
		conditions = append(conditions, globMatcher(h))
	}
	if r.Path != "" && base == "" {
		conditions = append(conditions, headerMatcher(":path", regexMatcher("/"+regexp.QuoteMeta(r.Path)+"(?:[/?].*)?")))
	}
	return conditions
}

// globMatcher matches a value, the case of its letters included.
func globMatcher(h gateway.HeaderGlob) *routev3.HeaderMatcher {
	name, text := strings.ToLower(h.Name), strings.Trim(h.Value, "*")
	if name == "host" {
		// It may have a port, which is none of the rule's business.
		pattern := strings.ReplaceAll(regexp.QuoteMeta(h.Value), `\*`, ".*")
		return headerMatcher(":authority", regexMatcher(pattern+"(?::[0-9]+)?"))
	}
	matcher := &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Exact{Exact: text}}
	switch before, after := strings.HasPrefix(h.Value, "*"), strings.HasSuffix(h.Value, "*"); {
	case text == "":
		return &routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}}
	case before && after:
		matcher.MatchPattern = &envoymatcherv3.StringMatcher_Contains{Contains: text}
	case before:
		matcher.MatchPattern = &envoymatcherv3.StringMatcher_Suffix{Suffix: text}
	case after:
		matcher.MatchPattern = &envoymatcherv3.StringMatcher_Prefix{Prefix: text}
	}
	return headerMatcher(name, matcher)
}
