package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

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
	_ = http.StatusOK
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
