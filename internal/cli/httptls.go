package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/spf13/pflag"
)

// httpTLSFlags are about TLS on --http-address.
type httpTLSFlags struct {
	cert, key string
	insecure  bool
}

func (f *httpTLSFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.cert, "http-tls-cert", "", "certificate to show at --http-address, PEM file; it is read again when it is replaced")
	flags.StringVar(&f.key, "http-tls-key", "", "key of --http-tls-cert, PEM file")
	flags.BoolVar(&f.insecure, "insecure-http", false, "let API keys and all else that --http-address answers travel as plain text: the network is private, or a proxy has TLS")
}

// check refuses to ask for credentials where others may listen in.
func (f *httpTLSFlags) check(address string, asks bool) error {
	if (f.cert == "") != (f.key == "") {
		return usagef("--http-tls-cert and --http-tls-key go together")
	}
	if f.cert != "" && f.insecure {
		return usagef("--insecure-http and --http-tls-cert contradict each other")
	}
	if asks && f.cert == "" && !f.insecure && !loopback(address) {
		return usagef("--http-address %s can be reached from other machines, asks for credentials, and answers API keys: "+
			"give --http-tls-cert and --http-tls-key, or --insecure-http if the network is private or a proxy has TLS", address)
	}
	if f.cert == "" {
		return nil
	}
	_, err := f.config()
	return err
}

func (f *httpTLSFlags) scheme() string {
	if f.cert == "" {
		return "http"
	}
	return "https"
}

// config reads the certificate as it is now.
func (f *httpTLSFlags) config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("--http-tls-cert and --http-tls-key: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// serve answers on the socket, by TLS if there is a certificate. It is read for each
// connection, so that a renewed one needs no restart; while it cannot be read, the last one
// that could serves on.
func (f *httpTLSFlags) serve(server *http.Server, socket net.Listener) error {
	if f.cert == "" {
		return server.Serve(socket)
	}
	last := make(chan *tls.Config, 1)
	first, err := f.config()
	if err != nil {
		return errors.Join(err, socket.Close())
	}
	last <- first
	server.TLSConfig = first.Clone()
	server.TLSConfig.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		config := <-last
		if fresh, err := f.config(); err == nil {
			config = fresh
		}
		last <- config
		return config, nil
	}
	return server.ServeTLS(socket, "", "")
}
