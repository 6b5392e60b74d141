package cli

import (
	"os"

	"github.com/spf13/cobra"

	"gatehouse/xds"
)

func newBootstrap() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bootstrap",
		GroupID: groupServe,
		Short:   "Print the configuration that an Envoy is started with",
		Long: "Bootstrap prints what an Envoy needs to find 'gatehouse serve'. Everything else it is\n" +
			"sent from there.",
		Example: "  gatehouse bootstrap > envoy.yaml && envoy -c envoy.yaml\n" +
			"  gatehouse bootstrap --gateway sidecar --node-id orders-1 --xds-address gatehouse.internal:18000 \\\n" +
			"      --tls-ca ca.pem --tls-cert envoy.pem --tls-key envoy.key",
		Args:              args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := choiceFlag(cmd, "output", "o", "output format", "yaml", "json")
	var o xds.BootstrapOptions
	var tls xds.BootstrapTLS
	flags := cmd.Flags()
	flags.StringVar(&o.NodeID, "node-id", "", "name of this Envoy, different from others of its gateway (default the host name)")
	flags.StringVar(&o.Gateway, "gateway", "edge", "gateway whose definitions this Envoy serves")
	flags.StringVar(&o.Address, "xds-address", "127.0.0.1:18000", "where 'gatehouse serve' is, host:port or unix:PATH")
	flags.StringVar(&o.Integration, "integration-address", "", "where 'gatehouse serve' takes requests to Lambda functions and the like, or unix:PATH (default the port that follows --xds-address)")
	flags.StringVar(&o.Admin, "admin", xds.DefaultAdmin, "where Envoy's admin interface listens; \"none\" for nowhere")
	flags.StringVar(&o.Metrics, "metrics-address", "", "where Envoy shows its stats to Prometheus (/stats/prometheus) and nothing else, for one that is not to reach the admin interface, such as 0.0.0.0:9902 (default nowhere)")
	flags.Int64Var(&o.MaxConnections, "max-connections", 0, "limit of client connections, 0 for none")
	flags.StringVar(&o.Region, "region", "", "region this Envoy is in")
	flags.StringVar(&o.Zone, "zone", "", "zone this Envoy is in")
	flags.StringVar(&tls.CAFile, "tls-ca", "", "authorities that vouch for 'gatehouse serve', PEM file on Envoy's machine")
	flags.StringVar(&tls.CertFile, "tls-cert", "", "certificate to show to 'gatehouse serve', PEM file on Envoy's machine")
	flags.StringVar(&tls.KeyFile, "tls-key", "", "key of --tls-cert, PEM file on Envoy's machine")
	flags.StringVar(&tls.ServerName, "tls-server-name", "", "name in the certificate of 'gatehouse serve' (default the host of --xds-address)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if tls != (xds.BootstrapTLS{}) {
			o.TLS = &tls
		}
		if o.NodeID == "" {
			name, err := os.Hostname()
			if err != nil {
				return usagef("the host name is not known (%w): give --node-id", err)
			}
			o.NodeID = name
		}
		b, err := xds.Bootstrap(o)
		if err != nil {
			return usagef("%w", err)
		}
		render := xds.BootstrapYAML
		if output.value == "json" {
			render = xds.BootstrapJSON
		}
		text, err := render(b)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	return cmd
}
