package e2e

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway"
)

// TestPlansEditedUnderLoad raises and lowers hard quotas and throttles, and moves keys to
// other plans, while callers who have nothing to do with it call: none of them is refused,
// and what was used stays used as docs/throttling.md says.
func TestPlansEditedUnderLoad(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	// Every edit begins with these plans.
	type plans struct{ quota, other, shared, local, there gateway.UsagePlan }
	stages := []gateway.PlanStage{{API: "t", Stage: "v2"}}
	quotaOf := func(limit int64) *gateway.Quota {
		return &gateway.Quota{Limit: limit, Period: gateway.QuotaMonth, Hard: true, FailureMode: gateway.FailClosed}
	}
	sharedOf := func(burst int64) *gateway.Throttle {
		return &gateway.Throttle{Rate: 0.0001, Burst: burst, Shared: true, Hard: true, FailureMode: gateway.FailClosed}
	}
	snapshot := func(edit func(*plans)) *gateway.Snapshot {
		p := plans{
			quota:  gateway.UsagePlan{Name: "quota", Keys: []string{"acme", "bolt"}, Stages: stages, Quota: quotaOf(6)},
			other:  gateway.UsagePlan{Name: "other", Stages: stages, Quota: quotaOf(4)},
			shared: gateway.UsagePlan{Name: "shared", Keys: []string{"coal"}, Stages: stages, Throttle: sharedOf(5)},
			local:  gateway.UsagePlan{Name: "local", Keys: []string{"dora"}, Stages: stages, Throttle: few(4)},
			there:  gateway.UsagePlan{Name: "there", Keys: []string{"ella"}, Stages: stages, Throttle: few(7)},
		}
		if edit != nil {
			edit(&p)
		}
		s := snapshotOf(gateway.API{ID: "t", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}}})
		for _, name := range []string{"acme", "bolt", "coal", "dora", "ella", "free"} {
			s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret(keyValue(name))}})
		}
		s.UsagePlans = []gateway.UsagePlan{p.quota, p.other, p.shared, p.local, p.there, {Name: "free", Keys: []string{"free"}, Stages: stages},
			// It keeps the filter's limits as they are.
			{Name: "kept", Stages: stages, Throttle: few(4)}}
		return s
	}
	g := start(t, snapshot(nil))
	conn := g.connect(throttledHost)

	var stop atomic.Bool
	var calls atomic.Int64
	var callers sync.WaitGroup
	defer callers.Wait()
	defer stop.Store(true)
	for _, load := range [][]string{{"/v1/a"}, {"/v2/closed", "x-api-key: " + keyValue("free")}} {
		for range 2 {
			caller := g.connect(throttledHost)
			callers.Go(func() {
				for ; !stop.Load(); time.Sleep(2 * time.Millisecond) {
					if status := caller.get(load[0], load[1:]...); status != 200 {
						t.Errorf("a caller whom no edit concerns: %d", status)
						return
					}
					calls.Add(1)
				}
			})
		}
	}

	uses := func(key string, want int) {
		t.Helper()
		expectUses(t, conn, "/v2/closed", key, want, false)
	}
	edit := func(change func(*plans)) {
		t.Helper()
		before := calls.Load()
		g.change(snapshot(change))
		for end := time.Now().Add(time.Minute); calls.Load() < before+20 && time.Now().Before(end) && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}

	uses("acme", 6)
	uses("coal", 5)
	edit(func(p *plans) { p.quota.Quota, p.shared.Throttle = quotaOf(9), sharedOf(8) })
	uses("acme", 3)
	uses("coal", 3)
	edit(func(p *plans) { p.quota.Quota, p.shared.Throttle = quotaOf(2), sharedOf(1) })
	uses("acme", 0)
	uses("coal", 0)
	uses("bolt", 2)
	// Used were nine; of the bucket, eight.
	edit(func(p *plans) { p.quota.Quota, p.shared.Throttle = quotaOf(10), sharedOf(9) })
	uses("acme", 1)
	uses("coal", 1)
	uses("bolt", 8)
	// The quota of another plan is another one, and that of the first is still used up.
	moved := func(p *plans) {
		p.quota.Quota, p.shared.Throttle = quotaOf(10), sharedOf(9)
		p.quota.Keys, p.other.Keys = []string{"bolt"}, []string{"acme"}
	}
	edit(moved)
	uses("acme", 4)
	uses("bolt", 0)
	edit(func(p *plans) { moved(p); p.quota.Keys, p.other.Keys = []string{"acme"}, []string{"bolt"} })
	uses("acme", 0)
	uses("bolt", 4)

	// A local throttle that changes to one that is there begins anew, and so does that of a
	// key that changes its plan; nobody else's does.
	uses("dora", 4)
	uses("ella", 7)
	edit(func(p *plans) { p.local.Throttle = few(7) })
	uses("dora", 7)
	uses("ella", 0)
	edit(func(p *plans) {
		p.local.Throttle, p.local.Keys, p.there.Keys = few(7), []string{"dora", "ella"}, nil
	})
	uses("dora", 0)
	uses("ella", 7)
}

// expectUses is expectPasses for limits that the service is asked about: a question that a
// busy machine does not answer in time is asked again, and may have been counted. Where a
// limit is open, nobody knows of it, and some more may go on.
func expectUses(t *testing.T, conn *connection, target, key string, want int, open bool) {
	t.Helper()
	most := want
	if open {
		most += 5
	}
	header, ok, late := "x-api-key: "+keyValue(key), 0, 0
	for refused := false; !refused && ok < 30; {
		switch status := conn.get(target, header); {
		case status == 200:
			ok++
		case status == 500 && late < 5 && !open:
			late++
		case status == 429:
			refused = true
		default:
			t.Fatalf("%s: %d", key, status)
		}
	}
	if ok > most || ok+late < want {
		t.Errorf("%s: %d calls went on, want %d; %d were not answered in time", key, ok, want, late)
	}
}
