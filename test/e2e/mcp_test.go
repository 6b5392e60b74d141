package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

const toolsOpenAPI = `
openapi: 3.0.1
info: {title: Pets, version: "7", description: All about pets.}
security: [{api_key: []}]
paths:
  /pets:
    get:
      operationId: listPets
      summary: List the pets
      parameters:
        - {name: tag, in: query, description: Only those with all of them, schema: {type: array, items: {type: string}}}
        - {name: sleep, in: query, schema: {type: string}}
        - {name: status, in: query, schema: {type: integer}}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: X-Api-Key, in: header, schema: {type: string}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/pets"}
    post:
      operationId: addPet
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/pets"}
  /pets/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/pets/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}
    delete:
      operationId: removePet
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: DELETE, uri: "BACKEND/pets/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}
  /pets/all:
    get:
      operationId: hiddenFromAgents
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/pets/all"}
  /where:
    head:
      operationId: isThere
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: HEAD, uri: "BACKEND/where"}
    get:
      operationId: where
      x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "BACKEND/where", requestParameters: {integration.request.header.X-Source: context.identity.sourceIp}, responses: {default: {statusCode: "200"}}}
components:
  schemas:
    Pet: {type: object, required: [name], properties: {name: {type: string}, mother: {$ref: "#/components/schemas/Pet"}}}
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
`

const toolsDefinition = `
apis:
  - name: pets
    definition: pets.openapi.yaml
    stages:
      - name: v1
        mcp: {exclude: [hiddenFromAgents]}
        routes: {"DELETE /pets/{id}": {throttle: {rate: 0.0001, burst: 2}}}
apiKeys: [{name: acme, value: acme-0123456789-acme-0123456789}, {name: other, value: other-0123456789-other-01234567}]
usagePlans: [{name: gold, keys: [acme], stages: [pets/v1]}]
domains:
  - {name: "*", mappings: [{path: animals, stage: pets/v1}]}
`

const acmeKey = "acme-0123456789-acme-0123456789"

// withTools loads a definition that lies beside an OpenAPI document.
func withTools(t *testing.T, definition, openapi, backend string) *gateway.Snapshot {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pets.openapi.yaml"), []byte(strings.ReplaceAll(openapi, "BACKEND", backend)), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadText(t, strings.ReplaceAll(definition, "pets.openapi.yaml", filepath.Join(dir, "pets.openapi.yaml")))
}

// sentBy adds headers to the requests of a client, and may change their host.
type sentBy struct {
	host    string
	headers http.Header
}

func (s sentBy) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range s.headers {
		r.Header[name] = values
	}
	if s.host != "" {
		r.Host = s.host
	}
	return http.DefaultTransport.RoundTrip(r)
}

// agent connects the official client to an endpoint.
func (g *running) agent(host, path string, headers ...string) (*mcp.ClientSession, error) {
	g.t.Helper()
	return g.agentOf("", host, path, headers...)
}

// agentOf does so by a version of the protocol, "" for the client's own choice.
func (g *running) agentOf(version, host, path string, headers ...string) (*mcp.ClientSession, error) {
	g.t.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(g.t.Context(), &mcp.StreamableClientTransport{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d%s", g.port, path), HTTPClient: &http.Client{Transport: sentBy{host, h}}, MaxRetries: -1,
	}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err == nil {
		g.t.Cleanup(func() { session.Close() })
	}
	return session, err
}

func callTool(t *testing.T, session *mcp.ClientSession, name string, arguments map[string]any) (*mcp.CallToolResult, string) {
	t.Helper()
	result, err := session.CallTool(context.Background(), &mcp.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(result.Content) != 1 {
		t.Fatalf("%s: %+v", name, result)
	}
	text, ok := result.Content[0].(*mcp.TextContent)
	if !ok {
		t.Fatalf("%s: %+v", name, result.Content[0])
	}
	return result, text.Text
}

// countingBackend is an echo backend that counts what reaches it.
func countingBackend(t *testing.T) (url string, reached func() int) {
	t.Helper()
	echo := echoBackend(t, "pets")
	var n atomic.Int64
	counting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if len(r.TransferEncoding) > 0 {
			t.Errorf("%s %s has a body of unknown length", r.Method, r.URL.Path)
		}
		echo.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(counting.Close)
	return counting.URL, func() int { return int(n.Swap(0)) }
}

// TestTools calls an API by the official client, through all checks of its routes.
func TestTools(t *testing.T) {
	backend, reached := countingBackend(t)
	g := start(t, withTools(t, toolsDefinition, toolsOpenAPI, backend))
	const host = "pets.execute-api.localhost"
	session, err := g.agent(host, "/v1/mcp", "x-api-key", acmeKey)
	if err != nil {
		t.Fatal(err)
	}
	about := session.InitializeResult()
	if about.ServerInfo.Name != "pets" || about.ServerInfo.Version != "7" || about.Instructions != "All about pets." || about.ProtocolVersion != "2026-07-28" {
		t.Errorf("the server says %+v %+v", about.ServerInfo, about)
	}
	// Versions with a handshake go on to be spoken.
	for _, version := range []string{"2025-11-25", "2025-06-18", "2025-03-26"} {
		before, err := g.agentOf(version, host, "/v1/mcp", "x-api-key", acmeKey)
		if err != nil {
			t.Fatal(version, err)
		}
		if about := before.InitializeResult(); about.ProtocolVersion != version || about.ServerInfo.Name != "pets" {
			t.Errorf("%s: the server says %+v", version, about)
		}
		if err := before.Ping(t.Context(), nil); err != nil {
			t.Error(version, err)
		}
		if list, err := before.ListTools(t.Context(), nil); err != nil || len(list.Tools) != 6 {
			t.Error(version, err, list)
		}
		if result, text := callTool(t, before, "isThere", nil); result.IsError {
			t.Error(version, text)
		}
	}
	reached()
	listed, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
	}
	if got := strings.Join(names, " "); got != "listPets addPet get_pets_id removePet isThere where" {
		t.Errorf("tools are %s", got)
	}

	seen := func(text string) (e echoed) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return e
	}
	result, text := callTool(t, session, "listPets", map[string]any{"tag": []string{"a b", "c&d=e"}, "X-Trace": "t1"})
	e := seen(text)
	if e.Method != "GET" || e.Path != "/pets" || e.Query != "tag=a%20b&tag=c%26d%3De" || e.Body != "" || e.Headers["x-trace"][0] != "t1" {
		t.Errorf("listPets became %+v", e)
	}
	structured, ok := result.StructuredContent.(map[string]any)
	if result.IsError || !ok || structured["backend"] != "pets" {
		t.Errorf("%+v", result)
	}
	for name := range e.Headers {
		if strings.HasPrefix(name, "x-gw-") || strings.HasPrefix(name, "mcp-") || name == "content-type" {
			t.Errorf("the backend gets %s: %v", name, e.Headers[name])
		}
	}
	_, text = callTool(t, session, "addPet", map[string]any{"body": map[string]any{"name": "<Rex> é", "n": 12345678901234567}})
	e = seen(text)
	if e.Method != "POST" || !strings.Contains(e.Body, `"n":12345678901234567`) || !strings.Contains(e.Body, "Rex") || e.Headers["content-type"][0] != "application/json" || e.Headers["content-length"] == nil {
		t.Errorf("addPet became %+v", e)
	}

	// A value stays within its segment.
	reached()
	for value, path := range map[string]string{
		"1": "/pets/1", "a b": "/pets/a%20b", "a/b": "/pets/a%2Fb", "../admin": "/pets/..%2Fadmin", "%2e%2e": "/pets/%252e%252e", "a?b=c#d": "/pets/a%3Fb=c%23d",
		"é": "/pets/%C3%A9", `a\b`: "/pets/a%5Cb", `..\admin`: "/pets/..%5Cadmin", "mcp": "/pets/mcp", "a%2Fb": "/pets/a%252Fb", "...": "/pets/...", "all ": "/pets/all%20", "%61ll": "/pets/%2561ll",
	} {
		result, text := callTool(t, session, "get_pets_id", map[string]any{"id": value})
		if result.IsError || !strings.EqualFold(seen(text).Path, path) {
			t.Errorf("%q became %s, want %s", value, text, path)
		}
	}
	reached()
	for _, value := range []string{"", ".", "..", "all", "a\x00", "a\nb"} {
		if result, text := callTool(t, session, "get_pets_id", map[string]any{"id": value}); !result.IsError || reached() != 0 {
			t.Errorf("%q was answered %s", value, text)
		}
	}
	for _, arguments := range []map[string]any{{}, {"id": nil}, {"id": "1", "x-api-key": "other"}} {
		if result, text := callTool(t, session, "get_pets_id", arguments); !result.IsError || reached() != 0 {
			t.Errorf("%v was answered %s", arguments, text)
		}
	}
	for _, name := range []string{"hiddenFromAgents", "nothing", ""} {
		if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: name}); err == nil || reached() != 0 {
			t.Errorf("there is a tool %q: %v", name, err)
		}
	}
	if result, text := callTool(t, session, "listPets", map[string]any{"status": 404}); !result.IsError || !strings.HasPrefix(text, "404 Not Found\n") || !strings.Contains(text, `"backend":"pets"`) {
		t.Errorf("404 became %+v %s", result, text)
	}
	for name, arguments := range map[string]map[string]any{"listPets": {"status": 204}, "isThere": nil} {
		if result, text := callTool(t, session, name, arguments); result.IsError || text != map[string]string{"listPets": "204 No Content", "isThere": "200 OK"}[name] {
			t.Errorf("%s without a body: %s", name, text)
		}
	}
	for i := range 3 {
		result, text := callTool(t, session, "removePet", map[string]any{"id": "1"})
		if refused := result.IsError && strings.Contains(text, "429 Too Many Requests\n{\"message\":\"Too Many Requests\"}"); refused != (i == 2) {
			t.Errorf("call %d: %s", i, text)
		}
	}
	reached()

	// Without a key, or with one that has no plan for the stage, not even the list is told.
	for _, headers := range [][]string{nil, {"x-api-key", "other-0123456789-other-01234567"}, {"x-gw-key", "|gold|:acme", "x-gw-tool", "true"}} {
		if _, err := g.agent(host, "/v1/mcp", headers...); err == nil {
			t.Errorf("%v may connect", headers)
		}
		for _, method := range []string{"tools/list", "tools/call"} {
			r := g.request("POST", host, "/v1/mcp", `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":{"name":"listPets"}}`, append(headers, "Content-Type", "application/json")...)
			if r.StatusCode != 403 || r.body != `{"message":"Forbidden"}` || reached() != 0 {
				t.Errorf("%v: %d %s", headers, r.StatusCode, r.body)
			}
		}
	}

	// By a domain, and by the path form; and who calls is the same to the API.
	for _, at := range [][2]string{{host, "/v1/mcp"}, {"any.example.com", "/animals/mcp"}, {"", "/_aws/execute-api/pets/v1/mcp"}} {
		session, err := g.agent(at[0], at[1], "x-api-key", acmeKey, "X-Forwarded-For", "203.0.113.9", "X-Gw-Client-Address", "203.0.113.8", "X-Gw-Tool", "true")
		if err != nil {
			t.Error(at, err)
			continue
		}
		if _, text := callTool(t, session, "where", nil); seen(text).Headers["x-source"][0] != "127.0.0.1" {
			t.Errorf("%v: %s", at, text)
		}
	}
}

// TestToolCallsEnd holds that a backend need not go on when the agent's client is gone.
func TestToolCallsEnd(t *testing.T) {
	began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice
		began <- struct{}{}
		select {
		case <-r.Context().Done():
			ended <- struct{}{}
		case <-time.After(15 * time.Second):
		}
	}))
	t.Cleanup(backend.Close)
	g := start(t, withTools(t, toolsDefinition, toolsOpenAPI, backend.URL))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	r, err := http.NewRequestWithContext(ctx, "POST", fmt.Sprintf("http://127.0.0.1:%d/v1/mcp", g.port), strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"listPets"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "pets.execute-api.localhost"
	r.Header.Set("x-api-key", acmeKey)
	r.Header.Set("Content-Type", "application/json")
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
		t.Error("the call was not cancelled")
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the backend goes on")
	}
}

// TestToolTransport sends what no good client would.
func TestToolTransport(t *testing.T) {
	backend, reached := countingBackend(t)
	g := start(t, withTools(t, toolsDefinition, toolsOpenAPI, backend))
	const host = "pets.execute-api.localhost"
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"addPet","arguments":{"body":{"name":"PAD"}}}}`
	// enveloped is a request of the versions without a handshake.
	enveloped := func(method, more string) string {
		return `{"jsonrpc":"2.0","id":7,"method":"` + method + `","params":{` + more + `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	}
	said := func(method, name string) []string {
		return []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", method, "Mcp-Name", name}
	}
	for name, c := range map[string]struct {
		method, body string
		headers      []string
		status       int
		says         string
	}{
		"a stream":                {"GET", "", nil, 405, ""},
		"the end of a session":    {"DELETE", "", nil, 405, ""},
		"put":                     {"PUT", list, nil, 405, ""},
		"a web page":              {"POST", list, []string{"Origin", "http://evil.example"}, 403, "web pages"},
		"a page of this host":     {"POST", list, []string{"Origin", "http://" + host}, 403, "web pages"},
		"no type":                 {"POST", list, []string{"Content-Type", "text/plain"}, 415, ""},
		"compressed":              {"POST", list, []string{"Content-Encoding", "gzip"}, 415, ""},
		"an old version":          {"POST", list, []string{"Mcp-Protocol-Version", "2024-11-05"}, 400, "2025-11-25"},
		"no body":                 {"POST", "", nil, 400, ""},
		"no JSON":                 {"POST", "{", nil, 400, "-32700"},
		"only blanks":             {"POST", "  ", nil, 400, "-32700"},
		"no object":               {"POST", `"x"`, nil, 400, "-32600"},
		"a batch":                 {"POST", "[" + list + "]", nil, 400, "batches"},
		"another version":         {"POST", `{"id":1,"method":"ping"}`, nil, 400, "-32600"},
		"no id that can be":       {"POST", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, nil, 400, "-32600"},
		"a notification":          {"POST", `{"jsonrpc":"2.0","method":"notifications/cancelled"}`, nil, 202, ""},
		"an unknown method":       {"POST", `{"jsonrpc":"2.0","id":1,"method":"resources/list"}`, nil, 200, "-32601"},
		"a bad cursor":            {"POST", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}`, nil, 200, "-32602"},
		"no arguments":            {"POST", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"addPet","arguments":[]}}`, nil, 200, "-32602"},
		"too large":               {"POST", strings.Replace(call, "PAD", strings.Repeat("x", 1<<20), 1), nil, 413, ""},
		"as large as may be":      {"POST", strings.Replace(call, "PAD", strings.Repeat("x", 400<<10), 1), nil, 200, `"structuredContent"`},
		"an answer that is more":  {"POST", strings.Replace(call, "PAD", strings.Repeat("\\u0001", 150<<10), 1), nil, 200, "the answer has more than"},
		"a discovery":             {"POST", enveloped("server/discover", ""), said("server/discover", ""), 200, `"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25"`},
		"an enveloped list":       {"POST", enveloped("tools/list", ""), said("tools/list", ""), 200, `"cacheScope":"private"`},
		"an enveloped bad cursor": {"POST", enveloped("tools/list", `"cursor":"x",`), said("tools/list", ""), 400, "-32602"},
		"an enveloped mistake":    {"POST", enveloped("tools/call", `"name":"addPet","arguments":{"x":1},`), said("tools/call", "=?base64?YWRkUGV0?="), 200, `"isError":true,"resultType":"complete"`},
		"another name":            {"POST", enveloped("tools/call", `"name":"addPet",`), said("tools/call", "listPets"), 400, "-32020"},
		"another method":          {"POST", enveloped("tools/list", ""), said("tools/call", ""), 400, "-32020"},
		"two methods":             {"POST", enveloped("tools/list", ""), append(said("tools/list", ""), "Mcp-Method", "tools/call"), 400, "-32020"},
		"no version in a header":  {"POST", enveloped("tools/list", ""), []string{"Mcp-Method", "tools/list"}, 400, "-32020"},
		"no envelope":             {"POST", list, said("tools/list", ""), 400, "-32602"},
		"no capabilities":         {"POST", strings.Replace(enveloped("tools/list", ""), ":{}}", ":null}", 1), said("tools/list", ""), 400, "-32602"},
		"a newer version":         {"POST", strings.ReplaceAll(enveloped("tools/list", ""), "2026-07-28", "2027-01-01"), []string{"Mcp-Protocol-Version", "2027-01-01", "Mcp-Method", "tools/list"}, 400, `"code":-32022,`},
		"a handshake of today":    {"POST", enveloped("initialize", ""), said("initialize", ""), 404, "-32601"},
		"a subscription":          {"POST", enveloped("subscriptions/listen", ""), said("subscriptions/listen", ""), 404, "-32601"},
		"params that are none":    {"POST", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}`, nil, 400, "-32602"},
		"good":                    {"POST", list, []string{"Mcp-Protocol-Version", "2025-06-18"}, 200, `"tools":[`},
	} {
		headers := append([]string{"x-api-key", acmeKey}, c.headers...)
		if name != "no type" {
			headers = append(headers, "Content-Type", "application/json")
		}
		r := g.request(c.method, host, "/v1/mcp", c.body, headers...)
		if r.StatusCode != c.status || !strings.Contains(r.body, c.says) {
			t.Errorf("%s: %d %.300s", name, r.StatusCode, r.body)
		}
		if n := reached(); n != 0 && !strings.Contains(name, "as may be") && !strings.Contains(name, "an answer") {
			t.Errorf("%s: the backend was reached", name)
		}
	}

	// Without the service nothing is answered, and nothing let through.
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	g.integration.Close(ended)
	if r := g.request("POST", host, "/v1/mcp", call, "x-api-key", acmeKey, "Content-Type", "application/json"); r.StatusCode != 503 || reached() != 0 {
		t.Errorf("without the service: %d %s", r.StatusCode, r.body)
	}
}

const mixedTools = `
openapi: 3.0.1
info: {title: mixed, version: "1"}
x-amazon-apigateway-policy:
  Version: "2012-10-17"
  Statement:
    - {Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*"}
    - {Effect: Deny, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*/GET/here", Condition: {NotIpAddress: {"aws:SourceIp": "203.0.113.0/24"}}}
paths:
  /open:
    get: {operationId: open, x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/open"}}
  /closed:
    get: {operationId: closed, security: [{api_key: []}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/closed"}}
  /here:
    get: {operationId: here, x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/here"}}
  /{any}:
    get:
      operationId: any
      parameters: [{name: any, in: path, required: true, schema: {type: string}}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/any"}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
`

// TestToolsAreAuthorized holds that a call of a tool is checked as its own route. The
// endpoint of this API is open, since some of its routes are: with a filter that changes
// the path within one connection manager, the checks of the endpoint's route, which are
// none, would be all there are.
func TestToolsAreAuthorized(t *testing.T) {
	backend, reached := countingBackend(t)
	s := withTools(t, `
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1, mcp: true}]}]
apiKeys: [{name: acme, value: acme-0123456789-acme-0123456789}]
usagePlans: [{name: gold, keys: [acme], stages: [pets/v1], quota: {limit: 2, period: DAY, hard: true}}]
`, mixedTools, backend)
	port := proctest.FreePort(t)
	s.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(port), TrustedHops: 1}}
	log := filepath.Join(t.TempDir(), "access.log")
	s.Gateways[0].AccessLog = &gateway.AccessLog{Path: log}
	g := startOn(t, s, port)
	const host = "pets.execute-api.localhost"
	for name, c := range map[string]struct {
		tool    string
		headers []string
		says    string
	}{
		"open to all":             {"open", nil, ""},
		"without a key":           {"closed", nil, "403 Forbidden\n{\"message\":\"Forbidden\"}"},
		"with a wrong key":        {"closed", []string{"x-api-key", "wrong"}, "403 Forbidden\n{\"message\":\"Forbidden\"}"},
		"with a made up key":      {"closed", []string{"x-gw-key", "|gold|:acme"}, "403 Forbidden\n{\"message\":\"Forbidden\"}"},
		"from here":               {"here", []string{"X-Forwarded-For", "203.0.113.9"}, ""},
		"from elsewhere":          {"here", []string{"X-Forwarded-For", "198.51.100.9"}, "403 Forbidden\n"},
		"as if it were from here": {"here", []string{"X-Forwarded-For", "203.0.113.9, 198.51.100.9", "X-Gw-Client-Address", "203.0.113.9"}, "403 Forbidden\n"},
	} {
		session, err := g.agent(host, "/v1/mcp", c.headers...)
		if err != nil {
			t.Fatal(err)
		}
		result, text := callTool(t, session, c.tool, nil)
		n := reached()
		if result.IsError != (c.says != "") || !strings.HasPrefix(text, c.says) || (n == 1) != (c.says == "") {
			t.Errorf("%s: %s, and the backend was reached %d times", name, text, n)
		}
	}
	// No argument leads to where a key is asked for, or back to the endpoint.
	session, err := g.agent(host, "/v1/mcp")
	if err != nil {
		t.Fatal(err)
	}
	for value, path := range map[string]string{"closed": "", "CLOSED": "/any", "mcp": "/any", "closed%2f": "/any", "closed/": "", "x/../closed": ""} {
		result, text := callTool(t, session, "any", map[string]any{"any": value})
		if n := reached(); path == "" && (strings.Contains(text, "/closed") && !result.IsError || strings.Contains(text, "/any") && n != 1) || path != "" && (result.IsError || !strings.Contains(text, `"path":"/any"`)) {
			t.Errorf("%q: %s", value, text)
		}
	}
	// A quota counts the calls, not the messages.
	session, err = g.agent(host, "/v1/mcp", "x-api-key", acmeKey)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if result, text := callTool(t, session, "closed", nil); result.IsError != (i == 2) || i == 2 && !strings.HasPrefix(text, "429 Too Many Requests\n{\"message\":\"Limit Exceeded\"}") {
			t.Errorf("call %d: %s", i, text)
		}
		if _, err := session.ListTools(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	// Each call is in the log once, as its route's.
	time.Sleep(200 * time.Millisecond)
	lines, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(lines), `"route":"GET /closed"`); n != 6 {
		t.Errorf("the log has %d calls of GET /closed", n)
	}
	if n := strings.Count(string(lines), `"requestId":null`); n != 0 {
		t.Errorf("the log has %d lines without an id", n)
	}
}

// TestToolsWithTokens calls an HTTP API whose routes ask for tokens, some for more.
func TestToolsWithTokens(t *testing.T) {
	backend, reached := countingBackend(t)
	iss := oidctest.Start(t)
	document := strings.ReplaceAll(strings.ReplaceAll(httpTokens, "ISSUER", iss.URL), "/open", "/other")
	s := withTools(t, `
apis: [{name: pets, protocol: HTTP, definition: pets.openapi.yaml, stages: [{name: $default, mcp: {include: ["* /orders"], path: /agents/mcp}}]}]
domains: [{name: "*", mappings: [{path: shop, stage: pets/$default}]}]
`, document, backend)
	s.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS()}}
	g := start(t, s)
	const host = "pets.execute-api.localhost"
	token := func(more map[string]any) string {
		claims := map[string]any{"aud": "orders"}
		for k, v := range more {
			claims[k] = v
		}
		return "Bearer " + iss.Token(claims)
	}
	// Who has no token, or one that is not good, is told where to read who issues them.
	at := fmt.Sprintf("http://127.0.0.1:%d/shop/agents/mcp", g.port)
	for _, headers := range [][]string{nil, {"Authorization", "Bearer x"}, {"Authorization", token(map[string]any{"aud": "others"})}} {
		r := g.request("POST", "", "/shop/agents/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, append(headers, "Content-Type", "application/json")...)
		challenges, err := oauthex.ParseWWWAuthenticate(r.Header.Values("WWW-Authenticate"))
		if r.StatusCode != 401 || r.body != `{"message":"Unauthorized"}` || err != nil || len(challenges) != 1 || reached() != 0 {
			t.Fatalf("%v: %d %v %s %v", headers, r.StatusCode, r.Header, r.body, err)
		}
		told, err := oauthex.GetProtectedResourceMetadata(t.Context(), challenges[0].Params["resource_metadata"], at, http.DefaultClient)
		if err != nil {
			t.Fatalf("%v: %v: %v", headers, challenges[0], err)
		}
		want := &oauthex.ProtectedResourceMetadata{
			Resource: at, ResourceName: "pets", AuthorizationServers: []string{iss.URL},
			ScopesSupported: []string{"orders.admin", "orders.write"}, BearerMethodsSupported: []string{"header"},
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("the metadata (-want +got):\n%s", diff)
		}
	}
	for _, method := range []string{"POST", "OPTIONS"} {
		if r := g.request(method, host, "/agents/mcp/.well-known/oauth-protected-resource", "{}", "Content-Type", "application/json"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET" {
			t.Errorf("%s of the metadata: %d %v", method, r.StatusCode, r.Header)
		}
	}
	session, err := g.agent(host, "/agents/mcp", "Authorization", token(nil))
	if err != nil {
		t.Fatal(err)
	}
	if result, text := callTool(t, session, "get_orders", nil); result.IsError || reached() != 1 {
		t.Error(text)
	}
	if result, text := callTool(t, session, "post_orders", nil); !result.IsError || !strings.HasPrefix(text, "403 Forbidden\n") || reached() != 0 {
		t.Errorf("without the scope: %s", text)
	}
	if session, err = g.agent(host, "/agents/mcp", "Authorization", token(map[string]any{"scope": "orders.write"})); err != nil {
		t.Fatal(err)
	}
	if result, text := callTool(t, session, "post_orders", nil); result.IsError || reached() != 1 {
		t.Error(text)
	}
	// A client that knows only the URL, and that it may sign in users, gets there by itself.
	iss.Register(oidctest.Client{ID: "agent", Secret: "agent's secret", Redirect: "http://localhost/back", Access: map[string]any{"aud": "orders", "scope": "orders.write"}})
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: "agent", ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: "agent's secret"}, Issuer: iss.URL},
		RedirectURL:         "http://localhost/back",
		ScopeFilter:         func(told []string) []string { return append(told, "openid") },
		AuthorizationCodeFetcher: func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			r, err := browser.Get(args.URL)
			if err != nil {
				return nil, err
			}
			defer r.Body.Close()
			back, err := r.Location()
			if err != nil {
				return nil, err
			}
			return &auth.AuthorizationResult{Code: back.Query().Get("code"), State: back.Query().Get("state")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err = mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: at, OAuthHandler: handler, MaxRetries: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if result, text := callTool(t, session, "post_orders", nil); result.IsError || reached() != 1 {
		t.Error(text)
	}
}

// TestAgentsWithoutTokens holds that every kind of authorizer of tokens says where those are
// issued: a user pool's of a REST API, and an issuer's whose tokens are opaque.
func TestAgentsWithoutTokens(t *testing.T) {
	const metadata = "/mcp/.well-known/oauth-protected-resource"
	iss := oidctest.Start(t)
	pool := strings.ReplaceAll(poolTokens, "app-.*", ".*")
	rest := withTools(t, `apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1, mcp: true}]}]`, pool, "http://127.0.0.1:1")
	rest.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS(), UserPool: "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbC"}}
	opaque := withTools(t, `apis: [{name: pets, protocol: HTTP, definition: pets.openapi.yaml, stages: [{name: v1, mcp: {include: ["* /orders"]}}]}]`,
		strings.ReplaceAll(strings.ReplaceAll(httpTokens, "ISSUER", iss.URL), "/open", "/other"), "http://127.0.0.1:1")
	inactive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"active": false}`)
	}))
	t.Cleanup(inactive.Close)
	opaque.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS(), Introspection: &gateway.Introspection{
		Endpoint: inactive.URL, ClientID: "gateway", ClientSecret: "secret", Auth: gateway.IntrospectionBasic,
	}}}
	for name, s := range map[string]*gateway.Snapshot{"a user pool": rest, "opaque": opaque} {
		g := start(t, s)
		const host = "pets.execute-api.localhost"
		for _, headers := range [][]string{nil, {"Authorization", "Bearer opaque"}, {"Authorization", iss.Token(map[string]any{"aud": "others"})}} {
			r := g.request("POST", host, "/v1/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, append(headers, "Content-Type", "application/json")...)
			if want := `Bearer resource_metadata="http://` + host + `/v1` + metadata + `"`; r.StatusCode != 401 || r.Header.Get("WWW-Authenticate") != want {
				t.Errorf("%s, %v: %d %v %s", name, headers, r.StatusCode, r.Header, r.body)
			}
		}
		if r := g.request("GET", host, "/v1"+metadata, ""); r.StatusCode != 200 || !strings.Contains(r.body, `"resource":"http://`+host+`/v1/mcp"`) || !strings.Contains(r.body, `"authorization_servers":["`+iss.URL+`"]`) {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
		// A route's own refusals stay what Amazon's are.
		for _, path := range []string{"/v1/me", "/v1/orders"} {
			if r := g.request("GET", host, path, ""); r.StatusCode == 401 && strings.Contains(r.Header.Get("WWW-Authenticate"), "resource_metadata") {
				t.Errorf("%s of %s: %v", path, name, r.Header)
			}
		}
	}
	// Who asks for keys has nothing to say of tokens.
	backend, _ := countingBackend(t)
	g := start(t, withTools(t, toolsDefinition, toolsOpenAPI, backend))
	if r := g.request("GET", "pets.execute-api.localhost", "/v1"+metadata, ""); r.StatusCode != 403 {
		t.Errorf("keys: %d %s", r.StatusCode, r.body)
	}
}

const pythonAgent = `
import asyncio, json, sys
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

async def main(url, key):
    async with httpx2.AsyncClient(headers={"x-api-key": key}) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            names, cursor = [], None
            while True:
                page = await client.list_tools(cursor=cursor)
                names += [t.name for t in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    break
            called = await client.call_tool("addPet", {"body": {"name": "Rex"}})
            missing = await client.call_tool("listPets", {"status": 404})
            print(json.dumps({"version": client.protocol_version, "names": names, "error": called.is_error, "method": called.structured_content["method"], "body": called.structured_content["body"],
                              "missing": missing.is_error, "says": missing.content[0].text[:13]}))

asyncio.run(main(*sys.argv[1:]))
`

// TestToolsFromPython does the same by the other official client.
func TestToolsFromPython(t *testing.T) {
	backend, _ := countingBackend(t)
	g := start(t, withTools(t, toolsDefinition, toolsOpenAPI, backend))
	cmd := pytools.Command(t, nil, "-c", pythonAgent, fmt.Sprintf("http://localhost:%d/_aws/execute-api/pets/v1/mcp", g.port), acmeKey)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	const want = `{"version": "2026-07-28", "names": ["listPets", "addPet", "get_pets_id", "removePet", "isThere", "where"], "error": false, "method": "POST", "body": "{\"name\":\"Rex\"}", "missing": true, "says": "404 Not Found"}`
	if strings.TrimSpace(string(out)) != want {
		t.Errorf("the client says %s", out)
	}
}

// TestToolsApart calls with an integration service that is not where the control plane is.
func TestToolsApart(t *testing.T) {
	backend, _ := countingBackend(t)
	g := start(t, withTools(t, toolsDefinition, toolsOpenAPI, backend))
	s := withTools(t, toolsDefinition, toolsOpenAPI, backend)
	s.Gateways[0].Services.Integration = &gateway.Service{Plaintext: true, Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(g.integrationAddress.Port)}}}
	g.change(s)
	session, err := g.agent("pets.execute-api.localhost", "/v1/mcp", "x-api-key", acmeKey)
	if err != nil {
		t.Fatal(err)
	}
	if result, text := callTool(t, session, "where", nil); result.IsError {
		t.Error(text)
	}
}

// TestToolsWithCertificates holds that a domain that wants clients' certificates has no
// endpoint: the API is told of a certificate by the connection, which a call does not have.
func TestToolsWithCertificates(t *testing.T) {
	backend, reached := countingBackend(t)
	s := withTools(t, `
apis: [{name: pets, definition: pets.openapi.yaml, disableExecuteApiEndpoint: true, stages: [{name: v1, mcp: true}]}]
domains: [{name: closed.example.com, mappings: [{stage: pets/v1}]}, {name: open.example.com, mappings: [{stage: pets/v1}]}]
`, aboutClients, backend)
	ours := newAuthority(t, "Our CA")
	plainPort, tlsPort := proctest.FreePort(t), proctest.FreePort(t)
	s.Gateways[0].Listeners = []gateway.Listener{
		{Address: "127.0.0.1", Port: uint32(plainPort)}, {Address: "127.0.0.1", Port: uint32(tlsPort), TLS: certificate(t, "fallback.example.com")},
	}
	s.Domains[0].TLS, s.Domains[1].TLS = certificate(t, "closed.example.com"), certificate(t, "open.example.com")
	s.Domains[0].TLS.ClientCA = ours.pem()
	startOn(t, s, plainPort)
	good := ours.client("ann", 4711, time.Hour)
	call := func(sni, host string, certs ...tls.Certificate) (int, string) {
		t.Helper()
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{ServerName: sni, InsecureSkipVerify: true, Certificates: certs},
		}}
		r, _ := http.NewRequest("POST", fmt.Sprintf("https://127.0.0.1:%d/mcp", tlsPort), strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_who"}}`))
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		response, err := client.Do(r)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	const closed, open = "closed.example.com", "open.example.com"
	if status, body := call(closed, closed, good); status != 403 || reached() != 0 {
		t.Errorf("with a certificate: %d %s", status, body)
	}
	if status, body := call(open, closed, good); status != 403 || reached() != 0 {
		t.Errorf("by another's handshake: %d %s", status, body)
	}
	if status, body := call(open, open); status != 200 || reached() != 1 {
		t.Errorf("where none is needed: %d %s", status, body)
	}
}
