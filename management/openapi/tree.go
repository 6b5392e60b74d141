package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/source"
)

// A document is built of *object, []any, string, bool, int, json.Number and nil.

// object is a JSON object whose members keep their order.
type object struct{ members []member }

type member struct {
	key   string
	value any
}

// set adds a member, or replaces the value of the one that has the key.
func (o *object) set(key string, value any) {
	for i := range o.members {
		if o.members[i].key == key {
			o.members[i].value = value
			return
		}
	}
	o.members = append(o.members, member{key, value})
}

// text adds a member unless the text is empty.
func (o *object) text(key, value string) {
	if value != "" {
		o.set(key, value)
	}
}

// texts adds a list unless it is empty.
func (o *object) texts(key string, values []string) {
	if len(values) > 0 {
		o.set(key, list(values))
	}
}

// object adds an object unless it has no members.
func (o *object) object(key string, value *object) {
	if len(value.members) > 0 {
		o.set(key, value)
	}
}

func (o *object) get(key string) any {
	for i := range o.members {
		if o.members[i].key == key {
			return o.members[i].value
		}
	}
	return nil
}

func list(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// parseJSON reads JSON text into a document's values: members keep their order, numbers
// their digits.
func parseJSON(text string) (any, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one JSON value")
	}
	return v, nil
}

// maxDepth bounds how deep values are nested; definitions may not be deeper either.
const maxDepth = 100

func parseValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	if delim == '[' {
		items := []any{}
		for dec.More() {
			item, err := parseValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err := dec.Token()
		return items, err
	}
	o := &object{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		// The decoder gives nothing but text as a key.
		name, _ := key.(string)
		o.set(name, value)
	}
	_, err = dec.Token()
	return o, err
}

// jsonText writes a value as Amazon's service does.
func jsonText(v any) string {
	var b bytes.Buffer
	writeJSON(&b, v, "\n")
	return b.String()
}

func writeJSON(b *bytes.Buffer, v any, newline string) {
	switch v := v.(type) {
	case *object:
		if len(v.members) == 0 {
			b.WriteString("{ }")
			return
		}
		b.WriteByte('{')
		for i, m := range v.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(newline + "  " + source.TextJSON(m.key) + " : ")
			writeJSON(b, m.value, newline+"  ")
		}
		b.WriteString(newline + "}")
	case []any:
		b.WriteString("[ ")
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSON(b, item, newline)
		}
		if len(v) > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case string:
		b.WriteString(source.TextJSON(v))
	case json.Number:
		b.WriteString(v.String())
	case int:
		b.WriteString(strconv.Itoa(v))
	case bool:
		b.WriteString(strconv.FormatBool(v))
	default:
		b.WriteString("null")
	}
}

// yamlText writes a value as a YAML document.
func yamlText(v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("---\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(yamlNode(v)); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func yamlNode(v any) *yaml.Node {
	switch v := v.(type) {
	case *object:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, m := range v.members {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: m.key}, yamlNode(m.value))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			n.Content = append(n.Content, yamlNode(item))
		}
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: v}
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(v)}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}
