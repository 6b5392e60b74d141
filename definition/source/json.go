package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

// JSON has a reader of its own because YAML parsers refuse some of it (tabs for
// indentation) and are slower; the tree is the same.

type jsonError struct {
	pos     gateway.Position
	message string
}

func looksLikeJSON(data []byte) bool {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[')
}

func parseJSON(name string, data []byte) (*yaml.Node, *jsonError) {
	p := jsonParser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	for i, b := range data {
		if b == '\n' {
			p.newlines = append(p.newlines, i)
		}
	}
	root, err := p.value(0)
	if err == nil {
		if _, extra := p.dec.Token(); extra != io.EOF {
			err = errors.New("there is text after the end of the JSON document")
		}
	}
	if err == nil {
		return root, nil
	}
	offset := int(p.dec.InputOffset())
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = max(int(syntax.Offset)-1, 0)
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, err = len(data), errors.New("the JSON document ends too early")
	}
	return nil, &jsonError{positionAt(name, data, offset), err.Error()}
}

type jsonParser struct {
	data     []byte
	dec      *json.Decoder
	newlines []int
}

// next reads a token and makes the node that stands at its first byte.
func (p *jsonParser) next() (json.Token, *yaml.Node, error) {
	at := int(p.dec.InputOffset())
	for at < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[at]) >= 0 {
		at++
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, nil, err
	}
	line := sort.SearchInts(p.newlines, at)
	start := 0
	if line > 0 {
		start = p.newlines[line-1] + 1
	}
	return token, &yaml.Node{Line: line + 1, Column: utf8.RuneCount(p.data[start:at]) + 1}, nil
}

func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	token, n, err := p.next()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("values are nested more than %d levels deep", maxDepth)
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
			key.Kind, key.Tag, key.Value = yaml.ScalarNode, "!!str", token.(string)
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
