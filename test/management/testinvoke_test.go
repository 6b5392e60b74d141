package management

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/oidctest"
)

// TestTriedMethods tries methods and authorizers that are not deployed.
func TestTriedMethods(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/auth":
			if strings.Contains(string(body), "nonsense") {
				fmt.Fprint(w, `"nothing"`)
				return
			}
			fmt.Fprint(w, `{"principalId": "me", "context": {"tenant": "t1"}, "policyDocument": {"Version": "2012-10-17",
				"Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}]}}`)
		case "/events":
			_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": 200, "body": string(body)})
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{"path": r.URL.Path, "query": r.URL.RawQuery, "headers": r.Header, "body": string(body)})
		}
	}))
	t.Cleanup(backend.Close)
	functions := ""
	for _, name := range []string{"auth", "events"} {
		functions += fmt.Sprintf("  - {name: %q, url: %q}\n", "arn:aws:lambda:eu-west-1:000000000000:function:"+name, backend.URL+"/"+name)
	}
	pool := oidctest.Start(t)
	const client = "client-1"
	claims := func(change map[string]any) map[string]any {
		all := map[string]any{"token_use": "id", "aud": client, "cognito:username": "ann", "cognito:groups": []string{"admins", "staff"}, "email_verified": true}
		maps.Copy(all, change)
		return all
	}
	tokens, err := json.Marshal(map[string]string{
		"good":      pool.Token(claims(nil)),
		"ec":        pool.Token(claims(nil), oidctest.SignedBy(pool.Key(jose.ES256))),
		"access":    pool.Token(claims(map[string]any{"token_use": "access"})),
		"expired":   pool.Token(claims(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})),
		"early":     pool.Token(claims(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()})),
		"endless":   pool.Token(claims(map[string]any{"exp": nil})),
		"elsewhere": pool.Token(claims(map[string]any{"aud": "client-10"})),
		"foreign":   pool.Token(claims(map[string]any{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_other"})),
		"forged":    pool.Token(claims(nil), oidctest.SignedBy(oidctest.NewKey(t, jose.RS256)), oidctest.WithKeyID(pool.Key(jose.RS256).ID)),
		"nonsense":  "a.b.c",
	})
	if err != nil {
		t.Fatal(err)
	}
	issuers := fmt.Sprintf("issuers: [{issuer: %q, userPool: %q}]\n", pool.URL, "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_test")
	startSite(t, "functions:\n"+functions+issuers).run(t, "testinvoke.py", backend.URL, string(tokens))
}
