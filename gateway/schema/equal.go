package schema

import (
	"slices"
	"strconv"
	"strings"
)

// equal compares values as JSON Schema does: numbers by what they are worth, objects
// whatever the order of their members.
func equal(a, b *value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case booleanKind:
		return a.truth == b.truth
	case numberKind:
		return equalNumbers(a.text, b.text)
	case stringKind:
		return a.text == b.text
	case arrayKind:
		if len(a.items()) != len(b.items()) {
			return false
		}
		for i := range a.items() {
			if !equal(&a.items()[i], &b.items()[i]) {
				return false
			}
		}
	case objectKind:
		if len(a.members()) != len(b.members()) {
			return false
		}
		for i := range a.members() {
			other := b.member(a.members()[i].name)
			if other == nil || !equal(&a.members()[i].value, other) {
				return false
			}
		}
	}
	return true
}

// canonical writes a value so that equal ones read the same, and others do not.
func (e *evaluation) canonical(b *strings.Builder, v *value) bool {
	if !e.spend(1 + len(v.text)/64) {
		return false
	}
	switch v.kind {
	case nullKind:
		b.WriteByte('n')
	case booleanKind:
		b.WriteString(strconv.FormatBool(v.truth))
	case numberKind:
		digits, exponent := normal(v.text)
		b.WriteString(digits + "e" + strconv.Itoa(exponent))
	case stringKind:
		b.WriteString(strconv.Itoa(len(v.text)) + ":" + v.text)
	case arrayKind:
		b.WriteByte('[')
		for i := range v.items() {
			if !e.canonical(b, &v.items()[i]) {
				return false
			}
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case objectKind:
		members := slices.Clone(v.members())
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
		b.WriteByte('{')
		for i := range members {
			b.WriteString(strconv.Itoa(len(members[i].name)) + ":" + members[i].name)
			if !e.canonical(b, &members[i].value) {
				return false
			}
			b.WriteByte(',')
		}
		b.WriteByte('}')
	}
	return true
}
