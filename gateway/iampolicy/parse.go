package iampolicy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a policy is attached to; it decides what may stand in it.
type Kind int

const (
	// ResourcePolicy is attached to a REST API: it names principals, and its resources
	// may be written in short, as in execute-api:/prod/GET/pets.
	ResourcePolicy Kind = iota
	// AuthorizerPolicy is what a Lambda authorizer answers with. It speaks of the
	// caller it was asked about, and names no principals.
	AuthorizerPolicy
	// IdentityPolicy belongs to a user or role and names no principals either.
	IdentityPolicy
)

// limits of each kind, in characters, zero for none. That of an authorizer's document
// is our own: Amazon states none, and what comes from the network is bounded here.
var limits = [...]struct{ document, resource int }{
	ResourcePolicy:   {document: 8192},
	AuthorizerPolicy: {document: 65536, resource: 512},
	IdentityPolicy:   {document: 10240},
}

// maxBytes is where reading stops, whatever the options say.
const maxBytes = 1 << 20

// Options say how a document is to be read.
type Options struct {
	Kind Kind
	// API is the one that a resource policy is attached to. Its short resources stand
	// for methods of this API, and a statement about other APIs only is refused. The
	// zero API leaves that unchecked, and short resources refused.
	API API
	// MaxCharacters and MaxResourceCharacters bound the document and each of its
	// resources; zero stands for the limit of the kind.
	MaxCharacters         int
	MaxResourceCharacters int
}

const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Policy is a compiled document.
type Policy struct {
	version    string
	id         string
	statements []statement
}

// Version is 2012-10-17 or 2008-10-17.
func (p *Policy) Version() string { return p.version }

// ID is the document's Id, which means nothing.
func (p *Policy) ID() string { return p.id }

// statement is one of a policy's.
type statement struct {
	sid          string
	deny         bool
	principals   principals
	actions      []pattern
	notActions   bool
	resources    []arnPattern
	notResources bool
	conditions   []condition
}

// Parse reads a policy document. Every problem is reported; the policy is nil when
// there is one that is more than a warning.
func Parse(text []byte, o Options) (*Policy, []Problem) {
	if o.MaxCharacters == 0 {
		o.MaxCharacters = limits[o.Kind].document
	}
	if o.MaxResourceCharacters == 0 {
		o.MaxResourceCharacters = limits[o.Kind].resource
	}
	p := &parser{options: o}
	policy := p.policy(text)
	if slices.ContainsFunc(p.problems, func(p Problem) bool { return !p.Warning }) {
		policy = nil
	}
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Offset - b.Offset })
	return policy, p.problems
}

type parser struct {
	options Options
	// variables tells whether the version of the language has them.
	variables bool
	problems  []Problem
}

func (p *parser) problem(at Path, offset int, hint, format string, args ...any) {
	p.problems = append(p.problems, Problem{at, offset, fmt.Sprintf(format, args...), hint, false})
}

func (p *parser) warning(at Path, offset int, hint, format string, args ...any) {
	p.problems = append(p.problems, Problem{at, offset, fmt.Sprintf(format, args...), hint, true})
}

func (p *parser) policy(text []byte) *Policy {
	characters := p.characters(text)
	if characters > p.options.MaxCharacters {
		p.problem(nil, 0, "", "the policy has %d characters, %d are allowed", characters, p.options.MaxCharacters)
	}
	if len(text) > maxBytes {
		p.problem(nil, 0, "", "the policy has %d bytes, more than %d are never read", len(text), maxBytes)
		return nil
	}
	root, ok := (&document{text: text, parser: p}).read()
	if !ok || !p.is(nil, &root, objectNode, "") {
		return nil
	}
	policy := &Policy{version: version2008}
	// Whether there are variables has to be known before the statements are read.
	if i := slices.IndexFunc(root.members, func(m member) bool { return m.name == "Version" }); i >= 0 {
		at, value := Path(nil).key("Version"), &root.members[i].value
		if p.is(at, value, textNode, "") {
			policy.version = value.text
			if value.text != version2008 && value.text != version2012 {
				p.problem(at, value.offset, "write "+version2012, "%q is no version of the policy language", value.text)
			}
		}
	}
	p.variables = policy.version == version2012
	statements := false
	for i := range root.members {
		m := &root.members[i]
		at := Path(nil).key(m.name)
		switch m.name {
		case "Version":
		case "Id":
			if p.options.Kind == IdentityPolicy {
				p.problem(at, m.offset, "leave it out", "policies of identities have no Id")
			}
			if p.is(at, &m.value, textNode, "") {
				policy.id = m.value.text
			}
		case "Statement":
			statements = true
			policy.statements = p.statements(at, &m.value)
		default:
			p.unknown(at, m, []string{"Version", "Id", "Statement"})
		}
	}
	if !statements {
		p.problem(nil, root.offset, "", "the policy has no Statement")
	}
	return policy
}

// characters counts as Amazon does: white space weighs nothing in policies of
// identities.
func (p *parser) characters(text []byte) int {
	if p.options.Kind != IdentityPolicy {
		return utf8.RuneCount(text)
	}
	n := 0
	for _, c := range string(text) {
		if !unicode.IsSpace(c) {
			n++
		}
	}
	return n
}

func (p *parser) statements(at Path, value *node) []statement {
	var all []statement
	sids := map[string]bool{}
	read := func(at Path, value *node) {
		s := p.statement(at, value)
		if s.sid != "" && sids[s.sid] {
			p.problem(at, value.offset, "", "another statement has the Sid %q, too", s.sid)
		}
		sids[s.sid] = true
		all = append(all, s)
	}
	if value.kind != listNode {
		read(at, value)
		return all
	}
	if len(value.items) == 0 {
		p.problem(at, value.offset, "", "the policy has no statements")
	}
	for i := range value.items {
		read(at.item(i), &value.items[i])
	}
	return all
}

func (p *parser) statement(at Path, value *node) statement {
	var s statement
	if !p.is(at, value, objectNode, "") {
		return s
	}
	var effect, principal, action, resource string
	// once reports two elements that exclude each other.
	once := func(seen *string, here Path, m *member) {
		if *seen != "" {
			p.problem(here, m.offset, "", "%s and %s exclude each other", *seen, m.name)
		}
		*seen = m.name
	}
	for i := range value.members {
		m := &value.members[i]
		here := at.key(m.name)
		switch m.name {
		case "Sid":
			s.sid = p.sid(here, &m.value)
		case "Effect":
			effect = m.name
			if !p.is(here, &m.value, textNode, "") {
				break
			}
			if s.deny = m.value.text == "Deny"; !s.deny && m.value.text != "Allow" {
				p.problem(here, m.value.offset, "", "%q is neither Allow nor Deny", m.value.text)
			}
		case "Principal", "NotPrincipal":
			once(&principal, here, m)
			s.principals = p.principals(here, m)
		case "Action", "NotAction":
			once(&action, here, m)
			s.actions, s.notActions = p.actions(here, &m.value), m.name == "NotAction"
		case "Resource", "NotResource":
			once(&resource, here, m)
			s.notResources = m.name == "NotResource"
			s.resources = p.resources(here, m)
		case "Condition":
			s.conditions = p.conditions(here, &m.value)
		default:
			p.unknown(here, m, []string{
				"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
			})
		}
	}
	missing := func(seen, what string) {
		if seen == "" {
			p.problem(at, value.offset, "", "the statement has no %s", what)
		}
	}
	missing(effect, "Effect")
	missing(action, "Action or NotAction")
	missing(resource, "Resource or NotResource")
	if p.options.Kind == ResourcePolicy {
		missing(principal, "Principal")
	}
	if principal == "NotPrincipal" && effect != "" && !s.deny {
		p.problem(at, value.offset, "name the principals that are allowed", "NotPrincipal may only deny")
	}
	return s
}

// sid reads a statement's name. Those of identities are made of letters and digits.
func (p *parser) sid(at Path, value *node) string {
	if !p.is(at, value, textNode, "") {
		return ""
	}
	for _, c := range value.text {
		if p.options.Kind == IdentityPolicy && !isLetter(c) && !isDigit(c) || !unicode.IsPrint(c) {
			p.problem(at, value.offset, "use letters and digits", "the Sid %q has characters that are not allowed", value.text)
			break
		}
	}
	return value.text
}

// located is a text of the document with its place.
type located struct {
	text   string
	at     Path
	offset int
}

// texts reads a value or a list of values; kinds other than text have to be asked for.
func (p *parser) texts(at Path, value *node, what string, kinds ...nodeKind) []located {
	if value.kind != listNode {
		if slices.Contains(kinds, value.kind) {
			return []located{{value.text, at, value.offset}}
		}
		p.problem(at, value.offset, "", "%s must be text or a list of texts, not %s", what, value.kind)
		return nil
	}
	if len(value.items) == 0 {
		p.problem(at, value.offset, "", "the list is empty")
	}
	var all []located
	for i := range value.items {
		item := &value.items[i]
		if slices.Contains(kinds, item.kind) {
			all = append(all, located{item.text, at.item(i), item.offset})
			continue
		}
		p.problem(at.item(i), item.offset, "", "%s must be text, not %s", what, item.kind)
	}
	return all
}

func (p *parser) is(at Path, value *node, want nodeKind, hint string) bool {
	if value.kind != want {
		p.problem(at, value.offset, hint, "this must be %s, not %s", want, value.kind)
	}
	return value.kind == want
}

// unknown reports an element that the language does not have.
func (p *parser) unknown(at Path, m *member, known []string) {
	hint := "only " + strings.Join(known, ", ") + " are possible"
	if i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, m.name) }); i >= 0 {
		hint = "write " + known[i]
	}
	p.problem(at, m.offset, hint, "unknown element %q", m.name)
}

// noticeVariables warns of variables that the version of the language does not have.
func (p *parser) noticeVariables(v located) {
	if !p.variables && strings.Contains(v.text, "${") {
		p.warning(v.at, v.offset, `write "Version": "`+version2012+`"`, "${ is plain text in policies of the version %s", version2008)
	}
}
