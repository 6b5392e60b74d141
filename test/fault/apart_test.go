package fault

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// silent is what callers read of a REST API when nobody can decide about them.
const silent = `{"message":null}`

// unknown is what they read when the service does not know the route.
const unknown = `{"message":"Internal server error"}`

// apartSite is a folder with an API whose policy only the authorization service can
// judge, and another that is open.
type apartSite struct {
	dir     string
	port    int
	backend string
	// services is the gateway's option, as YAML.
	services string
	// routes of the guarded API.
	routes []string
}

func newApartSite(t *testing.T, services string) *apartSite {
	t.Helper()
	return &apartSite{dir: t.TempDir(), port: proctest.FreePort(t), backend: backendNamed(t, "one"), services: services, routes: []string{"/things"}}
}

func (s *apartSite) write(t *testing.T) {
	t.Helper()
	s.writeTo(t, s.dir)
}

func (s *apartSite) writeTo(t *testing.T, dir string) {
	t.Helper()
	replace(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}]
    services: %s
apis:
  - {name: guarded, definition: guarded.openapi.yaml, stages: [{name: v1}]}
  - {name: open, protocol: HTTP, definition: open.openapi.yaml, backend: "http://%s"}
`, s.port, s.services, s.backend))
	var paths strings.Builder
	for _, route := range s.routes {
		fmt.Fprintf(&paths, `  %s: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://%s/things"}}}`+"\n", route, s.backend)
	}
	replace(t, filepath.Join(dir, "guarded.openapi.yaml"), `openapi: 3.0.1
info: {title: guarded, version: "1"}
x-amazon-apigateway-policy:
  Version: "2012-10-17"
  Statement:
    - {Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*"}
    - {Effect: Deny, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*", Condition: {StringEquals: {"aws:UserAgent": evil}}}
paths:
`+paths.String())
	replace(t, filepath.Join(dir, "open.openapi.yaml"), `{openapi: 3.0.1, info: {title: open, version: "1"}, paths: {/things: {get: {responses: {"200": {description: ok}}}}}}`)
}

func (s *apartSite) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/%s", s.port, path)
}

func (s *apartSite) target(path string) target {
	return target{port: s.port, host: "localhost", path: "/_aws/execute-api/" + path, answers: []string{"one"}}
}

// serveXDS and serveAuthorization serve one role each.
func (s *apartSite) serveXDS(t *testing.T, address string) *gatehouse {
	t.Helper()
	return launch(t, "serve", "--roles", "xds", "--xds-address", address, "--data-dir", t.TempDir(), s.dir).serving()
}

func serveAuthorization(t *testing.T, address, dir string, args ...string) *gatehouse {
	t.Helper()
	return launch(t, append([]string{"serve", "--roles", "extauthz", "--xds-address", address, "--data-dir", t.TempDir(), dir}, args...)...).serving()
}

// refused waits until a URL is refused as it is when nobody can decide.
func refused(t *testing.T, url, answer string) {
	t.Helper()
	eventually(t, url+" is refused with 500", func() bool {
		code, body, err := get(url)
		if err != nil || code == http.StatusOK || code == 500 && body != answer {
			t.Fatalf("%s: %d %s %v, want 500 %s", url, code, body, err, answer)
		}
		return code == 500
	})
}

// TestAuthorizationApart has two processes that only decide who may call. One is
// killed, then both; one comes back.
func TestAuthorizationApart(t *testing.T) {
	t.Parallel()
	first, second := localPort(t), localPort(t)
	s := newApartSite(t, fmt.Sprintf("{authorization: [%q, %q]}", first, second))
	s.write(t)
	xdsAddress := localPort(t)
	one, two := serveAuthorization(t, first, s.dir), serveAuthorization(t, second, s.dir)
	g := s.serveXDS(t, xdsAddress)
	startEnvoy(t, "envoy", "edge", xdsAddress)
	guarded := s.url("guarded/v1/things")
	awaitAnswer(t, guarded, "one")
	if got, want := one.status().Serving.Revision, g.acked().Serving.Revision; got != want {
		t.Errorf("the service has revision %s, the control plane %s", got, want)
	}
	if code, body := getAs(t, guarded, "evil"); code != 403 {
		t.Errorf("who the policy is against: %d %s", code, body)
	}
	checks := func(g *gatehouse) float64 { return g.metric("gatehouse_extauthz_checks_total", "") }
	onlyGuarded := load(t, s.target("guarded/v1/things"))
	onlyOpen := load(t, s.target("open/things"))
	if checks(one) == 0 || checks(two) == 0 {
		t.Errorf("checks are not shared out: %v and %v", checks(one), checks(two))
	}

	one.Kill()
	onlyGuarded.goesOn()
	// Health checks have found out by then, too.
	time.Sleep(3 * time.Second)
	onlyGuarded.goesOn()
	onlyGuarded.end()

	two.Kill()
	refused(t, guarded, silent)
	for range 20 {
		if code, body, err := get(guarded); code != 500 || body != silent || err != nil {
			t.Fatalf("with nobody to decide: %d %s %v", code, body, err)
		}
	}
	onlyOpen.goesOn()

	one = serveAuthorization(t, first, s.dir)
	awaitAnswer(t, guarded, "one")
	if code, body := getAs(t, guarded, "evil"); code != 403 {
		t.Errorf("who the policy is against: %d %s", code, body)
	}
	// One that ends in good order is not missed at all.
	two = serveAuthorization(t, second, s.dir)
	eventually(t, "checks are shared out again", func() bool {
		code, _, err := get(guarded)
		return code == 200 && err == nil && checks(two) > 0
	})
	// As long as Envoy takes nobody for well it asks any. It looks who is each second, and tells
	// its threads no more often than that.
	time.Sleep(3 * time.Second)
	again := load(t, s.target("guarded/v1/things"))
	if code := one.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	again.goesOn()
	again.end()
	onlyOpen.end()
}

// TestAuthorizationMoves moves the authorization service away from the control plane and
// back while connections are open: who decides changes with their next request, and no
// request is lost.
func TestAuthorizationMoves(t *testing.T) {
	t.Parallel()
	s := newApartSite(t, "{}")
	s.write(t)
	xdsAddress, address := localPort(t), localPort(t)
	g := launch(t, "serve", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), s.dir).serving()
	apart := serveAuthorization(t, address, s.dir)
	startEnvoy(t, "envoy", "edge", xdsAddress)
	awaitAnswer(t, s.url("guarded/v1/things"), "one")
	checks := func(g *gatehouse) float64 { return g.metric("gatehouse_extauthz_checks_total", "") }
	open := load(t, s.target("guarded/v1/things"))
	open.goesOn()
	if checks(g) == 0 || checks(apart) != 0 {
		t.Fatalf("checks before: %v by the control plane, %v apart", checks(g), checks(apart))
	}
	moves := func(services string, from, to *gatehouse) {
		t.Helper()
		s.services = services
		s.write(t)
		g.acked()
		before := checks(to)
		eventually(t, "the other service is asked", func() bool { return checks(to) > before })
		eventually(t, "the one before is not asked any more", func() bool {
			last := checks(from)
			open.goesOn()
			return checks(from) == last
		})
	}
	moves(fmt.Sprintf("{authorization: %q}", address), g, apart)
	moves("{}", apart, g)
	open.end()
}

func getAs(t *testing.T, url, agent string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", agent)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestRevisionsDiffer has a service with other definitions than the Envoys have: what it
// does not know nobody may call, until it does.
func TestRevisionsDiffer(t *testing.T) {
	t.Parallel()
	address, xdsAddress, behind := localPort(t), localPort(t), t.TempDir()
	s := newApartSite(t, fmt.Sprintf("{authorization: %q}", address))
	s.write(t)
	s.writeTo(t, behind)
	data := t.TempDir()
	service := serveAuthorization(t, address, behind, "--data-dir", data)
	g := s.serveXDS(t, xdsAddress)
	startEnvoy(t, "envoy", "edge", xdsAddress)
	awaitAnswer(t, s.url("guarded/v1/things"), "one")

	s.routes = append(s.routes, "/more")
	s.write(t)
	g.acked()
	refused(t, s.url("guarded/v1/more"), unknown)
	service.AwaitOutput(`"code":"unknown-route"`, "GET /more")
	awaitAnswer(t, s.url("guarded/v1/things"), "one")
	s.writeTo(t, behind)
	awaitAnswer(t, s.url("guarded/v1/more"), "one")

	// The other way round: the service forgets a route only with the second revision
	// after, for the Envoys may still have it.
	s.routes = []string{"/things"}
	s.writeTo(t, behind)
	service.statusUntil("the route is gone", func(st status) bool { return len(st.History) == 3 })
	awaitAnswer(t, s.url("guarded/v1/more"), "one")
	s.routes = []string{"/things", "/other"}
	s.writeTo(t, behind)
	service.statusUntil("the route is forgotten", func(st status) bool { return len(st.History) == 4 })
	refused(t, s.url("guarded/v1/more"), unknown)

	// What is broken leaves the service as it is, also when it starts anew.
	write(t, filepath.Join(behind, "gatehouse.yaml"), "gateways: nonsense\n")
	service.failed()
	awaitAnswer(t, s.url("guarded/v1/things"), "one")
	service.Kill()
	service = serveAuthorization(t, address, behind, "--data-dir", data)
	awaitAnswer(t, s.url("guarded/v1/things"), "one")
	if st := service.status(); st.InForce || st.Serving.Origin != "store" || len(st.Envoys) != 0 {
		t.Errorf("status %+v", st)
	}
}

// TestAuthorizationOverMutualTLS has the service only answer Envoys that show a
// certificate, and Envoys only ask the service if it shows one.
func TestAuthorizationOverMutualTLS(t *testing.T) {
	t.Parallel()
	certs, address, xdsAddress := t.TempDir(), localPort(t), localPort(t)
	ours, theirs := newAuthority(t), newAuthority(t)
	ours.issueFor(t, certs, "service", "authz.internal")
	ours.issueFor(t, certs, "envoy", "")
	theirs.issueFor(t, certs, "stranger", "authz.internal")
	file := func(name string) string { return filepath.Join(certs, name) }
	write(t, file("ca.pem"), ours.pem())
	write(t, file("other-ca.pem"), theirs.pem())
	// localhost is looked up in DNS, as other names are.
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	services := func(host, tls string) string {
		return fmt.Sprintf("{authorization: {endpoints: [%q]%s}}", net.JoinHostPort(host, port), tls)
	}
	const clientCert = ", certificate: CERTS/envoy.pem, key: CERTS/envoy.key"
	s := newApartSite(t, services("127.0.0.1", ""))
	s.write(t)
	service := serveAuthorization(t, address, s.dir, "--xds-cert", file("service.pem"), "--xds-key", file("service.key"), "--xds-client-ca", file("ca.pem"))
	g := s.serveXDS(t, xdsAddress)
	startEnvoy(t, "envoy", "edge", xdsAddress)
	awaitAnswer(t, s.url("open/things"), "one")
	serve := func(host, tls string) {
		t.Helper()
		s.services = strings.ReplaceAll(services(host, tls), "CERTS", certs)
		s.write(t)
		eventually(t, "both have the definitions", func() bool {
			one, other := g.status(), service.status()
			return one.InForce && other.InForce && one.Serving.Revision == other.Serving.Revision && one.Envoys[0].InSync
		})
	}
	const good = ", tls: {ca: CERTS/ca.pem, serverName: authz.internal" + clientCert + "}"
	for _, c := range []struct{ name, host, tls string }{
		{"no TLS", "127.0.0.1", ""},
		{"no certificate of Envoy's", "127.0.0.1", ", tls: {ca: CERTS/ca.pem, serverName: authz.internal}"},
		{"Envoy's certificate is of another authority", "127.0.0.1", ", tls: {ca: CERTS/ca.pem, serverName: authz.internal, certificate: CERTS/stranger.pem, key: CERTS/stranger.key}"},
		{"the service's certificate is of another authority", "127.0.0.1", ", tls: {ca: CERTS/other-ca.pem, serverName: authz.internal" + clientCert + "}"},
		{"the service has another name", "127.0.0.1", ", tls: {ca: CERTS/ca.pem, serverName: other.internal" + clientCert + "}"},
		{"its host is not in its certificate", "localhost", ", tls: {ca: CERTS/ca.pem" + clientCert + "}"},
	} {
		serve("127.0.0.1", good)
		awaitAnswer(t, s.url("guarded/v1/things"), "one")
		serve(c.host, c.tls)
		refusedFor(t, s.url("guarded/v1/things"), c.name)
	}
	serve("127.0.0.1", ", tls: {ca: CERTS/ca.pem"+clientCert+"}")
	awaitAnswer(t, s.url("guarded/v1/things"), "one")
	serve("localhost", good)
	awaitAnswer(t, s.url("guarded/v1/things"), "one")
}

// refusedFor waits until nobody can decide for a second on end: threads of Envoy take what it has
// confirmed at moments of their own.
func refusedFor(t *testing.T, url, why string) {
	t.Helper()
	eventually(t, "nobody is let in, since "+why, func() bool {
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if code, body, err := get(url); code != 500 || body != silent || err != nil {
				return false
			}
		}
		return true
	})
}

// TestAnyEnvoy has an Envoy that nobody here configures ask the service: the one that
// docs/authorization.md shows, as it stands there. A route that no definition has is
// refused it.
func TestAnyEnvoy(t *testing.T) {
	t.Parallel()
	address, good, bad := localPort(t), localPort(t), localPort(t)
	s := newApartSite(t, "{}")
	s.write(t)
	serveAuthorization(t, address, s.dir)
	config := documented(t, "../../docs/authorization.md", "your-envoy.yaml")
	own := func(front string) string {
		text := config
		for port, actual := range map[string]string{"10000": front, "18002": address, "9101": s.backend} {
			_, number, err := net.SplitHostPort(actual)
			if err != nil || strings.Count(config, "port_value: "+port+"}") != 1 {
				t.Fatalf("the port %s, for %s: %v in\n%s", port, actual, err, config)
			}
			text = strings.Replace(text, "port_value: "+port+"}", "port_value: "+number+"}", 1)
		}
		return text
	}
	startOwnEnvoy(t, own(good))
	startOwnEnvoy(t, strings.Replace(own(bad), "route: GET /things", "route: GET /nothing", 1))
	url := "http://" + good + "/shop/things"
	awaitAnswer(t, url, "one")
	if code, body := getAs(t, url, "evil"); code != 403 || !strings.Contains(body, "explicit deny") {
		t.Errorf("who the policy is against: %d %s", code, body)
	}
	eventually(t, "the other Envoy answers", func() bool { _, _, err := get("http://" + bad); return err == nil })
	refused(t, "http://"+bad+"/shop/things", unknown)
}

// documented is the code block of a page that begins with "# file: NAME".
func documented(t *testing.T, page, name string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, page), "# file: "+name+"\n")
	text, _, closed := strings.Cut(text, "\n```")
	if !found || !closed {
		t.Fatalf("%s has no file %s", page, name)
	}
	return text
}

// startOwnEnvoy starts an Envoy with a configuration that is nobody else's.
func startOwnEnvoy(t *testing.T, config string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	write(t, file, config)
	proctest.Start(t, exec.Command(envoytest.Binary(t), "-c", file, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"))
}

// issueFor writes NAME.pem and NAME.key: a certificate for this machine's address, and a
// name if there is one.
func (a *authority) issueFor(t *testing.T, dir, name, dnsName string) {
	t.Helper()
	a.last++
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(a.last), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if dnsName != "" {
		cert.DNSNames = []string{dnsName}
	}
	a.sign(t, cert, filepath.Join(dir, name))
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}
