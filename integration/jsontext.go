package integration

import (
	"strconv"
	"unicode/utf8"
)

// jsonText writes JSON from begin to end, members in the order in which they are written.
// Events have lists of members in the order of Amazon's, and bodies of megabytes, which
// are written once here. Commas come by themselves.
type jsonText struct{ b []byte }

// begin opens an object ('{') or a list ('['), end closes it.
func (j *jsonText) begin(bracket byte) { j.b = append(j.b, bracket) }

func (j *jsonText) end(bracket byte) { j.b = append(j.b, bracket) }

// comma parts what follows from what is there already.
func (j *jsonText) comma() {
	if n := len(j.b); n > 0 && j.b[n-1] != '{' && j.b[n-1] != '[' && j.b[n-1] != ':' {
		j.b = append(j.b, ',')
	}
}

// name begins a member.
func (j *jsonText) name(name string) {
	j.comma()
	j.b = appendQuoted(j.b, name)
	j.b = append(j.b, ':')
}

// object and list begin a member that is one.
func (j *jsonText) object(name string) { j.name(name); j.begin('{') }
func (j *jsonText) list(name string)   { j.name(name); j.begin('[') }

// item is a text in a list.
func (j *jsonText) item(value string) {
	j.comma()
	j.b = appendQuoted(j.b, value)
}

func (j *jsonText) text(name, value string) {
	j.name(name)
	j.b = appendQuoted(j.b, value)
}

// textOrNull is null instead of an empty text.
func (j *jsonText) textOrNull(name, value string) {
	if value == "" {
		j.null(name)
		return
	}
	j.text(name, value)
}

// raw is a member that is JSON already.
func (j *jsonText) raw(name, value string) {
	j.name(name)
	j.b = append(j.b, value...)
}

func (j *jsonText) null(name string) {
	j.name(name)
	j.b = append(j.b, "null"...)
}

func (j *jsonText) number(name string, value int64) {
	j.name(name)
	j.b = strconv.AppendInt(j.b, value, 10)
}

func (j *jsonText) bool(name string, value bool) {
	j.name(name)
	j.b = strconv.AppendBool(j.b, value)
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a JSON string. Bytes that are no UTF-8 become U+FFFD, as they do
// where Amazon decodes a body as text.
func appendQuoted[T string | []byte](b []byte, text T) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := decodeRune(text[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			b = append(append(b, text[start:i]...), "\uFFFD"...)
			i++
			start = i
			continue
		}
		b = append(b, text[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, text[start:]...), '"')
}

// quotedLength is how long appendQuoted makes a text.
func quotedLength(text []byte) int {
	n := len(text) + 2
	for _, c := range text {
		switch {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			n++
		case c < ' ':
			n += 5
		}
	}
	if utf8.Valid(text) {
		return n
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			n += len("\uFFFD") - 1
		}
		text = text[size:]
	}
	return n
}

func decodeRune[T string | []byte](text T) (rune, int) {
	// A rune has four bytes at most: nothing of size is copied.
	return utf8.DecodeRuneInString(string(text[:min(len(text), utf8.UTFMax)]))
}
