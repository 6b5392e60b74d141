package otlp

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

// exportTimeout bounds how long a collector is waited for, tries again included. The
// environment may say less.
const exportTimeout = 10 * time.Second

// lineSender sends lines as records. Who has lines waits for the collector: it is who keeps
// those that come meanwhile, and counts what is lost.
type lineSender struct {
	exporter sdklog.Exporter
	provider *sdklog.LoggerProvider
	results  *prometheus.CounterVec
}

func newLineSender(exporter sdklog.Exporter, of *resource.Resource, results *prometheus.CounterVec) *lineSender {
	return &lineSender{exporter, sdklog.NewLoggerProvider(sdklog.WithResource(of), sdklog.WithProcessor(gatherer{})), results}
}

// TakesLines reports whether a collector wants lines of logs.
func (p *Push) TakesLines() bool { return p != nil && p.lines != nil }

// Lines is where the lines of a log go, each as the body of a record with these attributes, in
// pairs of a name and a value; nil where no collector wants them. Write gives an error when
// the collector has not taken the lines. It is for one goroutine at a time.
func (p *Push) Lines(attributes ...string) io.Writer {
	if !p.TakesLines() {
		return nil
	}
	w := &lineWriter{lineSender: p.lines, logger: p.lines.provider.Logger("gatehouse")}
	for i := 0; i+1 < len(attributes); i += 2 {
		w.attributes = append(w.attributes, attribute.String(attributes[i], attributes[i+1]))
	}
	return w
}

type lineWriter struct {
	*lineSender
	logger     log.Logger
	attributes []attribute.KeyValue
}

func (w *lineWriter) Write(text []byte) (int, error) {
	var records []sdklog.Record
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), gathered{}, &records), exportTimeout)
	defer cancel()
	now := time.Now()
	for line := range bytes.Lines(text) {
		var r log.Record
		r.SetTimestamp(now)
		r.SetObservedTimestamp(now)
		r.SetSeverity(log.SeverityInfo)
		r.SetBody(attribute.StringValue(strings.ToValidUTF8(string(bytes.TrimSuffix(line, []byte{'\n'})), "\uFFFD")))
		r.AddAttributes(w.attributes...)
		w.logger.Emit(ctx, r)
	}
	err := w.exporter.Export(ctx, records)
	count(w.results, "logs", err)
	if err != nil {
		return 0, err
	}
	return len(text), nil
}

// gatherer gives the records of a context to who has made it: the library's own processors
// drop what they have no room for, and do not say how much.
type gatherer struct{}

type gathered struct{}

func (gatherer) OnEmit(ctx context.Context, r *sdklog.Record) error {
	if to, ok := ctx.Value(gathered{}).(*[]sdklog.Record); ok {
		*to = append(*to, r.Clone())
	}
	return nil
}

func (gatherer) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (gatherer) Shutdown(context.Context) error                         { return nil }
func (gatherer) ForceFlush(context.Context) error                       { return nil }

func lineExporter(ctx context.Context, endpoint string) (sdklog.Exporter, error) {
	if byHTTP("LOGS") {
		return otlploghttp.New(ctx, at(httpURL(endpoint, "logs"), otlploghttp.WithEndpointURL)...)
	}
	return otlploggrpc.New(ctx, at(endpoint, otlploggrpc.WithEndpointURL)...)
}
