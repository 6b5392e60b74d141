package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

func parseYAML(name string, data []byte) (root *yaml.Node, found *problem) {
	if at, many := manyValues(data); many {
		return nil, tooManyValues(positionAt(name, data, at))
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	// The parser is robust, but it is fed from outside: a panic in it must not
	// take the gateway down.
	defer func() {
		if r := recover(); r != nil {
			root, found = nil, &problem{code: "invalid-yaml", message: fmt.Sprint(r)}
		}
	}()
	var n yaml.Node
	switch err := dec.Decode(&n); {
	case errors.Is(err, io.EOF):
		return nil, errorf("empty-file", gateway.Position{}, "", "the file has nothing but comments")
	case err != nil:
		return nil, yamlProblem(name, data, dec, err)
	}
	for {
		var next yaml.Node
		err := dec.Decode(&next)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, yamlProblem(name, data, dec, err)
		}
		// A separator at the end of the file begins a document with nothing in it.
		if next.Kind != yaml.DocumentNode || len(next.Content) != 1 || next.Content[0].Tag != "!!null" || next.Content[0].Value != "" {
			correctBreaks(data, &next)
			return nil, errorf("invalid-yaml", placeOf(&next), "write it into a file of its own", "a second document begins here; only one is read")
		}
	}
	root = &n
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		root = n.Content[0]
	}
	correctBreaks(data, root)
	return root, nil
}

// manyValues reports whether a YAML text may have more values than are allowed, and
// where they become too many. Every value but the first has a line break or one of
// these characters before it, so that counting them bounds the values (text that
// happens to have them counts, too) before memory is spent on any.
func manyValues(data []byte) (int, bool) {
	if len(data) <= maxValues {
		return 0, false
	}
	count, inLine := 0, false
	for i, b := range data {
		switch b {
		case '\n', '\r':
			// Blank lines and lines of comments have no values.
			inLine = false
			continue
		case ' ', '\t':
			continue
		case ',', '[', '{', ':', '-', '?':
			count++
		case '#':
			if !inLine {
				count-- // of the line itself
			}
		}
		if !inLine {
			inLine = true
			count++
		}
		if count > maxValues {
			return i, true
		}
	}
	return 0, false
}

// yamlProblem tells where the parser gave up. Its message names a line at most, and
// not always the right one, while the parser itself knows the place; reading that
// is worth the look inside, because "line 1" of a long file helps nobody.
func yamlProblem(name string, data []byte, dec *yaml.Decoder, err error) *problem {
	m := yamlMessage.FindStringSubmatch(err.Error())
	p := &problem{code: "invalid-yaml", message: m[2]}
	if line, convErr := strconv.Atoi(m[1]); convErr == nil {
		p.pos = gateway.Position{Line: line, Column: 1}
	}
	if p.message == "control characters are not allowed" {
		if at := bytes.IndexFunc(data, isControl); at >= 0 {
			p.pos = positionAt(name, data, at)
		}
		return p
	}
	parser := fieldOf(reflect.ValueOf(dec), "parser")
	event, scanner := fieldOf(parser, "event"), fieldOf(parser, "parser")
	what, where := markOf(scanner, "problem_mark"), markOf(scanner, "context_mark")
	breaks := newBreaks(data)
	switch {
	case yamlAlias.MatchString(p.message) || yamlAnchor.MatchString(p.message):
		if mark := markOf(event, "start_mark"); mark.known {
			p.pos = breaks.position(mark.line, mark.column)
		}
	case !what.known:
	case where.known && (what.index >= utf8.RuneCount(data) || p.message == "could not find expected ':'"):
		// What is open at the end was opened elsewhere.
		p.pos = breaks.position(where.line, where.column)
		p.message = contextOf(scanner) + p.message
	default:
		p.pos = breaks.position(what.line, what.column)
		p.message = contextOf(scanner) + p.message
		if runeAt(data, what.index) == '\t' {
			p.hint = "YAML takes no tabs here: indent with spaces"
		}
	}
	// The parser adds a line break that is not there.
	if end := positionAt(name, data, len(data)); p.pos.Line > end.Line {
		p.pos = end
	}
	if yamlDepth.MatchString(p.message) {
		return tooDeep(p.pos)
	}
	return p
}

// runeAt gives the rune with an index, or 0 behind the last.
func runeAt(data []byte, index int) rune {
	for ; len(data) > 0; index-- {
		r, size := utf8.DecodeRune(data)
		if index == 0 {
			return r
		}
		data = data[size:]
	}
	return 0
}

var (
	yamlMessage = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(?s:(.*))$`)
	yamlDepth   = regexp.MustCompile(`exceeded max depth of \d+$`)
	yamlAlias   = regexp.MustCompile(`^unknown anchor '.*' referenced$`)
	yamlAnchor  = regexp.MustCompile(`^anchor '.*' value contains itself$`)
)

// isControl tells the characters that YAML does not allow.
func isControl(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
}

// contextOf is what the parser was doing, such as "while parsing a block mapping".
func contextOf(scanner reflect.Value) string {
	if f := fieldOf(scanner, "context"); f.IsValid() && f.Kind() == reflect.String && f.Len() > 0 {
		return f.String() + ", "
	}
	return ""
}

// A mark is a place as the parser counts: lines and columns from 0.
type mark struct {
	known               bool
	index, line, column int
}

func markOf(v reflect.Value, name string) mark {
	m := fieldOf(v, name)
	index, line, column := fieldOf(m, "index"), fieldOf(m, "line"), fieldOf(m, "column")
	for _, f := range []reflect.Value{index, line, column} {
		if !f.IsValid() || !f.CanInt() {
			return mark{}
		}
	}
	out := mark{true, int(index.Int()), int(line.Int()), int(column.Int())}
	out.known = out != mark{known: true}
	return out
}

// fieldOf gives a field, through pointers, or the zero Value.
func fieldOf(v reflect.Value, name string) reflect.Value {
	for v.IsValid() && v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}
