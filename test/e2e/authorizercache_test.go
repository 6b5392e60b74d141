package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/gateway"
)

const nearCallersAPI = `
openapi: 3.0.1
info: {title: cached, version: "1"}
paths:
  /a: {x-amazon-apigateway-any-method: {security: [{who: []}], x-amazon-apigateway-integration: &to {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/a"}}}
  /b: {get: {security: [{who: []}], x-amazon-apigateway-integration: *to}}
components:
  securitySchemes:
    who:
      type: apiKey
      name: Unused
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: request, AUTHORIZER, authorizerUri: "URI", authorizerResultTtlInSeconds: 300}
`

// TestAnswersOfOneCaller asks through Envoy as callers who are nearly the same: what one is
// answered is no answer for another, however it writes what it says.
func TestAnswersOfOneCaller(t *testing.T) {
	backend := echoBackend(t, "one")
	var calls atomic.Int64
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, `{"principalId": "u", "policyDocument": {"Version": "2012-10-17", "Statement": [
			{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}, {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "arn:aws:execute-api:*:*:*/DELETE/*"}]}}`)
	}))
	defer function.Close()
	api := func(id string, protocol gateway.Protocol, authorizer string) gateway.API {
		text := strings.NewReplacer("AUTHORIZER", authorizer, "URI", function.URL).Replace(nearCallersAPI)
		return gateway.API{ID: id, Protocol: protocol, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, protocol, text, backend.URL)}}}
	}
	const (
		ofREST = `identitySource: "method.request.header.X-A, method.request.header.X-B, method.request.querystring.q"`
		ofHTTP = `identitySource: "$request.header.X-A, $request.header.X-B, $request.querystring.q", authorizerPayloadFormatVersion: `
	)
	g := start(t, snapshotOf(
		api("rest", gateway.REST, ofREST), api("again", gateway.REST, ofREST),
		api("one", gateway.HTTP, ofHTTP+`"1.0"`), api("two", gateway.HTTP, ofHTTP+`"2.0"`),
	))
	// ask gives the status, and how many calls it took.
	ask := func(api, line string, headers ...string) (int, int64) {
		t.Helper()
		before := calls.Load()
		lines := append([]string{line + " HTTP/1.1", "Host: " + api + ".execute-api.localhost", "Connection: close"}, headers...)
		r, err := g.raw("GET", append(lines, "", "")...)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, calls.Load() - before
	}
	for _, api := range []string{"rest", "again", "one", "two"} {
		for _, c := range []struct {
			line    string
			headers []string
		}{
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=3", []string{"X-A: 2", "X-B: 1"}},
			{"GET /v1/a?q=3", []string{"X-A: 1,2", "X-B: 3"}},
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-B: 2,3"}},
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-B: 2", "X-B: 3"}},
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-B: 3", "X-B: 2"}},
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-A: 2", "X-B: 3"}},
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-A:", "X-B: 2"}},
			{"GET /v1/a?q=3", []string{"X-A: \x80", "X-B: 2"}},
			{"GET /v1/a?q=3", []string{"X-A: \x81", "X-B: 2"}},
			{"GET /v1/a?q=3", []string{"X-A: !", "X-B: 2"}},
			{"GET /v1/a?q=3", []string{"X-A: a", "X-B: 2"}},
			{"GET /v1/a?q=3", []string{"X-A: A", "X-B: 2"}},
			{"GET /v1/a?q=3&q=3", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=3&q=", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=3%26q=3", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=3,3", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=%80", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=%81", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=%00", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=!", []string{"X-A: 1", "X-B: 2"}},
			{"GET /v1/a?q=%25%32%31", []string{"X-A: 1", "X-B: 2"}},
		} {
			if status, n := ask(api, c.line, c.headers...); status != 200 || n != 1 {
				t.Errorf("%s: %s %q: %d, %d calls", api, c.line, c.headers, status, n)
			}
		}
		// The same caller, of whom the policy says more than one thing.
		for _, c := range []struct {
			line    string
			headers []string
			status  int
		}{
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-B: 2"}, 200},
			{"POST /v1/a?q=3", []string{"x-b: 2", "x-a:   1  ", "X-C: 3", "Content-Length: 0"}, 200},
			{"GET /v1/b?z=1&%71=%33", []string{"X-A: 1", "X-B: 2"}, 200},
			{"DELETE /v1/a?q=3", []string{"X-A: 1", "X-B: 2"}, 403},
			// Nobody who does not say all that is asked.
			{"GET /v1/a?q=3", []string{"X-A: 1"}, 401},
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-B:"}, 401},
			{"GET /v1/a?q=3", []string{"X-A: 1", "X-B:   "}, 401},
			{"GET /v1/a?q=", []string{"X-A: 1", "X-B: 2"}, 401},
			{"GET /v1/a?q", []string{"X-A: 1", "X-B: 2"}, 401},
			{"GET /v1/a?Q=3", []string{"X-A: 1", "X-B: 2"}, 401},
			{"GET /v1/a", []string{"X-A: 1", "X-B: 2", "q: 3"}, 401},
		} {
			if status, n := ask(api, c.line, c.headers...); status != c.status || n != 0 {
				t.Errorf("%s: %s %q: %d, %d calls", api, c.line, c.headers, status, n)
			}
		}
		// Bytes that are no text do not stand for a caller of before, if they are taken at all.
		if status, n := ask(api, "GET /v1/a?q=\x80", "X-A: 1", "X-B: 2"); status == 200 && n == 0 {
			t.Errorf("%s: a byte in the query was taken for another caller's", api)
		}
	}
}
