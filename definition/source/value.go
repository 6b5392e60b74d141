package source

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/gateway"
)

// Value is a node of a document with the path that led to it. The zero Value
// stands for something that isn't there; reading it gives defaults and reports
// nothing.
type Value struct {
	doc  *Document
	node *yaml.Node
	path string
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
func (v Value) Path() string { return v.path }

// Node is the YAML node itself, aliases resolved, for callers that convert whole
// subtrees (schemas).
func (v Value) Node() *yaml.Node { return v.resolved() }

// Document is where the value comes from.
func (v Value) Document() *Document { return v.doc }

// Errorf reports an error at the value; hint may be empty.
func (v Value) Errorf(code, hint, format string, args ...any) {
	v.doc.diags.Errorf(code, v.Pos(), v.path, hint, format, args...)
}

// Warnf reports a warning at the value; hint may be empty.
func (v Value) Warnf(code, hint, format string, args ...any) {
	v.doc.diags.Warnf(code, v.Pos(), v.path, hint, format, args...)
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
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the boolean " + n.Value
	}
	return "the text " + strconv.Quote(n.Value)
}

func (v Value) wrongType(want string) {
	v.Errorf("wrong-type", "", "%s must be %s, not %s", v.name(), want, v.kindName())
}

func (v Value) name() string {
	if v.path == "" {
		return "the document"
	}
	return v.path
}

// Text reads a scalar as text; numbers and booleans are taken as written. Absent
// and null give "". ${NAME} is replaced where the document has an environment.
func (v Value) Text() string {
	if v.IsNull() {
		return ""
	}
	if !v.IsScalar() {
		v.wrongType("text")
		return ""
	}
	return v.interpolate(v.resolved().Value)
}

// Raw is the scalar as written, nothing replaced.
func (v Value) Raw() string {
	if n := v.resolved(); n != nil && n.Kind == yaml.ScalarNode {
		return n.Value
	}
	return ""
}

// Secret reads text that must stay hidden: written inline, by ${NAME}, or as
// {file: path} whose content is taken without its last line break.
func (v Value) Secret() gateway.Secret {
	if v.IsObject() {
		return gateway.Secret(strings.TrimRight(string(v.FileContent()), "\r\n"))
	}
	return gateway.Secret(v.Text())
}

// FileContent reads {file: path}.
func (v Value) FileContent() []byte {
	o := v.Object()
	ref := o.Get("file")
	o.Done()
	if !ref.Exists() {
		v.Errorf("missing-key", "write {file: path}", "%s has no file", v.name())
		return nil
	}
	return ref.ReadFile()
}

// ReadFile reads the file that the value names, relative to the document.
func (v Value) ReadFile() []byte {
	name := v.Text()
	if name == "" {
		return nil
	}
	if v.doc.Env.ReadFile == nil {
		v.Errorf("file-not-allowed", "", "files cannot be referred to here")
		return nil
	}
	data, err := v.doc.Env.ReadFile(name)
	if err != nil {
		v.Errorf("unreadable-file", "", "cannot read %s: %v", name, err)
		return nil
	}
	return data
}

// Bool reads true or false; absent gives def.
func (v Value) Bool(def bool) bool {
	if v.IsNull() {
		return def
	}
	switch strings.ToLower(v.Text()) {
	case "true":
		return true
	case "false":
		return false
	}
	v.wrongType("true or false")
	return def
}

// Int reads a whole number between low and high; absent gives def.
func (v Value) Int(def, low, high int64) int64 {
	if v.IsNull() {
		return def
	}
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	if err != nil || !v.IsScalar() {
		v.wrongType("a whole number")
		return def
	}
	if n < low || n > high {
		v.Errorf("out-of-range", "", "%s is %d, must be between %d and %d", v.name(), n, low, high)
		return def
	}
	return n
}

// Number reads a number between low and high; absent gives def.
func (v Value) Number(def, low, high float64) float64 {
	if v.IsNull() {
		return def
	}
	f, err := strconv.ParseFloat(v.Text(), 64)
	if err != nil || math.IsNaN(f) || !v.IsScalar() {
		v.wrongType("a number")
		return def
	}
	if f < low || f > high {
		v.Errorf("out-of-range", "", "%s is %g, must be between %g and %g", v.name(), f, low, high)
		return def
	}
	return f
}

// Millis reads a duration such as 500ms, 2s or 1m30s, in milliseconds; absent gives def.
func (v Value) Millis(def int64) int64 {
	if v.IsNull() {
		return def
	}
	d, err := time.ParseDuration(v.Text())
	if err != nil || d < 0 {
		v.wrongType("a duration such as 500ms or 30s")
		return def
	}
	return d.Milliseconds()
}

var sizePattern = regexp.MustCompile(`^([0-9]+)\s*(?i:(B|KB|MB|GB|KiB|MiB|GiB)?)$`)

// Bytes reads a size such as 512KB or 10MiB (KB = 1000, KiB = 1024); absent gives def.
func (v Value) Bytes(def int64) int64 {
	if v.IsNull() {
		return def
	}
	m := sizePattern.FindStringSubmatch(v.Text())
	if m == nil {
		v.wrongType("a size such as 512KB or 10MiB")
		return def
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	unit := map[string]int64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}[strings.ToLower(m[2])]
	if err != nil || n > math.MaxInt64/unit {
		v.Errorf("out-of-range", "", "%s is too large", v.name())
		return def
	}
	return n * unit
}

// OneOf reads text that must be one of the choices (compared without case, given
// back as spelled in choices); absent gives "".
func (v Value) OneOf(choices ...string) string {
	text := v.Text()
	if text == "" {
		return ""
	}
	for _, c := range choices {
		if strings.EqualFold(c, text) {
			return c
		}
	}
	v.Errorf("unknown-value", nearestHint(text, choices), "%s is %q, must be one of %s", v.name(), text, strings.Join(choices, ", "))
	return ""
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
	var items []Value
	for i, n := range v.resolved().Content {
		items = append(items, Value{v.doc, n, fmt.Sprintf("%s[%d]", v.path, i)})
	}
	return items
}

// Texts reads a list of texts.
func (v Value) Texts() []string {
	var out []string
	for _, item := range v.List() {
		out = append(out, item.Text())
	}
	return out
}

var variablePattern = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// interpolate replaces ${NAME} and ${NAME:-default}; $$ is a plain dollar sign.
func (v Value) interpolate(text string) string {
	if v.doc.Env.Variable == nil || !strings.Contains(text, "$") {
		return text
	}
	return variablePattern.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		m := variablePattern.FindStringSubmatch(match)
		if value, ok := v.doc.Env.Variable(m[1]); ok {
			return value
		}
		if m[2] != "" {
			return m[3]
		}
		v.Errorf("unset-variable", "set it, or write ${"+m[1]+":-default}", "the environment variable %s is not set", m[1])
		return ""
	})
}
