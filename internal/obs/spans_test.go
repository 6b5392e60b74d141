package obs_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"gatehouse/internal/obs"
)

// answering is a transport that answers with a status, or an error.
type answering func() (int, error)

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	status, err := a()
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: http.NoBody}, nil
}

// told are the attributes of the last span that ended.
func told(t *testing.T, r *tracetest.SpanRecorder) (map[string]any, codes.Code) {
	t.Helper()
	spans := r.Ended()
	if len(spans) == 0 {
		t.Fatal("no span has ended")
	}
	last := spans[len(spans)-1]
	got := map[string]any{}
	for _, a := range last.Attributes() {
		got[string(a.Key)] = a.Value.AsInterface()
	}
	return got, last.Status().Code
}

// TestCallSpans holds calls to OpenTelemetry's conventions: a client has failed with a 404, too.
func TestCallSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	ctx, _ := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test").Start(t.Context(), "request")
	late, cancel := context.WithTimeout(ctx, -time.Second)
	defer cancel()
	for _, c := range []struct {
		url     string
		answers answering
		want    map[string]any
		code    codes.Code
	}{
		{"https://a.example/x?token=secret", func() (int, error) { return 302, nil }, map[string]any{"server.address": "a.example", "server.port": int64(443), "http.response.status_code": int64(302)}, codes.Unset},
		{"http://a.example/", func() (int, error) { return 404, nil }, map[string]any{"server.address": "a.example", "server.port": int64(80), "http.response.status_code": int64(404), "error.type": "404"}, codes.Error},
		{"http://[::1]:8080/", func() (int, error) { return 0, errors.New("to a secret") }, map[string]any{"server.address": "::1", "server.port": int64(8080), "error.type": "connection"}, codes.Error},
		{"http://a.example/", func() (int, error) { return 0, late.Err() }, map[string]any{"server.address": "a.example", "server.port": int64(80), "error.type": "timeout"}, codes.Error},
		{"http://a.example/", func() (int, error) { return 0, context.Canceled }, map[string]any{"server.address": "a.example", "server.port": int64(80), "error.type": "cancelled"}, codes.Error},
	} {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := obs.Transport(c.answers).RoundTrip(r); err == nil {
			answer.Body.Close()
		}
		c.want["http.request.method"] = "POST"
		got, code := told(t, recorder)
		if diff := cmp.Diff(c.want, got); diff != "" || code != c.code {
			t.Errorf("%s: status %v\n%s", c.url, code, diff)
		}
	}
}

// TestAnsweredSpans holds that who serves a request has not failed by what its client did wrong.
func TestAnsweredSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	for _, c := range []struct {
		status  int
		failure string
		want    map[string]any
		code    codes.Code
	}{
		{200, "", map[string]any{"http.response.status_code": int64(200)}, codes.Unset},
		{413, "request-too-large", map[string]any{"http.response.status_code": int64(413)}, codes.Unset},
		{503, "", map[string]any{"http.response.status_code": int64(503), "error.type": "503"}, codes.Error},
		{502, "function-error", map[string]any{"http.response.status_code": int64(502), "error.type": "function-error"}, codes.Error},
		{200, "broken-stream", map[string]any{"http.response.status_code": int64(200), "error.type": "broken-stream"}, codes.Error},
	} {
		_, span := tracer.Start(t.Context(), "request")
		obs.Answered(span, c.status, c.failure)
		span.End()
		got, code := told(t, recorder)
		if diff := cmp.Diff(c.want, got); diff != "" || code != c.code {
			t.Errorf("%d %s: status %v\n%s", c.status, c.failure, code, diff)
		}
	}
}
