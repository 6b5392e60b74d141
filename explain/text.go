package explain

import (
	"fmt"
	"strings"

	"gatehouse/gateway"
)

// marks are how results begin a line.
var marks = map[Result]string{Passed: "ok", Failed: "no", Open: "?", Noted: "-"}

// Lines are an explanation for people: a line for each step, the answer, and behind it the
// execution log. Of what may be a client's, nothing is escaped.
func (e *Explanation) Lines() []string {
	var lines []string
	width := 0
	for _, s := range e.Steps {
		width = max(width, len(s.Name))
	}
	for _, s := range e.Steps {
		line := fmt.Sprintf("%-2s  %-*s  %s", marks[s.Result], width, s.Name, s.Text)
		if at := shownAt(s.Source); at != "" {
			line += "  (" + at + ")"
		}
		lines = append(lines, line)
	}
	lines = append(lines, "=>  "+e.Answer.String())
	if len(e.Execution) > 0 {
		lines = append(lines, "", "execution log")
		for _, line := range e.Execution {
			lines = append(lines, "    "+line)
		}
	}
	return lines
}

func shownAt(p gateway.Position) string {
	if p.IsZero() || p.File == "" {
		return ""
	}
	return p.String()
}

// String is an answer in a sentence.
func (a Answer) String() string {
	var b strings.Builder
	switch {
	case a.From == FromIntegration && a.Status == 0:
		b.WriteString("the integration answers")
	default:
		fmt.Fprintf(&b, "%d by the %s", a.Status, a.From)
	}
	if a.ResponseType != "" {
		fmt.Fprintf(&b, ", %s", a.ResponseType)
	}
	if a.Body != "" {
		fmt.Fprintf(&b, ": %s", a.Body)
	}
	if !a.Certain {
		b.WriteString(", if what is open (?) is passed")
	}
	return b.String()
}
