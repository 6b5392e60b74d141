package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

const fatesAPI = `
openapi: 3.0.1
info: {title: fates, version: "1"}
paths:
  /any: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/any"}}}
  /quick: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", timeoutInMillis: 100, uri: "BACKEND/any"}}}
  /down: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:1/"}}}
`

const fatesOfREST = `
  /mapped: {get: {x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "BACKEND/mapped", requestParameters: {integration.request.querystring.do: method.request.querystring.do}, responses: {default: {statusCode: "200"}, "404": {statusCode: "410"}}}}}
  /template: {post: {x-amazon-apigateway-integration: {type: http, httpMethod: POST, passthroughBehavior: never, requestParameters: {integration.request.querystring.do: method.request.querystring.do}, requestTemplates: {application/json: '{"a": 1}'}, uri: "BACKEND/template", responses: {"200": {statusCode: "200"}, "404": {statusCode: "410"}}}}}
  /function: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:hello/invocations"}}}
  /stream: {get: {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, responseTransferMode: STREAM, uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:flow/invocations"}}}
  /custom: {post: {x-amazon-apigateway-integration: {type: aws, httpMethod: POST, uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:hello/invocations", responses: {default: {statusCode: "202"}}}}}
  /mock/none: {get: {x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{}'}, responses: {default: {statusCode: "200"}}}}}
  /mock/unmatched: {get: {x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 404}'}, responses: {"2..": {statusCode: "200"}}}}}
`

const fatesOfHTTP = `
  /function: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, payloadFormatVersion: "1.0", uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:hello/invocations"}}}
  /gone: {get: {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, payloadFormatVersion: "2.0", uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:gone/invocations"}}}
  /renamed: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/any", responseParameters: {"404": {"overwrite:statuscode": "410"}}}}}
  /socket: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "SOCKET/"}}}
`

// TestLoggedFates holds what is logged and counted of requests whatever becomes of them: one line
// each, what the integration has answered as it has, and nothing of one that was not asked.
func TestLoggedFates(t *testing.T) {
	backend, waiting := fickleBackend(t)
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			Query map[string]string `json:"queryStringParameters"`
		}
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Amzn-Requestid", "call-1")
		switch event.Query["do"] {
		case "fail":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			io.WriteString(w, `{"errorMessage": "said-by-the-function", "errorType": "ValueError"}`)
		case "refuse":
			w.WriteHeader(http.StatusForbidden)
		case "garbage":
			io.WriteString(w, "garbage")
		case "flow":
			io.WriteString(w, `{"statusCode": 203}`+strings.Repeat("\x00", 8)+"x")
		case "503":
			io.WriteString(w, `{"statusCode": 503}`)
		default:
			io.WriteString(w, `{"statusCode": 203, "body": "x"}`)
		}
	}))
	defer function.Close()
	socket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, _ := w.(http.Hijacker).Hijack()
		defer c.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello")
		rw.Flush()
	}))
	defer socket.Close()
	names := []string{"status", "integrationStatus", "integration.integrationStatus", "integration.status", "integrationLatency", "integration.error", "error.responseType", "error.message", "awsEndpointRequestId"}
	log := &gateway.StageAccessLog{Format: jsonFormat(append([]string{"requestId", "identity.userAgent"}, names...)...), Destination: gateway.DestinationStdout}
	off := false
	rest := deploy(t, gateway.REST, fatesAPI+fatesOfREST, backend.URL)
	s := snapshotOf(
		gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{
			{Name: "v1", AccessLog: log, Deployment: rest, DetailedMetrics: true},
			{Name: "kept", AccessLog: log, Deployment: rest, Cache: &gateway.StageCache{Bytes: 1 << 20}, Settings: []gateway.RouteSettings{
				{RouteKey: "*", Cache: &gateway.CacheSettings{Unauthorized: gateway.CacheFail}}, {RouteKey: "GET /stream", Cache: &gateway.CacheSettings{Enabled: &off}},
			}},
		}},
		gateway.API{ID: "h", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "v1", AccessLog: log, Deployment: deploy(t, gateway.HTTP, fatesAPI+strings.ReplaceAll(fatesOfHTTP, "SOCKET", socket.URL), backend.URL)}}},
	)
	s.Functions = []gateway.Function{{Name: "hello", Endpoint: function.URL}, {Name: "gone", Endpoint: "http://127.0.0.1:1"}, {Name: "flow", URL: function.URL}}
	s.Gateways[0].Telemetry = true
	g := start(t, s)

	const (
		whole = iota
		// left: the client goes as soon as the backend waits for that.
		left
		// broken: the answer does not end as it ought to.
		broken
	)
	// A status alone is that of the integration, too; some is any latency.
	const some = "some"
	fate := func(status string, set ...string) map[string]string {
		line := map[string]string{"status": status, "integrationLatency": some}
		for _, name := range names[1:4] {
			line[name] = status
		}
		for i := 0; i < len(set); i += 2 {
			line[set[i]] = set[i+1]
		}
		for _, name := range names {
			if line[name] == "" {
				line[name] = "-"
			}
		}
		return line
	}
	mapped := func(status, was string) map[string]string {
		return fate(status, "integrationStatus", was, "integration.integrationStatus", was, "integration.status", was)
	}
	unanswered := func(status string, set ...string) map[string]string {
		return fate(status, append([]string{"integrationStatus", "-", "integration.integrationStatus", "-", "integration.status", "-", "integrationLatency", "-"}, set...)...)
	}
	refused := func(status, kind, message string, set ...string) map[string]string {
		return unanswered(status, append([]string{"error.responseType", kind, "error.message", message}, set...)...)
	}
	// failing is of a function whose call ended with a status, "-" for none.
	failing := func(status, message, called, why string) map[string]string {
		as := "call-1"
		if called == "-" {
			as = "-"
		}
		return fate(status, "awsEndpointRequestId", as, "integrationStatus", called, "integration.integrationStatus", called, "integration.status", "-",
			"error.responseType", "INTEGRATION_FAILURE", "error.message", message, "integration.error", why)
	}
	const ofREST, ofHTTP = "Internal server error", "Internal Server Error"
	const raised, noObject = `the function failed with an error of type "ValueError"`, "the result is not a JSON object"
	const noStatus = "the request template of the MOCK gives no status that an integration response is for"
	const forbidden = "calling arn:aws:lambda:us-east-1:000000000000:function:hello: Lambda answers with status 403"
	const resetBefore, resetAmid = "upstream_reset_before_response_started{connection_termination}", "upstream_reset_after_response_started{protocol_error}"
	requests := []struct {
		api, method, target string
		headers             string
		ends                int
		want                map[string]string
	}{
		{"r", "GET", "/v1/any", "", whole, fate("200")},
		{"r", "HEAD", "/v1/any", "", whole, fate("200")},
		{"r", "GET", "/v1/any?do=204", "", whole, fate("204")},
		{"r", "GET", "/v1/any?do=hints", "", whole, fate("200")},
		{"r", "GET", "/v1/any?do=trailers", "", whole, fate("200")},
		{"r", "GET", "/v1/any?do=wait", "", left, unanswered("-")},
		{"r", "POST", "/v1/any?do=wait", "Content-Length: 1000\r\n", left, unanswered("-")},
		{"r", "GET", "/v1/any?do=wait-amid", "", left, fate("200")},
		{"r", "GET", "/v1/any?do=reset", "", whole, refused("500", "INTEGRATION_FAILURE", "Internal server error", "integration.error", resetBefore)},
		{"r", "GET", "/v1/any?do=half", "", broken, fate("200", "integration.error", resetAmid)},
		{"r", "GET", "/v1/quick?do=slow", "", whole, refused("504", "INTEGRATION_TIMEOUT", "Endpoint request timed out", "integration.error", "response_timeout")},
		{"r", "GET", "/v1/quick?do=slow-amid", "", broken, fate("200", "integration.error", "response_timeout")},
		{"r", "GET", "/v1/none", "", whole, refused("403", "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")},
		{"r", "GET", "/v1/mapped", "", whole, fate("200")},
		{"r", "GET", "/v1/mapped?do=404", "", whole, mapped("410", "404")},
		{"r", "POST", "/v1/template", "", whole, fate("200")},
		{"r", "POST", "/v1/template?do=404", "", whole, mapped("410", "404")},
		// No response is for it.
		{"r", "POST", "/v1/template?do=204", "", whole, fate("500", "integrationStatus", "204", "integration.integrationStatus", "204", "integration.status", "204", "error.responseType", "API_CONFIGURATION_ERROR", "error.message", ofREST, "integration.error", "no integration response is for what the backend answered")},
		{"r", "POST", "/v1/template", "Content-Type: text/plain\r\n", whole, refused("415", "UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")},
		{"r", "GET", "/v1/function", "", whole, fate("203", "integrationStatus", "200", "integration.integrationStatus", "200", "awsEndpointRequestId", "call-1")},
		{"r", "GET", "/v1/function?do=503", "", whole, fate("503", "integrationStatus", "200", "integration.integrationStatus", "200", "awsEndpointRequestId", "call-1")},
		{"r", "GET", "/v1/function?do=fail", "", whole, failing("502", ofREST, "200", raised)},
		{"r", "GET", "/v1/function?do=garbage", "", whole, failing("502", ofREST, "200", noObject)},
		{"r", "GET", "/v1/function?do=refuse", "", whole, failing("500", ofREST, "403", forbidden)},
		{"r", "GET", "/v1/stream?do=flow", "", whole, fate("203", "integrationStatus", "200", "integration.integrationStatus", "200", "awsEndpointRequestId", "call-1")},
		{"r", "GET", "/v1/stream?do=garbage", "", whole, failing("500", ofREST, "200", "what the function streams does not begin with JSON and eight NULs")},
		{"r", "POST", "/v1/custom", "", whole, fate("202", "integrationStatus", "200", "integration.integrationStatus", "200", "integration.status", "200", "awsEndpointRequestId", "call-1")},
		{"r", "GET", "/v1/mock/none", "", whole, refused("500", "API_CONFIGURATION_ERROR", ofREST, "integration.error", noStatus)},
		{"r", "GET", "/v1/mock/unmatched", "", whole, refused("500", "API_CONFIGURATION_ERROR", ofREST, "integration.error", noStatus)},
		{"r", "GET", "/kept/quick", "", whole, fate("200")},
		{"r", "GET", "/kept/quick", "", whole, unanswered("200")},
		{"r", "GET", "/kept/quick", "Cache-Control: max-age=0\r\n", whole, refused("403", "ACCESS_DENIED", "User is not authorized to access this resource")},
		{"r", "GET", "/kept/mapped?do=404", "", whole, mapped("410", "404")},
		{"r", "GET", "/kept/mapped?do=404", "", whole, unanswered("410")},
		{"h", "GET", "/v1/any?do=wait", "", left, unanswered("-")},
		{"h", "GET", "/v1/any?do=half503", "", broken, fate("503", "integration.error", resetAmid)},
		{"h", "GET", "/v1/any?do=reset", "", whole, refused("503", "INTEGRATION_FAILURE", "Service Unavailable", "integration.error", resetBefore)},
		{"h", "GET", "/v1/quick?do=slow", "", whole, refused("504", "INTEGRATION_TIMEOUT", "Service Unavailable", "integration.error", "response_timeout")},
		{"h", "GET", "/v1/function", "", whole, fate("203", "integrationStatus", "200", "integration.integrationStatus", "200", "awsEndpointRequestId", "call-1")},
		{"h", "GET", "/v1/function?do=503", "", whole, fate("503", "integrationStatus", "200", "integration.integrationStatus", "200", "awsEndpointRequestId", "call-1")},
		{"h", "GET", "/v1/function?do=fail", "", whole, failing("500", ofHTTP, "200", raised)},
		{"h", "GET", "/v1/function?do=garbage", "", whole, failing("500", ofHTTP, "200", noObject)},
		{"h", "GET", "/v1/function?do=refuse", "", whole, failing("500", ofHTTP, "403", forbidden)},
		{"h", "GET", "/v1/gone", "", whole, failing("500", ofHTTP, "-", "calling arn:aws:lambda:us-east-1:000000000000:function:gone: dial tcp 127.0.0.1:1: connect: connection refused")},
		{"h", "GET", "/v1/down", "", whole, refused("503", "INTEGRATION_FAILURE", "Service Unavailable", "integration.error", "delayed connect error: Connection refused")},
		{"h", "POST", "/v1/any", "Content-Length: 20000000\r\n", whole, refused("413", "REQUEST_TOO_LARGE", "Request Entity Too Large")},
		{"h", "GET", "/v1/renamed?do=404", "", whole, mapped("410", "404")},
		{"h", "GET", "/v1/socket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n", whole, fate("101")},
	}
	want := map[string]map[string]string{}
	ids := map[string]string{}
	for i, r := range requests {
		agent := fmt.Sprintf("%d %s %s %s", i, r.api, r.method, r.target)
		want[agent] = r.want
		c := g.dial()
		length := ""
		if r.method == "POST" && !strings.Contains(r.headers, "Content-Length") {
			length = "Content-Length: 0\r\n"
		}
		fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s.execute-api.localhost\r\nUser-Agent: %s\r\n%s%s\r\n", r.method, r.target, r.api, agent, r.headers, length)
		if r.ends == left {
			<-waiting
			c.Close()
			continue
		}
		answer, err := readReply(bufio.NewReader(c), r.method)
		if (err != nil) != (r.ends == broken) {
			t.Errorf("%s: %v", agent, err)
		}
		if answer.Response != nil {
			ids[agent] = answer.Header.Get("X-Amzn-Requestid") + answer.Header.Get("Apigw-Requestid")
		}
		c.Close()
	}
	got := linesBy(t, "identity.userAgent", g.told.String, len(requests))
	for agent, line := range got {
		if id := ids[agent]; id != "" && line["requestId"] != id {
			t.Errorf("%s: the line has the id %s, and the client %s", agent, line["requestId"], id)
		}
		if line["integrationLatency"] != "-" {
			line["integrationLatency"] = some
		}
		delete(line, "requestId")
		delete(line, "identity.userAgent")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		// Clients that left are requests, and no errors.
		{"count_total", []string{"r", "", "v1", "ANY", "/any"}, 10},
		{"4xx_total", []string{"r", "", "v1", "ANY", "/any"}, 0},
		{"5xx_total", []string{"r", "", "v1", "ANY", "/any"}, 1},
		{"latency_seconds", []string{"r", "", "v1", "ANY", "/any"}, 10},
		{"integration_latency_seconds", []string{"r", "", "v1", "ANY", "/any"}, 7},
		{"4xx_total", []string{"r", "", "v1", "POST", "/template"}, 2},
		{"integration_latency_seconds", []string{"r", "", "v1", "POST", "/template"}, 3},
		{"count_total", []string{"r", "", "kept", "", ""}, 5},
		{"integration_latency_seconds", []string{"r", "", "kept", "", ""}, 2},
		{"5xx_total", []string{"h", "", "v1", "", ""}, 9},
		{"4xx_total", []string{"h", "", "v1", "", ""}, 2},
	} {
		if got := metricOf(t, g.metrics, "gatehouse_apigateway_"+c.name, c.labels...); got != c.want {
			t.Errorf("%s%v is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}
