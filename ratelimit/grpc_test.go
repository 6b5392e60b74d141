package ratelimit_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
)

// dial serves on a port of its own, and connects to it.
func dial(tb testing.TB, register func(grpc.ServiceRegistrar)) ratelimitv3.RateLimitServiceClient {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := grpc.NewServer()
	register(server)
	go server.Serve(listener)
	tb.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return ratelimitv3.NewRateLimitServiceClient(conn)
}

// TestOverGRPC asks as Envoy does: answers, and errors with the codes that it knows.
func TestOverGRPC(t *testing.T) {
	s := ratelimit.New(ratelimit.Options{Store: memory.New(memory.Options{})})
	t.Cleanup(s.Close)
	s.Swap(limits(gateway.FailClosed))
	client := dial(t, s.Register)
	for i, want := range []ratelimitv3.RateLimitResponse_Code{ratelimitv3.RateLimitResponse_OK, ratelimitv3.RateLimitResponse_OVER_LIMIT} {
		got, err := client.ShouldRateLimit(t.Context(), request(4, wire.LimitQuota))
		if err != nil || got.GetOverallCode() != want {
			t.Errorf("call %d: %v, %v", i, got, err)
		}
	}
	for name, c := range map[string]struct {
		request *ratelimitv3.RateLimitRequest
		code    codes.Code
	}{
		"no descriptors": {request(1), codes.InvalidArgument},
		"other domain":   {&ratelimitv3.RateLimitRequest{Domain: "other", Descriptors: request(1, wire.LimitQuota).Descriptors}, codes.NotFound},
	} {
		if _, err := client.ShouldRateLimit(t.Context(), c.request); status.Code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// emptyLimits is the least that a rate limit service can do.
type emptyLimits struct {
	ratelimitv3.UnimplementedRateLimitServiceServer
}

func (emptyLimits) ShouldRateLimit(context.Context, *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	return &ratelimitv3.RateLimitResponse{OverallCode: ratelimitv3.RateLimitResponse_OK}, nil
}

// Over gRPC, as Envoy asks: a key's quota and throttle, beside a service that does
// nothing. The CPU time is that of client and server together, of which the server has
// about half.
func BenchmarkGRPC(b *testing.B) {
	s := ratelimit.New(ratelimit.Options{Store: memory.New(memory.Options{})})
	b.Cleanup(s.Close)
	s.Swap(ratelimit.Compile(&gateway.Snapshot{
		APIs:    []gateway.API{{ID: "pets", Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{}}}}},
		APIKeys: []gateway.APIKey{{Name: "acme"}},
		UsagePlans: []gateway.UsagePlan{{
			Name: "gold", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}},
			Throttle: &gateway.Throttle{Rate: 1e9, Burst: 1e9, Shared: true},
			Quota:    &gateway.Quota{Limit: 1 << 50, Period: gateway.QuotaMonth},
		}},
	}))
	for _, c := range []struct {
		name     string
		register func(grpc.ServiceRegistrar)
	}{
		{"empty", func(r grpc.ServiceRegistrar) { ratelimitv3.RegisterRateLimitServiceServer(r, emptyLimits{}) }},
		{"memory", s.Register},
	} {
		b.Run(c.name, func(b *testing.B) {
			client := dial(b, c.register)
			asked := request(1, wire.LimitQuota, wire.LimitKeyPlan)
			b.ReportAllocs()
			begin := cpuTime(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					answer, err := client.ShouldRateLimit(b.Context(), asked)
					if err != nil || answer.GetOverallCode() != ratelimitv3.RateLimitResponse_OK {
						b.Error(answer, err)
						return
					}
				}
			})
			b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime is what this process has used.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
