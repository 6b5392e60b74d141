package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdatest"
)

// streamingAPI compresses what is not streamed.
const streamingAPI = `
openapi: 3.0.1
info: {title: streams, version: "1"}
x-amazon-apigateway-minimum-compression-size: 0
paths:
  /stream:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        responseTransferMode: STREAM
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/arn:aws:lambda:us-east-1:000000000000:function:go/response-streaming-invocations"
  /short:
    get:
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        responseTransferMode: STREAM
        timeoutInMillis: 500
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/arn:aws:lambda:us-east-1:000000000000:function:go/response-streaming-invocations"
  /hook:
    get: {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, responseTransferMode: STREAM, uri: "HOOK"}}
`

// TestStreamingFunctions has a function in AWS's own runtime stream its answers.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
func TestStreamingFunctions(t *testing.T) {
	functions := lambdatest.New(t)
	functions.Go("go", "gatehouse/internal/lambdatest/gofunction")
	// The function goes on when this answers.
	goOn := make(chan bool)
	gate := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-goOn:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(gate.Close)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "{\"statusCode\":203}\x00\x00\x00\x00\x00\x00\x00\x00from a webhook")
	}))
	t.Cleanup(hook.Close)
	s := snapshotOf(gateway.API{ID: "streams", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Deployment: deploy(t, gateway.REST, strings.Replace(streamingAPI, "HOOK", hook.URL, 1), ""),
	}}})
	s.Functions = []gateway.Function{{Name: "go", Endpoint: functions.URL}}
	g := start(t, s)
	open := func(path string, query url.Values) *http.Response {
		t.Helper()
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprintf(c, "GET /v1%s?%s HTTP/1.1\r\nHost: streams.execute-api.localhost\r\nAccept-Encoding: gzip\r\n\r\n", path, query.Encode())
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	waiting := url.Values{"do": {"stream"}, "parts": {"2"}, "wait": {gate.URL}}

	// The first part is there while the function has not ended.
	r := open("/stream", waiting)
	if r.StatusCode != 202 || r.Header.Get("X-Function") != "go" || len(r.Header.Values("Set-Cookie")) != 2 || r.Header.Get("Content-Encoding") != "" ||
		len(r.TransferEncoding) != 1 || r.Header.Get("X-Amzn-Requestid") == "" || r.Header.Get("X-Amzn-Trace-Id") == "" {
		t.Errorf("%d %v %v", r.StatusCode, r.Header, r.TransferEncoding)
	}
	lines := bufio.NewReader(r.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "part 1\n" {
		t.Fatalf("%q %v", line, err)
	}
	goOn <- true
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "part 2\n" {
		t.Fatalf("%q %v", rest, err)
	}

	// More than a buffered answer may have.
	r = open("/stream", url.Values{"do": {"stream"}, "parts": {"10"}, "size": {fmt.Sprint(1 << 20)}})
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n < 10<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}

	// A function that fails later, or takes too long, does not look as if it had ended.
	r = open("/stream", url.Values{"do": {"die"}, "parts": {"1"}})
	if text, err := io.ReadAll(r.Body); r.StatusCode != 202 || err == nil || string(text) != "part 1\n" {
		t.Errorf("dies: %d %q %v", r.StatusCode, text, err)
	}
	r = open("/short", waiting)
	if text, err := io.ReadAll(r.Body); r.StatusCode != 202 || err == nil || string(text) != "part 1\n" {
		t.Errorf("takes too long: %d %q %v", r.StatusCode, text, err)
	}
	goOn <- true // The function has to be free for the next.

	// One that fails before is answered as ever, and so is one whose answer is none.
	if r := g.request("GET", "streams.execute-api.localhost", "/v1/stream?do=fail", ""); r.StatusCode != 502 || r.body != `{"message":"Internal server error"}` {
		t.Errorf("fails: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("GET", "streams.execute-api.localhost", "/v1/stream", ""); r.StatusCode != 500 || r.body != `{"message":"Internal server error"}` {
		t.Errorf("does not stream: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("HEAD", "streams.execute-api.localhost", "/v1/stream?do=stream&parts=3", ""); r.StatusCode != 202 || r.body != "" {
		t.Errorf("HEAD: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("GET", "streams.execute-api.localhost", "/v1/hook", ""); r.StatusCode != 203 || r.body != "from a webhook" {
		t.Errorf("a webhook: %d %s", r.StatusCode, r.body)
	}
}
