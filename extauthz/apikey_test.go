package extauthz_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

func withKeys(s *gateway.Snapshot) *gateway.Snapshot {
	s.APIs[0].Stages[0].Deployment.Routes[0].APIKeyRequired = true
	s.APIKeys = []gateway.APIKey{
		{Name: "acme", Values: []gateway.Secret{"the-old-value-of-acme", "the-new-value-of-acme"}},
		{Name: "off", Values: []gateway.Secret{"the-value-of-off-keys"}, Disabled: true},
		{Name: "elsewhere", Values: []gateway.Secret{"the-value-of-elsewhere"}},
		{Name: "planless", Values: []gateway.Secret{"the-value-of-planless"}},
		{Name: "empty", Values: []gateway.Secret{""}},
	}
	s.UsagePlans = []gateway.UsagePlan{
		{Name: "gold", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"acme", "off", "empty"}},
		{Name: "other", Stages: []gateway.PlanStage{{API: "pets", Stage: "v2"}}, Keys: []string{"elsewhere"}},
	}
	return s
}

var keyCases = map[string]string{
	"the-old-value-of-acme": "", "the-new-value-of-acme": "", "": "api-key-missing", "acme": "api-key-unknown",
	"THE-OLD-VALUE-OF-ACME": "api-key-unknown", "the-old-value-of-acme ": "api-key-unknown", "Bearer the-old-value-of-acme": "api-key-unknown",
	"the-value-of-off-keys": "api-key-disabled", "the-value-of-elsewhere": "api-key-outside-plan", "the-value-of-planless": "api-key-outside-plan",
	strings.Repeat("x", 60<<10): "api-key-missing",
}

func TestKeysInTheHeader(t *testing.T) {
	s := withKeys(one(gateway.REST, opened("GET", "/pets/{id}")))
	want := s.KeyAccess().Tag("acme")
	h := newHarness(t, s)
	for value, code := range keyCases {
		a := ask{route: petRoute, base: "/v1", headers: []string{"x-api-key: " + value}}
		expectKey(t, h.check(a), value, code, want)
		if value != "" && strings.Contains(h.log.String(), value+"\n") {
			t.Errorf("the log has the key %q", value)
		}
	}
	// Of two the first counts, as where Envoy looks keys up.
	a := ask{route: petRoute, base: "/v1", headers: []string{"x-api-key: the-old-value-of-acme", "x-api-key: the-value-of-elsewhere"}}
	expectKey(t, h.check(a), "two", "", want)
	slices.Reverse(a.headers)
	expectKey(t, h.check(a), "two, the other first", "api-key-outside-plan", want)
	a.headers[0] = "x-api-key: "
	expectKey(t, h.check(a), "an empty one first", "api-key-missing", want)
	// What looks like the gateway's own word is not.
	a.headers = []string{wire.KeyHeader + ": " + want}
	expectKey(t, h.check(a), "forged", "api-key-missing", want)
}

func TestKeysFromTheAuthorizer(t *testing.T) {
	s := withKeys(one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	s.APIs[0].Stages[0].Deployment.APIKeySource = gateway.APIKeyFromAuthorizer
	want := s.KeyAccess().Tag("acme")
	h := newHarness(t, s)
	n := 0
	for value, code := range keyCases {
		n++
		h.lambda.answer = answers(strings.TrimSuffix(allowAll, "}") + `, "usageIdentifierKey": "` + value + `"}`)
		for range 2 { // asked, and kept
			a := token(fmt.Sprint(n))
			a.headers = append(a.headers, "x-api-key: the-new-value-of-acme") // does not count
			got := h.check(a)
			expectKey(t, got, value, code, want)
			if got.authorizer()["principalId"] != "user-7" {
				t.Errorf("%q: the context is lost: %v", value, got.kept)
			}
			if text := fmt.Sprint(got.kept); value != "" && strings.Contains(text, value) {
				t.Errorf("the key %q is shown: %s", value, text)
			}
		}
	}
	h.lambda.answer = answers(allowAll)
	expectKey(t, h.check(token("none")), "none", "api-key-missing", want)
}

func expectKey(t *testing.T, got outcome, value, code, tag string) {
	t.Helper()
	if len(value) > 40 {
		value = value[:40] + "…"
	}
	if code == "" {
		if got.status != 200 || got.headers[wire.KeyHeader] != tag {
			t.Errorf("%q: %d %s %v, want %s", value, got.status, got.code(), got.headers, tag)
		}
		return
	}
	if got.status != 403 || got.code() != code || got.body != `{"message":"Forbidden"}` || got.headers["x-amzn-errortype"] != "ForbiddenException" {
		t.Errorf("%q: %d %s %s %v, want %s", value, got.status, got.code(), got.body, got.headers, code)
	}
}

// A key that is taken away is refused from the next request on.
func TestKeysAreRevoked(t *testing.T) {
	h := newHarness(t, withKeys(one(gateway.REST, opened("GET", "/pets/{id}"))))
	a := ask{route: petRoute, base: "/v1", headers: []string{"x-api-key: the-new-value-of-acme"}}
	if got := h.check(a); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.code())
	}
	for code, change := range map[string]func(*gateway.Snapshot){
		"api-key-disabled":     func(s *gateway.Snapshot) { s.APIKeys[0].Disabled = true },
		"api-key-unknown":      func(s *gateway.Snapshot) { s.APIKeys[0].Values = s.APIKeys[0].Values[:1] },
		"api-key-outside-plan": func(s *gateway.Snapshot) { s.UsagePlans[0].Keys = nil },
	} {
		s := withKeys(one(gateway.REST, opened("GET", "/pets/{id}")))
		change(s)
		h.serve(s)
		if got := h.check(a); got.code() != code {
			t.Errorf("%d %s, want %s", got.status, got.code(), code)
		}
	}
}
