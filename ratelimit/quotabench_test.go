package ratelimit

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	quotav3 "github.com/envoyproxy/go-control-plane/envoy/service/rate_limit_quota/v3"

	"gatehouse/gateway"
)

// BenchmarkReport is what a report costs that is about 100,000 keys, each with a quota and
// a throttle: an Envoy sends it every five seconds when all of them call.
func BenchmarkReport(b *testing.B) {
	const keys = 100_000
	s := &gateway.Snapshot{UsagePlans: []gateway.UsagePlan{{
		Name: "gold", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}},
		Quota:    &gateway.Quota{Limit: 1e9, Period: gateway.QuotaDay, FailureMode: gateway.FailLocal},
		Throttle: &gateway.Throttle{Rate: 100, Burst: 100, Shared: true, FailureMode: gateway.FailLocal},
	}}}
	plan := &s.UsagePlans[0]
	report := &quotav3.RateLimitQuotaUsageReports{}
	for i := range keys {
		name := fmt.Sprintf("key%06d", i)
		s.APIKeys, plan.Keys = append(s.APIKeys, gateway.APIKey{Name: name}), append(plan.Keys, name)
		for _, bucket := range []string{"quota|" + plan.ID() + "|pets|v1", "key-plan||pets|v1"} {
			report.BucketQuotaUsages = append(report.BucketQuotaUsages, &quotav3.RateLimitQuotaUsageReports_BucketQuotaUsage{
				BucketId:           &quotav3.BucketId{Bucket: map[string]string{bucket: "|" + plan.ID() + "|:" + name}},
				NumRequestsAllowed: 10,
			})
		}
	}
	server := New(Options{Store: &countingStore{used: map[string]int64{}}, Log: slog.New(slog.DiscardHandler)})
	b.Cleanup(server.Close)
	server.Swap(Compile(s))
	e := newStream(server)
	now := time.Unix(1_700_000_000, 0)
	server.pools.now = func() time.Time { return now }
	if told := e.report(context.Background(), report); len(told) < 2*keys {
		b.Fatalf("told %d", len(told))
	}
	for b.Loop() {
		now = now.Add(5 * time.Second)
		e.report(context.Background(), report)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2/keys, "ns/bucket")
}
