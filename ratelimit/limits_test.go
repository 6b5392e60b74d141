package ratelimit

import (
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// TestFind holds that every shared limit of a definition is found by its entries, that
// each has a counter of its own, and that nothing else is found.
func TestFind(t *testing.T) {
	share := func(rate float64) *gateway.Throttle {
		return &gateway.Throttle{Rate: rate, Burst: 1, Shared: true, FailureMode: gateway.FailClosed}
	}
	routes := &gateway.Deployment{Routes: []gateway.Route{{Method: "GET", Path: "/"}, {Method: "GET", Path: "/own"}, {Method: "GET", Path: "/local"}}}
	s := &gateway.Snapshot{
		Account: gateway.Account{Throttle: share(1)},
		APIs: []gateway.API{{ID: "pets", Stages: []gateway.Stage{
			{Name: "v1", Deployment: routes, Throttle: share(2), Settings: []gateway.RouteSettings{
				{RouteKey: "*", Throttle: share(3)}, {RouteKey: "GET /own", Throttle: share(4)},
				{RouteKey: "GET /local", Throttle: &gateway.Throttle{Rate: 5}},
			}, Canary: &gateway.Canary{Deployment: &gateway.Deployment{Routes: []gateway.Route{{Method: "GET", Path: "/canary"}}}}},
			{Name: "v2", Deployment: routes, Throttle: &gateway.Throttle{Rate: 6}},
		}}},
		APIKeys: []gateway.APIKey{{Name: "acme"}, {Name: "by|label", Labels: map[string]string{"tier": "gold"}}, {Name: "out"}},
		UsagePlans: []gateway.UsagePlan{
			{
				Name: "gold", Keys: []string{"acme"}, KeyLabels: map[string]string{"tier": "gold"}, Throttle: share(7),
				Quota: &gateway.Quota{Limit: 8, Period: gateway.QuotaDay, FailureMode: gateway.FailOpen},
				Stages: []gateway.PlanStage{{API: "pets", Stage: "v1", Routes: []gateway.RouteThrottle{
					{RouteKey: "GET /", Throttle: *share(9)}, {RouteKey: "GET /own", Throttle: gateway.Throttle{Rate: 10}},
				}}},
			},
			{Name: "free", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "pets", Stage: "v2"}}},
		},
	}
	gold, free := s.UsagePlans[0].ID(), s.UsagePlans[1].ID()
	l := Compile(s)

	seen := map[string]float64{}
	for _, c := range []struct {
		kind, plan, key, stage, route string
		// want is the rate or limit that tells which one was found; 0 for none, -1 for
		// one without.
		want float64
	}{
		{kind: wire.LimitOfAccount, want: 1},
		{kind: wire.LimitOfStage, stage: "v1", want: 2},
		{kind: wire.LimitOfStage, stage: "v2"},
		{kind: wire.LimitOfStage, stage: "v3"},
		{kind: wire.LimitOfRoute, stage: "v1", route: "GET /", want: 3},
		{kind: wire.LimitOfRoute, stage: "v1", route: "GET /own", want: 4},
		{kind: wire.LimitOfRoute, stage: "v1", route: "GET /local"},
		{kind: wire.LimitOfRoute, stage: "v1", route: "GET /none"},
		{kind: wire.LimitOfRoute, stage: "v1", route: "GET /canary", want: 3},
		{kind: wire.LimitKeyPlan, plan: gold, key: "acme", want: 7},
		{kind: wire.LimitKeyPlan, plan: gold, key: "by|label", want: 7},
		{kind: wire.LimitKeyPlan, plan: gold, key: "out"},
		{kind: wire.LimitKeyPlan, plan: gold, key: "|" + gold + "|:out"},
		{kind: wire.LimitKeyPlan, plan: free, key: "|" + free + "|" + gold + "|:acme"},
		{kind: wire.LimitKeyPlan, plan: free, key: "acme"},
		{kind: wire.LimitQuota, plan: gold, key: "acme", stage: "v1", want: 8},
		{kind: wire.LimitQuota, plan: gold, key: "acme", stage: "v2"},
		{kind: wire.LimitQuota, plan: free, key: "acme", stage: "v2", want: -1},
		{kind: wire.LimitKeyRoute, plan: gold, key: "acme", stage: "v1", route: "GET /", want: 9},
		{kind: wire.LimitKeyRoute, plan: gold, key: "by|label", stage: "v1", route: "GET /", want: 9},
		{kind: wire.LimitKeyRoute, plan: gold, key: "acme", stage: "v1", route: "GET /own"},
		{kind: "other", plan: gold, key: "acme", stage: "v1"},
	} {
		entries := map[string]string{
			wire.LimitKind: c.kind, wire.LimitPlan: c.plan, wire.LimitKey: c.key,
			wire.LimitAPI: "pets", wire.LimitStage: c.stage, wire.LimitRoute: c.route,
		}
		found, got := l.Find(entries), 0.0
		switch {
		case found == nil:
		case found.Throttle != nil:
			got = found.Throttle.Rate
		case found.Quota != nil:
			got = float64(found.Quota.Limit)
		default:
			got = -1
		}
		if got != c.want {
			t.Errorf("%+v: found %v", c, got)
		}
		if found == nil {
			continue
		}
		if _, twice := seen[found.Counter]; twice {
			t.Errorf("%+v: the counter %s is another limit's, too", c, found.Counter)
		}
		seen[found.Counter] = got
		if (found.Usage != nil) != (c.kind == wire.LimitQuota) {
			t.Errorf("%+v: usage is %v", c, found.Usage)
		}
	}

	// Without a plan it is the one that the key has for the stage, and none that the tag
	// makes up.
	both := "|" + free + "|" + gold + "|:"
	for _, c := range []struct{ kind, tag, stage, counter string }{
		{wire.LimitQuota, both + "acme", "v1", "quota|" + gold + "|acme"},
		{wire.LimitQuota, both + "acme", "v2", "quota|" + free + "|acme"},
		{wire.LimitKeyRoute, both + "by|label", "v1", "key-route|" + gold + "|by%7Clabel|pets|v1|GET /"},
		{wire.LimitKeyRoute, both + "acme", "v2", ""},
		{wire.LimitQuota, both + "out", "v1", ""},
		{wire.LimitQuota, both + "acme", "v3", ""},
		{wire.LimitQuota, "|" + free + "|:acme", "v1", ""},
		{wire.LimitQuota, "acme", "v1", ""},
		{wire.LimitQuota, "", "v1", ""},
		{wire.LimitKeyPlan, both + "acme", "v1", "key-plan|" + gold + "|acme"},
		// It needs a stage to tell.
		{wire.LimitKeyPlan, both + "acme", "", ""},
	} {
		found := l.Find(map[string]string{wire.LimitKind: c.kind, wire.LimitPlan: "", wire.LimitKey: c.tag, wire.LimitAPI: "pets", wire.LimitStage: c.stage, wire.LimitRoute: "GET /"})
		counter := ""
		if found != nil {
			counter = found.Counter
		}
		if counter != c.counter {
			t.Errorf("%+v: the counter is %q", c, counter)
		}
	}
}
