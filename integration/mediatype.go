package integration

import "strings"

// mediaTypes are patterns of media types: type/subtype, type/* or */*.
type mediaTypes struct {
	all    bool
	exact  map[string]bool
	prefix []string
}

func mediaTypesOf(patterns []string) mediaTypes {
	m := mediaTypes{exact: map[string]bool{}}
	for _, p := range patterns {
		// Management APIs write ~1 for the slash.
		p = strings.ToLower(strings.TrimSpace(strings.ReplaceAll(p, "~1", "/")))
		switch kind, sub, _ := strings.Cut(p, "/"); {
		case p == "*/*":
			m.all = true
		case sub == "*":
			m.prefix = append(m.prefix, kind+"/")
		default:
			m.exact[p] = true
		}
	}
	return m
}

// has reports whether a media type, without parameters and in lower case, matches.
func (m mediaTypes) has(mediaType string) bool {
	if m.all || m.exact[mediaType] {
		return true
	}
	for _, p := range m.prefix {
		if strings.HasPrefix(mediaType, p) {
			return true
		}
	}
	return false
}

// mediaType is what a Content-Type, or the first entry of an Accept header, names, in
// lower case.
func mediaType(header string) string {
	first, _, _ := strings.Cut(header, ",")
	first, _, _ = strings.Cut(first, ";")
	return strings.ToLower(strings.TrimSpace(first))
}
