package e2e

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/gateway"
)

const withPolicy = `
openapi: 3.0.1
info: {title: policy, version: "1"}
x-amazon-apigateway-policy: POLICY
paths:
  /pets:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/pets"}}
  /pets/{id}:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/pets/{id}"}}
`

// TestAddressPolicy asks an API whose resource policy goes by addresses, which Envoy
// enforces itself.
func TestAddressPolicy(t *testing.T) {
	backend := echoBackend(t, "one")
	statement := func(effect, resource, condition string) string {
		if condition != "" {
			condition = `, "Condition": ` + condition
		}
		return fmt.Sprintf(`{"Effect": %q, "Principal": "*", "Action": "execute-api:Invoke", "Resource": %q%s}`, effect, resource, condition)
	}
	policy := func(statements ...string) string {
		return `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ", ") + `]}`
	}
	here, elsewhere := `{"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}`, `{"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}}`
	policies := map[string]struct {
		text string
		// want is the status of GET /pets and DELETE /pets/1, and what the refusal says at
		// its end.
		get, delete int
		text403     string
	}{
		"everybody":       {policy(statement("Allow", "execute-api:/*", "")), 200, 200, ""},
		"nobody":          {policy(statement("Deny", "execute-api:/*", "")), 403, 403, "explicit deny"},
		"from-here":       {policy(statement("Allow", "execute-api:/*", here)), 200, 200, ""},
		"from-elsewhere":  {policy(statement("Allow", "execute-api:/*", elsewhere)), 403, 403, ""},
		"not-from-here":   {policy(statement("Allow", "execute-api:/*", ""), statement("Deny", "execute-api:/*", here)), 403, 403, "explicit deny"},
		"not-from-there":  {policy(statement("Allow", "execute-api:/*", ""), statement("Deny", "execute-api:/*", elsewhere)), 200, 200, ""},
		"any-ipv6":        {policy(statement("Allow", "execute-api:/*", `{"IpAddress": {"aws:SourceIp": "::/0"}}`)), 403, 403, ""},
		"only-from-there": {policy(statement("Allow", "execute-api:/*", ""), statement("Deny", "execute-api:/*", `{"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}`)), 403, 403, "explicit deny"},
		"only-from-here":  {policy(statement("Allow", "execute-api:/*", ""), statement("Deny", "execute-api:/*", `{"NotIpAddress": {"aws:SourceIp": "127.0.0.1"}}`)), 200, 200, ""},
		"an-export":       {policy(statement("Allow", "arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/*", here)), 200, 200, ""},
		"reading":         {policy(statement("Allow", "execute-api:/v1/GET/*", "")), 200, 403, ""},
		"another-stage":   {policy(statement("Allow", "execute-api:/prod/*", "")), 403, 403, ""},
	}
	var apis []gateway.API
	for name, c := range policies {
		text := strings.ReplaceAll(withPolicy, "POLICY", c.text)
		if name == "reading" {
			// ANY is not one method: a policy of some of them needs the service, so this
			// definition names its method.
			text = strings.ReplaceAll(text, "x-amazon-apigateway-any-method", "delete")
		}
		apis = append(apis, gateway.API{ID: name, Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, text, backend.URL)}}})
	}
	s := snapshotOf(apis...)
	s.Gateways[0].Listeners = nil
	g := start(t, s)
	for name, c := range policies {
		host := name + ".execute-api.localhost"
		get, del := g.request("GET", host, "/v1/pets?x=1", ""), g.request("DELETE", host, "/v1/pets/1", "")
		if get.StatusCode != c.get || del.StatusCode != c.delete {
			t.Errorf("%s: GET %d %s, DELETE %d %s", name, get.StatusCode, get.body, del.StatusCode, del.body)
		}
		if c.delete != 403 {
			continue
		}
		id, account := name, "********0000"
		want := `{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:` + account + `:` + id + `/v1/DELETE/pets/1`
		if c.text403 != "" {
			want += " with an explicit deny"
		}
		if del.body != want+`"}` || del.Header.Get("x-amzn-errortype") != "AccessDeniedException" || del.Header.Get("x-amzn-requestid") == "" {
			t.Errorf("%s: %s %v\nwant %s", name, del.body, del.Header, want)
		}
	}

	// By the path form too it is the client's own address that counts, and nobody is
	// believed who says another one.
	for target, want := range map[string]int{"from-here": 200, "from-elsewhere": 403, "not-from-here": 403} {
		path := "/_aws/execute-api/" + target + "/v1/pets"
		if r := g.request("GET", "localhost", path, ""); r.StatusCode != want {
			t.Errorf("%s by the path form: %d, want %d", target, r.StatusCode, want)
		}
		if r := g.request("GET", "localhost", path, "", "X-Forwarded-For", "10.0.0.1"); r.StatusCode != want {
			t.Errorf("%s by the path form with a forged address: %d, want %d", target, r.StatusCode, want)
		}
		if r := g.request("GET", target+".execute-api.localhost", "/v1/pets", "", "X-Forwarded-For", "10.0.0.1"); r.StatusCode != want {
			t.Errorf("%s with a forged address: %d, want %d", target, r.StatusCode, want)
		}
	}
	// A proxy in front is believed where the listener says that there is one.
	s.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(g.port), TrustedHops: 1}}
	trusting := *s
	g.change(&trusting)
	for target, want := range map[string]int{"from-here": 403, "from-elsewhere": 200, "not-from-there": 403, "any-ipv6": 403} {
		// Proxies that listen for both kinds of addresses write IPv4's as IPv6's.
		for _, forged := range []string{"10.0.0.1", "127.0.0.1, 10.0.0.1", "::ffff:10.0.0.1", "::FFFF:0a00:0001"} {
			if r := g.request("GET", target+".execute-api.localhost", "/v1/pets", "", "X-Forwarded-For", forged); r.StatusCode != want {
				t.Errorf("%s from behind a proxy (%s): %d, want %d", target, forged, r.StatusCode, want)
			}
			if r := g.request("GET", "localhost", "/_aws/execute-api/"+target+"/v1/pets", "", "X-Forwarded-For", forged); r.StatusCode != want {
				t.Errorf("%s from behind a proxy (%s) by the path form: %d, want %d", target, forged, r.StatusCode, want)
			}
		}
	}
}
