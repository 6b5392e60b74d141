package cli

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/gateway"
	"gatehouse/internal/envoyproc"
	"gatehouse/xds"
)

// runFlags are run's own flags.
type runFlags struct {
	envoy, gateway, admin string
	envoyLogLevel         *choice
	drainTime             time.Duration
	// adminChosen tells whether the user said where the admin interface is.
	adminChosen bool
}

func newRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "run [PATH…]",
		GroupID: groupServe,
		Short:   "Serve definitions: control plane and Envoy in one",
		Long: "Run is 'gatehouse serve' with an Envoy that it starts, watches over and stops: all\n" +
			"that one machine needs. Without a path it reads " + defaultPath + ".",
		Example: "  gatehouse run gatehouse.yaml\n" +
			"  gatehouse run --envoy /opt/envoy --gateway edge apis/",
	}
	var serve serveFlags
	var flags runFlags
	serve.add(cmd, "") // Its own Envoy is told where it is.
	cmd.Flags().StringVar(&flags.envoy, "envoy", "", "the Envoy to run (default $ENVOY, the PATH, .tools/envoy)")
	cmd.Flags().StringVar(&flags.gateway, "gateway", "", "gateway to be (default the only one)")
	cmd.Flags().StringVar(&flags.admin, "admin", xds.DefaultAdmin, "where Envoy's admin interface listens; port 0 takes a free one")
	flags.envoyLogLevel = choiceFlag(cmd, "envoy-log-level", "", "least severe messages of Envoy to log", "warning", "trace", "debug", "info", "error", "critical", "off")
	cmd.Flags().DurationVar(&flags.drainTime, "drain-time", 10*time.Second, "how long requests under way may take to end when stopped")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		flags.adminChosen = cmd.Flags().Changed("admin")
		return runAll(cmd, serve, flags, paths)
	}
	return cmd
}

func runAll(cmd *cobra.Command, serve serveFlags, flags runFlags, paths []string) error {
	log := serve.log.logger(cmd.ErrOrStderr())
	binary, err := envoyproc.Find(flags.envoy)
	if err != nil {
		return err
	}
	if serve.xdsAddress == "" {
		address, remove, err := ownSocket()
		if err != nil {
			return err
		}
		defer remove()
		serve.xdsAddress = address
	}
	c, err := newControlPlane(cmd.Context(), loaderOptions(cmd), serve, paths, log, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	return c.run(cmd.Context(), func(ctx context.Context) error {
		return c.superviseEnvoy(ctx, binary, flags, &logWriter{to: cmd.OutOrStdout()})
	})
}

// chooseGateway gives the gateway that the Envoy is to be.
func chooseGateway(s *gateway.Snapshot, wanted string) (string, error) {
	var names []string
	for _, g := range s.Gateways {
		names = append(names, g.Name)
	}
	switch {
	case wanted != "" && !slices.Contains(names, wanted):
		return "", usagef("there is no gateway %q; the definitions have %v", wanted, names)
	case wanted == "" && len(names) != 1:
		return "", usagef("the definitions have several gateways, %v: choose one with --gateway", names)
	}
	return cmp.Or(wanted, names[0]), nil
}
