package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/otlptest"
	"gatehouse/internal/proctest"
)

const httpRouting = `
openapi: 3.0.1
info: {title: routing, version: "1"}
paths:
  /pets/dog/1: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/dog1"}}}
  /pets/dog/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/dog/{id}"}}}
  /pets/{proxy+}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/pets/{proxy}"}}}
  /{proxy+}:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/any/{proxy}"}}
  /$default:
    x-amazon-apigateway-any-method: {isDefaultRoute: true, x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "BACKEND/default"}}
`

// The table of the AWS guide "Create routes for HTTP APIs".
func TestHTTPRouting(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.HTTP, httpRouting, backend.URL)
	g := start(t, snapshotOf(gateway.API{ID: "h", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: d}, {Name: "dev", Deployment: d}}}))
	for _, stage := range []string{"", "/dev"} {
		for _, c := range []struct{ method, target, want string }{
			{"GET", "/pets/dog/1", "/dog1"},
			{"GET", "/pets/dog/2", "/dog/2"},
			{"GET", "/pets/cat/1", "/pets/cat/1"},
			{"POST", "/test/5", "/any/test/5"},
			{"POST", "/pets/dog/1", "/any/pets/dog/1"},
			{"GET", "/", "/default/"},
			{"GET", "/pets/dog/2/", "/pets/dog/2/"},
		} {
			if e := g.request(c.method, "h.execute-api.localhost", stage+c.target, "").echo(t); e.Path != c.want {
				t.Errorf("%s %s%s: backend saw %s, want %s", c.method, stage, c.target, e.Path, c.want)
			}
		}
	}
}

func simpleREST(t *testing.T, backend string) *gateway.Deployment {
	return deploy(t, gateway.REST, `
openapi: 3.0.1
info: {title: simple, version: "1"}
paths:
  /who: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://${stageVariables.backend}/who"}}}
`, backend)
}

func TestDomainsAndStages(t *testing.T) {
	one, two := echoBackend(t, "one"), echoBackend(t, "two")
	d := simpleREST(t, "")
	stage := func(name string, b *httptest.Server) gateway.Stage {
		return gateway.Stage{Name: name, Deployment: d, Variables: map[string]string{"backend": strings.TrimPrefix(b.URL, "http://")}}
	}
	api := gateway.API{ID: "a", Protocol: gateway.REST, Stages: []gateway.Stage{stage("v1", one), stage("v2", two)}}
	domain := func(name string, mappings ...gateway.DomainMapping) gateway.Domain {
		return gateway.Domain{Name: name, Gateway: "edge", Mappings: mappings}
	}
	exact := func() *gateway.Snapshot {
		s := snapshotOf(api)
		s.Domains = []gateway.Domain{domain("api.example.com",
			gateway.DomainMapping{Path: "shop", API: "a", Stage: "v1"},
			gateway.DomainMapping{Path: "shop/v2", API: "a", Stage: "v2"})}
		return s
	}
	check := func(g *running, host, target, want string) {
		t.Helper()
		r := g.request("GET", host, target, "")
		got := fmt.Sprint(r.StatusCode)
		if r.StatusCode == 200 {
			got = r.echo(t).Backend
		}
		if got != want {
			t.Errorf("%s%s: %s, want %s (%s)", host, target, got, want, r.body)
		}
	}
	g := start(t, exact())
	check(g, "a.execute-api.localhost", "/v1/who", "one")
	check(g, "a.execute-api.localhost:8080", "/v2/who", "two")
	check(g, "api.example.com", "/shop/who", "one")
	check(g, "api.example.com", "/shop/v2/who", "two")
	check(g, "api.example.com", "/shop/v2/who/", "two")
	// The longest mapping takes it, whatever the API behind makes of it.
	check(g, "api.example.com", "/shop/v2", "403")
	check(g, "api.example.com", "/shopping/who", "403")
	check(g, "api.example.com", "/who", "403")
	check(g, "other.example.com", "/who", "403")
	check(g, "127.0.0.1", "/_aws/execute-api/a/v2/who", "two")
	check(g, "127.0.0.1", "/_aws/execute-api/nope/v2/who", "403")
	// The form that emulators have.
	check(g, "localhost", "/restapis/a/v1/_user_request_/who", "one")
	check(g, "127.0.0.1", "/restapis/a/v2/_user_request_/who?b=/restapis/b/v1/_user_request_/", "two")
	check(g, "localhost", "/restapis/nope/v2/_user_request_/who", "403")
	check(g, "localhost", "/restapis/a/v3/_user_request_/who", "403")
	check(g, "localhost", "/restapis/a/v1/who", "403")

	wild := exact()
	wild.Domains = append(wild.Domains, domain("*.example.com", gateway.DomainMapping{API: "a", Stage: "v2"}), domain("*", gateway.DomainMapping{Path: "root", API: "a", Stage: "v1"}))
	g.change(wild)
	check(g, "api.example.com", "/shop/who", "one")
	check(g, "other.example.com", "/who", "two")
	check(g, "OTHER.example.com", "/who", "two")
	check(g, "nobody.test", "/root/who", "one")
	check(g, "localhost", "/root/who", "one")
	check(g, "localhost:8080", "/_aws/execute-api/a/v1/who", "one")
	// The catch-all domain is not what an API that there isn't leads to.
	check(g, "localhost", "/_aws/execute-api/nope/root/who", "403")
	check(g, "localhost", "/restapis/nope/root/_user_request_/who", "403")
	check(g, "localhost", "/_aws/execute-api/A/v1/who", "403")
	check(g, "localhost", "/_aws/execute-api/", "403")
	check(g, "localhost", "/_aws/execute-api/a.b/v1/who", "403")
	check(g, "api.example.com:8080", "/shop/v2/who", "two")
	check(g, "a.execute-api.localhost", "/v1/who", "one")

	api.DisableExecuteAPIEndpoint = true
	g.change(exact())
	check(g, "a.execute-api.localhost", "/v1/who", "403")
	check(g, "localhost", "/_aws/execute-api/a/v1/who", "403")
	check(g, "api.example.com", "/shop/who", "one")
}

func TestCanary(t *testing.T) {
	one, two := echoBackend(t, "one"), echoBackend(t, "two")
	variables := func(b *httptest.Server) map[string]string {
		return map[string]string{"backend": strings.TrimPrefix(b.URL, "http://")}
	}
	d := simpleREST(t, "")
	s := snapshotOf(gateway.API{ID: "a", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Variables: variables(one),
		Canary: &gateway.Canary{Percent: 30, Deployment: d, Variables: variables(two)}}}})
	g := start(t, s)
	count := map[string]int{}
	for range 300 {
		count[g.request("GET", "a.execute-api.localhost", "/v1/who", "").echo(t).Backend]++
	}
	if count["two"] < 50 || count["two"] > 140 {
		t.Errorf("30 %% of 300 requests went %v", count)
	}
}

func TestCanaryByHeader(t *testing.T) {
	one, two := echoBackend(t, "one"), echoBackend(t, "two")
	variables := func(b *httptest.Server) map[string]string {
		return map[string]string{"backend": strings.TrimPrefix(b.URL, "http://")}
	}
	d := simpleREST(t, "")
	stage := func(name string, c gateway.Canary) gateway.Stage {
		c.Deployment, c.Variables = d, variables(two)
		return gateway.Stage{Name: name, Deployment: d, Variables: variables(one), Canary: &c}
	}
	g := start(t, snapshotOf(gateway.API{ID: "a", Protocol: gateway.REST, Stages: []gateway.Stage{
		stage("value", gateway.Canary{Header: &gateway.CanaryHeader{Name: "x-canary", Value: "next"}}),
		stage("any", gateway.Canary{Header: &gateway.CanaryHeader{Name: "x-canary"}}),
		stage("both", gateway.Canary{Percent: 30, Header: &gateway.CanaryHeader{Name: "x-canary", Value: "next"}}),
	}}))
	who := func(stage string, headers ...string) string {
		return g.request("GET", "a.execute-api.localhost", "/"+stage+"/who", "", headers...).echo(t).Backend
	}
	shared := map[string]int{}
	for range 100 {
		for _, c := range []struct {
			stage, want string
			headers     []string
		}{
			{"value", "one", nil}, {"value", "two", []string{"X-Canary", "next"}}, {"value", "one", []string{"X-Canary", "nextt"}},
			{"any", "one", nil}, {"any", "two", []string{"x-canary", "1"}}, {"both", "two", []string{"X-Canary", "next"}},
		} {
			if got := who(c.stage, c.headers...); got != c.want {
				t.Fatalf("%s with %v went to %s", c.stage, c.headers, got)
			}
		}
		shared[who("both")]++
	}
	if shared["two"] < 8 || shared["two"] > 60 {
		t.Errorf("30 %% of 100 requests went %v", shared)
	}
}

func certificate(t *testing.T, names ...string) *gateway.TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, _ := x509.MarshalPKCS8PrivateKey(key)
	return &gateway.TLS{
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:         gateway.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})),
	}
}

func TestTLS(t *testing.T) {
	backend := echoBackend(t, "one")
	d := simpleREST(t, "")
	s := snapshotOf(gateway.API{ID: "a", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Variables: map[string]string{"backend": strings.TrimPrefix(backend.URL, "http://")}}}})
	tlsPort := proctest.FreePort(t)
	build := func(domain *gateway.TLS) *gateway.Snapshot {
		c := *s
		c.Gateways = []gateway.Gateway{{Name: "edge", Suffix: "localhost", Listeners: []gateway.Listener{{Address: "127.0.0.1", Port: uint32(tlsPort), TLS: certificate(t, "fallback.example.com")}}}}
		c.Domains = []gateway.Domain{{Name: "api.example.com", Gateway: "edge", TLS: domain, Mappings: []gateway.DomainMapping{{API: "a", Stage: "v1"}}}}
		return &c
	}
	first := build(certificate(t, "api.example.com"))
	g := startOn(t, first, tlsPort)
	serial := func(name string) string {
		t.Helper()
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", tlsPort), &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /who HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v %v", resp, err)
		}
		cert := c.ConnectionState().PeerCertificates[0]
		return cert.DNSNames[0] + " " + cert.SerialNumber.String()
	}
	before := serial("api.example.com")
	if !strings.HasPrefix(before, "api.example.com ") || !strings.HasPrefix(serial("unknown.example.com"), "fallback.example.com ") {
		t.Errorf("certificates: %s, %s", before, serial("unknown.example.com"))
	}
	if _, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", tlsPort), &tls.Config{ServerName: "api.example.com", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	g.change(build(certificate(t, "api.example.com")))
	if after := serial("api.example.com"); after == before {
		t.Error("the renewed certificate is not served")
	}
}

// Nothing is buffered on the way: the first event arrives while the backend still
// holds the second back.
func TestStreaming(t *testing.T) {
	release := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, "data: 2\n\n")
	}))
	defer backend.Close()
	d := deploy(t, gateway.HTTP, corsAPI, backend.URL)
	g := start(t, snapshotOf(gateway.API{ID: "s", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: d}}}))
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "GET /events HTTP/1.1\r\nHost: s.execute-api.localhost\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "data: 1" {
		t.Fatalf("first event: %q", lines.Text())
	}
	close(release)
	lines.Scan()
	if !lines.Scan() || lines.Text() != "data: 2" {
		t.Fatalf("second event: %q", lines.Text())
	}
}

func TestWebSocketPassThrough(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			http.Error(w, "no upgrade", 400)
			return
		}
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		line, _ := rw.ReadString('\n')
		fmt.Fprintf(c, "echo %s", line)
	}))
	defer backend.Close()
	d := deploy(t, gateway.HTTP, corsAPI, backend.URL)
	s := snapshotOf(gateway.API{ID: "s", Protocol: gateway.HTTP, Stages: []gateway.Stage{
		{Name: "$default", Deployment: d}, {Name: "traced", Deployment: d, Tracing: &gateway.StageTracing{}},
	}})
	collector := otlptest.Start(t)
	collectorOf(s, collector)
	g := start(t, s)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for _, path := range []string{"/ws", "/traced/ws"} {
		c := g.dial()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: s.execute-api.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"+
			"Traceparent: 00-"+trace+"-53995c3f42cd8ad8-01\r\n\r\n", path)
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != 101 {
			t.Fatalf("%s: %v %v", path, resp, err)
		}
		fmt.Fprintf(c, "hello\n")
		if line, _ := in.ReadString('\n'); line != "echo hello\n" {
			t.Errorf("%s: got %q", path, line)
		}
	}
	spansOf(t, collector, trace, 2) // Those of the stage that is traced.
}
