package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/ratelimit"
)

// limited is an API whose limits are those of usage plans, one for each key, and of a
// stage.
func limited(t *testing.T, backend string, headers gateway.LimitHeaders, log string) *gateway.Snapshot {
	t.Helper()
	hard := func(burst int64) *gateway.Throttle {
		return &gateway.Throttle{Rate: 0.01, Burst: burst, Shared: true, Hard: true, FailureMode: gateway.FailOpen}
	}
	quota := func(limit int64, mode gateway.FailureMode) *gateway.Quota {
		return &gateway.Quota{Limit: limit, Period: gateway.QuotaMonth, Hard: true, FailureMode: mode}
	}
	own := strings.Replace(withQuota, "paths:", `x-amazon-apigateway-gateway-responses:
  QUOTA_EXCEEDED: {statusCode: 420, responseTemplates: {application/json: '{"calm": $context.error.messageString}'}}
  THROTTLED: {statusCode: 421, responseParameters: {gatewayresponse.header.X-Mine: "'yes'"}}
paths:`, 1)
	one := func(id, document string) gateway.API {
		return gateway.API{ID: id, Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, document, backend)}}}
	}
	s := snapshotOf(one("keys", withQuota), one("own", own), one("staged", withQuota), one("alone", withQuota), gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
		Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, things, backend), Throttle: hard(1),
	}}})
	s.APIs[2].Stages[0].Throttle = hard(1000)
	stages := []gateway.PlanStage{{API: "keys", Stage: "v1"}, {API: "own", Stage: "v1"}, {API: "staged", Stage: "v1"}}
	for name, plan := range map[string]gateway.UsagePlan{
		"quota":   {Quota: quota(2, gateway.FailClosed)},
		"bucket":  {Throttle: hard(2)},
		"both":    {Quota: quota(1000, gateway.FailClosed), Throttle: hard(2)},
		"local":   {Quota: quota(1000, gateway.FailOpen), Throttle: few(2)},
		"shadow":  {Throttle: &gateway.Throttle{Rate: 0.01, Burst: 2, Shared: true, Hard: true, FailureMode: gateway.FailLocal}},
		"shut":    {Throttle: &gateway.Throttle{Rate: 0, Burst: 2, Shared: true, Hard: true, FailureMode: gateway.FailOpen}},
		"nothing": {},
	} {
		plan.Name, plan.Stages, plan.Keys = name, stages, []string{name}
		if name == "shadow" {
			plan.Stages = []gateway.PlanStage{{API: "alone", Stage: "v1"}}
		}
		s.UsagePlans = append(s.UsagePlans, plan)
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret(keyValue(name))}})
	}
	slices.SortFunc(s.UsagePlans, func(a, b gateway.UsagePlan) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.APIKeys, func(a, b gateway.APIKey) int { return strings.Compare(a.Name, b.Name) })
	s.Gateways[0].LimitHeaders = headers
	if log != "" {
		s.Gateways[0].AccessLog = &gateway.AccessLog{Path: log}
	}
	return s
}

// allLimitHeaders are the headers that tell about limits, in the order of what they are
// asked for by.
var allLimitHeaders = []string{"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "ratelimit-policy"}

// TestSharedLimitHeaders asks by keys of all kinds what they are told about their limits,
// with their third request one too many.
func TestSharedLimitHeaders(t *testing.T) {
	backend := echoBackend(t, "one")
	file := filepath.Join(t.TempDir(), "access.log")
	all := gateway.LimitHeaders{RetryAfter: true, XRateLimit: true, Draft: true}
	s := limited(t, backend.URL, all, file)
	g := start(t, s)
	month := func() string {
		now := time.Now().UTC()
		first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		return fmt.Sprint(int(first.AddDate(0, 1, 0).Sub(first).Seconds()))
	}()
	const n = `\d+`
	// What the first request is told, and the third; a missing one is told nothing.
	for _, c := range []struct {
		host, target, key string
		status            int
		first, third      map[string]string
	}{
		{"keys", "/v1/closed", "quota", 429, map[string]string{
			"x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": n, "ratelimit": `"quota";r=1;t=` + n, "ratelimit-policy": `"quota";q=2;w=` + month,
		}, map[string]string{
			"retry-after": n, "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": n, "ratelimit": `"quota";r=0;t=` + n, "ratelimit-policy": `"quota";q=2;w=` + month,
		}},
		{"keys", "/v1/closed", "bucket", 429, map[string]string{
			"x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "100", "ratelimit": `"key-plan";r=1;t=100`, "ratelimit-policy": `"key-plan";q=2;w=200`,
		}, map[string]string{
			"retry-after": "(100|99|98)", "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "200", "ratelimit": `"key-plan";r=0;t=200`, "ratelimit-policy": `"key-plan";q=2;w=200`,
		}},
		// The two are asked about by different filters.
		{"keys", "/v1/closed", "both", 429, map[string]string{
			"x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "100",
			"ratelimit": `"key-plan";r=1;t=100, "quota";r=999;t=` + n, "ratelimit-policy": `"key-plan";q=2;w=200, "quota";q=1000;w=` + month,
		}, map[string]string{
			"retry-after": "(100|99|98)", "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "200",
			"ratelimit": `"key-plan";r=0;t=200`, "ratelimit-policy": `"key-plan";q=2;w=200`,
		}},
		// A bucket of Envoy's own beside a quota. Envoy's reset is the time to the next token.
		{"keys", "/v1/closed", "local", 429, map[string]string{
			"x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": n,
			"ratelimit": `"quota";r=999;t=` + n + `, "throttle";r=1;t=` + n, "ratelimit-policy": `"quota";q=1000;w=` + month + `, "throttle";q=2`,
		}, map[string]string{
			"retry-after": n, "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": n,
			// What it refuses does not get as far as to the quota.
			"ratelimit": `"throttle";r=0;t=` + n, "ratelimit-policy": `"throttle";q=2`,
		}},
		// Envoy's bucket in place of the service's is not told of beside that.
		{"alone", "/v1/closed", "shadow", 429, map[string]string{
			"x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "100", "ratelimit": `"key-plan";r=1;t=100`, "ratelimit-policy": `"key-plan";q=2;w=200`,
		}, map[string]string{
			"retry-after": "(100|99|98)", "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "200", "ratelimit": `"key-plan";r=0;t=200`, "ratelimit-policy": `"key-plan";q=2;w=200`,
		}},
		{"keys", "/v1/closed", "nothing", 200, nil, nil},
		{"keys", "/v1/open", "", 200, nil, nil},
		{"own", "/v1/closed", "quota", 420, nil, map[string]string{
			"retry-after": n, "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": n, "ratelimit": `"quota";r=0;t=` + n, "ratelimit-policy": `"quota";q=2;w=` + month,
		}},
		{"own", "/v1/closed", "bucket", 421, nil, map[string]string{
			"retry-after": "(100|9.)", "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": n, "ratelimit": `"key-plan";r=0;t=` + n, "ratelimit-policy": `"key-plan";q=2;w=200`,
		}},
		{"own", "/v1/closed", "local", 421, nil, map[string]string{
			"retry-after": n, "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": n,
			"ratelimit": `"throttle";r=0;t=` + n, "ratelimit-policy": `"throttle";q=2`,
		}},
		// A limit that lets nothing through has no time to come again.
		{"keys", "/v1/closed", "shut", 429, nil, map[string]string{
			"x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "ratelimit": `"key-plan";r=0`, "ratelimit-policy": `"key-plan";q=2`,
		}},
		// Others' use of the stage is nothing that a key with limits of its own is told.
		{"staged", "/v1/closed", "bucket", 429, nil, map[string]string{
			"retry-after": "(100|9.)", "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": n, "ratelimit": `"key-plan";r=0;t=` + n, "ratelimit-policy": `"key-plan";q=2;w=200`,
		}},
		{"http", "/things", "", 429, map[string]string{
			"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "100", "ratelimit": `"stage";r=0;t=100`, "ratelimit-policy": `"stage";q=1;w=100`,
		}, map[string]string{
			"retry-after": "(100|99|98)", "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "100", "ratelimit": `"stage";r=0;t=100`, "ratelimit-policy": `"stage";q=1;w=100`,
		}},
	} {
		name := c.host + c.target + " " + c.key
		for i := range 3 {
			var headers []string
			if c.key != "" {
				headers = []string{"x-api-key", keyValue(c.key)}
			}
			r := g.request("GET", c.host+".execute-api.localhost", c.target, "", headers...)
			want := c.first
			if i == 2 {
				want = c.third
				if r.StatusCode != c.status || c.status == 421 && r.Header.Get("x-mine") != "yes" {
					t.Errorf("%s: the third is answered %d %s %v", name, r.StatusCode, r.body, r.Header)
				}
				errorType := map[int]string{200: "", 420: "LimitExceededException", 421: "TooManyRequestsException", 429: "(LimitExceeded|TooManyRequests)Exception"}[c.status]
				if c.host == "http" {
					errorType = ""
				}
				if got := r.Header.Get("x-amzn-errortype"); !regexp.MustCompile("^" + errorType + "$").MatchString(got) {
					t.Errorf("%s: the error is %q", name, got)
				}
			}
			if i == 1 || i == 0 && c.first == nil && c.third != nil {
				continue
			}
			for _, h := range allLimitHeaders {
				got := strings.Join(r.Header.Values(h), " and ")
				if !regexp.MustCompile("^" + want[h] + "$").MatchString(got) {
					t.Errorf("%s, request %d: %s is %q, want %q", name, i+1, h, got, want[h])
				}
			}
		}
	}

	// What a key's own throttle refused has used nothing of its hard quota, which had two
	// requests.
	gold := slices.IndexFunc(s.UsagePlans, func(p gateway.UsagePlan) bool { return p.Name == "local" })
	look := ratelimit.Ask{Counter: "quota|" + s.UsagePlans[gold].ID() + "|local", Window: &ratelimit.Window{Limit: 1000, Period: ratelimit.Month}}
	if left, err := g.limits.Take(t.Context(), []ratelimit.Ask{look}); err != nil || left[0].Remaining != 998 {
		t.Errorf("a quota of 1000 has left %v (%v) after 2 requests and 4 refused ones", left, err)
	}

	// The log says by which limit a request was refused, whoever worded the reply.
	type line struct {
		Refusal, Limit string
		Status         int
	}
	want := map[line]bool{
		{"quota-exceeded", "quota", 429}: true, {"throttled", "key-plan", 429}: true, {"throttled", "stage", 429}: true,
		{"quota-exceeded", "quota", 420}: true, {"throttled", "key-plan", 421}: true,
		// Envoy's own buckets do not tell which kind they are of.
		{"throttled", "", 429}: true, {"throttled", "", 421}: true, {"", "", 200}: true,
	}
	awaitLog(t, file, want)
}

// awaitLog waits until a log of JSON lines has all of these, and no other kinds of lines.
func awaitLog[T comparable](t *testing.T, file string, want map[T]bool) {
	t.Helper()
	var got map[T]bool
	for range 100 {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got = map[T]bool{}
		for text := range strings.Lines(string(text)) {
			var l T
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			got[l] = true
		}
		if maps.Equal(got, want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("the access log has %v, want %v", got, want)
}

// TestLimitHeadersAsWanted holds that a gateway tells what it is asked to tell, of limits
// of the service and of Envoy, and nothing else.
func TestLimitHeadersAsWanted(t *testing.T) {
	backend := echoBackend(t, "one")
	for _, headers := range []gateway.LimitHeaders{{}, {RetryAfter: true}, {XRateLimit: true}, {Draft: true}} {
		t.Run(fmt.Sprintf("%+v", headers), func(t *testing.T) {
			g := start(t, limited(t, backend.URL, headers, ""))
			for _, c := range []struct{ host, key string }{{"keys", "quota"}, {"keys", "local"}, {"own", "bucket"}, {"alone", "shadow"}} {
				for i := range 3 {
					r := g.request("GET", c.host+".execute-api.localhost", "/v1/closed", "", "x-api-key", keyValue(c.key))
					if (r.StatusCode != 200) != (i == 2) {
						t.Errorf("%s %s, request %d: %d", c.host, c.key, i+1, r.StatusCode)
					}
					var want, got []string
					for _, h := range allLimitHeaders {
						if len(r.Header.Values(h)) > 0 {
							got = append(got, h)
						}
						if headers.RetryAfter && h == "retry-after" && i == 2 || headers.XRateLimit && strings.HasPrefix(h, "x-") || headers.Draft && strings.HasPrefix(h, "ratelimit") {
							want = append(want, h)
						}
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s %s, request %d: %v, want %v", c.host, c.key, i+1, got, want)
					}
				}
			}
		})
	}
}
