package vtl

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Pair is a parameter: a header, say.
type Pair struct{ Name, Value string }

// Params gives parameters. It is called when a template first asks for one, and once.
// Of a name that comes several times, the last counts. Nil has none.
type Params func() []Pair

// Pairs are parameters that are known already.
func Pairs(pairs ...Pair) Params {
	if len(pairs) == 0 {
		return nil
	}
	return func() []Pair { return pairs }
}

// MapParams are the entries of a map, sorted by their names.
func MapParams(values map[string]string) Params {
	if len(values) == 0 {
		return nil
	}
	return func() []Pair {
		pairs := make([]Pair, 0, len(values))
		for _, name := range slices.Sorted(maps.Keys(values)) {
			pairs = append(pairs, Pair{name, values[name]})
		}
		return pairs
	}
}

// HeaderParams are the fields of a header, sorted by their names.
func HeaderParams(header http.Header) Params {
	if len(header) == 0 {
		return nil
	}
	return func() []Pair {
		pairs := make([]Pair, 0, len(header))
		for _, name := range slices.Sorted(maps.Keys(header)) {
			for _, value := range header[name] {
				pairs = append(pairs, Pair{name, value})
			}
		}
		return pairs
	}
}

// QueryParams are the parameters of a query as a URL has it, decoded and in their
// order. What is not well encoded stays as it is.
func QueryParams(query string) Params {
	if query == "" {
		return nil
	}
	return func() []Pair {
		var pairs []Pair
		for part := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			if name = unescaped(name); name != "" {
				pairs = append(pairs, Pair{name, unescaped(value)})
			}
		}
		return pairs
	}
}

func unescaped(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return strings.ToValidUTF8(decoded, "\ufffd")
	}
	return text
}

// once gives the parameters.
func (p Params) once() []Pair {
	if p == nil {
		return nil
	}
	return p()
}
