package wire

import "strings"

// joinFields writes texts, with separators between and Nothing for "".
func joinFields(fields []*string, separator string) string {
	var b strings.Builder
	for i, field := range fields {
		if i > 0 {
			b.WriteString(separator)
		}
		if *field == "" {
			b.WriteString(Nothing)
		} else {
			b.WriteString(*field)
		}
	}
	return b.String()
}

// splitFields reads what joinFields writes; the last field may have separators in it. It
// reports whether there was something of each: what there is has been read else, too.
func splitFields(text string, fields []*string, separator string) (whole bool) {
	whole = true
	for i, field := range fields {
		part := text
		if i < len(fields)-1 {
			var more bool
			part, text, more = strings.Cut(text, separator)
			whole = whole && more
		}
		if part != Nothing {
			*field = part
		}
	}
	return whole
}
