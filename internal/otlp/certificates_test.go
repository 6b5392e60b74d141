package otlp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"gatehouse/internal/otlp"
	"gatehouse/internal/otlptest"
	"gatehouse/internal/proctest"
)

// TestCertificates holds that a collector is known by its certificate, and knows us by ours, and
// that files which cannot be used are told of at the start.
func TestCertificates(t *testing.T) {
	pair, ca := certificate(t)
	_, otherCA := certificate(t)
	client, clientFile := certificate(t)
	der, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, garbage, gone := filepath.Join(dir, "client.key"), filepath.Join(dir, "garbage"), filepath.Join(dir, "gone")
	for file, text := range map[string][]byte{key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), garbage: []byte("garbage")} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clients := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(client.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	clients.AddCert(leaf)
	c := otlptest.Start(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	})))
	const own, ours, oursKey = "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"
	for _, e := range []struct {
		name  string
		files map[string]string
		// What is said at the start, or of the first lines that are sent.
		starts, sends string
	}{
		{"both sides known", map[string]string{own: ca, ours: clientFile, oursKey: key}, "", ""},
		{"another authority", map[string]string{own: otherCA, ours: clientFile, oursKey: key}, "", "x509: certificate signed by unknown authority"},
		{"no authority", map[string]string{ours: clientFile, oursKey: key}, "", "x509: certificate signed by unknown authority"},
		{"no certificate of ours", map[string]string{own: ca}, "", "rpc error"},
		{"no such file", map[string]string{own: gone}, "OTEL_EXPORTER_OTLP_CERTIFICATE: open " + gone, ""},
		{"no certificate in it", map[string]string{"LOGS_" + own: garbage}, "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE: " + garbage + " has no certificate", ""},
		{"no key", map[string]string{own: ca, ours: clientFile}, "OTEL_EXPORTER_OTLP_CLIENT_KEY have no effect without each other", ""},
		{"no such key", map[string]string{own: ca, ours: clientFile, oursKey: gone}, "OTEL_EXPORTER_OTLP_CLIENT_KEY: open " + gone, ""},
	} {
		t.Run(e.name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300")
			if e.sends == "" {
				t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "10000")
			}
			for name, file := range e.files {
				t.Setenv("OTEL_EXPORTER_OTLP_"+name, file)
			}
			registry := prometheus.NewRegistry()
			p, err := otlp.Start(t.Context(), otlp.Options{Endpoint: "https://" + c.Address.String(), Metrics: registry, Registerer: registry, Log: slog.New(slog.DiscardHandler)})
			if !says(err, e.starts) {
				t.Fatalf("the start says %v", err)
			}
			if p == nil {
				return
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			defer p.Close(ended)
			lines := p.Lines("gatehouse.log", "access")
			_, err = lines.Write([]byte("one\n"))
			// A busy machine may have no time to connect before the line's ends.
			for end := time.Now().Add(proctest.Patience); e.sends != "" && err != nil && !says(err, e.sends) && time.Now().Before(end); {
				_, err = lines.Write([]byte("one\n"))
			}
			if !says(err, e.sends) {
				t.Errorf("sending says %v", err)
			}
		})
	}
	if n := len(c.Logs()); n != 1 {
		t.Errorf("the collector has taken %d lines", n)
	}
}

// says reports whether an error has a text in it, or with "" is none.
func says(err error, text string) bool {
	if err == nil || text == "" {
		return err == nil && text == ""
	}
	return strings.Contains(err.Error(), text)
}
