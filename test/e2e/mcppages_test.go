package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
)

// TestToolsForPages has pages use endpoints as browsers let them: an HTTP API's own setting
// says which, or the endpoint's.
func TestToolsForPages(t *testing.T) {
	const page, stranger = "https://agents.example.com", "https://evil.example.com"
	backend, reached := countingBackend(t)
	iss := oidctest.Start(t)
	tokens := `x-amazon-apigateway-cors: {allowOrigins: ["` + page + `"], allowMethods: [GET], allowHeaders: [x-own], exposeHeaders: [x-told], maxAge: 60, allowCredentials: true}` +
		strings.ReplaceAll(strings.ReplaceAll(httpTokens, "ISSUER", iss.URL), "/open", "/other")
	ofAPI := withTools(t, `apis: [{name: pets, protocol: HTTP, definition: pets.openapi.yaml, stages: [{name: $default, mcp: {include: ["GET /orders"]}}]}]`, tokens, backend)
	ofAPI.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS()}}
	ofEndpoint := withTools(t, strings.ReplaceAll(toolsDefinition, "mcp: {", `mcp: {origins: ["`+page+`"], `), toolsOpenAPI, backend)
	everybodys := withTools(t, strings.ReplaceAll(toolsDefinition, "mcp: {", `mcp: {origins: ["*"], `), toolsOpenAPI, backend)
	none := withTools(t, `apis: [{name: pets, protocol: HTTP, definition: pets.openapi.yaml, stages: [{name: $default, mcp: {include: ["GET /orders"], origins: []}}]}]`, tokens, backend)
	none.Issuers = ofAPI.Issuers
	const host = "pets.execute-api.localhost"
	const metadata = "/.well-known/oauth-protected-resource"
	for name, c := range map[string]struct {
		snapshot                  *gateway.Snapshot
		path                      string
		credentials               []string
		call                      string
		refusal                   int
		strangers                 bool
		exposes, allows, maxAge   string
		withCredentials, metadata string
	}{
		"an HTTP API's": {
			ofAPI, "/mcp", []string{"Authorization", "Bearer " + iss.Token(map[string]any{"aud": "orders"})}, "get_orders", 401, false,
			"x-told,www-authenticate", "x-own,content-type", "60", "true", "yes",
		},
		"the endpoint's": {ofEndpoint, "/v1/mcp", []string{"x-api-key", acmeKey}, "isThere", 403, false, "www-authenticate", "content-type", "", "", ""},
		"everybody's":    {everybodys, "/v1/mcp", []string{"x-api-key", acmeKey}, "isThere", 403, true, "www-authenticate", "content-type", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, c.snapshot)
			// readable tells what a page of an origin may do with an answer.
			readable := func(what string, r reply, origin string) {
				t.Helper()
				h := r.Header
				if got := h.Values("Access-Control-Allow-Origin"); len(got) != 1 || got[0] != origin {
					t.Errorf("%s: %d for %v", what, r.StatusCode, got)
				}
				if got := strings.Join(h.Values("Access-Control-Allow-Credentials"), ","); got != c.withCredentials {
					t.Errorf("%s: credentials %q", what, got)
				}
				if got := strings.Join(h.Values("Access-Control-Expose-Headers"), "+"); got != c.exposes {
					t.Errorf("%s: exposes %q", what, got)
				}
			}
			preflight := func(path, origin, method string) reply {
				return g.request("OPTIONS", host, path, "", "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type,mcp-protocol-version,mcp-session-id")
			}
			r := preflight(c.path, page, "POST")
			if h := r.Header; r.StatusCode/100 != 2 || h.Get("Access-Control-Allow-Origin") != page || h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Access-Control-Max-Age") != c.maxAge || h.Get("Access-Control-Allow-Credentials") != c.withCredentials {
				t.Errorf("a preflight: %d %v", r.StatusCode, r.Header)
			}
			for _, name := range append(strings.Split(c.allows, ","), "authorization", "x-api-key", "mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name", "last-event-id", "x-amz-date") {
				if !strings.Contains(","+r.Header.Get("Access-Control-Allow-Headers")+",", ","+name+",") {
					t.Errorf("%s may not be sent: %v", name, r.Header)
				}
			}
			post := func(origin, body string, headers ...string) reply {
				return g.request("POST", host, c.path, body, append(headers, "Origin", origin, "Content-Type", "application/json")...)
			}
			const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
			call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + c.call + `"}}`
			r = post(page, list, c.credentials...)
			if r.StatusCode != 200 {
				t.Errorf("the tools: %d %s", r.StatusCode, r.body)
			}
			readable("the tools", r, page)
			reached()
			r = post(page, call, c.credentials...)
			if r.StatusCode != 200 || strings.Contains(r.body, `"isError":true`) || reached() != 1 {
				t.Errorf("a call: %d %s", r.StatusCode, r.body)
			}
			readable("a call", r, page)
			r = post(page, "{", c.credentials...)
			if r.StatusCode != 400 {
				t.Errorf("no JSON: %d %s", r.StatusCode, r.body)
			}
			readable("no JSON", r, page)
			// Who is refused can read why.
			r = post(page, list)
			if r.StatusCode != c.refusal {
				t.Errorf("without credentials: %d %s", r.StatusCode, r.body)
			}
			readable("a refusal", r, page)
			if c.metadata != "" {
				at := c.path + metadata
				if r = preflight(at, page, "GET"); r.StatusCode != 204 || r.Header.Get("Access-Control-Allow-Methods") != "GET" || !strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "mcp-protocol-version") {
					t.Errorf("a preflight of the metadata: %d %v", r.StatusCode, r.Header)
				}
				readable("its preflight", r, page)
				if r = g.request("GET", host, at, "", "Origin", page); r.StatusCode != 200 {
					t.Errorf("the metadata: %d %s", r.StatusCode, r.body)
				}
				readable("the metadata", r, page)
				if r = g.request("GET", host, at, "", "Origin", stranger); r.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("the metadata for others: %v", r.Header)
				}
			}
			if c.strangers {
				readable("another page", post(stranger, list, c.credentials...), stranger)
				return
			}
			for _, origin := range []string{stranger, "null", page + ".evil.example.com", "http://agents.example.com", page + "/", "https://x." + page[8:]} {
				if r = post(origin, call, c.credentials...); r.StatusCode != 403 || !strings.Contains(r.body, "web pages") || r.Header.Get("Access-Control-Allow-Origin") != "" || reached() != 0 {
					t.Errorf("%s: %d %v %s", origin, r.StatusCode, r.Header, r.body)
				}
				if r = preflight(c.path, origin, "POST"); r.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("a preflight of %s: %d %v", origin, r.StatusCode, r.Header)
				}
			}
		})
	}
	g := start(t, none)
	r := g.request("POST", host, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "Origin", page, "Content-Type", "application/json", "Authorization", "Bearer "+iss.Token(map[string]any{"aud": "orders"}))
	if r.StatusCode != 403 || r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("an endpoint for no page: %d %v", r.StatusCode, r.Header)
	}
}
