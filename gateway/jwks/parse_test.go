package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/jwks"
)

// pairs are private keys by a name, made once.
var pairs = sync.OnceValue(func() map[string]any {
	made := map[string]any{}
	add := func(name string, key any, err error) {
		if err != nil {
			panic(err)
		}
		made[name] = key
	}
	for _, bits := range []int{1024, 2048} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		add(fmt.Sprintf("rsa%d", bits), key, err)
	}
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521(), "p224": elliptic.P224()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		add(name, key, err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	add("ed25519", key, err)
	return made
})

// members gives a key as JSON, private members included, with some replaced; nil
// takes one away.
func members(t testing.TB, name string, replaced map[string]any) map[string]any {
	t.Helper()
	data, err := jose.JSONWebKey{Key: pairs()[name], KeyID: name}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	for k, v := range replaced {
		out[k] = v
		if v == nil {
			delete(out, k)
		}
	}
	return out
}

// public leaves out the private members.
func public(t testing.TB, name string, replaced map[string]any) map[string]any {
	t.Helper()
	out := members(t, name, nil)
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		delete(out, private)
	}
	for k, v := range replaced {
		out[k] = v
	}
	return out
}

func set(t testing.TB, keys ...any) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseKeeps(t *testing.T) {
	for _, key := range []map[string]any{
		public(t, "rsa2048", nil),
		public(t, "rsa2048", map[string]any{"alg": "PS512", "use": "sig", "key_ops": []string{"verify"}}),
		public(t, "p256", map[string]any{"alg": "ES256"}),
		public(t, "p384", nil),
		public(t, "p521", map[string]any{"alg": "ES512", "use": ""}),
		public(t, "ed25519", map[string]any{"alg": "EdDSA"}),
		// What nobody verifies does no harm.
		public(t, "p256", map[string]any{"x5c": []string{"garbage"}, "x5t": "?", "x5u": "::", "note": 1}),
	} {
		parsed, err := jwks.Parse(set(t, key))
		if err != nil || parsed.Keys != 1 || len(parsed.Dropped) > 0 {
			t.Errorf("%v: %+v, %v", key, parsed, err)
			continue
		}
		var document struct{ Keys []map[string]any }
		if err := json.Unmarshal([]byte(parsed.JSON), &document); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"use", "key_ops", "x5c", "x5t", "x5u", "note"} {
			delete(key, other)
		}
		if diff := cmp.Diff([]map[string]any{key}, document.Keys); diff != "" {
			t.Errorf("key (-sent +kept):\n%s", diff)
		}
	}
}

func TestParseDrops(t *testing.T) {
	good := public(t, "p256", map[string]any{"kid": "good"})
	for name, c := range map[string]struct {
		key    any
		reason string
	}{
		"symmetric":       {map[string]any{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}, "symmetric"},
		"private RSA":     {members(t, "rsa2048", nil), "private half"},
		"private EC":      {members(t, "p256", nil), "private half"},
		"private OKP":     {members(t, "ed25519", nil), "private half"},
		"prime alone":     {public(t, "rsa2048", map[string]any{"p": "AQAB"}), "private half"},
		"short RSA":       {public(t, "rsa1024", nil), "1024 bits"},
		"huge RSA":        {public(t, "rsa2048", map[string]any{"n": strings.Repeat("_", 700)}), "not supported"},
		"even modulus":    {public(t, "rsa2048", map[string]any{"n": strings.Repeat("_", 341) + "g"}), "no RSA key"},
		"exponent 1":      {public(t, "rsa2048", map[string]any{"e": "AQ"}), "malformed"},
		"even exponent":   {public(t, "rsa2048", map[string]any{"e": "AQAA"}), "exponent"},
		"no modulus":      {map[string]any{"kty": "RSA", "e": "AQAB"}, "malformed"},
		"off the curve":   {public(t, "p256", map[string]any{"x": strings.Repeat("A", 43)}), "malformed"},
		"other curve":     {map[string]any{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, "not supported"},
		"X25519":          {map[string]any{"kty": "OKP", "crv": "X25519", "x": strings.Repeat("A", 43)}, "not supported"},
		"short Ed25519":   {public(t, "ed25519", map[string]any{"x": "AAAA"}), "malformed"},
		"encryption":      {public(t, "rsa2048", map[string]any{"use": "enc"}), `use "enc"`},
		"wrapping":        {public(t, "rsa2048", map[string]any{"key_ops": []string{"wrapKey"}}), "key_ops"},
		"RSA-OAEP":        {public(t, "rsa2048", map[string]any{"alg": "RSA-OAEP"}), `algorithm "RSA-OAEP"`},
		"algorithm none":  {public(t, "rsa2048", map[string]any{"alg": "none"}), `algorithm "none"`},
		"HMAC of RSA":     {public(t, "rsa2048", map[string]any{"alg": "HS256"}), `algorithm "HS256"`},
		"wrong curve":     {public(t, "p384", map[string]any{"alg": "ES256"}), `algorithm "ES256"`},
		"kid is a number": {public(t, "p256", map[string]any{"kid": 7}), "its kid is not a text"},
		"bad base64":      {public(t, "rsa2048", map[string]any{"n": "!"}), "malformed"},
		"no type":         {map[string]any{"kid": "x"}, "malformed"},
		"unknown type":    {map[string]any{"kty": "XYZ"}, "not supported"},
		"null":            {nil, "not a JSON object"},
		"text":            {"key", "not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := jwks.Parse(set(t, c.key, good))
			if err != nil || parsed.Keys != 1 {
				t.Fatalf("%+v, %v", parsed, err)
			}
			if len(parsed.Dropped) != 1 || parsed.Dropped[0].Index != 0 || !strings.Contains(parsed.Dropped[0].Reason, c.reason) {
				t.Errorf("dropped %v, want one for %q", parsed.Dropped, c.reason)
			}
			alone, err := jwks.Parse(set(t, c.key))
			if !errors.Is(err, jwks.ErrNoKeys) || len(alone.Dropped) != 1 {
				t.Errorf("alone: %+v, %v", alone, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":      "",
		"a page":       "<html>",
		"null":         "null",
		"a list":       "[]",
		"no keys":      "{}",
		"a key":        `{"kty":"EC"}`,
		"keys as text": `{"keys":"x"}`,
		"two sets":     `{"keys":[]}{"keys":[]}`,
		"too large":    `{"keys":[]` + strings.Repeat(" ", jwks.MaxBytes) + "}",
		"too deep":     `{"keys":[` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `]}`,
	} {
		if parsed, err := jwks.Parse([]byte(data)); err == nil {
			t.Errorf("%s: %+v", name, parsed)
		}
	}
}

func TestParseIsCanonical(t *testing.T) {
	a := public(t, "rsa2048", map[string]any{"kid": "b", "use": "sig"})
	b := public(t, "p256", map[string]any{"kid": "a"})
	c := public(t, "p384", map[string]any{"kid": "b"})
	first, err := jwks.Parse(set(t, a, b, c))
	if err != nil {
		t.Fatal(err)
	}
	// Another order, other spaces, one key twice; two different keys of one id stay.
	indented, err := json.MarshalIndent(map[string]any{"keys": []any{c, a, b, c}, "more": true}, " ", "\t")
	if err != nil {
		t.Fatal(err)
	}
	second, err := jwks.Parse(indented)
	if err != nil {
		t.Fatal(err)
	}
	if first.JSON != second.JSON || first.Keys != 3 || second.Keys != 3 {
		t.Errorf("%d keys: %s\n%d keys: %s", first.Keys, first.JSON, second.Keys, second.JSON)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"rsa1024", "rsa2048", "p256", "p521", "ed25519"} {
		f.Add(set(f, public(f, name, nil)))
		f.Add(set(f, members(f, name, nil)))
	}
	f.Add(set(f, map[string]any{"kty": "oct", "k": "AAAA"}, nil, 1, public(f, "p256", map[string]any{"alg": "ES384"})))
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := jwks.Parse(data)
		if err != nil {
			if parsed.JSON != "" || parsed.Keys != 0 {
				t.Fatalf("%+v beside %v", parsed, err)
			}
			return
		}
		// What comes out must be all that goes in a second time.
		again, err := jwks.Parse([]byte(parsed.JSON))
		if err != nil || again.JSON != parsed.JSON || again.Keys != parsed.Keys || len(again.Dropped) > 0 {
			t.Fatalf("%s\nagain: %+v, %v", parsed.JSON, again, err)
		}
		var document struct{ Keys []map[string]any }
		if err := json.Unmarshal([]byte(parsed.JSON), &document); err != nil {
			t.Fatal(err)
		}
		for _, key := range document.Keys {
			for member := range key {
				if !slices.Contains([]string{"alg", "crv", "e", "kid", "kty", "n", "x", "y"}, member) {
					t.Fatalf("member %s in %s", member, parsed.JSON)
				}
			}
		}
		// A stranger's reader must be able to read it.
		var set jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(parsed.JSON), &set); err != nil || len(set.Keys) != parsed.Keys {
			t.Fatalf("%s: %v", parsed.JSON, err)
		}
		for _, key := range set.Keys {
			if !key.IsPublic() || !key.Valid() {
				t.Fatalf("%s", parsed.JSON)
			}
		}
	})
}
