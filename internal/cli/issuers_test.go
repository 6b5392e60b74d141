package cli

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/oidctest"
)

// guarded is a definition with a route for tokens of an issuer.
func guarded(issuer string) map[string]string {
	return map[string]string{
		"gatehouse.yaml": "gateways:\n  - {name: edge, listeners: [{port: 8080, address: 127.0.0.1}]}\n" +
			"apis:\n  - {name: notes, protocol: HTTP, definition: notes.openapi.yaml, backend: \"http://127.0.0.1:9101\"}\n",
		"notes.openapi.yaml": fmt.Sprintf(`openapi: 3.0.1
info: {title: notes, version: "1"}
paths:
  /notes:
    get:
      security: [{login: []}]
      responses: {"200": {description: ok}}
components:
  securitySchemes:
    login:
      type: oauth2
      flows: {}
      x-amazon-apigateway-authorizer:
        type: jwt
        identitySource: $request.header.Authorization
        jwtConfiguration: {issuer: %q, audience: [notes]}
`, issuer),
	}
}

// TestServeFetchesIssuerKeys: an issuer that is away keeps nothing from being served,
// and once it is back its keys are, even if the definitions are broken by then.
func TestServeFetchesIssuerKeys(t *testing.T) {
	issuer := oidctest.Start(t)
	issuer.Stop()
	contents := guarded(issuer.URL)
	dir, data := files(t, contents), t.TempDir()
	d := startDaemon(t, "serve", "--data-dir", data, dir)
	s := d.statusUntil("it serves", func(s statusJSON) bool { return s.InForce })
	found := s.Serving.Diagnostics
	if len(found) != 1 || found[0].Code != "issuer-unreachable" || filepath.Base(found[0].File) != "notes.openapi.yaml" || found[0].Line == 0 {
		t.Fatalf("diagnostics %+v", found)
	}
	if len(s.Issuers) != 1 || s.Issuers[0].Issuer != issuer.URL || s.Issuers[0].Keys != 0 || s.Issuers[0].Error == "" || s.Issuers[0].NextAt == nil {
		t.Errorf("issuers %+v", s.Issuers)
	}

	config := filepath.Join(dir, "gatehouse.yaml")
	write(t, config, contents["gatehouse.yaml"]+"colour: red\n")
	d.statusUntil("the mistake shows", func(s statusJSON) bool { return !s.InForce })
	issuer.Resume()
	renewed := d.statusUntil("the keys are served", func(n statusJSON) bool { return n.Serving.Revision != s.Serving.Revision })
	if renewed.InForce || renewed.Latest.State != "failed" {
		t.Errorf("latest %+v", renewed.Latest)
	}
	if i := renewed.Issuers[0]; i.Keys != 2 || i.AgeSeconds == nil || i.ConfirmedAt == nil || i.Stale || i.Error != "" {
		t.Errorf("issuers %+v", renewed.Issuers)
	}

	write(t, config, contents["gatehouse.yaml"])
	mended := d.statusUntil("the mended definitions are served", func(s statusJSON) bool { return s.InForce })
	if mended.Serving.Revision != renewed.Serving.Revision || len(mended.Serving.Diagnostics) > 0 {
		t.Errorf("serving %+v after %s", mended.Serving, renewed.Serving.Revision)
	}
	code, body := get(t, strings.TrimSuffix(d.status, "/status")+"/metrics")
	if code != http.StatusOK || !strings.Contains(body, fmt.Sprintf("gatehouse_issuer_keys{issuer=%q} 2\n", issuer.URL)) {
		t.Errorf("%d, metrics:\n%s", code, body)
	}

	// The next run has the keys without the issuer.
	if code := d.exit(); code != exitGood {
		t.Errorf("exit code %d", code)
	}
	issuer.Stop()
	again := startDaemon(t, "serve", "--data-dir", data, dir)
	s = again.statusUntil("it serves", func(s statusJSON) bool { return s.InForce })
	if s.Serving.Revision != renewed.Serving.Revision || len(s.Serving.Diagnostics) > 0 || s.Issuers[0].Keys != 2 {
		t.Errorf("serving %+v, issuers %+v", s.Serving, s.Issuers)
	}
}

// TestOnlyServingAsksIssuers: looking at definitions must not depend on a network.
func TestOnlyServingAsksIssuers(t *testing.T) {
	issuer := oidctest.Start(t)
	dir := files(t, guarded(issuer.URL))
	for _, args := range [][]string{{"validate", dir}, {"translate", dir}} {
		if got := command(t, args...); got.code != exitGood || got.err != "" && strings.Contains(got.err, "issuer") {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if n := issuer.Requests("discovery") + issuer.Requests("keys"); n > 0 {
		t.Errorf("%d requests", n)
	}
}

func TestIssuerKeysMaxAgeIsChecked(t *testing.T) {
	got := command(t, "serve", "--issuer-keys-max-age", "-1s", files(t, guarded("https://login.example.com")))
	if got.code != exitUsage || !strings.Contains(got.err, "--issuer-keys-max-age") {
		t.Errorf("%+v", got)
	}
}

// TestRunTakesTokensOnceTheIssuerAnswers goes through a real Envoy: without keys all
// tokens are refused, with the first ones they are taken on the same gateway, and a
// restart without the issuer has them still.
func TestRunTakesTokensOnceTheIssuerAnswers(t *testing.T) {
	envoy := envoytest.Binary(t)
	issuer := oidctest.Start(t)
	issuer.Publish(jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "hmac", Algorithm: "HS256"})
	issuer.Stop()
	port, data := freePort(t), t.TempDir()
	contents := guarded(issuer.URL)
	contents["gatehouse.yaml"] = strings.NewReplacer("8080", fmt.Sprint(port), "http://127.0.0.1:9101", backendNamed(t, "notes")).Replace(contents["gatehouse.yaml"])
	dir := files(t, contents)
	url := fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/notes/notes", port)
	ask := func(token string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	answers := func(token string, want int) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for {
			got := ask(token)
			if got == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("status %d, want %d", got, want)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	claims := map[string]any{"aud": "notes"}
	byRSA := issuer.Token(claims)
	byEC := issuer.Token(claims, oidctest.SignedBy(issuer.Key(jose.ES256)))
	stranger := issuer.Token(claims, oidctest.SignedBy(oidctest.NewKey(t, jose.ES256)))

	d := startDaemon(t, "run", "--envoy", envoy, "--data-dir", data, dir)
	answers(byRSA, http.StatusUnauthorized)
	issuer.Resume()
	answers(byRSA, http.StatusOK)
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"EC": {byEC, http.StatusOK}, "stranger": {stranger, http.StatusUnauthorized}, "none": {"", http.StatusUnauthorized},
	} {
		if got := ask(c.token); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	d.statusUntil("it is acked", func(s statusJSON) bool { return s.InForce && s.Serving.State == "acked" })
	d.exit()

	issuer.Stop()
	startDaemon(t, "run", "--envoy", envoy, "--data-dir", data, dir)
	answers(byEC, http.StatusOK)
	if got := ask(stranger); got != http.StatusUnauthorized {
		t.Errorf("a stranger's token: status %d", got)
	}
}
