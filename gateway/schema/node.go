package schema

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// node is a compiled schema as bodies are held to it. It is not changed once it is made.
type node struct {
	draft int
	// nothing: no value is good.
	nothing bool
	ref     *node

	types     kinds
	typeNames []string
	enum      []value
	enumTexts map[string]bool
	constant  *value
	format    *jsonschema.Format

	maximum, minimum                   *bound
	exclusiveMaximum, exclusiveMinimum *bound
	multipleOf                         *big.Rat

	minLength, maxLength *int
	pattern              *pattern

	minItems, maxItems       *int
	unique                   bool
	tuple                    []*node
	items                    *node
	noMoreItems              bool
	contains                 *node
	minContains, maxContains *int

	minProperties, maxProperties *int
	required                     []string
	properties                   map[string]*node
	patterns                     []patternProperty
	additional                   *node
	noMoreProperties             bool
	propertyNames                *node
	dependencies                 []dependency

	allOf, anyOf, oneOf []*node
	not                 *node
	condition           *node
	then, otherwise     *node

	unevaluatedItems, unevaluatedProperties *node
}

type patternProperty struct {
	pattern *pattern
	schema  *node
}

// dependency is what has to hold of an object that has a member.
type dependency struct {
	name     string
	required []string
	schema   *node
}

// kinds is a set of the types that schemas name.
type kinds uint8

const integerKind valueKind = objectKind + 1

var kindNames = []string{nullKind: "null", booleanKind: "boolean", numberKind: "number", stringKind: "string", arrayKind: "array", objectKind: "object", integerKind: "integer"}

func (k kinds) has(kind valueKind) bool { return k&(1<<kind) != 0 }

// nodeMaker makes nodes of what the library compiled, one of each.
type nodeMaker struct {
	made map[*jsonschema.Schema]*node
	// unsupported are the places of what there is no node for.
	unsupported []string
	// asked and seen are where loops were looked for.
	asked map[*jsonschema.Schema]asking
	seen  map[*jsonschema.Schema]bool
}

// of makes the node of a schema, nil when something is wrong with it.
func (m *nodeMaker) of(compiled *jsonschema.Schema, s *Set, found []Problem) (*node, []Problem) {
	m.unsupported = nil
	root := m.node(compiled)
	for _, location := range m.unsupported {
		// Those in models were told when they were read.
		if ours, _ := s.of(location); ours == nil {
			p := s.place("", location)
			p.Message = "it refers to " + location + ", which has a $dynamicRef or $recursiveRef; these are not supported"
			found = append(found, p)
		}
	}
	if len(m.unsupported) > 0 {
		m.made = map[*jsonschema.Schema]*node{}
		return nil, found
	}
	if location, loops := m.loop(compiled); loops {
		p := s.place("", location)
		p.Message = "the schema refers to itself for the same value, and would never be done"
		return nil, append(found, p)
	}
	return root, found
}

func (m *nodeMaker) node(s *jsonschema.Schema) *node {
	if s == nil {
		return nil
	}
	if n, known := m.made[s]; known {
		return n
	}
	n := &node{draft: s.DraftVersion}
	m.made[s] = n
	if s.Bool != nil {
		n.nothing = !*s.Bool
		return n
	}
	if s.DynamicRef != nil || s.RecursiveRef != nil {
		m.unsupported = append(m.unsupported, s.Location)
	}
	n.ref = m.node(s.Ref)
	n.general(s)
	n.numbers(s)
	n.texts(s)
	m.array(n, s)
	m.object(n, s)
	n.allOf, n.anyOf, n.oneOf, n.not = m.nodes(s.AllOf), m.nodes(s.AnyOf), m.nodes(s.OneOf), m.node(s.Not)
	n.condition, n.then, n.otherwise = m.node(s.If), m.node(s.Then), m.node(s.Else)
	return n
}

func (m *nodeMaker) nodes(list []*jsonschema.Schema) []*node {
	var out []*node
	for _, s := range list {
		out = append(out, m.node(s))
	}
	return out
}

func (n *node) general(s *jsonschema.Schema) {
	if s.Types != nil {
		for _, name := range s.Types.ToStrings() {
			n.types |= 1 << slices.Index(kindNames, name)
			n.typeNames = append(n.typeNames, name)
			if name == "number" {
				n.typeNames = append(n.typeNames, "integer")
			}
		}
		slices.Sort(n.typeNames)
		n.typeNames = slices.Compact(n.typeNames)
	}
	if s.Enum != nil {
		n.enumTexts = map[string]bool{}
		for _, v := range s.Enum.Values {
			written := valueOf(v)
			n.enum = append(n.enum, written)
			if written.kind == stringKind {
				n.enumTexts[written.text] = true
			}
		}
	}
	if s.Const != nil {
		v := valueOf(*s.Const)
		n.constant = &v
	}
	n.format = s.Format
	if n.format != nil && n.format.Name == "regex" {
		// The library's would ask the set, which is not for concurrent use.
		n.format = regexFormat
	}
}

func (n *node) numbers(s *jsonschema.Schema) {
	n.maximum, n.minimum, n.multipleOf = newBound(s.Maximum), newBound(s.Minimum), s.MultipleOf
	n.exclusiveMaximum, n.exclusiveMinimum = newBound(s.ExclusiveMaximum), newBound(s.ExclusiveMinimum)
}

func (n *node) texts(s *jsonschema.Schema) {
	n.minLength, n.maxLength = s.MinLength, s.MaxLength
	n.pattern, _ = s.Pattern.(*pattern)
}

func (m *nodeMaker) array(n *node, s *jsonschema.Schema) {
	n.minItems, n.maxItems, n.unique = s.MinItems, s.MaxItems, s.UniqueItems
	n.contains, n.minContains, n.maxContains = m.node(s.Contains), s.MinContains, s.MaxContains
	n.unevaluatedItems = m.node(s.UnevaluatedItems)
	if s.DraftVersion >= 2020 {
		n.tuple, n.items = m.nodes(s.PrefixItems), m.node(s.Items2020)
		return
	}
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		n.items = m.node(items)
	case []*jsonschema.Schema:
		n.tuple = m.nodes(items)
		switch additional := s.AdditionalItems.(type) {
		case bool:
			n.noMoreItems = !additional
			if additional {
				// They count as looked at.
				n.items = &node{draft: n.draft}
			}
		case *jsonschema.Schema:
			n.items = m.node(additional)
		}
	}
}

func (m *nodeMaker) object(n *node, s *jsonschema.Schema) {
	n.minProperties, n.maxProperties = s.MinProperties, s.MaxProperties
	n.required = sorted(s.Required)
	n.propertyNames, n.unevaluatedProperties = m.node(s.PropertyNames), m.node(s.UnevaluatedProperties)
	if len(s.Properties) > 0 {
		n.properties = make(map[string]*node, len(s.Properties))
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			n.properties[name] = m.node(s.Properties[name])
		}
	}
	for re, of := range s.PatternProperties {
		if p, ours := re.(*pattern); ours {
			n.patterns = append(n.patterns, patternProperty{p, m.node(of)})
		}
	}
	slices.SortFunc(n.patterns, func(a, b patternProperty) int { return strings.Compare(a.pattern.written, b.pattern.written) })
	switch additional := s.AdditionalProperties.(type) {
	case bool:
		n.noMoreProperties = !additional
		if additional {
			n.additional = &node{draft: n.draft}
		}
	case *jsonschema.Schema:
		n.additional = m.node(additional)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		switch on := s.Dependencies[name].(type) {
		case []string:
			n.dependencies = append(n.dependencies, dependency{name: name, required: sorted(on)})
		case *jsonschema.Schema:
			n.dependencies = append(n.dependencies, dependency{name: name, schema: m.node(on)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentRequired)) {
		n.dependencies = append(n.dependencies, dependency{name: name, required: sorted(s.DependentRequired[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentSchemas)) {
		n.dependencies = append(n.dependencies, dependency{name: name, schema: m.node(s.DependentSchemas[name])})
	}
}

func sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

// same are the schemas that a schema asks about the very value that it is asked about.
func same(s *jsonschema.Schema) []*jsonschema.Schema {
	out := slices.Concat(s.AllOf, s.AnyOf, s.OneOf, []*jsonschema.Schema{s.Ref, s.Not, s.If, s.Then, s.Else})
	for _, name := range slices.Sorted(maps.Keys(s.DependentSchemas)) {
		out = append(out, s.DependentSchemas[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		if of, ok := s.Dependencies[name].(*jsonschema.Schema); ok {
			out = append(out, of)
		}
	}
	return out
}

// asking is how far the search for loops has come with a schema.
type asking int

const (
	underway asking = iota + 1
	done
)

// loop finds a schema that is asked about a value while it is asked about that value.
// Of what was searched before nothing is searched again.
func (m *nodeMaker) loop(root *jsonschema.Schema) (location string, found bool) {
	var visit func(*jsonschema.Schema) bool
	visit = func(s *jsonschema.Schema) bool {
		if s == nil || m.asked[s] == done {
			return false
		}
		if m.asked[s] == underway {
			location = s.Location
			return true
		}
		m.asked[s] = underway
		if slices.ContainsFunc(same(s), visit) {
			return true
		}
		m.asked[s] = done
		return false
	}
	for _, s := range m.reachable(root) {
		if visit(s) {
			return location, true
		}
	}
	return "", false
}

// reachable are all schemas that a value, or a part of it, may be held to, and that were
// not reached before.
func (m *nodeMaker) reachable(root *jsonschema.Schema) []*jsonschema.Schema {
	var out []*jsonschema.Schema
	var next []*jsonschema.Schema
	add := func(list ...*jsonschema.Schema) {
		for _, s := range list {
			if s != nil && !m.seen[s] {
				m.seen[s] = true
				next = append(next, s)
			}
		}
	}
	for add(root); len(next) > 0; {
		s := next[0]
		next = next[1:]
		out = append(out, s)
		add(same(s)...)
		add(s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems)
		add(s.PrefixItems...)
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			add(s.Properties[name])
		}
		for _, of := range s.PatternProperties {
			add(of)
		}
		for _, of := range []any{s.AdditionalProperties, s.AdditionalItems, s.Items} {
			switch of := of.(type) {
			case *jsonschema.Schema:
				add(of)
			case []*jsonschema.Schema:
				add(of...)
			}
		}
	}
	return out
}

// valueOf makes a value of what encoding/json makes, its members sorted by name.
func valueOf(v any) value {
	switch v := v.(type) {
	case bool:
		return value{kind: booleanKind, truth: v}
	case json.Number:
		return value{kind: numberKind, text: string(v)}
	case string:
		return value{kind: stringKind, text: v}
	case []any:
		c := &container{}
		for _, item := range v {
			c.items = append(c.items, valueOf(item))
		}
		return value{kind: arrayKind, inner: c}
	case map[string]any:
		c := &container{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			c.add(name, valueOf(v[name]))
		}
		return value{kind: objectKind, inner: c}
	}
	return value{kind: nullKind}
}
