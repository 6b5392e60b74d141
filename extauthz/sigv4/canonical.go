package sigv4

import (
	"slices"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// unreserved are the bytes that are never percent-encoded.
var unreserved = func() (set [256]bool) {
	for c := range 256 {
		set[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", byte(c)) >= 0 && c < 128
	}
	return set
}()

func appendEncoded(to []byte, c byte) []byte {
	if unreserved[c] {
		return append(to, c)
	}
	return append(to, '%', upperHex[c>>4], upperHex[c&15])
}

// canonicalPaths are the forms in which clients sign a path: what the documentation
// says and botocore does, without "." and ".." and empty segments, and, where it
// differs, the path as it was sent. Each is encoded on top of the escapes it has.
func canonicalPaths(sent string) []string {
	if sent == "" {
		sent = "/"
	}
	forms := []string{encodePath(withoutDotSegments(sent))}
	if asSent := encodePath(sent); asSent != forms[0] {
		forms = append(forms, asSent)
	}
	return forms
}

func encodePath(path string) string {
	plain := true
	for i := range len(path) {
		plain = plain && (unreserved[path[i]] || path[i] == '/')
	}
	if plain {
		return path
	}
	encoded := make([]byte, 0, len(path)+len(path)/2)
	for i := range len(path) {
		if path[i] == '/' {
			encoded = append(encoded, '/')
		} else {
			encoded = appendEncoded(encoded, path[i])
		}
	}
	return string(encoded)
}

// withoutDotSegments takes out "." and ".." by RFC 3986, and empty segments, which
// AWS's services do as well. Escaped dots are no dots.
func withoutDotSegments(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") && path[0] == '/' {
		return path
	}
	var kept []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
		}
	}
	clean := strings.Join(kept, "/")
	if path[0] == '/' {
		clean = "/" + clean
	}
	if path[len(path)-1] == '/' && len(kept) > 0 {
		clean += "/"
	}
	return clean
}

// parameter is a name and value of a query. Both are there as they were sent and
// percent-encoded by the letter.
type parameter struct{ sentName, sentValue, name, value string }

func parseQuery(query string) ([]parameter, *Error) {
	if query == "" {
		return nil, nil
	}
	n := strings.Count(query, "&") + 1
	if n > maxParameters {
		return nil, incomplete("The query has more than %d parameters.", maxParameters).as(TooLarge)
	}
	parameters := make([]parameter, 0, n)
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		parameters = append(parameters, parameter{name, value, encodeQuery(name), encodeQuery(value)})
	}
	return parameters, nil
}

// encodeQuery brings a name or value to its canonical escapes. A plus is a space,
// as in forms: the clients that send one sign %20 for it.
func encodeQuery(sent string) string {
	plain := true
	for i := range len(sent) {
		plain = plain && unreserved[sent[i]]
	}
	if plain {
		return sent
	}
	return string(eachDecoded(make([]byte, 0, len(sent)+len(sent)/2), sent, appendEncoded))
}

// decodeQuery takes a name's or value's escapes away.
func decodeQuery(sent string) string {
	if !strings.ContainsAny(sent, "%+") {
		return sent
	}
	return string(eachDecoded(make([]byte, 0, len(sent)), sent, func(to []byte, c byte) []byte { return append(to, c) }))
}

// eachDecoded puts out every byte that the text stands for. A percent sign that
// begins no escape stands for itself.
func eachDecoded(to []byte, sent string, put func([]byte, byte) []byte) []byte {
	for i := 0; i < len(sent); i++ {
		c := sent[i]
		if c == '+' {
			c = ' '
		} else if c == '%' && i+2 < len(sent) {
			high, low := unhex(sent[i+1]), unhex(sent[i+2])
			if high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		to = put(to, c)
	}
	return to
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

// canonicalQueries are the forms in which clients sign a query, without its
// signature: by the letter, and, where it differs, only sorted, which is what
// botocore does with the query of a URL that it is given.
func canonicalQueries(parameters []parameter) []string {
	if len(parameters) == 0 {
		return []string{""}
	}
	byLetter := make([][2]string, 0, len(parameters))
	sent := make([][2]string, 0, len(parameters))
	for _, p := range parameters {
		if p.name == querySignature {
			continue
		}
		sent = append(sent, [2]string{p.sentName, p.sentValue})
		if p.name != "" || p.value != "" {
			byLetter = append(byLetter, [2]string{p.name, p.value})
		}
	}
	forms := []string{sortedQuery(byLetter)}
	if asSent := sortedQuery(sent); asSent != forms[0] {
		forms = append(forms, asSent)
	}
	return forms
}

// sortedQuery sorts by name, then by value. That is not the order of the texts
// name=value: "a-b" comes after "a".
func sortedQuery(pairs [][2]string) string {
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if order := strings.Compare(a[0], b[0]); order != 0 {
			return order
		}
		return strings.Compare(a[1], b[1])
	})
	size := 0
	for _, pair := range pairs {
		size += len(pair[0]) + len(pair[1]) + 2
	}
	var b strings.Builder
	b.Grow(size)
	for i, pair := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(pair[0])
		b.WriteByte('=')
		b.WriteString(pair[1])
	}
	return b.String()
}

// appendHeaders puts out the canonical lines of the signed headers. It fails with
// the name of one that the request does not have.
func appendHeaders(to []byte, all fields, signed []string) (lines []byte, missing string) {
	for _, name := range signed {
		values := all.of(name)
		if len(values) == 0 {
			return nil, name
		}
		to = append(to, name...)
		to = append(to, ':')
		for i, field := range values {
			if i > 0 {
				to = append(to, ',')
			}
			to = appendCollapsed(to, field.Value)
		}
		to = append(to, '\n')
	}
	return to, ""
}

// appendCollapsed puts out a header's value without the blanks around it, and with
// one space for every run of them inside.
func appendCollapsed(to []byte, value string) []byte {
	start := len(to)
	pending := false
	for i := range len(value) {
		switch c := value[i]; c {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			pending = len(to) > start
		default:
			if pending {
				to = append(to, ' ')
				pending = false
			}
			to = append(to, c)
		}
	}
	return to
}
