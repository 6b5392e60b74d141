// Package source reads YAML and JSON into a tree whose every value knows its
// file, line and column, and collects what is wrong with it. Definitions of all
// kinds are read through it, so that a mistake anywhere is reported at its place
// and all mistakes of a file are reported at once.
package source

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

const (
	// MaxBytes bounds one definition file. Amazon's own bound is 6 MB.
	MaxBytes = 32 << 20
	// maxValues bounds the values of a file: each costs some hundred bytes, however
	// short it is written.
	maxValues = 2_000_000
	// maxProblems bounds the errors, and the warnings, that are told of one file:
	// nobody reads more, and a hostile file could have millions.
	maxProblems = 1000
)

// Environment is what a document may refer to besides itself.
type Environment struct {
	// Variable looks up ${NAME}; nil leaves such text alone.
	Variable func(name string) (string, bool)
	// ReadFile reads {file: path}, relative to the document's own directory; nil
	// makes such references an error.
	ReadFile func(path string) ([]byte, error)
}

// Document is one parsed file.
type Document struct {
	Name string
	Env  Environment

	diags *gateway.Diagnostics
	root  *yaml.Node
	// end is behind the last character: nothing that is left out stands further on.
	end gateway.Position
	// text is the file, and lines are where its lines begin, once somebody asks for one.
	text  []byte
	lines []int
	// errors and warnings count what was reported.
	errors, warnings int
}

// Parse reads a YAML or JSON document. What is wrong with it goes to diags; the
// second result is false when there is no usable tree.
func Parse(name string, data []byte, env Environment, diags *gateway.Diagnostics) (*Document, bool) {
	doc := &Document{Name: name, Env: env, diags: diags}
	start := gateway.Position{File: name, Line: 1, Column: 1}
	if len(data) > MaxBytes {
		// A reader that was cut off does not know how much there would have been.
		diags.Errorf("file-too-large", start, "", "split the definition into several files",
			"the file has more than %d bytes", MaxBytes)
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if at := invalidUTF8(data); at >= 0 {
		diags.Errorf("invalid-utf8", positionAt(name, data, at), "", "save the file as UTF-8", "the file is not valid UTF-8 here")
		return nil, false
	}
	if len(bytes.TrimSpace(data)) == 0 {
		diags.Errorf("empty-file", start, "", "", "the file is empty")
		return nil, false
	}
	root, problem := parseTree(name, data)
	if problem == nil {
		problem = checkShape(root)
	}
	if problem != nil {
		if problem.pos.Line == 0 {
			problem.pos = start
		}
		problem.pos.File = name
		diags.Errorf(problem.code, problem.pos, "", problem.hint, "%s", problem.message)
		return nil, false
	}
	doc.root, doc.end, doc.text = root, positionAt(name, data, len(data)), data
	return doc, true
}

// A problem is why there is no tree. A position without a line is the file's start.
type problem struct {
	code    string
	pos     gateway.Position
	message string
	hint    string
}

func (p *problem) Error() string { return p.message }

func errorf(code string, pos gateway.Position, hint, format string, args ...any) *problem {
	return &problem{code, pos, fmt.Sprintf(format, args...), hint}
}

func parseTree(name string, data []byte) (*yaml.Node, *problem) {
	if !looksLikeJSON(data) {
		return parseYAML(name, data)
	}
	root, inJSON := parseJSON(name, data)
	if inJSON == nil || inJSON.code != "invalid-json" {
		return root, inJSON
	}
	if strings.EqualFold(filepath.Ext(name), ".json") {
		return nil, inJSON
	}
	// Flow-style YAML may begin like JSON: let the YAML parser have the last word,
	// but report JSON's error when it can't read it either.
	root, inYAML := parseYAML(name, data)
	if inYAML == nil || inYAML.code != "invalid-yaml" {
		return root, inYAML
	}
	return nil, inJSON
}

// report adds a diagnostic, unless there are too many. An error that is left out
// leaves an error behind.
func (d *Document) report(severity gateway.Severity, code string, v Value, hint, format string, args []any) {
	count := &d.errors
	if severity == gateway.Warning {
		count = &d.warnings
	}
	*count++
	switch {
	case *count > maxProblems+1:
	case *count > maxProblems && severity == gateway.Warning:
		d.diags.Warnf("too-many-problems", v.Pos(), "", "", "the file has more than %d warnings; this and those after it are not told", maxProblems)
	case *count > maxProblems:
		d.diags.Errorf("too-many-problems", v.Pos(), "", "", "the file has more than %d errors; this and those after it are not told", maxProblems)
	case severity == gateway.Warning:
		d.diags.Warnf(code, v.Pos(), v.Path(), hint, format, args...)
	default:
		d.diags.Errorf(code, v.Pos(), v.Path(), hint, format, args...)
	}
}

// HasTooManyErrors reports whether more errors were found than are told, so that
// reading on is of no use.
func (d *Document) HasTooManyErrors() bool { return d.errors > maxProblems }

// Root is the document's top value.
func (d *Document) Root() Value { return Value{doc: d, node: d.root} }

func (d *Document) pos(n *yaml.Node) gateway.Position {
	if n.Line > d.end.Line {
		return d.end // the parser adds a line break that is not there
	}
	return gateway.Position{File: d.Name, Line: n.Line, Column: n.Column}
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// positionAt converts a byte offset.
func positionAt(name string, data []byte, offset int) gateway.Position {
	before := data[:min(max(offset, 0), len(data))]
	line := bytes.Count(before, []byte("\n"))
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return gateway.Position{File: name, Line: line + 1, Column: column + 1}
}

func tooManyValues(pos gateway.Position) *problem {
	return errorf("too-many-values", pos, "split the definition into several files", "the file has more than %d values", maxValues)
}
