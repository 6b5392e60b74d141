package iampolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxDepth is more than any policy needs: the value of a condition lies six deep.
const maxDepth = 8

type nodeKind int

const (
	nullNode nodeKind = iota
	objectNode
	listNode
	textNode
	numberNode
	booleanNode
)

var nodeNames = [...]string{"null", "an object", "a list", "text", "a number", "true or false"}

func (k nodeKind) String() string { return nodeNames[k] }

// node is a JSON value that remembers where it stood.
type node struct {
	kind   nodeKind
	offset int
	// text of texts, numbers and booleans, the latter two as they were written.
	text    string
	members []member
	items   []node
}

type member struct {
	name string
	// offset is that of the name.
	offset int
	value  node
}

// document reads JSON into nodes. encoding/json checks the syntax; what it is lax
// about (repeated names, broken UTF-8, depth) is looked after here.
type document struct {
	text    []byte
	decoder *json.Decoder
	parser  *parser
}

// read reports problems to the parser; without a document there is ok == false.
func (d *document) read() (root node, ok bool) {
	for at := 0; at < len(d.text); {
		r, size := utf8.DecodeRune(d.text[at:])
		if r == utf8.RuneError && size == 1 {
			d.parser.problem(nil, at, "", "the policy is not UTF-8")
			return node{}, false
		}
		at += size
	}
	var raw json.RawMessage
	if err := json.Unmarshal(d.text, &raw); err != nil {
		offset := len(d.text)
		// The offset of a syntax error is the number of bytes read, the bad one included.
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			offset = max(0, min(int(syntax.Offset)-1, len(d.text)))
			if strings.HasPrefix(syntax.Error(), "unexpected end") {
				offset = len(d.text)
			}
		}
		d.parser.problem(nil, offset, "", "the policy is not JSON: %v", err)
		return node{}, false
	}
	d.decoder = json.NewDecoder(bytes.NewReader(d.text))
	d.decoder.UseNumber()
	return d.value(nil, 1)
}

// token returns the next token and where it begins.
func (d *document) token() (json.Token, int, bool) {
	start := int(d.decoder.InputOffset())
	for start < len(d.text) && strings.IndexByte(" \t\r\n,:", d.text[start]) >= 0 {
		start++
	}
	token, err := d.decoder.Token()
	if err != nil {
		d.parser.problem(nil, start, "", "the policy is not JSON: %v", err)
	}
	return token, start, err == nil
}

func (d *document) value(at Path, depth int) (node, bool) {
	token, offset, ok := d.token()
	if !ok {
		return node{}, false
	}
	n := node{offset: offset}
	switch t := token.(type) {
	case json.Delim:
		if depth > maxDepth {
			d.parser.problem(at, offset, "", "values are nested deeper than any policy has to be")
			return node{}, false
		}
		if t == '{' {
			n.kind = objectNode
			return d.object(n, at, depth)
		}
		n.kind = listNode
		return d.list(n, at, depth)
	case string:
		n.kind, n.text = textNode, d.wellFormed(t, at, offset)
	case json.Number:
		n.kind, n.text = numberNode, t.String()
	case bool:
		n.kind, n.text = booleanNode, "false"
		if t {
			n.text = "true"
		}
	}
	return n, true
}

func (d *document) object(n node, at Path, depth int) (node, bool) {
	seen := map[string]bool{}
	for d.decoder.More() {
		token, offset, ok := d.token()
		if !ok {
			return node{}, false
		}
		// encoding/json has checked that names are texts.
		name, _ := token.(string)
		here := at.key(name)
		d.wellFormed(name, here, offset)
		value, ok := d.value(here, depth+1)
		if !ok {
			return node{}, false
		}
		if seen[name] {
			d.parser.problem(here, offset, "remove one of them", "%q stands twice in one object", name)
			continue
		}
		seen[name] = true
		n.members = append(n.members, member{name, offset, value})
	}
	_, _, ok := d.token()
	return n, ok
}

func (d *document) list(n node, at Path, depth int) (node, bool) {
	for d.decoder.More() {
		item, ok := d.value(at.item(len(n.items)), depth+1)
		if !ok {
			return node{}, false
		}
		n.items = append(n.items, item)
	}
	_, _, ok := d.token()
	return n, ok
}

// wellFormed refuses halves of surrogate pairs, which encoding/json turns into the
// replacement character: the text would no longer be what its author meant.
func (d *document) wellFormed(text string, at Path, offset int) string {
	if strings.ContainsRune(text, utf8.RuneError) {
		d.parser.problem(at, offset, "", "the text has half a surrogate pair or the replacement character U+FFFD")
	}
	return text
}
