package ratelimit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/ratelimit/storetest"
)

func limits(mode gateway.FailureMode) *ratelimit.Limits {
	return ratelimit.Compile(&gateway.Snapshot{
		APIs:    []gateway.API{{ID: "pets", Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{}}}}},
		APIKeys: []gateway.APIKey{{Name: "acme"}},
		UsagePlans: []gateway.UsagePlan{{
			Name: "gold", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}},
			Throttle: &gateway.Throttle{Rate: 1, Burst: 4, Shared: true, Hard: true, FailureMode: mode},
			Quota:    &gateway.Quota{Limit: 6, Period: gateway.QuotaMonth, Hard: true, FailureMode: mode},
		}, {Name: "free"}},
	})
}

func request(hits uint32, kinds ...string) *ratelimitv3.RateLimitRequest {
	r := &ratelimitv3.RateLimitRequest{Domain: wire.LimitDomain, HitsAddend: hits}
	plan := gateway.UsagePlan{Name: "gold"}
	for _, kind := range kinds {
		d := &commonv3.RateLimitDescriptor{}
		for _, e := range [][2]string{{wire.LimitKind, kind}, {wire.LimitPlan, plan.ID()}, {wire.LimitKey, "acme"}, {wire.LimitAPI, "pets"}, {wire.LimitStage, "v1"}} {
			d.Entries = append(d.Entries, &commonv3.RateLimitDescriptor_Entry{Key: e[0], Value: e[1]})
		}
		r.Descriptors = append(r.Descriptors, d)
	}
	return r
}

func should(t *testing.T, s *ratelimit.Server, r *ratelimitv3.RateLimitRequest) *ratelimitv3.RateLimitResponse {
	t.Helper()
	answer, err := s.ShouldRateLimit(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestShouldRateLimit holds that a refused request uses up no limit, and is refused as
// Amazon does.
func TestShouldRateLimit(t *testing.T) {
	clock := storetest.NewClock()
	store := memory.New(memory.Options{Now: clock.Now})
	s := ratelimit.New(ratelimit.Options{Store: store})
	both := []string{wire.LimitQuota, wire.LimitKeyPlan, "unheard of"}
	if got := should(t, s, request(9, both...)); got.OverallCode != ratelimitv3.RateLimitResponse_OK {
		t.Errorf("limited before there are limits: %v", got)
	}
	back := s.Swap(limits(gateway.FailClosed))
	for _, c := range []struct {
		hits             uint32
		body             string
		quota, throttled uint32
	}{
		{3, "", 3, 1},
		{2, `{"message":"Too Many Requests"}`, 3, 1},
		{0, "", 2, 0},
		{3, `{"message":"Limit Exceeded"}`, 2, 0},
	} {
		got := should(t, s, request(c.hits, both...))
		if string(got.RawBody) != c.body || (got.OverallCode == ratelimitv3.RateLimitResponse_OK) != (c.body == "") ||
			got.Statuses[0].LimitRemaining != c.quota || got.Statuses[1].LimitRemaining != c.throttled || got.Statuses[2].CurrentLimit != nil {
			t.Errorf("%d hits: %v", c.hits, got)
		}
		// Only refusals say more, as long as nobody asks.
		told := got.GetDynamicMetadata().AsMap()
		want := map[string]any{}
		switch c.body {
		case `{"message":"Too Many Requests"}`:
			want = map[string]any{"code": "throttled", "limit-kind": "key-plan", "errorType": "TooManyRequestsException", "retryAfter": "1"}
		case `{"message":"Limit Exceeded"}`:
			want = map[string]any{"code": "quota-exceeded", "limit-kind": "quota", "errorType": "LimitExceededException", "retryAfter": "5"}
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%d hits: told (-want +got):\n%s", c.hits, diff)
		}
	}
	s.Close()
	used, err := store.Usage(context.Background(), "", storetest.Start, storetest.Start)
	if err != nil || len(used) != 1 || used[0].Allowed != 4 || used[0].Denied != 3 {
		t.Errorf("usage is %v, %v", used, err)
	}
	s.Swap(ratelimit.Compile(&gateway.Snapshot{}))
	if got := should(t, s, request(3, both...)); got.OverallCode != ratelimitv3.RateLimitResponse_OVER_LIMIT {
		t.Error("the limits of the revision before are forgotten at once")
	}
	back()
	for name, bad := range map[string]*ratelimitv3.RateLimitRequest{"domain": {Domain: "other"}, "none": request(1)} {
		if _, err := s.ShouldRateLimit(context.Background(), bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type failing struct{ ratelimit.Store }

func (failing) Take(context.Context, []ratelimit.Ask) ([]ratelimit.Answer, error) {
	return nil, errors.New("gone")
}

// TestStoreFails: whether requests go on is then for Envoy to say, by limit.
func TestStoreFails(t *testing.T) {
	s := ratelimit.New(ratelimit.Options{Store: failing{memory.New(memory.Options{})}})
	defer s.Close()
	s.Swap(limits(gateway.FailClosed))
	if got, err := s.ShouldRateLimit(context.Background(), request(1, wire.LimitKeyPlan)); status.Code(err) != codes.Unavailable {
		t.Errorf("%v, %v", got, err)
	}
}
