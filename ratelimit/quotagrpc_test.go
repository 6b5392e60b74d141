package ratelimit_test

import (
	"io"
	"net"
	"testing"
	"time"

	quotav3 "github.com/envoyproxy/go-control-plane/envoy/service/rate_limit_quota/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
)

// quotaStream is an Envoy's connection to a rate limit quota service.
type quotaStream struct {
	t *testing.T
	quotav3.RateLimitQuotaService_StreamRateLimitQuotasClient
}

// quotaService serves a snapshot over gRPC, and gives what connects to it.
func quotaService(t *testing.T, store ratelimit.Store, snapshot *gateway.Snapshot) (*ratelimit.Server, func() quotaStream) {
	t.Helper()
	s := ratelimit.New(ratelimit.Options{Store: store})
	t.Cleanup(s.Close)
	s.Swap(ratelimit.Compile(snapshot))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	s.Register(server)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return s, func() quotaStream {
		t.Helper()
		stream, err := quotav3.NewRateLimitQuotaServiceClient(conn).StreamRateLimitQuotas(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return quotaStream{t, stream}
	}
}

func (s quotaStream) report(allowed uint64, entries ...string) {
	s.t.Helper()
	id := &quotav3.BucketId{Bucket: map[string]string{}}
	for i := 0; i < len(entries); i += 2 {
		id.Bucket[entries[i]] = entries[i+1]
	}
	if err := s.Send(&quotav3.RateLimitQuotaUsageReports{Domain: wire.LimitDomain, BucketQuotaUsages: []*quotav3.RateLimitQuotaUsageReports_BucketQuotaUsage{
		{BucketId: id, NumRequestsAllowed: allowed},
	}}); err != nil {
		s.t.Fatal(err)
	}
}

// heard is the size of the token bucket that comes next, 0 for a refusal of all.
func (s quotaStream) heard() (size uint32) {
	s.t.Helper()
	r, err := s.Recv()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range r.BucketAction {
		strategy := a.GetQuotaAssignmentAction().GetRateLimitStrategy()
		if strategy == nil || strategy.GetTokenBucket() == nil && strategy.GetBlanketRule() != typev3.RateLimitStrategy_DENY_ALL {
			s.t.Fatalf("told %v", a)
		}
		size = strategy.GetTokenBucket().GetMaxTokens()
	}
	return size
}

// TestQuotaStreams has two Envoys at one service, of which one goes, and then another
// service on the same store.
func TestQuotaStreams(t *testing.T) {
	snapshot := &gateway.Snapshot{
		APIKeys: []gateway.APIKey{{Name: "acme"}},
		UsagePlans: []gateway.UsagePlan{{
			Name: "gold", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}},
			Quota: &gateway.Quota{Limit: 100, Period: gateway.QuotaMonth, FailureMode: gateway.FailLocal},
		}},
	}
	plan := snapshot.UsagePlans[0].ID()
	bucket := []string{"quota|" + plan + "|pets|v1", "|" + plan + "|:acme"}
	store := memory.New(memory.Options{})
	service, connect := quotaService(t, store, snapshot)
	one, two := connect(), connect()
	one.report(1, bucket...)
	if got := one.heard(); got != 99 {
		t.Errorf("the first has %d, want all that is left", got)
	}
	two.report(1, bucket...)
	if got := two.heard(); got != 49 {
		t.Errorf("the second has %d, want half", got)
	}
	// The first hears of that without having asked.
	if got := one.heard(); got != 49 {
		t.Errorf("the first has %d then, want half", got)
	}
	// One that goes has its part given to the other, when that next reports.
	if err := two.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Recv(); err != io.EOF {
		t.Errorf("a stream that its client ends: %v", err)
	}
	one.report(10, bucket...)
	if got := one.heard(); got != 88 {
		t.Errorf("who is left has %d, want all that is left", got)
	}

	service.EndStreams()
	if _, err := one.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("when the service ends: %v", err)
	}
	_, connect = quotaService(t, store, snapshot)
	again := connect()
	again.report(80, bucket...)
	if got := again.heard(); got != 8 {
		t.Errorf("another service gives %d, want what is left", got)
	}
	again.report(9, bucket...)
	if got := again.heard(); got != 0 {
		t.Errorf("a quota that is used up has %d", got)
	}

	other := connect()
	if err := other.Send(&quotav3.RateLimitQuotaUsageReports{Domain: "other"}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("another domain: %v", err)
	}
	// Usage comes to the store with the tally.
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		used, err := store.Usage(t.Context(), plan, time.Now().AddDate(0, 0, -1), time.Now().AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		var allowed int64
		for _, u := range used {
			allowed += u.Allowed
		}
		if allowed == 101 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d requests are counted as usage, want 101", allowed)
		}
	}
}
