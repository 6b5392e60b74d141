package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"gatehouse/internal/encoded"
	"gatehouse/xds"
)

// xdsServerOptions are those of the server for Envoys. It speaks TLS, if that is asked for.
func xdsServerOptions(flags serveFlags) ([]grpc.ServerOption, error) {
	options := append(xds.ServerOptions(), encoded.ServerOption())
	if flags.xdsCert == "" {
		return options, nil
	}
	// Read once to tell of mistakes now, and again for every connection, so that
	// renewed certificates need no restart. Envoys connect seldom.
	if _, err := flags.tlsConfig(); err != nil {
		return nil, err
	}
	return append(options, grpc.Creds(credentials.NewTLS(flags.renewingTLS()))), nil
}

// renewingTLS reads the certificates again for each connection.
func (f *serveFlags) renewingTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return f.tlsConfig()
		},
	}
}

func (f *serveFlags) tlsConfig() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.xdsCert, f.xdsKey)
	if err != nil {
		return nil, fmt.Errorf("--xds-cert and --xds-key: %w", err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2"},
	}
	if f.xdsClientCA == "" {
		return config, nil
	}
	authorities, err := os.ReadFile(f.xdsClientCA)
	if err != nil {
		return nil, fmt.Errorf("--xds-client-ca: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("--xds-client-ca: %w", errors.New("no certificate in "+f.xdsClientCA))
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
