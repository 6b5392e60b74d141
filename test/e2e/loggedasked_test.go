package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

const askedREST = `
openapi: 3.0.1
info: {title: shop, version: "1"}
paths:
  /pets: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/sent"}}}
  /pets/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/sent/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}}}
  /v1/{proxy+}: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/v1/v1/{proxy}", requestParameters: {integration.request.path.proxy: method.request.path.proxy}}}}
  /posted: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/sent"}}}
  /all: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/sent"}}}
  /all/posted: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/sent"}}}
  /agent: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/sent", requestParameters: {integration.request.header.User-Agent: "'me'"}}}}
  /plain: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "BACKEND/sent", responses: {default: {statusCode: "200"}}}}}
  /mock/{id}: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}}}
  /keyed: {get: {security: [{key: []}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/sent"}}}
  /down: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/sent"}}}
  /down/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/sent/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}}}
components: {securitySchemes: {key: {type: apiKey, name: x-api-key, in: header}}}
`

const askedHTTP = `
openapi: 3.0.1
info: {title: web, version: "1"}
paths:
  $default: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND"}}}
  /same/{a}/{rest+}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/same/{a}/{rest}"}}}
  /turned/{a}/{b}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/turned/{b}/{a}"}}}
  /path: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/a", requestParameters: {overwrite:path: /sent}}}}
  /agent: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/agent", requestParameters: {remove:header.user-agent: ''}}}}
`

// TestAskedIsTold holds that accounts of requests have what clients asked for, whatever a route
// makes of it on the way to a backend, and whoever knows it: a route, a filter or the request.
func TestAskedIsTold(t *testing.T) {
	t.Run("hosts that are looked up", func(t *testing.T) { testAskedIsTold(t, false) })
	t.Run("hosts beside a wildcard", func(t *testing.T) { testAskedIsTold(t, true) })
}

func testAskedIsTold(t *testing.T, wildcard bool) {
	backend := echoBackend(t, "one")
	format := &gateway.StageAccessLog{
		Format:      jsonFormat("requestId", "httpMethod", "domainName", "path", "identity.userAgent", "status"),
		Destination: gateway.DestinationStdout,
	}
	const key = "0123456789-key-of-acme"
	s := snapshotOf(
		gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, askedREST, backend.URL), AccessLog: format}}},
		gateway.API{ID: "web", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, askedHTTP, backend.URL), AccessLog: format}}},
	)
	s.Gateways[0].Telemetry = true
	s.Domains = []gateway.Domain{{Name: "api.example.com", Mappings: []gateway.DomainMapping{{Path: "old", API: "shop", Stage: "v1"}}}}
	if wildcard {
		s.Domains = append(s.Domains, gateway.Domain{Name: "*.example.com", Mappings: []gateway.DomainMapping{{API: "shop", Stage: "v1"}}})
	}
	s.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{key}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "shop", Stage: "v1"}}}}
	g := start(t, s)

	const shop, web, agent = "shop.execute-api.localhost", "web.execute-api.localhost", "curl/8 (some | agent)"
	// sent is what the backend is to get, "" where it gets nothing.
	type request struct{ method, host, target, sent, status string }
	requests := []request{
		{"GET", shop, "/v1/pets", "GET /sent", "200"},
		{"GET", shop, "/v1/pets/", "GET /sent", "200"},
		{"GET", shop, "/v1/pets?token=secret", "GET /sent", "200"},
		{"GET", shop + ":8443", "/v1/pets", "GET /sent", "200"},
		{"GET", shop, "/v1/pets/1", "GET /sent/1", "200"},
		{"GET", shop, "/v1/pets/1/", "GET /sent/1", "200"},
		{"GET", shop, "/v1/v1/a/%7Cb/", "GET /v1/v1/a/%7Cb/", "200"},
		{"DELETE", shop, "/v1/v1/a", "DELETE /v1/v1/a", "200"},
		{"GET", shop, "/v1/posted", "POST /sent", "200"},
		{"PATCH", shop, "/v1/all", "PATCH /sent", "200"},
		{"PATCH", shop, "/v1/all/posted", "POST /sent", "200"},
		{"GET", shop, "/v1/agent", "GET /sent", "200"},
		{"GET", shop, "/v1/plain", "GET /sent", "200"},
		{"GET", shop, "/v1/mock/1", "", "200"},
		{"GET", shop, "/v1/mock/1/", "", "200"},
		{"GET", shop, "/v1/keyed", "GET /sent", "200"},
		{"GET", shop, "/v1/down", "", "500"},
		{"GET", shop, "/v1/down/1", "", "500"},
		{"GET", shop, "/v1/none", "", "403"},
		{"POST", shop, "/v1/pets", "", "403"},
		{"GET", "localhost", "/_aws/execute-api/shop/v1/pets", "GET /sent", "200"},
		{"GET", "localhost", "/_aws/execute-api/shop/v1/pets/1", "GET /sent/1", "200"},
		{"GET", "api.example.com", "/old/pets", "GET /sent", "200"},
		{"GET", "api.example.com", "/old/pets/1", "GET /sent/1", "200"},
		{"OPTIONS", web, "/any/path", "OPTIONS /any/path", "200"},
		{"GET", web, "/same/a/b/c/", "GET /same/a/b/c/", "200"},
		{"GET", web, "/turned/a/b", "GET /turned/b/a", "200"},
		{"GET", web, "/path", "GET /sent", "200"},
		{"GET", web, "/agent", "GET /agent", "200"},
	}
	if wildcard {
		requests = append(requests, []request{
			{"GET", "any.example.com", "/pets", "GET /sent", "200"},
			{"GET", "any.example.com", "/pets/1", "GET /sent/1", "200"},
			{"GET", "any.example.com", "/mock/1", "", "200"},
			{"GET", strings.ToUpper(shop), "/v1/pets", "GET /sent", "200"},
		}...)
	}
	want := map[string]map[string]string{}
	for i, r := range requests {
		userAgent, loggedAgent := agent, agent
		if i%2 == 0 {
			userAgent, loggedAgent = "", "-"
		}
		// An empty one has Go send none.
		got := g.request(r.method, r.host, r.target, "", "User-Agent", userAgent, "x-api-key", key)
		id := got.Header.Get("x-amzn-requestid") + got.Header.Get("apigw-requestid")
		if strconv.Itoa(got.StatusCode) != r.status || id == "" {
			t.Errorf("%s %s%s answers %d with the id %q: %s", r.method, r.host, r.target, got.StatusCode, id, got.body)
		}
		if r.sent != "" && got.StatusCode == http.StatusOK {
			if e := got.echo(t); e.Method+" "+e.Path != r.sent {
				t.Errorf("%s %s%s has a backend get %s %s, want %s", r.method, r.host, r.target, e.Method, e.Path, r.sent)
			}
		}
		domain := strings.ToLower(strings.TrimSuffix(r.host, ":8443"))
		path, _, _ := strings.Cut(r.target, "?")
		if below, ok := strings.CutPrefix(path, "/_aws/execute-api/shop"); ok {
			domain, path = shop, below
		}
		want[id] = map[string]string{
			"requestId": id, "httpMethod": r.method, "domainName": domain, "path": path, "identity.userAgent": loggedAgent, "status": r.status,
		}
	}
	if diff := cmp.Diff(want, linesBy(t, "requestId", g.told.String, len(want))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
