package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/internal/oidctest"
	"gatehouse/management/store"
)

// TestSignIn has a consumer sign in at a provider, and refuses what is not that sign-in.
func TestSignIn(t *testing.T) {
	issuer := oidctest.Start(t)
	const secret = "a-client-secret"
	client := oidctest.Client{
		ID: "portal", Secret: secret, Redirect: "https://api.example.com/developers/account/sign-in/done",
		Claims: map[string]any{"sub": "user-42", "name": "Grace\u202e Hopper", "email": "grace@example.com", "email_verified": true},
	}
	issuer.Register(client)
	kept := store.NewMemory()
	definitions := strings.Replace(petsDefinitions, "SIGNIN", "signIn: {issuer: "+issuer.URL+", clientId: portal, clientSecret: "+secret+"}", 1)
	p := serve(t, kept, definitions)
	b := p.browser()
	b.want(403, "/account/request/pets/v1", ada)
	if got := b.want(200, "/account/request/pets/v1", nil); !strings.Contains(got, "/account/sign-in/start?to=pets%2fv1") {
		t.Error(got)
	}
	b.want(404, "/account/sign-in", url.Values{"secret": {"x"}})

	// go-through: the browser follows to the provider, and comes back with what it says.
	begin := func(b *browser) string {
		t.Helper()
		answer, text := b.ask("/account/sign-in/start?to=pets/v1", nil)
		if answer.StatusCode != http.StatusFound {
			t.Fatal(answer.StatusCode, text)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, answer.Header.Get("Location"), nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = back.Body.Close()
		path, ok := strings.CutPrefix(back.Header.Get("Location"), "https://api.example.com/developers")
		if !ok {
			t.Fatal(back.Status, back.Header)
		}
		return path
	}
	done := begin(b)
	thief := p.browser()
	thief.want(400, done, nil)
	b.want(400, strings.Replace(done, "state=", "state=x", 1), nil)
	b.want(400, done, nil) // an answer is tried once
	done = begin(b)
	answer, text := b.ask(done, nil)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/developers/account/request/pets/v1" {
		t.Fatal(answer.StatusCode, answer.Header, text)
	}
	if got := b.want(200, "/account/request/pets/v1", nil); !strings.Contains(got, "Grace Hopper") {
		t.Error(got)
	}
	// Who is signed in cannot be somebody else.
	b.want(303, "/account/request/pets/v1", ada)
	r := p.requests()[0]
	if r.Name != "Grace Hopper" || r.Email != "grace@example.com" || !r.EmailVerified || strings.Contains(r.Owner, "user-42") {
		t.Errorf("%+v", r)
	}

	// The same user is the same consumer on another device, and after a restart.
	other := serve(t, kept, definitions)
	b.tested = other
	if got := b.want(200, "/account/keys", nil); !strings.Contains(got, r.ID) {
		t.Error(got)
	}
	second := other.browser()
	second.want(303, begin(second), nil)
	second.want(200, "/account/keys/"+r.ID, nil)
	client.Claims = map[string]any{"sub": "43", "name": "Grace Hopper", "email": "grace@example.com"}
	issuer.Register(client)
	third := other.browser()
	third.want(303, begin(third), nil)
	third.want(404, "/account/keys/"+r.ID, nil)
	// A sign-out ends the session for whoever has a copy of its cookie, in every process.
	copied, _ := url.Parse("https://api.example.com/developers/account/keys")
	stolen := third.jar.Cookies(copied)[0].String()
	p.browser().want(200, "/account/keys", nil, "Cookie", stolen)
	third.want(303, "/account/sign-out", url.Values{})
	third.want(303, "/account/keys", nil)
	for _, process := range []*tested{p, other} {
		process.browser().want(303, "/account/keys", nil, "Cookie", stolen)
	}
	second.want(200, "/account/keys", nil)

	for name, claims := range map[string]map[string]any{
		"another nonce":    {"sub": "user-42", "nonce": "x"},
		"another audience": {"sub": "user-42", "aud": "another"},
		"another issuer":   {"sub": "user-42", "iss": "https://evil.example.com"},
		"no subject":       {"sub": nil},
		"over":             {"sub": "user-42", "exp": 1},
	} {
		client.Claims = claims
		issuer.Register(client)
		b := other.browser()
		b.address = "198.51.100." + "1"
		if answer, _ := b.ask(begin(b), nil); answer.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
	client.Claims = map[string]any{"error": "access_denied"}
	issuer.Register(client)
	refused := other.browser()
	refused.address = "198.51.100.2"
	refused.want(403, begin(refused), nil)
	issuer.Stop()
	if strings.Contains(p.log.String()+other.log.String(), secret) {
		t.Error("the log has the client's secret")
	}
}
