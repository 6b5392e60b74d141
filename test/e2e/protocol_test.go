package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
)

// dial opens a plain connection, to say exactly what a test wants to say.
func (g *running) dial() net.Conn {
	g.t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	return c
}

// raw sends lines as they are, with CRLF at their ends, and reads one answer.
func (g *running) raw(method string, lines ...string) (reply, error) {
	g.t.Helper()
	c := g.dial()
	fmt.Fprint(c, strings.Join(lines, "\r\n"))
	return readReply(bufio.NewReader(c), method)
}

func readReply(in *bufio.Reader, method string) (reply, error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return reply{resp, string(body)}, err
}

const protocolAPI = `
openapi: 3.0.1
info: {title: protocols, version: "1"}
paths:
  /any: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/any"}}}
  /as-get: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/as-get"}}}
  /as-head: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: HEAD, uri: "BACKEND/as-head"}}}
  /custom: {x-amazon-apigateway-any-method: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http, httpMethod: POST, uri: "BACKEND/custom", responses: {default: {statusCode: "200"}}}}}
  /down-as-head: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: HEAD, uri: "http://127.0.0.1:1/"}}}
  /mock: {x-amazon-apigateway-any-method: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"mock":true}'}}}}}}
`

const rawHost = "Host: r.execute-api.localhost"

// fickleBackend misbehaves on demand: ?do=… says how. It tells of requests that are to wait for
// their client to go, amid the answer with wait-amid.
func fickleBackend(t *testing.T) (backend *httptest.Server, waiting chan struct{}) {
	waiting = make(chan struct{})
	backend = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("do") {
		case "wait-amid":
			fmt.Fprint(w, "half")
			http.NewResponseController(w).Flush()
			fallthrough
		case "wait":
			waiting <- struct{}{}
			// Until then nobody notices that the client goes.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return
		}
		length, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Length", fmt.Sprint(length))
		w.Header().Set("X-Method", r.Method)
		switch r.URL.Query().Get("do") {
		case "204", "304":
			code := 204
			if r.URL.Query().Get("do") == "304" {
				code = 304
				w.Header().Set("ETag", `"x"`)
			}
			w.WriteHeader(code)
			return
		case "hints":
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		case "reset":
			c, _, _ := w.(http.Hijacker).Hijack()
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			return
		case "half":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "half503":
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(503)
			fmt.Fprint(w, "half")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "404":
			w.WriteHeader(404)
		case "slow":
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		case "slow-amid":
			fmt.Fprint(w, "half")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		case "garbage":
			c, rw, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(rw, "this is not HTTP\r\n\r\n")
			rw.Flush()
			c.Close()
			return
		case "trailers":
			w.Header().Set("Trailer", "X-End")
			fmt.Fprint(w, "BODY")
			w.Header().Set("X-End", "1")
			return
		}
		fmt.Fprint(w, "BODY")
	}))
	t.Cleanup(backend.Close)
	return backend, waiting
}

// serveProtocols starts a gateway before a fickle backend.
func serveProtocols(t *testing.T) *running {
	backend, _ := fickleBackend(t)
	http := strings.ReplaceAll(protocolAPI, "type: http_proxy, httpMethod", `type: http_proxy, payloadFormatVersion: "1.0", httpMethod`)
	http, _, _ = strings.Cut(http, "  /custom:")
	return start(t, snapshotOf(
		gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, protocolAPI, backend.URL)}}},
		gateway.API{ID: "h", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.HTTP, http, backend.URL)}}},
	))
}

func TestMethodsAndBodies(t *testing.T) {
	g := serveProtocols(t)
	// One connection for all: a body too many, or one too few, spoils what comes after.
	c := g.dial()
	in := bufio.NewReader(c)
	for _, e := range []struct{ method, target, backend, body string }{
		{"HEAD", "/v1/any", "HEAD", ""},
		{"HEAD", "/v1/as-get", "GET", ""},
		{"GET", "/v1/as-head", "HEAD", ""},
		{"POST", "/v1/as-head", "HEAD", ""},
		{"HEAD", "/v1/as-head", "HEAD", ""},
		{"GET", "/v1/as-get", "GET", "BODY"},
		{"POST", "/v1/as-get", "GET", "BODY"},
		{"HEAD", "/v1/custom", "", ""},
		{"GET", "/v1/custom", "", "BODY"},
		{"HEAD", "/v1/mock", "", ""},
		{"GET", "/v1/mock", "", `{"mock":true}`},
		{"HEAD", "/v1/nothing", "", ""},
		{"GET", "/v1/any?do=204", "GET", ""},
		{"GET", "/v1/any?do=304", "GET", ""},
		{"HEAD", "/v1/as-get?do=204", "GET", ""},
		{"GET", "/v1/any?do=trailers", "GET", "BODY"},
		{"GET", "/v1/any", "GET", "BODY"},
	} {
		body := "Content-Length: 3\r\n\r\nabc"
		if e.backend == "" {
			body = "\r\n" // Envoy closes the connection when it answers before the body is there
		}
		fmt.Fprintf(c, "%s %s HTTP/1.1\r\n%s\r\n%s", e.method, e.target, rawHost, body)
		r, err := readReply(in, e.method)
		if err != nil {
			t.Fatalf("%s %s: %v", e.method, e.target, err)
		}
		if r.body != e.body || r.Header.Get("x-method") != e.backend {
			t.Errorf("%s %s: %q %v", e.method, e.target, r.body, r.Header)
		}
	}
	if r := g.request("GET", "r.execute-api.localhost", "/v1/down-as-head", ""); r.StatusCode != 500 || r.body != `{"message":"Internal server error"}` || r.Header.Get("x-gw-local-reply") != "" {
		t.Errorf("backend down: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	if r := g.request("HEAD", "h.execute-api.localhost", "/v1/as-get", ""); r.StatusCode != 200 || r.Header.Get("x-method") != "GET" {
		t.Errorf("HTTP API: %v", r.Header)
	}
	// The last interim answer is the backend's; the gateway answers 100 itself.
	c = g.dial()
	in = bufio.NewReader(c)
	fmt.Fprintf(c, "POST /v1/any HTTP/1.1\r\n%s\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", rawHost)
	if r, err := readReply(in, "POST"); err != nil || r.StatusCode != 100 {
		t.Fatalf("Expect: %v %v", r, err)
	}
	fmt.Fprint(c, "abc")
	if r, err := readReply(in, "POST"); err != nil || r.body != "BODY" {
		t.Errorf("after 100: %v %v", r, err)
	}
	fmt.Fprintf(c, "GET /v1/any?do=hints HTTP/1.1\r\n%s\r\n\r\n", rawHost)
	if r, err := readReply(in, "GET"); err != nil || r.StatusCode != 200 || r.body != "BODY" {
		t.Errorf("after 103: %v %v", r, err)
	}
}

func TestBackendBreaksOff(t *testing.T) {
	g := serveProtocols(t)
	const restBody, httpBody = `{"message":"Internal server error"}`, `{"message":"Service Unavailable"}`
	for _, do := range []string{"reset", "garbage"} {
		if r := g.request("POST", "r.execute-api.localhost", "/v1/any?do="+do, "x"); r.StatusCode != 500 || r.body != restBody || r.Header.Get("x-amzn-requestid") == "" {
			t.Errorf("%s, REST: %d %s", do, r.StatusCode, r.body)
		}
		if r := g.request("POST", "h.execute-api.localhost", "/v1/any?do="+do, "x"); r.StatusCode != 503 || r.body != httpBody || r.Header.Get("apigw-requestid") == "" {
			t.Errorf("%s, HTTP: %d %s", do, r.StatusCode, r.body)
		}
	}
	// What has begun cannot be taken back: the client must see that it is incomplete.
	r, err := g.raw("GET", "GET /v1/any?do=half HTTP/1.1", rawHost, "", "")
	if err == nil || r.StatusCode != 200 || r.body != "half" {
		t.Errorf("half an answer: %v %q %v", r.Response, r.body, err)
	}
}

func TestUnusualRequests(t *testing.T) {
	g := serveProtocols(t)
	// accepted, refused with a status, or closed without an answer
	const bad = `{"message":"Bad Request"}`
	for _, c := range []struct {
		name   string
		status int
		body   string
		lines  []string
	}{
		{"HTTP/1.0", 426, `{"message":"Upgrade Required"}`, []string{"GET /v1/any HTTP/1.0", rawHost, "", ""}},
		{"no host", 400, bad, []string{"GET /v1/any HTTP/1.1", "", ""}},
		{"two hosts", 403, `{"message":"Forbidden"}`, []string{"GET /v1/any HTTP/1.1", rawHost, "Host: other", "", ""}},
		{"full URL", 200, "BODY", []string{"GET http://r.execute-api.localhost/v1/any HTTP/1.1", "Host: other", "", ""}},
		{"OPTIONS *", 403, `{"message":"Forbidden"}`, []string{"OPTIONS * HTTP/1.1", rawHost, "", ""}},
		{"CONNECT", 403, `{"message":"Forbidden"}`, []string{"CONNECT r.execute-api.localhost:80 HTTP/1.1", rawHost, "", ""}},
		{"TRACE", 403, `{"message":"Missing Authentication Token"}`, []string{"TRACE /v1/any HTTP/1.1", rawHost, "", ""}},
		{"unknown method", 400, bad, []string{"FOO /v1/any HTTP/1.1", rawHost, "", ""}},
		{"method in small letters", 400, bad, []string{"get /v1/any HTTP/1.1", rawHost, "", ""}},
		{"method override has no effect", 200, "BODY", []string{"GET /v1/any HTTP/1.1", rawHost, "X-HTTP-Method-Override: DELETE", "", ""}},
		{"fragment", 400, bad, []string{"GET /v1/any#x HTTP/1.1", rawHost, "", ""}},
		{"raw bytes in the path", 400, bad, []string{"GET /v1/\xff HTTP/1.1", rawHost, "", ""}},
		{"encoded zero in the path", 400, bad, []string{"GET /v1/a%00b HTTP/1.1", rawHost, "", ""}},
		{"space in the path", 400, bad, []string{"GET /v1/a b HTTP/1.1", rawHost, "", ""}},
		{"other upgrades are declined", 200, "BODY", []string{"GET /v1/any HTTP/1.1", rawHost, "Connection: Upgrade", "Upgrade: TLS/1.2, HTTP/2.0", "", ""}},
		{"so is h2c", 200, "BODY", []string{"GET /v1/any HTTP/1.1", rawHost, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "", ""}},
		{"folded header", 200, "BODY", []string{"GET /v1/any HTTP/1.1", rawHost, "X-A: 1", "  2", "", ""}},
		// Two ways to tell where a request ends are one too many.
		{"length and chunks", 400, bad, []string{"POST /v1/any HTTP/1.1", rawHost, "Content-Length: 6", "Transfer-Encoding: chunked", "", "0", "", "G"}},
		{"two lengths", 400, bad, []string{"POST /v1/any HTTP/1.1", rawHost, "Content-Length: 3", "Content-Length: 5", "", "abcde"}},
		{"length in words", 400, bad, []string{"POST /v1/any HTTP/1.1", rawHost, "Content-Length: +3", "", "abc"}},
		{"unknown encoding", 400, bad, []string{"POST /v1/any HTTP/1.1", rawHost, "Transfer-Encoding: xchunked", "", "0", "", ""}},
		{"chunked twice", 400, bad, []string{"POST /v1/any HTTP/1.1", rawHost, "Transfer-Encoding: chunked", "Transfer-Encoding: identity", "", "0", "", ""}},
		{"space before the colon", 400, bad, []string{"POST /v1/any HTTP/1.1", rawHost, "Transfer-Encoding : chunked", "", "0", "", ""}},
		{"bad chunk", 400, bad, []string{"POST /v1/any HTTP/1.1", rawHost, "Transfer-Encoding: chunked", "", "zz", "abc", "0", "", ""}},
		{"lone line feeds in the header", 400, bad, []string{"GET /v1/any HTTP/1.1", "X-A: 1\n\n" + rawHost, "", ""}},
		{"control character in a header", 400, bad, []string{"GET /v1/any HTTP/1.1", rawHost, "X-A: 1\x002", "", ""}},
		// Sizes.
		{"50 KB of headers", 200, "BODY", []string{"GET /v1/any HTTP/1.1", rawHost, "X-A: " + strings.Repeat("x", 50<<10), "", ""}},
		{"70 KB of headers", 431, `{"message":"Request Header Fields Too Large"}`, []string{"GET /v1/any HTTP/1.1", rawHost, "X-A: " + strings.Repeat("x", 70<<10), "", ""}},
		{"200 headers", 431, `{"message":"Request Header Fields Too Large"}`, append(append([]string{"GET /v1/any HTTP/1.1", rawHost}, strings.Split(strings.Repeat("X-A: 1\n", 200), "\n")...), "")},
		{"8 KB of path", 403, `{"message":"Missing Authentication Token"}`, []string{"GET /v1/" + strings.Repeat("x", 8<<10) + " HTTP/1.1", rawHost, "", ""}},
	} {
		r, err := g.raw("GET", c.lines...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.StatusCode != c.status || r.body != c.body {
			t.Errorf("%s: %d %q %v", c.name, r.StatusCode, r.body, r.Header)
		}
		if r.StatusCode >= 400 && r.Header.Get("content-type") != "application/json" {
			t.Errorf("%s: %v", c.name, r.Header)
		}
	}
	// Envoy overlooks what stands between a chunk's end and its line's; what it sends on
	// has the length that it understood.
	if r, err := g.raw("POST", "POST /v1/any HTTP/1.1", rawHost, "Transfer-Encoding: chunked", "", "2", "abc", "0", "", ""); err != nil || r.StatusCode != 200 || r.Header.Get("x-length") != "2" {
		t.Errorf("chunk of a wrong length: %v %v", r, err)
	}
	// A request hidden in another's body stays a body.
	hidden := "GET /v1/mock HTTP/1.1\r\n" + rawHost + "\r\n\r\n"
	c := g.dial()
	fmt.Fprintf(c, "POST /v1/any HTTP/1.1\r\n%s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", rawHost, len(hidden), hidden)
	in := bufio.NewReader(c)
	if r, err := readReply(in, "POST"); err != nil || r.body != "BODY" {
		t.Errorf("%v %v", r, err)
	}
	if _, err := readReply(in, "GET"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a second answer to one request: %v", err)
	}
}

// 413 for bodies that say how long they are, and for those that do not.
func TestBodyLimits(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	t.Cleanup(backend.Close)
	small, none := int64(1000), int64(0)
	api := func(id string, p gateway.Protocol, text string) gateway.API {
		return gateway.API{ID: id, Protocol: p, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, p, text, backend.URL), Settings: []gateway.RouteSettings{
			{RouteKey: "ANY /as-get", MaxRequestBytes: &small}, {RouteKey: "ANY /as-head", MaxRequestBytes: &none}}}}}
	}
	httpAPI, _, _ := strings.Cut(strings.ReplaceAll(protocolAPI, "type: http_proxy, httpMethod", `type: http_proxy, payloadFormatVersion: "1.0", httpMethod`), "  /custom:")
	g := start(t, snapshotOf(api("r", gateway.REST, protocolAPI), api("h", gateway.HTTP, httpAPI)))
	for _, id := range []string{"r", "h"} {
		tooLarge := map[string]string{"r": `{"message":"HTTP content length exceeded 10485760 bytes."}`, "h": `{"message":"Request Entity Too Large"}`}[id]
		for _, c := range []struct {
			path   string
			size   int
			status int
		}{{"/v1/as-get", 1000, 200}, {"/v1/as-get", 1001, 413}, {"/v1/any", 10 << 20, 200}, {"/v1/any", 10<<20 + 1, 413}, {"/v1/as-head", 11 << 20, 200}} {
			for _, chunked := range []bool{false, true} {
				var body io.Reader = bytes.NewReader(make([]byte, c.size))
				if chunked {
					body = io.MultiReader(body) // of unknown length
				}
				req, _ := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d%s", g.port, c.path), body)
				req.Host = id + ".execute-api.localhost"
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Errorf("%s %s of %d, chunked %v: %v", id, c.path, c.size, chunked, err)
					continue
				}
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != c.status || c.status == 413 && string(text) != tooLarge {
					t.Errorf("%s %s of %d, chunked %v: %d %.100s", id, c.path, c.size, chunked, resp.StatusCode, text)
				}
			}
		}
	}
}

// HTTP/2 from the client, without TLS and with it.
func TestHTTP2Clients(t *testing.T) {
	backend := echoBackend(t, "one")
	s := func() *gateway.Snapshot {
		return snapshotOf(gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, restPaths, backend.URL)}}})
	}
	plain, secure := proctest.FreePort(t), proctest.FreePort(t)
	snapshot := s()
	snapshot.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(plain)}, {Address: "127.0.0.1", Port: uint32(secure), TLS: certificate(t, "r.execute-api.localhost")}}
	startOn(t, snapshot, plain)
	unencrypted, encrypted := new(http.Protocols), new(http.Protocols)
	unencrypted.SetUnencryptedHTTP2(true)
	encrypted.SetHTTP2(true)
	for port, transport := range map[int]*http.Transport{
		plain:  {Protocols: unencrypted},
		secure: {Protocols: encrypted, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	} {
		scheme := map[int]string{plain: "http", secure: "https"}[port]
		do := func(method, target string, body io.Reader, headers ...string) reply {
			t.Helper()
			req, _ := http.NewRequest(method, fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, port, target), body)
			req.Host = "r.execute-api.localhost"
			for i := 0; i+1 < len(headers); i += 2 {
				req.Header.Set(headers[i], headers[i+1])
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return reply{resp, string(text)}
		}
		r := do("POST", "/v1/p/a%2Fb?x=1", io.MultiReader(strings.NewReader("abc")), "X-One", "1")
		if e := r.echo(t); r.ProtoMajor != 2 || e.Path != "/one/a%2Fb" || e.Query != "x=1" || e.Body != "abc" || joined(e, "x-one", "x-forwarded-proto") != "1 ; "+scheme {
			t.Errorf("%s: %s %+v", scheme, r.Proto, e)
		}
		if r := do("GET", "/v1/none", nil); r.StatusCode != 403 || r.body != `{"message":"Missing Authentication Token"}` || r.Header.Get("x-amzn-requestid") == "" {
			t.Errorf("%s: %d %s", scheme, r.StatusCode, r.body)
		}
		if r := do("HEAD", "/v1/lit", nil); r.StatusCode != 200 || r.body != "" {
			t.Errorf("%s: %d %s", scheme, r.StatusCode, r.body)
		}
		if r := do("GET", "/v1/lit", nil, "X-Big", strings.Repeat("x", 50<<10)); r.StatusCode != 200 {
			t.Errorf("%s: %d %s", scheme, r.StatusCode, r.body)
		}
		transport.CloseIdleConnections()
	}
}

const grpcAPI = `
openapi: 3.0.1
info: {title: grpc, version: "1"}
paths:
  /grpc.health.v1.Health/{method}:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "http://BACKEND/grpc.health.v1.Health/{method}"}}
`

// gRPC to a backend that speaks HTTP/2: trailers, errors, streams and metadata.
func TestGRPCPassThrough(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	services := health.NewServer()
	services.SetServingStatus("shop", healthv1.HealthCheckResponse_SERVING)
	server := grpc.NewServer()
	healthv1.RegisterHealthServer(server, services)
	go server.Serve(lis)
	t.Cleanup(server.Stop)

	address := lis.Addr().(*net.TCPAddr)
	s := snapshotOf(gateway.API{ID: "g", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: deploy(t, gateway.HTTP, grpcAPI, address.String())}}})
	s.Backends = []gateway.Backend{{Name: "health", Hosts: []string{address.String()}, Protocol: "HTTP2", Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(address.Port)}}}}
	g := start(t, s)
	conn, err := grpc.NewClient(fmt.Sprintf("passthrough:///127.0.0.1:%d", g.port), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("g.execute-api.localhost"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client := healthv1.NewHealthClient(conn)
	var header metadata.MD
	resp, err := client.Check(ctx, &healthv1.HealthCheckRequest{Service: "shop"}, grpc.Header(&header))
	if err != nil || resp.Status != healthv1.HealthCheckResponse_SERVING || len(header.Get("apigw-requestid")) != 1 {
		t.Errorf("Check: %v %v %v", resp, header, err)
	}
	if _, err := client.Check(ctx, &healthv1.HealthCheckRequest{Service: "none"}); status.Code(err) != codes.NotFound {
		t.Errorf("Check of an unknown service: %v", err)
	}
	stream, err := client.Watch(ctx, &healthv1.HealthCheckRequest{Service: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []healthv1.HealthCheckResponse_ServingStatus{healthv1.HealthCheckResponse_SERVING, healthv1.HealthCheckResponse_NOT_SERVING} {
		if m, err := stream.Recv(); err != nil || m.Status != want {
			t.Fatalf("Watch: %v %v, want %v", m, err, want)
		}
		// The second message comes only after the first has gone all the way through.
		services.SetServingStatus("shop", healthv1.HealthCheckResponse_NOT_SERVING)
	}
	// A gateway's own refusal reaches a gRPC client as one.
	err = conn.Invoke(ctx, "/grpc.other/Method", &healthv1.HealthCheckRequest{}, &healthv1.HealthCheckResponse{})
	if code := status.Code(err); code != codes.Unimplemented {
		t.Errorf("unknown service: %v", err)
	}
}
