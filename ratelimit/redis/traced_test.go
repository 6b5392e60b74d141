package redis

import (
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
)

// TestTraced: a request whose trace is told has a span of what Redis is asked for it, also where
// it shares a round trip with others, which have none.
func TestTraced(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, Options{URL: server.URL()})
	told := tracetest.NewSpanRecorder()
	ctx, limits := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(told)).Tracer("test").Start(t.Context(), "limits")
	ask := []ratelimit.Ask{{Counter: "secret-key", Bucket: &ratelimit.Bucket{Rate: 1, Burst: 5}, Hits: 1}}
	others := make(chan error)
	go func() {
		_, err := s.Take(t.Context(), ask)
		others <- err
	}()
	if _, err := s.Take(ctx, ask); err != nil {
		t.Fatal(err)
	}
	if err := <-others; err != nil {
		t.Fatal(err)
	}
	spans := told.Ended()
	if len(spans) != 1 || spans[0].Name() != "redis take" || spans[0].Parent().SpanID() != limits.SpanContext().SpanID() || spans[0].Status().Code != codes.Unset {
		t.Fatalf("%+v", spans)
	}
	for _, a := range spans[0].Attributes() {
		if a.Value.AsString() == "secret-key" {
			t.Errorf("the counter is told: %v", a)
		}
	}
	server.Kill()
	if _, err := s.Take(ctx, ask); err == nil {
		t.Fatal("a Redis that is gone answers")
	}
	if spans = told.Ended(); len(spans) != 2 || spans[1].Status().Code != codes.Error {
		t.Errorf("%+v", spans)
	}
}
