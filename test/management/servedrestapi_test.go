package management

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// TestServedRESTAPIs creates a REST API from nothing, and calls it through Envoy: its
// deployments, its canary, its settings and its authorizer.
func TestServedRESTAPIs(t *testing.T) {
	var calls atomic.Int64
	authorizer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, calls.Load())
			return
		}
		calls.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"principalId": "me", "policyDocument": map[string]any{
			"Version": "2012-10-17", "Statement": []any{map[string]string{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}}}})
	}))
	t.Cleanup(authorizer.Close)
	s := startSite(t, fmt.Sprintf("functions: [{name: %q, url: %q}]\n", "arn:aws:lambda:eu-west-1:000000000000:function:auth", authorizer.URL))
	s.run(t, "served_restapi.py", authorizer.URL)
}
