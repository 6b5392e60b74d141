package e2e

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/gateway"
)

const responses = `
openapi: 3.0.1
info: {title: responses, version: "1"}
x-amazon-apigateway-request-validators: {params: {validateRequestParameters: true, validateRequestBody: false}}
paths:
  /slow:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/?sleep=2s", timeoutInMillis: 200}}
  /down:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/"}}
  /upload:
    post: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/upload"}}
  /strict:
    get:
      x-amazon-apigateway-request-validator: params
      parameters:
        - {name: X-Need, in: header, required: true, schema: {type: string}}
        - {name: q2, in: query, required: true, schema: {type: string}}
        - {name: q1, in: query, required: true, schema: {type: string}}
        - {name: opt, in: query, schema: {type: string}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/strict"}
`

func TestDefaultResponses(t *testing.T) {
	backend := echoBackend(t, "one")
	const host = "r.execute-api.localhost"
	small := int64(1000)
	snapshot := func(p gateway.Protocol, text string) *gateway.Snapshot {
		return snapshotOf(gateway.API{ID: "r", Protocol: p, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, p, text, backend.URL),
			Settings: []gateway.RouteSettings{{RouteKey: "POST /upload", MaxRequestBytes: &small}}}}})
	}
	type want struct {
		method, target, body string
		status               int
		reply, errorType     string
	}
	check := func(g *running, id string, list []want) {
		t.Helper()
		for _, w := range list {
			r := g.request(w.method, host, w.target, w.body)
			if r.StatusCode != w.status || r.body != w.reply || r.Header.Get("x-amzn-errortype") != w.errorType ||
				r.Header.Get(id) == "" || r.Header.Get("content-type") != "application/json" {
				t.Errorf("%s %s: %d %s %v", w.method, w.target, r.StatusCode, r.body, r.Header)
			}
		}
	}
	g := start(t, snapshot(gateway.REST, responses))
	check(g, "x-amzn-requestid", []want{
		{"GET", "/v1/slow", "", 504, `{"message":"Endpoint request timed out"}`, "InternalServerErrorException"},
		{"GET", "/v1/down", "", 500, `{"message":"Internal server error"}`, "InternalServerErrorException"},
		{"POST", "/v1/upload", strings.Repeat("x", 1001), 413, `{"message":"HTTP content length exceeded 10485760 bytes."}`, "RequestTooLargeException"},
		{"GET", "/v1/strict", "", 400, `{"message":"Missing required request parameters: [X-Need, q1, q2]"}`, "BadRequestException"},
		{"GET", "/v1/strict?q1=%20+&%712=+1", "", 400, `{"message":"Missing required request parameters: [X-Need, q1]"}`, "BadRequestException"},
		{"GET", "/v1/strict?q2=1&xq1=1", "", 400, `{"message":"Missing required request parameters: [X-Need, q1]"}`, "BadRequestException"},
		{"GET", "/v1/nothing", "", 403, `{"message":"Missing Authentication Token"}`, "MissingAuthenticationTokenException"},
	})
	for _, query := range []string{"q1=1&q2=2", "%711=1;q%32=%20%2B", "q1=&q1=+1&q2=%"} {
		if r := g.request("GET", host, "/v1/strict?"+query, "", "x-need", "1"); r.StatusCode != 200 {
			t.Errorf("with all parameters, as %s: %d %s", query, r.StatusCode, r.body)
		}
	}
	if r := g.request("GET", host, "/v1/strict?q1=1&q2=2", "", "x-need", " "); r.StatusCode != 400 {
		t.Errorf("with a blank header: %d %s", r.StatusCode, r.body)
	}
	if e := g.request("POST", host, "/v1/upload", strings.Repeat("x", 999)).echo(t); len(e.Body) != 999 {
		t.Errorf("body of %d bytes", len(e.Body))
	}

	customised := responses + `
x-amazon-apigateway-gateway-responses:
  DEFAULT_5XX:
    responseParameters: {gatewayresponse.header.Access-Control-Allow-Origin: "'*'", gatewayresponse.header.X-Agent: method.request.header.User-Agent}
  INTEGRATION_TIMEOUT: {statusCode: 503, responseTemplates: {application/problem+json: '{"error":$context.error.messageString,"id":"$context.requestId","type":"$context.error.responseType","env":"$stageVariables.env","pct":"100%"}'}}
  MISSING_AUTHENTICATION_TOKEN: {statusCode: 404, responseTemplates: {application/json: '{"error":"$context.error.message at $context.path"}'}, responseParameters: {gatewayresponse.header.X-Extra: "'1'"}}
  BAD_REQUEST_PARAMETERS: {responseTemplates: {application/json: '{"oops":$context.error.messageString}'}}
`
	s := snapshot(gateway.REST, customised)
	s.APIs[0].Stages[0].Variables = map[string]string{"env": "dev"}
	g.change(s)
	r := g.request("GET", host, "/v1/slow", "")
	if want := `{"error":"Endpoint request timed out","id":"` + r.Header.Get("x-amzn-requestid") + `","type":"INTEGRATION_TIMEOUT","env":"dev","pct":"100%"}`; r.StatusCode != 503 || r.body != want || r.Header.Get("content-type") != "application/problem+json" || r.Header.Get("x-amzn-errortype") == "" {
		t.Errorf("customised timeout: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	r = g.request("GET", host, "/v1/down", "")
	if r.StatusCode != 500 || r.body != `{"message":"Internal server error"}` || r.Header.Get("access-control-allow-origin") != "*" || r.Header.Get("x-agent") == "" {
		t.Errorf("DEFAULT_5XX: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	r = g.request("GET", host, "/v1/nothing", "")
	if r.StatusCode != 404 || r.body != `{"error":"Missing Authentication Token at /v1/nothing"}` || r.Header.Get("x-extra") != "1" {
		t.Errorf("customised miss: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	r = g.request("GET", host, "/v1/strict?q1=1", "")
	if r.StatusCode != 400 || r.body != `{"oops":"Missing required request parameters: [X-Need, q2]"}` {
		t.Errorf("customised validation: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	if r = g.request("GET", host, "/v1/strict?q1=1&q2=1&status=500", "", "x-need", "1"); r.StatusCode != 500 || !strings.Contains(r.body, "strict") {
		t.Errorf("a backend's own 500 was taken for the gateway's: %d %s", r.StatusCode, r.body)
	}

	httpOnly := strings.ReplaceAll(strings.Split(responses, "  /strict:")[0], "x-amazon-apigateway-request-validators: {params: {validateRequestParameters: true, validateRequestBody: false}}\n", "")
	g.change(snapshot(gateway.HTTP, httpOnly))
	check(g, "apigw-requestid", []want{
		{"GET", "/v1/slow", "", 504, `{"message":"Service Unavailable"}`, ""},
		{"GET", "/v1/down", "", 503, `{"message":"Service Unavailable"}`, ""},
		{"POST", "/v1/upload", strings.Repeat("x", 1001), 413, `{"message":"Request Entity Too Large"}`, ""},
		{"GET", "/v1/nothing", "", 404, `{"message":"Not Found"}`, ""},
		{"GET", "/nostage", "", 404, `{"message":"Not Found"}`, ""},
	})
}

const mocks = `
openapi: 3.0.1
info: {title: mocks, version: "1"}
paths:
  /health:
    get:
      responses: {"200": {description: ok}, "201": {description: made}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: "{statusCode: 201, 'x': 1,}"}
        responses:
          default: {statusCode: "200"}
          "201": {statusCode: "201", responseTemplates: {application/json: '{"stage":"$context.stage","q":"$input.params(''q'')","v":"$stageVariables.v","ip":"$context.identity.sourceIp"}'}, responseParameters: {method.response.header.X-A: "'a%b'"}}
    options:
      responses: {"200": {description: ok, headers: {Access-Control-Allow-Origin: {schema: {type: string}}}}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200", responseParameters: {method.response.header.Access-Control-Allow-Origin: "'*'", method.response.header.Access-Control-Allow-Headers: "'Content-Type,X-Amz-Date'"}, responseTemplates: {application/json: ""}}}
  /item/{id}:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: mock
        passthroughBehavior: never
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200", responseTemplates: {text/plain: "item $input.params('id') costs 5%"}}}
`

func TestMock(t *testing.T) {
	d := deploy(t, gateway.REST, mocks, "")
	g := start(t, snapshotOf(gateway.API{ID: "m", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Variables: map[string]string{"v": "x"}}}}))
	const host = "m.execute-api.localhost"
	r := g.request("GET", host, "/v1/health?q=7", "")
	if r.StatusCode != 201 || r.body != `{"stage":"v1","q":"7","v":"x","ip":"127.0.0.1"}` || r.Header.Get("x-a") != "a%b" || r.Header.Get("location") != "" {
		t.Errorf("%d %s %v", r.StatusCode, r.body, r.Header)
	}
	r = g.request("OPTIONS", host, "/v1/health", "", "Origin", "https://a.example", "Access-Control-Request-Method", "GET")
	if r.StatusCode != 200 || r.body != "" || r.Header.Get("access-control-allow-origin") != "*" || r.Header.Get("access-control-allow-headers") != "Content-Type,X-Amz-Date" {
		t.Errorf("%d %s %v", r.StatusCode, r.body, r.Header)
	}
	r = g.request("GET", host, "/v1/item/4%202", "")
	if r.StatusCode != 200 || r.body != "item 4 2 costs 5%" || r.Header.Get("content-type") != "text/plain" {
		t.Errorf("%d %s %v", r.StatusCode, r.body, r.Header)
	}
	if r = g.request("GET", host, "/v1/item/42", "", "Content-Type", "text/csv"); r.StatusCode != 415 || r.body != `{"message":"Unsupported Media Type"}` {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r = g.request("GET", host, "/v1/item/42", "", "Content-Type", "application/json; charset=utf-8"); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}

const corsAPI = `
openapi: 3.0.1
info: {title: cors, version: "1"}
x-amazon-apigateway-cors: {allowOrigins: ["https://app.example.com", "http://*"], allowMethods: [GET, POST], allowHeaders: [x-token], exposeHeaders: [x-backend], maxAge: 300, allowCredentials: true}
paths:
  /$default:
    x-amazon-apigateway-any-method: {isDefaultRoute: true, x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND"}}
`

const corsErrors = `
openapi: 3.0.1
info: {title: cors, version: "1"}
x-amazon-apigateway-cors: {allowOrigins: ["https://app.example.com"], allowMethods: ["*"]}
paths:
  /down: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:1/"}}}
  /up: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/up"}}}
`

func TestHTTPCORS(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.HTTP, corsAPI, backend.URL)
	// Browsers do not honour this, but it is the definition's word that they are told.
	starred := strings.ReplaceAll(corsErrors, `allowMethods: ["*"]`, `allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"], allowCredentials: true`)
	any := strings.ReplaceAll(corsErrors, `"https://app.example.com"`, `"*"`)
	g := start(t, snapshotOf(
		gateway.API{ID: "c", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: d}}},
		gateway.API{ID: "e", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: deploy(t, gateway.HTTP, corsErrors, backend.URL)}, {Name: "any", Deployment: deploy(t, gateway.HTTP, any, backend.URL)}, {Name: "starred", Deployment: deploy(t, gateway.HTTP, starred, backend.URL)}}},
	))
	const host = "c.execute-api.localhost"
	r := g.request("OPTIONS", host, "/any/where", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "GET")
	for name, want := range map[string]string{
		"access-control-allow-origin": "https://app.example.com", "access-control-allow-methods": "GET,POST", "access-control-allow-headers": "x-token",
		"access-control-max-age": "300", "access-control-allow-credentials": "true",
	} {
		if r.StatusCode != 204 || r.Header.Get(name) != want {
			t.Errorf("preflight: %d %s: %q, want %q", r.StatusCode, name, r.Header.Get(name), want)
		}
	}
	r = g.request("OPTIONS", host, "/any", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
	if r.StatusCode != 204 || r.Header.Get("access-control-allow-origin") != "" {
		t.Errorf("foreign preflight: %d %v", r.StatusCode, r.Header)
	}
	r = g.request("GET", host, "/any/path?x=1", "", "Origin", "http://local")
	if r.Header.Get("access-control-allow-origin") != "http://local" || r.Header.Get("access-control-expose-headers") != "x-backend" {
		t.Errorf("actual: %v", r.Header)
	}
	if e := r.echo(t); e.Path != "/any/path" || e.Query != "x=1" {
		t.Errorf("%+v", e)
	}
	if r = g.request("GET", host, "/any", "", "Origin", "https://evil.example"); r.Header.Get("access-control-allow-origin") != "" || r.StatusCode != http.StatusOK {
		t.Errorf("foreign: %v", r.Header)
	}
	// A page must be able to read errors, too, the gateway's own included.
	for target, status := range map[string]int{"/none": 404, "/down": 503, "/up?status=500": 500} {
		r := g.request("GET", "e.execute-api.localhost", target, "", "Origin", "https://app.example.com")
		if r.StatusCode != status || strings.Join(r.Header["Access-Control-Allow-Origin"], ",") != "https://app.example.com" {
			t.Errorf("%s: %d %v", target, r.StatusCode, r.Header)
		}
		r = g.request("GET", "e.execute-api.localhost", "/any"+target, "", "Origin", "https://else.example.com")
		if r.StatusCode != status || strings.Join(r.Header["Access-Control-Allow-Origin"], ",") != "*" {
			t.Errorf("/any%s: %d %v", target, r.StatusCode, r.Header)
		}
	}
	for name, want := range map[string]string{
		"access-control-allow-origin": "https://app.example.com", "access-control-allow-methods": "*", "access-control-allow-headers": "*", "access-control-allow-credentials": "true",
	} {
		r := g.request("OPTIONS", "e.execute-api.localhost", "/starred/up", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "PUT")
		if r.StatusCode != 204 || r.Header.Get(name) != want {
			t.Errorf("preflight with credentials and any header: %d %s: %q, want %q", r.StatusCode, name, r.Header.Get(name), want)
		}
	}
	if r := g.request("OPTIONS", "e.execute-api.localhost", "/none/at/all", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "PUT"); r.StatusCode != 204 {
		t.Errorf("preflight where no route is: %d", r.StatusCode)
	}
	if r := g.request("OPTIONS", "e.execute-api.localhost", "/up", "", "Origin", "https://app.example.com"); r.StatusCode != 404 {
		t.Errorf("no preflight and no route: %d", r.StatusCode)
	}
	if e := g.request("OPTIONS", host, "/x", "").echo(t); e.Method != "OPTIONS" {
		t.Errorf("an OPTIONS request that is no preflight: %+v", e)
	}
}
