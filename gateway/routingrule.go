package gateway

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// RoutingRule is what a request has to be for a mapping of a domain to be tried, before those
// without a rule.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-routing-rules.html
type RoutingRule struct {
	// ID is what logs call the rule; nobody else's in the domain.
	ID string
	// Priority is from 1 to 1,000,000 and nobody else's in the domain; the least goes first.
	Priority int
	// Path is how the path begins, without slashes at its ends; empty is for any. The mapping's
	// own Path is the same where it is cut off, else empty.
	Path string
	// Headers have to match, all of them.
	Headers []HeaderGlob
	Source  Position
}

// HeaderGlob is about the value of a header.
type HeaderGlob struct {
	Name string
	// Value is the whole of it, or has a * at its beginning, at its end, or at both.
	Value  string
	Source Position
}

// Amazon's limits of routing rules.
const (
	MaxRulePriority   = 1_000_000
	maxRuleHeaders    = 2
	maxRuleHeaderName = 40
	maxRuleValue      = 128
	maxRulePath       = 128
)

var ruleValue = regexp.MustCompile(`^\*?[^*\x00-\x1f\x7f]*\*?$`)

// ruleHeaderName is what headers can be named, in any case.
var ruleHeaderName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ValidRuleHeader says what is wrong with a condition on a header; empty is nothing.
func ValidRuleHeader(h HeaderGlob) string {
	name := strings.ToLower(h.Name)
	switch {
	case !ruleHeaderName.MatchString(h.Name) || len(h.Name) >= maxRuleHeaderName:
		return "the name of a header has to have fewer than 40 characters"
	case ReservedHeader(h.Name) || name == "x-apigw-api-id" || name == "x-restapi":
		return "the header " + h.Name + " cannot decide where a request goes"
	case !ruleValue.MatchString(h.Value) || h.Value == "" || len(h.Value) >= maxRuleValue:
		return "the value of a header has to be text of fewer than 128 characters, with * at its beginning or its end only"
	}
	return ""
}

// ByPriority orders mappings as they are tried as far as rules say it: those with one first.
func ByPriority(a, b *RoutingRule) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(a.Priority, b.Priority)
}

func (v *validation) routingRules(d *Domain) {
	priorities, ids := map[int]Position{}, map[string]Position{}
	for _, m := range d.Mappings {
		r := m.Rule
		if r == nil {
			continue
		}
		if first, taken := priorities[r.Priority]; taken {
			v.errorf("duplicate-priority", r.Source, "", "the domain %s has two rules of priority %d, the first at %s", d.Name, r.Priority, first)
		} else {
			priorities[r.Priority] = r.Source
			if first, taken := ids[r.ID]; taken {
				v.errorf("duplicate-rule-id", r.Source, "", "the domain %s has two rules with the id %q, the first at %s", d.Name, r.ID, first)
			} else {
				ids[r.ID] = r.Source
			}
		}
		if len(r.Path) >= maxRulePath || !basePathPattern.MatchString(r.Path) || strings.Contains(r.Path, "//") {
			v.errorf("invalid-path", r.Source, "use letters, digits and $-_.+!*'()/, fewer than 128", "%q is not a valid base path", r.Path)
		}
		if len(r.Headers) > maxRuleHeaders {
			v.errorf("invalid-value", r.Source, "", "a rule can be about %d headers, not %d", maxRuleHeaders, len(r.Headers))
		}
		for _, h := range r.Headers {
			if wrong := ValidRuleHeader(h); wrong != "" {
				v.errorf("invalid-value", h.Source, "", "%s", wrong)
			}
		}
	}
	if i := slices.IndexFunc(d.Mappings, func(m DomainMapping) bool {
		a := v.apisByID[m.API]
		return a != nil && a.Protocol == WebSocket && m.Rule != nil
	}); i >= 0 {
		v.errorf("invalid-value", d.Mappings[i].Source, "map a path of a domain to it", "rules do not lead to WebSocket APIs")
	}
}
