package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a shell's completion script",
		Long: "Completion prints a script that has a shell complete the commands, flags and words of\n" +
			"gatehouse. That for bash needs the package bash-completion.",
		Example: "  # bash, for this session\n" +
			"  source <(gatehouse completion bash)\n" +
			"  # zsh, for good\n" +
			"  gatehouse completion zsh > \"${fpath[1]}/_gatehouse\"",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args: func(cmd *cobra.Command, words []string) error {
			if len(words) == 0 {
				return usagef("name the shell: %s", strings.Join(cmd.ValidArgs, ", "))
			}
			return args(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs))(cmd, words)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(out)
			}
		},
	}
}
