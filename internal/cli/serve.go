package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/telemetry/cost"
	"gatehouse/xds"
)

// serveFlags are what serve and run have in common.
type serveFlags struct {
	log logFlags
	// roles are what this process serves; run has all.
	roles       rolesFlag
	xdsAddress  string
	httpAddress string
	// metricsAddress is for those who may read the metrics and nothing else; may be empty.
	metricsAddress string
	// integrationAddress is host:port or unix:PATH; empty for beside xdsAddress.
	integrationAddress string
	dataDir            string
	xdsCert            string
	xdsKey             string
	xdsClientCA        string
	insecureXDS        bool
	limits             limitStoreFlags
	limitFiles         limitFileFlags
	httpTLS            httpTLSFlags
	management         managementFlags
	dashboard          dashboardFlags
	portal             portalFlags
	prometheusURL      string
	// prices are names of the tables that the dashboard shows costs by.
	prices []string
	// otlpEndpoint is the collector for what the process itself reports.
	otlpEndpoint string
	// issuerKeysMaxAge is how long keys of token issuers outlast their issuer.
	issuerKeysMaxAge time.Duration
}

// add adds them. Without an xdsAddress, the process finds a place by itself.
func (f *serveFlags) add(cmd *cobra.Command, xdsAddress string) {
	f.log = addLogFlags(cmd)
	flags := cmd.Flags()
	xdsDefault := ""
	if xdsAddress == "" {
		xdsDefault = " (default a socket in a folder of its own)"
	}
	flags.StringVar(&f.xdsAddress, "xds-address", xdsAddress, "where Envoys connect to, for their configuration and for what they ask, or unix:PATH of a socket; port 0 takes a free one"+xdsDefault)
	flags.StringVar(&f.httpAddress, "http-address", "127.0.0.1:8001", "where the dashboard is, the management API (--endpoint-url of the AWS CLI), and /status, /metrics, /healthz and /readyz; port 0 takes a free one")
	flags.StringVar(&f.metricsAddress, "metrics-address", "", "where /metrics is, and nothing else, for a Prometheus that is not to reach --http-address, such as 0.0.0.0:8002 (default nowhere)")
	flags.StringVar(&f.integrationAddress, "integration-address", "", "where Envoys send requests that they cannot serve alone, to Lambda functions and the like, or unix:PATH of a socket (default the port that follows --xds-address)")
	flags.StringVar(&f.dataDir, "data-dir", "", "folder that keeps what the management API is told, the last good revision, for a restart with broken definitions, and the keys of token issuers (default one of its own for these paths, below $XDG_STATE_HOME)")
	flags.StringVar(&f.prometheusURL, "prometheus-url", "", "Prometheus that scrapes the metrics of the role telemetry, for what the dashboard shows of more than a day. With a password in it, give it as "+envName("prometheus-url")+" instead")
	flags.StringSliceVar(&f.prices, "prices", []string{cost.AWS}, "what the dashboard shows costs by: "+pricesUsage)
	flags.DurationVar(&f.issuerKeysMaxAge, "issuer-keys-max-age", 0, "refuse tokens when their issuer's keys could not be refreshed for so long; 0 uses the last keys on for ever")
	flags.StringVar(&f.otlpEndpoint, "otlp-endpoint", "", "URL of an OpenTelemetry collector that metrics and spans of this process are sent to, such as http://127.0.0.1:4317 (default as OTEL_EXPORTER_OTLP_ENDPOINT says; headers and certificates by OTEL_EXPORTER_OTLP_*)")
	f.limits.add(flags)
	f.limitFiles.add(flags)
	f.httpTLS.add(flags)
	f.management.add(cmd)
	f.dashboard.add(cmd)
	f.portal.add(flags)
	flags.BoolVar(&f.insecureXDS, "insecure-xds", false, "let anyone who reaches --xds-address have the private keys that are sent to Envoys, and ask what they ask")
}

// addTLS adds the flags of those who serve Envoys on other machines.
func (f *serveFlags) addTLS(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.xdsCert, "xds-cert", "", "certificate to show to Envoys, PEM file")
	flags.StringVar(&f.xdsKey, "xds-key", "", "key of --xds-cert, PEM file")
	flags.StringVar(&f.xdsClientCA, "xds-client-ca", "", "authorities whose certificates Envoys must show, PEM file")
}

// check finds combinations of flags that make no sense, or give away secrets.
func (f *serveFlags) check() error {
	if (f.xdsCert == "") != (f.xdsKey == "") {
		return usagef("--xds-cert and --xds-key go together")
	}
	if f.xdsClientCA != "" && f.xdsCert == "" {
		return usagef("--xds-client-ca needs --xds-cert and --xds-key")
	}
	if u, err := url.Parse(f.otlpEndpoint); f.otlpEndpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil) {
		return usagef("--otlp-endpoint is no URL such as http://127.0.0.1:4317")
	}
	if f.issuerKeysMaxAge < 0 {
		return usagef("--issuer-keys-max-age is negative")
	}
	if err := f.checkAddresses(); err != nil {
		return err
	}
	if err := f.limits.check(f.roles); err != nil {
		return err
	}
	if err := f.limitFiles.check(f.roles); err != nil {
		return err
	}
	if err := f.management.check(f.roles); err != nil {
		return err
	}
	if err := f.dashboard.check(f.httpAddress); err != nil {
		return err
	}
	if f.dashboard.approvals && !f.roles.has("portal") {
		return usagef("--dashboard-approvals is for the role portal, which --roles leaves out")
	}
	if err := f.portal.check(f.roles); err != nil {
		return err
	}
	if err := f.httpTLS.check(f.httpAddress, f.asksForCredentials()); err != nil {
		return err
	}
	if f.integrationAddress != "" && !f.roles.has("integration") {
		return usagef("--integration-address is for the role integration, which --roles leaves out")
	}
	onUnix := strings.HasPrefix(f.xdsAddress, xds.UnixPrefix)
	if onUnix && f.xdsCert != "" {
		return usagef("--xds-address %s is a socket of this machine, which needs no --xds-cert", f.xdsAddress)
	}
	if !onUnix && !loopback(f.xdsAddress) && f.xdsClientCA == "" && !f.insecureXDS {
		secrets := "private keys"
		if !f.roles.has("xds") {
			secrets = "what callers prove themselves by"
		}
		return usagef("--xds-address %s can be reached from other machines, and %s travel there: "+
			"give --xds-cert, --xds-key and --xds-client-ca, or --insecure-xds if the network is private", f.xdsAddress, secrets)
	}
	return f.checkIntegration()
}

// checkAddresses refuses what is no address, before anything is said of who reaches it.
func (f *serveFlags) checkAddresses() error {
	addresses := map[string]string{"--xds-address": f.xdsAddress, "--http-address": f.httpAddress}
	for flag, address := range map[string]string{"--integration-address": f.integrationAddress, "--metrics-address": f.metricsAddress} {
		if address != "" {
			addresses[flag] = address
		}
	}
	for flag, address := range addresses {
		if (flag == "--xds-address" || flag == "--integration-address") && strings.HasPrefix(address, xds.UnixPrefix) {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return usagef("%s: %w", flag, err)
		}
	}
	return nil
}

// asksForCredentials reports whether callers of --http-address show any: those who sign
// their calls of the management API, or sign in to the dashboard beside it.
func (f *serveFlags) asksForCredentials() bool {
	open := loopback(f.httpAddress)
	if f.management.openChosen != nil && f.management.openChosen() {
		open = f.management.open
	}
	return f.roles.has("management") && !open || f.dashboard.issuer != ""
}

// definitions gives the paths of a command line. Those whose only role is to count by
// files of rate limits need none, nor those who know what the management API keeps.
func (f *serveFlags) definitions(paths []string) ([]string, error) {
	countsOnly := len(f.limitFiles.paths) > 0 && slices.Equal(f.roles.names(), []string{"ratelimit"})
	managed := f.roles.has("management") || len(f.management.etcd.endpoints) > 0
	if len(paths) == 0 && (countsOnly || managed) {
		if _, err := os.Stat(defaultPath); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	return pathsOrDefault(paths)
}

// loopback reports whether only this machine reaches an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "serve [PATH…]",
		GroupID: groupServe,
		Short:   "Serve definitions to Envoys that connect",
		Long: "Serve is the control plane: it reads definitions, watches them, and sends what they\n" +
			"become to every Envoy that was started with 'gatehouse bootstrap'. SIGHUP reads them\n" +
			"again. Without a path it reads " + defaultPath + ".\n\n" +
			"With --roles it is a part of that, so that each part can run on machines of its own,\n" +
			"several times. Every process reads the same definitions; those of a gateway say where\n" +
			"its Envoys find what runs apart (services). Where ratelimit is the only role and has\n" +
			"files of its own (--ratelimit-config), definitions may be left out.\n\n" + rolesHelp(),
		Example: "  gatehouse serve gatehouse.yaml\n" +
			"  gatehouse serve --roles extauthz --xds-address 127.0.0.1:18002 --http-address 127.0.0.1:8002 gatehouse.yaml\n" +
			"  gatehouse serve --roles ratelimit --ratelimit-config limits/\n" +
			"  gatehouse serve --xds-address 0.0.0.0:18000 --xds-cert cp.pem --xds-key cp.key --xds-client-ca envoys.pem apis/",
	}
	var flags serveFlags
	flags.add(cmd, "127.0.0.1:18000")
	flags.addTLS(cmd)
	flags.addRoles(cmd)
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		c, err := newControlPlane(cmd.Context(), loaderOptions(cmd), flags, paths, flags.log.logger(cmd.ErrOrStderr()), cmd.OutOrStdout())
		if err != nil {
			return err
		}
		return c.run(cmd.Context(), func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		})
	}
	return cmd
}
