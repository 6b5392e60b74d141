package gateway

import (
	"cmp"
	"fmt"
	"strings"
)

// PathTemplate is a parsed resource path: "/pets/{id}/{rest+}".
type PathTemplate []PathSegment

// PathSegment is a literal, a variable ({name}) or a greedy variable ({name+}).
type PathSegment struct {
	// Literal text; empty for variables.
	Literal string
	// Variable name; empty for literals.
	Variable string
	// Greedy variables take one or more whole segments and stand last.
	Greedy bool
}

// ParsePath reads a resource path. The root path "/" has no segments. A trailing
// slash gives an empty literal at the end, which only HTTP APIs tell apart.
func ParsePath(path string) (PathTemplate, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("a path must begin with a slash")
	}
	if path == "/" {
		return nil, nil
	}
	var t PathTemplate
	seen := map[string]bool{}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		segment, err := parseSegment(part)
		switch {
		case err != nil:
			return nil, err
		case part == "" && i < len(parts)-1:
			return nil, fmt.Errorf("the path has an empty segment")
		case segment.Greedy && i < len(parts)-1:
			return nil, fmt.Errorf("the greedy variable %s must be the last segment", part)
		case segment.Variable != "" && seen[segment.Variable]:
			return nil, fmt.Errorf("the variable {%s} stands twice", segment.Variable)
		}
		seen[segment.Variable] = segment.Variable != ""
		t = append(t, segment)
	}
	return t, nil
}

func parseSegment(part string) (PathSegment, error) {
	if !strings.ContainsAny(part, "{}") {
		return PathSegment{Literal: part}, nil
	}
	name, ok := strings.CutPrefix(part, "{")
	if ok {
		name, ok = strings.CutSuffix(name, "}")
	}
	if !ok || strings.ContainsAny(name, "{}") {
		return PathSegment{}, fmt.Errorf("the segment %q mixes text and a variable; braces must span a whole segment", part)
	}
	name, greedy := strings.CutSuffix(name, "+")
	if name == "" {
		return PathSegment{}, fmt.Errorf("the segment %q has no variable name", part)
	}
	return PathSegment{Variable: name, Greedy: greedy}, nil
}

// Variables lists the variable names from left to right.
func (t PathTemplate) Variables() []string {
	var names []string
	for _, s := range t {
		if s.Variable != "" {
			names = append(names, s.Variable)
		}
	}
	return names
}

// Greedy reports whether the last segment takes the rest of the path.
func (t PathTemplate) Greedy() bool { return len(t) > 0 && t[len(t)-1].Greedy }

// Compare orders templates the way API Gateway prefers them when several match:
// segment by segment from the left, a literal before a variable before a greedy
// one; then the longer, then by text. A negative result puts t first.
func (t PathTemplate) Compare(u PathTemplate) int {
	for i := range min(len(t), len(u)) {
		if c := cmp.Compare(t[i].rank(), u[i].rank()); c != 0 {
			return c
		}
		if c := strings.Compare(t[i].Literal, u[i].Literal); c != 0 {
			return c
		}
	}
	// "/files" goes before "/files/{rest+}", so that "/files/" is the former's.
	switch {
	case len(t) < len(u) && u[len(t)].Greedy:
		return -1
	case len(u) < len(t) && t[len(u)].Greedy:
		return 1
	}
	return cmp.Or(cmp.Compare(len(u), len(t)), strings.Compare(t.String(), u.String()))
}

func (s PathSegment) rank() int {
	switch {
	case s.Greedy:
		return 2
	case s.Variable != "":
		return 1
	default:
		return 0
	}
}

// String is the template as text.
func (t PathTemplate) String() string {
	if len(t) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, s := range t {
		b.WriteByte('/')
		switch {
		case s.Greedy:
			b.WriteString("{" + s.Variable + "+}")
		case s.Variable != "":
			b.WriteString("{" + s.Variable + "}")
		default:
			b.WriteString(s.Literal)
		}
	}
	return b.String()
}
