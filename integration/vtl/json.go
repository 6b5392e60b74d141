package vtl

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// parseJSON reads JSON as it must be written: objects keep the order of their keys
// (the last of equal keys wins, in the place of the first), whole numbers are
// Integers, Longs or BigIntegers, all others Doubles.
func parseJSON(text string) (any, error) {
	r := jsonReader{text: text}
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if r.blank(); r.pos < len(text) {
		return nil, r.wrong("the end")
	}
	return v, nil
}

type jsonReader struct {
	text string
	pos  int
}

var errTooDeep = errors.New("it is nested too deep")

// wrong tells what was expected where, and none of the text, which may be secret.
func (r *jsonReader) wrong(expected string) error {
	if r.pos >= len(r.text) {
		return fmt.Errorf("it ends where %s is expected", expected)
	}
	return fmt.Errorf("byte %d is not %s", r.pos+1, expected)
}

func (r *jsonReader) blank() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *jsonReader) next() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

func (r *jsonReader) word(word string, v any) (any, error) {
	if len(r.text)-r.pos < len(word) || r.text[r.pos:r.pos+len(word)] != word {
		return nil, r.wrong("a value")
	}
	r.pos += len(word)
	return v, nil
}

func (r *jsonReader) value(depth int) (any, error) {
	if depth > maxNesting {
		return nil, errTooDeep
	}
	r.blank()
	switch c := r.next(); {
	case c == '"':
		return r.quoted()
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '-' || (c >= '0' && c <= '9'):
		return r.number()
	case c == 't':
		return r.word("true", true)
	case c == 'f':
		return r.word("false", false)
	case c == 'n':
		return r.word("null", nil)
	}
	return nil, r.wrong("a value")
}

func (r *jsonReader) object(depth int) (any, error) {
	r.pos++
	m := &Map{}
	if r.blank(); r.next() == '}' {
		r.pos++
		return m, nil
	}
	for {
		if r.blank(); r.next() != '"' {
			return nil, r.wrong("a name in quotes")
		}
		name, err := r.quoted()
		if err != nil {
			return nil, err
		}
		if r.blank(); r.next() != ':' {
			return nil, r.wrong("a colon")
		}
		r.pos++
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		m.putName(name, v)
		switch r.blank(); r.next() {
		case ',':
			r.pos++
		case '}':
			r.pos++
			return m, nil
		default:
			return nil, r.wrong("a comma or }")
		}
	}
}

func (r *jsonReader) array(depth int) (any, error) {
	r.pos++
	list := &List{kind: jsonList}
	if r.blank(); r.next() == ']' {
		r.pos++
		return list, nil
	}
	for {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list.items = append(list.items, v)
		switch r.blank(); r.next() {
		case ',':
			r.pos++
		case ']':
			r.pos++
			return list, nil
		default:
			return nil, r.wrong("a comma or ]")
		}
	}
}

func (r *jsonReader) digits() bool {
	from := r.pos
	for c := r.next(); c >= '0' && c <= '9'; c = r.next() {
		r.pos++
	}
	return r.pos > from
}

// maxWhole is how many digits a number may have: arithmetic with more costs more
// than any template has a use for.
const maxWhole = 1000

func (r *jsonReader) number() (any, error) {
	from := r.pos
	if r.next() == '-' {
		r.pos++
	}
	if r.next() == '0' {
		r.pos++
	} else if !r.digits() {
		return nil, r.wrong("a digit")
	}
	fraction, exponent := false, false
	if r.next() == '.' {
		r.pos++
		if fraction = true; !r.digits() {
			return nil, r.wrong("a digit")
		}
	}
	if c := r.next(); c == 'e' || c == 'E' {
		r.pos++
		if c := r.next(); c == '+' || c == '-' {
			r.pos++
		}
		if exponent = true; !r.digits() {
			return nil, r.wrong("a digit")
		}
	}
	text := r.text[from:r.pos]
	if len(text) > maxWhole {
		return nil, errors.New("a number has too many digits")
	}
	if !fraction && !exponent {
		return parseNumber(text), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && math.IsInf(f, 0) {
		return nil, errors.New("a number is too large")
	}
	if !exponent && len(text) > 18 {
		return decimal{text: text, near: f}, nil
	}
	return f, nil
}

func (r *jsonReader) quoted() (string, error) {
	r.pos++
	from := r.pos
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == '"':
			text := r.text[from:r.pos]
			r.pos++
			return text, nil
		case c == '\\':
			return r.escaped(from)
		case c < ' ':
			return "", r.wrong("a character of a string")
		default:
			r.pos++
		}
	}
	return "", r.wrong("a closing quote")
}

// escaped reads on in a string with escapes that began at from.
func (r *jsonReader) escaped(from int) (string, error) {
	out := append(make([]byte, 0, r.pos-from+32), r.text[from:r.pos]...)
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case c == '"':
			r.pos++
			return string(out), nil
		case c < ' ':
			return "", r.wrong("a character of a string")
		case c != '\\':
			out = append(out, c)
			r.pos++
			continue
		}
		r.pos++
		switch c := r.next(); c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			unit, ok := hexUnit(r.text[r.pos+1:])
			if !ok {
				return "", r.wrong("an escape")
			}
			r.pos += 4
			symbol := rune(unit)
			if utf16.IsSurrogate(symbol) {
				symbol = utf8.RuneError
				if rest := r.text[r.pos+1:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
					if low, ok := hexUnit(rest[2:]); ok {
						if whole := utf16.DecodeRune(rune(unit), rune(low)); whole != utf8.RuneError {
							symbol = whole
							r.pos += 6
						}
					}
				}
			}
			out = utf8.AppendRune(out, symbol)
		default:
			return "", r.wrong("an escape")
		}
		r.pos++
	}
	return "", r.wrong("a closing quote")
}

// hexUnit reads four hexadecimal digits.
func hexUnit(text string) (uint16, bool) {
	if len(text) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:4], 16, 16)
	return uint16(n), err == nil
}
