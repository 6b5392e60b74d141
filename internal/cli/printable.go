package cli

import (
	"strconv"
	"strings"
	"unicode"
)

// printable makes text from elsewhere safe to show on a terminal: what would move the
// cursor, change colors or the direction of writing is spelled out.
func printable(text string) string {
	if !strings.ContainsFunc(text, unseen) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unseen(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unseen are runes that a terminal does not simply show. A space that is none of ASCII's
// looks like that, but is harmless.
func unseen(r rune) bool { return !unicode.IsGraphic(r) }

// longestReason is how much of a server's own words is shown.
const longestReason = 2000

// reason is what a server said about an error, in lines of its own.
func reason(body []byte) string {
	text := strings.TrimSpace(string(body[:min(len(body), longestReason)]))
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(strings.TrimSuffix(line, "\r"))
	}
	return strings.Join(lines, "\n")
}

// plainCell keeps a spreadsheet from taking text for a formula, which may send the sheet
// to somebody: an apostrophe before it marks it as text.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
