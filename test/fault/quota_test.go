package fault

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
)

// interval is how often Envoys report, with some time for it to be noticed.
const interval = 5500 * time.Millisecond

// quotaSite has gateways one and two that count for the quotas of plans, each with a key of
// its own.
type quotaSite struct {
	dir, backend string
	ports        []int
}

func newQuotaSite(t *testing.T) *quotaSite {
	t.Helper()
	s := &quotaSite{dir: t.TempDir(), backend: backendNamed(t, "one"), ports: []int{proctest.FreePort(t), proctest.FreePort(t)}}
	replace(t, filepath.Join(s.dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, s.backend))
	return s
}

// write makes the definitions, with so much of a quota for each plan, which is also its
// failure mode.
func (s *quotaSite) write(t *testing.T, limit int, plans ...string) {
	t.Helper()
	var keys, list strings.Builder
	for _, plan := range plans {
		fmt.Fprintf(&keys, "  - {name: %s, value: %s-key-0123456789-abcd}\n", plan, plan)
		fmt.Fprintf(&list, "  - {name: %s, failureMode: %s, quota: {limit: %d, period: MONTH}, stages: [pets/v1], keys: [%s]}\n", plan, plan, limit, plan)
	}
	replace(t, filepath.Join(s.dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - {name: one, listeners: [{port: %d, address: 127.0.0.1}]}
  - {name: two, listeners: [{port: %d, address: 127.0.0.1}]}
apis: [{name: pets, definition: pets.openapi.yaml, gateways: [one, two], stages: [{name: v1}]}]
apiKeys:
%susagePlans:
%s`, s.ports[0], s.ports[1], keys.String(), list.String()))
}

// drain calls each Envoy at a time, so many times a second, until all are refused for
// longer than it takes to report; it gives when calls went on.
func (s *quotaSite) drain(t *testing.T, plan string, rate int) (passed []time.Time) {
	t.Helper()
	var mu sync.Mutex
	var callers sync.WaitGroup
	last, begin := time.Now(), time.Now()
	for _, port := range s.ports {
		callers.Go(func() {
			for {
				status := callWithKey(t, quotaURL(port), plan)
				mu.Lock()
				if status == 200 {
					last = time.Now()
					passed = append(passed, last)
				}
				over := time.Since(last) > interval+time.Second || time.Since(begin) > time.Minute
				mu.Unlock()
				if over {
					return
				}
				time.Sleep(time.Second / time.Duration(rate))
			}
		})
	}
	callers.Wait()
	return passed
}

// busiest is how many of the calls went on between two reports at most.
func busiest(passed []time.Time) (most int) {
	slices.SortFunc(passed, time.Time.Compare)
	for i := range passed {
		n, _ := slices.BinarySearchFunc(passed, passed[i].Add(interval), time.Time.Compare)
		most = max(most, n-i)
	}
	return most
}

// TestQuotaOfFleet holds two Envoys of one control plane, then of two that share Redis, to
// a quota, as far as the documentation says: what goes on beyond it is less than what they
// let through between two reports. Nothing is refused before the quota is used up.
func TestQuotaOfFleet(t *testing.T) {
	t.Parallel()
	const limit = 400
	for name, planes := range map[string]int{"one service": 1, "two services": 2} {
		t.Run(name, func(t *testing.T) {
			s := newQuotaSite(t)
			s.write(t, limit, "local")
			args := []string{"serve"}
			if planes == 2 {
				args = append(args, "--redis-url", redistest.Start(t).URL(), "--ratelimit-replicas", "2")
			}
			xds := []string{localPort(t), localPort(t)}
			for i := range planes {
				launch(t, append(slices.Clone(args), "--xds-address", xds[i], "--data-dir", t.TempDir(), s.dir)...).serving()
			}
			for i, gateway := range []string{"one", "two"} {
				startEnvoy(t, gateway, gateway, xds[i%planes])
				awaitStatus(t, quotaURL(s.ports[i]), "local", 200)
			}
			passed := s.drain(t, "local", 25)
			got, bound := len(passed)+2, busiest(passed)
			t.Logf("%d calls went on, of a quota of %d; %d between two reports", got, limit, bound)
			if got < limit*95/100 || got > limit+bound {
				t.Errorf("%d calls went on, want %d to %d", got, limit, limit+bound)
			}
		})
	}
}

// TestQuotaWithoutRedis has two control planes, each with an Envoy of its own, lose Redis,
// and find it again with what it knew: plans go on by their failure modes, and what went
// on meanwhile is counted. Then one control plane is killed under load, and its Envoy
// goes on with what it has.
func TestQuotaWithoutRedis(t *testing.T) {
	t.Parallel()
	const limit = 300
	redis := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newQuotaSite(t)
	s.write(t, limit, "local", "open")
	xds := []string{localPort(t), localPort(t)}
	serve := func(i int) *gatehouse {
		return launch(t, "serve", "--redis-url", redis.URL(), "--ratelimit-replicas", "2", "--xds-address", xds[i], "--data-dir", t.TempDir(), s.dir).serving()
	}
	planes := []*gatehouse{serve(0), serve(1)}
	for i, gateway := range []string{"one", "two"} {
		startEnvoy(t, gateway, gateway, xds[i])
		for _, plan := range []string{"local", "open"} {
			awaitStatus(t, quotaURL(s.ports[i]), plan, 200)
		}
	}
	if got := granted(t, s.ports, "local", 50); got != 50 {
		t.Errorf("%d of 50 calls went on", got)
	}
	time.Sleep(interval)
	redis.Kill()
	time.Sleep(interval)
	// Beyond the quota, where it is open; the other two keep to what there was.
	if got := granted(t, s.ports, "open", 2*limit); got != 2*limit {
		t.Errorf("open: %d of %d calls went on without Redis", got, 2*limit)
	}
	local := len(s.drain(t, "local", 50)) + 52
	t.Logf("local: %d calls went on, of a quota of %d", local, limit)
	if local < limit/2 || local > 2*limit {
		t.Errorf("local: %d calls went on, of a quota of %d", local, limit)
	}
	redis.Run()
	for i := range s.ports {
		awaitStatus(t, quotaURL(s.ports[i]), "open", 429)
	}
	if rest := len(s.drain(t, "local", 50)); local+rest > 2*limit {
		t.Errorf("local: %d calls went on in all, of a quota of %d", local+rest, limit)
	}

	// The other knows nothing of what the first had given out, but what was reported.
	planes[0].Kill()
	for i := range s.ports {
		awaitStatus(t, quotaURL(s.ports[i]), "local", 429)
	}
	if got := granted(t, s.ports, "open", 40); got != 0 {
		t.Errorf("open: %d calls went on at once without the service, of a quota that is used up", got)
	}
	serve(0)
	time.Sleep(2 * interval)
	out, err := exec.Command(proctest.Gatehouse(t), "usage", "--server", planes[1].base, "-o", "csv", "--plan", "open").CombinedOutput()
	if err != nil || !strings.Contains(string(out), ",open,open,pets,v1,") {
		t.Errorf("usage: %v: %s", err, out)
	}
	if got := granted(t, s.ports, "open", 40); got != 0 {
		t.Errorf("open: %d calls went on with another service, of a quota that is used up", got)
	}
}

// TestPlanEditedUnderLoad has a quota raised while it is in use: what was used stays used,
// and nothing is refused while there is something left.
func TestPlanEditedUnderLoad(t *testing.T) {
	t.Parallel()
	s := newQuotaSite(t)
	s.write(t, 100, "local")
	xds := localPort(t)
	g := launch(t, "serve", "--xds-address", xds, "--data-dir", t.TempDir(), s.dir).serving()
	for i, gateway := range []string{"one", "two"} {
		startEnvoy(t, gateway, gateway, xds)
		awaitStatus(t, quotaURL(s.ports[i]), "local", 200)
	}
	first := s.drain(t, "local", 20)
	s.write(t, 400, "local")
	g.acked()
	time.Sleep(interval)
	second := s.drain(t, "local", 20)
	got, bound := len(first)+len(second)+2, max(busiest(first), busiest(second))
	t.Logf("%d, then %d calls went on; %d between two reports", len(first), len(second), bound)
	if len(first) < 90 || got < 380 || got > 400+bound {
		t.Errorf("%d, then %d calls went on, of a quota of 100, then of 400", len(first), len(second))
	}
}
