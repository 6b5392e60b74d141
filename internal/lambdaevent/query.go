package lambdaevent

import (
	"strings"

	"gatehouse/gateway"
)

// Field is one name with one of its values: of a query, or of the headers.
type Field struct{ Name, Value string }

// Query reads the names and values of a query, decoded, in order. What is not
// percent-encoded as it should be is left as it stands, as the mappings do. Semicolons
// part the parameters of REST APIs, too.
func Query(query string, semicolons bool) []Field {
	if query == "" {
		return nil
	}
	var fields []Field
	for item := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || semicolons && c == ';' }) {
		name, value, _ := strings.Cut(item, "=")
		fields = append(fields, Field{decodeQuery(name), decodeQuery(value)})
	}
	return fields
}

func decodeQuery(text string) string { return DecodePercent(strings.ReplaceAll(text, "+", " ")) }

// DecodePercent decodes what is percent-encoded as it should be.
func DecodePercent(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			high, low := unhex(text[i+1]), unhex(text[i+2])
			if high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// PathVariables takes the variables of a route's template from a path below the base;
// nil when there are none.
func PathVariables(template gateway.PathTemplate, path string) map[string]string {
	if len(template) == 0 {
		return nil
	}
	out := map[string]string{}
	rest := strings.TrimPrefix(path, "/")
	for _, s := range template {
		part, after, _ := strings.Cut(rest, "/")
		if s.Greedy {
			part = rest
		}
		if s.Variable != "" && part != "" {
			out[s.Variable] = part
		}
		rest = after
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
