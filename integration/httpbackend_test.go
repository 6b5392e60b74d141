package integration_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration"
)

// backendServer remembers what it was asked, and answers with what the test wants.
type backendServer struct {
	*httptest.Server
	asked  *http.Request
	body   string
	status int
	header http.Header
	answer string
	count  atomic.Int64
}

func newBackend(t *testing.T, start func(*httptest.Server)) *backendServer {
	t.Helper()
	b := &backendServer{status: 200, answer: `{"ok":true}`, header: http.Header{}}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		b.asked, b.body = r, string(text)
		b.count.Add(1)
		for name, values := range b.header {
			w.Header()[name] = values
		}
		w.WriteHeader(b.status)
		io.WriteString(w, b.answer)
	}))
	if start == nil {
		start = (*httptest.Server).Start
	}
	start(b.Server)
	t.Cleanup(b.Close)
	return b
}

func (b *backendServer) endpoint(t *testing.T) gateway.Endpoint {
	t.Helper()
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return gateway.Endpoint{Host: u.Hostname(), Port: uint32(port)}
}

func httpRoute(method, path, uri string, change ...func(*gateway.Integration)) gateway.Route {
	return customRoute(method, path, append([]func(*gateway.Integration){func(in *gateway.Integration) {
		in.Type, in.URI, in.ConnectionType = gateway.IntegrationHTTP, uri, gateway.ConnectionInternet
	}}, change...)...)
}

// TestHTTPRequest: what a backend gets is what is mapped, and little else.
func TestHTTPRequest(t *testing.T) {
	b := newBackend(t, nil)
	s := serveRoutes(t, httpRoute("POST", "/orders/{id}/{rest+}", b.URL+"/v2/{id}/{rest}/{key}/{over}?fixed=1&of={id}",
		requestTemplate("application/json", `#set($context.requestOverride.path.over = "o/o")#set($context.requestOverride.header.X-Two = ["a","b"])#set($context.requestOverride.querystring.q = "set"){"name": "$input.path('$.name')"}`),
		requestMaps("integration.request.path.key", "method.request.body.key", "integration.request.header.X-Name", "method.request.body.name",
			"integration.request.header.X-Two", "'mapped'", "integration.request.header.X-In", "method.request.header.x-in", "integration.request.header.X-None", "method.request.header.none",
			"integration.request.querystring.q", "'mapped'", "integration.request.querystring.many", "method.request.multivaluequerystring.m", "integration.request.querystring.last", "method.request.querystring.m",
			"integration.request.header.X-Stage", "context.stage", "integration.request.header.X-Claim", "context.authorizer.claims.custom:x.y")))
	r := s.ask("POST /orders/{id}/{rest+}", "POST", "/v1/orders/a%20b/c/d%2Fe?m=1&m=2&lost=1", `{"name":"n","key":"k /ü"}`, "Content-Type", "application/json", "X-In", "i", "X-Lost", "l", "Cookie", "c=1")
	if r.StatusCode != 200 || r.body != `{"ok":true}` || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s %v\n%s", r.StatusCode, r.body, r.Header, s.log)
	}
	if want := "/v2/a%20b/c/d%2Fe/k%20%2F%C3%BC/o%2Fo?fixed=1&of=a%20b&many=1&many=2&last=2&q=set"; b.asked.RequestURI != want {
		t.Errorf("asked for %s\nwant      %s", b.asked.RequestURI, want)
	}
	if b.body != `{"name": "n"}` || b.asked.Method != "POST" {
		t.Errorf("%s %s", b.asked.Method, b.body)
	}
	for name, want := range map[string]string{
		"X-Name": "n", "X-Two": "a|b", "X-In": "i", "X-None": "", "X-Lost": "", "Cookie": "", "X-Stage": "v1", "X-Claim": "", "Content-Type": "application/json", "Accept": "application/json",
		"User-Agent": "AmazonAPIGateway_a", "X-Amzn-Apigateway-Api-Id": "a", "X-Forwarded-For": "203.0.113.9", "X-Gw-Route": "", "Accept-Encoding": "",
		"X-Amzn-Trace-Id": "Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0",
	} {
		if got := strings.Join(b.asked.Header.Values(name), "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if want := strings.TrimPrefix(b.URL, "http://"); b.asked.Host != want {
		t.Errorf("Host %s, want %s", b.asked.Host, want)
	}
}

// A value from a body cannot lead the backend out of the path that is meant.
func TestHTTPPathEscape(t *testing.T) {
	b := newBackend(t, nil)
	s := serveRoutes(t, httpRoute("POST", "/x", b.URL+"/files/{key}", requestMaps("integration.request.path.key", "method.request.body.key")))
	if r := s.ask("POST /x", "POST", "/v1/x", `{"key":".."}`); r.StatusCode != 400 || r.body != `{"message":"Bad Request"}` || b.count.Load() != 0 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := s.ask("POST /x", "POST", "/v1/x", `{"key":"../../etc?a=1#b"}`); r.StatusCode != 200 || b.asked.RequestURI != "/files/..%2F..%2Fetc%3Fa%3D1%23b" {
		t.Errorf("%d %s", r.StatusCode, b.asked.RequestURI)
	}
}

// TestHTTPResponse: the backend's status chooses the response, and only what is mapped of
// its headers reaches the client.
func TestHTTPResponse(t *testing.T) {
	b := newBackend(t, nil)
	s := serveRoutes(t, httpRoute("GET", "/x", b.URL, func(in *gateway.Integration) { in.HTTPMethod = "GET" }, responses(
		gateway.IntegrationResponse{StatusCode: "200", ResponseTemplates: map[string]string{"application/json": `{"got": $input.json('$.n')}`}, ResponseParameters: mappings([]string{
			"method.response.header.X-Out", "integration.response.header.X-In", "method.response.header.X-All", "integration.response.multivalueheader.X-In"})},
		gateway.IntegrationResponse{SelectionPattern: `4\d{2}`, StatusCode: "400", ResponseTemplates: map[string]string{"application/json": `{"error": "$input.path('$.message')"}`}},
		gateway.IntegrationResponse{SelectionPattern: `50`, StatusCode: "502"})))
	b.header = http.Header{"X-In": {"1", "2"}, "X-Lost": {"l"}, "Content-Type": {"text/html"}}
	for _, c := range []struct {
		status int
		answer string
		want   int
		body   string
	}{
		{200, `{"n":1}`, 200, `{"got": 1}`},
		{404, `{"message":"gone"}`, 400, `{"error": "gone"}`},
		{500, `{"n":2}`, 200, `{"got": 2}`}, // 50 does not match all of 500
		{302, `{"n":3}`, 200, `{"got": 3}`},
		{200, `no JSON`, 500, `{"message":"Internal server error"}`},
	} {
		b.status, b.answer = c.status, c.answer
		r := s.ask("GET /x", "GET", "/v1/x", "", "Content-Type", "text/plain")
		if r.StatusCode != c.want || r.body != c.body {
			t.Errorf("%d: %d %s", c.status, r.StatusCode, r.body)
		}
		if c.want == 200 && (r.Header.Get("X-Out") != "2" || r.Header.Get("X-All") != "1,2" || r.Header.Get("X-Lost") != "" || r.Header.Get("Content-Type") != "application/json") {
			t.Errorf("%d: %v", c.status, r.Header)
		}
		if got := b.asked.Header.Get("Content-Type"); got != "" {
			t.Errorf("a GET has the type %s", got)
		}
	}
}

// Bytes stay bytes where the media types say so.
func TestHTTPBytes(t *testing.T) {
	b := newBackend(t, nil)
	b.header, b.answer = http.Header{"Content-Type": {"image/png"}}, "\x89PNG\xff"
	route := httpRoute("POST", "/x", b.URL, func(in *gateway.Integration) { in.ContentHandling = "CONVERT_TO_BINARY" })
	s := serveRoutes(t, route)
	for accept, want := range map[string]string{"image/png": b.answer, "text/html": "iVBOR/8="} {
		if r := s.ask("POST /x", "POST", "/v1/x", "\x00\xfe", "Content-Type", "image/png", "Accept", accept); r.body != want || b.body != "\x00\xfe" {
			t.Errorf("%s: %q, sent %q", accept, r.body, b.body)
		}
	}
}

// Backends that do not answer as they should cost what they may, and no more.
func TestHTTPFailures(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String()
	closed.Close()
	garbage := newBackend(t, nil)
	garbage.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			io.WriteString(c, "SSH-2.0-x\r\n")
			c.Close()
		}
	})
	large := newBackend(t, nil)
	large.answer = strings.Repeat("x", 10<<20+1)
	hangs := newBackend(t, nil)
	left := make(chan bool)
	hangs.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // Only then net/http notices who leaves.
		<-r.Context().Done()
		close(left)
	})
	for name, c := range map[string]struct {
		uri    string
		status int
	}{"nobody there": {nobody, 500}, "garbage": {garbage.URL, 500}, "too large": {large.URL, 502}} {
		s := serveRoutes(t, httpRoute("GET", "/x", c.uri, requestTemplate("application/json", "{}")))
		if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != c.status || r.body != `{"message":"Internal server error"}` {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	s := serveRoutes(t, httpRoute("GET", "/x", hangs.URL, requestTemplate("application/json", "{}")))
	s.http.Timeout = 200 * time.Millisecond
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/x", nil)
	r.Header.Set("X-Gw-Route", "a|v1||/v1|GET /x")
	if _, err := s.http.Do(r); err == nil {
		t.Error("a backend that hangs was answered for")
	}
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Error("the backend is still asked after the client has left")
	}
}

// backendsOf serves routes with backends.
func backendsOf(t *testing.T, backends []gateway.Backend, routes ...gateway.Route) *service {
	t.Helper()
	snap := snapshot(gateway.REST, &gateway.Deployment{Routes: routes})
	snap = (&gateway.Snapshot{APIs: snap.APIs, Backends: backends}).Seal()
	return newService(t).serve(snap)
}

// TestHTTPEndpoints: endpoints share requests by their weights, and one that is gone is
// passed over.
func TestHTTPEndpoints(t *testing.T) {
	one, two := newBackend(t, nil), newBackend(t, nil)
	endpoints := []gateway.Endpoint{one.endpoint(t), two.endpoint(t)}
	endpoints[0].Weight, endpoints[1].Weight = 3, 1
	for _, balance := range []string{"", "RANDOM", "LEAST_REQUEST", "RING_HASH"} {
		one.count.Store(0)
		two.count.Store(0)
		s := backendsOf(t, []gateway.Backend{{Name: "b", Hosts: []string{"orders.internal"}, Endpoints: endpoints, LoadBalancing: balance}},
			httpRoute("GET", "/x", "http://orders.internal/y", requestTemplate("application/json", "{}")))
		for range 40 {
			if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 {
				t.Fatalf("%d %s", r.StatusCode, s.log)
			}
		}
		a, b := one.count.Load(), two.count.Load()
		switch balance {
		case "":
			if a != 30 || b != 10 {
				t.Errorf("weights 3 and 1 share %d and %d", a, b)
			}
		case "RING_HASH":
			if a*b != 0 {
				t.Errorf("one client is sent to both: %d and %d", a, b)
			}
		default:
			if a+b != 40 || a <= b {
				t.Errorf("%s: %d and %d", balance, a, b)
			}
		}
		if last := one.asked; last != nil && last.Host != "orders.internal" {
			t.Errorf("Host %s", last.Host)
		}
	}
	s := backendsOf(t, []gateway.Backend{{Name: "b", Endpoints: endpoints}}, httpRoute("GET", "/x", "http://any.thing/y", requestTemplate("application/json", "{}"),
		func(in *gateway.Integration) { in.ConnectionType, in.ConnectionID = gateway.ConnectionVPCLink, "b" }))
	one.Close()
	for range 8 {
		if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 {
			t.Errorf("with one endpoint gone: %d", r.StatusCode)
		}
	}
}

// A backend is not asked more at a time than it may be.
func TestHTTPLimit(t *testing.T) {
	b := newBackend(t, nil)
	entered, proceed := make(chan bool, 2), make(chan bool)
	b.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- true; <-proceed })
	s := backendsOf(t, []gateway.Backend{{Name: "b", Endpoints: []gateway.Endpoint{b.endpoint(t)}, Hosts: []string{"b"}, MaxRequests: 1}},
		httpRoute("GET", "/x", "http://b/", requestTemplate("application/json", "{}")))
	done := make(chan int, 1)
	go func() { done <- s.ask("GET /x", "GET", "/v1/x", "").StatusCode }()
	<-entered
	if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 500 {
		t.Errorf("more than the limit: %d", r.StatusCode)
	}
	close(proceed)
	if status := <-done; status != 200 {
		t.Errorf("within the limit: %d", status)
	}
	if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 {
		t.Errorf("after that: %d", r.StatusCode)
	}
}

// TestHTTPTLS: certificates are verified as Envoy verifies them.
func TestHTTPTLS(t *testing.T) {
	var shown []*x509.Certificate
	b := newBackend(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, VerifyConnection: func(c tls.ConnectionState) error { shown = c.PeerCertificates; return nil }}
		s.EnableHTTP2 = true
		s.StartTLS()
	})
	b.Config.ErrorLog = nil
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw}))
	key, err := x509.MarshalPKCS8PrivateKey(b.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM := gateway.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	for name, c := range map[string]struct {
		tls      *gateway.BackendTLS
		insecure bool
		protocol string
		status   int
		want     string
	}{
		"an authority that is not trusted": {&gateway.BackendTLS{}, false, "", 500, ""},
		"one that is, and the name":        {&gateway.BackendTLS{CA: ca, ServerName: "example.com"}, false, "", 200, "HTTP/1.1"},
		"one that is, another name":        {&gateway.BackendTLS{CA: ca, ServerName: "example.org"}, false, "", 500, ""},
		"anything, says the backend":       {&gateway.BackendTLS{InsecureSkipVerification: true}, false, "", 200, "HTTP/1.1"},
		"anything, says the integration":   {&gateway.BackendTLS{}, true, "", 200, "HTTP/1.1"},
		"HTTP/2":                           {&gateway.BackendTLS{CA: ca, ServerName: "example.com"}, false, "HTTP2", 200, "HTTP/2.0"},
		"either":                           {&gateway.BackendTLS{CA: ca, ServerName: "example.com"}, false, "AUTO", 200, "HTTP/2.0"},
		"a certificate of the gateway's":   {&gateway.BackendTLS{CA: ca, ServerName: "example.com", Certificate: ca, Key: keyPEM}, false, "", 200, "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			shown = nil
			s := backendsOf(t, []gateway.Backend{{Name: "b", Hosts: []string{"orders.internal"}, Endpoints: []gateway.Endpoint{b.endpoint(t)}, TLS: c.tls, Protocol: c.protocol}},
				httpRoute("GET", "/x", "https://orders.internal/y", requestTemplate("application/json", "{}"), func(in *gateway.Integration) {
					in.TLS = &gateway.IntegrationTLS{InsecureSkipVerification: c.insecure}
				}))
			r := s.ask("GET /x", "GET", "/v1/x", "")
			if r.StatusCode != c.status || c.status == 200 && b.asked.Proto != c.want {
				t.Errorf("%d %s\n%s", r.StatusCode, r.body, s.log)
			}
			if (c.tls.Certificate != "") != (len(shown) > 0) {
				t.Errorf("the backend was shown %d certificates", len(shown))
			}
		})
	}
}

// Connections outlive a revision that changes something else, and end with the last that
// needs them.
func TestHTTPConnectionsAreKept(t *testing.T) {
	var opened, closed atomic.Int64
	b := newBackend(t, func(s *httptest.Server) {
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				opened.Add(1)
			case http.StateClosed:
				closed.Add(1)
			}
		}
		s.Start()
	})
	of := func(path, uri string) *gateway.Snapshot {
		return snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{httpRoute("GET", path, uri, requestTemplate("application/json", "{}"))}})
	}
	s := newService(t).serve(of("/x", b.URL))
	s.ask("GET /x", "GET", "/v1/x", "")
	s.serve(of("/y", b.URL+"/other"))
	s.ask("GET /y", "GET", "/v1/y", "")
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	s.serve(of("/z", "http://127.0.0.1:9/"))
	s.serve(of("/w", "http://127.0.0.1:9/"))
	for range 200 {
		if closed.Load() == 1 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the connection stays open")
}

func TestHTTPCompileRefuses(t *testing.T) {
	at := gateway.Position{File: "api.yaml", Line: 7, Column: 3}
	for name, c := range map[string]struct {
		change func(*gateway.Integration)
		want   string
	}{
		"no scheme":           {func(in *gateway.Integration) { in.URI = "x" }, "api.yaml:7:3: error invalid-uri: "},
		"an unset variable":   {func(in *gateway.Integration) { in.URI = "http://${stageVariables.no}/" }, "api.yaml:7:3: error unset-stage-variable: "},
		"an unknown VPC link": {func(in *gateway.Integration) { in.ConnectionType, in.ConnectionID = gateway.ConnectionVPCLink, "no" }, "api.yaml:7:3: error unknown-backend: "},
	} {
		route := httpRoute("GET", "/x", "http://a/", requestTemplate("application/json", "{}"), c.change)
		route.Integration.Source, route.Integration.URISource = at, at
		compiled, found := integration.Compile(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{route}}))
		if compiled != nil || len(found) != 1 || !strings.HasPrefix(found[0].String(), c.want) {
			t.Errorf("%s: %v", name, found)
		}
	}
}
