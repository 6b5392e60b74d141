package source

import (
	"bytes"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

// YAML counts lines at more characters than editors and compilers do: U+2028 in a
// description that was pasted from a web page would move every position below it.
// breaks turns the parser's lines into those that end with a line feed.
type breaks struct {
	// starts are where the parser's lines begin, in editors' lines and columns from
	// 0; nil if both are the same.
	starts []struct{ line, column int }
}

func newBreaks(data []byte) breaks {
	var b breaks
	differ := bytes.Count(data, []byte("\r")) != bytes.Count(data, []byte("\r\n"))
	for _, extra := range []string{"\u0085", "\u2028", "\u2029"} {
		differ = differ || bytes.Contains(data, []byte(extra))
	}
	if differ {
		b.read(data)
	}
	return b
}

func (b *breaks) read(data []byte) {
	line, column := 0, 0
	begin := func() { b.starts = append(b.starts, struct{ line, column int }{line, column}) }
	begin()
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		i += size
		column++
		switch r {
		case '\n':
			line, column = line+1, 0
			begin()
		case '\r':
			// CRLF is one break, told by its second half.
			if i == len(data) || data[i] != '\n' {
				begin()
			}
		case '\u0085', '\u2028', '\u2029':
			begin()
		}
	}
}

// position converts a line and column of the parser, both from 0.
func (b breaks) position(line, column int) gateway.Position {
	if line >= 0 && line < len(b.starts) {
		column += b.starts[line].column
		line = b.starts[line].line
	}
	return gateway.Position{Line: line + 1, Column: column + 1}
}

// correctBreaks moves the nodes of a tree to the editors' lines.
func correctBreaks(data []byte, root *yaml.Node) {
	if b := newBreaks(data); b.starts != nil {
		b.correct(root)
	}
}

func (b breaks) correct(n *yaml.Node) {
	p := b.position(n.Line-1, n.Column-1)
	n.Line, n.Column = p.Line, p.Column
	for _, child := range n.Content {
		b.correct(child)
	}
}
