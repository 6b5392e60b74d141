package e2e

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"gatehouse/gateway"
	"gatehouse/internal/otlp"
	"gatehouse/internal/otlptest"
	"gatehouse/internal/proctest"
)

const tracedAPI = `
openapi: 3.0.1
info: {title: traced, version: "1"}
paths:
  /proxy/{id}:
    get:
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/proxy"}
  /mapped:
    get:
      responses: {"200": {description: well}}
      x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "BACKEND/mapped", responses: {default: {statusCode: "200"}}}
  /signed:
    get:
      security: [{sigv4: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/signed"}
components:
  securitySchemes:
    sigv4: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
`

// collectorOf has a snapshot's gateway report to a collector.
func collectorOf(s *gateway.Snapshot, c *otlptest.Collector) {
	s.Gateways[0].Tracing = &gateway.Tracing{
		Collector: gateway.Service{Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(c.Address.Port)}}},
		Headers:   []gateway.CollectorHeader{{Name: "x-collector-key", Value: "secret-key"}},
	}
}

// spansOf are those of a trace, by name, when there are as many.
func spansOf(t *testing.T, c *otlptest.Collector, trace string, n int) map[string]otlptest.Span {
	t.Helper()
	var spans map[string]otlptest.Span
	c.Wait(t, "the spans of "+trace, func() bool {
		spans = map[string]otlptest.Span{}
		for _, span := range c.Spans() {
			if span.Trace == trace {
				spans[span.Name] = span
			}
		}
		return len(spans) >= n
	})
	if len(spans) != n {
		t.Errorf("the trace has %d spans, want %d: %v", len(spans), n, spans)
	}
	return spans
}

// TestTraceHeaders holds what of a trace's context reaches backends and the log, and which
// requests are sampled.
func TestTraceHeaders(t *testing.T) {
	c := otlptest.Start(t)
	backend := echoBackend(t, "one")
	api := deploy(t, gateway.REST, tracedAPI, backend.URL)
	log := &gateway.StageAccessLog{Format: jsonFormat("requestId", "xrayTraceId"), Destination: gateway.DestinationStdout}
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "all", Deployment: api, AccessLog: log, Tracing: &gateway.StageTracing{Percent: 100}},
		{Name: "none", Deployment: api, Tracing: &gateway.StageTracing{Percent: 0}},
		{Name: "off", Deployment: api},
	}})
	s.Gateways[0].Telemetry = true
	collectorOf(s, c)
	g := start(t, s)

	const host = "shop.execute-api.localhost"
	const root, parent, w3c = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8", "0af7651916cd43dd8448eb211c80319c"
	xray := regexp.MustCompile(`^Root=(1-([0-9a-f]{8})-([0-9a-f]{24}));Parent=([0-9a-f]{16});Sampled=([01])$`)
	w3cForm := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])$`)
	logged := map[string]string{}
	// told are the spans that backends were told of, by id.
	type span struct {
		request, trace  string
		sampled, begins bool
	}
	told := map[string]span{}
	for _, r := range []struct {
		name, target string
		headers      []string
		// wantRoot and wantTrace are "" for new ones.
		wantRoot, wantTrace string
		sampled             bool
	}{
		{"nothing", "/all/proxy/1", nil, "", "", true},
		{"nothing, by path form", "/_aws/execute-api/shop/all/proxy/1", nil, "", "", true},
		{"nothing, not sampled", "/none/proxy/1", nil, "", "", false},
		{"X-Ray, sampled", "/none/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + ";Parent=" + parent + ";Sampled=1"}, root, "5759e988bd862e3fe1be46a994272793", true},
		{"X-Ray, not sampled", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + ";Parent=" + parent + ";Sampled=0"}, root, "5759e988bd862e3fe1be46a994272793", false},
		{"X-Ray, a load balancer's", "/all/mapped", []string{"X-Amzn-Trace-Id", "Self=1-67891234-12456789abcdef012345678;Root=" + root}, root, "5759e988bd862e3fe1be46a994272793", true},
		{"X-Ray, a load balancer's, not sampled", "/none/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root}, root, "5759e988bd862e3fe1be46a994272793", false},
		{"X-Ray, undecided", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + ";Parent=" + parent}, root, "5759e988bd862e3fe1be46a994272793", true},
		{"W3C, sampled", "/none/proxy/1", []string{"Traceparent", "00-" + w3c + "-" + parent + "-01", "Tracestate", "a=1"}, "1-0af76519-16cd43dd8448eb211c80319c", w3c, true},
		{"W3C, by path form", "/_aws/execute-api/shop/none/proxy/1", []string{"Traceparent", "00-" + w3c + "-" + parent + "-01", "Tracestate", "a=1"}, "1-0af76519-16cd43dd8448eb211c80319c", w3c, true},
		{"W3C, not sampled", "/all/mapped", []string{"Traceparent", "00-" + w3c + "-" + parent + "-00"}, "1-0af76519-16cd43dd8448eb211c80319c", w3c, false},
		{"X-Ray, a root that is not to be sampled", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + ";Sampled=0"}, root, "5759e988bd862e3fe1be46a994272793", false},
		{"X-Ray, a root that is to be sampled", "/none/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + ";Sampled=1"}, root, "5759e988bd862e3fe1be46a994272793", true},
		{"X-Ray, parent first", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Parent=" + parent + ";Root=" + root + ";Sampled=0"}, root, "5759e988bd862e3fe1be46a994272793", false},
		{"X-Ray, the decision first", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Sampled=0;Root=" + root + ";Parent=" + parent}, root, "5759e988bd862e3fe1be46a994272793", false},
		{"X-Ray, the decision first, without a parent", "/none/proxy/1", []string{"X-Amzn-Trace-Id", "Sampled=1;Root=" + root}, root, "5759e988bd862e3fe1be46a994272793", true},
		{"X-Ray, the decision before the parent", "/none/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + ";Sampled=1;Parent=" + parent}, root, "5759e988bd862e3fe1be46a994272793", true},
		{"X-Ray, twice", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root, "X-Amzn-Trace-Id", "Sampled=0"}, root, "5759e988bd862e3fe1be46a994272793", true},
		{"X-Ray, with spaces", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + "; Parent=" + parent + "; Lineage=1; Sampled=0"}, root, "5759e988bd862e3fe1be46a994272793", false},
		{"W3C, a later version and other flags", "/none/proxy/1", []string{"Traceparent", "01-" + w3c + "-" + parent + "-03"}, "1-0af76519-16cd43dd8448eb211c80319c", w3c, true},
		{"W3C, twice", "/none/proxy/1", []string{"Traceparent", "00-" + w3c + "-" + parent + "-01", "Traceparent", "00-" + w3c + "-" + parent + "-00"}, "1-0af76519-16cd43dd8448eb211c80319c", w3c, true},
		{"both", "/none/proxy/1", []string{"Traceparent", "00-" + w3c + "-" + parent + "-01", "X-Amzn-Trace-Id", "Root=" + root + ";Parent=" + parent + ";Sampled=0"}, root, w3c, true},
		{"forced by Envoy's headers", "/none/proxy/1", []string{"X-Client-Trace-Id", "mine"}, "", "", false},
		{"too long", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Root=" + root + ";Parent=" + parent + ";Sampled=0;" + strings.Repeat("x", 5000)}, root, "", true},
		{"nonsense", "/all/proxy/1", []string{"X-Amzn-Trace-Id", "Root=1-zz-%s;Parent=;Sampled=1", "Tracestate", strings.Repeat("a=b,", 500)}, "", "", true},
	} {
		t.Run(r.name, func(t *testing.T) {
			to := host
			if strings.HasPrefix(r.target, "/_aws") {
				to = "localhost"
			}
			answer := g.request("GET", to, r.target, "", r.headers...)
			got := answer.echo(t)
			x, w := xray.FindStringSubmatch(joined(got, "x-amzn-trace-id")), w3cForm.FindStringSubmatch(joined(got, "traceparent"))
			if x == nil || w == nil {
				t.Fatalf("the backend was told %v", got.Headers)
			}
			sampled := "0"
			if r.sampled {
				sampled = "1"
			}
			if r.wantRoot != "" && x[1] != r.wantRoot || r.wantTrace != "" && w[1] != r.wantTrace || r.wantRoot == "" && x[2]+x[3] != w[1] ||
				x[4] != w[2] || x[4] == parent || x[5] != sampled || w[3] != sampled {
				t.Errorf("the backend was told %q and %q", x[0], w[0])
			}
			if given := strings.Contains(strings.Join(r.headers, " "), "Tracestate a=1"); (joined(got, "tracestate") == "a=1") != given {
				t.Errorf("tracestate %q", joined(got, "tracestate"))
			}
			for name := range got.Headers {
				if strings.HasPrefix(name, "x-gw-") || name == "x-client-trace-id" {
					t.Errorf("the backend was told %s", name)
				}
			}
			if strings.Contains(r.target, "/all/") {
				logged[answer.Header.Get("x-amzn-requestid")] = x[1]
			}
			told[x[4]] = span{r.name, w[1], r.sampled, r.wantTrace == ""}
		})
	}
	// A context that cannot be read is none, and goes no further.
	for _, context := range []string{"00-" + w3c + "-0-01", "00-" + strings.Repeat("0", 32) + "-" + parent + "-01"} {
		got := g.request("GET", host, "/all/proxy/1", "", "Traceparent", context).echo(t)
		if x := xray.FindStringSubmatch(joined(got, "x-amzn-trace-id")); joined(got, "traceparent") != "" || x == nil || x[5] != "0" {
			t.Errorf("the backend was told %v", got.Headers)
		}
	}
	// Stages that are not traced leave everything as it is.
	for _, headers := range [][]string{nil, {"Traceparent", "00-" + w3c + "-" + parent + "-01", "Tracestate", "a=1", "X-Amzn-Trace-Id", "Root=1"}} {
		got := g.request("GET", host, "/off/proxy/1", "", headers...).echo(t)
		for i := 0; i < 6; i += 2 {
			name, want := []string{"traceparent", "-", "tracestate", "-", "x-amzn-trace-id"}[min(i, 4)], ""
			if headers != nil {
				want = headers[i+1]
			}
			if joined(got, name) != want {
				t.Errorf("%s is %q, want %q", name, joined(got, name), want)
			}
		}
	}
	for _, line := range linesOf(t, g.told.String, len(logged)+2) {
		o := decode(t, line)
		if want, known := logged[o["requestId"].(string)]; known && o["xrayTraceId"] != want {
			t.Errorf("%s, want %s", line, want)
		}
	}
	reported := map[string]otlptest.Span{}
	c.Wait(t, "all spans", func() bool {
		for _, span := range c.Spans() {
			reported[span.ID] = span
		}
		for id, span := range told {
			if reported[id].ID == "" && span.sampled {
				return false
			}
		}
		return true
	})
	for id, span := range told {
		switch got := reported[id]; {
		case !span.sampled:
			if got.ID != "" {
				t.Errorf("%s: the span was reported: %v", span.request, got)
			}
		case got.Trace != span.trace || got.Kind != 2 || (got.Parent == "") != span.begins:
			t.Errorf("%s: the span is %v", span.request, got)
		}
	}
	if got := c.Header("x-collector-key"); len(got) != 1 || got[0] != "secret-key" {
		t.Errorf("the collector was shown %q", got)
	}
}

// TestTraceSampling holds that a stage's percentage is the share of its requests that are
// sampled.
func TestTraceSampling(t *testing.T) {
	c := otlptest.Start(t)
	api := deploy(t, gateway.REST, tracedAPI, echoBackend(t, "one").URL)
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "quarter", Deployment: api, Tracing: &gateway.StageTracing{Percent: 25}},
		{Name: "half-percent", Deployment: api, Tracing: &gateway.StageTracing{Percent: 0.5}},
	}})
	collectorOf(s, c)
	g := start(t, s)
	const requests = 1000
	for _, r := range []struct {
		stage       string
		least, most int // six standard deviations off what is to be expected
	}{{"quarter", 168, 332}, {"half-percent", 0, 18}} {
		sampled := 0
		for range requests {
			if strings.HasSuffix(joined(g.request("GET", "shop.execute-api.localhost", "/"+r.stage+"/proxy/1", "").echo(t), "x-amzn-trace-id"), "Sampled=1") {
				sampled++
			}
		}
		if sampled < r.least || sampled > r.most {
			t.Errorf("%s: %d of %d requests were sampled", r.stage, sampled, requests)
		}
	}
}

// TestTraceSpans holds what spans of a request there are, and what they say.
func TestTraceSpans(t *testing.T) {
	c := otlptest.Start(t)
	backend := echoBackend(t, "one")
	api := deploy(t, gateway.REST, tracedAPI, backend.URL)
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "v1", Deployment: api, Tracing: &gateway.StageTracing{Percent: 0}},
		{Name: "v2", Deployment: api, Canary: &gateway.Canary{Percent: 100, Deployment: api}, Tracing: &gateway.StageTracing{Percent: 0}},
	}})
	collectorOf(s, c)
	g := start(t, s)
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "53995c3f42cd8ad8"
	for i, r := range []struct{ host, base, stage, url string }{
		{"shop.execute-api.localhost", "/v1", "v1", "http://shop.execute-api.localhost/v1/proxy/7"},
		{"localhost", "/_aws/execute-api/shop/v1", "v1", "http://shop.execute-api.localhost/v1/proxy/7"},
		{"shop.execute-api.localhost", "/v2", "v2", "http://shop.execute-api.localhost/v2/proxy/7"},
	} {
		trace := trace[:31] + strconv.Itoa(i)
		g.request("GET", r.host, r.base+"/proxy/7?token=secret-query", "", "Traceparent", "00-"+trace+"-"+parent+"-01")
		spans := spansOf(t, c, trace, 2)
		server, client := spans["GET /proxy/{id}"], spans["integration"]
		if server.Parent != parent || client.Parent != server.ID || server.Kind != 2 || client.Kind != 3 || server.Service != "edge" {
			t.Errorf("%s%s: %+v\n%+v", r.host, r.base, server, client)
		}
		for _, span := range spans {
			if strings.Contains(span.Span.String(), "secret-query") {
				t.Errorf("the query is told: %v", span.Span)
			}
		}
		for name, want := range map[string]string{
			"gatehouse.api": "shop", "gatehouse.stage": r.stage, "http.route": "/proxy/{id}", "http.status_code": "200", "http.method": "GET",
			"http.url": r.url,
		} {
			if server.Attributes[name] != want {
				t.Errorf("%s%s: %s is %q, want %q", r.host, r.base, name, server.Attributes[name], want)
			}
		}
	}
	// A refusal is a span, too.
	const refused = "1af7651916cd43dd8448eb211c80319c"
	g.request("GET", "shop.execute-api.localhost", "/v1/none", "", "Traceparent", "00-"+refused+"-"+parent+"-01")
	if span := spansOf(t, c, refused, 1)["no route"]; span.Attributes["http.status_code"] != "403" || span.Attributes["http.route"] != "" {
		t.Errorf("%+v", span)
	}
	// Nobody waits for a collector that hangs, or is gone.
	c.Hang(true)
	begin := time.Now()
	for range 200 {
		if r := g.request("GET", "shop.execute-api.localhost", "/v1/proxy/7", "", "Traceparent", "00-"+trace+"-"+parent+"-01"); r.StatusCode != 200 {
			t.Fatal(r.StatusCode)
		}
	}
	c.Stop()
	for range 200 {
		if r := g.request("GET", "shop.execute-api.localhost", "/v1/proxy/7", "", "Traceparent", "00-"+trace+"-"+parent+"-01"); r.StatusCode != 200 {
			t.Fatal(r.StatusCode)
		}
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("400 requests took %v", took)
	}
}

// TestTraceThroughServices holds that what the services do for a request hangs together
// with what Envoy does, and that functions are told.
func TestTraceThroughServices(t *testing.T) {
	c := otlptest.Start(t)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	push, err := otlp.Start(t.Context(), otlp.Options{Endpoint: "http://" + c.Address.String(), Metrics: prometheus.NewRegistry(), Registerer: prometheus.NewRegistry(), Log: slog.Default()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { push.Close(context.Background()) })
	told := make(chan http.Header, 1)
	var fails atomic.Bool
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told <- r.Header
		if r.Header.Get("X-Amzn-Trace-Id") == "" {
			t.Error("the function is told of no trace")
		}
		if fails.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.WriteString(w, `{"statusCode": 200, "body": "well"}`)
	}))
	defer function.Close()
	text := strings.Replace(tracedAPI, "paths:", `paths:
  /function:
    get:
      security: [{lambda: []}]
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:hello/invocations"}`, 1) + `
    lambda:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:auth/invocations"}
`
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Deployment: deploy(t, gateway.REST, text, function.URL), Tracing: &gateway.StageTracing{Percent: 0},
	}}})
	authorizer := newAuthorizerFunction(t)
	s.Functions = []gateway.Function{{Name: "hello", Endpoint: function.URL}, {Name: "auth", URL: authorizer.server.URL}}
	// A limit that Envoys share, of which they ask.
	s.APIs[0].Stages[0].Throttle = &gateway.Throttle{Rate: 1000, Burst: 1000, Shared: true, Hard: true, FailureMode: gateway.FailOpen}
	collectorOf(s, c)
	g := startTraced(t, s, proctest.FreePort(t), push.Tracer())
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "53995c3f42cd8ad8"
	if r := g.request("GET", "shop.execute-api.localhost", "/v1/function", "", "Traceparent", "00-"+trace+"-"+parent+"-01", "Authorization", "allow"); r.body != "well" {
		t.Fatal(r.StatusCode, r.body)
	}
	header := <-told
	call := "POST " + strings.TrimPrefix(function.URL, "http://")
	spans := spansOf(t, c, trace, 9)
	server := spans["GET /function"]
	asked, limits := "POST "+strings.TrimPrefix(authorizer.server.URL, "http://"), "async envoy.service.ratelimit.v3.RateLimitService.ShouldRateLimit egress"
	for name, parent := range map[string]string{
		"GET /function": parent, "integration": server.ID, "async envoy.service.auth.v3.Authorization.Check egress": server.ID,
		"authorization": spans["async envoy.service.auth.v3.Authorization.Check egress"].ID, "integration GET /function": server.ID, call: spans["integration GET /function"].ID,
		asked: spans["authorization"].ID, limits: server.ID, "limits": spans[limits].ID,
	} {
		if span := spans[name]; span.ID == "" || span.Parent != parent {
			t.Errorf("%s is %+v, and its parent ought to be %s", name, span, parent)
		}
	}
	if got, want := header.Get("X-Amzn-Trace-Id"), "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent="+server.ID+";Sampled=1"; got != want {
		t.Errorf("the function is told %q, want %q", got, want)
	}
	if got, want := header.Get("Traceparent"), "00-"+trace+"-"+spans[call].ID+"-01"; got != want {
		t.Errorf("the function is told %q, want %q", got, want)
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(function.URL, "http://"), ":")
	for name, want := range map[string]string{"http.request.method": "POST", "server.address": host, "server.port": "int_value:" + port, "http.response.status_code": "int_value:200", "error.type": ""} {
		if got := spans[call].Attributes[name]; got != want {
			t.Errorf("%s of the call is %q, want %q", name, got, want)
		}
	}
	for name, span := range spans {
		if span.Span.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_UNSET {
			t.Errorf("%s: %v", name, span.Span.GetStatus())
		}
	}
	// What goes wrong is an error of who it has gone wrong for, and says by what.
	failing, denied := trace[:31]+"a", trace[:31]+"b"
	fails.Store(true)
	g.request("GET", "shop.execute-api.localhost", "/v1/function", "", "Traceparent", "00-"+failing+"-"+parent+"-01", "Authorization", "allow")
	<-told
	spans = spansOf(t, c, failing, 8)
	for name, want := range map[string]string{call: "403", "integration GET /function": "refused", "GET /function": "", "integration": ""} {
		if span := spans[name]; span.Span.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || span.Attributes["error.type"] != want {
			t.Errorf("%s: %v, %v, want %q", name, span.Span.GetStatus(), span.Attributes, want)
		}
	}
	g.request("GET", "shop.execute-api.localhost", "/v1/function", "", "Traceparent", "00-"+denied+"-"+parent+"-01", "Authorization", "deny")
	if span := spansOf(t, c, denied, 4)["authorization"]; span.Attributes["gatehouse.code"] != "authorizer-denied" || span.Span.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("a refusal: %v, %v", span.Span.GetStatus(), span.Attributes)
	}
	// What is not sampled is no span anywhere.
	g.request("GET", "shop.execute-api.localhost", "/v1/function", "", "Authorization", "allow")
	<-told
	for _, span := range c.Spans() {
		if span.Trace != trace && span.Trace != failing && span.Trace != denied {
			t.Errorf("%+v", span)
		}
	}
}
