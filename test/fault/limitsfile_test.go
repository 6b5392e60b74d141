package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/proctest"
)

// TestLimitsFileCannotBeHad begins with a folder where the file of counts should be. What is
// used meanwhile is added to what the file has when it is there, in the same process, and all of it
// holds after a restart.
func TestLimitsFileCannotBeHad(t *testing.T) {
	t.Parallel()
	dir, data, port, xds := t.TempDir(), t.TempDir(), proctest.FreePort(t), localPort(t)
	replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways: [{name: edge, listeners: [{port: %d, address: 127.0.0.1}]}]
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}]
apiKeys: [{name: acme, value: acme-key-0123456789-abcd}]
usagePlans: [{name: gold, failureMode: closed, quota: {limit: 100, period: MONTH, hard: true}, stages: [pets/v1], keys: [acme]}]
`, port))
	replace(t, filepath.Join(dir, "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backendNamed(t, "one")))
	serve := func() *gatehouse {
		return launch(t, "serve", "--xds-address", xds, "--data-dir", data, dir).serving()
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(data, from), filepath.Join(data, to)); err != nil {
			t.Fatal(err)
		}
	}
	call := func(times int) {
		t.Helper()
		for range times {
			if status := callWithKey(t, quotaURL(port), "acme"); status != 200 {
				t.Fatalf("a call is answered %d", status)
			}
		}
	}

	g := serve()
	startEnvoy(t, "edge", "edge", xds)
	awaitStatus(t, quotaURL(port), "acme", 200)
	call(10)
	first := today(t, g, "acme")
	g.Stop()
	rename("limits.db", "elsewhere")
	if err := os.Mkdir(filepath.Join(data, "limits.db"), 0o700); err != nil {
		t.Fatal(err)
	}

	g = serve()
	g.AwaitOutput("counts of quotas and usage can't be read", "limits.db", "is a directory")
	awaitStatus(t, quotaURL(port), "acme", 200)
	call(20)
	second := today(t, g, "acme")
	if second[0] < 21 || second[1] <= 100-first[0]-21 {
		t.Errorf("without the file, a key used %d and has %d left", second[0], second[1])
	}
	rename("limits.db", "folder")
	rename("elsewhere", "limits.db")
	g.AwaitOutput("counts of quotas and usage are written again")
	want := [2]int64{first[0] + second[0], first[1] + second[1] - 100}
	if got := today(t, g, "acme"); got != want {
		t.Errorf("%d and %d were used, and it tells %d", first[0], second[0], got)
	}
	if _, body, _ := get(g.base + "/metrics"); !strings.Contains(body, "\ngatehouse_ratelimit_file_failures_total ") || strings.Contains(body, "\ngatehouse_ratelimit_file_failures_total 0\n") {
		t.Error("no failure is counted")
	}
	g.Stop()

	g = serve()
	if got := today(t, g, "acme"); got != want {
		t.Errorf("after a restart it tells %d, not %d", got, want)
	}
	awaitStatus(t, quotaURL(port), "acme", 200)
	awaitStatus(t, quotaURL(port), "acme", 429)
	// Envoy may have given up waiting for an answer that was counted.
	if got := today(t, g, "acme"); got[0] < 95 || got[0] > 100 || got[1] != 0 {
		t.Errorf("a key that is refused used %d and has %d left", got[0], got[1])
	}
}
