package otlp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"gatehouse/internal/obs"
	"gatehouse/internal/otlp"
	"gatehouse/internal/otlptest"
	"gatehouse/internal/outputtest"
)

const context1 = "00-0af7651916cd43dd8448eb211c80319c-53995c3f42cd8ad8-01"

// certificate is one of 127.0.0.1, with the file of its authority, itself.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// value is that of a counter with these values of labels, by their names in order.
func value(t *testing.T, from prometheus.Gatherer, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			text := ""
			for _, l := range m.GetLabel() {
				text += l.GetValue() + " "
			}
			if family.GetName() == name && text == strings.Join(append(labels, ""), " ") {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// TestPush holds that metrics and sampled spans get to a collector over TLS, with the
// headers of the environment, and that one that hangs, dies and comes back holds nobody up.
func TestPush(t *testing.T) {
	pair, ca := certificate(t)
	secure := grpc.Creds(credentials.NewServerTLSFromCert(&pair))
	c := otlptest.Start(t, secure)
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "https://" + c.Address.String(), "OTEL_EXPORTER_OTLP_CERTIFICATE": ca, "OTEL_EXPORTER_OTLP_HEADERS": "x-key=s3cret",
		"OTEL_METRIC_EXPORT_INTERVAL": "50", "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_TIMEOUT": "200", "OTEL_METRIC_EXPORT_TIMEOUT": "500", "OTEL_BSP_EXPORT_TIMEOUT": "500", "OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "50",
		"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
	} {
		t.Setenv(name, value)
	}
	registry, logged := prometheus.NewRegistry(), &outputtest.Buffer{}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}, []string{"stage"})
	registry.MustRegister(requests)
	requests.WithLabelValues("v1").Add(7)
	p, err := otlp.Start(t.Context(), otlp.Options{Metrics: registry, Registerer: registry, Log: slog.New(slog.NewTextHandler(logged, nil)), Version: "v1", Instance: "host:8001"})
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	spans := func(n int) {
		for range n {
			_, span := obs.Span(t.Context(), p.Tracer(), context1, "sampled")
			span.End()
		}
	}
	for _, other := range []string{"", "nonsense", strings.TrimSuffix(context1, "1") + "0"} {
		_, span := obs.Span(t.Context(), p.Tracer(), other, "not sampled")
		span.End()
	}
	c.Wait(t, "the metric and the span", func() bool {
		if len(c.Spans()) == 0 {
			// One that a busy machine does not get through in time is dropped.
			spans(1)
		}
		return c.Metric("requests_total") != nil && len(c.Spans()) > 0
	})
	points := c.Metric("requests_total").GetSum().GetDataPoints()
	if len(points) != 1 || points[0].GetAsDouble() != 7 || points[0].GetAttributes()[0].GetValue().GetStringValue() != "v1" {
		t.Error(points)
	}
	for name, want := range map[string]string{"service.name": "gatehouse", "service.version": "v1", "service.instance.id": "host:8001", "deployment.environment": "test"} {
		if got := c.Resource(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if span := c.Spans()[0]; span.Name != "sampled" || span.Service != "gatehouse" || span.Trace != context1[3:35] || span.Parent != context1[36:52] {
		t.Error(c.Spans())
	}
	for _, span := range c.Spans() {
		if span.Name != "sampled" {
			t.Errorf("%s was sent", span.Name)
		}
	}
	if got := c.Header("x-key"); len(got) != 1 || got[0] != "s3cret" {
		t.Error(got)
	}

	c.Hang(true)
	begin := time.Now()
	spans(5000)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("5000 spans took %v", took)
	}
	c.Wait(t, "what is lost", func() bool { return value(t, registry, "gatehouse_otlp_exports_total", "lost", "metrics") > 0 })
	address := c.Address.String()
	c.Stop()
	spans(100)
	back := otlptest.StartOn(t, address, secure)
	requests.WithLabelValues("v1").Add(1)
	back.Wait(t, "what is new", func() bool {
		spans(1)
		points := back.Metric("requests_total").GetSum().GetDataPoints()
		return len(points) == 1 && points[0].GetAsDouble() == 8 && len(back.Spans()) > 0
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
	ended, sent := value(t, registry, "gatehouse_otlp_spans_ended_total"), value(t, registry, "gatehouse_otlp_spans_sent_total")
	if got := float64(len(c.Spans()) + len(back.Spans())); ended < 5102 || sent > got || sent == 0 || sent > 2000 {
		t.Errorf("%v spans ended, %v were sent, %v are there", ended, sent, got)
	}
	if text := logged.String(); !strings.Contains(text, "did not take") || strings.Count(text, "\n") > 2 || strings.Contains(text, "s3cret") {
		t.Errorf("logged\n%s", text)
	}
}

func TestNobodyWantsIt(t *testing.T) {
	p, err := otlp.Start(t.Context(), otlp.Options{Registerer: prometheus.NewRegistry()})
	if p != nil || err != nil || p.Tracer() != nil || p.Close(t.Context()) != nil {
		t.Error(p, err)
	}
}
