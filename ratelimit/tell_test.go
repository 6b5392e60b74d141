package ratelimit_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/ratelimit/storetest"
)

// TestTold follows what a client is told as a quota of 6 and a bucket of 4 are used up,
// which gets a token a second. The quota's period ends in five seconds.
func TestTold(t *testing.T) {
	clock := storetest.NewClock()
	store := memory.New(memory.Options{Now: clock.Now})
	s := ratelimit.New(ratelimit.Options{Store: store})
	defer s.Close()
	told := func(tell bool, hits uint32, kinds ...string) string {
		t.Helper()
		r := request(hits, kinds...)
		if tell {
			for _, d := range r.Descriptors {
				d.Entries = append(d.Entries, &commonv3.RateLimitDescriptor_Entry{Key: wire.LimitTell, Value: "true"})
			}
		}
		m := should(t, s, r).GetDynamicMetadata().AsMap()
		text := func(key string) string {
			if m[key] == nil {
				return "-"
			}
			return fmt.Sprint(m[key])
		}
		return strings.Join([]string{text("limit"), text("remaining"), text("reset"), text("retryAfter"), text("list"), text("policy"), text("ofKey")}, " ")
	}
	// How long a month is depends on the month.
	month := regexp.MustCompile(`w=2[4-6]\d{5}`)
	const policies = ` "quota";q=6;w=MONTH, "key-plan";q=4;w=4 true`
	both := []string{wire.LimitQuota, wire.LimitKeyPlan}
	s.Swap(limits(gateway.FailOpen))
	for i, c := range []struct {
		tell  bool
		hits  uint32
		kinds []string
		want  string
	}{
		{true, 1, both, `4 3 1 - "quota";r=5;t=5, "key-plan";r=3;t=1` + policies},
		{false, 1, both, "- - - - - - -"},
		{true, 1, []string{"unheard of"}, "- - - - - - -"},
		// What the quota granted to a request that the bucket refuses is not used.
		{true, 3, both, `4 2 2 1 "quota";r=4;t=5, "key-plan";r=2;t=2` + policies},
		{true, 2, both, `4 0 4 - "quota";r=2;t=5, "key-plan";r=0;t=4` + policies},
		// The one that refuses is told of, and the longest wait.
		{true, 3, both, `6 2 5 5 "quota";r=2;t=5, "key-plan";r=0;t=4` + policies},
		{true, 0, []string{wire.LimitQuota}, `6 1 5 - "quota";r=1;t=5 "quota";q=6;w=MONTH true`},
	} {
		if got := month.ReplaceAllString(told(c.tell, c.hits, c.kinds...), "w=MONTH"); got != c.want {
			t.Errorf("%d: %s\nwant %s", i, got, c.want)
		}
	}

	// Numbers at the bounds: a quota that was extended, one that no header can tell, and a
	// bucket that never fills.
	snapshot := func(limit int64) *gateway.Snapshot {
		return &gateway.Snapshot{
			APIs:    []gateway.API{{ID: "pets", Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{}, Throttle: &gateway.Throttle{Rate: 0, Burst: 5, Shared: true}}}}},
			APIKeys: []gateway.APIKey{{Name: "acme"}},
			UsagePlans: []gateway.UsagePlan{{
				Name: "gold", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Quota: &gateway.Quota{Limit: limit, Period: gateway.QuotaMonth},
			}},
		}
	}
	s.Swap(ratelimit.Compile(snapshot(6)))
	quota := ratelimit.Window{Limit: 6, Period: ratelimit.Month}
	gold := gateway.UsagePlan{Name: "gold"}
	if err := store.SetRemaining(context.Background(), "quota|"+gold.ID()+"|acme", quota, 100); err != nil {
		t.Fatal(err)
	}
	if got := told(true, 1, wire.LimitQuota); !strings.HasPrefix(got, `6 99 5 - "quota";r=99;t=5 "quota";q=6;`) {
		t.Errorf("extended: %s", got)
	}
	s.Swap(ratelimit.Compile(snapshot(1 << 50)))
	if got := told(true, 1, wire.LimitQuota); !strings.Contains(got, `"quota";q=999999999999999;`) {
		t.Errorf("a great quota: %s", got)
	}
	// A key's limits are told instead of those of others; those alone if it has none.
	if got := told(true, 1, wire.LimitOfStage); got != `5 0 - - "stage";r=0 "stage";q=5 false` {
		t.Errorf("shut: %s", got)
	}
	if got := told(true, 1, wire.LimitOfStage, wire.LimitQuota); !strings.HasSuffix(got, " true") || strings.Contains(got, "stage") {
		t.Errorf("a key's and another: %s", got)
	}
}
