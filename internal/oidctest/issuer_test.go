package oidctest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/internal/oidctest"
)

func fetch(t *testing.T, i *oidctest.Issuer, url string, into any) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(i.CA))
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
}

// verify checks a token as a stranger would: with what the issuer publishes.
func verify(t *testing.T, i *oidctest.Issuer, token string) (claims map[string]any, err error) {
	t.Helper()
	var discovery struct {
		JWKSURI string `json:"jwks_uri"`
	}
	fetch(t, i, i.URL+"/.well-known/openid-configuration", &discovery)
	var set jose.JSONWebKeySet
	fetch(t, i, discovery.JWKSURI, &set)
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return claims, parsed.Claims(set, &claims)
}

func TestTokensVerify(t *testing.T) {
	for name, options := range map[string][]oidctest.Option{
		"http": nil, "https below a path": {oidctest.TLS(), oidctest.Path("/pool")},
	} {
		t.Run(name, func(t *testing.T) {
			i := oidctest.Start(t, options...)
			token := i.Token(map[string]any{"scope": "read", "sub": nil}, oidctest.SignedBy(i.Key(jose.ES256)))
			claims, err := verify(t, i, token)
			if err != nil || claims["scope"] != "read" || claims["iss"] != i.URL || claims["sub"] != nil {
				t.Errorf("claims %v, error %v", claims, err)
			}
			if _, err := verify(t, i, i.Token(nil, oidctest.SignedBy(oidctest.NewKey(t, jose.ES256)))); err == nil {
				t.Error("a stranger's token verifies")
			}
		})
	}
}

func TestRotation(t *testing.T) {
	i := oidctest.Start(t)
	before := i.Token(nil)
	i.Rotate()
	after := i.Token(nil)
	for name, token := range map[string]string{"before": before, "after": after} {
		if _, err := verify(t, i, token); err != nil {
			t.Errorf("token of %s the rotation: %v", name, err)
		}
	}
	i.Stop()
	if _, err := http.Get(i.URL); err == nil {
		t.Error("a stopped issuer answers")
	}
	i.Resume()
	i.Retire()
	if _, err := verify(t, i, before); err == nil {
		t.Error("a retired key still verifies")
	}
}
