package codeflow

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"time"
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
	return &http.Client{Transport: bounded{transport}, Timeout: timeout}, nil
}

// bounded cuts answers off that are larger than any of a provider.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxBytes), answer.Body}
	return answer, nil
}
