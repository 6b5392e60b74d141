package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
)

// askedEndpoint answers with its name, and with what is wanted of it on /health.
type askedEndpoint struct {
	*httptest.Server
	asked, unwell atomic.Int64
	ill           atomic.Bool
	// checked is the last health check, and by which protocol it came.
	checked atomic.Pointer[http.Request]
}

func newEndpoint(t *testing.T, start func(*httptest.Server)) *askedEndpoint {
	t.Helper()
	e := &askedEndpoint{}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			e.asked.Add(1)
			fmt.Fprint(w, r.Proto)
			return
		}
		e.checked.Store(r)
		if e.ill.Load() {
			e.unwell.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	start(e.Server)
	t.Cleanup(e.Close)
	return e
}

func (e *askedEndpoint) address() string { return e.Listener.Addr().String() }

// startBackend serves /x of a REST API from a backend that is written in a definition.
func startBackend(t *testing.T, backend string) *running {
	t.Helper()
	s := loadText(t, "gateways: [{name: edge, listeners: [{port: 1}]}]\nbackends:\n  - "+backend)
	route := gateway.Route{Method: "GET", Path: "/x", Integration: &gateway.Integration{
		Type: gateway.IntegrationHTTPProxy, HTTPMethod: "GET", URI: "http://pets.internal/x",
		ConnectionType: gateway.ConnectionVPCLink, ConnectionID: "pets",
	}}
	if s.Backends[0].TLS != nil {
		route.Integration.URI = "https://pets.internal/x"
	}
	s.APIs = []gateway.API{{ID: "p", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{Routes: []gateway.Route{route}}}}}}
	return start(t, s)
}

func (g *running) askBackend() reply {
	return g.request("GET", "p.execute-api.localhost", "/v1/x", "")
}

// TestHealthChecks: endpoints are asked by a Host that servers take, leave after as many bad
// answers as the threshold says, and are not asked as long as one is well, however few are.
func TestHealthChecks(t *testing.T) {
	var endpoints []*askedEndpoint
	var addresses []string
	for range 3 {
		e := newEndpoint(t, (*httptest.Server).Start)
		endpoints, addresses = append(endpoints, e), append(addresses, `"`+e.address()+`"`)
	}
	g := startBackend(t, "{name: pets, endpoints: ["+strings.Join(addresses, ", ")+"], healthCheck: {path: /health, interval: 200ms, timeout: 1s, healthyThreshold: 2, unhealthyThreshold: 4}}")
	// asked tells which endpoints get requests.
	asked := func() (out [3]bool) {
		var before [3]int64
		for i, e := range endpoints {
			before[i] = e.asked.Load()
		}
		for range 12 {
			if r := g.askBackend(); r.StatusCode != 200 {
				t.Fatalf("%d %s", r.StatusCode, r.body)
			}
		}
		for i, e := range endpoints {
			out[i] = e.asked.Load() > before[i]
		}
		return out
	}
	until := func(what string, want [3]bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			got := asked()
			if got == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: requests go to %v, want %v", what, got, want)
			}
		}
	}
	until("all are well", [3]bool{true, true, true})
	if r := endpoints[0].checked.Load(); r == nil || r.Host != endpoints[0].address() {
		t.Fatalf("the first one is checked by %+v", r)
	}
	endpoints[0].ill.Store(true)
	until("one is ill", [3]bool{false, true, true})
	if n := endpoints[0].unwell.Load(); n < 4 {
		t.Errorf("an endpoint leaves after %d bad answers", n)
	}
	endpoints[1].ill.Store(true)
	until("two are ill", [3]bool{false, false, true})
	endpoints[2].ill.Store(true)
	until("all are ill", [3]bool{true, true, true})
	endpoints[0].ill.Store(false)
	until("one is well again", [3]bool{true, false, false})
}

// TestBackendsOverTLS: backends of any version are spoken to, and checked by what the check can
// speak.
func TestBackendsOverTLS(t *testing.T) {
	for name, c := range map[string]struct {
		least, most              uint16
		http2                    bool
		protocol, asked, checked string
	}{
		"1.2, HTTP/1": {tls.VersionTLS12, tls.VersionTLS12, false, "http1", "HTTP/1.1", "HTTP/1.1"},
		"1.3, HTTP/1": {tls.VersionTLS13, tls.VersionTLS13, false, "http1", "HTTP/1.1", "HTTP/1.1"},
		"1.3, HTTP/2": {tls.VersionTLS13, tls.VersionTLS13, true, "http2", "HTTP/2.0", "HTTP/2.0"},
		"1.3, either": {tls.VersionTLS13, tls.VersionTLS13, true, "auto", "HTTP/2.0", "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, func(s *httptest.Server) {
				s.TLS, s.EnableHTTP2 = &tls.Config{MinVersion: c.least, MaxVersion: c.most}, c.http2
				s.StartTLS()
			})
			g := startBackend(t, `{name: pets, protocol: `+c.protocol+`, tls: {insecureSkipVerification: true}, endpoints: ["`+e.address()+`"], healthCheck: {path: /health, interval: 100ms}}`)
			if r := g.askBackend(); r.StatusCode != 200 || r.body != c.asked {
				t.Errorf("%d %s, want %s", r.StatusCode, r.body, c.asked)
			}
			for end := time.Now().Add(time.Minute); e.checked.Load() == nil; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("no health check gets there")
				}
			}
			if r := e.checked.Load(); r.Proto != c.checked {
				t.Errorf("checked by %s, want %s", r.Proto, c.checked)
			}
		})
	}
}

// TestWeights: endpoints share requests by their weights, however they are chosen.
func TestWeights(t *testing.T) {
	for _, balance := range []string{"roundRobin", "leastRequest", "random"} {
		t.Run(balance, func(t *testing.T) {
			heavy, light := newEndpoint(t, (*httptest.Server).Start), newEndpoint(t, (*httptest.Server).Start)
			g := startBackend(t, fmt.Sprintf(`{name: pets, loadBalancing: %s, endpoints: [{address: %q, weight: 9}, %q]}`, balance, heavy.address(), light.address()))
			for range 400 {
				g.askBackend()
			}
			// One of ten, and five standard deviations to either side.
			if n := light.asked.Load(); n < 10 || n > 70 {
				t.Errorf("a tenth of 400 requests are %d", n)
			}
		})
	}
}

// TestBackendLimits: no more than is said reaches a backend at a time.
func TestBackendLimits(t *testing.T) {
	for limits, most := range map[string]int64{
		"maxRequests: 4": 4,
		// A thread of Envoy's that has no connection makes one all the same.
		"maxConnections: 2, maxPendingRequests: 1": 3,
	} {
		t.Run(limits, func(t *testing.T) {
			var now, peak atomic.Int64
			proceed := make(chan bool)
			backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				n := now.Add(1)
				for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
				}
				select {
				case <-proceed:
				case <-time.After(5 * time.Second):
				}
				now.Add(-1)
			}))
			t.Cleanup(backend.Close)
			g := startBackend(t, fmt.Sprintf("{name: pets, %s, endpoints: [%q]}", limits, backend.Listener.Addr()))
			var refused, served atomic.Int64
			var all sync.WaitGroup
			for range 12 {
				all.Go(func() {
					r := g.askBackend()
					switch {
					case r.StatusCode == 200:
						served.Add(1)
					case r.StatusCode == 500 && r.body == `{"message":"Internal server error"}`:
						// As many are refused at least, whichever come first; then the others are let go.
						if refused.Add(1) == 12-2*most {
							close(proceed)
						}
					default:
						t.Errorf("%d %s", r.StatusCode, r.body)
					}
				})
			}
			all.Wait()
			if peak.Load() > most || served.Load() == 0 {
				t.Errorf("%d at a time, want at most %d; %d served, %d refused", peak.Load(), most, served.Load(), refused.Load())
			}
		})
	}
}

// TestRetries: requests are repeated as often as a backend, or the stage, says.
func TestRetries(t *testing.T) {
	var asked atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/slow" {
			select {
			case <-r.Context().Done():
			case <-time.After(20 * time.Second):
			}
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(backend.Close)
	d := deploy(t, gateway.REST, `
openapi: 3.0.1
info: {title: retries, version: "1"}
paths:
  /once: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/once"}}}
  /backend: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, connectionType: VPC_LINK, connectionId: pets, uri: "BACKEND/backend"}}}
  /stage: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, connectionType: VPC_LINK, connectionId: pets, uri: "BACKEND/stage"}}}
  /slow: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/slow"}}}
`, backend.URL)
	address := backend.Listener.Addr().(*net.TCPAddr)
	s := snapshotOf(gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Settings: []gateway.RouteSettings{
		{RouteKey: "GET /stage", Retry: &gateway.Retry{Attempts: 4, On: "5xx"}},
		{RouteKey: "GET /slow", Retry: &gateway.Retry{Attempts: 2, On: "5xx", PerTryTimeoutMillis: 300}},
	}}}})
	s.Backends = []gateway.Backend{{Name: "pets", Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(address.Port)}}, Retry: &gateway.Retry{Attempts: 2}}}
	g := start(t, s)
	for path, want := range map[string]struct{ asked, status int64 }{
		"/once": {1, 503}, "/backend": {3, 503}, "/stage": {5, 503}, "/slow": {3, 504},
	} {
		asked.Store(0)
		begin := time.Now()
		r := g.request("GET", "r.execute-api.localhost", "/v1"+path, "")
		if asked.Load() != want.asked || int64(r.StatusCode) != want.status {
			t.Errorf("%s: asked %d times, and answered %d %s; want %v", path, asked.Load(), r.StatusCode, r.body, want)
		}
		if took := time.Since(begin); path == "/slow" && (took < 900*time.Millisecond || took > 15*time.Second) {
			t.Errorf("three tries of 300 ms take %v", took)
		}
	}
}

// TestMinTLSVersion: clients of that version are let in, older ones are not.
func TestMinTLSVersion(t *testing.T) {
	versions := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	s := snapshotOf(gateway.API{ID: "a", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: &gateway.Deployment{}}}})
	port := proctest.FreePort(t)
	listener := certificate(t, "localhost")
	s.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(port), TLS: listener}}
	for least := range versions {
		domain := certificate(t, "v"+least+".example.com")
		domain.MinVersion = least
		s.Domains = append(s.Domains, gateway.Domain{Name: "v" + least + ".example.com", Gateway: "edge", TLS: domain, Mappings: []gateway.DomainMapping{{API: "a", Stage: "$default"}}})
	}
	startOn(t, s, port)
	for least := range versions {
		for newest, version := range versions {
			c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{
				ServerName: "v" + least + ".example.com", InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version,
			})
			if err == nil {
				c.Close()
			}
			if (err == nil) != (newest >= least) {
				t.Errorf("a client that knows no more than %s, at least %s wanted: %v", newest, least, err)
			}
		}
	}
}
