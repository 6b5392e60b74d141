package exampletest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// runGatehouse serves definitions through a supervised Envoy until the test ends.
func runGatehouse(t *testing.T, definitions string, more ...string) *proctest.Process {
	t.Helper()
	args := append([]string{"run", "--envoy", envoytest.Binary(t), "--http-address", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), definitions}, more...)
	return proctest.Start(t, exec.Command(proctest.Gatehouse(t), args...))
}

// TestEdge asks for every name of the edge example over TLS.
func TestEdge(t *testing.T) {
	ports := freePorts(t, 4)
	definitions := copyExample(t, "examples/edge",
		"port: 8080", "port: "+ports[0], "port: 8443", "port: "+ports[1], ":9101", ":"+ports[2], ":9102", ":"+ports[3])
	makeCertificates(t, definitions)
	authority, err := os.ReadFile(filepath.Join(definitions, "certs", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		// Whatever the name, the example's Envoy is here.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+ports[1])
		},
	}}

	proctest.Start(t, exec.Command(backend(t), "-name", "one", "-addr", "127.0.0.1:"+ports[2]))
	proctest.Start(t, exec.Command(backend(t), "-name", "two", "-addr", "127.0.0.1:"+ports[3]))
	run := runGatehouse(t, definitions)
	run.Await(client, "https://api.example.com/shop/pets")

	for _, c := range []struct {
		url    string
		status int
		text   string
		// certificate is the first name of the one shown.
		certificate string
	}{
		{"https://api.example.com/shop/pets/1", 200, `"Rex"`, "api.example.com"},
		{"https://api.example.com/shop/admin/pets/2", 200, `"Mia"`, "api.example.com"},
		{"https://api.example.com/shop/nothing", 404, `{"message":"Not Found"}`, "api.example.com"},
		{"https://api.example.com/elsewhere", 403, `{"message":"Forbidden"}`, "api.example.com"},
		{"https://acme.tenants.example.com/pets/3", 200, `"Coco"`, "*.tenants.example.com"},
		{"https://admin.execute-api.localhost/prod/pets/3", 200, `"Coco"`, "localhost"},
	} {
		got := send(t, client, request(t, "GET", c.url, ""))
		if got.StatusCode != c.status || !strings.Contains(got.body, c.text) {
			t.Errorf("GET %s: got %d %s, want %d %s", c.url, got.StatusCode, got.body, c.status, c.text)
		}
		if name := got.TLS.PeerCertificates[0].DNSNames[0]; name != c.certificate {
			t.Errorf("GET %s: got the certificate of %s, want that of %s", c.url, name, c.certificate)
		}
	}
}

// TestAWSExport sends the requests that the exported API was made for, and looks
// at what reaches the backend.
func TestAWSExport(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Carrier-Name", "pigeon")
		if r.URL.Path == "/v3/shipments/lost" {
			w.WriteHeader(http.StatusNotFound)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "uri": r.URL.String(), "headers": r.Header})
	}))
	defer echo.Close()
	port := freePorts(t, 1)[0]
	definitions := copyExample(t, "examples/aws-export", "127.0.0.1:9101/echo", strings.TrimPrefix(echo.URL, "http://"))
	// The example leaves the gateway to the default, which has port 8080.
	gateways := "gateways:\n  - name: edge\n    listeners: [{port: " + port + "}]\n"
	if err := os.WriteFile(filepath.Join(definitions, "gateways.yaml"), []byte(gateways), 0o644); err != nil {
		t.Fatal(err)
	}
	base := "http://127.0.0.1:" + port + "/prod"
	host := []string{"Host", "p4rc3ls0ab.execute-api.localhost"}
	client := &http.Client{Timeout: 5 * time.Second}
	run := runGatehouse(t, definitions)
	run.Await(client, "http://127.0.0.1:"+port+"/_aws/execute-api/p4rc3ls0ab/prod/ping")

	for _, c := range []struct {
		method, path string
		headers      []string
		status       int
		// want are texts of the body and "name: value" lines of the headers.
		want []string
	}{
		{"GET", "/ping", nil, 200, []string{`{"pong": true}`, "content-type: application/json"}},
		{"GET", "/parcels?status=created&page=2", []string{"Accept-Language", "de"}, 200, []string{
			`/v3/shipments?`, `state=created`, `page=2`, `"X-Locale":["de"]`, `"X-Request-Source":["api-gateway"]`,
		}},
		{"POST", "/parcels", nil, 400, []string{
			`{"message":"Missing required request parameters: [Idempotency-Key]"}`, "x-amzn-errortype: BadRequestException",
			"access-control-allow-origin: https://shop.example.com",
		}},
		{"POST", "/parcels", []string{"Idempotency-Key", "k1"}, 200, []string{`"X-Idempotency-Key":["k1"]`, `"X-Correlation-Id":["`}},
		{"GET", "/parcels/17", nil, 200, []string{
			`"uri":"/v3/shipments/17"`, `"X-Stage":["production"]`, "x-carrier: pigeon",
			"access-control-allow-origin: https://shop.example.com",
		}},
		{"GET", "/parcels/lost", nil, 404, []string{`"uri":"/v3/shipments/lost"`}},
		{"DELETE", "/parcels/17", nil, 400, []string{`[reason]`}},
		{"DELETE", "/parcels/17?reason=late", nil, 200, []string{`"method":"DELETE"`, `"uri":"/v3/shipments/17?reason=late"`}},
		{"PATCH", "/tracking/a/b", nil, 200, []string{`"uri":"/tracking/a/b"`, `"method":"PATCH"`}},
		{"OPTIONS", "/parcels/17", []string{"Origin", "https://shop.example.com", "Access-Control-Request-Method", "DELETE"}, 200, []string{
			"access-control-allow-methods: DELETE,GET,OPTIONS", "access-control-allow-origin: https://shop.example.com",
		}},
		{"GET", "/unknown", nil, 403, []string{
			`{"message":"Missing Authentication Token"}`, "x-amzn-errortype: MissingAuthenticationTokenException",
			"access-control-allow-origin: https://shop.example.com",
		}},
	} {
		got := send(t, client, request(t, c.method, base+c.path, "", append(host, c.headers...)...))
		if got.StatusCode != c.status {
			t.Errorf("%s %s: got %d, want %d: %s", c.method, c.path, got.StatusCode, c.status, got.body)
		}
		for _, want := range c.want {
			name, value, isHeader := strings.Cut(want, ": ")
			switch {
			case isHeader && !strings.HasPrefix(want, "{"):
				if got.Header.Get(name) != value {
					t.Errorf("%s %s: got %s: %q, want %q", c.method, c.path, name, got.Header.Get(name), value)
				}
			case !strings.Contains(got.body, want):
				t.Errorf("%s %s: the body lacks %s: %s", c.method, c.path, want, got.body)
			}
		}
	}
}
