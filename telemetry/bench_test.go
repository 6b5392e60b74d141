package telemetry

import (
	"io"
	"log/slog"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// BenchmarkReceive takes what an Envoy sends from bytes to metrics and lines: a request is
// an operation. What gRPC does around it is not in it.
func BenchmarkReceive(b *testing.B) {
	for name, of := range map[string]struct {
		log     *gateway.StageAccessLog
		history bool
	}{
		"metrics": {},
		"history": {history: true},
		"lines and history": {history: true, log: &gateway.StageAccessLog{
			Format:      `{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTime":"$context.requestTime","httpMethod":"$context.httpMethod","routeKey":"$context.resourcePath","status":"$context.status","protocol":"$context.protocol","responseLength":"$context.responseLength","latency":"$context.responseLatency","integration":"$context.integrationLatency","type":"$context.error.responseType"}`,
			Destination: gateway.DestinationStdout,
		}},
	} {
		b.Run(name, func(b *testing.B) {
			o := Options{Registerer: prometheus.NewRegistry(), Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)}
			if of.history {
				o.History = history.New(history.Options{})
			}
			s := New(o)
			s.Swap(s.Compile(snapshot(of.log)))
			const told = 100
			message := exported("edge-1", slices.Repeat([]*logEntry{entry("shop", "v1", "GET /pets/{id}")}, told)...)
			batch := newBatch()
			b.ReportAllocs()
			before := cpu(b)
			b.ResetTimer()
			for i := 0; i < b.N; i += told {
				s.handle(batch, message)
			}
			// By the clock it depends on what else the machine does.
			b.ReportMetric(float64(b.N)/(cpu(b)-before).Seconds(), "requests/cpu-s")
			if err := s.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// cpu is the time that this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
