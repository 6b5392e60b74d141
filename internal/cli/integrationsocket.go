package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"gatehouse/xds"
)

// unixPrefix begins addresses that are the path of a socket.
const unixPrefix = "unix:"

// integrationAt is where the integration service listens.
func (f *serveFlags) integrationAt() (string, error) {
	if f.integrationAddress != "" {
		return f.integrationAddress, nil
	}
	next, err := xds.NextPort(f.xdsAddress)
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
	if !strings.HasPrefix(address, unixPrefix) && !loopback(address) && f.xdsClientCA == "" && !f.insecureXDS {
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
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return listenUnix(path)
	}
	l, err := listen("--integration-address", address)
	if err != nil || f.xdsCert == "" {
		return l, err
	}
	config := f.renewingTLS()
	config.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(l, config), nil
}

// listenUnix opens a socket that only this user may use. One that a process left behind
// is replaced; one that somebody serves is not.
func listenUnix(path string) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		return nil, errors.Join(fmt.Errorf("--integration-address: %s is in use by another program", path), c.Close())
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("--integration-address: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("--integration-address: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("--integration-address: %w", err), l.Close())
	}
	return l, nil
}
