package iampolicy

import (
	"fmt"
	"strings"
)

// variable is ${key} or ${key, 'fallback'} in a resource or a condition's value.
type variable struct {
	key         key
	fallback    string
	hasFallback bool
}

func (v *variable) resolve(e *evaluation) (string, bool) {
	if value, ok := e.render(v.key); ok {
		return value, true
	}
	return v.fallback, v.hasFallback
}

// notation says what is special in a text of a policy.
type notation struct{ wildcards, variables bool }

// compile reads a text into a pattern.
func (n notation) compile(text string) (pattern, error) {
	var b patternBuilder
	for text != "" {
		special := strings.IndexAny(text, n.specials())
		if special < 0 {
			b.literal(text)
			break
		}
		b.literal(text[:special])
		switch text = text[special:]; {
		case text[0] == '*':
			b.star()
			text = text[1:]
		case text[0] == '?':
			b.one()
			text = text[1:]
		case !strings.HasPrefix(text, "${"):
			b.literal(text[:1])
			text = text[1:]
		default:
			rest, err := n.variable(&b, text)
			if err != nil {
				return pattern{}, err
			}
			text = rest
		}
	}
	p := b.done()
	for i := 1; i < len(p.runs)-1; i++ {
		// Such a run has no scanner, as its text is not known yet.
		if r := &p.runs[i]; len(r.pieces) > maxPieces && r.hasVariables() {
			return pattern{}, fmt.Errorf("too many question marks and variables between two stars")
		}
	}
	return p, nil
}

func (n notation) specials() string {
	specials := ""
	if n.wildcards {
		specials = "*?"
	}
	if n.variables {
		specials += "$"
	}
	return specials
}

// variable reads what text begins with: ${…}.
func (n notation) variable(b *patternBuilder, text string) (rest string, err error) {
	name, rest, closed := strings.Cut(text[len("${"):], "}")
	v := &variable{}
	if comma := strings.IndexByte(name, ','); comma >= 0 {
		// The fallback may hold a brace, so the end is looked for again.
		quoted := strings.TrimLeft(text[len("${")+comma+1:], " ")
		name = name[:comma]
		quoted, ok := strings.CutPrefix(quoted, "'")
		v.fallback, rest, closed = strings.Cut(quoted, "'}")
		if !ok || !closed || strings.Contains(v.fallback, "'") {
			return "", fmt.Errorf("the fallback of the variable ${%s, …} must be written as ${%s, 'text'}", name, name)
		}
		v.hasFallback = true
	}
	if !closed {
		return "", fmt.Errorf("the variable %q has no closing brace", text)
	}
	if (name == "*" || name == "?" || name == "$") && !v.hasFallback {
		b.literal(name)
		return rest, nil
	}
	var ok bool
	v.key, ok = findKey(name)
	switch {
	case !ok:
		return "", fmt.Errorf("the variable ${%s} is none of the condition keys that API Gateway has", name)
	case v.key.info().several:
		return "", fmt.Errorf("the variable ${%s} may have several values", name)
	}
	b.variable(v)
	return rest, nil
}
