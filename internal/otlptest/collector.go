// Package otlptest has a collector for tests: a real gRPC server of OpenTelemetry's
// protocol, which keeps what it is sent.
package otlptest

import (
	"context"
	"encoding/hex"
	"net"
	"sync"
	"testing"
	"time"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Collector is a collector. It is safe for concurrent use.
type Collector struct {
	// Address is where it listens.
	Address *net.TCPAddr

	server *grpc.Server
	mu     sync.Mutex
	// hang, while it is not nil, is what calls wait for.
	hang    chan struct{}
	spans   []Span
	metrics []*metricspb.Metric
	logs    []*logspb.LogRecord
	headers metadata.MD
	// resource is who the last metrics are of.
	resource map[string]string
}

// Span is one that was reported, with its ids in hexadecimal.
type Span struct {
	Service, Name, Trace, ID, Parent string
	Kind                             tracepb.Span_SpanKind
	Attributes                       map[string]string
	Span                             *tracepb.Span
}

// Start starts a collector, with TLS or what else the options say.
func Start(t testing.TB, options ...grpc.ServerOption) *Collector {
	t.Helper()
	return StartOn(t, "127.0.0.1:0", options...)
}

// StartOn is Start with the address chosen.
func StartOn(t testing.TB, address string, options ...grpc.ServerOption) *Collector {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{Address: l.Addr().(*net.TCPAddr), server: grpc.NewServer(options...)}
	collectortrace.RegisterTraceServiceServer(c.server, traces{c: c})
	collectormetrics.RegisterMetricsServiceServer(c.server, metrics{c: c})
	collectorlogs.RegisterLogsServiceServer(c.server, logs{c: c})
	go c.server.Serve(l)
	t.Cleanup(c.Stop)
	return c
}

// Stop ends it, with all its connections.
func (c *Collector) Stop() {
	c.Hang(false)
	c.server.Stop()
}

// Hang has calls wait until it is told otherwise.
func (c *Collector) Hang(hang bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hang != nil {
		close(c.hang)
		c.hang = nil
	}
	if hang {
		c.hang = make(chan struct{})
	}
}

// received begins a call.
func (c *Collector) received(ctx context.Context) error {
	c.mu.Lock()
	hang := c.hang
	c.headers, _ = metadata.FromIncomingContext(ctx)
	c.mu.Unlock()
	if hang == nil {
		return nil
	}
	select {
	case <-hang:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Header is a header of the last call.
func (c *Collector) Header(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers.Get(name)
}

// Spans are all that were reported so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Resource is an attribute of who sent the last metrics, "" for none.
func (c *Collector) Resource(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resource[name]
}

// Logs are all records so far.
func (c *Collector) Logs() []*logspb.LogRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*logspb.LogRecord(nil), c.logs...)
}

// Metric is the last one of a name, or nil.
func (c *Collector) Metric(name string) *metricspb.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.metrics) - 1; i >= 0; i-- {
		if c.metrics[i].Name == name {
			return c.metrics[i]
		}
	}
	return nil
}

// Wait waits until something holds, or the test has waited long enough.
func (c *Collector) Wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the collector was not sent %s", what)
		}
	}
}

type traces struct {
	collectortrace.UnimplementedTraceServiceServer
	c *Collector
}

func (s traces) Export(ctx context.Context, r *collectortrace.ExportTraceServiceRequest) (*collectortrace.ExportTraceServiceResponse, error) {
	if err := s.c.received(ctx); err != nil {
		return nil, err
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, of := range r.ResourceSpans {
		service := attributes(of.GetResource().GetAttributes())["service.name"]
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				s.c.spans = append(s.c.spans, Span{
					Service: service, Name: span.Name, Trace: hex.EncodeToString(span.TraceId), ID: hex.EncodeToString(span.SpanId),
					Parent: hex.EncodeToString(span.ParentSpanId), Kind: span.Kind, Attributes: attributes(span.Attributes), Span: span,
				})
			}
		}
	}
	return &collectortrace.ExportTraceServiceResponse{}, nil
}

func attributes(list []*commonpb.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, a := range list {
		texts[a.Key] = a.Value.GetStringValue()
		if texts[a.Key] == "" {
			texts[a.Key] = a.Value.String()
		}
	}
	return texts
}

type metrics struct {
	collectormetrics.UnimplementedMetricsServiceServer
	c *Collector
}

func (s metrics) Export(ctx context.Context, r *collectormetrics.ExportMetricsServiceRequest) (*collectormetrics.ExportMetricsServiceResponse, error) {
	if err := s.c.received(ctx); err != nil {
		return nil, err
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, of := range r.ResourceMetrics {
		s.c.resource = attributes(of.GetResource().GetAttributes())
		for _, scope := range of.ScopeMetrics {
			s.c.metrics = append(s.c.metrics, scope.Metrics...)
		}
	}
	return &collectormetrics.ExportMetricsServiceResponse{}, nil
}

type logs struct {
	collectorlogs.UnimplementedLogsServiceServer
	c *Collector
}

func (s logs) Export(ctx context.Context, r *collectorlogs.ExportLogsServiceRequest) (*collectorlogs.ExportLogsServiceResponse, error) {
	if err := s.c.received(ctx); err != nil {
		return nil, err
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, of := range r.ResourceLogs {
		for _, scope := range of.ScopeLogs {
			s.c.logs = append(s.c.logs, scope.LogRecords...)
		}
	}
	return &collectorlogs.ExportLogsServiceResponse{}, nil
}
