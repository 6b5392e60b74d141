package vtl

import (
	"math/big"
	"unicode/utf8"
)

// print appends a value as Java's toString writes it.
func (s *state) print(at int, out []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case string:
		return append(out, v...)
	case bool:
		if v {
			return append(out, "true"...)
		}
		return append(out, "false"...)
	case int32, int64, float64, *big.Int, decimal:
		return appendNumber(out, v)
	case char:
		return utf8.AppendRune(out, rune(v))
	}
	if !s.deeper(at) {
		return out
	}
	defer s.shallower()
	switch v := v.(type) {
	case *Map:
		out = append(out, '{')
		for i := range v.entries {
			if i > 0 {
				out = append(out, ", "...)
			}
			e := &v.entries[i]
			out = s.print(at, out, e.printedKey())
			out = append(out, '=')
			out = s.print(at, out, e.value)
			if !s.room(at, out) {
				return out
			}
		}
		return append(out, '}')
	case *List:
		if v.kind == jsonList {
			return s.json(at, out, v, slashEscaped)
		}
		out = append(out, '[')
		for i, item := range v.items {
			if i > 0 {
				out = append(out, ", "...)
			}
			out = s.print(at, out, item)
			if !s.room(at, out) {
				return out
			}
		}
		return append(out, ']')
	case *pair:
		out = s.print(at, out, v.key)
		out = append(out, '=')
		return s.print(at, out, v.value())
	case *contextScope:
		return s.print(at, out, v.variables)
	case *block:
		return v.print(s, out)
	}
	// What is left has no text that a template could count on.
	return out
}

func (e *mapEntry) printedKey() any {
	if e.key == (nullKey{}) {
		return nil
	}
	return e.anyKey()
}

// room bounds text that is still being made.
func (s *state) room(at int, out []byte) bool {
	if len(out) > s.limits.OutputBytes+s.limits.MemoryBytes {
		s.fail(at, ErrLimit, "the template makes a text of more than %d bytes", s.limits.MemoryBytes)
	}
	return s.step(at, 1)
}

// text is a value as Java's toString gives it.
func (s *state) text(at int, v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	var room [64]byte
	text := string(s.print(at, room[:0], v))
	s.grow(at, len(text))
	return text
}

// jsonStyle is how text is escaped in JSON.
type jsonStyle uint8

const (
	// jsonPlain escapes what has to be, as $input.json does.
	jsonPlain jsonStyle = iota
	// slashEscaped is how arrays print themselves: slashes and unusual characters
	// are escaped too.
	slashEscaped
)

// json appends a value as compact JSON.
func (s *state) json(at int, out []byte, v any, style jsonStyle) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case bool, int32, int64, *big.Int, decimal:
		return s.print(at, out, v)
	case float64:
		if v-v != 0 {
			return append(out, "null"...)
		}
		return appendDouble(out, v)
	case *Map:
		if !s.deeper(at) {
			return out
		}
		defer s.shallower()
		out = append(out, '{')
		for i := range v.entries {
			if i > 0 {
				out = append(out, ',')
			}
			e := &v.entries[i]
			if e.key == nil {
				out = appendQuoted(out, e.name, style)
			} else {
				out = appendQuoted(out, s.text(at, e.printedKey()), style)
			}
			out = append(out, ':')
			out = s.json(at, out, e.value, style)
			if !s.room(at, out) {
				return out
			}
		}
		return append(out, '}')
	case *List:
		if !s.deeper(at) {
			return out
		}
		defer s.shallower()
		out = append(out, '[')
		for i, item := range v.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = s.json(at, out, item, style)
			if !s.room(at, out) {
				return out
			}
		}
		return append(out, ']')
	default:
		return appendQuoted(out, s.text(at, v), style)
	}
}

const hexDigits = "0123456789ABCDEF"

// appendQuoted appends text as a string of JSON.
func appendQuoted(out []byte, text string, style jsonStyle) []byte {
	out = append(out, '"')
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			if style == slashEscaped && (r <= 0x9f || (r >= 0x2000 && r <= 0x20ff)) {
				out = append(out, text[from:i]...)
				out = appendEscape(out, uint16(r))
				from = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && (style == jsonPlain || (c != '/' && c != 0x7f)) {
			i++
			continue
		}
		out = append(out, text[from:i]...)
		switch c {
		case '"', '\\', '/':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, `\b`...)
		case '\f':
			out = append(out, `\f`...)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			out = appendEscape(out, uint16(c))
		}
		i++
		from = i
	}
	out = append(out, text[from:]...)
	return append(out, '"')
}

// appendEscape appends a unit of UTF-16 as \uXXXX.
func appendEscape(out []byte, unit uint16) []byte {
	return append(out, '\\', 'u', hexDigits[unit>>12], hexDigits[unit>>8&15], hexDigits[unit>>4&15], hexDigits[unit&15])
}
