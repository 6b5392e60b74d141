package native_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/native"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// dump renders a configuration as YAML: fields in the order of the model, zero ones
// left out, positions as line:column, secrets as they are.
func dump(t *testing.T, file string, c *native.Config) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(dumper{file}.node(reflect.ValueOf(c))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type dumper struct{ file string }

func (d dumper) node(v reflect.Value) *yaml.Node {
	switch x := v.Interface().(type) {
	case gateway.Position:
		return scalar(strings.TrimPrefix(fmt.Sprintf("%s:%d:%d", x.File, x.Line, x.Column), d.file+":"))
	case source.Value:
		return d.node(reflect.ValueOf(x.Pos()))
	}
	switch v.Kind() {
	case reflect.Pointer:
		return d.node(v.Elem())
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			switch {
			case !field.IsExported() || v.Field(i).IsZero():
			case field.Anonymous:
				n.Content = append(n.Content, d.node(v.Field(i)).Content...)
			default:
				n.Content = append(n.Content, scalar(field.Name), d.node(v.Field(i)))
			}
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, d.node(v.Index(i)))
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			n.Content = append(n.Content, scalar(key.String()), d.node(v.MapIndex(key)))
		}
		return n
	case reflect.String:
		n := scalar(v.String())
		n.Tag = "!!str"
		return n
	}
	return scalar(fmt.Sprint(v.Interface()))
}

func scalar(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }
