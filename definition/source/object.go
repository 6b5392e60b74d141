package source

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/nearest"
)

// Object reads a mapping key by key and, when done, reports the keys nobody asked
// for. Keys keep the order of the document.
type Object struct {
	Value
	entries []Entry
	// index finds entries in large objects; small ones are searched.
	index map[string]int
	// used tells which entries have been read, asked the keys looked for in vain.
	used  []bool
	asked []string
}

// indexFrom is the number of keys from which an index pays.
const indexFrom = 16

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
	o := &Object{Value: v}
	if v.IsNull() {
		return o
	}
	if !v.IsObject() {
		v.wrongType("an object")
		return o
	}
	n := v.resolved()
	o.entries = make([]Entry, 0, len(n.Content)/2)
	o.addAll(n, false)
	o.used = make([]bool, len(o.entries))
	return o
}

// find gives the place of a key among the entries.
func (o *Object) find(key string) (int, bool) {
	if o.index != nil {
		i, ok := o.index[key]
		return i, ok
	}
	for i := range o.entries {
		if o.entries[i].Key == key {
			return i, true
		}
	}
	return 0, false
}

func (o *Object) add(e Entry) {
	o.entries = append(o.entries, e)
	switch {
	case o.index != nil:
		o.index[e.Key] = len(o.entries) - 1
	case len(o.entries) == indexFrom:
		o.index = make(map[string]int, cap(o.entries))
		for i := range o.entries {
			o.index[o.entries[i].Key] = i
		}
	}
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
		if at, twice := o.find(key.Value); twice {
			if !merging {
				keyValue.Errorf("duplicate-key", "", "the key %q stands twice; first at line %d", clip(key.Value), o.entries[at].KeyValue.node.Line)
			}
			continue
		}
		o.add(Entry{key.Value, keyValue, Value{o.doc, value, &step{parent: o.path, key: key.Value, isKey: true}}})
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

// Get gives the value of a key, or the absent Value.
func (o *Object) Get(key string) Value {
	if i, ok := o.find(key); ok {
		o.used[i] = true
		return o.entries[i].Value
	}
	o.asked = append(o.asked, key)
	return Value{doc: o.doc, path: &step{parent: o.path, key: key, isKey: true}}
}

// Require is Get for a key that must be there and not be null.
func (o *Object) Require(key string) Value {
	v := o.Get(key)
	if v.IsNull() && (o.IsObject() || o.IsNull()) {
		o.Errorf("missing-key", "", "%s needs the key %q", o.name(), key)
	}
	return v
}

// RequireText is Require for text that must not be empty.
func (o *Object) RequireText(key string) string {
	v := o.Require(key)
	if v.IsNull() {
		return ""
	}
	return v.NonEmpty()
}

// Has reports whether a key is written, without marking it as read.
func (o *Object) Has(key string) bool { _, ok := o.find(key); return ok }

// Entries gives all entries in document order and marks them as read.
func (o *Object) Entries() []Entry {
	for i := range o.used {
		o.used[i] = true
	}
	return o.entries
}

// Unread gives the entries nobody has read yet, and marks them as read.
func (o *Object) Unread() []Entry {
	var out []Entry
	for i, e := range o.entries {
		if !o.used[i] {
			o.used[i] = true
			out = append(out, e)
		}
	}
	return out
}

// Done reports every key that was not read as an unknown one, and whether there was
// any.
func (o *Object) Done() bool {
	if !slices.Contains(o.used, false) {
		return false
	}
	known := o.asked
	for i, e := range o.entries {
		if o.used[i] {
			known = append(known, e.Key)
		}
	}
	for _, e := range o.Unread() {
		e.KeyValue.Errorf("unknown-key", nearestHint(e.Key, known), "unknown key %q", clip(e.Key))
	}
	return true
}

// StringMap reads an object of texts. One that is null is reported: it would be an
// empty text.
func (v Value) StringMap() map[string]string {
	entries := v.Object().Entries()
	if len(entries) == 0 {
		return nil
	}
	m := make(map[string]string, len(entries))
	for _, e := range entries {
		m[e.Key], _ = e.scalar("text")
	}
	return m
}

// nearestHint suggests the choice a typo probably meant.
func nearestHint(word string, choices []string) string {
	if best := nearest.Of(word, choices); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}
