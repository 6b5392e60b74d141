package source

import (
	"bytes"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

// TextSource is where the value's text stands. The lines of a literal block ("|") stand in
// the file as they are, those of other texts do not.
func (v Value) TextSource() gateway.TextSource {
	s := gateway.TextSource{Start: v.Pos()}
	n := v.resolved()
	if n == nil || n.Kind != yaml.ScalarNode || n.Style&yaml.LiteralStyle == 0 || n.Line < 1 {
		return s
	}
	// The block begins below its indicator, and is indented as its first line that is not
	// empty is. An indentation indicator ("|2") says otherwise; then nothing is told.
	header, _ := v.doc.line(n.Line)
	if at := bytes.LastIndexByte(header, '|'); at < 0 || bytes.ContainsAny(header[at:], "123456789") {
		return s
	}
	for number := n.Line + 1; ; number++ {
		line, ok := v.doc.line(number)
		if !ok {
			return s
		}
		if text := bytes.TrimLeft(line, " "); len(text) > 0 {
			s.Lines = gateway.Position{File: v.doc.Name, Line: n.Line + 1, Column: len(line) - len(text) + 1}
			return s
		}
	}
}

// line is a line of the file, which count from 1, without its end.
func (d *Document) line(number int) ([]byte, bool) {
	if d.lines == nil {
		d.lines = []int{0}
		for i, c := range d.text {
			if c == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	if number < 1 || number > len(d.lines) {
		return nil, false
	}
	line := d.text[d.lines[number-1]:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	return line, utf8.Valid(line)
}
