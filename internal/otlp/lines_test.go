package otlp_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"

	"gatehouse/internal/otlp"
	"gatehouse/internal/otlptest"
)

// TestLines holds that lines become records of the collector's, with whose they are, and that
// one that hangs, or is gone, is told of by an error within the time that it has.
func TestLines(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			c := otlptest.Start(t)
			t.Setenv("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", protocol)
			t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300")
			endpoint := "http://" + c.Address.String()
			if protocol != "grpc" {
				endpoint = c.HTTP(t)
			}
			registry := prometheus.NewRegistry()
			p, err := otlp.Start(t.Context(), otlp.Options{Endpoint: endpoint, Metrics: registry, Registerer: registry, Log: slog.New(slog.DiscardHandler)})
			if err != nil || !p.TakesLines() {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			defer p.Close(ctx)
			w := p.Lines("gatehouse.log", "access", "gatehouse.api", "shop")
			text := "one \"line\"\nanother\xff\n\n"
			if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
				t.Fatal(n, err)
			}
			var got []string
			for _, r := range c.Logs() {
				got = append(got, shown(r))
			}
			if want := "one \"line\" gatehouse.log=access gatehouse.api=shop|another\uFFFD gatehouse.log=access gatehouse.api=shop| gatehouse.log=access gatehouse.api=shop"; strings.Join(got, "|") != want {
				t.Errorf("records are %q, want %q", strings.Join(got, "|"), want)
			}
			if at := time.Unix(0, int64(c.Logs()[0].TimeUnixNano)); time.Since(at) > time.Minute {
				t.Errorf("the time is %v", at)
			}

			c.Hang(true)
			begin := time.Now()
			if n, err := w.Write([]byte("lost\n")); n != 0 || err == nil {
				t.Errorf("a collector that hangs took %d bytes: %v", n, err)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("it was waited for for %v", took)
			}
			c.Hang(false)
			c.Wait(t, "what is new", func() bool {
				_, err := w.Write([]byte("back\n"))
				return err == nil
			})
			if sent, lost := value(t, registry, "gatehouse_otlp_exports_total", "sent", "logs"), value(t, registry, "gatehouse_otlp_exports_total", "lost", "logs"); sent < 2 || lost < 1 {
				t.Errorf("%v were sent, %v lost", sent, lost)
			}
		})
	}
	var none *otlp.Push
	if none.TakesLines() || none.Lines() != nil {
		t.Error("nobody wants lines, and they are taken")
	}
}

func shown(r *logspb.LogRecord) string {
	text := r.GetBody().GetStringValue()
	for _, a := range r.GetAttributes() {
		text += " " + a.GetKey() + "=" + a.GetValue().GetStringValue()
	}
	return text
}
