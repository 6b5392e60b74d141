package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// TestHostileClient uses up limits of every kind, and then cycles through more keys, hosts
// and paths than a filter has room for buckets: none of them is let in, or gets past a limit
// that is used up, and afterwards all limits are as they were.
func TestHostileClient(t *testing.T) {
	backend := echoBackend(t, "one")
	shared := func(burst int64) *gateway.Throttle {
		return &gateway.Throttle{Rate: 0.0001, Burst: burst, Shared: true, Hard: true, FailureMode: gateway.FailClosed}
	}
	s := throttled(deploy(t, gateway.REST, throttledAPI, backend.URL), func(s *gateway.Snapshot) {
		s.APIs[0].Stages[1].Throttle = shared(6)
		s.UsagePlans[1].Quota = &gateway.Quota{Limit: 4, Period: gateway.QuotaMonth, Hard: true, FailureMode: gateway.FailClosed}
		s.UsagePlans[1].Stages = append(s.UsagePlans[1].Stages, gateway.PlanStage{API: "t", Stage: "v2"})
		s.Domains = []gateway.Domain{{Name: "*.example.org", Gateway: "edge", Mappings: []gateway.DomainMapping{{Path: "", API: "t", Stage: "v1"}, {Path: "two", API: "t", Stage: "v2"}}}}
	})
	g := start(t, s)
	conn := g.connect(throttledHost)
	// Of the plan and route, the plan, the quota, the route and the stages, both local and shared.
	expectPasses(t, conn, "/v1/closed acme", 2, "/v1/shut acme", 2, "/v2/shut coal", 4, "/v1/b", 3, "/v1/a", 5, "/v2/a", 2)
	used := func() {
		t.Helper()
		expectPasses(t, conn, "/v1/closed acme", 0, "/v1/shut acme", 0, "/v2/shut coal", 0, "/v1/b", 0, "/v1/a", 0, "/v1/mock", 0, "/v2/a", 0)
	}
	used()
	buckets, windows := g.limits.Counters()

	// A filter has room for 16,384 buckets here.
	const clients, each = 4, 3000
	tag := s.KeyAccess().Tag("acme")
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			anyHost := g.connect(throttledHost)
			for j := range each {
				n := i*each + j
				key := "x-api-key: " + keyValue(fmt.Sprint("wrong", n))
				anyHost.host = fmt.Sprintf("h%d.example.org", n)
				for _, try := range []struct {
					target  string
					headers []string
					want    int
				}{
					{"/closed", []string{key}, 403},
					{"/two/shut", []string{key, wire.KeyHeader + ": " + tag + fmt.Sprint(n)}, 403},
					{fmt.Sprintf("/items/%d", n), []string{key}, 429},
					{fmt.Sprintf("/two/items/%d?%d", n, n), []string{key}, 429},
					{fmt.Sprintf("/%d/%d", n, n), []string{key}, 403},
				} {
					got := anyHost.get(try.target, try.headers...)
					// Who waits too long for the service, on a busy machine, is not let in either.
					silent := got == 500 && strings.HasPrefix(try.target, "/two/items/")
					if got != try.want && !silent {
						t.Errorf("%s%s: %d, want %d", anyHost.host, try.target, got, try.want)
						return
					}
				}
			}
		})
	}
	group.Wait()
	used()
	if b, w := g.limits.Counters(); b != buckets || w != windows {
		t.Errorf("%d buckets and %d counts are kept, want the %d and %d that were used up", b, w, buckets, windows)
	}
}
