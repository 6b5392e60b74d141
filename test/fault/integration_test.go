package fault

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// functionSite is a folder with an API that has a function behind it, which is a webhook.
type functionSite struct {
	dir, services, function string
	port                    int
}

func newFunctionSite(t *testing.T, services string) *functionSite {
	t.Helper()
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"body":"function"}`) }))
	t.Cleanup(f.Close)
	return &functionSite{dir: t.TempDir(), services: services, function: f.URL, port: proctest.FreePort(t)}
}

func (s *functionSite) write(t *testing.T) {
	t.Helper()
	replace(t, filepath.Join(s.dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}]
    services: %s
apis:
  - {name: fn, definition: fn.openapi.yaml, stages: [{name: v1, variables: {fn: %q}}]}
`, s.port, s.services, s.function))
	replace(t, filepath.Join(s.dir, "fn.openapi.yaml"), `openapi: 3.0.1
info: {title: fn, version: "1"}
paths:
  /x: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${stageVariables.fn}/invocations"}}}
`)
}

func (s *functionSite) url() string {
	return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/fn/v1/x", s.port)
}

// unreached is what callers read when the integration service cannot be reached.
const unreached = `{"message":"Internal server error"}`

func serveIntegration(t *testing.T, address, dir string, args ...string) *gatehouse {
	t.Helper()
	return launch(t, append([]string{"serve", "--roles", "integration", "--xds-address", "127.0.0.1:0", "--integration-address", address, "--data-dir", t.TempDir(), dir}, args...)...).serving()
}

// TestIntegrationApart has two processes that only call functions. One is killed, then
// both; one comes back.
func TestIntegrationApart(t *testing.T) {
	t.Parallel()
	first, second, xdsAddress := localPort(t), localPort(t), localPort(t)
	s := newFunctionSite(t, fmt.Sprintf("{integration: [%q, %q]}", first, second))
	s.write(t)
	one, two := serveIntegration(t, first, s.dir), serveIntegration(t, second, s.dir)
	launch(t, "serve", "--roles", "xds", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), s.dir).serving()
	startEnvoy(t, "envoy", "edge", xdsAddress)
	awaitAnswer(t, s.url(), "function")
	calls := func(g *gatehouse) float64 { return g.metric("gatehouse_integration_requests_total", "") }
	eventually(t, "requests are shared out", func() bool {
		code, _, err := get(s.url())
		return code == 200 && err == nil && calls(one) > 0 && calls(two) > 0
	})

	one.Kill()
	for range 50 {
		if code, body, err := get(s.url()); code != 200 || err != nil {
			t.Fatalf("one process is gone, and a request with it: %d %s %v", code, body, err)
		}
	}
	two.Kill()
	refused(t, s.url(), unreached)
	one = serveIntegration(t, first, s.dir)
	awaitAnswer(t, s.url(), "function")

	// Envoy's open connection does not keep it from ending.
	stop := make(chan int, 1)
	go func() { stop <- one.Stop() }()
	select {
	case code := <-stop:
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Error("the process does not end")
	}
}

// TestIntegrationOverMutualTLS has the service only answer Envoys that show a certificate.
func TestIntegrationOverMutualTLS(t *testing.T) {
	t.Parallel()
	certs, address, xdsAddress := t.TempDir(), localPort(t), localPort(t)
	ours := newAuthority(t)
	ours.issueFor(t, certs, "service", "integration.internal")
	ours.issueFor(t, certs, "envoy", "")
	file := func(name string) string { return filepath.Join(certs, name) }
	write(t, file("ca.pem"), ours.pem())
	const good = ", tls: {ca: CERTS/ca.pem, serverName: integration.internal, certificate: CERTS/envoy.pem, key: CERTS/envoy.key}"
	s := newFunctionSite(t, "")
	serve := func(tls string) {
		s.services = strings.ReplaceAll(fmt.Sprintf("{integration: {endpoints: [%q]%s}}", address, tls), "CERTS", certs)
		s.write(t)
	}
	serve(good)
	serveIntegration(t, address, s.dir, "--xds-cert", file("service.pem"), "--xds-key", file("service.key"), "--xds-client-ca", file("ca.pem"))
	launch(t, "serve", "--roles", "xds", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), s.dir).serving()
	startEnvoy(t, "envoy", "edge", xdsAddress)
	for name, tls := range map[string]string{
		"no TLS":         "",
		"no certificate": ", tls: {ca: CERTS/ca.pem, serverName: integration.internal}",
		"another name":   strings.Replace(good, "integration.internal", "other.internal", 1),
	} {
		serve(good)
		awaitAnswer(t, s.url(), "function")
		serve(tls)
		eventually(t, "nothing is served with "+name, func() bool {
			code, body, err := get(s.url())
			return code == 500 && body == unreached && err == nil
		})
	}
}

// TestIntegrationOnUnixSocket takes a path for an address; nobody else may use the socket.
func TestIntegrationOnUnixSocket(t *testing.T) {
	t.Parallel()
	s := newFunctionSite(t, "{}")
	s.write(t)
	socket := filepath.Join(proctest.SocketFolder(t), "s")
	run := func() *gatehouse {
		return launchRun(t, &site{dir: s.dir}, "--integration-address", "unix:"+socket)
	}
	g := run()
	awaitAnswer(t, s.url(), "function")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	// One that a process left behind is no obstacle.
	g.Kill()
	s.port = proctest.FreePort(t)
	s.write(t)
	run()
	awaitAnswer(t, s.url(), "function")
}
