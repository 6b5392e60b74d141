package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
)

const logged = `
openapi: 3.0.1
info: {title: logged, version: "1"}
x-amazon-apigateway-policy: POLICY
paths:
  /open:
    get: {x-amazon-apigateway-integration: &proxy {type: http_proxy, httpMethod: GET, uri: "BACKEND/open"}}
  /key:
    get: {security: [{api_key: []}], x-amazon-apigateway-integration: *proxy}
  /signed:
    get: {x-amazon-apigateway-auth: {type: AWS_IAM}, x-amazon-apigateway-integration: *proxy}
  /denied:
    get: {x-amazon-apigateway-integration: *proxy}
  /agent:
    get: {x-amazon-apigateway-integration: *proxy}
  /down:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/"}}
  /required:
    get:
      parameters: [{name: q, in: query, required: true, schema: {type: string}}]
      x-amazon-apigateway-request-validator: params
      x-amazon-apigateway-integration: *proxy
  /function:
    get: {security: [{function: []}], x-amazon-apigateway-integration: *proxy}
  /body:
    get:
      requestBody: {content: {application/json: {schema: {type: object, required: [secret]}}}}
      x-amazon-apigateway-request-validator: body
      x-amazon-apigateway-integration: *proxy
x-amazon-apigateway-request-validators:
  params: {validateRequestParameters: true, validateRequestBody: false}
  body: {validateRequestParameters: false, validateRequestBody: true}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
    function:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:gone/invocations"}
`

const loggedTokens = `
openapi: 3.0.1
info: {title: tokens, version: "1"}
paths:
  /tokens: {get: {security: [{jwt: []}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/tokens", payloadFormatVersion: "1.0"}}}
components:
  securitySchemes:
    jwt:
      type: oauth2
      flows: {}
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: $request.header.Authorization, jwtConfiguration: {issuer: "ISSUER", audience: [shop]}}
`

// TestAccessLog holds that every request is one line, which says why it was refused, and
// that nothing in it is a secret.
func TestAccessLog(t *testing.T) {
	const policy = `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/GET/denied","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/GET/agent","Condition":{"StringEquals":{"aws:UserAgent":"evil"}}}]}`
	backend := echoBackend(t, "one")
	iss := oidctest.Start(t)
	d := deploy(t, gateway.REST, strings.ReplaceAll(logged, "POLICY", policy), backend.URL)
	// One without a policy, and one whose policy is by addresses only, which Envoy judges.
	open := deploy(t, gateway.REST, strings.ReplaceAll(logged, "x-amazon-apigateway-policy: POLICY\n", ""), backend.URL)
	closed := deploy(t, gateway.REST, strings.ReplaceAll(logged, "POLICY", `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`), backend.URL)
	s := snapshotOf(
		gateway.API{ID: "logged", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}}},
		gateway.API{ID: "native", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: open}, {Name: "v2", Deployment: open}, {Name: "v3", Deployment: closed}}},
		gateway.API{ID: "tokens", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
			Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, strings.ReplaceAll(loggedTokens, "ISSUER", iss.URL), backend.URL),
		}}},
	)
	s.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS()}}
	s.Functions = []gateway.Function{{Name: "gone", URL: "http://127.0.0.1:1/"}}
	const key = "secret-key-0123456789"
	s.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{key}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "logged", Stage: "v1"}, {API: "native", Stage: "v1"}}}}
	file := filepath.Join(t.TempDir(), "access.log")
	s.Gateways[0].AccessLog = &gateway.AccessLog{Path: file}
	g := start(t, s)

	type line struct {
		Time, RequestID, Client, Method, Host, Path, Protocol, UserAgent string
		API, Stage, Route, Details, Refusal, Principal, UserARN, Flags   string
		Status, RequestBytes, ResponseBytes                              int
		Duration, IntegrationTime, AuthorizerTime                        *float64
	}
	type request struct {
		host, target string
		headers      []string
		// What the line has: details as a prefix, and the refusal.
		route, details, refusal string
		status                  int
	}
	const own, native = "logged.execute-api.localhost", "native.execute-api.localhost"
	requests := []request{
		{own, "/v1/open?token=secret-query", nil, "GET /open", "via_upstream", "", 200},
		{"localhost", "/_aws/execute-api/logged/v1/open?token=secret-query", nil, "GET /open", "via_upstream", "", 200},
		{"localhost", "/_aws/execute-api/logged/v1/key", nil, "GET /key", "ext_authz_denied", "api-key-missing", 403},
		{own, "/v1/key", []string{"x-api-key", "secret-other-0123456789"}, "GET /key", "ext_authz_denied", "api-key-unknown", 403},
		{own, "/v2/key", []string{"x-api-key", key}, "GET /key", "ext_authz_denied", "api-key-outside-plan", 403},
		{own, "/v1/signed", nil, "GET /signed", "ext_authz_denied", "signature-not-signed", 403},
		{own, "/v1/agent", []string{"User-Agent", "evil"}, "GET /agent", "ext_authz_denied", "resource-policy-denied", 403},
		{own, "/v1/function", nil, "GET /function", "ext_authz_denied", "identity-source-missing", 401},
		{own, "/v1/function", []string{"Authorization", "secret-token"}, "GET /function", "ext_authz_denied", "authorizer-unreachable", 500},
		{own, "/v1/required", nil, "GET /required", "direct_response", "", 400},
		{own, "/v1/body", nil, "GET /body", "ext_authz_denied", "body-not-allowed", 400},
		{own, "/v1/down", nil, "GET /down", "upstream_reset_before_response_started", "", 500},
		{own, "/v1/none%22,%7D", nil, "no route", "direct_response", "", 403},
		{native, "/v1/key", []string{"x-api-key", key}, "GET /key", "via_upstream", "", 200},
		{native, "/v1/key", nil, "GET /key", "missing_api_key", "", 403},
		{native, "/v1/key", []string{"x-api-key", "secret-other-0123456789"}, "GET /key", "unknown_api_key", "", 403},
		{native, "/v2/key", []string{"x-api-key", key}, "GET /key", "fault_filter_abort", "", 403},
		{native, "/v3/denied", nil, "GET /denied", "gw:ACCESS_DENIED", "", 403},
		{"tokens.execute-api.localhost", "/tokens", nil, "GET /tokens", "jwt_authn_access_denied{Jwt_is_missing}", "", 401},
		{"nobody.example.com", "/", nil, "", "route_not_found", "", 403},
	}
	for i, r := range requests {
		if got := g.request("GET", r.host, r.target, "", r.headers...); got.StatusCode != r.status {
			t.Errorf("%d: %s%s: %d %s, want %d", i, r.host, r.target, got.StatusCode, got.body, r.status)
		}
	}
	var text string
	for end := time.Now().Add(time.Minute); strings.Count(text, "\n") < len(requests) && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		data, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		text = string(data)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(requests) {
		t.Fatalf("%d requests made %d lines:\n%s", len(requests), len(lines), text)
	}
	if strings.Contains(text, "secret") {
		t.Errorf("there is a secret in\n%s", text)
	}
	// Workers write in an order of their own.
	left := lines
	for i, r := range requests {
		found := -1
		for j, written := range left {
			var l line
			if err := json.Unmarshal([]byte(written), &l); err != nil {
				t.Fatalf("%v: %s", err, written)
			}
			target, _, _ := strings.Cut(r.target, "?")
			if l.Status == r.status && l.Route == r.route && strings.HasPrefix(l.Details, r.details) && l.Refusal == r.refusal &&
				l.Method == "GET" && l.Client == "127.0.0.1" && l.RequestID != "" && l.Duration != nil && l.Time != "" &&
				(r.host == "localhost" || l.Path == target && l.Host == r.host) && (r.route == "" || l.API != "" && l.Stage != "") {
				found = j
				break
			}
		}
		if found < 0 {
			t.Errorf("%d: no line is about %s%s, %d %s %q; see below", i, r.host, r.target, r.status, r.details, r.refusal)
			continue
		}
		left = slices.Delete(left, found, found+1)
	}
	for _, l := range left {
		t.Log(l)
	}
}
