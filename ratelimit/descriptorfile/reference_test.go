package descriptorfile

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/testing/protocmp"

	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/ratelimit/redis"
	"gatehouse/test/reference"
)

// writeRandomRules writes descriptors of a small alphabet, so that requests meet them.
func writeRandomRules(r *rand.Rand, b *strings.Builder, indent string, depth int) {
	seen := map[pair]bool{}
	for range 1 + r.IntN(6) {
		e := pair{[]string{"a", "b", "c"}[r.IntN(3)], []string{"", "x", "y", "xy", "x*", "xy*", "*", "y*"}[r.IntN(8)]}
		if seen[e] {
			continue
		}
		seen[e] = true
		fmt.Fprintf(b, "%s- key: %s\n", indent, e.key)
		if e.value != "" {
			fmt.Fprintf(b, "%s  value: \"%s\"\n", indent, e.value)
		}
		for _, flag := range []string{"shadow_mode", "quota_mode", "share_threshold"} {
			if r.IntN(6) == 0 && (flag != "share_threshold" || strings.HasSuffix(e.value, "*")) {
				fmt.Fprintf(b, "%s  %s: true\n", indent, flag)
			}
		}
		if r.IntN(5) > 0 {
			fmt.Fprintf(b, "%s  rate_limit:\n", indent)
			if r.IntN(8) == 0 {
				fmt.Fprintf(b, "%s    unlimited: true\n", indent)
			} else {
				// Seconds and minutes may end between two questions.
				fmt.Fprintf(b, "%s    unit: %s\n%s    requests_per_unit: %d\n", indent, []string{"hour", "day", "WEEK", "month", "year"}[r.IntN(5)], indent, r.IntN(6))
			}
			name := []string{"one", "two", "three", ""}[r.IntN(4)]
			if name != "" {
				fmt.Fprintf(b, "%s    name: %s\n", indent, name)
			}
			if replaces := []string{"one", "two", "three"}[r.IntN(3)]; replaces != name && r.IntN(4) == 0 {
				fmt.Fprintf(b, "%s    replaces: [{name: %s}]\n", indent, replaces)
			}
		}
		if depth > 0 && r.IntN(2) == 0 {
			fmt.Fprintf(b, "%s  descriptors:\n", indent)
			writeRandomRules(r, b, indent+"  ", depth-1)
		}
	}
}

func randomRequest(r *rand.Rand, domain string) *request {
	q := &request{Domain: domain, HitsAddend: uint32(r.IntN(3))}
	for range 1 + r.IntN(3) {
		var texts []string
		for range 1 + r.IntN(3) {
			texts = append(texts, []string{"a", "b", "c"}[r.IntN(3)], []string{"", "x", "y", "xy", "xyz", "x*", "z"}[r.IntN(7)])
		}
		d := desc(texts...)
		if r.IntN(6) == 0 {
			withHits(uint64(r.IntN(4)), d)
		}
		if r.IntN(10) == 0 {
			withLimit(uint32(r.IntN(4)), typev3.RateLimitUnit_YEAR, d)
		}
		q.Descriptors = append(q.Descriptors, d)
	}
	return q
}

// TestAsReference asks the reference service, where its binary is given, and this one the
// same, by the same files, and holds every answer to be the same: codes, limits, what
// remains, and headers.
func TestAsReference(t *testing.T) {
	if reference.Binary() == "" {
		t.Skip("NOT COMPARED: " + reference.Variable + " names no binary of the reference service")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	folder := t.TempDir()
	var domains []string
	for i := range 100 {
		domain := fmt.Sprint("domain", i)
		b := &strings.Builder{}
		fmt.Fprintf(b, "domain: %s\ndescriptors:\n", domain)
		writeRandomRules(r, b, "  ", 2)
		write(t, folder, filepath.Join("config", domain+".yaml"), b.String())
		domains = append(domains, domain)
	}
	server := redistest.Start(t)
	ports := reference.Ports{GRPC: proctest.FreePort(t), HTTP: proctest.FreePort(t), Debug: proctest.FreePort(t)}
	proctest.Start(t, reference.Command(folder, server.Addr(), ports)).
		Await(http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/healthcheck", ports.HTTP))
	conn, err := grpc.NewClient(fmt.Sprint("127.0.0.1:", ports.GRPC), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	theirs := ratelimitv3.NewRateLimitServiceClient(conn)

	files, _, ds := Read([]string{filepath.Join(folder, "config")})
	limits, more := Parse(files)
	if limits == nil {
		t.Fatal(ds, more)
	}
	redisStore, err := redis.Open(redis.Options{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer redisStore.Close()
	ours := map[string]*Service{}
	for name, store := range map[string]ratelimit.Store{"memory": memory.New(memory.Options{}), "redis": redisStore} {
		ours[name] = New(Options{Store: store, HeaderPrefix: "RateLimit"})
		ours[name].Swap(limits)
	}
	over, limited := 0, 0
	for range 5000 {
		ask := randomRequest(r, append(domains, "unknown")[r.IntN(len(domains)+1)])
		want, err := theirs.ShouldRateLimit(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if want.GetOverallCode() != ok {
			over++
		}
		for _, s := range want.GetStatuses() {
			if s.GetCurrentLimit() != nil {
				limited++
			}
		}
		for name, s := range ours {
			got, err := s.ShouldRateLimit(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			// Theirs tells of quota mode only where that is switched on, and not when
			// such a limit begins anew.
			got.DynamicMetadata = nil
			for i, w := range want.GetStatuses() {
				if g := got.GetStatuses()[i]; w.GetDurationUntilReset() == nil {
					g.DurationUntilReset = nil
				} else if off := g.GetDurationUntilReset().GetSeconds() - w.GetDurationUntilReset().GetSeconds(); off == -1 {
					// The second ended between the two.
					g.DurationUntilReset = w.DurationUntilReset
					for j, h := range got.GetResponseHeadersToAdd() {
						if h.GetKey() == "RateLimit-Reset" {
							got.ResponseHeadersToAdd[j] = want.GetResponseHeadersToAdd()[j]
						}
					}
				}
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				rules, _ := os.ReadFile(filepath.Join(folder, "config", ask.GetDomain()+".yaml"))
				t.Fatalf("%s, asked %v (-theirs +ours):\n%s\nby\n%s", name, ask, diff, rules)
			}
		}
	}
	t.Logf("%d limits were asked for, %d of 5000 requests refused", limited, over)
	if limited < 1000 || over < 200 {
		t.Error("too little was compared")
	}
}
