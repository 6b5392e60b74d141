package domain

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Rule is a routing rule of a domain name, as apigatewayv2 is told it.
type Rule struct {
	ID         string          `json:"routingRuleId"`
	Priority   int             `json:"priority"`
	Conditions []RuleCondition `json:"conditions"`
	Actions    []RuleAction    `json:"actions"`
}

// RuleCondition is about the base path, or about a header.
type RuleCondition struct {
	MatchBasePaths *RuleBasePaths `json:"matchBasePaths,omitempty"`
	MatchHeaders   *RuleHeaders   `json:"matchHeaders,omitempty"`
}

// RuleBasePaths are base paths of which one is asked for.
type RuleBasePaths struct {
	AnyOf []string `json:"anyOf"`
}

// RuleHeaders are headers of which one is asked for.
type RuleHeaders struct {
	AnyOf []RuleHeader `json:"anyOf"`
}

// RuleHeader is a header and the form of its value.
type RuleHeader struct {
	Header    string `json:"header"`
	ValueGlob string `json:"valueGlob"`
}

// RuleAction is what becomes of a request.
type RuleAction struct {
	InvokeAPI *RuleTarget `json:"invokeApi,omitempty"`
}

// RuleTarget is the stage that a request goes to.
type RuleTarget struct {
	APIID         string `json:"apiId"`
	Stage         string `json:"stage"`
	StripBasePath bool   `json:"stripBasePath,omitempty"`
}

// Path is the base path that a rule asks for, or empty.
func (r *Rule) Path() string {
	for _, c := range r.Conditions {
		if c.MatchBasePaths != nil && len(c.MatchBasePaths.AnyOf) > 0 {
			return c.MatchBasePaths.AnyOf[0]
		}
	}
	return ""
}

// Headers are those that it asks for.
func (r *Rule) Headers() (headers []RuleHeader) {
	for _, c := range r.Conditions {
		if c.MatchHeaders != nil {
			headers = append(headers, c.MatchHeaders.AnyOf...)
		}
	}
	return headers
}

// Target is where it leads to, or nil.
func (r *Rule) Target() *RuleTarget {
	if len(r.Actions) == 0 {
		return nil
	}
	return r.Actions[0].InvokeAPI
}

// Problem says what of a rule Amazon would not take; empty is nothing.
func (r *Rule) Problem() string {
	if r.Priority < 1 || r.Priority > gateway.MaxRulePriority {
		return "The priority of a routing rule must be between 1 and 1000000"
	}
	if t := r.Target(); len(r.Actions) != 1 || t == nil || t.APIID == "" || t.Stage == "" {
		return "A routing rule must have exactly one action, which is an invokeApi with an apiId and a stage"
	}
	paths, headers, names := 0, 0, map[string]bool{}
	for _, c := range r.Conditions {
		switch {
		case c.MatchBasePaths != nil && c.MatchHeaders == nil && len(c.MatchBasePaths.AnyOf) == 1:
			paths++
			if path := c.MatchBasePaths.AnyOf[0]; path == "" || len(path) >= maxRulePath || !ValidPath(path) {
				return "Invalid base path in a condition: it has fewer than 128 letters, digits and $-_.+!*'() between single slashes"
			}
		case c.MatchHeaders != nil && c.MatchBasePaths == nil && len(c.MatchHeaders.AnyOf) == 1:
			headers++
			h := c.MatchHeaders.AnyOf[0]
			if wrong := gateway.ValidRuleHeader(gateway.HeaderGlob{Name: h.Header, Value: h.ValueGlob}); wrong != "" {
				return "Invalid header in a condition: " + wrong
			}
			if name := strings.ToLower(h.Header); names[name] {
				return "A routing rule can be about a header once: " + h.Header
			} else {
				names[name] = true
			}
		default:
			return "A condition must have either matchBasePaths or matchHeaders, with exactly one value in anyOf"
		}
	}
	if paths > 1 || headers > 2 {
		return "A routing rule can have up to two matchHeaders conditions and one matchBasePaths condition"
	}
	return ""
}

const maxRulePath = 128

// RulesFolder is where the rules of a domain name are.
func RulesFolder(region, name string) string { return region + "/routingrules/" + name + "/" }

// Rules reads the rules of a domain name, in the order in which they are tried.
func Rules(r store.Reader, region, name string) ([]*Rule, error) {
	rules, err := store.ReadDocuments[*Rule](r, RulesFolder(region, name))
	slices.SortFunc(rules, func(a, b *Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	return rules, err
}

// PutRule writes a rule; one without an id is new. ErrExists says that another has its priority.
func PutRule(tx store.Tx, region, name string, rule *Rule) error {
	rules, err := Rules(tx, region, name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rules, func(other *Rule) bool { return other.Priority == rule.Priority && other.ID != rule.ID }) {
		return ErrExists
	}
	rule.ID = cmp.Or(rule.ID, restjson.NewID(6))
	return store.WriteDocument(tx, RulesFolder(region, name)+rule.ID, rule)
}

// RuledDomains names the domains whose rules lead to an API, or to a stage of it.
func RuledDomains(r store.Reader, region, apiID, stage string) ([]string, error) {
	folder := strings.TrimSuffix(RulesFolder(region, ""), "/")
	entries, err := r.List(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		rule, err := store.Decode[Rule](e)
		if err != nil {
			return nil, err
		}
		if t := rule.Target(); t != nil && t.APIID == apiID && (stage == "" || t.Stage == stage) {
			name, _, _ := strings.Cut(strings.TrimPrefix(e.Key, folder), "/")
			names = append(names, name)
		}
	}
	return slices.Compact(names), nil
}
