package schema

import (
	"strings"
	"unicode/utf8"
)

// evaluation holds one value to one schema.
type evaluation struct {
	// steps are what may still be spent; over is true once more was asked for. Then
	// nothing is good any more, and all is given up at once.
	steps int
	over  bool
	depth int
	// report collects what is wrong, nil where only the answer is of interest.
	report *report
}

// maxNesting bounds how deep schemas ask other schemas, besides how deep bodies are.
const maxNesting = 20_000

func (e *evaluation) spend(steps int) bool {
	if e.steps -= steps; e.steps < 0 {
		e.over = true
	}
	return !e.over
}

// marks are the items or members of a value that some schema has looked at, for
// unevaluatedItems and unevaluatedProperties.
type marks []bool

func newMarks(v *value) marks {
	switch v.kind {
	case arrayKind:
		return make(marks, len(v.items()))
	case objectKind:
		return make(marks, len(v.members()))
	}
	return marks{}
}

func (m marks) set(i int) {
	if m != nil {
		m[i] = true
	}
}

// silent is the answer of a schema about the same value, and nothing else.
func (e *evaluation) silent(n *node, v *value, m marks) bool {
	kept := e.report
	e.report = nil
	good := e.same(n, v, m)
	e.report = kept
	return good
}

// same asks another schema about the same value. What it looked at counts if it is good.
func (e *evaluation) same(n *node, v *value, m marks) bool {
	if m == nil {
		return e.good(n, v, nil)
	}
	own := newMarks(v)
	good := e.good(n, v, own)
	if good {
		for i, seen := range own {
			m[i] = m[i] || seen
		}
	}
	return good
}

// good reports whether the value is what the schema asks for. m may be nil.
func (e *evaluation) good(n *node, v *value, m marks) bool {
	if !e.spend(1) {
		return false
	}
	if e.depth++; e.depth > maxNesting {
		e.over = true
		return false
	}
	defer func() { e.depth-- }()
	if n.nothing {
		return e.wrong(nothingAllowed())
	}
	if n.ref != nil && n.draft < 2019 {
		return e.same(n.ref, v, m)
	}
	if m == nil && (n.unevaluatedItems != nil || n.unevaluatedProperties != nil) {
		m = newMarks(v)
	}
	// What is wrong with a value itself is told, and not what is wrong inside of it, too.
	if !e.itself(n, v, m) || !e.inside(n, v, m) {
		return false
	}
	return e.unevaluated(n, v, m)
}

// wrong is a mistake, for which the answer is false.
func (e *evaluation) wrong(m func() string) bool {
	if e.report != nil {
		e.report.add(m())
	}
	return false
}

// all asks one question after the other, up to the first mistake, or all of them where
// they are reported.
func (e *evaluation) all(questions ...func() bool) bool {
	good := true
	for _, q := range questions {
		good = q() && good
		if !good && (e.report == nil || e.over) {
			return false
		}
	}
	return good
}

// itself holds the value to all keywords but those about what is in it.
func (e *evaluation) itself(n *node, v *value, m marks) bool {
	good := e.general(n, v)
	if !good && e.report == nil {
		return false
	}
	switch v.kind {
	case numberKind:
		good = e.number(n, v) && good
	case stringKind:
		good = e.text(n, v) && good
	case arrayKind:
		good = e.array(n, v, m) && good
	case objectKind:
		good = e.object(n, v, m) && good
	}
	if !good && e.report == nil {
		return false
	}
	return e.combined(n, v, m) && good
}

func (n *node) allows(v *value) bool {
	return n.types.has(v.kind) || v.kind == numberKind && n.types.has(integerKind) && isInteger(v.text, n.draft)
}

func (e *evaluation) general(n *node, v *value) bool {
	good := true
	if n.types != 0 && !n.allows(v) {
		if good = e.wrong(wrongType(n, v)); e.report == nil {
			return false
		}
	}
	if n.enum != nil && !e.listed(n, v) {
		good = e.wrong(notInEnum(n, v))
	}
	if n.constant != nil && !equal(v, n.constant) {
		good = e.wrong(notConstant(n, v))
	}
	if n.format != nil && v.kind == stringKind {
		e.spend(len(v.text) / 64)
		if n.format.Validate(v.text) != nil {
			good = e.wrong(wrongFormat(n, v))
		}
	}
	return good
}

func (e *evaluation) listed(n *node, v *value) bool {
	if v.kind == stringKind {
		return n.enumTexts[v.text]
	}
	e.spend(len(n.enum) / 4)
	for i := range n.enum {
		if equal(v, &n.enum[i]) {
			return true
		}
	}
	return false
}

func (e *evaluation) number(n *node, v *value) bool {
	if n.minimum == nil && n.maximum == nil && n.exclusiveMinimum == nil && n.exclusiveMaximum == nil && n.multipleOf == nil {
		return true
	}
	e.spend(len(v.text) / 16)
	found := newNumber(v.text)
	good := true
	if n.minimum != nil && found.compare(n.minimum) < 0 {
		good = e.wrong(belowMinimum(n, v))
	}
	if n.exclusiveMinimum != nil && found.compare(n.exclusiveMinimum) <= 0 {
		good = e.wrong(notAbove(n))
	}
	if n.maximum != nil && found.compare(n.maximum) > 0 {
		good = e.wrong(aboveMaximum(n, v))
	}
	if n.exclusiveMaximum != nil && found.compare(n.exclusiveMaximum) >= 0 {
		good = e.wrong(notBelow(n))
	}
	if n.multipleOf != nil && !found.isMultiple(n.multipleOf) {
		good = e.wrong(notMultiple(n, v))
	}
	return good
}

func (e *evaluation) text(n *node, v *value) bool {
	good := true
	if n.minLength != nil || n.maxLength != nil {
		length := utf8.RuneCountInString(v.text)
		if n.minLength != nil && length < *n.minLength {
			good = e.wrong(tooShort(n, v, length))
		}
		if n.maxLength != nil && length > *n.maxLength {
			good = e.wrong(tooLong(n, v, length))
		}
	}
	if n.pattern != nil && (good || e.report != nil) && !e.matches(n.pattern, v.text) {
		good = e.wrong(noMatch(n, v))
	}
	return good
}

// matches costs by the length of the text and the size of the expression.
func (e *evaluation) matches(p *pattern, text string) bool {
	return e.spend(1+len(text)*p.size/256) && p.MatchString(text)
}

func (e *evaluation) array(n *node, v *value, m marks) bool {
	count := len(v.items())
	return e.all(
		func() bool { return n.minItems == nil || count >= *n.minItems || e.wrong(tooFewItems(n, count)) },
		func() bool { return n.maxItems == nil || count <= *n.maxItems || e.wrong(tooManyItems(n, count)) },
		func() bool {
			return !n.noMoreItems || count <= len(n.tuple) || e.wrong(additionalItems(n, count))
		},
		func() bool { return !n.unique || e.distinct(v.items()) || e.wrong(duplicateItems()) },
		func() bool { return n.contains == nil || e.contained(n, v, m) },
	)
}

// distinct reports whether no two of the items are equal.
func (e *evaluation) distinct(items []value) bool {
	seen := make(map[string]bool, len(items))
	var b strings.Builder
	for i := range items {
		b.Reset()
		if !e.canonical(&b, &items[i]) || seen[b.String()] {
			return false
		}
		seen[b.String()] = true
	}
	return true
}

func (e *evaluation) contained(n *node, v *value, m marks) bool {
	matched := 0
	for i := range v.items() {
		kept := e.report
		e.report = nil
		good := e.good(n.contains, &v.items()[i], nil)
		e.report = kept
		if e.over {
			return false
		}
		if good {
			matched++
			if n.draft >= 2020 {
				m.set(i)
			}
		}
	}
	least := 1
	if n.minContains != nil {
		least = *n.minContains
	}
	if matched < least || n.maxContains != nil && matched > *n.maxContains {
		return e.wrong(wronglyContained(matched))
	}
	return true
}

func (e *evaluation) object(n *node, v *value, m marks) bool {
	count := len(v.members())
	return e.all(
		func() bool {
			return n.minProperties == nil || count >= *n.minProperties || e.wrong(tooFewProperties(n, count))
		},
		func() bool {
			return n.maxProperties == nil || count <= *n.maxProperties || e.wrong(tooManyProperties(n, count))
		},
		func() bool { return e.has(v, n.required) || e.wrong(missingProperties(n, v)) },
		func() bool { return !n.noMoreProperties || e.closed(n, v) || e.wrong(additionalProperties(e, n, v)) },
		func() bool { return n.propertyNames == nil || e.names(n, v) },
		func() bool { return e.dependent(n, v, m) },
	)
}

func (e *evaluation) has(v *value, names []string) bool {
	e.spend(len(names) / 4)
	for _, name := range names {
		if v.member(name) == nil {
			return false
		}
	}
	return true
}

// closed reports whether the object has no members but those that the schema names.
func (e *evaluation) closed(n *node, v *value) bool {
	for i := range v.members() {
		if !e.named(n, v.members()[i].name) {
			return false
		}
	}
	return true
}

func (e *evaluation) named(n *node, name string) bool {
	if n.properties[name] != nil {
		return true
	}
	for i := range n.patterns {
		if e.matches(n.patterns[i].pattern, name) {
			return true
		}
	}
	return false
}

func (e *evaluation) names(n *node, v *value) bool {
	for i := range v.members() {
		name := value{kind: stringKind, text: v.members()[i].name}
		if !e.silent(n.propertyNames, &name, nil) {
			return e.wrong(wrongName(name.text))
		}
	}
	return true
}

func (e *evaluation) dependent(n *node, v *value, m marks) bool {
	good := true
	for i := range n.dependencies {
		d := &n.dependencies[i]
		if v.member(d.name) == nil {
			continue
		}
		if !e.has(v, d.required) {
			good = e.wrong(missingDependencies(d, v))
		}
		if d.schema != nil && !e.same(d.schema, v, m) {
			good = false
		}
		if !good && (e.report == nil || e.over) {
			return false
		}
	}
	return good
}

// combined holds the value to what other schemas say about it.
func (e *evaluation) combined(n *node, v *value, m marks) bool {
	good := true
	if n.ref != nil {
		good = e.same(n.ref, v, m)
	}
	if good && n.allOf != nil {
		good = e.allOf(n, v, m)
	}
	if good && n.anyOf != nil {
		good = e.anyOf(n, v, m)
	}
	if good && n.oneOf != nil {
		good = e.oneOf(n, v, m)
	}
	if good && n.not != nil && e.silent(n.not, v, nil) {
		good = e.wrong(matchedNot())
	}
	if good && n.condition != nil {
		next := n.otherwise
		if e.silent(n.condition, v, m) {
			next = n.then
		}
		if next != nil {
			good = e.same(next, v, m)
		}
	}
	return good && !e.over
}

func (e *evaluation) allOf(n *node, v *value, m marks) bool {
	matched := 0
	for _, of := range n.allOf {
		if e.silent(of, v, m) {
			matched++
		} else if e.report == nil || e.over {
			return false
		}
	}
	return matched == len(n.allOf) || e.wrong(failedAll(n, matched))
}

func (e *evaluation) anyOf(n *node, v *value, m marks) bool {
	good := false
	for _, of := range n.anyOf {
		if e.silent(of, v, m) {
			if good = true; m == nil {
				break
			}
		}
		if e.over {
			return false
		}
	}
	return good || e.wrong(failedAny(n))
}

func (e *evaluation) oneOf(n *node, v *value, m marks) bool {
	matched := 0
	for _, of := range n.oneOf {
		if e.silent(of, v, m) {
			matched++
		}
		if e.over || matched > 1 && e.report == nil {
			return false
		}
	}
	return matched == 1 || e.wrong(failedOne(n, matched))
}

// inside holds what is in a value to the schemas for it.
func (e *evaluation) inside(n *node, v *value, m marks) bool {
	switch v.kind {
	case arrayKind:
		return e.items(n, v, m)
	case objectKind:
		return e.members(n, v, m)
	}
	return true
}

func (e *evaluation) items(n *node, v *value, m marks) bool {
	good := true
	for i := range v.items() {
		of := n.items
		if i < len(n.tuple) {
			of = n.tuple[i]
		}
		if of == nil {
			break
		}
		m.set(i)
		if !e.good(of, &v.items()[i], nil) {
			if good = false; e.done() {
				return false
			}
		}
	}
	return good
}

// done reports whether nothing more is of interest after a mistake.
func (e *evaluation) done() bool { return e.report == nil || e.over || e.report.full() }

func (e *evaluation) members(n *node, v *value, m marks) bool {
	good := true
	for i := range v.members() {
		at := &v.members()[i]
		known := false
		if of := n.properties[at.name]; of != nil {
			known = true
			good = e.good(of, &at.value, nil) && good
		}
		for j := range n.patterns {
			if e.matches(n.patterns[j].pattern, at.name) {
				known = true
				good = e.good(n.patterns[j].schema, &at.value, nil) && good
			}
		}
		if !known && n.additional != nil {
			known = true
			good = e.good(n.additional, &at.value, nil) && good
		}
		if known {
			m.set(i)
		}
		if !good && e.done() {
			return false
		}
	}
	return good
}

// unevaluated holds what no other schema has looked at to the schemas for that.
func (e *evaluation) unevaluated(n *node, v *value, m marks) bool {
	switch {
	case v.kind == arrayKind && n.unevaluatedItems != nil:
		for i := range v.items() {
			if !m[i] && !e.good(n.unevaluatedItems, &v.items()[i], nil) {
				return false
			}
			m[i] = true
		}
	case v.kind == objectKind && n.unevaluatedProperties != nil:
		for i := range v.members() {
			if !m[i] && !e.good(n.unevaluatedProperties, &v.members()[i].value, nil) {
				return false
			}
			m[i] = true
		}
	}
	return true
}
