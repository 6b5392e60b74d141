package source

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A step leads from an object or list to one of its values. Paths are needed for
// messages only, so they are kept as steps and written out when asked for; nil is
// the document's root.
type step struct {
	parent *step
	// key leads into an object, index into a list.
	key   string
	index int
	isKey bool
}

func (s *step) String() string {
	var steps []*step
	for at := s; at != nil; at = at.parent {
		steps = append(steps, at)
	}
	var b strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		at := steps[i]
		switch {
		case !at.isKey:
			b.WriteString("[" + strconv.Itoa(at.index) + "]")
		case !isPlainKey(at.key):
			b.WriteString("[" + strconv.Quote(clip(at.key)) + "]")
		case b.Len() > 0:
			b.WriteString("." + clip(at.key))
		default:
			b.WriteString(clip(at.key))
		}
	}
	return b.String()
}

// isPlainKey reports whether a key needs no quotes in a path.
func isPlainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '$' || c == '-') {
			return false
		}
	}
	return key != ""
}

// maxShown is how much of a written text a message repeats.
const maxShown = 100

func clip(text string) string {
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
