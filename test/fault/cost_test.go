package fault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/proctest"
)

// TestCost has a gateway serve calls of two kinds of API, is stopped and started in between,
// and then tells what they cost, on Amazon and by prices of one's own: nothing is missing,
// and nothing is charged for that was refused.
func TestCost(t *testing.T) {
	t.Parallel()
	dir, data, backend, port, xds := t.TempDir(), t.TempDir(), backendNamed(t, "one"), proctest.FreePort(t), localPort(t)
	write(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways: [{name: edge, listeners: [{port: %d, address: 127.0.0.1}], telemetry: true}]
apis:
  - {name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}
  - {name: shop, protocol: HTTP, definition: shop.openapi.yaml, backend: "http://%s", stages: [{name: $default}]}
apiKeys: [{name: acme, value: acme-key-0123456789-abcd}]
usagePlans: [{name: gold, stages: [pets/v1], keys: [acme]}]
`, port, backend))
	write(t, filepath.Join(dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backend))
	write(t, filepath.Join(dir, "shop.openapi.yaml"), `{openapi: 3.0.1, info: {title: shop, version: "1"}, paths: {/things: {get: {responses: {"200": {description: ok}}}}}}`)
	prices := filepath.Join(t.TempDir(), "own.yaml")
	write(t, prices, "{name: own, currency: EUR, prices: [{meter: calls, tiersOf: key, tiers: [{upTo: 2, price: 0}, {price: 0.5}]}]}")
	serve := func() *gatehouse {
		return launch(t, "serve", "--xds-address", xds, "--data-dir", data, dir).serving()
	}
	g := serve()
	startEnvoy(t, "edge", "edge", xds)
	month := time.Now().UTC().Format("2006-01")
	for range 5 {
		awaitStatus(t, quotaURL(port), "acme", 200)
	}
	if got := callWithKey(t, quotaURL(port), "nobody"); got != 403 {
		t.Fatalf("status %d", got)
	}
	costs := func() (answer struct {
		Tables []struct {
			Name, Currency string
			Items          []struct {
				Month, API, Key, Meter, Protocol string
				Amount, Cost                     json.Number
			}
		}
	}) {
		t.Helper()
		out, err := exec.Command(proctest.Gatehouse(t), "cost", "--server", g.base, "--prices", "own,aws", "--prices", prices, "--by", "api,key", "-o", "json").CombinedOutput()
		if err == nil {
			t.Fatalf("a file that is not there is no table: %s", out)
		}
		out, err = exec.Command(proctest.Gatehouse(t), "cost", "--server", g.base, "--prices", "aws", "--prices", prices, "--by", "api,key", "--from", month, "-o", "json").Output()
		if err != nil || json.Unmarshal(out, &answer) != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return answer
	}
	calls := func(table int) map[string]string {
		got := map[string]string{}
		for _, i := range costs().Tables[table].Items {
			if i.Meter != "gigabytesOut" {
				got[i.API+"/"+i.Key+" "+i.Meter] = i.Amount.String() + " = " + i.Cost.String()
			}
		}
		return got
	}
	// What Envoy tells comes within a second, and is kept when the process ends.
	for end := time.Now().Add(time.Minute); calls(0)["pets/acme calls"] != "5 = 0.0000175"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("counted: %v", calls(0))
		}
	}
	if code := g.Stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	g = serve()
	shop := fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/shop/things", port)
	for range 3 {
		if code, body, err := get(shop); code != http.StatusOK {
			t.Fatalf("%d %s %v", code, body, err)
		}
	}
	want := []map[string]string{
		{"pets/acme calls": "5 = 0.0000175", "shop/ callSteps": "3 = 0.000003"},
		{"pets/acme calls": "5 = 1.5", "shop/ calls": "3 = 0.5"},
	}
	for end := time.Now().Add(time.Minute); !cmp.Equal(want, []map[string]string{calls(0), calls(1)}); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(cmp.Diff(want, []map[string]string{calls(0), calls(1)}))
		}
	}
	// A file for programs has every amount to the last digit, a table for people what can be seen.
	for format, want := range map[string]string{"csv": ",REST calls,5,0.0000175", "text": "REST calls 5 0.000018"} {
		out, err := exec.Command(proctest.Gatehouse(t), "cost", "--server", g.base, "--prices", "aws", "--by", "api,key", "--from", month, "-o", format).Output()
		if text := strings.Join(strings.Fields(string(out)), " "); err != nil || !strings.Contains(text, want) {
			t.Errorf("-o %s: %v: %s", format, err, out)
		}
	}
}
