package iampolicy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Effect is what a policy says about a request.
type Effect int

const (
	// Neither: no statement is about the request.
	Neither Effect = iota
	Allow
	Deny
)

var effectNames = [...]string{"neither allow nor deny", "allow", "deny"}

func (e Effect) String() string { return effectNames[e] }

// Decision is what a policy says about a request, and where.
type Decision struct {
	Effect Effect
	// Statement is the index of the one that decided, counted from 0; -1 when none did.
	Statement int
	// Sid is its name, if it has one.
	Sid string
	// Delegated marks an Allow that names no more than the caller's account: within the
	// account, it takes a policy of the caller's own to make use of it.
	Delegated bool
}

// String explains the decision, as in "deny by Statement[1] (Office)".
func (d Decision) String() string {
	if d.Statement < 0 {
		return d.Effect.String()
	}
	s := fmt.Sprintf("%s by Statement[%d]", d.Effect, d.Statement)
	if d.Sid != "" {
		s += " (" + d.Sid + ")"
	}
	if d.Delegated {
		s += ", by way of the account"
	}
	return s
}

// Evaluate says what the policy makes of a request: a statement that denies goes
// before all that allow. Nothing is allocated, unless the policy has variables or
// compares truth values as text.
func (p *Policy) Evaluate(r *Request) Decision {
	var e evaluation
	e.prepare(r)
	d := Decision{Statement: -1}
	for i := range p.statements {
		s := &p.statements[i]
		// Once a request is allowed outright, only a denial can change that.
		if !s.deny && d.Effect == Allow && !d.Delegated {
			continue
		}
		applies, delegated := s.applies(&e)
		switch {
		case !applies:
		case s.deny:
			return Decision{Effect: Deny, Statement: i, Sid: s.sid}
		case d.Effect == Neither || !delegated:
			d = Decision{Allow, i, s.sid, delegated}
		}
	}
	return d
}

// EvaluateAll is Evaluate for the policies of one identity, which count as one. It
// also says which of them decided, -1 for none.
func EvaluateAll(policies []*Policy, r *Request) (d Decision, policy int) {
	d, policy = Decision{Statement: -1}, -1
	for i, p := range policies {
		switch one := p.Evaluate(r); {
		case one.Effect == Deny:
			return one, i
		case one.Effect == Allow && d.Effect == Neither:
			d, policy = one, i
		}
	}
	return d, policy
}

func (s *statement) applies(e *evaluation) (applies, delegated bool) {
	matched, delegated := s.principals.match(&e.request.Caller)
	if !matched || s.actsOn(e.action) == s.notActions || !s.isAbout(e) {
		return false, false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(e) {
			return false, false
		}
	}
	return true, delegated
}

// actsOn reports whether an action, in lower case, is among those that are listed.
func (s *statement) actsOn(action string) bool {
	for i := range s.actions {
		if s.actions[i].matches(action, nil) {
			return true
		}
	}
	return false
}

// isAbout reports whether the statement is about the resource. A resource whose
// variables the request has no value for matches nothing; among those that a
// statement is not about, it takes the statement out of force, as in IAM.
func (s *statement) isAbout(e *evaluation) bool {
	resolved := true
	for i := range s.resources {
		r := &s.resources[i]
		if !r.resolved(e) {
			resolved = false
		} else if r.matches(&e.resource, e.isARN, e) {
			return !s.notResources
		}
	}
	return s.notResources && resolved
}

// holds reports whether the request meets the condition.
func (c *condition) holds(e *evaluation) bool {
	n := e.count(c.key)
	switch {
	case c.operator.family == nullFamily:
		return c.truths[index(n == 0)]
	case n == 0 && (c.ifExists || c.set == forAllValues):
		return true
	case n == 0:
		return c.operator.negated && c.set != forAnyValue
	case c.set == forAllValues:
		for i := range n {
			if !c.accepts(e, i) {
				return false
			}
		}
		return true
	}
	for i := range n {
		if c.accepts(e, i) {
			return true
		}
	}
	return false
}

// accepts reports whether one value of the request is as the operator wants it.
func (c *condition) accepts(e *evaluation, i int) bool {
	matched, known := c.matches(e, i)
	return known && matched != c.operator.negated
}

// matches compares one value of the request with those of the condition, of which one
// has to match. When the request lacks the value of a variable, whether one does may
// remain unknown.
func (c *condition) matches(e *evaluation, i int) (matched, known bool) {
	switch c.operator.family {
	case stringFamily:
		return c.matchesText(e, i)
	case arnFamily:
		return c.matchesARN(e, i)
	case numericFamily:
		number, ok := e.number(c.key)
		return ok && slices.ContainsFunc(c.numbers, func(n float64) bool { return c.operator.orders(compareNumbers(number, n)) }), true
	case dateFamily:
		date, ok := e.anyDate(c.key)
		return ok && slices.ContainsFunc(c.dates, func(d time.Time) bool { return c.operator.orders(date.Compare(d)) }), true
	case boolFamily:
		truth, ok := e.anyTruth(c.key)
		return ok && c.truths[index(truth)], true
	case binaryFamily:
		text, _ := e.text(c.key, i)
		return slices.Contains(c.binaries, text), true
	case addressFamily:
		addr := e.anyAddress(c.key)
		return slices.ContainsFunc(c.prefixes, func(p netip.Prefix) bool { return p.Contains(addr) }), true
	}
	return false, true
}

func (c *condition) matchesText(e *evaluation, i int) (matched, known bool) {
	text, ok := "", false
	if c.key.info().several {
		text, ok = e.text(c.key, i)
	} else {
		text, ok = e.render(c.key)
	}
	known = true
	for i := range c.texts {
		p := &c.texts[i]
		switch {
		case !p.resolved(e):
			known = false
		case ok && c.operator.comparison == equalFold && strings.EqualFold(p.expand(e), text),
			ok && c.operator.comparison != equalFold && p.matches(text, e):
			return true, true
		}
	}
	return false, known
}

func (c *condition) matchesARN(e *evaluation, i int) (matched, known bool) {
	text, _ := e.text(c.key, i)
	parts, isARN := splitARN(text)
	known = true
	for i := range c.arns {
		a := &c.arns[i]
		if !a.resolved(e) {
			known = false
		} else if a.matches(&parts, isARN, e) {
			return true, true
		}
	}
	return false, known
}

// orders reports whether the outcome of a comparison is what the operator asks for.
func (o *operator) orders(c int) bool {
	switch o.comparison {
	case less:
		return c < 0
	case lessOrEqual:
		return c <= 0
	case greater:
		return c > 0
	case greaterOrEqual:
		return c >= 0
	}
	return c == 0
}

func compareNumbers(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// The values of tags are texts. One that is not of the kind an operator compares
// matches nothing.

func (e *evaluation) number(k key) (float64, bool) {
	switch k.id {
	case keyMFAAge:
		return float64(e.request.Caller.MFAAge / time.Second), true
	case keyEpochTime:
		return float64(e.request.Time.Unix()), true
	}
	text, _ := e.text(k, 0)
	number, err := parseNumber(text)
	return number, err == nil
}

func (e *evaluation) anyDate(k key) (time.Time, bool) {
	if k.id != keyPrincipalTag {
		return e.date(k)
	}
	text, _ := e.text(k, 0)
	date, err := parseDate(text)
	return date, err == nil
}

func (e *evaluation) anyTruth(k key) (truth, ok bool) {
	if k.id != keyPrincipalTag {
		return e.truth(k)
	}
	text, _ := e.text(k, 0)
	truth, err := parseTruth(text)
	return truth, err == nil
}

func (e *evaluation) anyAddress(k key) netip.Addr {
	if k.id != keyPrincipalTag {
		return e.address(k)
	}
	text, _ := e.text(k, 0)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
