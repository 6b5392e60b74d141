package cli

import (
	"slices"

	"github.com/spf13/cobra"
)

// newHelp stands in for cobra's command, which has no error for a command that does
// not exist.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show the help of a command",
		Example: "  gatehouse help run",
		ValidArgsFunction: func(cmd *cobra.Command, words []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if c.IsAvailableCommand() && len(words) == 0 {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, words []string) error {
			about := cmd.Root()
			if len(words) > 0 {
				i := slices.IndexFunc(about.Commands(), func(c *cobra.Command) bool { return c.Name() == words[0] })
				if i < 0 {
					return about.Args(about, words)
				}
				about = about.Commands()[i]
			}
			// Cobra adds the flag to the command that is run only.
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}
