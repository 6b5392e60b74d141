package iampolicy

import (
	"regexp"
	"slices"
	"strings"
)

// element is one character's worth of a pattern.
type element struct {
	kind elementKind
	char rune
}

type elementKind int

const (
	charElement elementKind = iota
	oneElement
	starElement
)

// remainders are what is left to be matched by a pattern after the beginning of a
// text: the elements from each of some places on. A star may have taken more or less
// of the beginning, so there may be several.
type remainders struct {
	elements []element
	// places in ascending order.
	places []int
}

// elements takes a pattern apart. A variable counts as a star, which is more than it
// can stand for.
func (p *pattern) elements() []element {
	var all []element
	for i, r := range p.runs {
		if i > 0 {
			all = append(all, element{kind: starElement})
		}
		for _, piece := range r.pieces {
			switch {
			case piece.variable != nil:
				all = append(all, element{kind: starElement})
			case piece.text == "":
				all = append(all, element{kind: oneElement})
			}
			for _, c := range piece.text {
				all = append(all, element{char: c})
			}
		}
	}
	return all
}

// after is what is left of a pattern after texts that begin with prefix.
func (p *pattern) after(prefix string) remainders {
	return remainders{elements: p.elements(), places: []int{0}}.after(prefix)
}

func (m remainders) after(prefix string) remainders {
	for _, c := range prefix {
		var next []int
		for _, at := range m.places {
			// A star may also take nothing.
			for at < len(m.elements) && m.elements[at].kind == starElement {
				next = append(next, at)
				at++
			}
			if at < len(m.elements) && (m.elements[at].kind == oneElement || m.elements[at].char == c) {
				next = append(next, at+1)
			}
		}
		slices.Sort(next)
		next = slices.Compact(next)
		// What is left after a star is in what is left with it.
		m.places = slices.DeleteFunc(slices.Clone(next), func(at int) bool {
			return at > 0 && m.elements[at-1].kind == starElement && contains(next, at-1)
		})
	}
	return m
}

func contains(sorted []int, n int) bool {
	_, found := slices.BinarySearch(sorted, n)
	return found
}

// beyond are the places from which at least one more character can be matched.
func (m remainders) beyond() []int {
	return slices.DeleteFunc(slices.Clone(m.places), func(at int) bool { return at == len(m.elements) })
}

// PathPattern matches request paths below the stage, which begin with a slash.
type PathPattern struct{ pattern pattern }

// from is the pattern of the elements from a place on.
func (m remainders) from(place int) PathPattern {
	var b patternBuilder
	var text strings.Builder
	for _, e := range m.elements[place:] {
		if e.kind == charElement {
			text.WriteRune(e.char)
			continue
		}
		b.literal(text.String())
		text.Reset()
		if e.kind == oneElement {
			b.one()
		} else {
			b.star()
		}
	}
	b.literal(text.String())
	return PathPattern{b.done()}
}

// Match reports whether the pattern covers a path.
func (p PathPattern) Match(path string) bool { return p.pattern.matches(path, nil) }

// Exact is the one path that the pattern covers, if it covers but one.
func (p PathPattern) Exact() (string, bool) { return p.pattern.exact() }

// Prefix is what all paths begin with that the pattern covers, if it covers all that
// do. For a pattern that covers every path it is a slash.
func (p PathPattern) Prefix() (string, bool) {
	if p.pattern.anything() {
		return "/", true
	}
	return p.pattern.prefix()
}

// Any reports whether the pattern covers every path.
func (p PathPattern) Any() bool {
	prefix, ok := p.Prefix()
	return ok && prefix == "/"
}

// Regexp is the pattern in the syntax of RE2, which has to match a whole path. Its
// dots take characters, so a path that is not UTF-8 has to be refused beforehand.
func (p PathPattern) Regexp() string {
	var b strings.Builder
	b.WriteString("(?s)")
	for i, r := range p.pattern.runs {
		if i > 0 {
			b.WriteString(".*")
		}
		for _, piece := range r.pieces {
			if piece.text == "" {
				b.WriteByte('.')
			}
			b.WriteString(regexp.QuoteMeta(piece.text))
		}
	}
	return b.String()
}

// String is the pattern as it would be written in a policy.
func (p PathPattern) String() string {
	var b strings.Builder
	for i, r := range p.pattern.runs {
		if i > 0 {
			b.WriteByte('*')
		}
		for _, piece := range r.pieces {
			if piece.text == "" {
				b.WriteByte('?')
			}
			b.WriteString(piece.text)
		}
	}
	return b.String()
}
