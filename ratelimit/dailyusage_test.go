package ratelimit_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/ratelimit/storetest"
)

// TestDailyUsage follows keys over four days, in which the quota is edited and a key's is
// extended, as GetUsage would tell of it.
func TestDailyUsage(t *testing.T) {
	clock := storetest.NewClock()
	today := time.Now().UTC().Truncate(24 * time.Hour)
	clock.Add(today.AddDate(0, 0, -3).Add(time.Hour).Sub(storetest.Start))
	store := memory.New(memory.Options{Now: clock.Now})
	plan := gateway.UsagePlan{Name: "gold"}
	service := func(limit int64) *ratelimit.Server {
		s := ratelimit.New(ratelimit.Options{Store: store})
		s.Swap(ratelimit.Compile(&gateway.Snapshot{
			APIs:    []gateway.API{{ID: "pets", Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{}}}}},
			APIKeys: []gateway.APIKey{{Name: "acme"}, {Name: "idle"}},
			UsagePlans: []gateway.UsagePlan{
				{Name: "gold", Keys: []string{"acme", "idle"}, Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Quota: &gateway.Quota{Limit: limit, Period: gateway.QuotaDay}},
				{Name: "free", Keys: []string{"idle"}},
			},
		}))
		return s
	}
	use := func(s *ratelimit.Server, hits uint32) { should(t, s, request(hits, wire.LimitQuota)) }
	next := func() { clock.Add(24 * time.Hour) }

	// The service ends at night, and so notes what there is.
	s := service(10)
	use(s, 4)
	use(s, 7) // refused
	s.Close()
	next()
	s = service(10)
	use(s, 10)
	if err := store.SetRemaining(context.Background(), "quota|"+plan.ID()+"|acme", ratelimit.Window{Limit: 10, Period: ratelimit.Day}, 5); err != nil {
		t.Fatal(err)
	}
	use(s, 2)
	s.Close()
	next()
	s = service(10)
	s.Close()
	s = service(50)
	s.Close()
	next()
	s = service(50)
	defer s.Close()
	use(s, 1)

	got, found, err := s.DailyUsage(context.Background(), plan.ID(), "", today.AddDate(0, 0, -3).Add(time.Hour), today.AddDate(0, 0, 7))
	if err != nil || !found {
		t.Fatal(found, err)
	}
	want := &ratelimit.DailyUsage{
		Plan: plan.ID(), From: today.AddDate(0, 0, -3), To: today, Keys: map[string][][2]int64{
			"acme": {{4, 6}, {12, 3}, {0, 50}, {1, 49}},
			"idle": {{0, 10}, {0, 10}, {0, 50}, {0, 50}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, _, err = s.DailyUsage(context.Background(), plan.ID(), "idle", today, today)
	if diff := cmp.Diff(map[string][][2]int64{"idle": {{0, 50}}}, got.Keys); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, _, err = s.DailyUsage(context.Background(), plan.ID(), "idle", today.AddDate(-2, 0, 0), today)
	if err != nil || len(got.Keys["idle"]) != 90 || got.From != today.AddDate(0, 0, -89) {
		t.Errorf("two years: %d days from %s, %v", len(got.Keys["idle"]), got.From, err)
	}
	// A plan without a quota counts all the same.
	free := gateway.UsagePlan{Name: "free"}
	if err := store.AddUsage(context.Background(), []ratelimit.Usage{{Plan: free.ID(), Key: "idle", API: "pets", Stage: "v1", Allowed: 3}}); err != nil {
		t.Fatal(err)
	}
	got, found, err = s.DailyUsage(context.Background(), free.ID(), "", today, today)
	if diff := cmp.Diff(map[string][][2]int64{"idle": {{3, math.MaxInt64}}}, got.Keys); diff != "" || !found || !got.Unlimited || err != nil {
		t.Error(found, err, diff)
	}
	for _, other := range []string{"", "gold"} {
		if _, found, err := s.DailyUsage(context.Background(), other, "", today, today); found || err != nil {
			t.Errorf("plan %q: %t %v", other, found, err)
		}
	}
}
