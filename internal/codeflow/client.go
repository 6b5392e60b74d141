package codeflow

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"gatehouse/internal/bounded"
)

// Bounds of a question to a provider, and of what it answers.
const (
	timeout  = 10 * time.Second
	maxBytes = 1 << 20
)

// NewClient gives what asks a provider. A ca is certificates in PEM that it is verified by,
// in place of the system's.
func NewClient(ca string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, errors.New("ca has no certificate")
		}
	}
	return &http.Client{Transport: bounded.Transport{RoundTripper: transport, Limit: maxBytes}, Timeout: timeout}, nil
}
