package definition_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/definition"
	"gatehouse/internal/oidctest"
)

// TestWrittenKeySets: what is written into a definition passes the same sieve as
// what comes from an issuer.
func TestWrittenKeySets(t *testing.T) {
	key := oidctest.NewKey(t, jose.ES256)
	private := key.Private()
	keySet := func(keys ...jose.JSONWebKey) string {
		data, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	symmetric := jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "hmac"}
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("api.yaml", `{openapi: 3.0.3, info: {title: a, version: "1"}, paths: {/a: {get: {responses: {"200": {description: ok}}}}}}`)
	load := func(keys string) definition.Result {
		write("keys.json", keys)
		path := write("gatehouse.yaml", "apis:\n  - {name: a, protocol: HTTP, definition: api.yaml, backend: 'http://127.0.0.1:1'}\n"+
			"issuers:\n  - issuer: https://login.example.com\n    jwks: {file: keys.json}\n")
		return definition.NewLoader(definition.Options{}).Load(t.Context(), []string{path})
	}

	good := load(keySet(private.Public(), symmetric))
	if good.Snapshot == nil || len(good.Diagnostics) != 1 || good.Diagnostics[0].Code != "unusable-key" || good.Diagnostics[0].Pos.Line != 5 {
		t.Fatalf("%v", good.Diagnostics)
	}
	if got := good.Snapshot.Issuer("https://login.example.com").JWKS; !strings.Contains(got, key.ID) || strings.Contains(got, "hmac") {
		t.Errorf("keys: %s", got)
	}
	for name, text := range map[string]string{
		"a private key alone": keySet(private), "no key set": "-----BEGIN PUBLIC KEY-----",
	} {
		bad := load(text)
		if bad.Snapshot != nil || len(bad.Diagnostics) != 1 || bad.Diagnostics[0].Code != "invalid-jwks" {
			t.Errorf("%s: %v", name, bad.Diagnostics)
		}
	}
}
