package translator_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
	"gatehouse/translator"
)

// TestIssuersChangeSides follows an issuer from keys to introspection and back: the
// routes that take its tokens change with it, though no line of their document did.
func TestIssuersChangeSides(t *testing.T) {
	const issuer = "https://id.example.com"
	keys := oidctest.Start(t).JWKS()
	deployment := &gateway.Deployment{
		Protocol: gateway.HTTP,
		Routes: []gateway.Route{{
			Method: "GET", Path: "/pets", Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://127.0.0.1:9101/pets"},
			Authorization: &gateway.Authorization{Type: gateway.AuthorizationJWT, Authorizer: "login"},
		}},
		Authorizers: []gateway.Authorizer{{Name: "login", Type: gateway.JWTAuthorizer, JWTIssuer: issuer}},
	}
	tr := translator.New()
	route := func(i gateway.Issuer) (verified, asked bool) {
		t.Helper()
		i.URL = issuer
		s := &gateway.Snapshot{
			Gateways: []gateway.Gateway{{Name: "edge"}}, Issuers: []gateway.Issuer{i},
			APIs: []gateway.API{{ID: "pets", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deployment}}}},
		}
		out, diags := tr.Translate(s.Seal())
		if out == nil {
			t.Fatal(diags)
		}
		all := identities(out)
		for name, m := range all {
			if strings.HasSuffix(name, "host/pets.execute-api.localhost") && strings.Contains(name, "RouteConfiguration host") {
				text := prototext.Format(m)
				return strings.Contains(text, `"envoy.filters.http.jwt_authn"`), strings.Contains(text, `"envoy.filters.http.ext_authz"`)
			}
		}
		t.Fatalf("no routes among %d resources", len(all))
		return false, false
	}
	introspection := &gateway.Introspection{Endpoint: issuer + "/introspect", ClientID: "g", ClientSecret: "s", Auth: gateway.IntrospectionBasic}
	for i, c := range []struct {
		issuer          gateway.Issuer
		verified, asked bool
	}{{gateway.Issuer{JWKS: keys}, true, false}, {gateway.Issuer{Introspection: introspection}, false, true}, {gateway.Issuer{JWKS: keys}, true, false}} {
		if verified, asked := route(c.issuer); verified != c.verified || asked != c.asked {
			t.Errorf("step %d: verified by Envoy %t, asked for %t", i, verified, asked)
		}
	}
}
