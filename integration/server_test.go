package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/internal/lambda"
	"gatehouse/internal/proctest"
	"gatehouse/internal/wire"
)

// functions stand for Lambda: what a function returns is up to the test.
type functions struct {
	mu     sync.Mutex
	events []string
	// started are those that nobody waited for.
	started []string
	// call gives the result of a function.
	call func(ctx context.Context, target lambda.Target, event []byte) ([]byte, error)
}

func (f *functions) Invoke(ctx context.Context, target lambda.Target, event []byte) ([]byte, error) {
	f.mu.Lock()
	f.events = append(f.events, string(event))
	f.mu.Unlock()
	return f.call(ctx, target, event)
}

func (f *functions) Start(_ context.Context, _ lambda.Target, event []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = append(f.started, string(event))
	return nil
}

// last is the event of the last call.
func (f *functions) last(t *testing.T) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) == 0 {
		t.Fatal("no function was called")
	}
	return f.events[len(f.events)-1]
}

// returning is a function that returns text.
func returning(text string) func(context.Context, lambda.Target, []byte) ([]byte, error) {
	return func(context.Context, lambda.Target, []byte) ([]byte, error) { return []byte(text), nil }
}

// failing is one that cannot be called, or fails.
func failing(err error) func(context.Context, lambda.Target, []byte) ([]byte, error) {
	return func(context.Context, lambda.Target, []byte) ([]byte, error) { return nil, err }
}

const functionARN = "arn:aws:lambda:us-east-1:000000000000:function:f"

// lambdaRoute is a route with a function behind it.
func lambdaRoute(method, path string, change ...func(*gateway.Route)) gateway.Route {
	r := gateway.Route{Method: method, Path: path, Integration: &gateway.Integration{
		Type: gateway.IntegrationAWSProxy, HTTPMethod: "POST", URI: functionARN, PayloadFormatVersion: "1.0",
	}}
	for _, c := range change {
		c(&r)
	}
	return r
}

func version2(r *gateway.Route) { r.Integration.PayloadFormatVersion = "2.0" }

// snapshot has one API, "a", with one stage, "v1".
func snapshot(protocol gateway.Protocol, d *gateway.Deployment) *gateway.Snapshot {
	d.Protocol = protocol
	s := &gateway.Snapshot{APIs: []gateway.API{{ID: "a", Protocol: protocol, Stages: []gateway.Stage{{
		Name: "v1", Deployment: d.Seal(), Variables: map[string]string{"env": "p"},
	}}}}}
	return s.Seal()
}

// service is a Server as an Envoy meets it.
type service struct {
	*integration.Server
	t       *testing.T
	url     string
	http    *http.Client
	log     *strings.Builder
	lambdas *functions
}

func newService(t *testing.T, change ...func(*integration.Options)) *service {
	t.Helper()
	return newServiceWith(t, integration.Options{}, change...)
}

func newServiceWith(t *testing.T, o integration.Options, change ...func(*integration.Options)) *service {
	t.Helper()
	s := &service{t: t, lambdas: &functions{call: returning(`{}`)}, log: &strings.Builder{}}
	o.Log, o.Lambda, o.Now = slog.New(slog.NewTextHandler(s.log, nil)), s.lambdas, func() time.Time { return time.UnixMilli(1741806238390) }
	for _, c := range change {
		c(&o)
	}
	s.Server = integration.New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DisableCompression: true}
	s.url, s.http = "http://"+l.Addr().String(), &http.Client{Transport: transport, Timeout: 20 * time.Second}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(s.Close(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
	return s
}

// serve takes a snapshot into use.
func (s *service) serve(snapshot *gateway.Snapshot) *service {
	s.t.Helper()
	compiled, found := s.Compile(snapshot)
	if compiled == nil {
		s.t.Fatal(found.Err())
	}
	s.Swap(compiled)
	return s
}

// response is an answer with its body read.
type response struct {
	*http.Response
	body string
}

// ask sends what Envoy would, for a route of the stage a/v1.
func (s *service) ask(route, method, target, body string, headers ...string) response {
	s.t.Helper()
	id := wire.RouteIdentity{API: "a", Stage: "v1", Base: "/v1", Route: route}
	return s.askAs(id, method, target, body, headers...)
}

func (s *service) askAs(id wire.RouteIdentity, method, target, body string, headers ...string) response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = "a.execute-api.localhost:8080"
	r.Header.Set(wire.RouteHeader, id.String())
	r.Header.Set(wire.ClientHeader, "1741806238390 HTTP/1.1 203.0.113.9")
	r.Header.Set("X-Request-Id", "id-1")
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Amzn-Trace-Id", "Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0")
	r.Header.Set("User-Agent", "curl/8")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return s.send(r)
}

func (s *service) send(r *http.Request) response {
	s.t.Helper()
	answer, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response{answer, string(text)}
}

// Who is no Envoy with a route gets nothing.
func TestStrangers(t *testing.T) {
	s := newService(t)
	get := func(path string, identities ...string) response {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header[http.CanonicalHeaderKey(wire.RouteHeader)] = identities
		return s.send(r)
	}
	if r := get(wire.IntegrationHealthPath); r.StatusCode != 503 {
		t.Errorf("well before there is anything to serve: %d", r.StatusCode)
	}
	known := wire.RouteIdentity{API: "a", Stage: "v1", Route: "GET /x"}.String()
	if r := get("/x", known); r.StatusCode != 500 {
		t.Errorf("before anything is served: %d", r.StatusCode)
	}
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x")}}))
	if r := get(wire.IntegrationHealthPath); r.StatusCode != 200 {
		t.Errorf("health: %d", r.StatusCode)
	}
	if r := get("/x"); r.StatusCode != 404 {
		t.Errorf("without a route: %d", r.StatusCode)
	}
	if r := get("/x", known); r.StatusCode != 200 {
		t.Errorf("a route: %d", r.StatusCode)
	}
	for _, unknown := range [][]string{
		{"a|v1||"}, {"a|v1||GET /x"}, {"a|v1|yes||GET /x"}, {"a|v1|canary||GET /x"}, {"a|v2|||GET /x"}, {"b|v1|||GET /x"}, {"a|v1|||GET /y"}, {""}, {known, known},
	} {
		r := get("/x", unknown...)
		if r.StatusCode != 500 || r.body != `{"message":"Internal server error"}` {
			t.Errorf("%q: %d %s", unknown, r.StatusCode, r.body)
		}
	}
	if n := len(s.lambdas.events); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// TestHTTP1 holds that requests of routes come by HTTP/1.1 at a socket of the machine, and
// not at a port, where a browser can be made to send such.
func TestHTTP1(t *testing.T) {
	s := newService(t).serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("POST", "/x")}}))
	path := filepath.Join(proctest.SocketFolder(t), "s")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(socket)
	beside := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer beside.CloseIdleConnections()
	for status, transport := range map[int]*http.Transport{200: beside, 404: {}} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/x", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(wire.RouteHeader, wire.RouteIdentity{API: "a", Stage: "v1", Route: "POST /x"}.String())
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != status || answer.ProtoMajor != 1 {
			t.Errorf("%s %d, want %d", answer.Proto, answer.StatusCode, status)
		}
	}
	if n := len(s.lambdas.events); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// TestStrangersAtWebSockets holds that with WebSocket APIs, for which Envoys come by
// HTTP/1, a browser gets nowhere all the same: it can neither open a WebSocket nor ask
// whether it may send the header that says which route it is.
func TestStrangersAtWebSockets(t *testing.T) {
	reached := 0
	server := integration.New(integration.Options{WebSocket: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ })})
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(socket)
	t.Cleanup(func() { server.Close(t.Context()) })
	ask := func(method string, header http.Header) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+socket.Addr().String()+"/v1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	for method, header := range map[string]http.Header{
		"GET": {
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
			"Origin": {"https://evil.example.com"},
		},
		"POST":    {"Content-Type": {"text/plain"}},
		"OPTIONS": {"Origin": {"https://evil.example.com"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x-gw-route"}},
	} {
		r := ask(method, header)
		if r.StatusCode != http.StatusNotFound || r.Header.Get("Access-Control-Allow-Origin") != "" || reached != 0 {
			t.Errorf("%s: %d %v", method, r.StatusCode, r.Header)
		}
	}
	known := wire.RouteIdentity{API: "chat", Stage: "v1", Route: gateway.ConnectRoute}.String()
	if r := ask("GET", http.Header{http.CanonicalHeaderKey(wire.RouteHeader): {known}}); r.StatusCode != 200 || reached != 1 {
		t.Errorf("an Envoy: %d", r.StatusCode)
	}
}

// Routes of the revision before are served for a moment; a swap can be taken back.
func TestSwap(t *testing.T) {
	s := newService(t)
	s.lambdas.call = func(_ context.Context, target lambda.Target, _ []byte) ([]byte, error) {
		return json.Marshal(map[string]string{"body": target.Name})
	}
	of := func(path, uri string) *gateway.Snapshot {
		return snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", path, func(r *gateway.Route) { r.Integration.URI = uri })}})
	}
	s.serve(of("/x", functionARN))
	compiled, _ := s.Compile(of("/y", functionARN+"2"))
	back := s.Swap(compiled)
	for route, want := range map[string]string{"GET /x": "f", "GET /y": "f2"} {
		if r := s.ask(route, "GET", "/v1/x", ""); r.body != want {
			t.Errorf("%s: %s", route, r.body)
		}
	}
	back()
	if r := s.ask("GET /y", "GET", "/v1/y", ""); r.StatusCode != 500 {
		t.Errorf("a route that was taken back: %d", r.StatusCode)
	}
}

func TestCompileRefuses(t *testing.T) {
	at := gateway.Position{File: "api.yaml", Line: 7, Column: 3}
	for name, c := range map[string]struct{ uri, want string }{
		"a name":               {"f", "api.yaml:7:3: error unknown-function: GET /x calls the function f, which is not defined"},
		"another service":      {"arn:aws:apigateway:us-east-1:sqs:path/q", "api.yaml:7:3: error invalid-uri: "},
		"an unset variable":    {"arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.fn}", "api.yaml:7:3: error unset-stage-variable: "},
		"a URL without a host": {"http:///x", "api.yaml:7:3: error invalid-uri: "},
	} {
		compiled, found := integration.Compile(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x", func(r *gateway.Route) {
			r.Integration.URI, r.Integration.URISource = c.uri, at
		})}}))
		if compiled != nil || len(found) != 1 || !strings.HasPrefix(found[0].String(), c.want) {
			t.Errorf("%s: %v", name, found)
		}
	}
}
