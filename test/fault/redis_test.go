package fault

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
)

// petsWithKeys is an API with a route for whoever has a key, but for its backend.
const petsWithKeys = `openapi: 3.0.1
info: {title: pets, version: "1"}
components: {securitySchemes: {key: {type: apiKey, name: x-api-key, in: header}}}
paths:
  /pets: {get: {security: [{key: []}], responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://%s/things"}}}
`

// TestHardQuotaInRedis holds two control planes, each with an Envoy of its own, to the
// hard quotas that they share: as one while Redis answers, and by failure mode while it
// is killed or hangs.
func TestHardQuotaInRedis(t *testing.T) {
	// What Redis wrote before it answered is there when it comes back.
	redis := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always", "--requirepass", "s3cret-of-redis")
	dir, backend := t.TempDir(), backendNamed(t, "one")
	ports := []int{proctest.FreePort(t), proctest.FreePort(t)}
	replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - {name: one, listeners: [{port: %d, address: 127.0.0.1}]}
  - {name: two, listeners: [{port: %d, address: 127.0.0.1}]}
apis: [{name: pets, definition: pets.openapi.yaml, gateways: [one, two], stages: [{name: v1}]}]
apiKeys:
  - {name: closed, value: closed-key-0123456789-abcd}
  - {name: open, value: open-key-0123456789-abcd}
  - {name: local, value: local-key-0123456789-abcd}
usagePlans:
  - {name: closed, failureMode: closed, quota: {limit: 20, period: MONTH}, stages: [pets/v1], keys: [closed]}
  - {name: open, failureMode: open, quota: {limit: 20, period: MONTH, hard: true}, stages: [pets/v1], keys: [open]}
  - {name: local, failureMode: local, quota: {limit: 20, period: MONTH, hard: true}, stages: [pets/v1], keys: [local]}
`, ports[0], ports[1]))
	replace(t, filepath.Join(dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backend))

	for i, gateway := range []string{"one", "two"} {
		xds := localPort(t)
		cmd := exec.Command(proctest.Gatehouse(t), "serve", "--ratelimit-replicas", "2", "--xds-address", xds, "--data-dir", t.TempDir(), dir)
		cmd.Env = append(os.Environ(), "GATEHOUSE_REDIS_URL=redis://:s3cret-of-redis@"+redis.Addr())
		g := launchCommand(t, cmd).serving()
		startEnvoy(t, gateway, gateway, xds)
		awaitStatus(t, quotaURL(ports[i]), "local", 200)
		t.Cleanup(func() {
			if strings.Contains(g.Output(), "s3cret") {
				t.Error("the password of Redis is in the log")
			}
		})
	}
	// A busy machine may have a call wait for Redis too long: fewer may go on than could,
	// never more. The first call of each Envoy has taken one of the local quota.
	if got := 2 + granted(t, ports, "local", 10); got < 8 || got > 12 {
		t.Errorf("local: %d of 12 calls went on", got)
	}
	closed := granted(t, ports, "closed", 15)
	if closed < 10 {
		t.Errorf("closed: %d of 15 calls went on", closed)
	}

	for name, fail := range map[string]func(){"killed": redis.Kill, "hangs": redis.Pause} {
		fail()
		awaitStatus(t, quotaURL(ports[0]), "closed", 429)
		awaitStatus(t, quotaURL(ports[1]), "closed", 429)
		// That a quota is used up is remembered until Redis is seen to be gone.
		awaitStatus(t, quotaURL(ports[0]), "open", 200)
		awaitStatus(t, quotaURL(ports[1]), "open", 200)
		if got := granted(t, ports, "open", 30); got != 30 {
			t.Errorf("%s: open: %d of 30 calls went on", name, got)
		}
		if got := granted(t, ports, "closed", 10); got != 0 {
			t.Errorf("%s: closed: %d calls went on", name, got)
		}
		if name == "killed" {
			redis.Run()
		} else {
			redis.Resume()
		}
		// All was added to Redis's count, and what is left of the closed one is as it was.
		awaitStatus(t, quotaURL(ports[0]), "open", 429)
		awaitStatus(t, quotaURL(ports[1]), "open", 429)
	}
	// The calls that Redis got but did not answer in time may be in its count, too.
	if closed += granted(t, ports, "closed", 30); closed > 20 || closed < 12 {
		t.Errorf("closed: %d calls went on in all, of a quota of 20", closed)
	}
}

// TestRateLimitApart has two processes that only count, together in Redis. Killing one
// loses no request and no count; without any the failure mode holds, and the one that
// comes back knows what was counted.
func TestRateLimitApart(t *testing.T) {
	redis := redistest.Start(t)
	dir, backend, port := t.TempDir(), backendNamed(t, "one"), proctest.FreePort(t)
	counting := []string{localPort(t), localPort(t)}
	replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}]
    services: {ratelimit: [%q, %q]}
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}]
apiKeys: [{name: acme, value: acme-key-0123456789-abcd}, {name: free, value: free-key-0123456789-abcd}]
usagePlans:
  - {name: gold, failureMode: closed, quota: {limit: 100, period: MONTH}, stages: [pets/v1], keys: [acme]}
  - {name: free, stages: [pets/v1], keys: [free]}
`, port, counting[0], counting[1]))
	replace(t, filepath.Join(dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backend))
	count := func(address string) *gatehouse {
		return launch(t, "serve", "--roles", "ratelimit", "--redis-url", redis.URL(), "--ratelimit-replicas", "2", "--xds-address", address, "--data-dir", t.TempDir(), dir).serving()
	}
	one, two := count(counting[0]), count(counting[1])
	xds := localPort(t)
	launch(t, "serve", "--roles", "xds,extauthz", "--xds-address", xds, "--data-dir", t.TempDir(), dir).serving()
	startEnvoy(t, "edge", "edge", xds)
	awaitStatus(t, quotaURL(port), "acme", 200)
	tried(t, port, "free", 20).expect(t, 20)
	all := tried(t, port, "acme", 39)
	all.expect(t, 39)
	calls := func(g *gatehouse) float64 { return g.metric("gatehouse_ratelimit_descriptors_total", "") }
	if calls(one) == 0 || calls(two) == 0 {
		t.Errorf("calls are not shared out: %v and %v", calls(one), calls(two))
	}
	one.Kill()
	alone := tried(t, port, "acme", 30)
	alone.expect(t, 30)
	two.Kill()
	awaitStatus(t, quotaURL(port), "acme", 500)
	one = count(counting[0])
	awaitStatus(t, quotaURL(port), "acme", 200)
	// A question that was under way when its process was killed may count twice, and one
	// that Redis answered too late is in its count.
	rest := tried(t, port, "acme", 50)
	if stalled := all.stalled + alone.stalled + rest.stalled; rest.ok < 25-stalled || rest.ok > 29+all.stalled+alone.stalled {
		t.Errorf("%d calls went on afterwards, want the 29 that were left; %d stalled", rest.ok, stalled)
	}

	// What the process that was killed had not told Redis yet is missing from the usage.
	usage := func(args ...string) string {
		out, err := exec.Command(proctest.Gatehouse(t), append([]string{"usage", "--server", one.base}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("usage: %v: %s", err, out)
		}
		return string(out)
	}
	eventually(t, "usage is counted", func() bool {
		return strings.Contains(usage("-o", "csv", "--plan", "gold"), ",gold,acme,pets,v1,")
	})
	// Envoy reports to the one that is there.
	granted(t, []int{port}, "free", 5)
	eventually(t, "usage of a key without a limit is counted", func() bool {
		return strings.Contains(usage("-o", "csv", "--plan", "free"), ",free,free,pets,v1,")
	})
	awaitStatus(t, quotaURL(port), "acme", 429)
	usage("--plan", "gold", "--key", "acme", "--set-remaining", "3")
	tried(t, port, "acme", 10).expect(t, 3)
}

// TestSharedRate holds three Envoys of two control planes to one rate for half a minute,
// each asked for more than its third of it: by a question before each request, and by
// parts of the rate.
func TestSharedRate(t *testing.T) {
	t.Run("hard", func(t *testing.T) { sharedRate(t, "scope: shared, hard: true") })
	t.Run("reported", func(t *testing.T) { sharedRate(t, "scope: shared") })
}

func sharedRate(t *testing.T, scope string) {
	const rate, burst = 40, 20
	redis := redistest.Start(t)
	dir, backend := t.TempDir(), backendNamed(t, "one")
	ports := []int{proctest.FreePort(t), proctest.FreePort(t), proctest.FreePort(t)}
	var gateways strings.Builder
	for i, port := range ports {
		fmt.Fprintf(&gateways, "  - {name: g%d, listeners: [{port: %d, address: 127.0.0.1}]}\n", i, port)
	}
	replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
%sapis:
  - name: pets
    protocol: HTTP
    gateways: [g0, g1, g2]
    definition: pets.openapi.yaml
    backend: "http://%s"
    stages: [{name: v1, throttle: {rate: %d, burst: %d, %s}}]
`, gateways.String(), backend, rate, burst, scope))
	replace(t, filepath.Join(dir, "pets.openapi.yaml"), `{openapi: 3.0.1, info: {title: pets, version: "1"}, paths: {/pets: {get: {responses: {"200": {description: ok}}}}}}`)
	planes := []string{localPort(t), localPort(t)}
	var services []*gatehouse
	for _, xds := range planes {
		services = append(services, launch(t, "serve", "--redis-url", redis.URL(), "--ratelimit-replicas", "2", "--xds-address", xds, "--data-dir", t.TempDir(), dir).serving())
	}
	var envoys []*envoy
	for i, port := range ports {
		envoys = append(envoys, startEnvoy(t, fmt.Sprint("e", i), fmt.Sprint("g", i), planes[i%len(planes)]))
		awaitStatus(t, quotaURL(port), "", 200)
	}
	// What nobody answered in time says nothing about the rate of those who do: on a busy
	// machine the round is made again.
	unanswered := func() (n float64) {
		for i := range services {
			n += services[i].metric("gatehouse_ratelimit_fallback_answers_total", "")
		}
		for i := range envoys {
			n += envoys[i].stats(t, `ratelimit\.(error|failure_mode_allowed)`)
		}
		return n
	}
	for round := 1; ; round++ {
		before := unanswered()
		calls, took := askForMore(t, ports)
		missed := unanswered() - before
		want := ideal(calls, rate, burst)
		got := 0
		for i := range calls {
			if calls[i].ok {
				got++
			}
		}
		t.Logf("%d of %d calls went on in %v, of %.0f that may; an ideal bucket lets %d through, %+.1f %%; %v questions were not answered in time",
			got, len(calls), took, rate*took.Seconds(), want, 100*(float64(got)/float64(want)-1), missed)
		off := 0.05
		if missed > 0 {
			if round < 3 {
				continue
			}
			off = 0.25
		}
		if float64(got) < (1-off)*float64(want) || float64(got) > (1+off)*float64(want) {
			t.Errorf("%d calls went on in half a minute, want %d", got, want)
		}
		if want < rate*10 {
			t.Errorf("only %d calls could go on: hardly any were made", want)
		}
		return
	}
}

// A call through one of several Envoys: when it was answered, and whether it went on.
type call struct {
	at time.Time
	ok bool
}

// askForMore asks each Envoy for half a minute for more than its part of a rate. The
// bucket is empty at the first of the calls that it gives, in the order of their answers.
func askForMore(t *testing.T, ports []int) (calls []call, took time.Duration) {
	t.Helper()
	for granted(t, ports, "", 3) > 0 {
	}
	begin := time.Now()
	var mu sync.Mutex
	var callers errgroup.Group
	for i, port := range ports {
		callers.Go(func() error {
			for time.Since(begin) < 30*time.Second {
				ok := granted(t, []int{port}, "", 1) == 1
				mu.Lock()
				calls = append(calls, call{time.Now(), ok})
				mu.Unlock()
				// The first Envoy has twice the callers that the others have.
				time.Sleep(time.Duration(5+5*min(i, 1)) * time.Millisecond)
			}
			return nil
		})
	}
	_ = callers.Wait()
	return calls, time.Since(begin)
}

// ideal is how many of the calls go on where one bucket, empty at the first, is asked by
// all. Callers that could not call for a while, on a busy machine, ask less of it than its
// rate.
func ideal(calls []call, rate, burst float64) (granted int) {
	tokens := 0.0
	for i := range calls {
		if i > 0 {
			tokens = min(burst, tokens+rate*calls[i].at.Sub(calls[i-1].at).Seconds())
		}
		if tokens >= 1 {
			tokens--
			granted++
		}
	}
	return granted
}

func quotaURL(port int) string {
	return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/pets/v1/pets", port)
}

func callWithKey(t *testing.T, url, plan string) int {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-api-key", plan+"-key-0123456789-abcd")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func awaitStatus(t *testing.T, url, plan string, want int) {
	t.Helper()
	var got int
	for end := time.Now().Add(proctest.Patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = callWithKey(t, url, plan); got == want {
			return
		}
	}
	t.Fatalf("%s with the key of %s: %d, want %d", url, plan, got, want)
}

// granted is how many of so many calls go on, by turns through each Envoy.
func granted(t *testing.T, ports []int, plan string, calls int) (ok int) {
	t.Helper()
	for i := range calls {
		begin := time.Now()
		switch status := callWithKey(t, quotaURL(ports[i%len(ports)]), plan); {
		case status == 200:
			ok++
		case status != 429 && (status != 500 || time.Since(begin) < stalledAfter):
			t.Errorf("%s: status %d", plan, status)
		}
	}
	return ok
}

// stalledAfter is how long a call takes at least for which somebody was not asked in time:
// the service waits 50 ms for Redis, and Envoy longer for the service.
const stalledAfter = 45 * time.Millisecond

// A tally of calls. Those that stalled did not go on, and took so long that nobody may have
// been asked. A busy machine does that, and it says nothing about limits.
type tally struct{ ok, stalled int }

func tried(t *testing.T, port int, plan string, calls int) tally {
	t.Helper()
	return triedAt(t, quotaURL(port), plan, calls)
}

func triedAt(t *testing.T, url, plan string, calls int) (n tally) {
	t.Helper()
	for range calls {
		begin := time.Now()
		switch status := callWithKey(t, url, plan); {
		case status == 200:
			n.ok++
		case (status == 429 || status == 500) && time.Since(begin) > stalledAfter:
			n.stalled++
			// Lest several in a row have Redis not asked any more.
			time.Sleep(100 * time.Millisecond)
		case status != 429:
			t.Errorf("%s: status %d", plan, status)
		}
	}
	return n
}

// expect that so many calls went on, but for those that stalled.
func (n tally) expect(t *testing.T, want int) {
	t.Helper()
	if n.ok > want || n.ok+n.stalled < want {
		t.Errorf("%d calls went on, want %d; %d stalled", n.ok, want, n.stalled)
	}
}

// stats is the sum of Envoy's counters whose names match.
func (e *envoy) stats(t *testing.T, filter string) (sum float64) {
	t.Helper()
	_, body, err := get(e.admin + "/stats?format=text&filter=" + url.QueryEscape(filter))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(body) {
		var n float64
		if _, value, ok := strings.Cut(line, ": "); ok {
			if _, err := fmt.Sscan(value, &n); err == nil {
				sum += n
			}
		}
	}
	return sum
}
