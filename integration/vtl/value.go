package vtl

import (
	"math/big"
	"slices"
	"strings"
)

// The values of templates are those that Java would have:
//
//	nil                null
//	string             String
//	bool               Boolean
//	int32, int64       Integer, Long
//	*big.Int           BigInteger
//	float64            Double
//	decimal            BigDecimal
//	char               Character
//	*Map, *List        maps, lists and arrays
//	*mapEntry, *block, *loop, … what the engine itself hands out
type char uint16

// decimal is a number of JSON that a Double would round, kept as it was written.
type decimal struct {
	text string
	near float64
}

// Map is a map that keeps the order in which keys were added, as Java's
// LinkedHashMap does. Keys are mostly names, but templates may use any scalar.
type Map struct {
	entries []mapEntry
	// index finds entries by key once a map is too large to be searched.
	index map[any]int
	// final maps refuse to set a key twice, as overrides do, but for the first ones,
	// which are inherited.
	final     bool
	inherited int
	// anyCase maps find names in any spelling, as those of headers are.
	anyCase bool
}

type mapEntry struct {
	name string
	// key is nil for names, which are nearly all keys.
	key   any
	value any
}

func (e *mapEntry) anyKey() any {
	if e.key != nil {
		return e.key
	}
	return e.name
}

// nullKey stands for Java's null as a key.
type nullKey struct{}

// searched is how many entries are searched without an index.
const searched = 12

// NewMap returns an empty map with room for n entries.
func NewMap(n int) *Map { return &Map{entries: make([]mapEntry, 0, n)} }

// Len is the number of entries.
func (m *Map) Len() int { return len(m.entries) }

// Put sets a name to text, a number, a bool, nil, a *Map or a *List, and returns the
// map, so that calls can be chained.
func (m *Map) Put(name string, value any) *Map {
	m.putName(name, plain(value))
	return m
}

// Get is the value of a name.
func (m *Map) Get(name string) (any, bool) {
	if i := m.findName(name); i >= 0 {
		return m.entries[i].value, true
	}
	return nil, false
}

// plain gives values from Go the types that templates compute with.
func plain(value any) any {
	switch v := value.(type) {
	case int:
		return integer(int64(v))
	case []string:
		list := &List{items: make([]any, len(v))}
		for i, s := range v {
			list.items[i] = s
		}
		return list
	default:
		return value
	}
}

// integer is an Integer where it fits, else a Long.
func integer(n int64) any {
	if n == int64(int32(n)) {
		return int32(n)
	}
	return n
}

func (m *Map) findName(name string) int {
	if m.index != nil {
		if i, ok := m.index[name]; ok {
			return i
		}
	} else {
		for i := range m.entries {
			if m.entries[i].name == name && m.entries[i].key == nil {
				return i
			}
		}
	}
	if m.anyCase {
		for i := range m.entries {
			if strings.EqualFold(m.entries[i].name, name) && m.entries[i].key == nil {
				return i
			}
		}
	}
	return -1
}

func (m *Map) find(key any) int {
	if name, ok := key.(string); ok {
		return m.findName(name)
	}
	key = comparable(key)
	if m.index != nil {
		if i, ok := m.index[key]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(m.entries, func(e mapEntry) bool { return e.key == key })
}

// comparable gives keys that Go can compare; big numbers and lists are no keys that
// a template uses, and count by identity.
func comparable(key any) any {
	switch k := key.(type) {
	case nil:
		return nullKey{}
	case *big.Int:
		return decimal{text: k.String()}
	default:
		return key
	}
}

// lookup is the value of a key, nil if there is none.
func (m *Map) lookup(key any) any {
	if i := m.find(key); i >= 0 {
		return m.entries[i].value
	}
	return nil
}

// put sets the value of a key and returns the one before.
func (m *Map) put(key, value any) any {
	if i := m.find(key); i >= 0 {
		before := m.entries[i].value
		m.entries[i].value = value
		return before
	}
	if name, ok := key.(string); ok {
		m.add(mapEntry{name: name, value: value})
	} else {
		m.add(mapEntry{key: comparable(key), value: value})
	}
	return nil
}

// putName is put for names, without the cost of making a value of them.
func (m *Map) putName(name string, value any) {
	if i := m.findName(name); i >= 0 {
		m.entries[i].value = value
	} else {
		m.add(mapEntry{name: name, value: value})
	}
}

func (m *Map) add(entry mapEntry) {
	m.entries = append(m.entries, entry)
	if m.index != nil {
		m.index[entry.anyKey()] = len(m.entries) - 1
	} else if len(m.entries) > searched {
		m.reindex()
	}
}

func (m *Map) reindex() {
	m.index = nil
	if len(m.entries) <= searched {
		return
	}
	m.index = make(map[any]int, 2*len(m.entries))
	for i := range m.entries {
		m.index[m.entries[i].anyKey()] = i
	}
}

// remove takes a key out and returns its value.
func (m *Map) remove(key any) any {
	i := m.find(key)
	if i < 0 {
		return nil
	}
	value := m.entries[i].value
	m.entries = slices.Delete(m.entries, i, i+1)
	m.reindex()
	return value
}

// List is a list or array.
type List struct {
	items []any
	kind  listKind
}

type listKind uint8

const (
	// arrayList prints as Java's lists do: [a, b].
	arrayList listKind = iota
	// jsonList is an array of a parsed body, which prints as JSON.
	jsonList
)

// NewList returns a list of the values.
func NewList(values ...any) *List {
	list := &List{items: make([]any, len(values)), kind: arrayList}
	for i, v := range values {
		list.items[i] = plain(v)
	}
	return list
}

// Len is the number of items.
func (l *List) Len() int { return len(l.items) }

// truth is what #if makes of a value: only false and null are not true.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	default:
		return true
	}
}
