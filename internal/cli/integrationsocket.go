package cli

import (
	"crypto/tls"
	"net"
	"strings"

	"gatehouse/xds"
)

// integrationAt is where the integration service listens.
func (f *serveFlags) integrationAt() (string, error) {
	if f.integrationAddress != "" {
		return f.integrationAddress, nil
	}
	next, err := xds.Beside(f.xdsAddress)
	if err != nil {
		return "", usagef("--integration-address: %w", err)
	}
	return next, nil
}

// checkIntegration refuses to let strangers call functions as if they were an Envoy.
func (f *serveFlags) checkIntegration() error {
	if !f.roles.has("integration") {
		return nil
	}
	address, err := f.integrationAt()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(address, xds.UnixPrefix) && !loopback(address) && f.xdsClientCA == "" && !f.insecureXDS {
		return usagef("--integration-address %s can be reached from other machines, and who reaches it may call every function: "+
			"give --xds-cert, --xds-key and --xds-client-ca, or --insecure-xds if the network is private", address)
	}
	return nil
}

// listenIntegration opens the socket of the integration service, with the same TLS as that
// of xDS.
func (f *serveFlags) listenIntegration() (net.Listener, error) {
	address, err := f.integrationAt()
	if err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(address, xds.UnixPrefix); ok {
		return listenUnix("--integration-address", path)
	}
	l, err := listen("--integration-address", address)
	if err != nil || f.xdsCert == "" {
		return l, err
	}
	config := f.renewingTLS()
	config.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(l, config), nil
}
