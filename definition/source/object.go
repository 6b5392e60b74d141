package source

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Object reads a mapping key by key and, when done, reports the keys nobody asked
// for. Keys keep the order of the document.
type Object struct {
	Value
	entries []Entry
	index   map[string]int
	used    map[string]bool
}

// Entry is a key of an object with its value.
type Entry struct {
	Key string
	// KeyValue stands for the key itself, for messages about it.
	KeyValue Value
	Value
}

// Object gives the value as an object; absent gives an empty one. Anything else
// is reported as a wrong type, a key that stands twice as a duplicate.
func (v Value) Object() *Object {
	o := &Object{Value: v, index: map[string]int{}, used: map[string]bool{}}
	if v.IsNull() {
		return o
	}
	if !v.IsObject() {
		v.wrongType("an object")
		return o
	}
	o.addAll(v.resolved(), false)
	return o
}

// addAll adds a mapping's entries. Merge keys (<<) add what is not written yet.
func (o *Object) addAll(n *yaml.Node, merging bool) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		keyValue := Value{o.doc, key, o.path}
		if key.ShortTag() == "!!merge" {
			defer o.merge(value)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			keyValue.Errorf("wrong-type", "", "a key must be text")
			continue
		}
		if at, twice := o.index[key.Value]; twice {
			if !merging {
				keyValue.Errorf("duplicate-key", "", "the key %q stands twice; first at line %d", key.Value, o.entries[at].KeyValue.node.Line)
			}
			continue
		}
		o.index[key.Value] = len(o.entries)
		o.entries = append(o.entries, Entry{key.Value, keyValue, Value{o.doc, value, childPath(o.path, key.Value)}})
	}
}

func (o *Object) merge(n *yaml.Node) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		o.addAll(n, true)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			o.merge(item)
		}
	default:
		Value{o.doc, n, o.path}.wrongType("an object to merge")
	}
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_$-]+$`)

func childPath(parent, key string) string {
	if !plainKey.MatchString(key) {
		return fmt.Sprintf("%s[%q]", parent, key)
	}
	if parent == "" {
		return key
	}
	return parent + "." + key
}

// Get gives the value of a key, or the absent Value.
func (o *Object) Get(key string) Value {
	o.used[key] = true
	if i, ok := o.index[key]; ok {
		return o.entries[i].Value
	}
	return Value{doc: o.doc, path: childPath(o.path, key)}
}

// Require is Get for a key that must be there and not be null.
func (o *Object) Require(key string) Value {
	v := o.Get(key)
	if v.IsNull() && (o.IsObject() || o.IsNull()) {
		o.Errorf("missing-key", "", "%s needs the key %q", o.name(), key)
	}
	return v
}

// Has reports whether a key is written, without marking it as read.
func (o *Object) Has(key string) bool { _, ok := o.index[key]; return ok }

// Entries gives all entries in document order and marks them as read.
func (o *Object) Entries() []Entry {
	for _, e := range o.entries {
		o.used[e.Key] = true
	}
	return o.entries
}

// Unread gives the entries nobody has read yet, and marks them as read.
func (o *Object) Unread() []Entry {
	var out []Entry
	for _, e := range o.entries {
		if !o.used[e.Key] {
			o.used[e.Key] = true
			out = append(out, e)
		}
	}
	return out
}

// Done reports every key that was not read as an unknown one.
func (o *Object) Done() {
	var known []string
	for key := range o.used {
		known = append(known, key)
	}
	for _, e := range o.Unread() {
		e.KeyValue.Errorf("unknown-key", nearestHint(e.Key, known), "unknown key %q", e.Key)
	}
}

// StringMap reads an object of texts.
func (v Value) StringMap() map[string]string {
	entries := v.Object().Entries()
	if len(entries) == 0 {
		return nil
	}
	m := make(map[string]string, len(entries))
	for _, e := range entries {
		m[e.Key] = e.Text()
	}
	return m
}

// nearestHint suggests the choice a typo probably meant.
func nearestHint(word string, choices []string) string {
	best, distance := "", len(word)/3+2
	for _, c := range choices {
		if d := editDistance(strings.ToLower(word), strings.ToLower(c)); d < distance || d == distance && c < best {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		previous := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := previous
			if a[i-1] != b[j-1] {
				cost = 1 + min(previous, row[j], row[j-1])
			}
			previous, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
