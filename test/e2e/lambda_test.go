package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdatest"
)

// lambdaAPI has functions of AWS's own runtime behind it.
const lambdaAPI = `
openapi: 3.0.1
info: {title: functions, version: "1"}
paths:
  /orders/{id}:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration: &echo
        type: aws_proxy
        httpMethod: POST
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.fn}/invocations"
`

// echoFunction answers with the event that it was called with.
const echoFunction = `
import json
def handler(event, context):
    return {"statusCode": 201, "headers": {"X-Function": context.function_name, "X-Gw-Reply": "THROTTLED"}, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "body": json.dumps(event)}
`

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return o
}

// TestLambdaProxyOfRESTAPIs calls a function in AWS's own runtime.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
func TestLambdaProxyOfRESTAPIs(t *testing.T) {
	functions := lambdatest.New(t)
	functions.Python("echo", echoFunction)
	s := snapshotOf(gateway.API{ID: "fns", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Variables: map[string]string{"fn": "echo"}, Deployment: deploy(t, gateway.REST, lambdaAPI, ""),
	}}})
	s.Functions = []gateway.Function{{Name: "echo", Endpoint: functions.URL}}
	g := start(t, s)

	r := g.request("POST", "fns.execute-api.localhost", "/v1/orders/a%20b?x=1&x=2&y=%C3%A9", `{"n":"ü"}`,
		"Content-Type", "application/json", "X-Two", "1", "X-Two", "2", "X-Gw-Route", "fns|v2|||GET /", "X-Gw-Client", "0 HTTP/9 6.6.6.6", "Authorization", "secret")
	if r.StatusCode != 201 || r.Header.Get("X-Function") != "echo" || r.Header.Get("X-Gw-Reply") != "" || r.Header.Get("X-Amzn-Trace-Id") == "" {
		t.Fatalf("%d %v %s", r.StatusCode, r.Header, r.body)
	}
	if cookies := r.Header.Values("Set-Cookie"); len(cookies) != 2 {
		t.Error(cookies)
	}
	event := decode(t, r.body)
	for name, want := range map[string]any{
		"resource": "/orders/{id}", "path": "/orders/a%20b", "httpMethod": "POST", "body": `{"n":"ü"}`, "isBase64Encoded": false,
		"pathParameters": map[string]any{"id": "a%20b"}, "stageVariables": map[string]any{"fn": "echo"},
		"queryStringParameters":           map[string]any{"x": "2", "y": "é"},
		"multiValueQueryStringParameters": map[string]any{"x": []any{"1", "2"}, "y": []any{"é"}},
	} {
		if got, _ := json.Marshal(event[name]); string(got) != mustJSON(want) {
			t.Errorf("%s: %s, want %s", name, got, mustJSON(want))
		}
	}
	headers := event["headers"].(map[string]any)
	for name, want := range map[string]any{"Host": "fns.execute-api.localhost", "Authorization": "secret", "x-two": "2", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80"} {
		if headers[name] != want {
			t.Errorf("%s: %v, want %v", name, headers[name], want)
		}
	}
	for name := range headers {
		if len(name) > 4 && (name[:4] == "x-gw" || name[:4] == "X-Gw") {
			t.Error(name)
		}
	}
	about := event["requestContext"].(map[string]any)
	for name, want := range map[string]any{
		"path": "/v1/orders/a%20b", "resourcePath": "/orders/{id}", "stage": "v1", "apiId": "fns", "domainName": "fns.execute-api.localhost",
		"domainPrefix": "fns", "protocol": "HTTP/1.1", "requestId": r.Header.Get("X-Amzn-Requestid"),
	} {
		if about[name] != want {
			t.Errorf("%s: %v, want %v", name, about[name], want)
		}
	}
	if who := about["identity"].(map[string]any); who["sourceIp"] != "127.0.0.1" || who["userArn"] != nil {
		t.Error(who)
	}
	if at, _ := about["requestTimeEpoch"].(float64); at < 1.7e12 {
		t.Error(about["requestTimeEpoch"])
	}
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// A hook is a program that takes events by POST, as one on a developer's machine does.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	event string
	// left is told when a caller has left.
	left chan bool
}

func newHook(t *testing.T) *hook {
	h := &hook{left: make(chan bool, 1)}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) last() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.event
}

// serve answers as the query parameter "do" of the event's request says.
func (h *hook) serve(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.event = string(text)
	h.mu.Unlock()
	var event struct {
		Query map[string]string `json:"queryStringParameters"`
	}
	json.Unmarshal(text, &event)
	switch event.Query["do"] {
	case "":
		json.NewEncoder(w).Encode(map[string]any{"statusCode": 200, "body": string(text)})
	case "garbage":
		w.Write([]byte("<html>"))
	case "fail":
		w.WriteHeader(503)
	case "raise":
		w.Write([]byte(`{"errorMessage": "it went wrong", "errorType": "ValueError"}`))
	case "huge":
		fmt.Fprintf(w, `{"body":%q}`, strings.Repeat("a", 6<<20))
	case "endless":
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	case "large":
		fmt.Fprintf(w, `{"statusCode":200,"body":%q}`, strings.Repeat("a", 5<<20))
	case "hang":
		<-r.Context().Done()
		select {
		case h.left <- true:
		default:
		}
	}
}

const hookAPI = `
openapi: 3.0.1
info: {title: hook, version: "1"}
EXTRA
paths:
  /x:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, payloadFormatVersion: "2.0", uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${stageVariables.fn}/invocations"}
  /any/{proxy+}:
    get:
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, payloadFormatVersion: "2.0", uri: "${stageVariables.fn}"}
  /short:
    get:
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, timeoutInMillis: 300, payloadFormatVersion: "2.0", uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${stageVariables.fn}/invocations"}
`

// TestFailingFunctions meets functions that fail, hang, and answer with what is no answer.
func TestFailingFunctions(t *testing.T) {
	h := newHook(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	rest := func(id, extra, fn string) gateway.API {
		return gateway.API{ID: id, Protocol: gateway.REST, Stages: []gateway.Stage{{
			Name: "v1", Variables: map[string]string{"fn": fn}, Deployment: deploy(t, gateway.REST, strings.Replace(hookAPI, "EXTRA", extra, 1), ""),
		}}}
	}
	const custom = `x-amazon-apigateway-gateway-responses: {DEFAULT_5XX: {responseParameters: {gatewayresponse.header.Access-Control-Allow-Origin: "'*'"}, responseTemplates: {application/json: '{"no":$context.error.messageString,"id":"$context.requestId"}'}}, INTEGRATION_TIMEOUT: {statusCode: "418"}}`
	httpAPI := gateway.API{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
		Name: gateway.DefaultStage, Variables: map[string]string{"fn": h.URL}, Deployment: deploy(t, gateway.HTTP, strings.Replace(hookAPI, "EXTRA", `x-amazon-apigateway-cors: {allowOrigins: ["https://app.example"], allowMethods: ["GET"]}`, 1), ""),
	}}}
	g := start(t, snapshotOf(rest("plain", "", h.URL), rest("custom", custom, h.URL), rest("gone", "", "http://"+closed.Addr().String()), httpAPI))

	const plainError, httpError = `{"message":"Internal server error"}`, `{"message":"Internal Server Error"}`
	for _, c := range []struct {
		api, target string
		status      int
		body        string
	}{
		{"plain", "/v1/x?do=garbage", 502, plainError},
		{"plain", "/v1/x?do=fail", 502, plainError},
		{"plain", "/v1/x?do=raise", 502, plainError},
		{"plain", "/v1/x?do=huge", 502, plainError},
		{"plain", "/v1/x?do=endless", 502, plainError},
		{"plain", "/v1/short?do=hang", 504, `{"message":"Endpoint request timed out"}`},
		{"gone", "/v1/x", 500, plainError},
		{"custom", "/v1/x?do=garbage", 502, `{"no":"Internal server error","id":"ID"}`},
		{"custom", "/v1/short?do=hang", 418, `{"message":"Endpoint request timed out"}`},
		{"http", "/x?do=garbage", 500, httpError},
		{"http", "/short?do=hang", 504, `{"message":"Service Unavailable"}`},
	} {
		begin := time.Now()
		r := g.request("GET", c.api+".execute-api.localhost", c.target, "", "Origin", "https://app.example")
		want := strings.Replace(c.body, "ID", r.Header.Get("X-Amzn-Requestid"), 1)
		if r.StatusCode != c.status || r.body != want {
			t.Errorf("%s%s: %d %s", c.api, c.target, r.StatusCode, r.body)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s%s took %v", c.api, c.target, took)
		}
		if c.api == "http" && r.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || c.api == "custom" && c.status == 502 && r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s%s: a page cannot read this: %v", c.api, c.target, r.Header)
		}
		if c.api != "http" && (r.Header.Get("X-Amzn-Errortype") == "" || r.Header.Get("X-Amzn-Requestid") == "") || r.Header.Get("X-Gw-Reply") != "" {
			t.Errorf("%s%s: %v", c.api, c.target, r.Header)
		}
		if strings.HasSuffix(c.target, "hang") {
			select {
			case <-h.left:
			case <-time.After(10 * time.Second):
				t.Errorf("%s%s: the function is still waited for", c.api, c.target)
			}
		}
	}
	if r := g.request("GET", "plain.execute-api.localhost", "/v1/x?do=large", ""); r.StatusCode != 200 || len(r.body) != 5<<20 {
		t.Errorf("5 MiB: %d, %d bytes", r.StatusCode, len(r.body))
	}
}

// TestHostileRequestsToFunctions sends what is meant to confuse who reads it.
func TestHostileRequestsToFunctions(t *testing.T) {
	h := newHook(t)
	s := snapshotOf(gateway.API{ID: "hook", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Variables: map[string]string{"fn": h.URL}, Deployment: deploy(t, gateway.REST, strings.Replace(hookAPI, "EXTRA", "", 1), ""),
	}}})
	g := start(t, s)
	const host = "hook.execute-api.localhost"
	// Whatever a client says of itself, the event tells what Envoy knows.
	spoofed := []string{
		"X-Gw-Route", "other|v1|||GET /admin", "X-Gw-Client", "1 HTTP/9 6.6.6.6", "X-Gw-Authorizer", `{"principalId":"admin"}`, "X-Gw-Identity", `{"userArn":"admin"}`,
		"X-Gw-Key", "|p|:admin", "X-Gw-Certificate", "admin", "x-gw-anything", "admin", "X-Request-Id", "admin", "X-Forwarded-Proto", "https", "X-Envoy-Original-Path", "/admin",
	}
	r := g.request("POST", host, "/v1/x?a=%zz&=&b&%00=%ff", "body", spoofed...)
	if r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	event := decode(t, r.body)
	if strings.Contains(r.body, "admin") || strings.Contains(r.body, "6.6.6.6") || strings.Contains(strings.ToLower(r.body), "x-gw-") {
		t.Error(r.body)
	}
	if got := event["queryStringParameters"].(map[string]any); got["a"] != "%zz" || got[""] != "" || got["b"] != "" || got["\x00"] != "\uFFFD" {
		t.Errorf("%q", got)
	}
	// Paths that are not encoded as they should be go to the function as Envoy has them.
	for path, want := range map[string]string{
		"%zz": "%zz", "%": "%", "%2": "%2", "a//b": "a//b", "%c3%A9": "%C3%A9", "a;b=c": "a;b=c", "[::1]": "[::1]", "a|b^c": "a%7Cb%5Ec", "%2e%2e%2f": "..%2f", "*": "*",
	} {
		r, err := g.raw("GET", "GET /v1/any/"+path+"?%zz HTTP/1.1", "Host: "+host, "Connection: close", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != 200 {
			t.Errorf("%q: %d %s", path, r.StatusCode, r.body)
			continue
		}
		event := decode(t, r.body)
		if got := event["pathParameters"].(map[string]any)["proxy"]; !strings.EqualFold(got.(string), want) || len(event["queryStringParameters"].(map[string]any)) != 1 {
			t.Errorf("%q: %s", path, r.body)
		}
	}
	// Headers as large as Envoy takes.
	big := strings.Repeat("a", 50<<10)
	if r := g.request("GET", host, "/v1/x", "", "X-Big", big); r.StatusCode != 200 || !strings.Contains(r.body, big) {
		t.Errorf("a header of 50 KiB: %d", r.StatusCode)
	}
	if r := g.request("GET", host, "/v1/x", "", "X-Big", big+big); r.StatusCode != 431 {
		t.Errorf("a header of 100 KiB: %d", r.StatusCode)
	}
	if r := g.request("POST", host, "/v1/x", strings.Repeat("a", 11<<20)); r.StatusCode != 413 {
		t.Errorf("a body of 11 MiB: %d", r.StatusCode)
	}
	if r := g.request("POST", host, "/v1/x", strings.Repeat("a", 7<<20)); r.StatusCode != 413 || r.Header.Get("X-Amzn-Errortype") != "RequestTooLargeException" {
		t.Errorf("a body of 7 MiB: %d %s", r.StatusCode, r.body)
	}
	// By the path form the event is the same, but for the address.
	r = g.request("GET", "localhost", "/_aws/execute-api/hook/v1/x?q=1", "", spoofed...)
	event = decode(t, r.body)
	if about := event["requestContext"].(map[string]any); event["path"] != "/x" || about["path"] != "/v1/x" || about["domainName"] != host || about["identity"].(map[string]any)["sourceIp"] != "127.0.0.1" {
		t.Error(r.body)
	}
	if strings.Contains(r.body, "admin") || strings.Contains(strings.ToLower(r.body), "x-gw-") {
		t.Error(r.body)
	}
}
