package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// JSON has a reader of its own because YAML parsers refuse some of it (tabs for
// indentation) and are slower; the tree is the same.

func looksLikeJSON(data []byte) bool {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[')
}

func parseJSON(name string, data []byte) (*yaml.Node, *problem) {
	p := jsonParser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	root, err := p.value(0)
	if err == nil {
		if _, extra := p.dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("there is text after the end of the JSON document")
		}
	}
	if err == nil {
		return root, nil
	}
	var found *problem
	if errors.As(err, &found) {
		return nil, found
	}
	offset := int(p.dec.InputOffset())
	// Reading token by token the decoder miscounts, reading at once it does not.
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(data, new(any)), &syntax) {
		offset, err = int(syntax.Offset)-1, syntax
		if syntax.Error() == "unexpected end of JSON input" {
			offset, err = len(data), errors.New("the JSON document ends too early")
		}
	}
	return nil, errorf("invalid-json", positionAt(name, data, offset), "", "%v", err)
}

type jsonParser struct {
	data   []byte
	dec    *json.Decoder
	values int
	// counted is the place of an offset, from which the next is counted on.
	counted struct{ at, line, column int }
}

// start skips what may stand before a token.
func (p *jsonParser) start(at int) int {
	for at < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[at]) >= 0 {
		at++
	}
	return at
}

// next reads a token and makes the node that stands at its first byte.
func (p *jsonParser) next() (json.Token, *yaml.Node, error) {
	at := p.start(int(p.dec.InputOffset()))
	token, err := p.dec.Token()
	if err != nil {
		return nil, nil, err
	}
	n := &yaml.Node{}
	n.Line, n.Column = p.place(at)
	if p.values++; p.values > maxValues {
		return nil, nil, tooManyValues(placeOf(n))
	}
	return token, n, nil
}

// place gives the line and column of an offset. Offsets only grow, so that the
// bytes of even one long line are looked at once.
func (p *jsonParser) place(at int) (line, column int) {
	passed := p.data[p.counted.at:at]
	if i := bytes.LastIndexByte(passed, '\n'); i >= 0 {
		p.counted.line += bytes.Count(passed, []byte("\n"))
		p.counted.column = 0
		passed = passed[i+1:]
	}
	p.counted.column += utf8.RuneCount(passed)
	p.counted.at = at
	return p.counted.line + 1, p.counted.column + 1
}

func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	token, n, err := p.next()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, tooDeep(placeOf(n))
	}
	switch t := token.(type) {
	case json.Delim:
		return p.container(n, t, depth)
	case string:
		n.Kind, n.Tag, n.Value, n.Style = yaml.ScalarNode, "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!int", t.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!bool", fmt.Sprint(t)
	case nil:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!null", "null"
	}
	return n, nil
}

func (p *jsonParser) container(n *yaml.Node, open json.Delim, depth int) (*yaml.Node, error) {
	n.Kind, n.Tag, n.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for p.dec.More() {
		if open == '{' {
			token, key, err := p.next()
			if err != nil {
				return nil, err
			}
			text, ok := token.(string)
			if !ok {
				return nil, errors.New("an object's key must be text")
			}
			key.Kind, key.Tag, key.Value, key.Style = yaml.ScalarNode, "!!str", text, yaml.DoubleQuotedStyle
			n.Content = append(n.Content, key)
		}
		child, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, child)
	}
	_, err := p.dec.Token()
	return n, err
}
