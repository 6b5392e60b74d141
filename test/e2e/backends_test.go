package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
)

// TestUntrustedBackends: without insecureSkipVerification a certificate needs an issuer
// that is trusted; with it, any will do.
func TestUntrustedBackends(t *testing.T) {
	now := time.Now()
	right := tlsBackend(t, "localhost", now.Add(time.Hour))
	wrong := tlsBackend(t, "elsewhere.example.com", now.Add(time.Hour))
	expired := tlsBackend(t, "localhost", now.Add(-time.Minute))
	var paths strings.Builder
	for name, port := range map[string]string{"right": right, "wrong": wrong, "expired": expired} {
		fmt.Fprintf(&paths, `
  /%s/strict: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "https://localhost:%s/"}}}
  /%s/any: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "https://localhost:%s/", tlsConfig: {insecureSkipVerification: true}}}}`,
			name, port, name, port)
	}
	d := deploy(t, gateway.REST, "openapi: 3.0.1\ninfo: {title: tls, version: \"1\"}\npaths:"+paths.String(), "")
	g := start(t, snapshotOf(gateway.API{ID: "tls", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}}))
	for path, want := range map[string]int{
		"/right/any": 200, "/right/strict": 500,
		"/wrong/any": 200, "/wrong/strict": 500,
		"/expired/any": 200, "/expired/strict": 500,
	} {
		if r := g.request("GET", "tls.execute-api.localhost", "/v1"+path, ""); r.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", path, r.StatusCode, r.body, want)
		}
	}
}

// TestRingHash: a client keeps its endpoint.
func TestRingHash(t *testing.T) {
	backend := gateway.Backend{Name: "ring", LoadBalancing: "RING_HASH"}
	for _, name := range []string{"one", "two", "three", "four"} {
		host, port, err := net.SplitHostPort(strings.TrimPrefix(echoBackend(t, name).URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		backend.Endpoints = append(backend.Endpoints, gateway.Endpoint{Host: host, Port: uint32(n)})
	}
	d := deploy(t, gateway.REST, `
openapi: 3.0.1
info: {title: ring, version: "1"}
paths:
  /pets: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, connectionType: VPC_LINK, connectionId: ring, uri: "http://ring/"}}}
`, "")
	s := snapshotOf(gateway.API{ID: "ring", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}})
	s.Backends = []gateway.Backend{backend}
	g := start(t, s)
	seen := map[string]int{}
	for range 24 {
		seen[g.request("GET", "ring.execute-api.localhost", "/v1/pets", "").echo(t).Backend]++
	}
	if len(seen) != 1 {
		t.Errorf("one client was sent to several endpoints: %v", seen)
	}
}

// tlsBackend serves with a certificate that it has signed itself, and gives its port.
func tlsBackend(t *testing.T, name string, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL[strings.LastIndexByte(s.URL, ':')+1:]
}

// TestChangedBackend: a change of how a backend is spoken to is in force at once. Envoy
// waits 15 seconds for endpoints that it was sent before the change.
func TestChangedBackend(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	address := server.Listener.Addr().(*net.TCPAddr)
	d := deploy(t, gateway.REST, `
openapi: 3.0.1
info: {title: pets, version: "1"}
paths:
  /pets: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, connectionType: VPC_LINK, connectionId: pets, uri: "http://pets/"}}}
`, "")
	snapshot := func(protocol string) *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "pets", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}})
		s.Backends = []gateway.Backend{{Name: "pets", Protocol: protocol, Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(address.Port)}}}}
		return s
	}
	g := start(t, snapshot("HTTP1"))
	asked := func() string { return g.request("GET", "pets.execute-api.localhost", "/v1/pets", "").body }
	if got := asked(); got != "HTTP/1.1" {
		t.Fatalf("the backend was asked by %q", got)
	}
	g.apply(snapshot("HTTP2"))
	deadline := time.Now().Add(10 * time.Second)
	for asked() != "HTTP/2.0" {
		if time.Now().After(deadline) {
			t.Fatalf("the backend is still asked by %q", asked())
		}
		time.Sleep(50 * time.Millisecond)
	}
}
