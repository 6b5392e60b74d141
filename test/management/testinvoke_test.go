package management

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
	startSite(t, "functions:\n"+functions).run(t, "testinvoke.py", backend.URL)
}
