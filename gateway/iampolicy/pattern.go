package iampolicy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern is a compiled wildcard expression: runs with a star between each two.
// The first run stands at the beginning of a text and the last one at its end.
//
// Since a star takes anything, each run between two stars may settle for the first
// place where it fits, and nothing is ever tried again: the time that matching takes
// grows with the text and not with what a pattern may make of it. Hostile patterns,
// such as *a*a*a*b or *a?a?a?b*, cost little more than others.
type pattern struct {
	runs []run
	// variables tells that some piece is one.
	variables bool
}

type run struct {
	pieces []piece
	// scanner finds runs of many pieces, nil for the others.
	scanner *scanner
}

// piece is a literal text, a variable, or (neither) any one character.
type piece struct {
	text     string
	variable *variable
}

// maxPieces is up to how many pieces a run is tried at every place of a text.
const maxPieces = 16

// patternBuilder puts patterns together from left to right.
type patternBuilder struct{ pattern }

func (b *patternBuilder) add(p piece) {
	if len(b.runs) == 0 {
		b.runs = make([]run, 1)
	}
	last := &b.runs[len(b.runs)-1]
	if n := len(last.pieces); p.text != "" && n > 0 && last.pieces[n-1].text != "" {
		last.pieces[n-1].text += p.text
		return
	}
	last.pieces = append(last.pieces, p)
}

func (b *patternBuilder) literal(text string) {
	if text != "" {
		b.add(piece{text: text})
	}
}

func (b *patternBuilder) one() { b.add(piece{}) }

func (b *patternBuilder) variable(v *variable) {
	b.variables = true
	b.add(piece{variable: v})
}

func (b *patternBuilder) star() {
	switch n := len(b.runs); {
	case n == 0:
		b.runs = make([]run, 2)
	case n == 1 || len(b.runs[n-1].pieces) > 0:
		b.runs = append(b.runs, run{})
	}
}

func (b *patternBuilder) done() pattern {
	if len(b.runs) == 0 {
		b.runs = make([]run, 1)
	}
	for i := 1; i < len(b.runs)-1; i++ {
		if r := &b.runs[i]; len(r.pieces) > maxPieces && !r.hasVariables() {
			r.scanner = newScanner(r.pieces)
		}
	}
	return b.pattern
}

// matches reports whether the pattern covers the whole of text. The evaluation gives
// the values of variables, all of which must be resolved; it may be nil without any.
func (p *pattern) matches(text string, e *evaluation) bool {
	last := len(p.runs) - 1
	n, ok := p.runs[0].fits(text, e)
	if !ok {
		return false
	}
	text = text[n:]
	if last == 0 {
		return text == ""
	}
	n, ok = p.runs[last].fitsEnd(text, e)
	if !ok {
		return false
	}
	text = text[:len(text)-n]
	for i := 1; i < last; i++ {
		after := p.runs[i].find(text, e)
		if after < 0 {
			return false
		}
		text = text[after:]
	}
	return true
}

// fits reports whether text begins with the run, and how much of it the run takes.
func (r *run) fits(text string, e *evaluation) (int, bool) {
	n := 0
	for i := range r.pieces {
		if literal, ok := r.pieces[i].value(e); ok {
			if !strings.HasPrefix(text[n:], literal) {
				return 0, false
			}
			n += len(literal)
			continue
		}
		if n == len(text) {
			return 0, false
		}
		_, size := utf8.DecodeRuneInString(text[n:])
		n += size
	}
	return n, true
}

// fitsEnd is fits for the end of text.
func (r *run) fitsEnd(text string, e *evaluation) (int, bool) {
	end := len(text)
	for i := len(r.pieces) - 1; i >= 0; i-- {
		if literal, ok := r.pieces[i].value(e); ok {
			if !strings.HasSuffix(text[:end], literal) {
				return 0, false
			}
			end -= len(literal)
			continue
		}
		if end == 0 {
			return 0, false
		}
		_, size := utf8.DecodeLastRuneInString(text[:end])
		end -= size
	}
	return len(text) - end, true
}

// find returns the end of the first place where the run fits, -1 when there is none.
func (r *run) find(text string, e *evaluation) int {
	if r.scanner != nil {
		return r.scanner.find(text)
	}
	for at := 0; at <= len(text); {
		if literal, ok := r.pieces[0].value(e); ok {
			next := strings.Index(text[at:], literal)
			if next < 0 {
				return -1
			}
			at += next
		}
		if n, ok := r.fits(text[at:], e); ok {
			return at + n
		}
		if at == len(text) {
			break
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return -1
}

// value is the text that the piece stands for; any one character has none.
func (p *piece) value(e *evaluation) (string, bool) {
	if p.variable != nil {
		value, _ := p.variable.resolve(e)
		return value, true
	}
	return p.text, p.text != ""
}

// resolved reports whether the request has a value for every variable.
func (p *pattern) resolved(e *evaluation) bool {
	if !p.variables {
		return true
	}
	for _, r := range p.runs {
		for i := range r.pieces {
			if v := r.pieces[i].variable; v != nil {
				if _, ok := v.resolve(e); !ok {
					return false
				}
			}
		}
	}
	return true
}

func (r *run) hasVariables() bool {
	return slices.ContainsFunc(r.pieces, func(p piece) bool { return p.variable != nil })
}

// exact is the only text that the pattern matches, if there is one.
func (p *pattern) exact() (string, bool) {
	switch pieces := p.runs[0].pieces; {
	case len(p.runs) > 1 || len(pieces) > 1 || len(pieces) == 1 && pieces[0].text == "":
		return "", false
	case len(pieces) == 0:
		return "", true
	default:
		return pieces[0].text, true
	}
}

// prefix is the text that everything begins with that the pattern matches, if it
// matches everything that does.
func (p *pattern) prefix() (string, bool) {
	if len(p.runs) != 2 || len(p.runs[1].pieces) > 0 || len(p.runs[0].pieces) != 1 || p.runs[0].pieces[0].text == "" {
		return "", false
	}
	return p.runs[0].pieces[0].text, true
}

// expand is the text of a pattern without wildcards.
func (p *pattern) expand(e *evaluation) string {
	pieces := p.runs[0].pieces
	if len(pieces) == 1 {
		value, _ := pieces[0].value(e)
		return value
	}
	var b strings.Builder
	for i := range pieces {
		value, _ := pieces[i].value(e)
		b.WriteString(value)
	}
	return b.String()
}

// anything reports whether every text matches.
func (p *pattern) anything() bool {
	return len(p.runs) == 2 && len(p.runs[0].pieces) == 0 && len(p.runs[1].pieces) == 0
}
