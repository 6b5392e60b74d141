package vtl

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var utilMethods = []string{"escapeJavaScript", "parseJson", "urlEncode", "urlDecode", "base64Encode", "base64Decode"}

// callUtil are the functions of $util.
func (s *state) callUtil(a *access, args []any) any {
	if len(args) != 1 {
		return notFound
	}
	if args[0] == nil {
		return nil
	}
	text := s.text(a.at, args[0])
	// Escapes make of a byte six at most.
	if !s.grow(a.at, len(text)) {
		return nil
	}
	switch a.name {
	case "escapeJavaScript":
		return s.made(a, escapeJavaScript(text))
	case "parseJson":
		v, err := parseJSON(text)
		if err != nil {
			s.fail(a.at, ErrValue, "$util.parseJson is given what is not JSON: %v", err)
			return nil
		}
		s.grow(a.at, len(text))
		return v
	case "urlEncode":
		return s.made(a, urlEncode(text))
	case "urlDecode":
		decoded, err := url.QueryUnescape(text)
		if err != nil {
			s.fail(a.at, ErrValue, "$util.urlDecode is given a %% that no two hexadecimal digits follow")
			return nil
		}
		return strings.ToValidUTF8(decoded, "\ufffd")
	case "base64Encode":
		return s.made(a, base64.StdEncoding.EncodeToString([]byte(text)))
	case "base64Decode":
		decoded, err := decodeBase64(text)
		if err != nil {
			s.fail(a.at, ErrValue, "$util.base64Decode is given what is not base64")
			return nil
		}
		return strings.ToValidUTF8(string(decoded), "\ufffd")
	}
	return notFound
}

// made counts the memory of a new text.
func (s *state) made(a *access, text string) any {
	if !s.grow(a.at, len(text)) {
		return nil
	}
	return text
}

// escapeJavaScript escapes as the library behind the service does: besides quotes
// and control characters also slashes, and all that is not ASCII.
func escapeJavaScript(text string) string {
	plain := func(c byte) bool {
		return c >= ' ' && c < 0x80 && c != '\'' && c != '"' && c != '\\' && c != '/'
	}
	i := 0
	for i < len(text) && plain(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)+16), text[:i]...)
	for _, r := range text[i:] {
		switch {
		case r < utf8.RuneSelf && plain(byte(r)):
			out = append(out, byte(r))
		case r == '\'' || r == '"' || r == '\\' || r == '/':
			out = append(out, '\\', byte(r))
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendEscape(out, uint16(high))
			out = appendEscape(out, uint16(low))
		default:
			out = appendEscape(out, uint16(r))
		}
	}
	return string(out)
}

// urlEncode encodes as for a form: a space becomes +, and of the marks only . - * _
// stay as they are.
func urlEncode(text string) string {
	return strings.NewReplacer("~", "%7E", "%2A", "*").Replace(url.QueryEscape(text))
}

// decodeBase64 takes both alphabets, with or without padding, and line ends.
func decodeBase64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "", " ", "").Replace(text)
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
}
