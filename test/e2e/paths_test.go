package e2e

import (
	"testing"

	"gatehouse/gateway"
)

const restPaths = `
openapi: 3.0.1
info: {title: paths, version: "1"}
paths:
  /p/{id}: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/one/{id}"}}}
  /g/{proxy+}: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/any/{proxy}"}}}
  /lit: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/lit"}}}
  /a/{x}/c: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/x-c/{x}"}}}
  /a/b/{x}:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/b-x/{x}"}}
  /a/{x}/{y+}:
    post: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/greedy/{x}/{y}"}}
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/any-greedy/{x}/{y}"}}
  /mapped/{id}:
    get:
      parameters: [{name: q, in: query, schema: {type: string}}, {name: X-T, in: header, schema: {type: string}}]
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: "BACKEND/m/{id}/{t}/x?u={id}"
        requestParameters:
          integration.request.path.id: method.request.path.id
          integration.request.path.t: method.request.header.X-T
          integration.request.querystring.last: method.request.querystring.q
          integration.request.querystring.all: method.request.multivaluequerystring.q
          integration.request.header.X-Id: method.request.path.id
          integration.request.header.X-Last: method.request.querystring.q
          integration.request.header.X-All: method.request.multivaluequerystring.q
  /mapped: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/mapped-root"}}}
`

const httpPaths = `
openapi: 3.0.1
info: {title: paths, version: "1"}
paths:
  /p/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/one/{id}"}}}
  /g/{proxy+}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/any/{proxy}"}}}
  /lit: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/lit"}}}
  /mapped/{id}:
    get:
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: ANY
        payloadFormatVersion: "1.0"
        uri: "BACKEND/kept"
        requestParameters:
          overwrite:path: $request.header.x-path
          overwrite:header.x-id: $request.path.id
          append:header.x-all: $request.querystring.q
          append:querystring.all: $request.querystring.q
          overwrite:querystring.id: $request.path.id
  /$default:
    x-amazon-apigateway-any-method:
      isDefaultRoute: true
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/base", requestParameters: {overwrite:path: $request.header.x-path}}
`

// What the client wrote reaches the backend as it was written, or an equivalent of it:
// decoded once and encoded again.
func TestPathsAndQueries(t *testing.T) {
	backend := echoBackend(t, "one")
	g := start(t, snapshotOf(
		gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, restPaths, backend.URL)}}},
		gateway.API{ID: "h", Protocol: gateway.HTTP, Stages: []gateway.Stage{
			{Name: "$default", Deployment: deploy(t, gateway.HTTP, httpPaths, backend.URL)},
			{Name: "v1", Deployment: deploy(t, gateway.HTTP, httpPaths, backend.URL)}}},
	))
	const rest, http = "r.execute-api.localhost", "h.execute-api.localhost"
	for _, c := range []struct{ host, method, target, path, query string }{
		// Encoding in the path.
		{rest, "GET", "/v1/p/a+b", "/one/a+b", ""},
		{rest, "GET", "/v1/p/a%20b", "/one/a%20b", ""},
		{rest, "GET", "/v1/p/a%2Fb%2fc", "/one/a%2Fb%2fc", ""},
		{rest, "GET", "/v1/p/a%2520b%25", "/one/a%2520b%25", ""},
		{rest, "GET", "/v1/p/caf%C3%A9%3F%23%3B;x", "/one/caf%C3%A9%3F%23%3B;x", ""},
		{rest, "GET", "/v1/p/{a}|b", "/one/%7Ba%7D%7Cb", ""},
		{rest, "GET", "/v1/l%69t", "/lit", ""},
		{rest, "GET", "/v1/p/a%5Cb", "/one/a%5Cb", ""},
		{rest, "GET", "/v1/p\\b", "/one/b", ""},
		{http, "GET", "/p/a%2Fb%20%25+", "/one/a%2Fb%20%25+", ""},
		{http, "GET", "/v1/g/a%2Fb/c%20d/", "/any/a%2Fb/c%20d/", ""},
		{http, "GET", "/what/%C3%A9%2F/x", "/base/what/%C3%A9%2F/x", ""},
		{http, "GET", "/v1/what/%C3%A9%2F/x", "/base/what/%C3%A9%2F/x", ""},
		// Queries are the backend's business.
		{rest, "GET", "/v1/lit?a=1;b=2&a=&&c&=d&a=%26+%zz", "/lit", "a=1;b=2&a=&&c&=d&a=%26+%zz"},
		{http, "GET", "/lit?a=1;b=2&a=&&c&=d&a=%26+%zz", "/lit", "a=1;b=2&a=&&c&=d&a=%26+%zz"},
		{rest, "GET", "/v1/p/x?", "/one/x", ""},
		{rest, "GET", "/v1/lit?u=http://x/../y?z", "/lit", "u=http://x/../y?z"},
		// Dots are resolved before anything else, encoded or not; slashes are kept.
		{rest, "GET", "/v1/p/x/../y", "/one/y", ""},
		{rest, "GET", "/v1/p/x/%2e%2E/.%2e/lit/%2e", "/lit", ""},
		{rest, "GET", "/v1/p/..%2f..%2fadmin", "/one/..%2f..%2fadmin", ""},
		{rest, "GET", "/v1/../../v1/lit", "/lit", ""},
		{rest, "GET", "/v1/g//a//b/", "/any//a//b/", ""},
		{rest, "GET", "/v1//lit", "", ""},
		{http, "GET", "/g//a", "/any//a", ""},
		{http, "GET", "/v1//lit", "/base//lit", ""},
		// A slash at the end counts only in HTTP APIs.
		{rest, "GET", "/v1/lit/", "/lit", ""},
		{http, "GET", "/lit/", "/base/lit/", ""},
		{http, "GET", "/v1/lit/", "/base/lit/", ""},
		{http, "GET", "/p/x/", "/base/p/x/", ""},
		{http, "GET", "/p/", "/base/p/", ""},
		{http, "GET", "/g/", "/base/g/", ""},
		{http, "GET", "/v1", "/base/", ""},
		{http, "GET", "/v1/", "/base/", ""},
		{http, "GET", "/", "/base/", ""},
		{http, "GET", "/v1x", "/base/v1x", ""},
		// Literal before variable before greedy, from the left; the method may lead elsewhere.
		{rest, "GET", "/v1/a/b/c", "/b-x/c", ""},
		{rest, "GET", "/v1/a/z/c", "/x-c/z", ""},
		{rest, "GET", "/v1/a/z/d", "/any-greedy/z/d", ""},
		{rest, "POST", "/v1/a/b/c", "/greedy/b/c", ""},
		{rest, "PUT", "/v1/a/b/c/d", "/any-greedy/b/c/d", ""},
		{rest, "HEAD", "/v1/a/b/c", "", ""},
		{rest, "GET", "/v1/a//c", "", ""},
		{rest, "GET", "/V1/lit", "", ""},
		{rest, "GET", "/v1/LIT", "", ""},
		{http, "POST", "/lit", "/base/lit", ""},
	} {
		r := g.request(c.method, c.host, c.target, "")
		if c.method == "HEAD" {
			continue // no body to tell by; that it is answered is enough
		}
		if c.path == "" {
			if r.StatusCode != 403 {
				t.Errorf("%s %s%s: %d %s", c.method, c.host, c.target, r.StatusCode, r.body)
			}
			continue
		}
		if e := r.echo(t); e.Path != c.path || e.Query != c.query {
			t.Errorf("%s %s%s: backend saw %s?%s, want %s?%s", c.method, c.host, c.target, e.Path, e.Query, c.path, c.query)
		}
	}

	mapped := func(host, target string, headers ...string) echoed {
		t.Helper()
		return g.request("GET", host, target, "", headers...).echo(t)
	}
	e := mapped(rest, "/v1/mapped/a%2Fb%20c+%25?q=1;q=2%20%26&x=a+b&q=3+%2B%C3%A9", "X-T", "t/1%")
	if e.Path != "/m/a%2Fb%20c+%25/t%2F1%25/x" {
		t.Errorf("REST path %s", e.Path)
	}
	if want := "q=1&q=2%20%26&x=a+b&q=3+%2B%C3%A9&last=3%20%2B%C3%A9&all=1&all=2%20%26&all=3%20%2B%C3%A9&u=a%2Fb%20c%2B%25"; !sameItems(e.Query, want) {
		t.Errorf("REST query %s\nwant       %s", e.Query, want)
	}
	for name, want := range map[string]string{"x-id": "a/b c+%", "x-last": "3 +é", "x-all": "1,2 &,3 +é"} {
		if e.Headers[name] == nil || e.Headers[name][0] != want {
			t.Errorf("REST header %s: %q, want %q", name, e.Headers[name], want)
		}
	}
	if e := mapped(rest, "/v1/mapped"); e.Path != "/mapped-root" {
		t.Errorf("%+v", e)
	}

	e = mapped(http, "/mapped/a%2Fb%20c+?q=1;q=2&q=2%20%26&q=3+", "x-path", "/x y/z%")
	if e.Path != "/x%20y/z%25" || !sameItems(e.Query, "q=1;q=2&q=2%20%26&q=3+&all=1%3Bq%3D2%2C2%20%26%2C3%20&id=a%2Fb%20c%2B") ||
		e.Headers["x-id"][0] != "a/b c+" || e.Headers["x-all"][0] != "1;q=2,2 &,3 " && e.Headers["x-all"][0] != "1;q=2,2 &,3" {
		t.Errorf("HTTP %+v", e)
	}
	// A mapping without a value leaves the integration's own path.
	if e := mapped(http, "/v1/mapped/7"); e.Path != "/kept" {
		t.Errorf("HTTP without the header: %+v", e)
	}
	if e := mapped(http, "/v1/else/7"); e.Path != "/base/else/7" {
		t.Errorf("$default without the header: %+v", e)
	}
	// A value that is put into the path must not lead out of it.
	for _, c := range [][3]string{{rest, "/v1/mapped/a", ".."}, {rest, "/v1/mapped/a", "."}, {http, "/mapped/a", "/a/../../b"}, {http, "/mapped/a", ".."}} {
		headers := []string{"X-T", c[2], "x-path", c[2]}
		if r := g.request("GET", c[0], c[1], "", headers...); r.StatusCode != 400 || r.body != `{"message":"Bad Request"}` {
			t.Errorf("%s with %s: %d %s", c[0], c[2], r.StatusCode, r.body)
		}
	}
	if e := mapped(rest, "/v1/mapped/a", "X-T", "../x"); e.Path != "/m/a/..%2Fx/x" {
		t.Errorf("%+v", e)
	}
}

func TestDisabledEndpoint(t *testing.T) {
	backend := echoBackend(t, "one")
	rest, http := deploy(t, gateway.REST, restPaths, backend.URL), deploy(t, gateway.HTTP, httpPaths, backend.URL)
	s := snapshotOf(
		gateway.API{ID: "r", Protocol: gateway.REST, DisableExecuteAPIEndpoint: true, Stages: []gateway.Stage{{Name: "v1", Deployment: rest}}},
		gateway.API{ID: "h", Protocol: gateway.HTTP, DisableExecuteAPIEndpoint: true, Stages: []gateway.Stage{{Name: "$default", Deployment: http}}},
		gateway.API{ID: "n", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "dev", Deployment: http}}},
	)
	s.Domains = []gateway.Domain{{Name: "api.example.com", Gateway: "edge", Mappings: []gateway.DomainMapping{
		{Path: "rest", API: "r", Stage: "v1"}, {Path: "rest/http", API: "h", Stage: "$default"}, {Path: "n", API: "n", Stage: "dev"}}}}
	g := start(t, s)
	for _, c := range []struct {
		host, target string
		status       int
		body         string
	}{
		{"r.execute-api.localhost", "/v1/lit", 403, `{"message":"Forbidden"}`},
		{"h.execute-api.localhost", "/lit", 404, `{"message":"Not Found"}`},
		{"localhost", "/_aws/execute-api/r/v1/lit", 403, `{"message":"Forbidden"}`},
		{"localhost", "/_aws/execute-api/h/lit", 404, `{"message":"Not Found"}`},
		{"127.0.0.1", "/_aws/execute-api/none/lit", 403, `{"message":"Forbidden"}`},
		{"n.execute-api.localhost", "/lit", 404, `{"message":"Not Found"}`},
		{"n.execute-api.localhost", "/devx/lit", 404, `{"message":"Not Found"}`},
		{"none.execute-api.localhost", "/lit", 403, `{"message":"Forbidden"}`},
		{"api.example.com", "/", 403, `{"message":"Forbidden"}`},
		{"api.example.com", "/REST/lit", 403, `{"message":"Forbidden"}`},
		{"api.example.com", "/rest/v1/lit", 403, `{"message":"Missing Authentication Token"}`},
	} {
		if r := g.request("GET", c.host, c.target, ""); r.StatusCode != c.status || r.body != c.body {
			t.Errorf("%s%s: %d %s", c.host, c.target, r.StatusCode, r.body)
		}
	}
	for target, want := range map[string]string{
		"/rest/lit": "/lit", "/rest/lit/": "/lit", "/rest/http/lit": "/lit", "/rest/http": "/base/", "/rest/http/": "/base/",
		"/rest/http/a%2Fb": "/base/a%2Fb", "/rest/./p/..%2fx": "/one/..%2fx", "/n/p/1": "/one/1",
	} {
		if e := g.request("GET", "api.example.com", target, "").echo(t); e.Path != want {
			t.Errorf("%s: backend saw %s, want %s", target, e.Path, want)
		}
	}
}
