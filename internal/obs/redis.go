package obs

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// noSpan ends nothing.
func noSpan(bool) {}

// Redis begins a span of what Redis is asked for a request, if there is one of the request; end
// says whether it has answered. Neither keys nor values are told. It is not a hook of the client:
// one round trip answers many requests, of which each has a span of its own here.
// See https://opentelemetry.io/docs/specs/semconv/db/redis/
func Redis(ctx context.Context, operation string) (end func(answered bool)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return noSpan
	}
	_, span := parent.TracerProvider().Tracer("gatehouse").Start(ctx, "redis "+operation, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", operation)))
	return func(answered bool) {
		if !answered {
			span.SetStatus(codes.Error, "no answer")
		}
		span.End()
	}
}
