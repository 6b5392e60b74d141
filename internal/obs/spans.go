// Package obs lets services tell what they do for a request that an Envoy traces.
package obs

import (
	"context"
	"net/http"
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
	ctx, span := parent.TracerProvider().Tracer("gatehouse").Start(ctx, r.Method+" "+r.URL.Host, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("server.address", r.URL.Host)))
	defer span.End()
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(r.Header))
	response, err := t.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		// The error itself may have the URL in it, and that a token.
		span.SetStatus(codes.Error, "no answer")
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
	return response, nil
}
