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
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
)

// An authority signs clients' certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	return authorityBelow(t, name, nil)
}

// authorityBelow makes an authority that another vouches for, or with nil a root.
func authorityBelow(t *testing.T, name string, above *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: authoritySerial(name), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	issuer, issuerKey := template, key
	if above != nil {
		issuer, issuerKey = above.cert, above.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, cert, key}
}

// authoritySerial is the serial number of an authority's certificate.
func authoritySerial(name string) *big.Int { return new(big.Int).SetBytes([]byte(name)) }

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// client issues a client's certificate.
func (a *authority) client(name string, serial int64, expires time.Duration) tls.Certificate {
	a.t.Helper()
	return a.issue(name, serial, expires, x509.ExtKeyUsageClientAuth)
}

// issue makes a certificate for a use.
func (a *authority) issue(name string, serial int64, expires time.Duration, use x509.ExtKeyUsage) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name, Organization: []string{"Acme"}},
		ExtKeyUsage: []x509.ExtKeyUsage{use}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(expires),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// revoke is a list of the serial numbers.
func (a *authority) revoke(serials ...int64) string {
	a.t.Helper()
	return a.list(time.Hour, serials...)
}

// list is one that is good for a time.
func (a *authority) list(good time.Duration, serials ...int64) string {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: time.Now().Add(good)}
	for _, n := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: time.Now().Add(-time.Hour)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
}

const aboutClients = `
openapi: 3.0.1
info: {title: certs, version: "1"}
paths:
  /who:
    get:
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: "BACKEND/who"
        requestParameters:
          integration.request.header.X-Subject: context.identity.clientCert.subjectDN
          integration.request.header.X-Issuer: context.identity.clientCert.issuerDN
          integration.request.header.X-Serial: context.identity.clientCert.serialNumber
          integration.request.header.X-Until: context.identity.clientCert.validity.notAfter
          integration.request.header.X-Pem: context.identity.clientCert.clientCertPem
`

// anySession keeps one session, and shows it to whatever server.
type anySession struct{ kept *tls.ClientSessionState }

func (s *anySession) Get(string) (*tls.ClientSessionState, bool) { return s.kept, s.kept != nil }

func (s *anySession) Put(_ string, session *tls.ClientSessionState) {
	if session != nil {
		s.kept = session
	}
}

// TestMutualTLS connects with certificates that the domain's truststore vouches for, and
// with others.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
func TestMutualTLS(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, aboutClients, backend.URL)
	ours, theirs := newAuthority(t, "Our CA"), newAuthority(t, "Their CA")
	tlsPort := proctest.FreePort(t)
	plainPort := proctest.FreePort(t)
	build := func(ca, crl string) *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "certs", Protocol: gateway.REST, DisableExecuteAPIEndpoint: true, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}})
		s.Gateways[0].Telemetry = true
		s.APIs[0].Stages[0].AccessLog = &gateway.StageAccessLog{
			Format:      "$context.requestId $context.domainName $context.tlsVersion $context.identity.clientCert.subjectDN,$context.identity.clientCert.issuerDN",
			Destination: gateway.DestinationStdout,
		}
		fallback := certificate(t, "fallback.example.com")
		s.Gateways[0].Listeners = []gateway.Listener{
			{Address: "127.0.0.1", Port: uint32(plainPort)},
			{Address: "127.0.0.1", Port: uint32(tlsPort), TLS: fallback},
		}
		with := func(name, ca, crl string) gateway.Domain {
			c := certificate(t, name)
			c.ClientCA, c.ClientCRL = ca, crl
			return gateway.Domain{Name: name, Gateway: "edge", TLS: c, Mappings: []gateway.DomainMapping{{API: "certs", Stage: "v1"}}}
		}
		s.Domains = []gateway.Domain{
			with("closed.example.com", ca, crl), with("theirs.example.com", theirs.pem(), ""),
			with("open.example.com", "", ""), with("*.wild.example.com", ca, crl), with("open.wild.example.com", "", ""),
		}
		return s
	}
	first := build(ours.pem(), "")
	for _, p := range first.Validate() {
		t.Errorf("%v", p)
	}
	g := startOn(t, first, plainPort)
	good, bad := ours.client("ann", 4711, time.Hour), theirs.client("eve", 666, time.Hour)
	expired := ours.client("old", 4712, -time.Hour)

	// ask gives the status, 0 when the handshake is refused. With sessions, it goes on with
	// one that is kept, if the server lets it.
	var sessions tls.ClientSessionCache
	resumed := false
	ask := func(sni, host string, certs ...tls.Certificate) (int, string) {
		t.Helper()
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", tlsPort), &tls.Config{ServerName: sni, InsecureSkipVerify: true, Certificates: certs, NextProtos: []string{"http/1.1"}, ClientSessionCache: sessions})
		if err != nil {
			return 0, err.Error()
		}
		defer c.Close()
		resumed = c.ConnectionState().DidResume
		c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(c, "GET /who HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0, err.Error()
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(body)
	}
	const closed, open, wild = "closed.example.com", "open.example.com", "a.wild.example.com"
	for name, c := range map[string]struct {
		sni, host string
		certs     []tls.Certificate
		status    int
	}{
		"good":                               {closed, closed, []tls.Certificate{good}, 200},
		"none":                               {closed, closed, nil, 0},
		"of another authority":               {closed, closed, []tls.Certificate{bad}, 0},
		"expired":                            {closed, closed, []tls.Certificate{expired}, 0},
		"where none is needed":               {open, open, nil, 200},
		"by the name of an open domain":      {open, closed, nil, 403},
		"the same with a good one":           {open, closed, []tls.Certificate{good}, 403},
		"by the listener's own name":         {"fallback.example.com", closed, nil, 403},
		"by a domain of another authority":   {"theirs.example.com", closed, []tls.Certificate{bad}, 403},
		"in capitals":                        {open, "CLOSED.EXAMPLE.COM", nil, 403},
		"with a port":                        {open, closed + ":8443", nil, 403},
		"with a dot at the end":              {open, closed + ".", nil, 403},
		"without a name":                     {"", closed, nil, 403},
		"without a name, with a good one":    {"", closed, []tls.Certificate{good}, 403},
		"by its name in capitals":            {"CLOSED.Example.com", closed, []tls.Certificate{good}, 200},
		"by its name in capitals, none":      {"CLOSED.Example.com", closed, nil, 0},
		"a name that only begins like it":    {closed + ".evil.com", closed, nil, 403},
		"wildcard":                           {wild, wild, []tls.Certificate{good}, 200},
		"wildcard, none":                     {wild, wild, nil, 0},
		"wildcard by an open name":           {open, wild, nil, 403},
		"wildcard by an open name inside it": {"open.wild.example.com", wild, nil, 403},
		"an open name inside a wildcard":     {"open.wild.example.com", "open.wild.example.com", nil, 200},
	} {
		status, body := ask(c.sni, c.host, c.certs...)
		if status != c.status || status == 403 && body != `{"message":"Forbidden"}` {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if r := g.request("GET", closed, "/who", ""); r.StatusCode != 403 {
		t.Errorf("without TLS: %d %s", r.StatusCode, r.body)
	}
	_, body := ask(closed, closed, good)
	for _, want := range []string{`"x-subject":["CN=ann,O=Acme"]`, `"x-issuer":["CN=Our CA"]`, `"x-serial":["1267"]`, ` GMT"]`} {
		if !strings.Contains(body, want) {
			t.Errorf("the backend does not see %s: %s", want, body)
		}
	}
	if !strings.Contains(body, `"x-pem":["-----BEGIN CERTIFICATE-----`) {
		t.Errorf("the backend does not see the certificate: %s", body)
	}

	for _, want := range []string{" closed.example.com TLSv1.3 CN=ann,O=Acme,CN=Our CA\n", " open.example.com TLSv1.3 -,-\n"} {
		for end := time.Now().Add(time.Minute); !strings.Contains(g.told.String(), want); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no line of the access log ends with %q:\n%s", want, g.told)
			}
		}
	}

	// A session that another domain has begun is none of this one.
	sessions = &anySession{}
	for _, want := range []bool{false, true} {
		if status, _ := ask(open, open); status != 200 || resumed != want {
			t.Errorf("the open domain: %d, resumed %v", status, resumed)
		}
	}
	if status, _ := ask(closed, closed); status != 0 && status != 403 {
		t.Errorf("with the session of an open domain: %d", status)
	}
	sessions = &anySession{}
	for _, want := range []bool{false, true} {
		if status, _ := ask(closed, closed, good); status != 200 || resumed != want {
			t.Errorf("the closed domain: %d, resumed %v", status, resumed)
		}
	}

	// A truststore, and what it revokes, changes without a new listener, and for sessions
	// that go on, too.
	g.change(build(ours.pem(), ours.revoke(4711)))
	if status, _ := ask(closed, closed, good); status != 0 {
		t.Errorf("a revoked certificate, with a session from before: %d", status)
	}
	sessions = nil
	if status, _ := ask(closed, closed, good); status != 0 {
		t.Errorf("a revoked certificate: %d", status)
	}
	if status, _ := ask(closed, closed, ours.client("bob", 4713, time.Hour)); status != 200 {
		t.Errorf("another one: %d", status)
	}
	g.change(build(theirs.pem(), ""))
	if status, _ := ask(closed, closed, good); status != 0 {
		t.Errorf("a certificate of an authority that was removed: %d", status)
	}
}

// TestRevocationLists changes the lists of a domain's authorities, and those below them, while
// it is served.
func TestRevocationLists(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, aboutClients, backend.URL)
	const host = "closed.example.com"
	root, other := newAuthority(t, "Root"), newAuthority(t, "Root")
	below := authorityBelow(t, "Below", root)
	deeper := authorityBelow(t, "Deeper", below)
	deep := authorityBelow(t, "Deep", deeper)
	deepest := authorityBelow(t, "Deepest", deep)
	chained := func(c tls.Certificate, above ...*authority) tls.Certificate {
		for _, a := range above {
			c.Certificate = append(c.Certificate, a.cert.Raw)
		}
		return c
	}
	ann := root.client("ann", 4711, time.Hour)
	bob := chained(below.client("bob", 4712, time.Hour), below)
	alone := below.client("bob", 4712, time.Hour)
	server := root.issue("server", 4713, time.Hour, x509.ExtKeyUsageServerAuth)
	far := chained(deep.client("far", 4714, time.Hour), deep, deeper, below)
	tooFar := chained(deepest.client("too far", 4715, time.Hour), deepest, deep, deeper, below)
	plainPort, tlsPort := proctest.FreePort(t), proctest.FreePort(t)
	build := func(ca, lists string) *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "certs", Protocol: gateway.REST, DisableExecuteAPIEndpoint: true, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}})
		s.Gateways[0].Listeners = []gateway.Listener{
			{Address: "127.0.0.1", Port: uint32(plainPort)},
			{Address: "127.0.0.1", Port: uint32(tlsPort), TLS: certificate(t, "fallback.example.com")},
		}
		c := certificate(t, host)
		c.ClientCA, c.ClientCRL = ca, lists
		s.Domains = []gateway.Domain{{Name: host, Gateway: "edge", TLS: c, Mappings: []gateway.DomainMapping{{API: "certs", Stage: "v1"}}}}
		return s
	}
	g := startOn(t, build(root.pem(), ""), plainPort)
	ask := func(c tls.Certificate) int {
		t.Helper()
		conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", tlsPort), &tls.Config{ServerName: host, InsecureSkipVerify: true, Certificates: []tls.Certificate{c}, NextProtos: []string{"http/1.1"}})
		if err != nil {
			return 0
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(conn, "GET /who HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return 0
		}
		r.Body.Close()
		return r.StatusCode
	}
	type asked struct {
		who    string
		client tls.Certificate
		status int
	}
	for _, c := range []struct {
		name, ca, lists string
		valid           bool
		asked           []asked
	}{
		{"no lists", root.pem(), "", true, []asked{
			{"ann", ann, 200}, {"bob", bob, 200}, {"bob without who is between", alone, 0}, {"a server's certificate", server, 0},
			{"three between", far, 200}, {"four between", tooFar, 0},
		}},
		{"who is between is trusted, too", root.pem() + below.pem(), "", true, []asked{{"bob", bob, 200}, {"bob without who is between", alone, 200}}},
		{"who is between is trusted alone", below.pem(), "", true, []asked{{"ann", ann, 0}, {"bob", bob, 200}, {"bob without who is between", alone, 200}}},
		{"the root's list only", root.pem(), root.list(time.Hour), true, []asked{{"ann", ann, 200}, {"bob", bob, 0}}},
		{"both lists", root.pem(), root.list(time.Hour) + below.list(time.Hour), true, []asked{{"ann", ann, 200}, {"bob", bob, 200}}},
		{"ann is revoked", root.pem(), root.list(time.Hour, 4711) + below.list(time.Hour), true, []asked{{"ann", ann, 0}, {"bob", bob, 200}}},
		{"bob is revoked", root.pem(), root.list(time.Hour) + below.list(time.Hour, 4712), true, []asked{{"ann", ann, 200}, {"bob", bob, 0}}},
		{"by who may not", root.pem(), root.list(time.Hour) + below.list(time.Hour, 4711), true, []asked{{"ann", ann, 200}, {"bob", bob, 200}}},
		{"who is between is revoked", root.pem(), root.list(time.Hour, authoritySerial("Below").Int64()) + below.list(time.Hour), true, []asked{{"ann", ann, 200}, {"bob", bob, 0}}},
		{"an outdated list", root.pem(), root.list(-time.Hour), true, []asked{{"ann", ann, 0}}},
		{"an outdated list of who is between", root.pem(), root.list(time.Hour) + below.list(-time.Hour), true, []asked{{"ann", ann, 200}, {"bob", bob, 0}}},
		{"another's list of the same name", root.pem(), other.list(time.Hour), false, []asked{{"ann", ann, 0}}},
		{"another's list of the same name, too", root.pem(), other.list(time.Hour, 4711) + root.list(time.Hour), true, []asked{{"ann", ann, 200}}},
		{"two roots of a name", root.pem() + other.pem(), root.list(time.Hour) + other.list(time.Hour, 4711), true, []asked{{"ann", ann, 200}, {"the other's ann", other.client("ann", 4711, time.Hour), 0}, {"the other's bob", other.client("bob", 5, time.Hour), 200}}},
		{"no lists again", root.pem(), "", true, []asked{{"ann", ann, 200}, {"bob", bob, 200}}},
	} {
		s := build(c.ca, c.lists)
		valid := true
		for _, d := range s.Validate() {
			valid = valid && d.Severity != gateway.Error
		}
		if valid != c.valid {
			t.Errorf("%s: valid is %v: %v", c.name, valid, s.Validate())
		}
		g.change(s)
		for _, a := range c.asked {
			if status := ask(a.client); status != a.status {
				t.Errorf("%s: %s: %d", c.name, a.who, status)
			}
		}
	}
}
