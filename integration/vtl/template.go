package vtl

import (
	"context"
	"sort"
	"unicode/utf8"
)

// Template is a compiled mapping template. It may be rendered by several goroutines
// at once.
type Template struct {
	source string
	// lines are the offsets at which lines begin.
	lines []int
	nodes []node
	// slots is how many variables there are.
	slots int
	// blank is a slice of as many unset variables.
	blank []any
}

// Input is what a template is rendered with. Nothing of it is parsed or built before
// the template asks for it.
type Input struct {
	// Body is $input.body: that of the request, or what an integration answered. An
	// empty one counts as {}.
	Body string
	// Path, QueryString and Header are $input.params(), always those of the request.
	Path, QueryString, Header Params
	// Context gives the variables of $context but the overrides. It is called once at
	// most, and what it gives belongs to the rendering, which may change it.
	Context        func() *Map
	StageVariables Params
	// Overrides are those of the template before, for integration responses.
	Overrides Overrides
}

// Output is what rendering gives.
type Output struct {
	Text string
	// Overrides has those of Input.Overrides too.
	Overrides Overrides
}

// Render renders the template. An error is an *Error.
func (t *Template) Render(ctx context.Context, in Input, limits Limits) (Output, error) {
	s := &state{template: t, input: in, limits: limits.orDefaults(), ctx: ctx}
	s.out = make([]byte, 0, len(t.source)+256)
	s.vars = append(make([]any, 0, t.slots), t.blank...)
	if err := ctx.Err(); err != nil {
		s.fail(0, err, "rendering was given up: %v", err)
	} else {
		renderAll(s, t.nodes)
	}
	var out Output
	if s.err == nil {
		out = Output{Text: string(s.out), Overrides: s.collect()}
	}
	if s.err != nil {
		return Output{}, s.err
	}
	return out, nil
}

// position turns an offset into a line and a column, in characters, from 1.
func (t *Template) position(at int) (line, column int) {
	return linePosition(t.source, t.lines, at)
}

func lineStarts(source string) []int {
	lines := []int{0}
	for i := range len(source) {
		if source[i] == '\n' {
			lines = append(lines, i+1)
		}
	}
	return lines
}

func linePosition(source string, lines []int, at int) (line, column int) {
	at = min(at, len(source))
	line = sort.Search(len(lines), func(i int) bool { return lines[i] > at })
	return line, utf8.RuneCountInString(source[lines[line-1]:at]) + 1
}
