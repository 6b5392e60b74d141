package redis

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
)

// TestSlotMoves moves the slots of a count, of a bucket, of usage and of notes to another
// node of a Cluster, as redis-cli does, while they are in use: nothing fails, and nothing
// is counted twice or lost.
func TestSlotMoves(t *testing.T) {
	servers := redistest.Cluster(t, 2)
	s := open(t, Options{URL: "redis+cluster://" + servers[0].Addr(), OverLimit: -1})
	ctx := context.Background()
	day := ratelimit.Window{Limit: 1000, Period: ratelimit.Year}
	asks := []ratelimit.Ask{
		{Counter: "count", Window: &day, Hits: 1},
		{Counter: "bucket", Bucket: &ratelimit.Bucket{Rate: 1e-6, Burst: 1000}, Hits: 1},
	}
	used := int64(0)
	use := func(when string) {
		t.Helper()
		used++
		answers, err := s.Take(ctx, asks)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		for i, a := range answers {
			if a.Granted != 1 || a.Remaining != 1000-used {
				t.Errorf("%s: %s: %+v, want %d left", when, asks[i].Counter, a, 1000-used)
			}
		}
		if err := s.AddUsage(ctx, []ratelimit.Usage{{Plan: "p", Key: "k", API: "a", Stage: "s", Allowed: 1}}); err != nil {
			t.Errorf("%s: usage: %v", when, err)
		}
		if err := s.NoteQuotas(ctx, []ratelimit.QuotaNote{{Plan: "p", Key: "k", Counter: "count", Window: day}}); err != nil {
			t.Errorf("%s: notes: %v", when, err)
		}
		if _, err := s.Meet(ctx, "one", []ratelimit.Claim{{Counter: "bucket", Demands: []float64{1}}}); err != nil {
			t.Errorf("%s: meeting: %v", when, err)
		}
	}
	use("before")
	names := []string{s.prefix + "w:count", s.prefix + "b:bucket", s.prefix + "c:bucket", s.usageKey("p"), s.quotaKey("p"), s.plansKey()}
	moved := map[int64]bool{}
	for _, name := range names {
		slot := servers[0].Do("CLUSTER", "KEYSLOT", name).(int64)
		if moved[slot] {
			continue // usage and notes of a plan are in one
		}
		moved[slot] = true
		from, to := servers[0], servers[1]
		if slot >= 8192 {
			from, to = to, from
		}
		ids := map[*redistest.Server]any{from: from.Do("CLUSTER", "MYID"), to: to.Do("CLUSTER", "MYID")}
		to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from])
		from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
		use(name + ": nothing has moved yet")
		keys := from.Do("CLUSTER", "GETKEYSINSLOT", slot, 100).([]any)
		if len(keys) == 0 {
			t.Errorf("%s: there is nothing to move", name)
		}
		for _, key := range keys {
			if answer, err := from.Try("MIGRATE", "127.0.0.1", to.Port(), key, 0, 5000); err != nil {
				t.Errorf("%v does not move: %v, %v", key, answer, err)
			}
			use(fmt.Sprint(key, " has moved"))
		}
		for _, server := range []*redistest.Server{to, from} {
			server.Do("CLUSTER", "SETSLOT", slot, "NODE", ids[to])
		}
		use(name + ": all has moved")
	}
	today := time.Now()
	days, err := s.Usage(ctx, "p", today.Add(-24*time.Hour), today.Add(24*time.Hour))
	allowed := int64(0)
	for i := range days {
		allowed += days[i].Allowed
	}
	if err != nil || allowed != used {
		t.Errorf("usage is %d, want %d, %v", allowed, used, err)
	}
	notes, err := s.Quotas(ctx, "p", today.Add(-24*time.Hour), today.Add(24*time.Hour))
	if err != nil || len(notes) == 0 || notes[len(notes)-1].Remaining != 1000-used {
		t.Errorf("noted are %+v, want %d left, %v", notes, 1000-used, err)
	}
}

// TestUsageWithoutANode adds usage while a node of a Cluster is lost: what failed is told,
// so that it alone is added again.
func TestUsageWithoutANode(t *testing.T) {
	servers := redistest.Cluster(t, 3)
	for _, server := range servers {
		server.Do("CONFIG", "SET", "cluster-require-full-coverage", "no")
	}
	s := open(t, Options{URL: "redis+cluster://" + servers[0].Addr() + "," + servers[1].Addr() + "," + servers[2].Addr()})
	// Not the one that has the names of the plans.
	lost := servers[0]
	if lost.Do("CLUSTER", "KEYSLOT", s.plansKey()).(int64) < 16384/3 {
		lost = servers[1]
	}
	var counts []ratelimit.Usage
	for i := range 30 {
		counts = append(counts, ratelimit.Usage{Plan: fmt.Sprint("plan ", i), Key: "k", Allowed: 1}, ratelimit.Usage{Plan: fmt.Sprint("plan ", i), Key: "l", Denied: 2})
	}
	lost.Kill()
	for round := range 2 {
		part := &ratelimit.PartialError{}
		if err := s.AddUsage(t.Context(), counts); !errors.As(err, &part) || len(part.Failed) == 0 || round == 0 && len(part.Failed) == len(counts) {
			t.Fatalf("round %d: %v, failed are %v of %d", round, err, part.Failed, len(counts))
		}
		var again []ratelimit.Usage
		for _, i := range part.Failed {
			again = append(again, counts[i])
		}
		counts = again
	}
	lost.Run()
	redistest.Wait(t, "all to be added", func() bool { return s.AddUsage(t.Context(), counts) == nil })
	days, err := s.Usage(t.Context(), "", time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour))
	if err != nil || len(days) != 60 {
		t.Fatalf("usage of %d keys, want 60, %v", len(days), err)
	}
	for _, d := range days {
		if d.Allowed+d.Denied/2 != 1 {
			t.Errorf("%+v is not counted once", d)
		}
	}
}
