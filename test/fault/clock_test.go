package fault

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
)

// TestClockOfRedisJumps sets the clock that two control planes, each with an Envoy of its
// own, have in common. A jump back never gives a quota a second time, or fills a bucket; a
// jump ahead never keeps a limit closed for longer than its period.
func TestClockOfRedisJumps(t *testing.T) {
	t.Parallel()
	noon := time.Date(2030, time.January, 15, 12, 0, 0, 0, time.UTC)
	redis := redistest.StartClocked(t, noon)
	dir, backend := t.TempDir(), backendNamed(t, "one")
	ports := []int{proctest.FreePort(t), proctest.FreePort(t)}
	replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - {name: one, listeners: [{port: %d, address: 127.0.0.1}]}
  - {name: two, listeners: [{port: %d, address: 127.0.0.1}]}
apis: [{name: pets, definition: pets.openapi.yaml, gateways: [one, two], stages: [{name: v1}]}]
apiKeys:
  - {name: quota, value: quota-key-0123456789-abcd}
  - {name: rate, value: rate-key-0123456789-abcd}
usagePlans:
  - {name: quota, failureMode: closed, quota: {limit: 20, period: DAY, hard: true}, stages: [pets/v1], keys: [quota]}
  - {name: rate, failureMode: closed, throttle: {rate: 0.001, burst: 10, scope: shared, hard: true}, stages: [pets/v1], keys: [rate]}
`, ports[0], ports[1]))
	replace(t, filepath.Join(dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backend))
	for i, gateway := range []string{"one", "two"} {
		xds := localPort(t)
		launch(t, "serve", "--redis-url", redis.URL(), "--ratelimit-replicas", "2", "--xds-address", xds, "--data-dir", t.TempDir(), dir).serving()
		startEnvoy(t, gateway, gateway, xds)
		// Who has no key shows that the Envoy is there, and is not counted.
		awaitStatus(t, quotaURL(ports[i]), "nobody", 403)
	}
	set := func(now time.Time) {
		t.Helper()
		redis.SetClock(now)
		// That something is used up is remembered for a second.
		time.Sleep(1100 * time.Millisecond)
	}
	used := func(what, plan string, want int) {
		t.Helper()
		all, stalled := 0, 0
		for i := range ports {
			n := tried(t, ports[i], plan, want/2+5)
			all += n.ok
			stalled += n.stalled
		}
		t.Logf("%s: %d calls went on", what, all)
		// Redis may have counted those whose answer came too late.
		if all > want || all+stalled < want {
			t.Errorf("%s: %d calls went on, want %d; %d stalled", what, all, want, stalled)
		}
	}
	used("the first day", "quota", 20)
	used("the bucket", "rate", 10)
	set(noon.Add(-3 * time.Hour))
	used("the first day, set back", "quota", 0)
	used("the bucket, set back", "rate", 0)
	set(noon.Add(24 * time.Hour))
	used("the next day", "quota", 20)
	used("the bucket, a day later", "rate", 10)
	set(noon)
	used("the first day again", "quota", 0)
	used("the bucket, a day back", "rate", 0)
	set(noon.Add(24*time.Hour + time.Minute))
	used("the next day again", "quota", 0)
	set(noon.Add(48 * time.Hour))
	used("the day after", "quota", 20)
	set(noon.AddDate(5, 0, 0))
	used("years later", "quota", 20)
	used("the bucket, years later", "rate", 10)
}
