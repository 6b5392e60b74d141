package e2e

import (
	"strings"
	"testing"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// deploy parses an OpenAPI document; BACKEND in it stands for the backend's URL.
func deploy(t *testing.T, protocol gateway.Protocol, text, backend string) *gateway.Deployment {
	t.Helper()
	var diags gateway.Diagnostics
	doc, ok := source.Parse("test.yaml", []byte(strings.ReplaceAll(text, "BACKEND", backend)), source.Environment{}, &diags)
	if !ok {
		t.Fatal(diags)
	}
	d := openapi.Parse(doc, openapi.Options{Protocol: protocol})
	for _, problem := range diags {
		t.Log(problem)
	}
	if diags.HasErrors() {
		t.FailNow()
	}
	return d
}

func snapshotOf(apis ...gateway.API) *gateway.Snapshot {
	return &gateway.Snapshot{Gateways: []gateway.Gateway{{Name: "edge", Suffix: "localhost"}}, APIs: apis}
}

const restRouting = `
openapi: 3.0.1
info: {title: routing, version: "1"}
paths:
  /pets: &proxy
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/pets"}}
  /pets/{id}:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/one/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}}
  /pets/special:
    post: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/special"}}
  /test:
    post: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/test"}}
  /files/{proxy+}:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/f/{proxy}", requestParameters: {integration.request.path.proxy: method.request.path.proxy}}}
  /{proxy+}:
    options: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: OPTIONS, uri: "BACKEND/any/{proxy}", requestParameters: {integration.request.path.proxy: method.request.path.proxy}}}
  /a/{b}/c/{d}:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/{d}/of/{b}", requestParameters: {integration.request.path.b: method.request.path.b, integration.request.path.d: method.request.path.d}}}
`

func TestRESTRouting(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, restRouting, backend.URL)
	g := start(t, snapshotOf(gateway.API{ID: "pets", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}}))
	const host = "pets.execute-api.localhost"
	for _, c := range []struct {
		method, target string
		path           string // "" is 403 Missing Authentication Token
	}{
		{"GET", "/v1/pets", "/pets"},
		{"GET", "/v1/pets/", "/pets"},
		{"GET", "/v1/pets?x=/a/b?c", "/pets"},
		{"GET", "/v1/pets/42", "/one/42"},
		{"GET", "/v1/pets/42/", "/one/42"},
		{"GET", "/v1/pets/4%2F2", "/one/4%2F2"},
		{"GET", "/v1/pets/special", "/one/special"},
		{"POST", "/v1/pets/special", "/special"},
		{"POST", "/v1/test", "/test"},
		{"OPTIONS", "/v1/test", "/any/test"},
		{"OPTIONS", "/v1/pets/42", "/any/pets/42"},
		{"OPTIONS", "/v1/petsx", "/any/petsx"},
		{"GET", "/v1/petsx", ""},
		{"HEAD", "/v1/pets", ""},
		{"GET", "/v1/files/a/b.c", "/f/a/b.c"},
		{"GET", "/v1/files/", ""},
		{"GET", "/v1/files", ""},
		{"PUT", "/v1/a/1/c/2", "/2/of/1"},
		{"TRACE", "/v1/a/1/c/2", ""},
		{"GET", "/v1", ""},
		{"GET", "/v1/", ""},
		{"OPTIONS", "/v1/", ""},
		{"GET", "/v1/x/../pets", "/pets"},
	} {
		r := g.request(c.method, host, c.target, "")
		if c.path == "" {
			if r.StatusCode != 403 || c.method != "HEAD" && r.body != `{"message":"Missing Authentication Token"}` ||
				r.Header.Get("x-amzn-errortype") != "MissingAuthenticationTokenException" || r.Header.Get("x-amzn-requestid") == "" {
				t.Errorf("%s %s: %d %s %v", c.method, c.target, r.StatusCode, r.body, r.Header)
			}
			continue
		}
		if e := r.echo(t); e.Path != c.path || e.Method != c.method {
			t.Errorf("%s %s: backend saw %s %s, want %s", c.method, c.target, e.Method, e.Path, c.path)
		}
	}
	if r := g.request("GET", host, "/nostage/pets", ""); r.StatusCode != 403 || r.body != `{"message":"Forbidden"}` {
		t.Errorf("unknown stage: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("GET", "nobody.example.com", "/", ""); r.StatusCode != 403 || r.body != `{"message":"Forbidden"}` {
		t.Errorf("unknown host: %d %s", r.StatusCode, r.body)
	}
	e := g.request("GET", "localhost:8080", "/_aws/execute-api/pets/v1/pets/7?a=b", "").echo(t)
	if e.Path != "/one/7" || e.Query != "a=b" || len(e.Headers["x-forwarded-for"]) != 1 || strings.Contains(e.Headers["x-forwarded-for"][0], ",") {
		t.Errorf("path form: %+v", e)
	}
}
