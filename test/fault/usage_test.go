package fault

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
)

// TestStopLosesNoUsage ends a process that counts while requests come, again and again:
// nothing that it let through is missing from its usage afterwards, nor in what it says
// to be left, wherever the counts are kept.
func TestStopLosesNoUsage(t *testing.T) {
	for name, flags := range map[string][]string{"memory": nil, "redis": {"--redis-url", redistest.Start(t).URL()}} {
		t.Run(name, func(t *testing.T) {
			const limit = 1_000_000
			dir, data, backend, port, xds := t.TempDir(), t.TempDir(), backendNamed(t, "one"), proctest.FreePort(t), localPort(t)
			replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways: [{name: edge, listeners: [{port: %d, address: 127.0.0.1}]}]
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}]
apiKeys: [{name: acme, value: acme-key-0123456789-abcd}]
usagePlans: [{name: gold, failureMode: closed, quota: {limit: %d, period: MONTH, hard: true}, stages: [pets/v1], keys: [acme]}]
`, port, limit))
			replace(t, filepath.Join(dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backend))
			serve := func() *gatehouse {
				return launch(t, append([]string{"serve", "--xds-address", xds, "--data-dir", data, dir}, flags...)...).serving()
			}
			g := serve()
			startEnvoy(t, "edge", "edge", xds)
			awaitStatus(t, quotaURL(port), "acme", 200)

			var passed, asked atomic.Int64
			passed.Add(1)
			asked.Add(1)
			var ended atomic.Bool
			var callers errgroup.Group
			for range 4 {
				callers.Go(func() error {
					for !ended.Load() {
						asked.Add(1)
						if callWithKey(t, quotaURL(port), "acme") == 200 {
							passed.Add(1)
						}
					}
					return nil
				})
			}
			var day [2]int64
			for range 3 {
				time.Sleep(700 * time.Millisecond)
				if code := g.Stop(); code != 0 {
					t.Errorf("exit %d", code)
				}
				before := passed.Load()
				g = serve()
				awaitStatus(t, quotaURL(port), "acme", 200)
				passed.Add(1)
				asked.Add(1)
				day = today(t, g, "acme")
				if day[0] < before {
					t.Errorf("%d requests had gone on when the process ended, and %d are in its usage", before, day[0])
				}
			}
			ended.Store(true)
			_ = callers.Wait()
			if code := g.Stop(); code != 0 {
				t.Errorf("exit %d", code)
			}
			g = serve()
			day = today(t, g, "acme")
			// Envoy may have given up waiting for an answer that was counted, a call of
			// awaitStatus that failed may be one. The count of the quota goes first.
			if used, count := day[0], limit-day[1]; used < passed.Load() || used > passed.Load()+20 || count < used || count > used+20 {
				t.Errorf("%d requests of %d went on; usage has %d, and %d left of %d", passed.Load(), asked.Load(), used, day[1], limit)
			}
			g.Stop()
			// A plan that is gone, and a process that has never seen it.
			replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways: [{name: edge, listeners: [{port: %d, address: 127.0.0.1}]}]
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}]
apiKeys: [{name: acme, value: acme-key-0123456789-abcd}]
`, port))
			g = serve()
			if out, err := exec.Command(proctest.Gatehouse(t), "usage", "--server", g.base).CombinedOutput(); err != nil || !strings.Contains(string(out), " gold ") {
				t.Errorf("the plan is gone, with its name: %v: %s", err, out)
			}
		})
	}
}

// today is what a key used today and has left, as a server says.
func today(t *testing.T, g *gatehouse, key string) [2]int64 {
	t.Helper()
	out, err := exec.Command(proctest.Gatehouse(t), "usage", "--server", g.base, "--plan", "gold", "--key", key, "--daily", "-o", "json").Output()
	var answer struct{ Items map[string][][2]int64 }
	if err != nil || json.Unmarshal(out, &answer) != nil || len(answer.Items[key]) == 0 {
		t.Fatalf("%v: %s", err, strings.TrimSpace(string(out)))
	}
	days := answer.Items[key]
	return days[len(days)-1]
}
