package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"gatehouse/gateway"
)

const signedTools = `
openapi: 3.0.1
info: {title: orders, version: "1"}
paths:
  /orders:
    get:
      operationId: listOrders
      parameters: [{name: X-Gw-Signer, in: header, schema: {type: string}}]
      x-amazon-apigateway-auth: {type: AWS_IAM}
      x-amazon-apigateway-integration: &to {type: http_proxy, httpMethod: ANY, uri: "BACKEND/orders", requestParameters: {integration.request.header.X-Arn: context.identity.userArn}}
    post:
      operationId: addOrder
      requestBody: {content: {application/json: {schema: {type: object}}}}
      x-amazon-apigateway-auth: {type: AWS_IAM}
      x-amazon-apigateway-integration: *to
  /open:
    get: {operationId: open, x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/open"}}
`

const signedHTTPTools = `
openapi: 3.0.1
info: {title: orders, version: "1"}
paths:
  /orders:
    get:
      operationId: listOrders
      x-amazon-apigateway-auth: {type: AWS_IAM}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/orders"}
`

// signing signs each message as a client of Amazon's would.
type signing struct {
	key     aws.Credentials
	host    string
	headers map[string]string
}

func (s signing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if s.host != "" {
		r.Host = s.host
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), s.key, r, hex.EncodeToString(hash[:]), "execute-api", "us-east-1", time.Now()); err != nil {
		return nil, err
	}
	for name, value := range s.headers {
		r.Header.Set(name, value)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestSignedTools calls methods that want signatures: who signs a message calls for the
// methods that they may call themselves, and nobody else does.
func TestSignedTools(t *testing.T) {
	backend, reached := countingBackend(t)
	snapshot := func() *gateway.Snapshot {
		s := withTools(t, `
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1, mcp: {access: "GET /orders"}}]}]
domains: [{name: "*", mappings: [{path: shop, stage: pets/v1}]}]
`, signedTools, backend)
		allow := func(resources ...string) []gateway.Policy {
			for i, r := range resources {
				resources[i] = `"arn:aws:execute-api:*:*:` + r + `"`
			}
			return []gateway.Policy{{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":[` + strings.Join(resources, ",") + `]}]}`}}
		}
		s.Credentials = nil
		for name, policies := range map[string][]gateway.Policy{
			"ANN": allow("*/*"), "BOB": allow("*/v1/POST/mcp", "*/v1/GET/*"), "EVE": allow("*/v1/POST/mcp"), "DAN": allow("*/v1/GET/*", "*/v1/POST/orders"),
		} {
			s.Credentials = append(s.Credentials, gateway.Credential{
				AccessKeyID: "AKID" + name, SecretAccessKey: gateway.Secret("secret-of-" + name), ARN: "arn:aws:iam::000000000000:user/" + name, Policies: policies,
			})
		}
		return s
	}
	g := start(t, snapshot())
	const host = "pets.execute-api.localhost"
	key := func(name string) aws.Credentials {
		return aws.Credentials{AccessKeyID: "AKID" + name, SecretAccessKey: "secret-of-" + name}
	}
	connect := func(at, path string, who string, headers map[string]string) (*mcp.ClientSession, error) {
		t.Helper()
		session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{
			Endpoint: fmt.Sprintf("http://127.0.0.1:%d%s", g.port, path), HTTPClient: &http.Client{Transport: signing{key(who), at, headers}}, MaxRetries: -1,
		}, nil)
		if err == nil {
			t.Cleanup(func() { session.Close() })
		}
		return session, err
	}
	forged := map[string]string{
		"X-Gw-Signer": "AKIDANN", "X-Gw-Tool": "true", "X-Gw-Told": "127.0.0.1 - - - - - -",
		"X-Gw-Identity": `{"accessKey":"AKIDANN","userArn":"arn:aws:iam::000000000000:user/ANN"}`,
	}
	// Each may call what they may call directly, wherever the endpoint is reached.
	for who, may := range map[string]map[string]bool{
		"ANN": {"listOrders": true, "addOrder": true, "open": true}, "BOB": {"listOrders": true, "open": true}, "EVE": {"open": true},
	} {
		for _, at := range [][2]string{{host, "/v1/mcp"}, {"any.example.com", "/shop/mcp"}, {"", "/_aws/execute-api/pets/v1/mcp"}} {
			for _, headers := range []map[string]string{nil, forged} {
				session, err := connect(at[0], at[1], who, headers)
				if err != nil {
					t.Fatal(who, at, err)
				}
				if list, err := session.ListTools(t.Context(), nil); err != nil || len(list.Tools) != 3 {
					t.Errorf("%s: %v %v", who, list, err)
				}
				if result, text := callTool(t, session, "listOrders", map[string]any{"X-Gw-Signer": "AKIDANN"}); !result.IsError || !strings.Contains(text, "no argument") {
					t.Errorf("%s names the signer: %s", who, text)
				}
				reached()
				for tool, arguments := range map[string]map[string]any{
					"listOrders": nil, "addOrder": {"body": map[string]any{"n": 1}}, "open": nil,
				} {
					result, text := callTool(t, session, tool, arguments)
					if !may[tool] {
						direct := g.signed(key(who), map[string]string{"listOrders": "GET", "addOrder": "POST"}[tool], host, "/v1/orders", "", nil)
						if want := "403 Forbidden\n" + direct.body; direct.StatusCode != 403 || !result.IsError || text != want || !strings.Contains(text, "is not authorized to perform") || reached() != 0 {
							t.Errorf("%s at %v calls %s: %s, want %s", who, at, tool, text, want)
						}
						continue
					}
					var e echoed
					if err := json.Unmarshal([]byte(text), &e); err != nil || result.IsError || reached() != 1 {
						t.Errorf("%s at %v calls %s: %v %s", who, at, tool, err, text)
						continue
					}
					if got := strings.Join(e.Headers["x-arn"], ","); tool != "open" && got != "arn:aws:iam::000000000000:user/"+who {
						t.Errorf("%s calls %s as %q", who, tool, got)
					}
					for name := range e.Headers {
						if name == "authorization" || strings.HasPrefix(name, "x-amz-") || strings.HasPrefix(name, "x-gw-") {
							t.Errorf("%s: the backend of %s gets %s: %v", who, tool, name, e.Headers[name])
						}
					}
				}
			}
		}
	}
	// Who may not call the endpoint's own method is not told of tools; nor is who only says
	// who they are.
	if _, err := connect(host, "/v1/mcp", "DAN", forged); err == nil {
		t.Error("DAN may connect")
	}
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"listOrders"}}`
	typed := func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }
	reached()
	for name, r := range map[string]reply{
		"unsigned":          g.request("POST", host, "/v1/mcp", call, "Content-Type", "application/json"),
		"unsigned, forged":  g.request("POST", host, "/v1/mcp", call, "Content-Type", "application/json", "X-Gw-Signer", "AKIDANN"),
		"direct":            g.request("GET", host, "/v1/orders", "", "X-Gw-Signer", "AKIDANN", "X-Gw-Tool", "true"),
		"by the path form":  g.request("GET", "", "/_aws/execute-api/pets/v1/orders", "", "X-Gw-Signer", "AKIDANN", "X-Gw-Tool", "true"),
		"by a domain":       g.request("GET", "any.example.com", "/shop/orders", "", "X-Gw-Signer", "AKIDANN"),
		"signed, as others": g.signed(key("EVE"), "GET", host, "/v1/orders", "", func(r *http.Request) { r.Header.Set("X-Gw-Signer", "AKIDANN") }),
		"a call to itself":  g.request("POST", host, "/v1/mcp", call, "Content-Type", "application/json", "X-Gw-Signer", "AKIDANN", "X-Gw-Tool", "true"),
		"another message": g.signed(key("ANN"), "POST", host, "/v1/mcp", strings.ReplaceAll(call, "listOrders", "open"), func(r *http.Request) {
			typed(r)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(call)), int64(len(call))
		}),
		"of another method":    g.signed(key("ANN"), "POST", host, "/v1/orders", call, func(r *http.Request) { typed(r); r.URL.Path = "/v1/mcp" }),
		"with a wrong secret":  g.signed(aws.Credentials{AccessKeyID: "AKIDANN", SecretAccessKey: "x"}, "POST", host, "/v1/mcp", call, typed),
		"replayed at a method": g.signed(key("ANN"), "POST", host, "/v1/mcp", call, func(r *http.Request) { typed(r); r.URL.Path = "/v1/orders" }),
	} {
		if r.StatusCode != 403 || reached() != 0 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	// What is called has to be part of what is signed.
	r, err := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d/v1/mcp", g.port), strings.NewReader(call))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	typed(r)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	if err := v4.NewSigner().SignHTTP(t.Context(), key("ANN"), r, "UNSIGNED-PAYLOAD", "execute-api", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != 403 || !strings.Contains(string(text), "Sign the SHA-256 of the body") || reached() != 0 {
		t.Errorf("an unsigned body: %d %s", response.StatusCode, text)
	}

	// HTTP APIs have such methods, too; all of the tools want signatures here.
	s := withTools(t, `apis: [{name: pets, protocol: HTTP, definition: pets.openapi.yaml, stages: [{name: $default, mcp: true}]}]`, signedHTTPTools, backend)
	s.Credentials = snapshot().Credentials
	g = start(t, s)
	session, err := connect(host, "/mcp", "ANN", nil)
	if err != nil {
		t.Fatal(err)
	}
	if result, text := callTool(t, session, "listOrders", nil); result.IsError {
		t.Error(text)
	}
	if _, err := connect(host, "/mcp", "EVE", nil); err == nil {
		t.Error("EVE may connect")
	}
}
