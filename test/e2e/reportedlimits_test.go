package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/ratelimit"
)

// assigned is long enough for the part of a limit to come that a first request asks for, on a
// machine with much else to do.
const assigned = time.Second

// reportedWithin is when Envoy has reported, and heard of it.
const reportedWithin = 6 * time.Second

// TestReportedQuota holds that a key gets its quota by what Envoy reports, over all
// stages and with other keys beside it; that refusals are Amazon's; that usage is counted,
// also of keys without any limit; and that Envoy goes on alone with what it has.
func TestReportedQuota(t *testing.T) {
	t.Parallel()
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, withQuota, backend.URL)
	const acme, bolt, free, quiet = "acme-key-0123456789-acme", "bolt-key-0123456789-bolt", "free-key-0123456789-free", "quiet-key-0123456789-quiet"
	s := snapshotOf(gateway.API{ID: "keys", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}}})
	s.APIKeys = []gateway.APIKey{
		{Name: "acme", Values: []gateway.Secret{acme}}, {Name: "bolt:x", Values: []gateway.Secret{bolt}}, {Name: "free", Values: []gateway.Secret{free}},
		{Name: "quiet", Values: []gateway.Secret{quiet}},
	}
	stages := []gateway.PlanStage{{API: "keys", Stage: "v1"}, {API: "keys", Stage: "v2"}}
	s.UsagePlans = []gateway.UsagePlan{
		{Name: "gold", Stages: stages, Keys: []string{"acme", "bolt:x"}, Quota: &gateway.Quota{Limit: 11, Period: gateway.QuotaMonth, Offset: 1, FailureMode: gateway.FailLocal}},
		{Name: "free", Stages: stages, Keys: []string{"free"}},
		// In this stage, there is a key that is not counted.
		{Name: "quiet", Stages: stages[1:], Keys: []string{"quiet"}, Uncounted: true},
	}
	g := start(t, s)
	const host = "keys.execute-api.localhost"
	ask := func(target, key string, want int) reply {
		t.Helper()
		r := g.request("GET", host, target, "", "x-api-key", key)
		if r.StatusCode != want {
			t.Errorf("%s with %.4s: %d %s, want %d", target, key, r.StatusCode, r.body, want)
		}
		return r
	}
	for range 8 {
		ask("/v1/closed", free, 200)
		ask("/v2/closed", quiet, 200)
	}
	ask("/v1/closed", quiet, 403)
	// The offset has taken one of the 11.
	ask("/v1/closed", acme, 200)
	time.Sleep(assigned)
	for range 9 {
		ask("/v1/closed", acme, 200)
	}
	r := ask("/v1/closed", acme, 429)
	if r.body != `{"message":"Limit Exceeded"}` || r.Header.Get("x-amzn-errortype") != "LimitExceededException" ||
		r.Header.Get("x-amzn-requestid") == "" || r.Header.Get("content-type") != "application/json" {
		t.Errorf("the refusal is %s %v", r.body, r.Header)
	}
	ask("/v1/open", acme, 200)
	ask("/v1/closed", bolt, 200)
	// The other stage's bucket is another, that begins with what is left of all: nothing.
	// That is known for certain when both have reported.
	time.Sleep(reportedWithin)
	g.request("GET", host, "/v2/closed", "", "x-api-key", acme)
	time.Sleep(assigned)
	ask("/v2/closed", acme, 429)
	ask("/v1/closed", acme, 429)

	// More for this key, though the plan stays as it is. It holds from the next report on.
	month := ratelimit.Window{Limit: 11, Period: ratelimit.Month, Offset: 1}
	if err := g.limits.SetRemaining(t.Context(), "quota|"+s.UsagePlans[0].ID()+"|acme", month, 4); err != nil {
		t.Fatal(err)
	}
	time.Sleep(reportedWithin)
	passed := 0
	for range 10 {
		for _, stage := range []string{"/v1", "/v2"} {
			if r := g.request("GET", host, stage+"/closed", "", "x-api-key", acme); r.StatusCode == 200 {
				passed++
			}
		}
	}
	if passed != 4 {
		t.Errorf("%d requests got through an extension by 4", passed)
	}

	// A plan that is edited goes on from what was used: there are two more now. Buckets are
	// Envoy's own, and a change of routes does not give them back.
	edited := *s
	edited.UsagePlans = append([]gateway.UsagePlan{}, s.UsagePlans...)
	quota := *s.UsagePlans[0].Quota
	quota.Limit = 13
	edited.UsagePlans[0].Quota = &quota
	g.change(&edited)
	ask("/v1/closed", acme, 429)
	time.Sleep(2 * reportedWithin)
	passed = 0
	for range 10 {
		if r := g.request("GET", host, "/v1/closed", "", "x-api-key", acme); r.StatusCode == 200 {
			passed++
		}
	}
	for range 10 {
		if r := g.request("GET", host, "/v2/closed", "", "x-api-key", acme); r.StatusCode == 200 {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d requests got through 2 more", passed)
	}
	time.Sleep(reportedWithin)
	used := usageOf(t, g)
	if free := used["free"]; free != [2]int64{8, 0} {
		t.Errorf("usage of a key without a limit: %v", free)
	}
	if quiet := used["quiet"]; quiet != [2]int64{} {
		t.Errorf("usage of a key that is not counted: %v", quiet)
	}
	if acme := used["acme"]; acme[0] < 16 || acme[0] > 17 || acme[1] < 20 {
		t.Errorf("usage of a key with a quota: %v", acme)
	}

	// Without the service Envoy goes by what it has; what is used up stays so.
	g.stopControlPlane()
	time.Sleep(reportedWithin)
	ask("/v1/closed", acme, 429)
	for range 9 {
		ask("/v1/closed", bolt, 200)
	}
	ask("/v1/closed", free, 200)
}

// usageOf is the usage of all keys, allowed and denied, when it is in the store.
func usageOf(t *testing.T, g *running) map[string][2]int64 {
	t.Helper()
	time.Sleep(1500 * time.Millisecond)
	today := time.Now().UTC()
	days, err := g.limits.Usage(t.Context(), "", today.AddDate(0, 0, -1), today)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string][2]int64{}
	for _, d := range days {
		n := used[d.Key]
		used[d.Key] = [2]int64{n[0] + d.Allowed, n[1] + d.Denied}
	}
	return used
}

// TestReportedThrottles holds that a shared throttle is kept without a question before
// each request, on HTTP APIs and where there is no backend, and that a REST API says it in
// its own words.
func TestReportedThrottles(t *testing.T) {
	t.Parallel()
	backend := echoBackend(t, "one")
	few := &gateway.Throttle{Rate: 0.001, Burst: 3, Shared: true, FailureMode: gateway.FailOpen}
	own := deploy(t, gateway.REST, mocked, backend.URL)
	own.GatewayResponses = []gateway.GatewayResponse{{Type: gateway.Throttled, StatusCode: "420", Templates: map[string]string{"application/json": `{"calm":"down"}`}}}
	s := snapshotOf(
		gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, things, backend.URL), Throttle: few}}},
		gateway.API{ID: "mock", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, mocked, backend.URL), Throttle: few}}},
		gateway.API{ID: "own", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: own, Throttle: few}}},
	)
	g := start(t, s)
	for _, c := range []struct {
		host, target, body, errorType string
		status                        int
	}{
		{"http.execute-api.localhost", "/things", `{"message":"Too Many Requests"}`, "", 429},
		{"mock.execute-api.localhost", "/v1/mock", `{"message":"Too Many Requests"}`, "TooManyRequestsException", 429},
		{"own.execute-api.localhost", "/v1/mock", `{"calm":"down"}`, "TooManyRequestsException", 420},
	} {
		// The request that Envoy first reports is no token of the bucket that it then gets.
		if r := g.request("GET", c.host, c.target, ""); r.StatusCode != 200 {
			t.Fatalf("%s: %d %s", c.host, r.StatusCode, r.body)
		}
		time.Sleep(assigned)
		for i, want := range []int{200, 200, 200, c.status, c.status} {
			r := g.request("GET", c.host, c.target, "")
			if r.StatusCode != want || want != 200 && (r.body != c.body || r.Header.Get("x-amzn-errortype") != c.errorType) {
				t.Errorf("%s: request %d: %d %s %v, want %d", c.host, i, r.StatusCode, r.body, r.Header, want)
			}
		}
	}
	// Open is open when nobody answers, after a while.
	g.stopControlPlane()
	if r := g.request("GET", "http.execute-api.localhost", "/things", ""); r.StatusCode != 429 {
		t.Errorf("at once without the service: %d %s", r.StatusCode, r.body)
	}
	time.Sleep(22 * time.Second)
	if r := g.request("GET", "http.execute-api.localhost", "/things", ""); r.StatusCode != 200 {
		t.Errorf("without the service: %d %s", r.StatusCode, r.body)
	}
}

// TestReportedThrottlesOfPlans holds that a plan's throttle is one for all of its stages,
// whatever plans these have besides, and that a key has one of each of its plans.
func TestReportedThrottlesOfPlans(t *testing.T) {
	t.Parallel()
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	s := snapshotOf(gateway.API{ID: "t", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}, {Name: "v3", Deployment: d}}})
	plan := func(name string, burst int64, stages []string, keys ...string) {
		p := gateway.UsagePlan{Name: name, Keys: keys, Throttle: &gateway.Throttle{Rate: 0.001, Burst: burst, Shared: true, FailureMode: gateway.FailOpen}}
		for _, stage := range stages {
			p.Stages = append(p.Stages, gateway.PlanStage{API: "t", Stage: stage})
		}
		s.UsagePlans = append(s.UsagePlans, p)
	}
	plan("wide", 5, []string{"v2", "v1"}, "acme", "both")
	plan("third", 7, []string{"v3"}, "both", "coal")
	plan("second", 3, []string{"v2"}, "dora")
	plan("first", 9, []string{"v1"}, "ella")
	s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: "free", Keys: []string{"free"}, Stages: []gateway.PlanStage{{API: "t", Stage: "v1"}, {API: "t", Stage: "v2"}}})
	for _, name := range []string{"acme", "both", "coal", "dora", "ella", "free"} {
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret(keyValue(name))}})
	}
	g := start(t, s)
	conn := g.connect(throttledHost)
	first := []string{"/v1/closed acme", "/v1/closed both", "/v3/closed both", "/v3/closed coal", "/v2/closed dora", "/v1/closed ella"}
	for _, call := range first {
		target, key, _ := strings.Cut(call, " ")
		if got := conn.get(target, "x-api-key: "+keyValue(key)); got != 200 {
			t.Errorf("the first of %s: %d", call, got)
		}
	}
	// Each has made a bucket of the throttle, and one of its usage.
	buckets := 0.0
	for end := time.Now().Add(time.Minute); buckets < float64(2*len(first)); time.Sleep(10 * time.Millisecond) {
		for _, n := range metricsNamed(t, g.metrics, "gatehouse_ratelimit_quota_buckets") {
			buckets = n
		}
		if time.Now().After(end) {
			t.Fatalf("%v buckets are reported", buckets)
		}
	}
	time.Sleep(assigned)
	expectPasses(t, conn, first[0], 5, first[1], 5, first[2], 7, first[3], 7, first[4], 3, first[5], 9)
	expectPasses(t, conn, "/v2/closed acme", 0, "/v2/closed both", 0, "/v1/closed free", 30, "/v2/closed free", 30, "/v3/closed coal", 0)
}

// TestReportedRefusals holds that a refusal by a limit that Envoy counts for by itself says
// when to come again where that is known, also in an API's own words; that the access log
// has its code and which limit it was, and clients do not; and that a backend cannot put
// anything there.
func TestReportedRefusals(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-gw-refusal", "throttled")
		w.Header().Set("x-gw-refusal-limit", "by the backend")
	}))
	t.Cleanup(backend.Close)
	slow := func(rate float64) *gateway.Throttle {
		return &gateway.Throttle{Rate: rate, Burst: 1, Shared: true, FailureMode: gateway.FailOpen}
	}
	quota := &gateway.Quota{Limit: 2, Period: gateway.QuotaMonth, FailureMode: gateway.FailLocal}
	own := deploy(t, gateway.REST, withQuota, backend.URL)
	own.GatewayResponses = []gateway.GatewayResponse{{Type: gateway.Throttled, StatusCode: "420"}, {Type: gateway.QuotaExceeded, StatusCode: "421"}}
	api := func(id string, d *gateway.Deployment, throttle *gateway.Throttle) gateway.API {
		return gateway.API{ID: id, Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Throttle: throttle}}}
	}
	plain := deploy(t, gateway.REST, withQuota, backend.URL)
	s := snapshotOf(
		api("keys", plain, nil), api("staged", plain, slow(0.003)), api("own", own, nil), api("native", plain, few(1)),
		gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, things, backend.URL), Throttle: slow(0.01)}}},
	)
	of := func(api string, routes ...gateway.RouteThrottle) []gateway.PlanStage {
		return []gateway.PlanStage{{API: api, Stage: "v1", Routes: routes}}
	}
	s.UsagePlans = []gateway.UsagePlan{
		{Name: "plan", Throttle: slow(0.3), Stages: of("keys")},
		{Name: "quota", Quota: quota, Stages: of("keys")},
		{Name: "route", Stages: of("keys", gateway.RouteThrottle{RouteKey: "GET /closed", Throttle: *slow(0.002)})},
		{Name: "own-plan", Throttle: slow(0.001), Stages: of("own")},
		{Name: "own-quota", Quota: quota, Stages: of("own")},
	}
	for i := range s.UsagePlans {
		name := s.UsagePlans[i].Name
		s.UsagePlans[i].Keys = []string{name}
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret(keyValue(name))}})
	}
	file := filepath.Join(t.TempDir(), "access.log")
	s.Gateways[0].LimitHeaders = gateway.LimitHeaders{RetryAfter: true, XRateLimit: true, Draft: true}
	s.Gateways[0].AccessLog = &gateway.AccessLog{Path: file}
	g := start(t, s)
	type line struct {
		Refusal, Limit string
		Status         int
	}
	want := map[line]bool{{"", "", 200}: true}
	for _, c := range []struct {
		host, target, key string
		status            int
		wait              string
		line              line
	}{
		{"keys", "/v1/closed", "plan", 429, "4", line{"throttled", "key-plan", 429}},
		{"keys", "/v1/closed", "route", 429, "500", line{"throttled", "key-route", 429}},
		{"keys", "/v1/closed", "quota", 429, "", line{"quota-exceeded", "quota", 429}},
		{"staged", "/v1/open", "", 429, "334", line{"throttled", "stage", 429}},
		{"own", "/v1/closed", "own-plan", 420, "1000", line{"throttled", "key-plan", 420}},
		{"own", "/v1/closed", "own-quota", 421, "", line{"quota-exceeded", "quota", 421}},
		{"http", "/things", "", 429, "100", line{"throttled", "stage", 429}},
		{"native", "/v1/open", "", 429, "(10000|9999)", line{"throttled", "", 429}},
	} {
		name := c.host + c.target + " " + c.key
		want[c.line] = true
		var r reply
		for i := range 4 {
			r = g.request("GET", c.host+".execute-api.localhost", c.target, "", "x-api-key", keyValue(c.key))
			if i == 0 {
				if r.StatusCode != 200 {
					t.Errorf("%s: the first request is answered %d %s", name, r.StatusCode, r.body)
				}
				time.Sleep(assigned)
			}
			for header := range r.Header {
				if strings.HasPrefix(strings.ToLower(header), "x-gw-") {
					t.Errorf("%s: a client gets %s", name, header)
				}
			}
		}
		if r.StatusCode != c.status {
			t.Errorf("%s: the last request is answered %d %s, want %d", name, r.StatusCode, r.body, c.status)
		}
		if got := strings.Join(r.Header.Values("retry-after"), " and "); !regexp.MustCompile("^" + c.wait + "$").MatchString(got) {
			t.Errorf("%s: retry-after is %q, want %q", name, got, c.wait)
		}
		// What an Envoy has left of a part of a limit is no number for clients.
		if told := r.Header.Get("ratelimit") + r.Header.Get("x-ratelimit-remaining"); told != "" && c.host != "native" {
			t.Errorf("%s: is told %q", name, told)
		}
	}
	awaitLog(t, file, want)
}

const mocked = `
openapi: 3.0.1
info: {title: mocked, version: "1"}
paths:
  /mock:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}
`

// TestKeyOverItsLimitUsesNoOther: a key whose quota or throttle is used up takes nothing
// from what its stage has for all callers, however each of the two is kept.
func TestKeyOverItsLimitUsesNoOther(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, throttledAPI, backend.URL)
	for name, c := range map[string]struct {
		plan, stage gateway.Throttle
		quota       *gateway.Quota
	}{
		"a reported quota, a hard stage":    {stage: gateway.Throttle{Hard: true, FailureMode: gateway.FailLocal}, quota: &gateway.Quota{FailureMode: gateway.FailLocal}},
		"a reported quota, a closed stage":  {stage: gateway.Throttle{FailureMode: gateway.FailClosed}, quota: &gateway.Quota{FailureMode: gateway.FailLocal}},
		"a closed quota, a hard stage":      {stage: gateway.Throttle{Hard: true, FailureMode: gateway.FailLocal}, quota: &gateway.Quota{FailureMode: gateway.FailClosed}},
		"a hard quota, a closed stage":      {stage: gateway.Throttle{FailureMode: gateway.FailClosed}, quota: &gateway.Quota{Hard: true, FailureMode: gateway.FailLocal}},
		"a hard quota, a hard stage":        {stage: gateway.Throttle{Hard: true, FailureMode: gateway.FailLocal}, quota: &gateway.Quota{Hard: true, FailureMode: gateway.FailLocal}},
		"a reported throttle, a hard stage": {plan: gateway.Throttle{Rate: 0.0001, Burst: 3, Shared: true, FailureMode: gateway.FailLocal}, stage: gateway.Throttle{Hard: true, FailureMode: gateway.FailOpen}},
	} {
		t.Run(name, func(t *testing.T) {
			s := throttled(d, func(s *gateway.Snapshot) {
				plan, stage := &s.UsagePlans[0], &s.APIs[0].Stages[0]
				c.stage.Rate, c.stage.Burst, c.stage.Shared = 0.0001, 12, true
				stage.Throttle, stage.Settings = &c.stage, nil
				plan.Throttle, plan.Stages[0].Routes = nil, nil
				if c.quota != nil {
					c.quota.Limit, c.quota.Period, plan.Quota = 3, gateway.QuotaMonth, c.quota
				}
				if c.plan.Shared {
					plan.Throttle = &c.plan
				}
			})
			conn := start(t, s).connect(throttledHost)
			passed := 0
			ask := func(key string, times int) {
				for range times {
					if conn.get("/v1/shut", "x-api-key: "+keyValue(key)) == 200 {
						passed++
					}
					time.Sleep(10 * time.Millisecond)
				}
			}
			// Of a reported limit, what comes before an Envoy's part does goes on.
			ask("acme", 1)
			time.Sleep(time.Second)
			ask("acme", 40)
			if passed < 3 || passed > 8 {
				t.Fatalf("%d requests of the key passed, want 3", passed)
			}
			before := passed
			ask("coal", 20)
			if passed != 12 {
				t.Errorf("%d requests of the key passed, and %d of another key; the stage has 12", before, passed-before)
			}
		})
	}
}
