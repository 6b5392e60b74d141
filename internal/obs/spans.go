// Package obs lets services tell what they do for a request that an Envoy traces.
package obs

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

const traceHeader = "X-Amzn-Trace-Id"

// unrecorded is a span that tells nobody anything.
var unrecorded = trace.SpanFromContext(context.Background())

// Span begins a span of the request that an Envoy asks for, if that one is sampled: the
// Envoy's header says so. Without a tracer, or a header, it costs next to nothing.
func Span(ctx context.Context, tracer trace.Tracer, traceparent, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	if tracer == nil || traceparent == "" {
		return ctx, unrecorded
	}
	parent := propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
	if !trace.SpanContextFromContext(parent).IsSampled() {
		return ctx, unrecorded
	}
	return tracer.Start(parent, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
}

// CallSpan begins a span of a gRPC call: an Envoy tells of its own span of that, where it
// makes one.
func CallSpan(ctx context.Context, tracer trace.Tracer, name string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	return Span(ctx, tracer, strings.Join(metadata.ValueFromIncomingContext(ctx, "traceparent"), ","), name, attributes...)
}

type xrayKey struct{}

// WithXRay has calls of AWS's services tell about a trace, by the value of X-Amzn-Trace-Id.
func WithXRay(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, xrayKey{}, header)
}

// Follow gives a context that ends when the first one does, and not when the second one does,
// whose trace it is part of: for what is done for a request, and may outlive it.
func Follow(life, request context.Context) context.Context {
	if span := trace.SpanFromContext(request); span.IsRecording() {
		life = trace.ContextWithSpan(life, span)
	}
	if xray, ok := request.Value(xrayKey{}).(string); ok {
		life = WithXRay(life, xray)
	}
	return life
}

// Transport has calls that are made for a request be spans of its own.
func Transport(base http.RoundTripper) http.RoundTripper { return transport{base} }

type transport struct{ http.RoundTripper }

// CloseIdleConnections has an http.Client do so with those of what it wraps.
func (t transport) CloseIdleConnections() {
	if c, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper. The span ends when the answer begins.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	xray, _ := ctx.Value(xrayKey{}).(string)
	parent := trace.SpanFromContext(ctx)
	if xray == "" && !parent.IsRecording() {
		return t.RoundTripper.RoundTrip(r)
	}
	// Headers that come on top of a signature are none of its business.
	r = r.Clone(ctx)
	if xray != "" && r.Header.Get(traceHeader) == "" {
		r.Header.Set(traceHeader, xray)
	}
	if !parent.IsRecording() {
		return t.RoundTripper.RoundTrip(r)
	}
	ctx, span := parent.TracerProvider().Tracer("gatehouse").Start(ctx, r.Method+" "+r.URL.Host, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(calls(r)...))
	defer span.End()
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	response, err := t.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		// The error itself may have the URL in it, and that a token.
		span.SetStatus(codes.Error, "no answer")
		span.SetAttributes(attribute.String(errorType, noAnswer(err)))
		return nil, err
	}
	answered(span, response.StatusCode, http.StatusBadRequest)
	return response, nil
}

// Names of attributes are those of https://opentelemetry.io/docs/specs/semconv/http/http-spans/;
// url.full is left out, as tokens travel in it.
const (
	errorType  = "error.type"
	statusCode = "http.response.status_code"
)

// calls are the attributes of a call that is to be made.
func calls(r *http.Request) []attribute.KeyValue {
	told := []attribute.KeyValue{attribute.String("http.request.method", r.Method), attribute.String("server.address", r.URL.Hostname())}
	port, _ := strconv.Atoi(r.URL.Port())
	switch {
	case port != 0:
	case r.URL.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return append(told, attribute.Int("server.port", port))
}

// noAnswer is the kind of an error that a call ends with.
func noAnswer(err error) string {
	var late net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &late) && late.Timeout():
		return "timeout"
	}
	return "connection"
}

// Answered has a span of a request tell its answer, and why the gateway made that itself, or could
// not end it; "" where neither is so. What a client did wrong is no error of who serves it.
func Answered(span trace.Span, status int, failure string) {
	answered(span, status, http.StatusInternalServerError)
	if failure != "" && (status < http.StatusBadRequest || status >= http.StatusInternalServerError) {
		Failed(span, failure)
	}
}

// Failed has a span tell what it has failed by: one of few names.
func Failed(span trace.Span, by string) {
	span.SetStatus(codes.Error, "")
	span.SetAttributes(attribute.String(errorType, by))
}

// answered tells a status, which is an error from a certain one on; nothing where there is none.
func answered(span trace.Span, status, errorsFrom int) {
	if status == 0 {
		return
	}
	span.SetAttributes(attribute.Int(statusCode, status))
	if status >= errorsFrom {
		Failed(span, strconv.Itoa(status))
	}
}
