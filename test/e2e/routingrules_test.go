package e2e

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

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
		r := &gateway.RoutingRule{Priority: priority, Path: path}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Headers = append(r.Headers, gateway.HeaderGlob{Name: headers[i], Value: headers[i+1]})
		}
		return gateway.DomainMapping{Path: cut, API: "a", Stage: stage, Rule: r}
	}
	s := snapshotOf(api)
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
	for _, c := range []struct {
		host, target, want string
		headers            []string
	}{
		{"api.example.com", "/shop/who", "all", nil},
		{"api.example.com", "/shop/who", "gold", []string{"x-tenant", "gold-1"}},
		{"api.example.com", "/shop/who", "all", []string{"x-tenant", "Gold-1"}},
		{"api.example.com", "/who", "403", []string{"x-tenant", "gold-1"}},
		{"api.example.com", "/shop/who", "gold", []string{"x-tenant", "gold-beta", "x-color", "blue"}}, // 100 before 200
		{"api.example.com", "/who", "beta", []string{"x-tenant", "gold-beta", "x-color", "blue"}},
		{"api.example.com", "/who", "403", []string{"x-tenant", "gold-beta", "x-color", "red"}},
		{"api.example.com", "/who", "403", []string{"x-tenant", "gold-beta"}},
		// A chosen API that lacks the route answers by itself, and nothing is cut off here.
		{"api.example.com", "/shop/nothing", "403", []string{"x-tenant", "gold-1"}},
		{"api.example.com", "/admin/who", "admin", nil},
		{"api.example.com", "/admin/who?a=/shop", "admin", nil},
		{"api.example.com", "/admins/who", "403", nil},
		{"gold.example.org", "/who", "gold", nil},
		{"gold.example.org:8080", "/who", "gold", nil},
		{"silver.example.org", "/who", "403", nil},
	} {
		r := g.request("GET", c.host, c.target, "", c.headers...)
		got := fmt.Sprint(r.StatusCode)
		if r.StatusCode == 200 {
			got = r.echo(t).Backend
		}
		if got != c.want {
			t.Errorf("%s%s %v: %s, want %s (%s)", c.host, c.target, c.headers, got, c.want, r.body)
		}
	}
}
