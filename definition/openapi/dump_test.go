package openapi_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

// dump renders a deployment and the warnings about its document as YAML: fields in
// the order of the model, zero ones left out, positions as line:column.
func dump(t *testing.T, d *gateway.Deployment, diags gateway.Diagnostics) []byte {
	t.Helper()
	root := dumper{d.Source.File}.node(reflect.ValueOf(d))
	if len(diags) > 0 {
		var warnings []string
		for _, diag := range diags {
			warnings = append(warnings, diag.String())
		}
		root.Content = append(root.Content, scalar("Diagnostics"), dumper{}.node(reflect.ValueOf(warnings)))
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dumper knows the file whose name it can leave out of positions.
type dumper struct{ file string }

func (d dumper) node(v reflect.Value) *yaml.Node {
	if p, ok := v.Interface().(gateway.Position); ok {
		if p.File != d.file {
			return scalar(p.String())
		}
		return scalar(fmt.Sprintf("%d:%d", p.Line, p.Column))
	}
	switch v.Kind() {
	case reflect.Pointer:
		return d.node(v.Elem())
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.IsExported() && !v.Field(i).IsZero() {
				n.Content = append(n.Content, scalar(field.Name), d.node(v.Field(i)))
			}
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, d.node(v.Index(i)))
		}
		if v.Type().Elem().Kind() == reflect.String && d.file != "" {
			n.Style = yaml.FlowStyle
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) })
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
