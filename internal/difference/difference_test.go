package difference_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/difference"
)

func snapshot(backend string, change func(*gateway.Snapshot)) *gateway.Snapshot {
	d := &gateway.Deployment{Title: "pets", Protocol: gateway.REST, Authorizers: []gateway.Authorizer{
		{Name: "who", IdentitySources: []string{"$request.header.a", "$request.querystring.b"}, ProviderARNs: []string{"a"}},
	}, Routes: []gateway.Route{
		{Method: "GET", Path: "/pets", Source: gateway.Position{Line: 1}, Integration: &gateway.Integration{
			Type: "HTTP_PROXY", URI: backend, RequestParameters: []gateway.ParameterMapping{{Target: "integration.request.header.x", Source: "'a'"}},
			Responses: []gateway.IntegrationResponse{{SelectionPattern: "4..", StatusCode: "400"}, {SelectionPattern: "404", StatusCode: "404"}, {StatusCode: "200"}},
		}},
		{Method: "POST", Path: "/pets"},
	}}
	s := &gateway.Snapshot{
		APIs:    []gateway.API{{ID: "pets", Stages: []gateway.Stage{{Name: "v1", Deployment: d, Variables: map[string]string{"host": "a", "port": "1"}}}}},
		APIKeys: []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{gateway.Secret("0123456789-0123456789")}}},
	}
	if change != nil {
		change(s)
	}
	return s.Seal()
}

func lines(changes []difference.Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.String())
	}
	return strings.Join(out, "\n")
}

func TestBetween(t *testing.T) {
	seven := int64(0)
	before := snapshot("http://a", nil)
	for name, c := range map[string]struct {
		after *gateway.Snapshot
		want  string
	}{
		"nothing": {snapshot("http://a", func(s *gateway.Snapshot) { s.APIs[0].Source.Line = 7 }), ""},
		"moved":   {snapshot("http://a", func(s *gateway.Snapshot) { r := s.APIs[0].Stages[0].Deployment.Routes; r[0], r[1] = r[1], r[0] }), ""},
		"default response first": {snapshot("http://a", func(s *gateway.Snapshot) {
			r := s.APIs[0].Stages[0].Deployment.Routes[0].Integration.Responses
			r[0], r[1], r[2] = r[2], r[0], r[1]
		}), ""},
		"what it is anyway": {snapshot("http://a", func(s *gateway.Snapshot) {
			d := s.APIs[0].Stages[0].Deployment
			d.Routes[0].Integration.TimeoutMillis, d.APIKeySource, d.ServerPath = 29000, "HEADER", "/v1"
		}), ""},
		"another than it is anyway": {snapshot("http://a", func(s *gateway.Snapshot) {
			d := s.APIs[0].Stages[0].Deployment
			d.Routes[0].Integration.TimeoutMillis, d.APIKeySource = 30000, "AUTHORIZER"
		}), "changed: API pets, stage v1, route GET /pets, integration, timeout millis: 29000 -> 30000\nchanged: API pets, stage v1, API key source: \"HEADER\" -> \"AUTHORIZER\""},
		"uri": {snapshot("http://b", nil), `changed: API pets, stage v1, route GET /pets, integration, URI: "http://a" -> "http://b"`},
		"mapping": {snapshot("http://a", func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes[0].Integration.RequestParameters[0].Source = "'b'"
		}), `changed: API pets, stage v1, route GET /pets, integration, integration.request.header.x, source: "'a'" -> "'b'"`},
		"variables": {snapshot("http://a", func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Variables = map[string]string{"host": "b", "path": "/"} }),
			"changed: API pets, stage v1, variables, host: \"a\" -> \"b\"\nadded: API pets, stage v1, variables, path\nremoved: API pets, stage v1, variables, port"},
		"stages": {snapshot("http://a", func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Name = "v2"
			s.APIs = append(s.APIs, gateway.API{ID: "notes"})
		}), "removed: API pets, stage v1\nadded: API pets, stage v2\nadded: API notes"},
		"routes": {snapshot("http://a", func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Deployment.Routes[1].Method = "PUT" }),
			"removed: API pets, stage v1, route POST /pets\nadded: API pets, stage v1, route PUT /pets"},
		"canary": {snapshot("http://a", func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Canary = &gateway.Canary{Percent: 10}
			s.APIs[0].Stages[0].Settings = []gateway.RouteSettings{{RouteKey: "*", TimeoutMillis: &seven}}
		}), "added: API pets, stage v1, canary\nadded: API pets, stage v1, settings of *"},
		"key": {snapshot("http://a", func(s *gateway.Snapshot) { s.APIKeys[0].Values[0] = "9876543210-9876543210" }),
			"changed: API key acme, values: [a secret] -> [a secret]"},
		"order of responses": {snapshot("http://a", func(s *gateway.Snapshot) {
			r := s.APIs[0].Stages[0].Deployment.Routes[0].Integration.Responses
			r[0], r[1] = r[1], r[0]
		}), `changed: API pets, stage v1, route GET /pets, integration, order: ["4.." "404"] -> ["404" "4.."]`},
		"order of identity sources": {snapshot("http://a", func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Authorizers[0].IdentitySources = []string{"$request.querystring.b", "$request.header.a"}
		}), `changed: API pets, stage v1, authorizer who, identity sources: ["$request.header.a", "$request.querystring.b"] -> ["$request.querystring.b", "$request.header.a"]`},
		"end of a long text": {snapshot("http://a/"+strings.Repeat("x", 200)+"/b", func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Deployment.Authorizers[0].ProviderARNs = []string{"b"} }),
			`changed: API pets, stage v1, route GET /pets, integration, URI: "http://a" -> "http://a/` + strings.Repeat("x", 90) + "…\n" + `changed: API pets, stage v1, authorizer who, provider ARNs: ["a"] -> ["b"]`},
	} {
		t.Run(name, func(t *testing.T) {
			got := lines(difference.Between(before, c.after))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	const secret = "0123456789-0123456789"
	for _, after := range []*gateway.Snapshot{
		{}, snapshot("http://a", func(s *gateway.Snapshot) { s.APIKeys[0].Values = nil }),
		snapshot("http://a", func(s *gateway.Snapshot) { s.APIKeys[0].Values[0] = "9876543210-9876543210" }),
	} {
		if text := fmt.Sprint(difference.Between(snapshot("http://a", nil), after)); strings.Contains(text, secret) || strings.Contains(text, "9876543210") {
			t.Error(text)
		}
	}
}
