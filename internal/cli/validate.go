package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"gatehouse/definition"
	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/integration/websocket"
	"gatehouse/internal/revision"
	"gatehouse/ratelimit/descriptorfile"
	"gatehouse/translator"
	"gatehouse/xds"
)

func newValidate() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "validate [PATH…]",
		GroupID: groupWork,
		Short:   "Report every problem of definitions at its line",
		Long: "Validate reads definitions, translates them, checks what they become, and prints all\n" +
			"problems at once: file:line:col: severity code: message (hint). It ends with 0 if\n" +
			"they can be served (there may be warnings), with 1 if not.",
		Example: "  gatehouse validate gatehouse.yaml\n" +
			"  gatehouse validate -o sarif apis/ > gatehouse.sarif\n" +
			"  gatehouse validate --envoy --ports gatehouse.yaml\n" +
			"  gatehouse validate --ratelimit-config limits/",
	}
	output := choiceFlag(cmd, "output", "o", "output format", "text", "json", "sarif")
	var envoy envoyFlag
	cmd.Flags().Var(&envoy, "envoy", "also ask a real Envoy, found by --envoy=PATH, $ENVOY, the PATH or .tools/")
	// "--envoy" alone means: search for it.
	flag := cmd.Flags().Lookup("envoy")
	flag.NoOptDefVal = searchEnvoy
	// $GATEHOUSE_ENVOY is the Envoy of run. It is not a wish to ask it here.
	flag.Annotations = map[string][]string{noEnv: nil}
	var ports bool
	cmd.Flags().BoolVar(&ports, "ports", false, "also check that the listeners' ports are free on this machine")
	var limitFiles []string
	addLimitFilePaths(cmd.Flags(), &limitFiles)
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		var loaded definition.Result
		if len(paths) > 0 {
			var err error
			if loaded, err = loadOnce(cmd, paths); err != nil {
				return err
			}
		} else if len(limitFiles) == 0 {
			return somePaths(cmd, paths)
		}
		ds := append(loaded.Diagnostics, checkLimitFiles(limitFiles)...)
		switch {
		case loaded.Snapshot != nil:
			more, err := checkWithProgress(cmd, loaded.Snapshot, envoy)
			if err != nil {
				return err
			}
			ds = append(ds, more...)
		case loaded.Draft != nil:
			more, err := computed(cmd.Context(), func() gateway.Diagnostics { return refusals(loaded.Draft, ds) })
			if err != nil {
				return err
			}
			ds = append(ds, more...)
		}
		if served := cmp.Or(loaded.Snapshot, loaded.Draft); ports && served != nil {
			ds = append(ds, portsInUse(cmd.Context(), served, allGateways)...)
		}
		ds.Sort()
		if err := writeReport(cmd.OutOrStdout(), output.value, ds); err != nil {
			return err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), countDiagnostics(ds))
		if ds.HasErrors() {
			return errReported
		}
		return nil
	}
	return cmd
}

// checkLimitFiles finds what is wrong with files of rate limits.
func checkLimitFiles(paths []string) gateway.Diagnostics {
	if len(paths) == 0 {
		return nil
	}
	files, _, ds := descriptorfile.Read(paths)
	_, found := descriptorfile.Parse(files)
	return append(ds, found...)
}

func writeReport(w io.Writer, format string, ds gateway.Diagnostics) error {
	switch format {
	case "json":
		return writeJSON(w, diagnosticsJSON(ds))
	case "sarif":
		return writeSARIF(w, ds)
	default:
		return printDiagnostics(w, ds)
	}
}

// refusals are what the translator would refuse of definitions that have errors
// already, so that all is told at once. Backends that do not exist are among those.
func refusals(draft *gateway.Snapshot, known gateway.Diagnostics) gateway.Diagnostics {
	_, found := translator.New().Translate(draft)
	return slices.DeleteFunc(found.Beyond(known), func(d gateway.Diagnostic) bool {
		return d.Severity != gateway.Error || d.Code == "unknown-backend"
	})
}

// checkWithProgress is checkTranslation for a command that people wait for.
func checkWithProgress(cmd *cobra.Command, snapshot *gateway.Snapshot, envoy envoyFlag) (gateway.Diagnostics, error) {
	what := "checking what they become"
	if envoy.wanted {
		what = "asking Envoy"
	}
	checking := startProgress(cmd, what)
	defer checking.end()
	return checkTranslation(cmd.Context(), snapshot, envoy)
}

// checkTranslation takes a snapshot through the steps that follow loading. The
// error is of the check itself, not of what is checked.
func checkTranslation(ctx context.Context, snapshot *gateway.Snapshot, envoy envoyFlag) (gateway.Diagnostics, error) {
	var output *translator.Output
	ds, err := computed(ctx, func() gateway.Diagnostics {
		_, ds := extauthz.Compile(snapshot)
		_, ofIntegrations := integration.Compile(snapshot)
		translated, more := translator.New().Translate(snapshot)
		output = translated
		return append(append(append(ds, ofIntegrations...), websocket.Compile(snapshot)...), more...)
	})
	if err != nil {
		return nil, err
	}
	if ds.HasErrors() {
		return ds, nil
	}
	server := xds.New(xds.Options{Log: slog.New(slog.DiscardHandler)})
	defer server.Close()
	err = server.Set(ctx, xds.Revision{ID: output.Revision, Gateways: output.Gateways})
	var invalid *xds.InvalidError
	switch {
	case errors.As(err, &invalid):
		return append(ds, revision.Invalid(invalid, output)...), nil
	case err != nil:
		return nil, err
	case !envoy.wanted:
		return ds, nil
	}
	refused, err := askEnvoy(ctx, envoy.path, output)
	return append(ds, refused...), err
}
