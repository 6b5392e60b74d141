package vtl

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

var stringMethods = []string{
	"length", "isEmpty", "charAt", "substring", "subSequence", "indexOf", "lastIndexOf", "contains",
	"startsWith", "endsWith", "equalsIgnoreCase", "compareTo", "compareToIgnoreCase", "concat", "replace",
	"replaceAll", "replaceFirst", "split", "matches", "toLowerCase", "toUpperCase", "trim", "intern", "valueOf", "format",
}

// units is text in UTF-16, in which Java counts.
func units(text string) []uint16 { return utf16.Encode([]rune(text)) }

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// length counts as Java does.
func length(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// offset is where the unit i of UTF-16 begins in text, which has that many.
func offset(text string, i int) int {
	for at, r := range text {
		if i <= 0 {
			return at
		}
		if i--; r > 0xffff {
			i--
		}
	}
	return len(text)
}

// cut is text from one unit of UTF-16 up to another. Half of a pair has no form in
// UTF-8, and becomes the replacement character.
func cut(text string, from, to int) string {
	if isASCII(text) {
		return text[from:to]
	}
	return string(utf16.Decode(units(text)[from:to]))
}

// number is the argument i as an int, where it is one.
func number(args []any, i int) (int, bool) {
	if i >= len(args) {
		return 0, false
	}
	n, ok := args[i].(int32)
	return int(n), ok
}

func (s *state) callString(a *access, v string, args []any) any {
	if !s.step(a.at, len(v)>>4) {
		return nil
	}
	if result, ok := s.callRegexp(a, v, args); ok {
		return result
	}
	switch len(args) {
	case 0:
		switch a.name {
		case "length":
			return int32(length(v))
		case "isEmpty":
			return v == ""
		case "toString", "intern":
			return v
		case "trim":
			return strings.Trim(v, trimmed)
		case "toLowerCase", "toUpperCase":
			if !s.grow(a.at, len(v)) {
				return nil
			}
			if a.name == "toLowerCase" {
				return strings.ToLower(v)
			}
			return upper(v)
		}
	case 1:
		if a.name == "valueOf" {
			return s.text(a.at, args[0])
		}
		if n, ok := number(args, 0); ok {
			return s.atUnit(a, v, n)
		}
		switch other := args[0].(type) {
		case string:
			return s.withString(a, v, other)
		case char:
			// A char is a string for what takes either.
			if a.name == "indexOf" || a.name == "lastIndexOf" || a.name == "contains" {
				return s.withString(a, v, string(rune(other)))
			}
		}
	case 2:
		first, ok := number(args, 0)
		second, okToo := number(args, 1)
		switch {
		case (a.name == "substring" || a.name == "subSequence") && ok && okToo:
			return s.substring(a, v, first, second)
		case a.name == "replace":
			return s.replace(a, v, args)
		}
		if part, isText := args[0].(string); isText && okToo {
			switch a.name {
			case "indexOf":
				return indexFrom(v, part, second)
			case "lastIndexOf":
				return lastIndexFrom(v, part, second)
			case "startsWith":
				return second >= 0 && second <= length(v) && strings.HasPrefix(v[offset(v, second):], part)
			}
		}
	}
	if a.name == "format" {
		return s.format(a, v, args)
	}
	return s.callAny(a, v, args)
}

// trimmed are the characters that trim takes off: all up to the space.
const trimmed = "\x00\x01\x02\x03\x04\x05\x06\a\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f "

// upper knows the letter that Go's ToUpper leaves alone and Java writes as two.
func upper(v string) string {
	return strings.ReplaceAll(strings.ToUpper(v), "ß", "SS")
}

func (s *state) atUnit(a *access, v string, n int) any {
	switch a.name {
	case "charAt":
		if size := length(v); n < 0 || n >= size {
			s.fail(a.at, ErrValue, "there is no character %d in a text of %d", n, size)
			return nil
		}
		if isASCII(v) {
			return char(v[n])
		}
		return char(units(v)[n])
	case "substring":
		return s.substring(a, v, n, length(v))
	case "indexOf":
		return indexFrom(v, string(rune(n)), 0)
	case "lastIndexOf":
		return lastIndexFrom(v, string(rune(n)), length(v))
	}
	return s.callAny(a, v, []any{int32(n)})
}

func (s *state) substring(a *access, v string, from, to int) any {
	if size := length(v); from < 0 || to > size || from > to {
		s.fail(a.at, ErrValue, "there is no part from %d to %d of a text of %d", from, to, size)
		return nil
	}
	if !s.grow(a.at, 16) {
		return nil
	}
	return cut(v, from, to)
}

func (s *state) withString(a *access, v, other string) any {
	switch a.name {
	case "contains":
		return strings.Contains(v, other)
	case "startsWith":
		return strings.HasPrefix(v, other)
	case "endsWith":
		return strings.HasSuffix(v, other)
	case "equals":
		return v == other
	case "equalsIgnoreCase":
		return strings.EqualFold(v, other)
	case "compareTo":
		return compareText(v, other)
	case "compareToIgnoreCase":
		fold := func(text string) string {
			return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, text)
		}
		return compareText(fold(v), fold(other))
	case "concat":
		return s.concat(a.at, v, other)
	case "indexOf":
		return indexFrom(v, other, 0)
	case "lastIndexOf":
		return lastIndexFrom(v, other, length(v))
	case "format":
		return s.format(a, v, []any{other})
	}
	return notFound
}

// compareText is the difference of the first units that differ, else of the lengths.
func compareText(a, b string) any {
	x, y := units(a), units(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return int32(x[i]) - int32(y[i])
		}
	}
	return int32(len(x) - len(y))
}

func indexFrom(v, part string, from int) any {
	if from > length(v) {
		from = length(v)
	}
	start := offset(v, from)
	at := strings.Index(v[start:], part)
	if at < 0 {
		return int32(-1)
	}
	return int32(length(v[:start+at]))
}

func lastIndexFrom(v, part string, from int) any {
	if from < 0 {
		return int32(-1)
	}
	end := min(offset(v, from)+len(part), len(v))
	at := strings.LastIndex(v[:end], part)
	if at < 0 {
		return int32(-1)
	}
	return int32(length(v[:at]))
}

func (s *state) replace(a *access, v string, args []any) any {
	from, ok := textOf(args[0])
	to, okToo := textOf(args[1])
	if !ok || !okToo {
		return notFound
	}
	count := length(v) + 1
	if from != "" {
		count = strings.Count(v, from)
	}
	if !s.grow(a.at, len(v)+count*max(0, len(to)-len(from))) {
		return nil
	}
	return strings.ReplaceAll(v, from, to)
}

// textOf is what Java takes for a CharSequence or a char.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case char:
		return string(rune(v)), true
	}
	return "", false
}
