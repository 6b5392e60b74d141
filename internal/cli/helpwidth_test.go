package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestHelpFitsTheTerminal holds that what flags are about fits a terminal of the usual width,
// that no word is lost, and that a help which fits stays as it is.
func TestHelpFitsTheTerminal(t *testing.T) {
	const width = 80
	root := newRoot()
	root.InitDefaultHelpFlag()
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		fitting := fittingUsage(cmd, width)
		if got, want := strings.Fields(fitting), strings.Fields(cmd.UsageString()); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: the words are\n%s", cmd.CommandPath(), fitting)
		}
		_, flags, _ := strings.Cut(fitting, "\nFlags:\n")
		for line := range strings.Lines(flags) {
			// The name of a flag is never broken.
			line = strings.TrimRight(line, "\n")
			if utf8.RuneCountInString(line) > width && !strings.HasPrefix(strings.TrimSpace(line), "-") {
				t.Errorf("%s: %s", cmd.CommandPath(), line)
			}
		}
		for _, below := range cmd.Commands() {
			check(below)
		}
	}
	check(root)
	if usage := root.UsageString(); fittingUsage(root, width) != usage {
		t.Errorf("a help that fits has become\n%s", fittingUsage(root, width))
	}
}
