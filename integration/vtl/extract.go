package vtl

import (
	"context"
	"errors"
	"regexp"
)

// What parameter mappings need of a body is found by the same JSONPath and the same
// regular expressions as in templates.

// Path is a compiled JSONPath.
type Path struct{ path *jsonPath }

// ParsePath compiles a JSONPath such as $.order.lines[0].
func ParsePath(text string) (*Path, error) {
	path, err := parsePath(text)
	if err != nil {
		return nil, err
	}
	return &Path{path}, nil
}

// Document is parsed JSON. It belongs to one goroutine.
type Document struct {
	root any
	s    *state
}

// ParseDocument reads JSON. Its errors have nothing of the text.
func ParseDocument(ctx context.Context, text string) (*Document, error) {
	s := &state{template: &Template{lines: []int{0}}, limits: DefaultLimits(), ctx: ctx}
	root, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	return &Document{root, s}, nil
}

// Text is what a path leads to: strings as they are, everything else as JSON. It is false
// where the path leads nowhere, or to null.
func (d *Document) Text(p *Path) (text string, found bool, err error) {
	value, found := p.path.find(&pathRun{s: d.s, root: d.root}, d.root)
	if found && d.s.err == nil && value != nil {
		if plain, ok := value.(string); ok {
			text = plain
		} else {
			text = string(d.s.json(0, nil, value, jsonPlain))
		}
	}
	if d.s.err != nil {
		// A position within a template would say nothing here.
		return "", false, errors.Unwrap(d.s.err)
	}
	return text, found && value != nil, nil
}

// Regexp is a regular expression of Java's, for whole texts.
type Regexp struct{ whole *regexp.Regexp }

// ParseRegexp compiles a regular expression.
func ParseRegexp(pattern string) (*Regexp, error) {
	re, err := compileRegexp(pattern)
	if err != nil {
		return nil, err
	}
	whole, err := re.whole()
	return &Regexp{whole}, err
}

// MatchesAll reports whether all of a text matches.
func (r *Regexp) MatchesAll(text string) bool { return r.whole.MatchString(text) }
