package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"gatehouse/gateway"
)

const restHeaders = `
openapi: 3.0.1
info: {title: headers, version: "1"}
paths:
  /proxy: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/proxy"}}}
  /proxy-mapped:
    post:
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: POST
        uri: "BACKEND/proxy-mapped"
        requestParameters:
          integration.request.header.Content-Encoding: "'br'"
          integration.request.header.X-Via: method.request.header.Via
          integration.request.header.X-Md5: method.request.header.Content-MD5
          integration.request.header.Content-MD5: "'mapped'"
          integration.request.header.X-Te: method.request.header.TE
          integration.request.header.X-Empty: method.request.header.X-None
          integration.request.header.Server: method.request.header.X-None
          integration.request.header.Host: "'fixed.example:81'"
  /custom:
    x-amazon-apigateway-any-method:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: http
        httpMethod: ANY
        uri: "BACKEND/custom"
        cacheKeyParameters: [method.request.header.X-Host, method.request.header.X-Amzn-Trace-Id]
        requestParameters:
          integration.request.header.X-Auth: method.request.header.Authorization
          integration.request.header.Host: method.request.header.X-Host
        responses:
          default:
            statusCode: "200"
            responseParameters:
              method.response.header.X-Date: integration.response.header.Date
              method.response.header.Date: integration.response.header.Date
              method.response.header.Server: integration.response.header.Server
              method.response.header.WWW-Authenticate: integration.response.header.WWW-Authenticate
              method.response.header.User-Agent: "'a'"
              method.response.header.X-None: integration.response.header.X-None
  /custom-typed:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: http
        httpMethod: GET
        uri: "BACKEND/custom-typed"
        requestParameters: {integration.request.header.Accept: "'text/csv'", integration.request.header.User-Agent: method.request.header.User-Agent}
        responses: {default: {statusCode: "200", responseTemplates: {text/csv: ""}}, "2\\d\\d": {statusCode: "200", responseParameters: {method.response.header.Content-Type: integration.response.header.Content-Type}}}
  /mock: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}}}
`

const httpHeaders = `
openapi: 3.0.1
info: {title: headers, version: "1"}
paths:
  /proxy: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/proxy"}}}
  /host: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/host", requestParameters: {overwrite:header.host: "$request.header.x-host", overwrite:header.x-dup: $request.header.dup}}}}
`

// headerBackend echoes, and answers with the headers that gateways treat specially.
func headerBackend(t *testing.T) *httptest.Server {
	echo := echoBackend(t, "one")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Age", "Accept-Ranges", "Content-MD5", "Max-Forwards", "Pragma", "WWW-Authenticate", "X-Amzn-RequestId", "X-Amzn-Trace-Id", "Via", "Warn", "X-Amzn-Errortype", "X-Gw-Reply"} {
			w.Header().Set(name, "backend")
		}
		echo.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// clientHeaders are one of each that the reference's table names, and those by which a
// client might try to steer Envoy.
var clientHeaders = []string{
	"Age", "1", "Accept", "text/csv", "Accept-Charset", "utf-8", "Accept-Encoding", "br", "Authorization", "Bearer x", "Content-Encoding", "identity",
	"Content-MD5", "x", "Content-Type", "text/plain", "Date", "yesterday", "Max-Forwards", "3", "Pragma", "no-cache", "Proxy-Authenticate", "x",
	"Range", "bytes=0-9", "Referer", "ref", "Server", "me", "User-Agent", "ua", "Via", "1.1 me", "Warn", "w", "WWW-Authenticate", "x",
	"X-Custom", "1", "X-Empty", "", "Dup", "1", "Dup", "2",
	"X-Forwarded-For", "1.2.3.4", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example", "Forwarded", "for=9.9.9.9",
	"X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793", "X-Amzn-Apigateway-Api-Id", "spoof",
	"X-Request-Id", "mine", "X-Gw-Local-Reply", "1", "X-Gw-Path", "/evil", "X-Envoy-Original-Path", "/evil", "X-Envoy-Upstream-Rq-Timeout-Ms", "1",
	"X-Envoy-Retry-On", "5xx", "X-Envoy-Max-Retries", "9", "X-Envoy-Force-Trace", "1", "X-Envoy-Internal", "true", "X-Envoy-Expected-Rq-Timeout-Ms", "1",
}

func joined(e echoed, names ...string) string {
	var out []string
	for _, n := range names {
		out = append(out, strings.Join(e.Headers[n], "|"))
	}
	return strings.Join(out, " ; ")
}

var (
	uuid  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	trace = regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]$`)
)

func TestHeaders(t *testing.T) { testHeaders(t, gateway.Stage{Name: "v1"}) }

// The integration service, which serves routes whose answers are kept, does to headers what
// Envoy does.
func TestHeadersBehindCache(t *testing.T) {
	testHeaders(t, keeping("ANY /proxy", "POST /proxy-mapped", "ANY /custom", "GET /custom-typed"))
}

// keeping is a stage that keeps the answers of routes.
func keeping(routes ...string) gateway.Stage {
	yes := true
	st := gateway.Stage{Name: "v1", Cache: &gateway.StageCache{Bytes: 8 << 20}}
	for _, key := range routes {
		st.Settings = append(st.Settings, gateway.RouteSettings{RouteKey: key, Cache: &gateway.CacheSettings{Enabled: &yes}})
	}
	return st
}

func testHeaders(t *testing.T, stage gateway.Stage) {
	backend := headerBackend(t)
	stage.Deployment = deploy(t, gateway.REST, restHeaders, backend.URL)
	g := start(t, snapshotOf(
		gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{stage}},
		gateway.API{ID: "h", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: deploy(t, gateway.HTTP, httpHeaders, backend.URL)}}},
	))
	const rest, httpHost = "r.execute-api.localhost", "h.execute-api.localhost"
	backendHost := strings.TrimPrefix(backend.URL, "http://")
	// By its own host, and by the path form, which passes Envoy twice.
	for _, at := range [][2]string{{rest, "/v1"}, {"localhost", "/_aws/execute-api/r/v1"}} {
		host, base := at[0], at[1]
		r := g.request("POST", host, base+"/proxy", "abc", append(clientHeaders, "TE", "gzip, trailers", "Proxy-Connection", "x", "Keep-Alive", "x", "X-Amzn-RequestId", "3f1d0cdb-7f65-4e04-b7d0-4f3ef1e4b6f0")...)
		e := r.echo(t)
		for name, want := range map[string]string{
			// Passed.
			"age": "1", "accept": "text/csv", "accept-charset": "utf-8", "accept-encoding": "br", "authorization": "Bearer x", "content-type": "text/plain",
			"date": "yesterday", "pragma": "no-cache", "range": "bytes=0-9", "referer": "ref", "user-agent": "ua", "warn": "w", "x-custom": "1", "dup": "1|2",
			"forwarded": "for=9.9.9.9", "x-forwarded-host": "evil.example", "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
			// Dropped.
			"content-md5": "", "max-forwards": "", "proxy-authenticate": "", "server": "", "www-authenticate": "", "content-encoding": "", "via": "",
			"connection": "", "keep-alive": "", "proxy-connection": "", "transfer-encoding": "", "expect": "", "upgrade": "", "trailer": "",
			// The gateway's own.
			"x-amzn-apigateway-api-id": "r", "x-forwarded-proto": "http", "content-length": "3",
			// Not the client's to say.
			"x-gw-local-reply": "", "x-gw-path": "", "x-envoy-original-path": "", "x-envoy-upstream-rq-timeout-ms": "", "x-envoy-retry-on": "",
			"x-envoy-max-retries": "", "x-envoy-force-trace": "", "x-envoy-internal": "", "x-envoy-expected-rq-timeout-ms": "",
			"x-request-id": r.Header.Get("x-amzn-requestid"),
		} {
			if got := joined(e, name); got != want {
				t.Errorf("HTTP_PROXY at %s: backend got %s: %q, want %q", host, name, got, want)
			}
		}
		if e.Host != backendHost || e.Body != "abc" || !strings.HasPrefix(joined(e, "x-forwarded-for"), "1.2.3.4,") {
			t.Errorf("HTTP_PROXY at %s: host %s, body %q, for %s", host, e.Host, e.Body, joined(e, "x-forwarded-for"))
		}
		if _, there := e.Headers["x-empty"]; !there {
			t.Errorf("HTTP_PROXY at %s: an empty header was lost", host)
		}
		if !uuid.MatchString(r.Header.Get("x-amzn-requestid")) {
			t.Errorf("request id %q", r.Header.Get("x-amzn-requestid"))
		}
		for name, want := range map[string]string{
			"Age": "backend", "Accept-Ranges": "backend", "Pragma": "backend", "Warn": "backend", "Content-Md5": "backend", "Www-Authenticate": "backend",
			"Content-Type": "application/json", "X-Two": "1|2", "X-Amzn-Trace-Id": "backend", "Via": "", "Server": "",
			"X-Amzn-Remapped-Server": "echo", "X-Amzn-Remapped-X-Amzn-Requestid": "backend", "Apigw-Requestid": "", "X-Envoy-Upstream-Service-Time": "",
		} {
			if got := strings.Join(r.Header[name], "|"); got != want {
				t.Errorf("HTTP_PROXY at %s: answer has %s: %q, want %q", host, name, got, want)
			}
		}
		if len(r.Header["Date"]) != 1 || r.Header.Get("X-Amzn-Remapped-Date") == "" {
			t.Errorf("dates %v", r.Header)
		}
	}

	e := g.request("POST", rest, "/v1/proxy-mapped", "abc", append(clientHeaders, "TE", "trailers")...).echo(t)
	if got, want := joined(e, "content-encoding", "via", "x-via", "x-md5", "content-md5", "x-te", "x-empty", "server"), "br ;  ; 1.1 me ;  ; mapped ;  ;  ; "; got != want {
		t.Errorf("mapped HTTP_PROXY: %q, want %q", got, want)
	}
	if e.Host != "fixed.example:81" {
		t.Errorf("mapped Host: %s", e.Host)
	}

	r := g.request("POST", rest, "/v1/custom", "abc", clientHeaders...)
	e = r.echo(t)
	var names []string
	for _, name := range []string{"accept", "content-encoding", "content-length", "content-type", "user-agent", "x-amzn-apigateway-api-id", "x-amzn-trace-id", "x-auth", "x-forwarded-for", "x-forwarded-proto", "x-request-id"} {
		if e.Headers[name] == nil {
			t.Errorf("HTTP: backend got no %s", name)
		}
		delete(e.Headers, name)
	}
	for name := range e.Headers {
		names = append(names, name)
	}
	if len(names) > 0 {
		t.Errorf("HTTP: backend got %v besides", names)
	}
	if e.Host != backendHost {
		t.Errorf("Host by a mapping without a value: %s", e.Host)
	}
	if e := g.request("GET", rest, "/v1/custom", "", "X-Host", "other.example", "Content-Type", "text/plain", "Accept", "x/y", "User-Agent", "u").echo(t); e.Host != "other.example" ||
		joined(e, "content-type", "accept", "user-agent") != " ; application/json ; AmazonAPIGateway_r" || !trace.MatchString(joined(e, "x-amzn-trace-id")) {
		t.Errorf("HTTP: %+v", e)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Amzn-Remapped-Server": "echo", "X-Amzn-Remapped-Www-Authenticate": "backend", "X-Amzn-Remapped-User-Agent": "a",
		"Www-Authenticate": "", "Server": "", "X-None": "", "Age": "", "Content-Md5": "", "X-Backend": "", "Via": "",
	} {
		if got := strings.Join(r.Header[name], "|"); got != want {
			t.Errorf("HTTP: answer has %s: %q, want %q", name, got, want)
		}
	}
	if r.Header.Get("X-Date") == "" || r.Header.Get("X-Amzn-Remapped-Date") != r.Header.Get("X-Date") {
		t.Errorf("HTTP: dates %v", r.Header)
	}
	// A trace goes on: what the client's header lacks is added, and the answer tells it.
	if got := r.Header.Get("X-Amzn-Trace-Id"); !trace.MatchString(got) || !strings.HasPrefix(got, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=") {
		t.Errorf("HTTP: trace %q", got)
	}
	full := "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	if r := g.request("GET", rest, "/v1/custom", "", "X-Amzn-Trace-Id", full); joined(r.echo(t), "x-amzn-trace-id") != full || r.Header.Get("x-amzn-trace-id") != full {
		t.Errorf("HTTP: trace %v", r.Header)
	}
	r = g.request("GET", rest, "/v1/custom-typed", "", "User-Agent", "u", "Accept", "x/y")
	if e := r.echo(t); joined(e, "accept", "user-agent") != "text/csv ; u" || r.Header.Get("content-type") != "application/json" {
		t.Errorf("HTTP: %v %+v", r.Header, e)
	}
	if r := g.request("GET", rest, "/v1/mock", "", clientHeaders...); r.Header.Get("x-amzn-trace-id") != "" || !uuid.MatchString(r.Header.Get("x-amzn-requestid")) || r.Header.Get("content-type") != "application/json" {
		t.Errorf("MOCK: %v", r.Header)
	}
	if r := g.request("GET", rest, "/v1/none", "", clientHeaders...); r.Header.Get("x-amzn-trace-id") != "" || r.Header.Get("x-amzn-requestid") == "" {
		t.Errorf("gateway response: %v", r.Header)
	}

	r = g.request("POST", httpHost, "/proxy", "abc", clientHeaders...)
	e = r.echo(t)
	for name, want := range map[string]string{
		"accept": "text/csv", "authorization": "Bearer x", "content-encoding": "identity", "via": "1.1 me", "dup": "1|2", "content-type": "text/plain", "user-agent": "ua",
		"x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
		"forwarded":       "for=9.9.9.9|for=127.0.0.1;host=" + httpHost + ";proto=http", "x-forwarded-proto": "http",
		"x-gw-path": "", "x-envoy-original-path": "", "x-envoy-upstream-rq-timeout-ms": "", "x-request-id": r.Header.Get("apigw-requestid"),
	} {
		if got := joined(e, name); got != want {
			t.Errorf("HTTP API: backend got %s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"Server": "echo", "Via": "backend", "X-Amzn-Requestid": "backend", "Www-Authenticate": "backend", "X-Two": "1|2", "X-Amzn-Remapped-Date": ""} {
		if got := strings.Join(r.Header[name], "|"); got != want {
			t.Errorf("HTTP API: answer has %s: %q, want %q", name, got, want)
		}
	}
	if r.Header.Get("apigw-requestid") == "" {
		t.Errorf("HTTP API: %v", r.Header)
	}
	if e := g.request("GET", httpHost, "/host", "", "x-host", "given.example", "Dup", "1", "DUP", "2").echo(t); e.Host != "given.example" || joined(e, "x-dup") != "1,2" {
		t.Errorf("HTTP API: %+v", e)
	}
	if e := g.request("GET", httpHost, "/host", "").echo(t); e.Host != backendHost {
		t.Errorf("HTTP API: %+v", e)
	}
}

const strictAPI = `
openapi: 3.0.1
info: {title: strict, version: "1"}
paths:
  /some: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "BACKEND/some", requestParameters: {integration.request.querystring.status: method.request.querystring.status}, responses: {"2..": {statusCode: "201"}, "50[0-3]": {statusCode: "502"}}}}}
  /none: {get: {x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "BACKEND/none"}}}
  /never: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http, httpMethod: GET, passthroughBehavior: never, uri: "BACKEND/never", responses: {default: {statusCode: "200"}}}}}
`

// A status that no integration response is for is a configuration error.
func TestUnmatchedIntegrationResponse(t *testing.T) {
	backend := headerBackend(t)
	serve := func(text string) *gateway.Snapshot {
		return snapshotOf(gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, text, backend.URL)}}})
	}
	g := start(t, serve(strictAPI))
	const host = "r.execute-api.localhost"
	type want struct {
		target string
		status int
		body   string
	}
	check := func(list ...want) {
		t.Helper()
		for _, w := range list {
			r := g.request("GET", host, w.target, "")
			if r.StatusCode != w.status || w.body != "" && r.body != w.body || r.Header.Get("x-gw-reply") != "" || len(r.Header["X-Amzn-Requestid"]) != 1 || r.Header.Get("x-amzn-requestid") == "backend" {
				t.Errorf("%s: %d %s %v", w.target, r.StatusCode, r.body, r.Header)
			}
			if w.body != "" && (r.Header.Get("x-backend") != "" || r.Header.Get("x-amzn-errortype") == "") {
				t.Errorf("%s: headers of the backend's got through: %v", w.target, r.Header)
			}
		}
	}
	const failed = `{"message":"Internal server error"}`
	check(want{"/v1/some?status=299", 201, ""}, want{"/v1/some?status=503", 502, ""}, want{"/v1/some?status=404", 500, failed},
		want{"/v1/some?status=504", 500, failed}, want{"/v1/none", 500, failed}, want{"/v1/never", 415, `{"message":"Unsupported Media Type"}`})
	g.change(serve(strictAPI + `
x-amazon-apigateway-gateway-responses:
  API_CONFIGURATION_ERROR: {statusCode: 555, responseTemplates: {application/json: '{"why":"$context.error.responseType"}'}}
`))
	check(want{"/v1/some?status=404", 555, `{"why":"API_CONFIGURATION_ERROR"}`}, want{"/v1/none", 555, `{"why":"API_CONFIGURATION_ERROR"}`}, want{"/v1/some?status=200", 201, ""})
	if got := fmt.Sprint(g.request("GET", host, "/v1/some?status=500", "").StatusCode); got != "502" {
		t.Errorf("a status with an integration response: %s", got)
	}
}
