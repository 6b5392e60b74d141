package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway"
)

// An authorizerFunction is a webhook that stands for a Lambda function. What it answers
// is decided by the token or the identity source.
type authorizerFunction struct {
	mu     sync.Mutex
	events []map[string]any
	server *httptest.Server
}

func newAuthorizerFunction(t *testing.T) *authorizerFunction {
	t.Helper()
	f := &authorizerFunction{}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	return f
}

func (f *authorizerFunction) serve(w http.ResponseWriter, r *http.Request) {
	var event map[string]any
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.events = append(f.events, event)
	f.mu.Unlock()
	token, _ := event["authorizationToken"].(string)
	if list, ok := event["identitySource"].([]any); ok {
		token, _ = list[0].(string)
	}
	policy := func(effect, resource string) map[string]any {
		return map[string]any{
			"principalId": "user-7", "context": map[string]any{"tenant": "t1", "level": 3, "trial": true}, "usageIdentifierKey": "the-key-0123456789-the-key",
			"policyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}}},
		}
	}
	w.Header().Set("X-Amzn-Requestid", "call-for-"+token)
	var answer any
	switch token {
	case "allow":
		answer = policy("Allow", "arn:aws:execute-api:*:*:*/*")
	case "other-key":
		p := policy("Allow", "*")
		p["usageIdentifierKey"] = "unknown"
		answer = p
	case "one-path":
		answer = policy("Allow", "arn:aws:execute-api:*:*:*/v1/GET/orders/1")
	case "deny":
		answer = policy("Deny", "*")
	case "Unauthorized":
		answer = map[string]any{"errorMessage": "Unauthorized"}
	case "nested":
		p := policy("Allow", "*")
		p["context"] = map[string]any{"x": map[string]any{}}
		answer = p
	case "slow":
		time.Sleep(200 * time.Millisecond)
		answer = policy("Allow", "*")
	case "simple":
		answer = map[string]any{"isAuthorized": true, "context": map[string]any{"tenant": "t2"}}
	case "typed":
		w.Write([]byte(`{"isAuthorized":true,"context":{"level":3,"long":12345678901234567890,"list":["a",{"b":1}],"map":{"a":null},"ratio":0.25,"tenant":"t2","text":"3","trial":true,"nothing":null}}`))
		return
	case "simply-not":
		answer = map[string]any{"isAuthorized": false}
	case "garbage":
		w.Write([]byte("<html>"))
		return
	default:
		answer = map[string]any{"errorMessage": "no idea"}
	}
	json.NewEncoder(w).Encode(answer)
}

func (f *authorizerFunction) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

const restAuthorizers = `
openapi: 3.0.1
info: {title: lambda, version: "1"}
x-amazon-apigateway-gateway-responses:
  ACCESS_DENIED: {statusCode: "404", responseParameters: {gatewayresponse.header.X-Tenant: context.authorizer.tenant}, responseTemplates: {application/json: '{"said":$context.error.messageString}'}}
paths:
  /orders/{id}:
    get:
      security: [{token: []}]
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: "BACKEND/orders/{id}"
        requestParameters: {integration.request.header.X-Tenant: context.authorizer.tenant, integration.request.header.X-Level: context.authorizer.level, integration.request.header.X-Principal: context.authorizer.principalId}
components:
  securitySchemes:
    token:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:auth/invocations", identityValidationExpression: "^[A-Za-z-]+$", authorizerResultTtlInSeconds: 300}
`

// TestLambdaAuthorizersOfRESTAPIs asks with tokens that the function judges.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
func TestLambdaAuthorizersOfRESTAPIs(t *testing.T) {
	backend, f := echoBackend(t, "one"), newAuthorizerFunction(t)
	s := snapshotOf(gateway.API{ID: "lambda", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, restAuthorizers, backend.URL)}}})
	s.Functions = []gateway.Function{{Name: "arn:aws:lambda:eu-west-1:111122223333:function:auth", URL: f.server.URL}}
	g := start(t, s)
	const host = "lambda.execute-api.localhost"
	denied := `{"said":"User is not authorized to access this resource`
	for name, c := range map[string]struct {
		target, token string
		status        int
		body          string
		calls         int
	}{
		"allowed":             {"/v1/orders/1", "allow", 200, "", 1},
		"denied":              {"/v1/orders/1", "deny", 404, denied + ` with an explicit deny"}`, 1},
		"unauthorized":        {"/v1/orders/1", "Unauthorized", 401, `{"message":"Unauthorized"}`, 1},
		"fails":               {"/v1/orders/1", "unknown", 500, `{"message":null}`, 1},
		"garbage":             {"/v1/orders/1", "garbage", 500, `{"message":null}`, 1},
		"nested context":      {"/v1/orders/1", "nested", 500, `{"message":null}`, 1},
		"no token":            {"/v1/orders/1", "", 401, `{"message":"Unauthorized"}`, 0},
		"not what it must be": {"/v1/orders/1", "allow!", 401, `{"message":"Unauthorized"}`, 0},
	} {
		before := f.calls()
		var headers []string
		if c.token != "" {
			headers = []string{"X-Token", c.token}
		}
		r := g.request("GET", host, c.target, "", headers...)
		if r.StatusCode != c.status || c.body != "" && r.body != c.body || f.calls()-before != c.calls || r.Header.Get("x-amzn-requestid") == "" {
			t.Errorf("%s: %d %s %v, %d calls", name, r.StatusCode, r.body, r.Header, f.calls()-before)
		}
		if c.status == 404 && r.Header.Get("x-tenant") != "t1" {
			t.Errorf("%s: the refusal has no context: %v", name, r.Header)
		}
	}

	// The answer for one path is kept, and judged anew for each other one.
	before := f.calls()
	// The judged path is the routed one: Envoy decodes what needs no encoding before both.
	for target, want := range map[string]int{
		"/v1/orders/1": 200, "/v1/orders/2": 404, "/v1/orders/1?x=1": 200, "/v1/orders/%31": 200, "/v1/orders/x/../1": 200, "/v1/orders/%2F1": 404,
	} {
		if r := g.request("GET", host, target, "", "X-Token", "one-path"); r.StatusCode != want {
			t.Errorf("%s: %d %s", target, r.StatusCode, r.body)
		}
	}
	if n := f.calls() - before; n != 1 {
		t.Errorf("%d calls for one token", n)
	}
	e := g.request("GET", host, "/v1/orders/1", "", "X-Token", "allow", "X-Tenant", "forged").echo(t)
	if got := strings.Join(append(append(e.Headers["x-tenant"], e.Headers["x-level"]...), e.Headers["x-principal"]...), " "); got != "t1 3 user-7" {
		t.Errorf("the context reached the backend as %q", got)
	}

	// Many at once ask the function once.
	before = f.calls()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if r := g.request("GET", host, "/v1/orders/1", "", "X-Token", "slow"); r.StatusCode != 200 {
				t.Errorf("one of many: %d", r.StatusCode)
			}
		})
	}
	group.Wait()
	if n := f.calls() - before; n != 1 {
		t.Errorf("%d calls for many at once", n)
	}
}

const httpAuthorizers = `
openapi: 3.0.1
info: {title: lambda, version: "1"}
paths:
  /orders:
    get:
      security: [{simple: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/orders", requestParameters: {"overwrite:header.x-tenant": "$context.authorizer.tenant"}}
components:
  securitySchemes:
    simple:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authorizer: {type: request, identitySource: "$request.header.Authorization", authorizerUri: "URI", authorizerPayloadFormatVersion: "2.0", enableSimpleResponses: true, authorizerResultTtlInSeconds: 0}
`

// TestLambdaAuthorizersOfHTTPAPIs asks a function for simple responses.
func TestLambdaAuthorizersOfHTTPAPIs(t *testing.T) {
	backend, f := echoBackend(t, "one"), newAuthorizerFunction(t)
	text := strings.ReplaceAll(httpAuthorizers, "URI", f.server.URL)
	g := start(t, snapshotOf(gateway.API{ID: "simple", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, text, backend.URL)}}}))
	const host = "simple.execute-api.localhost"
	for token, want := range map[string]struct {
		status int
		body   string
	}{
		"simple": {200, ""}, "simply-not": {403, `{"message":"Forbidden"}`}, "": {401, `{"message":"Unauthorized"}`},
		"garbage": {500, `{"message":"Internal Server Error"}`}, "unknown": {500, `{"message":"Internal Server Error"}`},
	} {
		var headers []string
		if token != "" {
			headers = []string{"Authorization", token}
		}
		r := g.request("GET", host, "/orders?a=1", "", headers...)
		if r.StatusCode != want.status || want.body != "" && r.body != want.body || r.Header.Get("apigw-requestid") == "" {
			t.Errorf("%q: %d %s %v", token, r.StatusCode, r.body, r.Header)
		}
	}
	if e := g.request("GET", host, "/orders", "", "Authorization", "simple").echo(t); strings.Join(e.Headers["x-tenant"], "") != "t2" {
		t.Errorf("the context: %v", e.Headers)
	}
	event := f.events[len(f.events)-1]
	if event["version"] != "2.0" || event["routeKey"] != "GET /orders" || event["rawPath"] != "/orders" {
		t.Errorf("the event: %v", event)
	}
}

const authorizerKeys = `
openapi: 3.0.1
info: {title: usage, version: "1"}
x-amazon-apigateway-api-key-source: AUTHORIZER
paths:
  /orders:
    get:
      security: [{token: [], api_key: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/orders", requestParameters: {integration.request.header.X-Key: context.identity.apiKeyId}}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
    token:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: "URI"}
`

// TestKeysFromAuthorizers takes the API key from what the authorizer says.
func TestKeysFromAuthorizers(t *testing.T) {
	backend, f := echoBackend(t, "one"), newAuthorizerFunction(t)
	text := strings.ReplaceAll(authorizerKeys, "URI", f.server.URL)
	s := snapshotOf(gateway.API{ID: "usage", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, text, backend.URL)}}})
	s.APIKeys = []gateway.APIKey{{Name: "seven", Values: []gateway.Secret{"the-key-0123456789-the-key"}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Stages: []gateway.PlanStage{{API: "usage", Stage: "v1"}}, Keys: []string{"seven"}}}
	g := start(t, s)
	const host = "usage.execute-api.localhost"
	r := g.request("GET", host, "/v1/orders", "", "X-Token", "allow")
	if e := r.echo(t); strings.Join(e.Headers["x-key"], "") != "seven" || e.Headers["x-gw-key"] != nil {
		t.Errorf("the key: %v", e.Headers)
	}
	if r := g.request("GET", host, "/v1/orders", "", "X-Token", "other-key", "x-api-key", "the-key-0123456789-the-key"); r.StatusCode != 403 || r.body != `{"message":"Forbidden"}` {
		t.Errorf("the header must not count: %d %s", r.StatusCode, r.body)
	}
}

// TestSilentAuthorizationService asks while nobody can decide.
func TestSilentAuthorizationService(t *testing.T) {
	backend, f := echoBackend(t, "one"), newAuthorizerFunction(t)
	rest := deploy(t, gateway.REST, strings.ReplaceAll(authorizerKeys, "URI", f.server.URL), backend.URL)
	simple := deploy(t, gateway.HTTP, strings.ReplaceAll(httpAuthorizers, "URI", f.server.URL), backend.URL)
	g := start(t, snapshotOf(
		gateway.API{ID: "rest", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: rest}}},
		gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: simple}}},
	))
	g.stopControlPlane()
	if r := g.request("GET", "rest.execute-api.localhost", "/v1/orders", "", "X-Token", "allow"); r.StatusCode != 500 || r.body != `{"message":null}` || r.Header.Get("x-amzn-errortype") != "AuthorizerConfigurationException" {
		t.Errorf("REST: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	if r := g.request("GET", "http.execute-api.localhost", "/orders", "", "Authorization", "simple"); r.StatusCode != 500 || r.body != `{"message":"Internal Server Error"}` {
		t.Errorf("HTTP: %d %s %v", r.StatusCode, r.body, r.Header)
	}
}
