package vtl

import (
	"math"
	"math/big"
	"slices"
)

var listMethods = []string{
	"size", "isEmpty", "get", "set", "add", "addAll", "remove", "removeAll", "retainAll", "contains", "containsAll",
	"indexOf", "lastIndexOf", "clear", "subList", "toArray", "iterator",
}

func (s *state) callList(a *access, l *List, args []any) any {
	switch a.name {
	case "size":
		if len(args) == 0 {
			return int32(len(l.items))
		}
	case "isEmpty":
		if len(args) == 0 {
			return len(l.items) == 0
		}
	case "get":
		if i, ok := position(args, 1); ok {
			// Velocity calls get for an index too, but get itself knows no negative ones.
			return s.get(a.at, l, i)
		}
	case "set":
		if i, ok := position(args, 2); ok {
			if i < 0 {
				return s.get(a.at, l, i)
			}
			return s.setItem(a.at, l, i, args[1])
		}
	case "add":
		return s.add(a.at, l, args)
	case "addAll":
		if more, ok := only[*List](args); ok {
			if !s.grow(a.at, 16*len(more.items)) {
				return nil
			}
			l.items = append(l.items, more.items...)
			return len(more.items) > 0
		}
	case "remove":
		if len(args) != 1 {
			return notFound
		}
		s.step(a.at, len(l.items)>>3)
		if i, ok := args[0].(int32); ok {
			removed := s.get(a.at, l, int64(i))
			if s.err == nil {
				l.items = slices.Delete(l.items, int(i), int(i)+1)
			}
			return removed
		}
		i := s.find(a.at, l, args[0])
		if i >= 0 {
			l.items = slices.Delete(l.items, i, i+1)
		}
		return i >= 0
	case "removeAll":
		if others, ok := only[*List](args); ok {
			before := len(l.items)
			l.items = slices.DeleteFunc(l.items, func(v any) bool { return s.find(a.at, others, v) >= 0 })
			return len(l.items) < before
		}
	case "contains":
		if len(args) == 1 {
			return s.find(a.at, l, args[0]) >= 0
		}
	case "retainAll":
		if others, ok := only[*List](args); ok {
			before := len(l.items)
			l.items = slices.DeleteFunc(l.items, func(v any) bool { return s.find(a.at, others, v) < 0 })
			return len(l.items) < before
		}
	case "containsAll":
		if others, ok := only[*List](args); ok {
			for _, v := range others.items {
				if s.find(a.at, l, v) < 0 {
					return false
				}
			}
			return true
		}
	case "indexOf":
		if len(args) == 1 {
			return int32(s.find(a.at, l, args[0]))
		}
	case "lastIndexOf":
		if len(args) == 1 {
			for i, v := range slices.Backward(l.items) {
				if s.equals(a.at, args[0], v) {
					return int32(i)
				}
				if s.err != nil {
					break
				}
			}
			return int32(-1)
		}
	case "clear":
		if len(args) == 0 {
			l.items = nil
			return ""
		}
	case "subList":
		return s.subList(a.at, l, args)
	case "toArray":
		if len(args) == 0 && s.grow(a.at, 16*len(l.items)) {
			return &List{items: slices.Clone(l.items)}
		}
	case "iterator":
		if len(args) == 0 {
			return &iterator{items: l.items}
		}
	default:
		return s.callAny(a, l, args)
	}
	return notFound
}

// position is the first of n arguments as an index.
func position(args []any, n int) (int64, bool) {
	if len(args) != n {
		return 0, false
	}
	i, ok := args[0].(int32)
	return int64(i), ok
}

// only is the one argument, where it is a T.
func only[T any](args []any) (T, bool) {
	if len(args) != 1 {
		var none T
		return none, false
	}
	v, ok := args[0].(T)
	return v, ok
}

func (s *state) add(at int, l *List, args []any) any {
	if !s.grow(at, 16) {
		return nil
	}
	switch len(args) {
	case 1:
		l.items = append(l.items, args[0])
		return true
	case 2:
		i, ok := args[0].(int32)
		if !ok {
			return notFound
		}
		if i < 0 || int(i) > len(l.items) {
			s.fail(at, ErrValue, "nothing can be added at %d of a list with %d items", i, len(l.items))
			return nil
		}
		s.step(at, len(l.items)>>3)
		l.items = slices.Insert(l.items, int(i), args[1])
		return ""
	}
	return notFound
}

func (s *state) subList(at int, l *List, args []any) any {
	if len(args) != 2 {
		return notFound
	}
	from, ok := args[0].(int32)
	to, okToo := args[1].(int32)
	if !ok || !okToo {
		return notFound
	}
	if from < 0 || to < from || int(to) > len(l.items) {
		s.fail(at, ErrValue, "there is no part from %d to %d of a list with %d items", from, to, len(l.items))
		return nil
	}
	if !s.grow(at, 16*int(to-from)) {
		return nil
	}
	return &List{items: slices.Clone(l.items[from:to]), kind: l.kind}
}

func (s *state) find(at int, l *List, v any) int {
	for i, item := range l.items {
		if s.equals(at, v, item) {
			return i
		}
		if s.err != nil {
			break
		}
	}
	return -1
}

var mapMethods = []string{
	"size", "isEmpty", "get", "getOrDefault", "put", "putAll", "putIfAbsent", "remove", "containsKey",
	"containsValue", "keySet", "values", "entrySet", "clear",
}

func (s *state) callMap(a *access, m *Map, args []any) any {
	switch len(args) {
	case 0:
		return s.callMapPlain(a, m)
	case 1:
		switch a.name {
		case "get":
			return m.lookup(args[0])
		case "containsKey":
			return m.find(args[0]) >= 0
		case "remove":
			s.step(a.at, len(m.entries))
			return m.remove(args[0])
		case "containsValue":
			for i := range m.entries {
				if s.equals(a.at, args[0], m.entries[i].value) {
					return true
				}
				if s.err != nil {
					break
				}
			}
			return false
		case "putAll":
			more, ok := args[0].(*Map)
			if !ok {
				return notFound
			}
			for _, e := range slices.Clone(more.entries) {
				if s.put(a.at, m, e.printedKey(), e.value); s.err != nil {
					return nil
				}
			}
			return ""
		}
	case 2:
		switch a.name {
		case "put":
			return s.put(a.at, m, args[0], args[1])
		case "replace":
			if m.find(args[0]) >= 0 {
				return s.put(a.at, m, args[0], args[1])
			}
			return nil
		case "putIfAbsent":
			if v := m.lookup(args[0]); v != nil {
				return v
			}
			return s.put(a.at, m, args[0], args[1])
		case "getOrDefault":
			if i := m.find(args[0]); i >= 0 {
				return m.entries[i].value
			}
			return args[1]
		}
	}
	return s.callAny(a, m, args)
}

func (s *state) callMapPlain(a *access, m *Map) any {
	size := len(m.entries)
	switch a.name {
	case "size":
		return int32(size)
	case "isEmpty":
		return size == 0
	case "clear":
		m.entries, m.index = nil, nil
		return ""
	case "keySet", "values", "entrySet":
		if !s.grow(a.at, 48+32*size) {
			return nil
		}
	default:
		return s.callAny(a, m, nil)
	}
	list := &List{items: make([]any, size)}
	for i := range m.entries {
		e := &m.entries[i]
		switch a.name {
		case "keySet":
			list.items[i] = e.printedKey()
		case "values":
			list.items[i] = e.value
		default:
			list.items[i] = &pair{of: m, key: e.printedKey()}
		}
	}
	return list
}

// hash is Java's hashCode, as far as it does not depend on where a value is stored.
func (s *state) hash(at int, v any) any {
	h, ok := s.hashCode(at, v)
	if !ok {
		s.fail(at, ErrValue, "the value has no hashCode that stays the same")
		return nil
	}
	return h
}

func (s *state) hashCode(at int, v any) (int32, bool) {
	if !s.step(at, 1) || !s.deeper(at) {
		return 0, false
	}
	defer s.shallower()
	switch v := v.(type) {
	case nil:
		return 0, true
	case string:
		var h int32
		for _, unit := range units(v) {
			h = 31*h + int32(unit)
		}
		return h, s.step(at, len(v)>>4)
	case bool:
		if v {
			return 1231, true
		}
		return 1237, true
	case int32:
		return v, true
	case int64:
		return int32(v ^ int64(uint64(v)>>32)), true
	case float64:
		bits := math.Float64bits(v)
		return int32(bits ^ bits>>32), true
	case char:
		return int32(v), true
	case *big.Int:
		var h int32
		bytes := v.Bytes()
		for len(bytes)%4 != 0 {
			bytes = append([]byte{0}, bytes...)
		}
		for ; len(bytes) > 0; bytes = bytes[4:] {
			word := uint32(bytes[0])<<24 | uint32(bytes[1])<<16 | uint32(bytes[2])<<8 | uint32(bytes[3])
			h = 31*h + int32(word)
		}
		return h * int32(v.Sign()), true
	case *List:
		h := int32(1)
		for _, item := range v.items {
			one, ok := s.hashCode(at, item)
			if !ok {
				return 0, false
			}
			h = 31*h + one
		}
		return h, true
	case *Map:
		var h int32
		for i := range v.entries {
			key, ok := s.hashCode(at, v.entries[i].printedKey())
			value, okToo := s.hashCode(at, v.entries[i].value)
			if !ok || !okToo {
				return 0, false
			}
			h += key ^ value
		}
		return h, true
	}
	return 0, false
}
