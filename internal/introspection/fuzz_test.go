package introspection_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/introspection"
)

// FuzzParse holds that an answer is taken for a yes only if it is an object with one
// member "active", which is true.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"active": true, "scope": "a b", "aud": ["x"], "exp": 1800000000, "nbf": 1.5, "iss": "https://a", "client_id": "c"}`,
		`{"active": false}`, `{"active": true, "active": false}`, `{"Active": true}`, `{"active": "true"}`, `{"active": true}}`,
		`{"active": true, "\u0061ctive": false}`, `{"active":true,"aud":[null]}`, `{"active":true,"exp":1e400}`, `[{"active": true}]`,
		`{"active": true, "x": {"y": [[1], "\ud800", "\u0000", 1e99, null]}}`, "\ufeff{\"active\": true}", `{"active": true,}`, `{"active":true,"scope":["a b"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		answer, err := introspection.Parse(text)
		if err != nil {
			if !errors.Is(err, introspection.ErrMalformed) || answer != nil {
				t.Errorf("%v with %+v", err, answer)
			}
			return
		}
		// What another reader makes of it.
		var members map[string]json.RawMessage
		if json.Unmarshal(text, &members) != nil {
			t.Fatalf("not an object: %q", text)
		}
		if answer.Active != (string(members["active"]) == "true") {
			t.Errorf("active %t: %q", answer.Active, text)
		}
		if !answer.Active && (len(answer.Claims) > 0 || len(answer.Scopes) > 0 || len(answer.Audience) > 0) {
			t.Errorf("a bad token has claims: %q", text)
		}
		if strings.Count(string(text), "active") > 1 && !answer.Active && string(members["active"]) == "true" {
			t.Errorf("two answers in one: %q", text)
		}
		for name, claim := range answer.Claims {
			if !utf8.ValidString(name) || !utf8.ValidString(claim) {
				t.Errorf("the claim %q is no text: %q", name, claim)
			}
		}
		if exp, ok := members["exp"]; ok && answer.Active && answer.Expires.IsZero() && string(exp) != "null" {
			t.Errorf("the expiry %s is passed over", exp)
		}
	})
}
