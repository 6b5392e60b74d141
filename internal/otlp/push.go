// Package otlp reports a process's own metrics and spans, and lines of logs, to a collector, by OpenTelemetry's
// protocol. Where the collector is, the environment says as it does for any other program
// (OTEL_EXPORTER_OTLP_*). Nobody ever waits for it.
package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// warnEvery is how often a collector that does not answer is complained about.
const warnEvery = time.Minute

// Options configure a Push.
type Options struct {
	// Endpoint is the collector's URL; empty for what the environment says.
	Endpoint string
	// Metrics are pushed, Registerer is where what became of pushes is counted.
	Metrics    prometheus.Gatherer
	Registerer prometheus.Registerer
	Log        *slog.Logger
	Version    string
	// Instance tells this process from others that report to the same collector, which takes
	// their metrics for one process's without it.
	Instance string
}

// Push reports until Close. A nil one reports nothing.
type Push struct {
	metrics *metric.MeterProvider
	spans   *sdktrace.TracerProvider
	lines   *lineSender
}

// Wanted reports whether there is a collector.
func Wanted(endpoint string) bool {
	return wanted(endpoint, "METRICS") || wanted(endpoint, "TRACES") || wanted(endpoint, "LOGS")
}

// wanted reports whether there is a collector for a signal.
func wanted(endpoint, signal string) bool {
	return cmp.Or(endpoint, os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT")) != ""
}

// Start begins to report; it gives nil where there is no collector. One that does not
// answer is no error: it may come later.
func Start(ctx context.Context, o Options) (*Push, error) {
	if !Wanted(o.Endpoint) || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	if err := checkCertificates(); err != nil {
		return nil, err
	}
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_otlp_exports_total", Help: "Exports to the OTLP collector by signal and result: sent, or lost.",
	}, []string{"signal", "result"})
	ended := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "gatehouse_otlp_spans_ended_total", Help: "Spans of this process that were to be sent to the OTLP collector.",
	})
	sent := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "gatehouse_otlp_spans_sent_total", Help: "Spans of this process that the OTLP collector has taken. Others are waiting, or dropped.",
	})
	o.Registerer.MustRegister(results, ended, sent)
	of, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "gatehouse"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Instance),
	), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	told := &complaints{log: o.Log}
	// The libraries' own reports name the collector, and at times what it said: once.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(told.tell))
	p := &Push{}
	if wanted(o.Endpoint, "METRICS") {
		exporter, err := metricExporter(ctx, o.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("the collector for metrics: %w", err)
		}
		toBeCounted(results, "metrics")
		reader := metric.NewPeriodicReader(countedMetrics{exporter, results}, metric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(o.Metrics))))
		p.metrics = metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(of))
	}
	if wanted(o.Endpoint, "TRACES") {
		exporter, err := spanExporter(ctx, o.Endpoint)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the collector for traces: %w", err), p.Close(ctx))
		}
		toBeCounted(results, "traces")
		p.spans = sdktrace.NewTracerProvider(
			// Envoys decide, by what stages say.
			sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())), sdktrace.WithResource(of),
			sdktrace.WithSpanProcessor(counted{ended}), sdktrace.WithBatcher(countedSpans{exporter, results, sent}))
	}
	if wanted(o.Endpoint, "LOGS") {
		exporter, err := lineExporter(ctx, o.Endpoint)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the collector for logs: %w", err), p.Close(ctx))
		}
		toBeCounted(results, "logs")
		p.lines = newLineSender(exporter, of, results)
	}
	return p, nil
}

// byHTTP reports whether a signal goes over HTTP, as the environment says; gRPC is the
// default, as of Envoy's own.
func byHTTP(signal string) bool {
	protocol := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"))
	return strings.HasPrefix(protocol, "http/")
}

// at gives the option that names a collector; none where the environment does.
func at[O any](url string, option func(url string) O) []O {
	if url == "" {
		return nil
	}
	return []O{option(url)}
}

// httpURL is where a signal goes over HTTP.
func httpURL(endpoint, signal string) string {
	if endpoint == "" {
		return ""
	}
	return strings.TrimSuffix(endpoint, "/") + "/v1/" + signal
}

func metricExporter(ctx context.Context, endpoint string) (metric.Exporter, error) {
	if byHTTP("METRICS") {
		return otlpmetrichttp.New(ctx, at(httpURL(endpoint, "metrics"), otlpmetrichttp.WithEndpointURL)...)
	}
	return otlpmetricgrpc.New(ctx, at(endpoint, otlpmetricgrpc.WithEndpointURL)...)
}

func spanExporter(ctx context.Context, endpoint string) (sdktrace.SpanExporter, error) {
	if byHTTP("TRACES") {
		return otlptracehttp.New(ctx, at(httpURL(endpoint, "traces"), otlptracehttp.WithEndpointURL)...)
	}
	return otlptracegrpc.New(ctx, at(endpoint, otlptracegrpc.WithEndpointURL)...)
}

// Tracer makes spans that are reported; nil where none are.
func (p *Push) Tracer() trace.Tracer {
	if p == nil || p.spans == nil {
		return nil
	}
	return p.spans.Tracer("gatehouse")
}

// Close reports what is left, as long as the context lets it.
func (p *Push) Close(ctx context.Context) error {
	if p == nil {
		return nil
	}
	var metrics, spans, lines error
	var ending sync.WaitGroup
	if p.metrics != nil {
		ending.Go(func() { metrics = p.metrics.Shutdown(ctx) })
	}
	if p.spans != nil {
		ending.Go(func() { spans = p.spans.Shutdown(ctx) })
	}
	if p.lines != nil {
		// Its writers are closed before: nothing waits here.
		ending.Go(func() { lines = p.lines.exporter.Shutdown(ctx) })
	}
	ending.Wait()
	return errors.Join(metrics, spans, lines)
}

// toBeCounted has a signal's counters be there from the start on: one that comes to be with the
// first loss has not increased, to Prometheus.
func toBeCounted(results *prometheus.CounterVec, signal string) {
	results.WithLabelValues(signal, "sent")
	results.WithLabelValues(signal, "lost")
}

func count(results *prometheus.CounterVec, signal string, err error) {
	result := "sent"
	if err != nil {
		result = "lost"
	}
	results.WithLabelValues(signal, result).Inc()
}

type countedMetrics struct {
	metric.Exporter
	results *prometheus.CounterVec
}

func (c countedMetrics) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	err := c.Exporter.Export(ctx, m)
	count(c.results, "metrics", err)
	return err
}

type countedSpans struct {
	sdktrace.SpanExporter
	results *prometheus.CounterVec
	sent    prometheus.Counter
}

func (c countedSpans) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	count(c.results, "traces", err)
	if err == nil {
		c.sent.Add(float64(len(spans)))
	}
	return err
}

// counted counts spans as they end, before any of them is dropped.
type counted struct{ ended prometheus.Counter }

func (c counted) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (c counted) OnEnd(sdktrace.ReadOnlySpan)                     { c.ended.Inc() }
func (c counted) Shutdown(context.Context) error                  { return nil }
func (c counted) ForceFlush(context.Context) error                { return nil }

// complaints tells about a collector once in a while.
type complaints struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
}

func (c *complaints) tell(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); c.last.IsZero() || now.Sub(c.last) > warnEvery {
		c.last = now
		c.log.Warn("the OTLP collector did not take what it was sent", "error", err)
	}
}
