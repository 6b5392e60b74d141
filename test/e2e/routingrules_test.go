package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

// TestRoutingRules: rules of a domain go before its mappings, the least priority first; all that a
// rule asks for has to be so, and the API that it leads to has the last word.
func TestRoutingRules(t *testing.T) {
	gold, beta, admin, all := echoBackend(t, "gold"), echoBackend(t, "beta"), echoBackend(t, "admin"), echoBackend(t, "all")
	who := simpleREST(t, "")
	below := deploy(t, gateway.REST, `
openapi: 3.0.1
info: {title: below, version: "1"}
paths:
  /admin/who: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://${stageVariables.backend}/who"}}}
`, "")
	stage := func(name string, b *httptest.Server, d *gateway.Deployment) gateway.Stage {
		return gateway.Stage{Name: name, Deployment: d, Variables: map[string]string{"backend": strings.TrimPrefix(b.URL, "http://")}}
	}
	api := gateway.API{ID: "a", Protocol: gateway.REST, Stages: []gateway.Stage{stage("gold", gold, who), stage("beta", beta, who), stage("admin", admin, below), stage("all", all, who)}}
	rule := func(priority int, stage, cut, path string, headers ...string) gateway.DomainMapping {
		r := &gateway.RoutingRule{ID: fmt.Sprint("rule-", priority), Priority: priority, Path: path}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Headers = append(r.Headers, gateway.HeaderGlob{Name: headers[i], Value: headers[i+1]})
		}
		return gateway.DomainMapping{Path: cut, API: "a", Stage: stage, Rule: r}
	}
	for i := range api.Stages {
		api.Stages[i].AccessLog = &gateway.StageAccessLog{
			Format: jsonFormat("requestId", "customDomain.routingRuleIdMatched", "customDomain.basePathMatched", "isCanaryRequest"), Destination: gateway.DestinationStdout,
		}
	}
	// Which stage a rule leads to, and which share of it, are two things.
	api.Stages[0].Canary = &gateway.Canary{Header: &gateway.CanaryHeader{Name: "x-canary"}}
	s := snapshotOf(api)
	s.Gateways[0].Telemetry = true
	s.Domains = []gateway.Domain{
		{Name: "api.example.com", Gateway: "edge", Mappings: []gateway.DomainMapping{
			rule(300, "admin", "", "admin"),
			rule(100, "gold", "shop", "shop", "X-Tenant", "gold-*"),
			rule(200, "beta", "", "", "x-tenant", "*-beta", "x-color", "*lu*"),
			{Path: "shop", API: "a", Stage: "all"},
		}},
		{Name: "*.example.org", Gateway: "edge", Mappings: []gateway.DomainMapping{rule(1, "gold", "", "", "Host", "gold.*")}},
	}
	g := start(t, s)
	var want []string
	for _, c := range []struct {
		host, target, want string
		// logged is the rule, the base path and the canary that the log tells of; empty is no line.
		logged  string
		headers []string
	}{
		{"api.example.com", "/shop/who", "all", "- shop -", nil},
		{"api.example.com", "/shop/who", "gold", "rule-100 - false", []string{"x-tenant", "gold-1"}},
		{"api.example.com", "/shop/who", "all", "- shop -", []string{"x-tenant", "Gold-1"}},
		{"api.example.com", "/who", "403", "", []string{"x-tenant", "gold-1"}},
		{"api.example.com", "/shop/who", "gold", "rule-100 - false", []string{"x-tenant", "gold-beta", "x-color", "blue"}}, // 100 before 200
		{"api.example.com", "/who", "beta", "rule-200 - -", []string{"x-tenant", "gold-beta", "x-color", "blue"}},
		{"api.example.com", "/who", "403", "", []string{"x-tenant", "gold-beta", "x-color", "red"}},
		{"api.example.com", "/who", "403", "", []string{"x-tenant", "gold-beta"}},
		// A chosen API that lacks the route answers by itself, and nothing is cut off here.
		{"api.example.com", "/shop/nothing", "403", "rule-100 - false", []string{"x-tenant", "gold-1"}},
		{"api.example.com", "/admin/who", "admin", "rule-300 - -", nil},
		{"api.example.com", "/admin/who?a=/shop", "admin", "rule-300 - -", nil},
		{"api.example.com", "/admins/who", "403", "", nil},
		{"api.example.com", "/shop/who", "gold", "rule-100 - true", []string{"x-tenant", "gold-1", "x-canary", "1"}},
		{"gold.example.org", "/who", "gold", "rule-1 - false", nil},
		{"gold.example.org:8080", "/who", "gold", "rule-1 - false", nil},
		{"silver.example.org", "/who", "403", "", nil},
	} {
		r := g.request("GET", c.host, c.target, "", c.headers...)
		got := fmt.Sprint(r.StatusCode)
		if r.StatusCode == 200 {
			got = r.echo(t).Backend
		}
		if got != c.want {
			t.Errorf("%s%s %v: %s, want %s (%s)", c.host, c.target, c.headers, got, c.want, r.body)
		}
		if c.logged != "" {
			want = append(want, r.Header.Get("x-amzn-requestid")+" "+c.logged)
		}
	}
	var got []string
	for _, line := range linesOf(t, g.told.String, len(want)) {
		var told map[string]string
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatal(line, err)
		}
		got = append(got, strings.Join([]string{told["requestId"], told["customDomain.routingRuleIdMatched"], told["customDomain.basePathMatched"], told["isCanaryRequest"]}, " "))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
