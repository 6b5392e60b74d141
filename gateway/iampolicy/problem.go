package iampolicy

import (
	"fmt"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a policy document.
type Problem struct {
	// Path is the place inside the document.
	Path Path
	// Offset is that of the first byte of the place in the text that was parsed.
	Offset int
	// Message says what is wrong, Hint how to mend it (may be empty).
	Message string
	Hint    string
	// Warning marks what does not keep the policy from being used.
	Warning bool
}

// String renders path: message (hint).
func (p Problem) String() string {
	s := p.Message
	if len(p.Path) > 0 {
		s = p.Path.String() + ": " + s
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Path leads from the root of a document to a value, so that a caller whose document
// was written in something else than JSON can find the place there.
type Path []Step

// Step goes to the member Key of an object, or, when Index is not negative, to an
// item of a list.
type Step struct {
	Key   string
	Index int
}

func (p Path) key(name string) Path { return append(p[:len(p):len(p)], Step{Key: name, Index: -1}) }
func (p Path) item(i int) Path      { return append(p[:len(p):len(p)], Step{Index: i}) }

// String renders the path as in Statement[1].Condition.IpAddress["aws:SourceIp"][0].
func (p Path) String() string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.Index >= 0:
			fmt.Fprintf(&b, "[%d]", s.Index)
		case !isPlain(s.Key):
			b.WriteString("[" + strconv.Quote(s.Key) + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

func isPlain(name string) bool {
	for _, c := range name {
		if !isLetter(c) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return name != ""
}

func isLetter(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c rune) bool  { return '0' <= c && c <= '9' }

// LineColumn is the place of an offset in text, both counted from 1, columns in
// characters. An offset past the end is the end.
func LineColumn(text []byte, offset int) (line, column int) {
	before := string(text[:max(0, min(offset, len(text)))])
	line = strings.Count(before, "\n") + 1
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return line, len([]rune(last)) + 1
}
