// Package source reads YAML and JSON into a tree whose every value knows its
// file, line and column, and collects what is wrong with it. Definitions of all
// kinds are read through it, so that a mistake anywhere is reported at its place
// and all mistakes of a file are reported at once.
package source

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

const (
	// MaxBytes bounds one definition file. Amazon's own bound is 6 MB.
	MaxBytes = 32 << 20
	// maxDepth bounds nesting; deeper documents are mistakes or attacks.
	maxDepth = 100
	// maxExpansion bounds the nodes a document may have once its aliases are
	// followed, as a multiple of the nodes written (plus a floor).
	maxExpansion      = 20
	maxExpansionFloor = 10_000
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
}

// Parse reads a YAML or JSON document. What is wrong with it goes to diags; the
// second result is false when there is no usable tree.
func Parse(name string, data []byte, env Environment, diags *gateway.Diagnostics) (*Document, bool) {
	doc := &Document{Name: name, Env: env, diags: diags}
	start := gateway.Position{File: name, Line: 1, Column: 1}
	if len(data) > MaxBytes {
		diags.Errorf("file-too-large", start, "", "split the definition into several files",
			"the file has %d bytes, the limit is %d", len(data), MaxBytes)
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
	root, ok := doc.parseTree(data)
	if !ok {
		return nil, false
	}
	if !doc.checkShape(root) {
		return nil, false
	}
	doc.root = root
	return doc, true
}

func (d *Document) parseTree(data []byte) (*yaml.Node, bool) {
	if looksLikeJSON(data) {
		root, err := parseJSON(d.Name, data)
		if err == nil {
			return root, true
		}
		// Flow-style YAML may begin like JSON: let the YAML parser have the last
		// word, but report JSON's error when it can't read it either.
		if root, yamlErr := parseYAML(data); yamlErr == nil {
			return root, true
		}
		d.diags.Errorf("invalid-json", err.pos, "", "", "%s", err.message)
		return nil, false
	}
	root, err := parseYAML(data)
	if err != nil {
		pos, message := yamlErrorPosition(d.Name, err)
		d.diags.Errorf("invalid-yaml", pos, "", "", "%s", message)
		return nil, false
	}
	return root, true
}

func parseYAML(data []byte) (root *yaml.Node, err error) {
	// The parser is robust, but it is fed from outside: a panic in it must not
	// take the gateway down.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var n yaml.Node
	if err := dec.Decode(&n); err != nil {
		return nil, err
	}
	var second yaml.Node
	if dec.Decode(&second) == nil {
		return nil, fmt.Errorf("yaml: line %d: a second document begins here; only one is read", second.Line)
	}
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		return n.Content[0], nil
	}
	return &n, nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(?s:(.*))$`)

// yamlErrorPosition takes the line out of the parser's message; it tells no column.
func yamlErrorPosition(name string, err error) (gateway.Position, string) {
	m := yamlLine.FindStringSubmatch(err.Error())
	pos := gateway.Position{File: name, Line: 1, Column: 1}
	if n, convErr := strconv.Atoi(m[1]); convErr == nil {
		pos.Line = n
	}
	return pos, m[2]
}

// checkShape refuses nesting and alias expansion beyond any honest document,
// before anything walks the tree.
func (d *Document) checkShape(root *yaml.Node) bool {
	c := shapeCheck{sizes: map[*yaml.Node]int{}, open: map[*yaml.Node]bool{}}
	size := c.expanded(root, 0)
	switch {
	case c.cycle != nil:
		d.diags.Errorf("alias-cycle", d.pos(c.cycle), "", "", "the alias *%s refers to a value that contains it", c.cycle.Value)
	case c.deep != nil:
		d.diags.Errorf("too-deep", d.pos(c.deep), "", "", "values are nested more than %d levels deep", maxDepth)
	case size > maxExpansionFloor && size > maxExpansion*c.written:
		d.diags.Errorf("alias-bomb", d.pos(root), "", "", "aliases expand the document's %d values to more than %d", c.written, maxExpansion*c.written)
	default:
		return true
	}
	return false
}

type shapeCheck struct {
	sizes   map[*yaml.Node]int
	open    map[*yaml.Node]bool
	written int
	deep    *yaml.Node
	cycle   *yaml.Node
}

// expanded counts the nodes below n with aliases followed, saturating.
func (c *shapeCheck) expanded(n *yaml.Node, depth int) int {
	if depth > maxDepth {
		c.deep = n
		return 0
	}
	if n.Kind == yaml.AliasNode {
		if c.open[n.Alias] {
			c.cycle = n
			return 0
		}
		n = n.Alias
		depth++
	}
	if size, ok := c.sizes[n]; ok {
		return size
	}
	c.written++
	size := 1
	if len(n.Content) > 0 {
		c.open[n] = true
		for _, child := range n.Content {
			if size += c.expanded(child, depth+1); size > 1<<40 {
				size = 1 << 40
			}
			if c.deep != nil || c.cycle != nil {
				return 0
			}
		}
		delete(c.open, n)
		c.sizes[n] = size
	}
	return size
}

// Root is the document's top value.
func (d *Document) Root() Value { return Value{doc: d, node: d.root} }

func (d *Document) pos(n *yaml.Node) gateway.Position {
	return gateway.Position{File: d.Name, Line: n.Line, Column: n.Column}
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
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
	before := data[:min(offset, len(data))]
	line := bytes.Count(before, []byte("\n"))
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return gateway.Position{File: name, Line: line + 1, Column: column + 1}
}
