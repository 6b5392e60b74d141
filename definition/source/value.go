package source

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

// Value is a node of a document with the path that led to it. The zero Value
// stands for something that isn't there; reading it gives defaults and reports
// nothing.
type Value struct {
	doc  *Document
	node *yaml.Node
	path *step
}

// Exists reports whether the value was written (a written null exists).
func (v Value) Exists() bool { return v.node != nil }

// IsNull reports whether the value is absent or null.
func (v Value) IsNull() bool {
	n := v.resolved()
	return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// IsObject, IsList and IsScalar tell the kind of a value.
func (v Value) IsObject() bool { n := v.resolved(); return n != nil && n.Kind == yaml.MappingNode }
func (v Value) IsList() bool   { n := v.resolved(); return n != nil && n.Kind == yaml.SequenceNode }
func (v Value) IsScalar() bool {
	n := v.resolved()
	return n != nil && n.Kind == yaml.ScalarNode && n.Tag != "!!null"
}

// IsString reports whether the value is a scalar of YAML type string.
func (v Value) IsString() bool { return v.IsScalar() && v.resolved().ShortTag() == "!!str" }

// Pos is where the value stands.
func (v Value) Pos() gateway.Position {
	if v.node == nil {
		return gateway.Position{}
	}
	return v.doc.pos(v.node)
}

// Path is the way to the value from the document's root, such as apis[0].name.
func (v Value) Path() string { return v.path.String() }

// Node is the YAML node itself, aliases resolved, for callers that convert whole
// subtrees (schemas).
func (v Value) Node() *yaml.Node { return v.resolved() }

// Document is where the value comes from.
func (v Value) Document() *Document { return v.doc }

// Errorf reports an error at the value; hint may be empty.
func (v Value) Errorf(code, hint, format string, args ...any) {
	v.doc.report(gateway.Error, code, v, hint, format, args)
}

// Warnf reports a warning at the value; hint may be empty.
func (v Value) Warnf(code, hint, format string, args ...any) {
	v.doc.report(gateway.Warning, code, v, hint, format, args)
}

func (v Value) resolved() *yaml.Node {
	n := v.node
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func (v Value) kindName() string {
	n := v.resolved()
	switch {
	case n == nil || v.IsNull():
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "an object"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case v.isInterpolated():
		// What the environment holds may be secret.
		return "the value of " + clip(n.Value)
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + clip(n.Value)
	case "!!bool":
		return "the boolean " + n.Value
	}
	return "the text " + strconv.Quote(clip(n.Value))
}

func (v Value) wrongType(want string) {
	hint := ""
	if v.isCloudFormation() {
		hint = cloudFormationHint
	}
	v.Errorf("wrong-type", hint, "%s must be %s, not %s", v.name(), want, v.kindName())
}

// isCloudFormation tells a call of a function of CloudFormation's in its long form, such
// as {Fn::Sub: text}: the bodies of templates that were never deployed are full of them.
func (v Value) isCloudFormation() bool {
	n := v.resolved()
	if n == nil || n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return false
	}
	key := n.Content[0].Value
	return key == "Ref" || strings.HasPrefix(key, "Fn::")
}

func (v Value) name() string {
	if v.path == nil {
		return "the document"
	}
	return v.Path()
}

// List gives the items; absent gives none.
func (v Value) List() []Value {
	if v.IsNull() {
		return nil
	}
	if !v.IsList() {
		v.wrongType("a list")
		return nil
	}
	content := v.resolved().Content
	items := make([]Value, len(content))
	steps := make([]step, len(content))
	for i, n := range content {
		steps[i] = step{parent: v.path, index: i}
		items[i] = Value{v.doc, n, &steps[i]}
	}
	return items
}

// Texts reads a list of texts. Those that are missing or empty are reported.
func (v Value) Texts() []string {
	var out []string
	for _, item := range v.List() {
		out = append(out, item.NonEmpty())
	}
	return out
}
