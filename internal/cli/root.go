package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Streams are what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the program with its arguments, less the program's name, and gives
// its exit code.
func Main(ctx context.Context, args []string, streams Streams) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) && cmd.GroupID != groupServe {
		err = errInterrupted
	}
	code := exitCode(err)
	if code == exitGood || errors.Is(err, errReported) || errors.Is(err, errDifferent) {
		return code
	}
	fmt.Fprintf(streams.Err, "gatehouse: %v\n", err)
	if code == exitUsage {
		fmt.Fprintf(streams.Err, "See '%s --help'.\n", cmd.CommandPath())
	}
	return code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "Amazon API Gateway on your own machines, on Envoy",
		Long: "Gatehouse reads API definitions (OpenAPI with or without Amazon's extensions, and a\n" +
			"few lines of YAML) and serves them on Envoy.\n\n" +
			"Every flag can be set by an environment variable, such as --data-dir by GATEHOUSE_DATA_DIR.",
		Example: "  gatehouse validate gatehouse.yaml\n" +
			"  gatehouse run gatehouse.yaml",
		// Main prints errors, and says where to find help.
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: flagsFromEnv,
		// Without a command, help is what is asked for; an unknown one is a mistake.
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
				return usagef("unknown command %q; did you mean %q?", args[0], similar[0])
			}
			return usagef("unknown command %q", args[0])
		},
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	// Cobra has no distance of its own when it is asked for suggestions.
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%w", err) })
	root.Version = thisBuild().String()
	root.SetVersionTemplate("{{.Version}}\n")
	root.InitDefaultVersionFlag()
	// $GATEHOUSE_VERSION is what a deployment may call the version that it wants.
	root.Flags().Lookup("version").Annotations = map[string][]string{noEnv: nil}
	root.SetHelpCommand(newHelp())
	fitHelp(root)
	root.AddGroup(
		&cobra.Group{ID: groupServe, Title: "Serve:"},
		&cobra.Group{ID: groupWork, Title: "Work with definitions:"},
	)
	root.AddCommand(
		newRun(), newServe(), newBootstrap(),
		newValidate(), newTranslate(), newDiff(), newExport(), newImport(), newVTL(), newExplain(), newUsage(), newCost(), newPortal(), newFlush(), newStore(),
		newVersion(), newCompletion(),
	)
	return root
}

// The groups of commands in the help.
const (
	groupServe = "serve"
	groupWork  = "work"
)

// somePaths asks for at least one path.
func somePaths(_ *cobra.Command, paths []string) error {
	if len(paths) == 0 {
		return usagef("name the files or folders with the definitions")
	}
	return nil
}

// args wraps cobra's checks of arguments, so that they end with the exit code for
// wrong usage, and tell the right one.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usagef("%w: %s", err, cmd.UseLine())
		}
		return nil
	}
}
