package e2e

import (
	"testing"

	"gatehouse/gateway"
)

const onlyProxies = `
openapi: 3.0.1
info: {title: headers, version: "1"}
paths:
  /proxy: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/proxy"}}}
  /item/{id}: {get: {parameters: [{name: id, in: path, required: true, schema: {type: string}}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}}}
`

// TestRenamedHeaders: what a backend says of itself is told apart from what the gateway
// says, in the same way by a host's own header lists, by the filter that does it where a
// host serves other things too, and where all hosts share one configuration.
func TestRenamedHeaders(t *testing.T) {
	backend := headerBackend(t)
	api := func(id, definition string) gateway.API {
		return gateway.API{ID: id, Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, definition, backend.URL)}}}
	}
	apis := func() *gateway.Snapshot { return snapshotOf(api("alone", onlyProxies), api("mixed", restHeaders)) }
	g := start(t, apis())
	check := func(host, path string) {
		t.Helper()
		r := g.request("GET", host, path, "")
		for name, want := range map[string]string{
			"x-amzn-remapped-server": "echo", "server": "", "via": "", "x-amzn-remapped-x-amzn-requestid": "backend", "age": "backend",
		} {
			if got := r.Header.Get(name); r.StatusCode != 200 || got != want {
				t.Errorf("%s%s: %d, %s is %q, want %q", host, path, r.StatusCode, name, got, want)
			}
		}
		for _, name := range []string{"date", "x-amzn-remapped-date"} {
			if values := r.Header.Values(name); len(values) != 1 || values[0] == "" {
				t.Errorf("%s%s: %s is %q", host, path, name, values)
			}
		}
		if !uuid.MatchString(r.Header.Get("x-amzn-requestid")) || len(r.Header.Values("x-amzn-requestid")) != 1 {
			t.Errorf("%s%s: request ids %q", host, path, r.Header.Values("x-amzn-requestid"))
		}
	}
	everywhere := func() {
		t.Helper()
		check("alone.execute-api.localhost", "/v1/proxy")
		check("alone.execute-api.localhost", "/v1/item/7")
		check("localhost", "/_aws/execute-api/alone/v1/proxy")
		check("mixed.execute-api.localhost", "/v1/proxy")
		// What no backend answers has nothing that could be renamed.
		r := g.request("GET", "alone.execute-api.localhost", "/v1/none", "")
		if r.StatusCode != 403 || r.Header.Get("date") == "" || len(r.Header.Values("x-amzn-remapped-date")) > 0 || len(r.Header.Values("x-amzn-remapped-x-amzn-requestid")) > 0 {
			t.Errorf("403 of Envoy's own: %d %v", r.StatusCode, r.Header)
		}
	}
	everywhere()

	wild := apis()
	wild.Domains = []gateway.Domain{{Name: "*.example.com", Mappings: []gateway.DomainMapping{{API: "alone", Stage: "v1"}}}}
	g.change(wild)
	check("any.example.com", "/proxy")
	everywhere()
}
