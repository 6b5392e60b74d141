package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"gatehouse/gateway"
)

const signedRoutes = `
openapi: 3.0.1
info: {title: iam, version: "1"}
paths:
  /orders/{id}:
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-auth: {type: AWS_IAM}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/orders/{id}", requestParameters: {integration.request.header.X-Arn: context.identity.userArn, integration.request.header.X-Account: context.identity.accountId}}
`

const signedHTTPRoutes = `
openapi: 3.0.1
info: {title: iam, version: "1"}
paths:
  /orders:
    get:
      x-amazon-apigateway-auth: {type: AWS_IAM}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/orders"}
`

// signed sends a request that Amazon's own SDK has signed. change spoils it before it is
// sent.
func (g *running) signed(key aws.Credentials, method, host, target, body string, change func(*http.Request)) reply {
	g.t.Helper()
	req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", g.port, target), strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Host = host
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), key, req, hex.EncodeToString(hash[:]), "execute-api", "us-east-1", time.Now()); err != nil {
		g.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return reply{resp, string(text)}
}

// TestSignedRequests asks with the SDK's signatures, and with what is left of them when
// somebody changes the request.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
func TestSignedRequests(t *testing.T) {
	backend := echoBackend(t, "one")
	s := snapshotOf(
		gateway.API{ID: "iam", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, signedRoutes, backend.URL)}}},
		gateway.API{ID: "iamhttp", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, signedHTTPRoutes, backend.URL)}}},
	)
	allow := func(resource string) []gateway.Policy {
		return []gateway.Policy{{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"` + resource + `"}]}`}}
	}
	s.Credentials = []gateway.Credential{
		{AccessKeyID: "AKIDALLOWED", SecretAccessKey: "secret-of-allowed", ARN: "arn:aws:iam::000000000000:user/ann", Policies: allow("arn:aws:execute-api:*:*:*/*")},
		{AccessKeyID: "AKIDREADER", SecretAccessKey: "secret-of-reader", ARN: "arn:aws:iam::000000000000:user/bob", Policies: allow("arn:aws:execute-api:*:*:iam/v1/GET/*")},
		{AccessKeyID: "AKIDNOTHING", SecretAccessKey: "secret-of-nothing", ARN: "arn:aws:iam::000000000000:user/eve"},
		{AccessKeyID: "AKIDOFF", SecretAccessKey: "secret-of-off", ARN: "arn:aws:iam::000000000000:user/off", Policies: allow("*"), Disabled: true},
	}
	g := start(t, s)
	key := func(id, secret string) aws.Credentials {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
	}
	ann, bob := key("AKIDALLOWED", "secret-of-allowed"), key("AKIDREADER", "secret-of-reader")
	const host = "iam.execute-api.localhost"
	path := func(p string) func(*http.Request) {
		return func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "/v1/orders/1", p, 1) }
	}
	for name, c := range map[string]struct {
		key          aws.Credentials
		method, path string
		body         string
		change       func(*http.Request)
		status       int
		errorType    string
	}{
		"good":             {ann, "GET", "/v1/orders/1?b=2&a=x%20y&a=", "", nil, 200, ""},
		"good with a body": {ann, "POST", "/v1/orders/a%2Fb", `{"x":1}`, nil, 200, ""},
		"good, much of it": {ann, "PUT", "/v1/orders/1", strings.Repeat("x", 1<<20), nil, 200, ""},
		"good, not text":   {ann, "PUT", "/v1/orders/1", "\xff\x00\xfe{", nil, 200, ""},
		"good, long query": {ann, "GET", "/v1/orders/1?q=" + strings.Repeat("x", 50<<10), "", nil, 200, ""},
		"allowed method":   {bob, "GET", "/v1/orders/1", "", nil, 200, ""},
		"other method":     {bob, "POST", "/v1/orders/1", "x", nil, 403, "AccessDeniedException"},
		"no policy":        {key("AKIDNOTHING", "secret-of-nothing"), "GET", "/v1/orders/1", "", nil, 403, "AccessDeniedException"},
		"disabled":         {key("AKIDOFF", "secret-of-off"), "GET", "/v1/orders/1", "", nil, 403, ""},
		"unknown key":      {key("AKIDUNKNOWN", "x"), "GET", "/v1/orders/1", "", nil, 403, ""},
		"wrong secret":     {key("AKIDALLOWED", "x"), "GET", "/v1/orders/1", "", nil, 403, "InvalidSignatureException"},
		"unsigned":         {ann, "GET", "/v1/orders/1", "", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationTokenException"},
		"another path":     {ann, "GET", "/v1/orders/1", "", path("/v1/orders/2"), 403, "InvalidSignatureException"},
		"another method":   {ann, "GET", "/v1/orders/1", "", func(r *http.Request) { r.Method = "DELETE" }, 403, "InvalidSignatureException"},
		"another query":    {ann, "GET", "/v1/orders/1?a=1", "", func(r *http.Request) { r.URL.RawQuery = "a=2" }, 403, "InvalidSignatureException"},
		"another body":     {ann, "POST", "/v1/orders/1", "abc", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("abd")) }, 403, "InvalidSignatureException"},
		"another host":     {ann, "GET", "/v1/orders/1", "", func(r *http.Request) { r.Host += ":80" }, 403, "InvalidSignatureException"},
		"another time": {ann, "GET", "/v1/orders/1", "", func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"))
		}, 403, "InvalidSignatureException"},
		"dots in what is signed": {ann, "GET", "/v1/orders/1", "", func(r *http.Request) { r.URL.Opaque = strings.Replace(r.URL.Path, "orders/1", "orders/2/../1", 1) }, 200, ""},
	} {
		// By the path form the signature is about the path and host that the client asked for.
		for form, base := range map[string]string{host: "", "localhost": "/_aws/execute-api/iam"} {
			r := g.signed(c.key, c.method, form, base+c.path, c.body, c.change)
			if r.StatusCode != c.status || c.errorType != "" && r.Header.Get("x-amzn-errortype") != c.errorType || r.Header.Get("x-amzn-requestid") == "" {
				t.Errorf("%s: %s: %d %s %v", form, name, r.StatusCode, r.body, r.Header)
			}
			if strings.Contains(r.body, "secret-of") {
				t.Errorf("%s: a secret is in %s", name, r.body)
			}
		}
	}
	// One form's signature is not the other's, and nobody says by himself what he asked for.
	spoof := func(r *http.Request) {
		r.Host, r.URL.Path = "localhost", "/_aws/execute-api/iam/v1/orders/2"
		r.Header.Set("x-gw-asked-host", host)
		r.Header.Set("x-gw-asked-path", "/v1/orders/1")
	}
	if r := g.signed(ann, "GET", host, "/v1/orders/1", "", spoof); r.StatusCode != 403 {
		t.Errorf("spoofed, by the path form: %d %s", r.StatusCode, r.body)
	}
	spoof = func(r *http.Request) {
		r.URL.Path = "/v1/orders/2"
		r.Header.Set("x-gw-asked-host", host)
		r.Header.Set("x-gw-asked-path", "/v1/orders/1")
	}
	if r := g.signed(ann, "GET", host, "/v1/orders/1", "", spoof); r.StatusCode != 403 {
		t.Errorf("spoofed: %d %s", r.StatusCode, r.body)
	}
	e := g.signed(ann, "GET", "localhost", "/_aws/execute-api/iam/v1/orders/1", "", nil).echo(t)
	for name := range e.Headers {
		if strings.HasPrefix(name, "x-gw-") {
			t.Errorf("the backend got %s", name)
		}
	}
	if r := g.signed(bob, "POST", host, "/v1/orders/1", "x", nil); !strings.HasPrefix(r.body, `{"Message":"User: arn:aws:iam::000000000000:user/bob is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:`) {
		t.Errorf("the refusal says %s", r.body)
	}
	e = g.signed(ann, "GET", host, "/v1/orders/1", "", func(r *http.Request) { r.Header.Set("X-Arn", "forged") }).echo(t)
	if got := strings.Join(append(e.Headers["x-arn"], e.Headers["x-account"]...), " "); got != "arn:aws:iam::000000000000:user/ann 000000000000" {
		t.Errorf("the identity reached the backend as %q", got)
	}
	if e.Headers["authorization"] != nil {
		t.Errorf("the signature reached the backend")
	}

	const httpHost = "iamhttp.execute-api.localhost"
	if r := g.signed(ann, "GET", httpHost, "/orders", "", nil); r.StatusCode != 200 {
		t.Errorf("HTTP API: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("GET", httpHost, "/orders", ""); r.StatusCode != 403 || r.body != `{"message":"Forbidden"}` {
		t.Errorf("HTTP API, unsigned: %d %s", r.StatusCode, r.body)
	}
}

// TestFullPolicy asks an API whose resource policy takes the authorization service.
func TestFullPolicy(t *testing.T) {
	backend := echoBackend(t, "one")
	policy := `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/GET/*"},
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/DELETE/pets/1","Condition":{"StringLike":{"aws:UserAgent":"admin/*"}}},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/*/pets/13*"}]}`
	text := strings.ReplaceAll(withPolicy, "POLICY", policy)
	g := start(t, snapshotOf(gateway.API{ID: "full", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, text, backend.URL)}}}))
	const host = "full.execute-api.localhost"
	for _, c := range []struct {
		method, target, agent string
		status                int
	}{
		{"GET", "/v1/pets", "", 200}, {"GET", "/v1/pets/1", "", 200}, {"GET", "/v1/pets/13", "", 403}, {"GET", "/v1/pets/131", "", 403},
		{"DELETE", "/v1/pets/1", "", 403}, {"DELETE", "/v1/pets/1", "admin/1", 200}, {"DELETE", "/v1/pets/2", "admin/1", 403}, {"DELETE", "/v1/pets/13", "admin/1", 403},
		// Other spellings of what is denied.
		{"GET", "/v1/pets/13/", "", 403}, {"GET", "/v1/pets/%31%33", "", 403}, {"GET", "/v1/pets/1/../13", "", 403}, {"GET", "/v1/./pets/13?x=1", "", 403},
		{"GET", "/v1/pets/13;x", "", 403}, {"GET", "//v1/pets/13", "", 403}, {"GET", "/_aws/execute-api/full/v1/pets/13", "", 403},
	} {
		r := g.request(c.method, host, c.target, "", "User-Agent", c.agent)
		if r.StatusCode != c.status {
			t.Errorf("%s %s as %q: %d %s", c.method, c.target, c.agent, r.StatusCode, r.body)
		}
	}
	if r := g.request("GET", host, "/v1/pets/13", ""); !strings.HasSuffix(r.body, `full/v1/GET/pets/13 with an explicit deny"}`) || !strings.HasPrefix(r.body, `{"Message":"User: anonymous is not`) {
		t.Errorf("the refusal says %s", r.body)
	}
}
