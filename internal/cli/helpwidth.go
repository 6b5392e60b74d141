package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// fitHelp has helps that are read at a terminal fit its width: what some flags are about
// takes several lines, which a terminal would begin at its left edge.
func fitHelp(root *cobra.Command) {
	usual := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, words []string) {
		width := terminalWidth(cmd.OutOrStdout())
		if width == 0 {
			usual(cmd, words)
			return
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", cmp.Or(cmd.Long, cmd.Short), fittingUsage(cmd, width))
	})
}

// fittingUsage is a command's usage. If a flag does not fit, what each is about stands below
// its name.
func fittingUsage(cmd *cobra.Command, width int) string {
	usage := cmd.UsageString()
	flags := cmd.LocalFlags().FlagUsages()
	fits := true
	var below strings.Builder
	for line := range strings.Lines(flags) {
		fits = fits && utf8.RuneCountInString(strings.TrimRight(line, "\n")) <= width
		m := flagLine.FindStringSubmatch(line)
		if m == nil {
			return usage
		}
		below.WriteString(m[1] + "\n")
		writeWrapped(&below, m[2], width)
	}
	if fits {
		return usage
	}
	return strings.Replace(usage, strings.TrimRight(flags, "\n"), strings.TrimRight(below.String(), "\n"), 1)
}

// flagLine parts the name of a flag, with the word for its value, from what it is about.
var flagLine = regexp.MustCompile(`^( +(?:-\w, )?--\S+(?: \S+)?) {2,}(\S.*)`)

// writeWrapped writes words below the name of a flag.
func writeWrapped(b *strings.Builder, text string, width int) {
	const indent = "          "
	line := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			b.WriteString(line + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	b.WriteString(line + "\n")
}

// terminalWidth is 0 of what is no terminal.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
