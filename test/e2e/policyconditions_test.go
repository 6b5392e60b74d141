package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway"
)

// TestPolicyOfConnections asks the authorization service about what it knows of a client
// only from Envoy: its address, and whether it came by TLS.
func TestPolicyOfConnections(t *testing.T) {
	backend := echoBackend(t, "one")
	const office = `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/GET/*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}},
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/DELETE/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/*/pets/13","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
	text := strings.ReplaceAll(withPolicy, "POLICY", office)
	s := snapshotOf(gateway.API{ID: "office", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, text, backend.URL)}}})
	s.Gateways[0].Listeners = nil
	g := start(t, s)
	ask := func(name, method, path, forwarded string, want int) {
		t.Helper()
		var headers []string
		if forwarded != "" {
			headers = []string{"X-Forwarded-For", forwarded, "X-Forwarded-Proto", "https"}
		}
		if r := g.request(method, "office.execute-api.localhost", "/v1"+path, "", headers...); r.StatusCode != want {
			t.Errorf("%s: %s %s: %d %s, want %d", name, method, path, r.StatusCode, r.body, want)
		}
		if r := g.request(method, "localhost", "/_aws/execute-api/office/v1"+path, "", headers...); r.StatusCode != want {
			t.Errorf("%s, path form: %s %s: %d %s, want %d", name, method, path, r.StatusCode, r.body, want)
		}
	}
	ask("from here", "GET", "/pets", "", 200)
	ask("from here", "DELETE", "/pets/1", "", 403)
	ask("without TLS", "GET", "/pets/13", "", 403)
	ask("forged", "GET", "/pets", "10.0.0.1", 200)
	ask("forged", "DELETE", "/pets/1", "10.0.0.1", 403)
	ask("forged TLS", "GET", "/pets/13", "10.0.0.1", 403)

	// A proxy in front is believed where the listener says that there is one.
	s.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(g.port), TrustedHops: 1}}
	trusting := *s
	g.change(&trusting)
	ask("by a proxy", "GET", "/pets", "10.0.0.1", 403)
	ask("by a proxy", "DELETE", "/pets/1", "10.0.0.1", 200)
	ask("by a proxy", "DELETE", "/pets/1", "10.0.0.1, 127.0.0.1", 403)
	ask("by a proxy with TLS", "DELETE", "/pets/13", "10.0.0.1", 200)
}
