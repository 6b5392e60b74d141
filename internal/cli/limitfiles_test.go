package cli

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const shopLimits = `domain: shop
descriptors:
  - {key: user, rate_limit: {unit: hour, requests_per_unit: 2}}
`

// asksShop asks a daemon about a user of the domain shop, and gives the overall code and
// the limit.
func asksShop(t *testing.T, d *daemon, user string) (ratelimitv3.RateLimitResponse_Code, uint32) {
	t.Helper()
	address := d.logged("serving")["xds"].(string)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := ratelimitv3.NewRateLimitServiceClient(conn).ShouldRateLimit(ctx, &ratelimitv3.RateLimitRequest{
		Domain:      "shop",
		Descriptors: []*commonv3.RateLimitDescriptor{{Entries: []*commonv3.RateLimitDescriptor_Entry{{Key: "user", Value: user}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetOverallCode(), got.GetStatuses()[0].GetCurrentLimit().GetRequestsPerUnit()
}

// TestServeLimitFiles: limits of files are served without any definitions, are read again
// when they change, stay when they are broken, also over a restart, and a file that comes
// or goes counts.
func TestServeLimitFiles(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	t.Chdir(t.TempDir()) // there is no gatehouse.yaml in it
	limits := filepath.Join(dir, "limits")
	if err := os.Mkdir(limits, 0o755); err != nil {
		t.Fatal(err)
	}
	shop := filepath.Join(limits, "shop.yaml")
	write(t, shop, shopLimits)
	args := []string{"serve", "--roles", "ratelimit", "--ratelimit-config", limits, "--data-dir", data}
	d := startDaemon(t, args...)
	if code, body := get(t, strings.Replace(d.status, "/status", "/readyz", 1)); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	for i, want := range []ratelimitv3.RateLimitResponse_Code{ratelimitv3.RateLimitResponse_OK, ratelimitv3.RateLimitResponse_OK, ratelimitv3.RateLimitResponse_OVER_LIMIT} {
		if got, limit := asksShop(t, d, "ann"); got != want || limit != 2 {
			t.Errorf("call %d: %s with the limit %d, want %s", i, got, limit, want)
		}
	}
	files := func(what string, ok func(*limitFilesJSON) bool) *limitFilesJSON {
		t.Helper()
		return d.statusUntil(what, func(s statusJSON) bool { return s.RateLimitFiles != nil && ok(s.RateLimitFiles) }).RateLimitFiles
	}
	files("the files are in force", func(s *limitFilesJSON) bool { return s.InForce && strings.Join(s.Domains, " ") == "shop" })

	// All mistakes of all files, and the limits before go on.
	write(t, shop, strings.Replace(shopLimits, "unit: hour", "unit: fortnight", 1))
	write(t, filepath.Join(limits, "other.yaml"), "domain: shop\nmore: x\n")
	broken := files("both files are broken", func(s *limitFilesJSON) bool { return !s.InForce && len(s.Diagnostics) == 3 })
	for i, want := range []string{"unknown-key", "duplicate-domain", "unknown-value"} {
		found := false
		for _, d := range broken.Diagnostics {
			found = found || d.Code == want && d.Line > 0 && d.Column > 0
		}
		if !found {
			t.Errorf("%d: no %s in %+v", i, want, broken.Diagnostics)
		}
	}
	d.await(d.log, shop+":3:36: error unknown-value")
	d.logged("rate limits refused; those before are served on")
	if _, limit := asksShop(t, d, "bob"); limit != 2 {
		t.Errorf("the limit is %d, want that of before", limit)
	}
	if code, body := get(t, strings.Replace(d.status, "/status", "/metrics", 1)); !strings.Contains(body, "\ngatehouse_ratelimit_files_in_force 0\n") {
		t.Errorf("%d, metrics say something else than that the files are refused", code)
	}
	if code := d.exit(); code != exitGood {
		t.Errorf("exit code %d", code)
	}

	// A restart with broken files serves what was good, also what was counted of it.
	d = startDaemon(t, args...)
	d.logged("the files of rate limits cannot be served; serving those of an earlier run until they are mended")
	if code, limit := asksShop(t, d, "ann"); code != ratelimitv3.RateLimitResponse_OVER_LIMIT || limit != 2 {
		t.Errorf("after a restart: %s with the limit %d", code, limit)
	}
	if err := os.Remove(filepath.Join(limits, "other.yaml")); err != nil {
		t.Fatal(err)
	}
	write(t, shop, strings.Replace(shopLimits, "requests_per_unit: 2", "requests_per_unit: 9", 1))
	files("the files are mended", func(s *limitFilesJSON) bool { return s.InForce })
	if code, limit := asksShop(t, d, "ann"); code != ratelimitv3.RateLimitResponse_OK || limit != 9 {
		t.Errorf("after the edit: %s with the limit %d", code, limit)
	}
	d.exit()

	// What is kept is for the same paths only.
	write(t, shop, "domain: \n")
	d = launch(t, "serve", "--roles", "ratelimit", "--ratelimit-config", shop, "--data-dir", data)
	if code := <-d.ended; code != exitProblems {
		t.Errorf("broken files of other paths: exit code %d", code)
	}
	d.await(d.log, shop+":1:1: error missing-key")
}

// TestServeLimitFilesBesideDefinitions: one process has both.
func TestServeLimitFilesBesideDefinitions(t *testing.T) {
	dir := t.TempDir()
	for name, content := range petstore(freePort(t), "http://127.0.0.1:9") {
		write(t, filepath.Join(dir, name), content)
	}
	write(t, filepath.Join(dir, "shop.limits"), shopLimits)
	d := startDaemon(t, "serve", "--ratelimit-config", filepath.Join(dir, "shop.limits"), "--data-dir", t.TempDir(), filepath.Join(dir, "gatehouse.yaml"))
	if _, limit := asksShop(t, d, "ann"); limit != 2 {
		t.Errorf("the limit is %d", limit)
	}
}

func TestLimitFileFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "shop.yaml", shopLimits)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"serve --roles xds --ratelimit-config shop.yaml", exitUsage, "--ratelimit-config is for the role ratelimit"},
		// Who has other roles needs definitions.
		{"serve --roles xds,ratelimit --ratelimit-config shop.yaml", exitUsage, "there is no gatehouse.yaml here"},
		{"serve --ratelimit-config= --roles ratelimit", exitUsage, "there is no gatehouse.yaml here"},
		{"serve --ratelimit-config shop.yaml, --roles ratelimit", exitUsage, "empty path"},
		{"serve --ratelimit-headers RateLimit gatehouse.yaml", exitUsage, "--ratelimit-headers needs --ratelimit-config"},
		{"serve --roles ratelimit --ratelimit-config shop.yaml --ratelimit-headers a:b", exitUsage, "cannot begin a header's name"},
		{"serve --ratelimit-failure-mode open gatehouse.yaml", exitUsage, "--ratelimit-failure-mode needs --ratelimit-config"},
		{"serve --roles ratelimit --ratelimit-config shop.yaml --ratelimit-failure-mode shut", exitUsage, "a mode is local, open or closed"},
		{"serve --roles ratelimit --ratelimit-config shop.yaml --ratelimit-failure-mode =open", exitUsage, "names no domain"},
		{"serve --roles ratelimit --ratelimit-config shop.yaml --ratelimit-failure-mode shop=open,shop=closed", exitUsage, "another mode for the same"},
		{"serve --roles ratelimit --ratelimit-config shop.yaml --ratelimit-failure-mode open --ratelimit-failure-mode closed", exitUsage, "another mode for the same"},
		{"serve --roles ratelimit --ratelimit-config none.yaml --http-address 127.0.0.1:0 --xds-address 127.0.0.1:0 --data-dir d", exitProblems, "none.yaml:1:1: error unreadable-file"},
		{"validate --ratelimit-config shop.yaml", exitGood, "no problems"},
		{"validate --ratelimit-config shop.yaml,none.yaml", exitProblems, "none.yaml:1:1: error unreadable-file"},
		{"validate --ratelimit-config none.yaml missing.yaml", exitProblems, "2 errors"},
		{"validate", exitUsage, "name the files"},
	} {
		out := newLines()
		code := Main(t.Context(), strings.Fields(c.args), Streams{In: strings.NewReader(""), Out: out, Err: out})
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit code %d, want %d, and %q in:\n%s", c.args, code, c.code, c.says, out.String())
		}
	}
}
