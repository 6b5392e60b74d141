package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/explain"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// routed is what a request came to.
type routed struct{ API, Stage, Route string }

// toldOf waits until the history knows as many requests, and gives them by user agent.
func (g *running) toldOf(n int) map[string]history.Request {
	g.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		all := g.history.Recent(history.Filter{}, n)
		if len(all) == n {
			told := map[string]history.Request{}
			for _, r := range all {
				told[r.UserAgent] = r
			}
			return told
		}
		if time.Now().After(end) {
			g.t.Fatalf("%d of %d requests are known", len(all), n)
		}
	}
}

// TestExplainRoutesAsEnvoyDoes asks Envoy and explain about the same requests, most of them
// made of pieces at random: both have to find the same stage and route.
func TestExplainRoutesAsEnvoyDoes(t *testing.T) {
	backend := echoBackend(t, "one")
	rest, plain := deploy(t, gateway.REST, restRouting, backend.URL), deploy(t, gateway.HTTP, httpRouting, backend.URL)
	paths, closed := deploy(t, gateway.REST, restPaths, backend.URL), deploy(t, gateway.REST, restRouting, backend.URL)
	s := snapshotOf(
		gateway.API{ID: "pets", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: rest}, {Name: "dev", Deployment: paths}}},
		gateway.API{ID: "web", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: plain}, {Name: "dev", Deployment: plain},
			{Name: "next", Deployment: plain, Canary: &gateway.Canary{Deployment: rest, Header: &gateway.CanaryHeader{Name: "x-canary", Value: "yes"}}}}},
		gateway.API{ID: "shut", Protocol: gateway.REST, DisableExecuteAPIEndpoint: true, Stages: []gateway.Stage{{Name: "v1", Deployment: closed}}},
	)
	s.APIs[1].Stages[2].Canary.Deployment = plain
	s.Gateways[0].Telemetry = true
	domain := func(name string, mappings ...gateway.DomainMapping) gateway.Domain {
		return gateway.Domain{Name: name, Gateway: "edge", Mappings: mappings}
	}
	s.Domains = []gateway.Domain{
		domain("api.example.com", gateway.DomainMapping{Path: "a", API: "pets", Stage: "v1"}, gateway.DomainMapping{Path: "a/b", API: "web", Stage: "$default"}, gateway.DomainMapping{Path: "pets", API: "shut", Stage: "v1"}),
		domain("*.example.com", gateway.DomainMapping{API: "web", Stage: "dev"}),
		domain("*.more.example.com", gateway.DomainMapping{API: "shut", Stage: "v1"}),
		domain("*", gateway.DomainMapping{Path: "pets", API: "pets", Stage: "v1"}),
	}
	g := start(t, s)

	random := rand.New(rand.NewPCG(8, 7))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	type question struct {
		method, host, target string
		canary               bool
	}
	asked := []question{
		{"GET", "pets.execute-api.localhost", "/v1/pets/7?a=/x", false},
		{"GET", "PETS.execute-api.localhost:8080", "/v1/pets", false},
		{"GET", "localhost", "/_aws/execute-api/pets/v1/pets/7?a=b", false},
		{"GET", "127.0.0.1:8080", "/_aws/execute-api/web/pets/dog/1", false},
		{"GET", "localhost", "/_aws/execute-api/nope/v1/pets", false},
		{"GET", "localhost", "/_aws/execute-api/shut/v1/pets", false},
		{"GET", "localhost", "/restapis/pets/v1/_user_request_/pets/3", false},
		{"GET", "localhost", "/restapis/pets/v9/_user_request_/pets/3", false},
		{"GET", "shut.execute-api.localhost", "/v1/pets", false},
		{"GET", "web.execute-api.localhost", "/next/pets/dog/1", true},
		{"GET", "web.execute-api.localhost", "/next/pets/dog/1", false},
		{"OPTIONS", "web.execute-api.localhost", "/", false},
		{"GET", "nobody.test", "/other", false},
		{"GET", "x.more.example.com", "/pets/1", false},
	}
	places := [][2]string{
		{"pets.execute-api.localhost", "/v1"}, {"pets.execute-api.localhost", "/dev"}, {"web.execute-api.localhost", ""}, {"web.execute-api.localhost", "/dev"}, {"web.execute-api.localhost", "/next"},
		{"shut.execute-api.localhost", "/v1"}, {"none.execute-api.localhost", ""}, {"execute-api.localhost", "/v1"},
		{"api.example.com", "/a"}, {"api.example.com", "/a/b"}, {"api.example.com", "/pets"}, {"api.example.com.", "/a"}, {"other.example.com", ""}, {"a.b.example.com", ""}, {"more.example.com", ""},
		{"x.more.example.com", ""}, {"nobody.test", ""}, {"nobody.test", "/pets"},
		{"localhost", "/_aws/execute-api/pets/v1"}, {"127.0.0.1", "/_aws/execute-api/web"}, {"localhost", "/_aws/execute-api/web/dev"}, {"other.example.com", "/_aws/execute-api/web/dev"},
		{"localhost", "/restapis/pets/v1/_user_request_"},
	}
	common := []string{"pets", "pets", "dog", "1", "special", "test", "files", "a", "b", "c", "v1", "dev"}
	odd := []string{"", ".", "..", "%2e", "%2E%2e", "%2F", "x%20y", "%70ets", "petsx", "Pets", "x;y", "a+b", "{id}", "$default", "*", "~", "%7e", "%C3%A9", "|", "é", `a\b`, "%zz", "%00", "a%5Cb", "[", "'"}
	for range 1000 {
		place := places[random.IntN(len(places))]
		target := place[1]
		for range random.IntN(6) {
			target += "/" + pick(common...)
			if random.IntN(8) == 0 {
				target += "/" + pick(odd...)
			}
		}
		target += pick("", "", "", "/")
		if target == "" {
			target = "/"
		}
		asked = append(asked, question{
			pick("GET", "GET", "GET", "GET", "POST", "POST", "OPTIONS", "OPTIONS", "PUT", "HEAD", "DELETE", "PATCH", "PURGE"),
			place[0], target + pick("", "", "?", "?a=/pets/1", "?x=1&y=%2F"), random.IntN(4) == 0,
		})
	}
	explained := make([]*explain.Explanation, len(asked))
	statuses := make([]int, len(asked))
	sent := 0
	for i, q := range asked {
		header := http.Header{}
		headers := []string{"User-Agent", fmt.Sprint("question ", i)}
		if q.canary {
			header.Set("X-Canary", "yes")
			headers = append(headers, "X-Canary", "yes")
		}
		e, err := explain.Offline(s, explain.Question{Method: q.method, URL: "http://" + q.host + q.target, Header: header, Source: netip.MustParseAddr("127.0.0.1")})
		if err != nil {
			t.Errorf("%+v: %v", q, err)
			continue
		}
		explained[i] = e
		statuses[i] = g.request(q.method, q.host, q.target, "", headers...).StatusCode
		sent++
	}
	told := g.toldOf(sent)
	routes := map[routed]int{}
	for i, q := range asked {
		e := explained[i]
		if e == nil {
			continue
		}
		r, ok := told[fmt.Sprint("question ", i)]
		if !ok {
			if statuses[i] != 400 || e.Answer.Status != 400 {
				t.Errorf("%+v: Envoy did not tell of it, answered %d, explained %d", q, statuses[i], e.Answer.Status)
			}
			continue
		}
		got, want := routed{e.API, e.Stage, e.Route}, routed{r.API, r.Stage, strings.TrimSpace(r.RouteMethod + " " + r.Resource)}
		if want.Route == "ANY $default" {
			want.Route = "$default"
		}
		routes[want]++
		if got != want || e.Canary != r.Canary {
			t.Errorf("%s %s%s (canary %t): explained as %v, canary %t; Envoy had %v, canary %t", q.method, q.host, q.target, q.canary, got, e.Canary, want, r.Canary)
		}
		if e.Answer.Status != 0 && e.Answer.Status != statuses[i] || e.Answer.Status == 0 && statuses[i] >= 400 && !strings.Contains(q.target, "%zz") { // which the backend refuses
			t.Errorf("%s %s%s: explained with %d, Envoy answered %d", q.method, q.host, q.target, e.Answer.Status, statuses[i])
		}
	}
	if len(routes) < 20 {
		t.Errorf("only %d routes were found: %v", len(routes), routes)
	}
}
