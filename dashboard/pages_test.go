package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// textOf is what people read of a page.
func textOf(t *testing.T, d *dashboard.Server, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	_, body, _ := strings.Cut(w.Body.String(), "<main")
	text := regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(body, " ")
	return w.Code, strings.Join(strings.Fields(text), " ")
}

func expect(t *testing.T, d *dashboard.Server, path string, wanted ...string) {
	t.Helper()
	status, text := textOf(t, d, path)
	for _, want := range wanted {
		if status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d, without %q:\n%s", path, status, want, text)
		}
	}
}

func at(line int) gateway.Position {
	return gateway.Position{File: "pets.yaml", Line: line, Column: 3}
}

// guardedShop is an API with every guard there is.
func guardedShop() *gateway.Snapshot {
	d := &gateway.Deployment{
		Title: "Pets", Version: "2.1", Protocol: gateway.REST, Policy: `{"Statement":[]}`, PolicySource: at(2), Source: at(1),
		Authorizers:       []gateway.Authorizer{{Name: "users", Type: gateway.JWTAuthorizer, JWTIssuer: "https://issuer.example"}},
		RequestValidators: []gateway.RequestValidator{{Name: "all", ValidateBody: true, ValidateParameters: true, Source: at(9)}},
		Routes: []gateway.Route{
			{
				Method: "POST", Path: "/pets", OperationName: "createPet", Source: at(10), APIKeyRequired: true, APIKeySource: at(12), RequestValidator: "all",
				Authorization: &gateway.Authorization{Type: gateway.JWTAuthorizer, Authorizer: "users", Scopes: []string{"pets.write"}, Source: at(11)},
				RequestModels: map[string]string{"application/json": "Pet"}, Parameters: []gateway.Parameter{{In: "header", Name: "X-Shop", Required: true}},
				Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://me:secret@${stageVariables.host}/pets", TimeoutMillis: 1500},
			},
			{Method: "GET", Path: "/pets", Source: at(20), Integration: &gateway.Integration{Type: gateway.IntegrationMock}},
		},
	}
	canary := *d
	canary.Policy, canary.Routes = "", d.Routes[1:]
	return (&gateway.Snapshot{
		Gateways: []gateway.Gateway{{Name: "edge", Suffix: "localhost"}},
		Account:  gateway.Account{Throttle: &gateway.Throttle{Rate: 10000, Burst: 5000}},
		Domains:  []gateway.Domain{{Name: "api.example.com", TLS: &gateway.TLS{ClientCA: "PEM"}, Mappings: []gateway.DomainMapping{{Path: "pets", API: "pets", Stage: "v1"}}}},
		APIs: []gateway.API{{ID: "pets", Name: hostile, Protocol: gateway.REST, Stages: []gateway.Stage{{
			Name: "v1", Deployment: d, Variables: map[string]string{"host": "pets.internal"}, Throttle: &gateway.Throttle{Rate: 100, Burst: 50, Source: at(3)},
			Settings: []gateway.RouteSettings{{RouteKey: "POST /pets", Throttle: &gateway.Throttle{Rate: 0.5, Burst: 1, Source: at(4)}}},
			Canary:   &gateway.Canary{Percent: 12.5, Deployment: &canary, Variables: map[string]string{"host": "canary.internal"}, Header: &gateway.CanaryHeader{Name: "x-try"}, Source: at(5)},
		}}}},
		APIKeys: []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{"the-value-of-a-key"}, Source: at(30)}, {Name: "hooli", Disabled: true}, {Name: "other"}},
		UsagePlans: []gateway.UsagePlan{{
			Name: "gold / silver", Quota: &gateway.Quota{Limit: 20000, Period: gateway.QuotaMonth}, Throttle: &gateway.Throttle{Rate: 5, Burst: 10}, Keys: []string{"acme", "hooli"},
			Stages: []gateway.PlanStage{{API: "pets", Stage: "v1", Routes: []gateway.RouteThrottle{{RouteKey: "POST /pets", Throttle: gateway.Throttle{Rate: 2, Burst: 2}}}}},
		}},
	}).Seal()
}

// TestRoutes holds that each guard of a route is told, with where it is written.
func TestRoutes(t *testing.T) {
	s := guardedShop()
	d := dashboard.New(dashboard.Options{Snapshot: func() *gateway.Snapshot { return s }})
	const path = "/dashboard/apis/pets/v1/routes"
	expect(t, d, path,
		"REST API canary 12.5% api.example.com/pets pets.execute-api.localhost/v1/",
		// In the order in which requests meet them.
		"Resource policy who may call at all pets.yaml:2:3 Stage throttle 100 a second, burst 50 pets.yaml:3:3 Account throttle 10000 a second, burst 5000",
		"Client certificates asked for by api.example.com", "Pets 2.1 pets.yaml:1:3", "$host pets.internal",
		"12.5% of requests, and those with the header x-try; other variables: host pets.yaml:5:3",
		"POST /pets createPet pets.yaml:10:3 JWT users, tokens of https://issuer.example, one of the scopes pets.write pets.yaml:11:3",
		"API key of gold / silver (5 a second, burst 10; 20,000 a month) pets.yaml:12:3 Throttle of gold / silver 2 a second, burst 2 Throttle 0.5 a second, burst 1 pets.yaml:4:3 Validation",
		"Validation body by Pet; needs X-Shop pets.yaml:9:3", "HTTP_PROXY http://me:xxxxx@pets.internal/pets timeout 1500 ms",
	)
	expect(t, d, path+"?side=canary", "Routes of the canary 1", "GET /pets pets.yaml:20:3 open to all MOCK", "$host canary.internal")
	expect(t, d, path+"?q=nothing", "No route has “nothing” in it")
	if _, text := textOf(t, d, path); strings.Contains(text, "secret@") || strings.Contains(text, "open to all") {
		t.Errorf("a password is shown, or what a policy guards is said to be open:\n%s", text)
	}
	for path, want := range map[string]string{"/dashboard/apis/pets/v2/routes": `no stage &#34;v2&#34;`, "/dashboard/apis/%3Cb%3E/v1/routes": `No API has the id &#34;&lt;b&gt;&#34;`} {
		if status, text := textOf(t, d, path); status != http.StatusNotFound || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// TestRevisions holds what is told of what became of definitions.
func TestRevisions(t *testing.T) {
	before, next := guardedShop(), guardedShop()
	next.APIs[0].Stages[0].Throttle.Rate = 900
	next.APIKeys[0].Values = []gateway.Secret{"another-value-of-a-key"}
	next.Seal()
	var problems gateway.Diagnostics
	problems.Errorf("unknown-stage", at(7), "", "write API/STAGE", "the plan names %s", hostile)
	refusal := dashboard.Refusal{Time: now, Node: "edge-1", Gateway: "edge", Revision: next.Revision(), Type: "CDS", Resources: []string{"backend"}, Message: "no such address"}
	failed := dashboard.Revision{State: "failed", Origin: "files", Time: now.Add(-time.Minute), Problems: problems}
	rejected := dashboard.Revision{ID: next.Revision(), State: "rejected", Origin: "files", Time: now.Add(-time.Hour), Took: 20 * time.Millisecond, Problems: problems, Refusals: []dashboard.Refusal{refusal}}
	first := dashboard.Revision{ID: before.Revision(), State: "acked", Origin: "store", Time: now.Add(-72 * time.Hour)}
	d := dashboard.New(dashboard.Options{Now: func() time.Time { return now }, Revisions: func() dashboard.Revisions {
		return dashboard.Revisions{Serving: &first, Latest: &failed, History: []dashboard.Revision{failed, rejected, first}}
	}})
	d.Serving(before)
	d.Serving(next)
	d.Close()
	expect(t, d, "/dashboard/revisions",
		"The definitions, as last read, are not what is served. They have errors, 1 min ago", "error the plan names &lt;script", "pets.yaml:7:3 · unknown-stage",
		"refused by an Envoy 1 h ago, from the definitions, in 20 ms changed: API pets › stage v1 › throttle › rate 100 → 900",
		"changed: API key acme › values [a secret] → [a secret]", "accepted by every Envoy served now 3 days ago, from what was kept",
	)
	expect(t, d, "/dashboard/revisions/"+next.Revision(), "rate 100 → 900", "What Envoys said refused CDS backend no such address by edge-1 of the gateway edge")
	expect(t, d, "/dashboard/revisions/"+before.Revision(), "there is nothing to compare it with")
	if status, _ := textOf(t, d, "/dashboard/revisions/none"); status != http.StatusNotFound {
		t.Errorf("a revision that is not known: %d", status)
	}
	if _, text := textOf(t, d, "/dashboard/revisions"); strings.Contains(text, "value-of-a-key") {
		t.Error("the value of a key is shown")
	}
}

func TestEnvoys(t *testing.T) {
	s := guardedShop()
	refusal := dashboard.Refusal{Time: now, Node: "edge-2", Gateway: "edge", Type: "LDS", Resources: []string{"0.0.0.0:80"}, Message: "cannot bind"}
	envoys := []dashboard.Envoy{
		{ID: "edge-1", Gateway: "edge", Version: "1.40.0", Matched: true, InSync: true, Since: now.Add(-3 * time.Minute), Types: []dashboard.EnvoyType{{Name: "CDS", Acked: 7, Revision: s.Revision()}}},
		{ID: "edge-2", Gateway: "edge", Matched: true, Since: now, Types: []dashboard.EnvoyType{{Name: "LDS", Acked: 1, Refused: []string{"0.0.0.0:80"}, Refusal: &refusal, Revision: "0123456789abcdef"}}},
		{ID: "edge-3", Gateway: "edge", Matched: true, Since: now, Types: []dashboard.EnvoyType{{Name: "RDS", Pending: 2}}},
		{ID: "stray", Gateway: "nowhere", Since: now},
	}
	d := dashboard.New(dashboard.Options{
		Now: func() time.Time { return now }, Snapshot: func() *gateway.Snapshot { return s }, Envoys: func() []dashboard.Envoy { return envoys },
	})
	expect(t, d, "/dashboard/envoys",
		"edge-1 up to date Gateway edge · Envoy 1.40.0 · connected for 3 min", "CDS 7 0 0 "+s.Revision()[:12],
		"edge-2 refuses 1", "LDS 1 0 1 0123456789ab an earlier one", "refused LDS 0.0.0.0:80 cannot bind", "edge-3 2 on the way", "RDS 0 2 0 none yet",
		"stray no such gateway", "its bootstrap names another cluster",
	)
	envoys = nil
	expect(t, d, "/dashboard/envoys", "No Envoy is connected")
	expect(t, dashboard.New(dashboard.Options{}), "/dashboard/envoys", "Not in this process", "the role xds, which this one has not")
	expect(t, dashboard.New(dashboard.Options{}), "/dashboard/revisions", "Not in this process")
}

type quotas struct{ err error }

func (q quotas) Today(_ context.Context, plan string) (map[string]dashboard.KeyQuota, bool, error) {
	known := (&gateway.UsagePlan{Name: "gold / silver"}).ID()
	return map[string]dashboard.KeyQuota{"acme": {Used: 1234, Left: 3000}, "hooli": {Used: 20000, Left: -5}}, plan == known, q.err
}

// TestPlans holds what keys are told to have left, and what is said where that is unknown.
func TestPlans(t *testing.T) {
	s := guardedShop()
	serve := func(q dashboard.Quotas) *dashboard.Server {
		return dashboard.New(dashboard.Options{Log: slog.New(slog.DiscardHandler), Snapshot: func() *gateway.Snapshot { return s }, Quotas: q})
	}
	d := serve(quotas{})
	expect(t, d, "/dashboard/plans", "gold / silver 20,000 a month 5 a second, burst 10 &lt;script")
	const path = "/dashboard/plans/gold%20%2F%20silver"
	expect(t, d, path, "acme pets.yaml:30:3 1,234 3,000", "hooli disabled 20,000 0")
	expect(t, d, path+"?q=hoo", "hooli", "Keys 2")
	expect(t, serve(nil), path, "the role ratelimit, which this one has not", "acme")
	expect(t, serve(quotas{errors.New("redis is gone")}), path, "The store of limits does not answer")
	if status, text := textOf(t, d, "/dashboard/plans/none"); status != 404 || !strings.Contains(text, "no usage plan") {
		t.Errorf("%d %s", status, text)
	}
	expect(t, d, "/dashboard/plans?q=SILVER", "gold / silver")
	expect(t, d, "/dashboard/plans?q=bronze", "No usage plan has “bronze” in its name. Show all 1")
	if _, text := textOf(t, d, path); strings.Contains(text, "the-value-of-a-key") || strings.Contains(text, "other") {
		t.Errorf("the page has what it should not:\n%s", text)
	}
}

// TestMany holds that pages show a part of what there may be any number of, and lead to the
// rest.
func TestMany(t *testing.T) {
	s := guardedShop()
	api := &s.APIs[0]
	for i := range 300 {
		name := fmt.Sprintf("many-%03d", i)
		api.Stages = append(api.Stages, gateway.Stage{Name: name, Deployment: &gateway.Deployment{}})
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name})
		s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: name, Stages: []gateway.PlanStage{{API: "pets", Stage: "v1", Routes: []gateway.RouteThrottle{{RouteKey: "POST /pets"}}}}})
		s.Domains = append(s.Domains, gateway.Domain{Name: name + ".example.com", Mappings: []gateway.DomainMapping{{API: "pets", Stage: "v1"}}})
		api.Stages[0].Deployment.Routes = append(api.Stages[0].Deployment.Routes, gateway.Route{Method: "GET", Path: "/" + name})
		gold := &s.UsagePlans[0]
		gold.Keys = append(gold.Keys, name)
		gold.Stages = append(gold.Stages, gateway.PlanStage{API: "pets", Stage: name})
	}
	s.Seal()
	seen := history.New(history.Options{Now: func() time.Time { return now }})
	for i, stage := range api.Stages {
		for range 400 - i {
			seen.Add(&history.Request{API: "pets", Protocol: "REST", Stage: stage.Name, RouteMethod: "GET", Resource: "/pets", Status: 200})
		}
	}
	d := dashboard.New(dashboard.Options{Snapshot: func() *gateway.Snapshot { return s }, Quotas: quotas{}, Traffic: seen, Now: func() time.Time { return now }})
	defer d.Close()
	const gold = "/dashboard/plans/gold%20%2F%20silver"
	for path, want := range map[string][]string{
		"/dashboard/plans":                            {"Plans 301", "and 296 more", "many-048", "Page 1 of 7, 301 plans Next"},
		"/dashboard/plans?page=7":                     {"many-299", "Previous Page 7 of 7"},
		"/dashboard/plans?q=many-29&page=9":           {"many-290", "many-299"},
		gold:                                          {"Keys 302", "and 201 more", "Page 1 of 4, 302 keys Next"},
		gold + "?q=many&page=3":                       {"many-299", "Previous Page 3 of 3, 300 keys"},
		"/dashboard/apis/pets/v1/routes":              {"and 292 more", "many-004", "Throttles of 296 more plans", "Page 1 of 2, 302 routes Next"},
		"/dashboard/apis/pets/v1/routes?page=2":       {"/many-299"},
		"/dashboard/apis/pets":                        {"These are the busiest; 201 more were called less."},
		"/dashboard/apis/pets/v1/routes?q=many&page=": {"Page 1 of 2, 300 routes"},
	} {
		expect(t, d, path, want...)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Body.Len() > 200<<10 {
			t.Errorf("%s has %d bytes", path, w.Body.Len())
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, gold+"?q=many&page=2", nil))
	for _, link := range []string{gold + "?q=many", gold + "?page=3&amp;q=many"} {
		if !strings.Contains(w.Body.String(), `href="`+link+`"`) {
			t.Errorf("no page leads to %s", link)
		}
	}
}
