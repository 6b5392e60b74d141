package vtl

import (
	"slices"
	"strings"
)

// property is $value.name: the entry of a map, or what Java's getName() and isName()
// give for other values.
func (s *state) property(at int, v any, name string) any {
	switch v := v.(type) {
	case *Map:
		if i := v.findName(name); i >= 0 {
			return v.entries[i].value
		}
		return nil
	case *contextScope:
		return v.get(s, name)
	case *inputObject:
		if name == "body" {
			return s.bodyText()
		}
		return nil
	case *loop:
		return v.property(name)
	case *pair:
		switch name {
		case "key", "Key":
			return v.key
		case "value", "Value":
			return v.value()
		}
	case string:
		if name == "empty" || name == "Empty" {
			return v == ""
		}
	case *List:
		if name == "empty" || name == "Empty" {
			return len(v.items) == 0
		}
	}
	return nil
}

func (l *loop) property(name string) any {
	switch name {
	case "index":
		return int32(l.index)
	case "count":
		return int32(l.index + 1)
	case "hasNext":
		return !l.last
	case "first":
		return l.index == 0
	case "last":
		return l.last
	case "parent":
		if l.parent == nil {
			return nil
		}
		return l.parent
	case "topmost":
		return l.topmost()
	}
	return nil
}

// index is $value[key].
func (s *state) index(at int, v, key any) any {
	switch v := v.(type) {
	case *Map:
		return v.lookup(key)
	case *contextScope:
		if name, ok := key.(string); ok {
			return v.get(s, name)
		}
	case *List:
		if i, ok := whole(key); ok {
			return s.item(at, v, i)
		}
	default:
		if i, ok := whole(key); ok && i < 0 {
			s.fail(at, ErrValue, "a negative index is for lists")
		}
	}
	return nil
}

// item is list[i], where -1 is the last.
func (s *state) item(at int, l *List, i int64) any {
	if i < 0 {
		i += int64(len(l.items))
	}
	return s.get(at, l, i)
}

func (s *state) get(at int, l *List, i int64) any {
	if i < 0 || i >= int64(len(l.items)) {
		s.fail(at, ErrValue, "the list has no item %d: it has %d", i, len(l.items))
		return nil
	}
	return l.items[i]
}

func (s *state) setItem(at int, l *List, i int64, v any) any {
	if i < 0 {
		i += int64(len(l.items))
	}
	before := s.get(at, l, i)
	if s.err == nil {
		l.items[i] = v
	}
	return before
}

// pair is an entry of a map, as entrySet gives them.
type pair struct {
	of  *Map
	key any
}

func (p *pair) value() any { return p.of.lookup(p.key) }

func (p *pair) setValue(v any) any { return p.of.put(p.key, v) }

// iterator is what iterator() gives.
type iterator struct {
	items []any
	at    int
}

func (i *iterator) next() (any, bool) {
	if i.at >= len(i.items) {
		return nil, false
	}
	i.at++
	return i.items[i.at-1], true
}

// notFound is the result of methods that a value does not have, or not with such
// arguments. Velocity takes it for nothing.
var notFound any

// call is $value.name(args).
func (s *state) call(a *access, v any, args []any) any {
	switch v := v.(type) {
	case string:
		return s.callString(a, v, args)
	case *Map:
		return s.callMap(a, v, args)
	case *List:
		return s.callList(a, v, args)
	case *inputObject:
		return s.callInput(a, args)
	case *utilObject:
		return s.callUtil(a, args)
	case *contextScope:
		return v.call(s, a, args)
	case *pair:
		switch {
		case a.name == "getKey" && len(args) == 0:
			return v.key
		case a.name == "getValue" && len(args) == 0:
			return v.value()
		case a.name == "setValue" && len(args) == 1:
			return v.setValue(args[0])
		}
	case *iterator:
		switch {
		case a.name == "hasNext" && len(args) == 0:
			return v.at < len(v.items)
		case a.name == "next" && len(args) == 0:
			item, ok := v.next()
			if !ok {
				s.fail(a.at, ErrValue, "the iterator has no more items")
			}
			return item
		}
	case *loop:
		return v.call(a, args)
	case bool:
		switch {
		case a.name == "booleanValue" && len(args) == 0:
			return v
		case a.name == "parseBoolean" && len(args) == 1:
			text, ok := args[0].(string)
			return ok && strings.EqualFold(text, "true")
		case a.name == "compareTo" && len(args) == 1:
			if other, ok := args[0].(bool); ok {
				return int32(boolToInt(v) - boolToInt(other))
			}
		}
	case char:
		if a.name == "charValue" && len(args) == 0 {
			return v
		}
	case *block:
	default:
		if result, ok := s.callNumber(a, v, args); ok {
			return result
		}
	}
	return s.callAny(a, v, args)
}

// callAny are the methods that every value has.
func (s *state) callAny(a *access, v any, args []any) any {
	switch {
	case a.name == "toString" && len(args) == 0:
		return s.text(a.at, v)
	case a.name == "equals" && len(args) == 1:
		return s.equals(a.at, v, args[0])
	case a.name == "hashCode" && len(args) == 0:
		return s.hash(a.at, v)
	}
	return notFound
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (l *loop) call(a *access, args []any) any {
	if len(args) != 0 {
		return notFound
	}
	switch a.name {
	case "hasNext", "isHasNext":
		return !l.last
	case "getIndex":
		return int32(l.index)
	case "getCount":
		return int32(l.index + 1)
	case "isFirst":
		return l.index == 0
	case "isLast":
		return l.last
	case "getParent":
		return l.property("parent")
	}
	return notFound
}

// unsupportedMethods are methods that the values have in Java and not here. A template
// that calls one would do something else than on AWS, and is refused.
var unsupportedMethods = func() map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(`
		getClass notify notifyAll wait clone
		codePointAt codePointBefore codePointCount offsetByCodePoints getChars getBytes contentEquals regionMatches
		toCharArray join copyValueOf chars codePoints lines strip stripLeading stripTrailing isBlank repeat formatted
		indent translateEscapes stripIndent transform
		forEach stream parallelStream spliterator removeIf sort listIterator ensureCapacity trimToSize of copyOf
		toJSONString appendElement getAsString getAsNumber
		compute computeIfAbsent computeIfPresent merge
		byteValue shortValue floatValue decode reverse reverseBytes bitCount highestOneBit lowestOneBit rotateLeft
		rotateRight numberOfLeadingZeros numberOfTrailingZeros toOctalString toUnsignedString parseUnsignedInt
		parseUnsignedLong divideUnsigned remainderUnsigned compareUnsigned compare sum isNaN isInfinite isFinite
		getInteger getLong getBoolean logicalAnd logicalOr logicalXor
		add subtract multiply divide remainder pow negate mod gcd setScale scale precision round toBigInteger
		isDigit isLetter isLetterOrDigit isUpperCase isLowerCase isWhitespace getNumericValue`) {
		all[name] = !methods[name]
	}
	return all
}()

// methods are the names of all methods that values have. A call of any other prints
// nothing, as with Velocity, and is warned of.
var methods = func() map[string]bool {
	all := map[string]bool{}
	for _, names := range [][]string{
		{"toString", "equals", "hashCode"},
		{"getKey", "getValue", "setValue", "hasNext", "next", "booleanValue", "charValue"},
		{"isHasNext", "getIndex", "getCount", "isFirst", "isLast", "getParent"},
		stringMethods, listMethods, mapMethods, numberMethods, inputMethods, utilMethods,
	} {
		for _, name := range names {
			all[name] = true
		}
	}
	return all
}()

func methodNames() []string {
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
