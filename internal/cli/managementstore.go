package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/pflag"

	"gatehouse/gateway"
	"gatehouse/management/store/etcd"
)

// etcdFlags say where what the management API keeps is, if not in the data directory.
type etcdFlags struct {
	endpoints     []string
	ca, cert, key string
	insecure      bool
}

// The user of the cluster comes from the environment only: command lines are seen by
// everyone on the machine.
const (
	etcdUserEnv     = envPrefix + "ETCD_USER"
	etcdPasswordEnv = envPrefix + "ETCD_PASSWORD"
)

func (f *etcdFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.endpoints, "etcd-endpoints", nil, "URLs of an etcd cluster that keeps what the management API is told, for several processes; without it that is kept in the data directory, for this process. The user is "+etcdUserEnv+", the password "+etcdPasswordEnv)
	flags.StringVar(&f.ca, "etcd-ca", "", "authorities that certificates of --etcd-endpoints are verified with, PEM file (default the system's)")
	flags.StringVar(&f.cert, "etcd-cert", "", "certificate to show to --etcd-endpoints, PEM file")
	flags.StringVar(&f.key, "etcd-key", "", "key of --etcd-cert, PEM file")
	flags.BoolVar(&f.insecure, "insecure-etcd", false, "let API keys and all else that the management API keeps travel to --etcd-endpoints on other machines as plain text")
}

func (f *etcdFlags) check() error {
	if len(f.endpoints) == 0 {
		if f.ca != "" || f.cert != "" || f.key != "" || f.insecure {
			return usagef("--etcd-ca, --etcd-cert, --etcd-key and --insecure-etcd need --etcd-endpoints")
		}
		return nil
	}
	if (f.cert == "") != (f.key == "") {
		return usagef("--etcd-cert and --etcd-key go together")
	}
	secured := 0
	for _, endpoint := range f.endpoints {
		u, err := url.Parse(endpoint)
		if err == nil && u.User != nil {
			return usagef("--etcd-endpoints: a URL has a user, or a password: give them as %s and %s", etcdUserEnv, etcdPasswordEnv)
		}
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Path != "" && u.Path != "/" {
			return usagef("--etcd-endpoints: %q is not a URL such as https://etcd-1.example:2379", endpoint)
		}
		if u.Scheme == "https" {
			secured++
			continue
		}
		if !loopback(u.Host) && !f.insecure {
			return usagef("--etcd-endpoints %s is on another machine, and API keys travel there: use https, or --insecure-etcd if the network is private", endpoint)
		}
	}
	if secured != 0 && secured != len(f.endpoints) {
		return usagef("--etcd-endpoints are either all https or all http")
	}
	if secured == 0 && (f.ca != "" || f.cert != "") {
		return usagef("--etcd-ca and --etcd-cert are for --etcd-endpoints with https")
	}
	return nil
}

func (f *etcdFlags) tlsConfig() (*tls.Config, error) {
	if u, err := url.Parse(f.endpoints[0]); err != nil || u.Scheme != "https" {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		authorities, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("--etcd-ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("--etcd-ca: %w", errors.New("no certificate in "+f.ca))
		}
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("--etcd-cert and --etcd-key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// connect opens the cluster's store.
func (f *etcdFlags) connect(ctx context.Context, log *slog.Logger) (*etcd.Store, error) {
	config, err := f.tlsConfig()
	if err != nil {
		return nil, err
	}
	return etcd.Connect(ctx, etcd.Cluster{
		Endpoints: f.endpoints, TLS: config,
		User: os.Getenv(etcdUserEnv), Password: gateway.Secret(os.Getenv(etcdPasswordEnv)),
	}, log)
}

// embeddedStore is where a data directory has what the management API keeps.
func embeddedStore(dataDir string) string { return filepath.Join(dataDir, "etcd") }

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)
