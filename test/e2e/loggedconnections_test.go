package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
)

// TestLoggedConnections holds that access logs tell of the client's connection, and of what the
// client asked for by it, also where Envoy passes a request on to itself: by the path form, and
// from connections that are older than their listener.
func TestLoggedConnections(t *testing.T) {
	const api = `{openapi: 3.0.1, info: {title: a, version: "1"}, paths: {/who: {head: &who {x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "BACKEND/who", responses: {default: {statusCode: "200"}}}}}}}`
	d := deploy(t, gateway.REST, api, echoBackend(t, "one").URL)
	names := []string{"httpMethod", "domainName", "domainPrefix", "path", "protocol", "tlsVersion", "cipherSuite", "identity.userAgent", "identity.sourceIp", "identity.clientCert.subjectDN", "customDomain.basePathMatched"}
	ours := newAuthority(t, "Our CA")
	plainPort, tlsPort := proctest.FreePort(t), proctest.FreePort(t)
	fallback, open, closed := certificate(t, "fallback.example.com"), certificate(t, "open.example.com"), certificate(t, "closed.example.com")
	closed.ClientCA = ours.pem()
	snapshot := func(otherChain bool) *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "a", Protocol: gateway.REST, Stages: []gateway.Stage{{
			Name: "v1", Deployment: d, AccessLog: &gateway.StageAccessLog{Format: jsonFormat(append([]string{"requestId"}, names...)...), Destination: gateway.DestinationStdout},
		}}})
		s.Gateways[0].Telemetry = true
		s.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(plainPort)}, {Address: "127.0.0.1", Port: uint32(tlsPort), TLS: fallback}}
		mappings := []gateway.DomainMapping{{Path: "base", API: "a", Stage: "v1"}, {API: "a", Stage: "v1"}}
		s.Domains = []gateway.Domain{{Name: "open.example.com", Gateway: "edge", TLS: open, Mappings: mappings}, {Name: "closed.example.com", Gateway: "edge", TLS: closed, Mappings: mappings}}
		if otherChain {
			// Its log is another filter of the chain.
			s.Gateways[0].AccessLog = &gateway.AccessLog{Path: "/dev/null"}
		}
		return s
	}
	g := startOn(t, snapshot(false), plainPort)
	want := map[string]map[string]string{}
	type client struct {
		host, path string
		protocol   string
		transport  http.RoundTripper
		want       map[string]string
	}
	ask := func(c client) {
		t.Helper()
		scheme, port := "https", tlsPort
		if c.want["tlsVersion"] == "-" {
			scheme, port = "http", plainPort
		}
		r, err := http.NewRequest("HEAD", fmt.Sprintf("%s://127.0.0.1:%d%s?x=1", scheme, port, c.path), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		r.Header.Set("User-Agent", "test/1")
		answer, err := c.transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != 200 {
			t.Errorf("%s%s: %d", c.host, c.path, answer.StatusCode)
		}
		line := map[string]string{
			"requestId": answer.Header.Get("X-Amzn-Requestid"), "httpMethod": "HEAD", "domainName": c.host, "path": c.path, "protocol": c.protocol, "tlsVersion": "TLSv1.3",
			"cipherSuite": "TLS_AES_128_GCM_SHA256", "identity.userAgent": "test/1", "identity.sourceIp": "127.0.0.1", "identity.clientCert.subjectDN": "-", "customDomain.basePathMatched": "-",
		}
		for name, value := range c.want {
			line[name] = value
		}
		line["domainPrefix"], _, _ = strings.Cut(line["domainName"], ".")
		want[line["requestId"]] = line
	}
	var clients []client
	for _, c := range []client{
		{host: "a.execute-api.localhost", path: "/v1/who"},
		{host: "localhost", path: "/_aws/execute-api/a/v1/who", want: map[string]string{"domainName": "a.execute-api.localhost", "path": "/v1/who"}},
		{host: "open.example.com", path: "/who", want: map[string]string{"customDomain.basePathMatched": "(none)"}},
		{host: "open.example.com", path: "/base/who", want: map[string]string{"customDomain.basePathMatched": "base"}},
		{host: "closed.example.com", path: "/base/who", want: map[string]string{"customDomain.basePathMatched": "base", "identity.clientCert.subjectDN": "CN=ann,O=Acme"}},
		{host: "a.execute-api.localhost", path: "/v1/who", want: map[string]string{"tlsVersion": "-", "cipherSuite": "-"}},
	} {
		config := &tls.Config{ServerName: c.host, InsecureSkipVerify: true, Certificates: []tls.Certificate{ours.client("ann", 4711, time.Hour)}}
		c.protocol, c.transport = "HTTP/1.1", &http.Transport{TLSClientConfig: config}
		clients = append(clients, c)
		if c.want["tlsVersion"] != "-" {
			c.protocol, c.transport = "HTTP/2.0", &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true}
			clients = append(clients, c)
		}
	}
	for _, c := range clients {
		ask(c)
	}
	g.change(snapshot(true))
	// By the same connections. Those with a certificate are to be made anew, and what is passed on
	// twice is not told of.
	for _, c := range clients {
		if c.host != "closed.example.com" && c.host != "localhost" {
			ask(c)
		}
	}
	got := linesBy(t, "requestId", g.told.String, len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
