package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
)

// executed is an API whose requests have every fate.
const executed = `
openapi: 3.0.1
info: {title: executed, version: "1"}
x-amazon-apigateway-api-key-source: HEADER
x-amazon-apigateway-request-validators: {all: {validateRequestBody: true, validateRequestParameters: true}}
paths:
  /proxy/{id}:
    post: &proxy {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/seen/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}}
  /mapped:
    post:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        {type: http, httpMethod: POST, uri: "BACKEND/mapped", requestTemplates: {application/json: '{"was":$input.json("$.n"),"token":"$input.params("X-Token")"}'}, responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"mapped":true}'}}}}
  /mock:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode":200}'}, responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"mocked":true}'}}}}
  /unanswered: {get: {x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode":404}'}, responses: {"2..": {statusCode: "200"}}}}}
  /lambda:
    post: &lambda {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:FUNCTION/invocations"}}
  /broken:
    post: {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:broken/invocations"}}
  /key:
    get:
      security: [{key: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/key"}
  /function:
    get:
      security: [{token: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/function"}
  /required:
    get:
      x-amazon-apigateway-request-validator: all
      parameters: [{name: must, in: query, required: true, schema: {type: string}}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/required"}
  /body:
    post:
      x-amazon-apigateway-request-validator: all
      requestBody: {content: {application/json: {schema: {type: object, required: [n]}}}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/body"}
  /down:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/down"}}
components:
  securitySchemes:
    key: {type: apiKey, name: x-api-key, in: header}
    token:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:auth/invocations", authorizerResultTtlInSeconds: 0}
`

// executionLine is a line of an execution log.
type executionLine struct {
	Timestamp, LogGroup, Message string
}

// executionsOf waits until the account of a request is whole, and gives its messages.
func (g *running) executionsOf(group, id string) (messages []string) {
	g.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		messages = nil
		text := g.told.String()
		for text != "" {
			line, rest, whole := strings.Cut(text, "\n")
			if text = rest; !whole {
				break
			}
			var l executionLine
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				g.t.Fatalf("%v: %q", err, line)
			}
			message, of := strings.CutPrefix(l.Message, "("+id+") ")
			if !of {
				continue
			}
			if l.LogGroup != "API-Gateway-Execution-Logs_"+group {
				g.t.Errorf("it is in the group %s", l.LogGroup)
			}
			if _, err := time.Parse(time.RFC3339, l.Timestamp); err != nil {
				g.t.Error(err)
			}
			messages = append(messages, message)
		}
		if n := len(messages); n > 0 && strings.HasPrefix(messages[n-1], "Method completed with status: ") {
			return messages
		}
		if time.Now().After(end) {
			g.t.Fatalf("the account of %s is not whole: %q", id, messages)
		}
	}
}

// inOrder holds that there are lines with these beginnings, in this order.
func inOrder(t *testing.T, messages []string, want ...string) {
	t.Helper()
	at := 0
	for _, m := range messages {
		if at < len(want) && strings.HasPrefix(m, want[at]) {
			at++
		}
	}
	if at < len(want) {
		t.Errorf("there is no %q behind what comes before it:\n%s", want[at], strings.Join(messages, "\n"))
	}
}

// TestExecutionLogs holds what is told of requests of every fate, at every level, and that
// no secret is.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
func TestExecutionLogs(t *testing.T) {
	backend := echoBackend(t, "one")
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/broken" {
			fmt.Fprint(w, `{"statusCode":"no number"}`)
			return
		}
		fmt.Fprint(w, `{"statusCode":201,"headers":{"Set-Cookie":"session=secret-session-0123456789"},"body":"made"}`)
	}))
	defer function.Close()
	d := deploy(t, gateway.REST, strings.ReplaceAll(executed, "FUNCTION", "made"), backend.URL)
	log := func(level gateway.ExecutionLevel, data bool) *gateway.ExecutionLog {
		return &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: level, DataTrace: data}}
	}
	s := snapshotOf(gateway.API{ID: "exec", Name: "exec", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "trace", Deployment: d, ExecutionLog: log(gateway.ExecutionSteps, true), Settings: []gateway.RouteSettings{
			{RouteKey: "GET /down", Execution: &gateway.ExecutionDetail{Level: gateway.ExecutionOff}},
		}},
		{Name: "info", Deployment: d, ExecutionLog: log(gateway.ExecutionSteps, false)},
		{Name: "errors", Deployment: d, ExecutionLog: log(gateway.ExecutionErrors, false)},
		{Name: "slow", Deployment: d, ExecutionLog: log(gateway.ExecutionErrors, false), Throttle: &gateway.Throttle{Rate: 0.001, Burst: 1}},
		{Name: "off", Deployment: d},
	}})
	s.Gateways[0].Telemetry = true
	s.Functions = []gateway.Function{
		{Name: "arn:aws:lambda:eu-west-1:111122223333:function:made", URL: function.URL + "/made"},
		{Name: "arn:aws:lambda:eu-west-1:111122223333:function:broken", URL: function.URL + "/broken"},
		{Name: "arn:aws:lambda:eu-west-1:111122223333:function:auth", URL: newAuthorizerFunction(t).server.URL},
	}
	const key = "secret-key-0123456789"
	s.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{key}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Keys: []string{"acme"}}}
	for _, st := range s.APIs[0].Stages {
		s.UsagePlans[0].Stages = append(s.UsagePlans[0].Stages, gateway.PlanStage{API: "exec", Stage: st.Name})
	}
	g := start(t, s)
	const host, hostile = "exec.execute-api.localhost", "x\u202e\"}{<script>"
	ask := func(method, target, body string, headers ...string) (id string, status int) {
		r := g.request(method, host, target, body, headers...)
		if id = r.Header.Get("x-amzn-requestid"); id == "" {
			t.Fatalf("%s has no id: %v", target, r.Header)
		}
		return id, r.StatusCode
	}
	begun := []string{"Extended Request Id: ", "API Key authorized because method ", "Usage Plan check succeeded", "Starting execution for request: "}
	for _, c := range []struct {
		method, target, body string
		headers              []string
		status               int
		want                 []string
		// never are beginnings of lines that must not be.
		never []string
	}{
		{"POST", "/trace/proxy/7?a=1&token=secret-query-0123", "hello\n{} (id) forged\x1b[31m", []string{"X-Hostile", hostile, "Authorization", "Bearer secret-bearer-0123456789", "Cookie", "a=secret-cookie-0123456789", "X-Copy", "secret-bearer-0123456789"}, 200, append(begun,
			"HTTP Method: POST, Resource Path: /trace/proxy/7", "Method request path: {id=7}", "Method request query string: {a=1, token=****", "Method request headers: {", "Method request body before transformations: hello",
			"Endpoint request URI: "+backend.URL+"/seen/7?a=1&token=****", "Endpoint request headers: {", "Endpoint request body after transformations: hello", "Sending request to "+backend.URL+"/seen/7",
			"Received response. Status: 200, Integration latency: ", "Endpoint response headers: {", "Endpoint response body before transformations: {\"method\":\"POST\"",
			"Method response body after transformations: {\"method\":\"POST\"", "Method response headers: {", "Successfully completed execution", "Method completed with status: 200"), nil},
		{"POST", "/trace/mapped", `{"n":5}`, []string{"Content-Type", "application/json"}, 200, append(begun, `Method request body before transformations: {"n":5}`,
			`Endpoint request body after transformations: {"was":5,"token":""}`, "Received response. Status: 200", `Method response body after transformations: {"mapped":true}`, "Method completed with status: 200"), nil},
		{"GET", "/trace/mock", "", nil, 200, append(begun, "Method request headers: {", `Method response body after transformations: {"mocked":true}`, "Successfully completed execution"), []string{"Sending request"}},
		{"POST", "/trace/lambda", "hi", []string{"Authorization", "secret-authorization-0123"}, 201, append(begun, "Method request body before transformations: hi", "Endpoint request URI: "+function.URL, `Endpoint request body after transformations: {"resource"`,
			"Received response. Status: 200", `Endpoint response body before transformations: {"statusCode":201`, "Method response body after transformations: made", "Method response headers: {", "Method completed with status: 201"), nil},
		{"GET", "/trace/key", "", []string{"X-Api-Key", key}, 200, []string{"Verifying Usage Plan for request: ", "Usage Plan check succeeded for API Key acme and API Stage exec/trace", "Starting execution", "Method request headers: {", "Method completed with status: 200"}, nil},
		{"GET", "/trace/function", "", []string{"X-Token", "secret-token-wrong"}, 0, []string{"Gateway response type: ", "Method completed with status: "}, []string{"Starting execution"}},
		{"POST", "/info/proxy/7?token=secret-query-0123", "hello", []string{"Authorization", "secret-authorization-0123"}, 200, append(begun, "HTTP Method: POST, Resource Path: /info/proxy/7", "Sending request to "+backend.URL+"/seen/{id}", "Received response. Status: 200", "Successfully completed execution", "Method completed with status: 200"),
			[]string{"Method request", "Endpoint request", "Endpoint response", "Method response"}},
		{"POST", "/info/lambda?token=secret-query-0123", "secret-body-0123", nil, 201, append(begun, "HTTP Method: POST", "Sending request to "+function.URL, "Received response. Status: 200", "Method completed with status: 201"), []string{"Method request", "Endpoint request", "Endpoint response", "Method response"}},
		{"GET", "/info/mock", "", nil, 200, append(begun, "Successfully completed execution", "Method completed with status: 200"), []string{"Sending request"}},
		{"GET", "/info/function", "", []string{"X-Token", "allow"}, 200, []string{"Successfully completed authorizer execution", "Starting execution", "Method completed with status: 200"}, nil},
		{"GET", "/info/nothing", "", nil, 403, []string{"No method found for http method GET and path /info/nothing", "Gateway response type: MISSING_AUTHENTICATION_TOKEN with status code: 403"}, []string{"Starting execution"}},
		{"POST", "/errors/broken", "", nil, 502, []string{"Execution failed due to configuration error: Malformed Lambda proxy response", "Gateway response type: ", "Method completed with status: 502"}, []string{"Extended", "Sending", "Received", "Starting"}},
		{"GET", "/errors/key", "", nil, 403, []string{"API Key not authorized because method 'GET /key' requires API Key", "Gateway response type: INVALID_API_KEY with status code: 403"}, []string{"Starting"}},
		{"GET", "/errors/function", "", nil, 401, []string{"Unauthorized request: ", "Gateway response type: UNAUTHORIZED"}, []string{"Starting"}},
		{"GET", "/errors/function", "", []string{"X-Token", "deny"}, 403, []string{"The client is not authorized to perform this operation.", "Gateway response type: ACCESS_DENIED"}, nil},
		{"GET", "/errors/required", "", nil, 400, []string{"Request failed: Missing required request parameters", "Gateway response type: BAD_REQUEST_PARAMETERS"}, nil},
		{"POST", "/errors/body", `{}`, []string{"Content-Type", "application/json"}, 400, []string{`Request body does not match model schema: [object has missing required properties (["n"])]`, "Gateway response type: BAD_REQUEST_BODY"}, nil},
		{"GET", "/errors/down", "", nil, 500, []string{"Execution failed due to configuration error: ", "Gateway response type: INTEGRATION_FAILURE with status code: 500", "Method completed with status: 500"}, nil},
		{"GET", "/errors/unanswered", "", nil, 500, []string{"Execution failed due to configuration error: the request template of the MOCK gives no status", "Gateway response type: API_CONFIGURATION_ERROR with status code: 500", "Method completed with status: 500"}, []string{"No method found"}},
		{"GET", "/slow/mock", "", nil, 200, nil, nil},
		{"GET", "/slow/mock", "", nil, 429, []string{"The caller has exceeded throttle limit for API Stage exec/slow", "Gateway response type: THROTTLED with status code: 429"}, nil},
		{"GET", "/trace/down", "", nil, 500, nil, nil},
		{"GET", "/errors/mock", "", nil, 200, nil, nil},
		{"GET", "/off/mock", "", nil, 200, nil, nil},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			id, status := ask(c.method, c.target, c.body, c.headers...)
			if c.status != 0 && status != c.status {
				t.Errorf("it has the status %d, want %d", status, c.status)
			}
			if c.want == nil {
				// What comes later would be told later: by then this would have been.
				last, _ := ask("GET", "/info/mock", "")
				g.executionsOf("exec/info", last)
				if strings.Contains(g.told.String(), id) {
					t.Errorf("something is told of it:\n%s", g.told)
				}
				return
			}
			stage, _, _ := strings.Cut(c.target[1:], "/")
			messages := g.executionsOf("exec/"+stage, id)
			inOrder(t, messages, c.want...)
			for _, m := range messages {
				for _, never := range c.never {
					if strings.HasPrefix(m, never) {
						t.Errorf("there is the line %q", m)
					}
				}
			}
			// What the dashboard shows is the same.
			if kept, ok := g.history.Request(id); !ok || len(kept.Execution) != len(messages) {
				t.Errorf("kept are %d lines of %d", len(kept.Execution), len(messages))
			}
		})
	}
	text := g.told.String()
	for line := range strings.Lines(text) {
		if m := regexp.MustCompile(`secret-[a-z]+-[0-9]{4,}`).FindString(line); m != "" {
			t.Errorf("a secret, %s, is told in %s", m, line)
		}
	}
	if strings.ContainsAny(text, "\x1b\u202e\r") || strings.Contains(text, "<script>") || !strings.Contains(text, `x\u202e\"}{\u003cscript\u003e`) || !strings.Contains(text, `hello\u000a{} (id) forged\u001b[31m`) {
		t.Error("what a header says is not told as it should be")
	}
}
