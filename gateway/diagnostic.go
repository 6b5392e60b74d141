package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Position is where a value was written. Line and Column count from 1; zero
// means unknown (a value that no file wrote).
type Position struct {
	File   string
	Line   int
	Column int
}

// String renders file:line:column, leaving out what is unknown.
func (p Position) String() string {
	switch {
	case p.File == "":
		return "-"
	case p.Line == 0:
		return p.File
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
}

func before(a, b Position) bool {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) < 0
}

// IsZero reports whether the position is unknown.
func (p Position) IsZero() bool { return p == Position{} }

// Severity says whether a diagnostic keeps a definition from being served.
type Severity int

const (
	// Error: the definition cannot be served as written. Anything whose neglect
	// would change behaviour or security is an error.
	Error Severity = iota
	// Warning: the definition is served, but something in it has no effect.
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one thing a user should know about a definition.
type Diagnostic struct {
	Severity Severity
	// Code is stable and machine-readable: lower-case words joined by dashes.
	Code string
	Pos  Position
	// Path is the place inside the document, such as apis[0].stages[1].name.
	Path string
	// Message says what is wrong, Hint how to mend it (may be empty).
	Message string
	Hint    string
}

// String renders file:line:col: severity code: message (hint).
func (d Diagnostic) String() string {
	s := fmt.Sprintf("%s: %s %s: %s", d.Pos, d.Severity, d.Code, d.Message)
	if d.Hint != "" {
		s += " (" + d.Hint + ")"
	}
	return s
}

// Diagnostics collects every problem of a definition, so that all can be
// reported at once.
type Diagnostics []Diagnostic

// Errorf adds an error. The hint may be empty.
func (ds *Diagnostics) Errorf(code string, pos Position, path, hint, format string, args ...any) {
	*ds = append(*ds, Diagnostic{Error, code, pos, path, sentence(format, args), hint})
}

// Warnf adds a warning. The hint may be empty.
func (ds *Diagnostics) Warnf(code string, pos Position, path, hint, format string, args ...any) {
	*ds = append(*ds, Diagnostic{Warning, code, pos, path, sentence(format, args), hint})
}

// maxMessage bounds a message: what it repeats of a definition may have any length.
const maxMessage = 1000

func sentence(format string, args []any) string {
	message := fmt.Sprintf(format, args...)
	if len(message) > maxMessage {
		end := maxMessage
		for !utf8.RuneStart(message[end]) {
			end--
		}
		message = message[:end] + "…"
	}
	return strings.Map(printable, message)
}

// printable keeps a message on its line, and terminals from obeying what a
// definition says.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}

// HasErrors reports whether anything keeps the definition from being served.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sort orders by position, then severity, code, message and the rest, and drops exact
// repeats (two stages that pin one broken definition report it once).
func (ds *Diagnostics) Sort() {
	slices.SortStableFunc(*ds, func(a, b Diagnostic) int {
		return cmp.Or(
			strings.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			cmp.Compare(a.Severity, b.Severity),
			strings.Compare(a.Code, b.Code),
			strings.Compare(a.Message, b.Message),
			strings.Compare(a.Path, b.Path),
			strings.Compare(a.Hint, b.Hint),
		)
	})
	// What was read by two ways (an alias, two stages) has two paths, but is one line.
	*ds = slices.CompactFunc(*ds, func(a, b Diagnostic) bool {
		a.Path, b.Path = "", ""
		return a == b
	})
}

// Beyond gives those that stand where known has no error: a part that could not be
// read is not the place to look for more.
func (ds Diagnostics) Beyond(known Diagnostics) Diagnostics {
	taken := map[Position]bool{}
	for _, d := range known {
		taken[d.Pos] = taken[d.Pos] || d.Severity == Error
	}
	return slices.DeleteFunc(slices.Clone(ds), func(d Diagnostic) bool { return taken[d.Pos] })
}

// Err returns nil when there is no error among the diagnostics, else an error
// whose text is one line per error.
func (ds Diagnostics) Err() error {
	if !ds.HasErrors() {
		return nil
	}
	var lines []string
	for _, d := range ds {
		if d.Severity == Error {
			lines = append(lines, d.String())
		}
	}
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}
