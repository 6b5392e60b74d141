package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/ratelimit/storetest"
)

// TestUsageHandler holds that usage is told, that a quota can be extended, and that no
// page in a browser can do the latter.
func TestUsageHandler(t *testing.T) {
	clock := storetest.NewClock()
	store := memory.New(memory.Options{Now: clock.Now})
	s := ratelimit.New(ratelimit.Options{Store: store})
	defer s.Close()
	s.Swap(limits(gateway.FailClosed))
	if err := store.AddUsage(context.Background(), []ratelimit.Usage{
		{Plan: "p", Key: "acme", API: "pets", Stage: "v1", Allowed: 2, Denied: 1},
		{Plan: (&gateway.UsagePlan{Name: "gold"}).ID(), Key: "acme", API: "pets", Stage: "v1", Allowed: 5},
		{Plan: (&gateway.UsagePlan{Name: "gone"}).ID(), Key: "old", API: "pets", Stage: "v1", Allowed: 7},
	}); err != nil {
		t.Fatal(err)
	}
	plan := gateway.UsagePlan{Name: "gold"}
	good := fmt.Sprintf(`{"plan": %q, "key": "acme", "remaining": 8}`, plan.ID())
	day := time.Now().UTC().Format(time.DateOnly)
	const line = `[{"day":"2020-02-29","plan":"p","key":"acme","api":"pets","stage":"v1","allowed":2,"denied":1}]`
	for _, c := range []struct {
		method, target, kind, origin, body string
		code                               int
		want                               string
	}{
		{"GET", "/?from=2020-02-29&to=2020-03-01&key=acme&plan=p", "", "", "", 200, line},
		{"GET", "/?from=2020-02-29&to=2020-03-01&plan=gold", "", "", "", 200, `"planName":"gold","key":"acme","api":"pets","stage":"v1","allowed":5,`},
		{"GET", "/?from=2020-02-29&key=acmee", "", "", "", 404, `no usage plan has a key "acmee" (did you mean "acme"?)`},
		{"GET", "/?from=2020-02-29&plan=gold&key=other", "", "", "", 404, `the usage plan "gold" has no key "other"`},
		{"GET", "/?from=2020-02-29&plan=glod", "", "", "", 404, `there is no usage plan "glod" (did you mean "gold"?)`},
		{"GET", "/?to=2020-02-28&plan=gold&key=acme", "", "", "", 200, "[]"},
		{"GET", "/?from=2020-02-29&to=2020-03-01&plan=gone", "", "", "", 200, `"planName":"gone","key":"old","api":"pets","stage":"v1","allowed":7,`},
		{"GET", "/?from=yesterday", "", "", "", 400, "from must be"},
		{"GET", "/?from=yesterday&to=tomorrow", "", "", "", 400, "to must be a day, such as 2026-01-31\nfrom must be"},
		{"GET", "/?to=2020-03-30&plan=p", "", "", "", 200, line},
		{"GET", "/?to=2020-03-31&plan=p", "", "", "", 404, `there is no usage plan "p"`},
		{"GET", "/?daily&plan=glod", "", "", "", 404, `did you mean "gold"?`},
		{"GET", "/?daily&plan=gold&key=acmee", "", "", "", 404, `did you mean "acme"?`},
		{"GET", "/?daily", "", "", "", 400, "daily is about one plan"},
		{"GET", "/?daily&plan=free", "", "", "", 404, `the usage plan "free" has no quota`},
		{"GET", "/?daily&plan=gold&from=" + day + "&to=" + day, "", "", "", 200, `{"usagePlanId":"` + plan.ID() + `","planName":"gold","startDate":"` + day + `","endDate":"` + day + `","items":{"acme":[[0,6]]}}`},
		{"GET", "/?from=2020-03-02&to=2020-03-01", "", "", "", 400, "from (2020-03-02) is after to (2020-03-01)"},
		{"GET", "/?from=9999-01-01", "", "", "", 400, "is after to"},
		{"POST", "/", "", "", "", 405, ""},
		{"PUT", "/", "text/plain", "", good, 415, ""},
		{"PUT", "/", "application/json", "http://evil.example", good, 403, ""},
		{"PUT", "/", "application/json", "", `{"remaining": 8}`, 404, ""},
		{"PUT", "/", "application/json", "", strings.Replace(good, ": 8", ": -8", 1), 400, ""},
		{"PUT", "/", "application/json", "", `{"limit": 8}`, 400, ""},
		{"PUT", "/", "application/json", "", `{"plan": "gold", "key": "acm", "remaining": 0}`, 404, `did you mean "acme"?`},
		{"PUT", "/", "application/json", "", `{"plan": "gold", "key": "acme", "remaining": 0}`, 204, ""},
		{"PUT", "/", "application/json", "", good, 204, ""},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		s.UsageHandler().ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s: %d %s", c.method, c.target, c.body, w.Code, w.Body)
		}
	}
	if got := should(t, s, request(8, wire.LimitQuota)); got.OverallCode != ratelimitv3.RateLimitResponse_OK {
		t.Errorf("the quota of 6 was not extended to 8: %v", got)
	}
}

// TestUsageOfPlansThatAreGone holds that what was used by a plan is told by its name also when the
// plan is gone, and the process that has served it, until the last of it is forgotten.
func TestUsageOfPlansThatAreGone(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "limits.db"), time.Now()
	open := func() *memory.Store {
		return memory.Open(path, memory.Options{Now: func() time.Time { return now }})
	}
	store := open()
	s := ratelimit.New(ratelimit.Options{Store: store})
	s.Swap(limits(gateway.FailClosed))
	if err := store.AddUsage(t.Context(), []ratelimit.Usage{{Plan: (&gateway.UsagePlan{Name: "gold"}).ID(), Key: "acme", API: "pets", Stage: "v1", Allowed: 5}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	store = open()
	s = ratelimit.New(ratelimit.Options{Store: store})
	s.Swap(ratelimit.Compile(&gateway.Snapshot{}))
	w := httptest.NewRecorder()
	s.UsageHandler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if want := `"planName":"gold","key":"acme"`; w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	s.Close()

	gold := (&gateway.UsagePlan{Name: "gold"}).ID()
	for _, step := range []struct{ days, want int }{{89, 1}, {1, 0}} {
		now = now.AddDate(0, 0, step.days)
		if err := store.NamePlans(t.Context(), map[string]string{"other": "silver"}); err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		store = open()
		if names, err := store.PlanNames(t.Context(), []string{gold}); len(names) != step.want || err != nil {
			t.Errorf("%d days later: %v, %v", step.days, names, err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
