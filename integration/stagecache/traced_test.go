package stagecache

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"gatehouse/internal/redistest"
)

// TestTraced: a request whose trace is told has spans of what Redis is asked for it, and others
// have none.
func TestTraced(t *testing.T) {
	r := openRedis(t, redis.UniversalOptions{Addrs: []string{redistest.Start(t).Addr()}})
	told := tracetest.NewSpanRecorder()
	traced, request := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(told)).Tracer("test").Start(t.Context(), "integration")
	space := Space{"a/v1", 1 << 20}
	for _, c := range []struct {
		ctx  context.Context
		want []string
	}{{t.Context(), nil}, {traced, []string{"redis get", "redis set", "redis get"}}} {
		r.Get(c.ctx, space, key(1))
		r.Put(c.ctx, space, key(1), 0, answer, time.Minute)
		if e, _ := r.Get(c.ctx, space, key(1)); e == nil {
			t.Fatal("nothing is kept")
		}
		var got []string
		for _, span := range told.Ended() {
			if got = append(got, span.Name()); span.Parent().SpanID() != request.SpanContext().SpanID() {
				t.Errorf("%s is not of the request", span.Name())
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("the spans are %v, want %v", got, c.want)
		}
	}
}
