package e2e

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
	"gatehouse/internal/proctest"
)

// callersOfREST has a function behind each way in which a REST API knows its callers.
const callersOfREST = `
openapi: 3.0.1
info: {title: callers, version: "1"}
paths:
  /open:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: &function {type: aws_proxy, httpMethod: POST, uri: "FUNCTION"}}
  /lambda:
    get: {security: [{token: []}], x-amazon-apigateway-integration: *function}
  /pool:
    get: {security: [{pool: []}], x-amazon-apigateway-integration: *function}
  /scoped:
    get: {security: [{pool: [read]}], x-amazon-apigateway-integration: *function}
  /iam:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-auth: {type: AWS_IAM}, x-amazon-apigateway-integration: *function}
  /key:
    get: {security: [{api_key: []}], x-amazon-apigateway-integration: *function}
  /lambda-and-key:
    get: {security: [{token: [], api_key: []}], x-amazon-apigateway-integration: *function}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
    token:
      type: apiKey
      name: X-Token
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: token, authorizerUri: "AUTHORIZER"}
    pool:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authtype: cognito_user_pools
      x-amazon-apigateway-authorizer: {type: cognito_user_pools, providerARNs: ["arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbC"]}
`

// callersOfHTTP is the same for HTTP APIs.
const callersOfHTTP = `
openapi: 3.0.1
info: {title: callers, version: "1"}
paths:
  /open:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: &function {type: aws_proxy, httpMethod: POST, payloadFormatVersion: "VERSION", uri: "FUNCTION"}}
  /simple:
    get: {security: [{simple: []}], x-amazon-apigateway-integration: *function}
  /policy:
    get: {security: [{policy: []}], x-amazon-apigateway-integration: *function}
  /jwt:
    get: {security: [{jwt: []}], x-amazon-apigateway-integration: *function}
  /scoped:
    get: {security: [{jwt: [orders.write, orders.admin]}], x-amazon-apigateway-integration: *function}
  /iam:
    get: {x-amazon-apigateway-auth: {type: AWS_IAM}, x-amazon-apigateway-integration: *function}
components:
  securitySchemes:
    simple:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authorizer: {type: request, identitySource: "$request.header.Authorization", authorizerUri: "AUTHORIZER", authorizerPayloadFormatVersion: "2.0", enableSimpleResponses: true, authorizerResultTtlInSeconds: 0}
    policy:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authorizer: {type: request, identitySource: "$request.header.Authorization", authorizerUri: "AUTHORIZER", authorizerPayloadFormatVersion: "2.0", authorizerResultTtlInSeconds: 300}
    jwt:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: "$request.header.Authorization", jwtConfiguration: {issuer: "ISSUER", audience: [orders]}}
`

// sees compares a part of the event, by its path of members, with JSON.
func sees(t *testing.T, name string, event map[string]any, path, want string) {
	t.Helper()
	var got any = event
	for member := range strings.SplitSeq(path, ".") {
		inside, _ := got.(map[string]any)
		got = inside[member]
	}
	if diff := cmp.Diff(want, mustJSON(got)); diff != "" {
		t.Errorf("%s: %s:\n%s", name, path, diff)
	}
}

// TestCallersOfFunctions has functions told who calls them, in each of the three events.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html and
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
func TestCallersOfFunctions(t *testing.T) {
	h, authorizer := newHook(t), newAuthorizerFunction(t)
	iss, pool := oidctest.Start(t), oidctest.Start(t, oidctest.Path("/eu-west-1_AbC"))
	fill := func(text, version string) string {
		return strings.NewReplacer("FUNCTION", h.URL, "AUTHORIZER", authorizer.server.URL, "ISSUER", iss.URL, "VERSION", version).Replace(text)
	}
	api := func(id string, protocol gateway.Protocol, text, version string) gateway.API {
		return gateway.API{ID: id, Protocol: protocol, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, protocol, fill(text, version), "")}}}
	}
	s := snapshotOf(api("rest", gateway.REST, callersOfREST, ""), api("one", gateway.HTTP, callersOfHTTP, "1.0"), api("two", gateway.HTTP, callersOfHTTP, "2.0"))
	s.Issuers = []gateway.Issuer{
		{URL: iss.URL, JWKS: iss.JWKS()},
		{URL: pool.URL, JWKS: pool.JWKS(), UserPool: "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbC"},
	}
	s.Credentials = []gateway.Credential{{AccessKeyID: "AKIDANN", SecretAccessKey: "secret-of-ann", ARN: "arn:aws:iam::000000000000:user/ann",
		Policies: []gateway.Policy{{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}`}}}}
	const value = "the-key-0123456789-the-key"
	s.APIKeys = []gateway.APIKey{{Name: "seven", Values: []gateway.Secret{value}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Stages: []gateway.PlanStage{{API: "rest", Stage: "v1"}}, Keys: []string{"seven"}}}
	g := start(t, s)

	ask := func(api, target string, headers ...string) map[string]any {
		t.Helper()
		r := g.request("GET", api+".execute-api.localhost", "/v1"+target, "", headers...)
		if r.StatusCode != 200 {
			t.Errorf("%s%s: %d %s", api, target, r.StatusCode, r.body)
			return nil
		}
		return decode(t, h.last())
	}
	signed := func(api string) map[string]any {
		t.Helper()
		r := g.signed(aws.Credentials{AccessKeyID: "AKIDANN", SecretAccessKey: "secret-of-ann"}, "GET", api+".execute-api.localhost", "/v1/iam?a=1", "", nil)
		if r.StatusCode != 200 {
			t.Errorf("%s, signed: %d %s", api, r.StatusCode, r.body)
			return nil
		}
		return decode(t, h.last())
	}
	for _, api := range []string{"rest", "one", "two"} {
		host := api + ".execute-api.localhost"
		target := presigned(t, aws.Credentials{AccessKeyID: "AKIDANN", SecretAccessKey: "secret-of-ann"}, "GET", host, "/v1/iam?a=1", time.Now())
		if r := g.request("GET", host, target, ""); r.StatusCode != 200 {
			t.Errorf("%s, signed in the query: %d %s", api, r.StatusCode, r.body)
			continue
		}
		sees(t, api+", signed in the query", decode(t, h.last()), "queryStringParameters", `{"a":"1"}`)
		if strings.Contains(h.last(), "X-Amz-") {
			t.Errorf("%s: the function is told of the signature: %s", api, h.last())
		}
	}
	const who, identity = "requestContext.authorizer", "requestContext.identity"

	sees(t, "REST, open", ask("rest", "/open"), who, `null`)
	event := ask("rest", "/lambda", "X-Token", "allow")
	sees(t, "REST, authorizer", event, who+".principalId", `"user-7"`)
	sees(t, "REST, authorizer", event, who+".tenant", `"t1"`)
	sees(t, "REST, authorizer", event, who+".level", `"3"`)
	sees(t, "REST, authorizer", event, who+".trial", `"true"`)
	if latency, ok := event["requestContext"].(map[string]any)["authorizer"].(map[string]any)["integrationLatency"].(float64); !ok || latency < 0 || latency > 10_000 {
		t.Errorf("the latency: %v", event)
	}
	id := pool.Token(map[string]any{"token_use": "id", "aud": "app-1", "cognito:username": "ann", "cognito:groups": []string{"a", "b"}, "email_verified": true, "exp": 4102444800})
	event = ask("rest", "/pool", "Authorization", id)
	for claim, want := range map[string]string{"sub": `"user-1"`, "cognito:username": `"ann"`, "cognito:groups": `"[a b]"`, "email_verified": `"true"`, "exp": `"4102444800"`, "token_use": `"id"`} {
		sees(t, "REST, pool", event, who+".claims."+claim, want)
	}
	access := pool.Token(map[string]any{"token_use": "access", "client_id": "app-1", "scope": "openid read"})
	sees(t, "REST, access token", ask("rest", "/scoped", "Authorization", access), who+".claims.scope", `"openid read"`)
	event = signed("rest")
	for name, want := range map[string]string{"accountId": `"000000000000"`, "accessKey": `"AKIDANN"`, "userArn": `"arn:aws:iam::000000000000:user/ann"`, "sourceIp": `"127.0.0.1"`, "apiKey": `null`} {
		sees(t, "REST, signed", event, identity+"."+name, want)
	}
	for _, name := range []string{"caller", "user"} {
		if text, _ := event["requestContext"].(map[string]any)["identity"].(map[string]any)[name].(string); text == "" {
			t.Errorf("REST, signed: %s is not there", name)
		}
	}
	event = ask("rest", "/key", "X-Api-Key", value)
	sees(t, "REST, key", event, identity+".apiKey", `"`+value+`"`)
	sees(t, "REST, key", event, identity+".apiKeyId", `"seven"`)
	event = ask("rest", "/lambda-and-key", "X-Api-Key", value, "X-Token", "allow")
	sees(t, "REST, key and authorizer", event, identity+".apiKeyId", `"seven"`)
	sees(t, "REST, key and authorizer", event, who+".principalId", `"user-7"`)

	token := iss.Token(map[string]any{"aud": "orders", "scope": "orders.read orders.write orders.admin", "n": 5, "list": []any{"a", 1, true}})
	for api, jwt := range map[string]string{"one": who, "two": who + ".jwt"} {
		event := ask(api, "/jwt", "Authorization", "Bearer "+token)
		sees(t, api, event, jwt+".scopes", `null`)
		for claim, want := range map[string]string{"sub": `"user-1"`, "aud": `"orders"`, "n": `"5"`, "list": `"[a 1 true]"`, "scope": `"orders.read orders.write orders.admin"`} {
			sees(t, api, event, jwt+".claims."+claim, want)
		}
		sees(t, api, ask(api, "/scoped", "Authorization", "Bearer "+token), jwt+".scopes", `["orders.write","orders.admin"]`)
	}
	sees(t, "1.0, open", ask("one", "/open"), who, `{"claims":null,"scopes":null}`)
	sees(t, "2.0, open", ask("two", "/open"), who, `null`)
	event = signed("one")
	sees(t, "1.0, signed", event, identity+".userArn", `"arn:aws:iam::000000000000:user/ann"`)
	event = signed("two")
	for name, want := range map[string]string{"accessKey": `"AKIDANN"`, "accountId": `"000000000000"`, "userArn": `"arn:aws:iam::000000000000:user/ann"`, "cognitoIdentity": `null`, "principalOrgId": `null`} {
		sees(t, "2.0, signed", event, who+".iam."+name, want)
	}

	// The format 2.0 keeps the types that the authorizer's values have; 1.0 has texts.
	const context = `{"level":3,"long":12345678901234567890,"list":["a",{"b":1}],"map":{"a":null},"ratio":0.25,"tenant":"t2","text":"3","trial":true}`
	sees(t, "2.0, simple", ask("two", "/simple", "Authorization", "typed"), who+".lambda", mustJSON(decode(t, context)))
	if !strings.Contains(h.last(), `"long":12345678901234567890`) {
		t.Error("a number was rounded:", h.last())
	}
	event = ask("one", "/simple", "Authorization", "typed")
	sees(t, "1.0, simple", event, who+".level", `"3"`)
	sees(t, "1.0, simple", event, who+".trial", `"true"`)
	sees(t, "1.0, simple", event, who+".map", `"{\"a\":null}"`)
	for range 2 {
		event = ask("two", "/policy", "Authorization", "allow")
		sees(t, "2.0, policy, asked and remembered", event, who+".lambda", `{"level":3,"principalId":"user-7","tenant":"t1","trial":true}`)
	}
}

// TestHTTPEventsOfFunctions sends what an HTTP API's events 1.0 and 2.0 differ in.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func TestHTTPEventsOfFunctions(t *testing.T) {
	h := newHook(t)
	var apis []gateway.API
	for id, version := range map[string]string{"one": "1.0", "two": "2.0"} {
		text := strings.NewReplacer("FUNCTION", h.URL, "VERSION", version).Replace(`
openapi: 3.0.1
info: {title: events, version: "1"}
paths:
  /orders/{id}:
    post: {x-amazon-apigateway-integration: &function {type: aws_proxy, httpMethod: POST, payloadFormatVersion: "VERSION", uri: "FUNCTION"}}
  /$default:
    x-amazon-apigateway-any-method: {isDefaultRoute: true, x-amazon-apigateway-integration: *function}
`)
		d := deploy(t, gateway.HTTP, text, "")
		apis = append(apis, gateway.API{ID: id, Protocol: gateway.HTTP, Stages: []gateway.Stage{
			{Name: gateway.DefaultStage, Deployment: d}, {Name: "v1", Deployment: d, Variables: map[string]string{"env": "p"}},
		}})
	}
	g := start(t, snapshotOf(apis...))
	post := func(api, target, body string, headers ...string) map[string]any {
		t.Helper()
		r := g.request("POST", api+".execute-api.localhost:8443", target, body, headers...)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/plain;charset=utf-8" {
			t.Errorf("%s%s: %d %v", api, target, r.StatusCode, r.Header)
		}
		event := decode(t, h.last())
		about := event["requestContext"].(map[string]any)
		if id := r.Header.Get("Apigw-Requestid"); id == "" || about["requestId"] != id {
			t.Errorf("%s%s: the id %q is not that of the event, %v", api, target, id, about["requestId"])
		}
		return event
	}
	common := []string{"Content-Type", "application/json", "X-List", "1", "X-List", "2", "X-MiXed", "m", "Cookie", "s=1; t=2"}
	event := post("one", "/v1/orders/a%20b?x=1&x=2&y=%C3%A9", `{"n":"ü"}`, common...)
	for path, want := range map[string]string{
		"version": `"1.0"`, "resource": `"/orders/{id}"`, "path": `"/v1/orders/a%20b"`, "httpMethod": `"POST"`, "body": `"{\"n\":\"ü\"}"`, "isBase64Encoded": `false`,
		"headers.x-list": `"2"`, "multiValueHeaders.x-list": `["1","2"]`, "headers.x-mixed": `"m"`, "headers.cookie": `"s=1; t=2"`, "headers.host": `"one.execute-api.localhost:8443"`,
		"headers.content-length": `"10"`, "headers.x-forwarded-port": `"8443"`, "headers.x-forwarded-proto": `"http"`, "headers.x-forwarded-for": `"127.0.0.1"`,
		"queryStringParameters": `{"x":"2","y":"é"}`, "multiValueQueryStringParameters": `{"x":["1","2"],"y":["é"]}`,
		"pathParameters": `{"id":"a b"}`, "stageVariables": `{"env":"p"}`,
		"requestContext.apiId": `"one"`, "requestContext.stage": `"v1"`, "requestContext.domainName": `"one.execute-api.localhost"`, "requestContext.domainPrefix": `"one"`,
		"requestContext.protocol": `"HTTP/1.1"`, "requestContext.resourcePath": `"/orders/{id}"`, "requestContext.path": `"/v1/orders/a%20b"`, "requestContext.resourceId": `null`,
		"requestContext.identity.sourceIp": `"127.0.0.1"`, "cookies": `null`,
	} {
		sees(t, "1.0", event, path, want)
	}
	event = post("two", "/v1/orders/a%20b?x=1&x=2&y=%C3%A9", `{"n":"ü"}`, common...)
	for path, want := range map[string]string{
		"version": `"2.0"`, "routeKey": `"POST /orders/{id}"`, "rawPath": `"/v1/orders/a%20b"`, "rawQueryString": `"x=1\u0026x=2\u0026y=%C3%A9"`, "body": `"{\"n\":\"ü\"}"`, "isBase64Encoded": `false`,
		"headers.x-list": `"1,2"`, "headers.cookie": `null`, "cookies": `["s=1","t=2"]`, "queryStringParameters": `{"x":"1,2","y":"é"}`,
		"pathParameters": `{"id":"a b"}`, "stageVariables": `{"env":"p"}`, "headers.x-forwarded-port": `"8443"`,
		"requestContext.http.method": `"POST"`, "requestContext.http.path": `"/v1/orders/a%20b"`, "requestContext.http.protocol": `"HTTP/1.1"`, "requestContext.http.sourceIp": `"127.0.0.1"`,
		"requestContext.http.userAgent": `"Go-http-client/1.1"`, "requestContext.routeKey": `"POST /orders/{id}"`, "requestContext.stage": `"v1"`,
	} {
		sees(t, "2.0", event, path, want)
	}
	event = post("two", "/else", "")
	for path, want := range map[string]string{"routeKey": `"$default"`, "rawPath": `"/else"`, "body": `null`, "pathParameters": `null`, "stageVariables": `null`, "queryStringParameters": `null`, "isBase64Encoded": `false`, "requestContext.stage": `"$default"`} {
		sees(t, "2.0, catch-all", event, path, want)
	}
	sees(t, "1.0, catch-all", post("one", "/else", ""), "resource", `"$default"`)

	// Which bodies are text, and which are bytes.
	for _, c := range []struct {
		name, contentType, encoding string
		binary                      bool
	}{
		{"JSON", "application/json", "", false}, {"text", "text/csv; charset=utf-8", "", false}, {"script", "application/javascript", "", false}, {"XML", "application/xml", "", false},
		{"a form", "application/x-www-form-urlencoded", "", true}, {"nothing said", "", "", true}, {"an image", "image/png", "", true},
		{"encoded JSON", "application/json", "br", true}, {"a kind of JSON", "application/vnd.api+json", "", true},
	} {
		for _, api := range []string{"one", "two"} {
			var headers []string
			if c.contentType != "" {
				headers = append(headers, "Content-Type", c.contentType)
			}
			if c.encoding != "" {
				headers = append(headers, "Content-Encoding", c.encoding)
			}
			event := post(api, "/orders/1", "a=1&b=2", headers...)
			want := "a=1&b=2"
			if c.binary {
				want = base64.StdEncoding.EncodeToString([]byte(want))
			}
			if event["body"] != want || event["isBase64Encoded"] != c.binary {
				t.Errorf("%s, %s: %v %v", api, c.name, event["body"], event["isBase64Encoded"])
			}
		}
	}
}

// TestCertificatesOfCallers shows functions the certificate of the client.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
func TestCertificatesOfCallers(t *testing.T) {
	h, ca := newHook(t), newAuthority(t, "Our CA")
	port, plainPort := proctest.FreePort(t), proctest.FreePort(t)
	function := func(version string) string {
		return fmt.Sprintf(`
openapi: 3.0.1
info: {title: certs, version: "1"}
paths:
  /who:
    get: {x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, payloadFormatVersion: %q, uri: %q}}
`, version, h.URL)
	}
	s := snapshotOf(
		gateway.API{ID: "rest", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, function("1.0"), "")}}},
		gateway.API{ID: "two", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, function("2.0"), "")}}},
	)
	s.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(plainPort)}, {Address: "127.0.0.1", Port: uint32(port), TLS: certificate(t, "fallback.example.com")}}
	for _, m := range []gateway.DomainMapping{{API: "rest", Stage: "v1"}, {API: "two", Stage: gateway.DefaultStage}} {
		name := m.API + ".example.com"
		c := certificate(t, name)
		c.ClientCA = ca.pem()
		s.Domains = append(s.Domains, gateway.Domain{Name: name, Gateway: "edge", TLS: c, Mappings: []gateway.DomainMapping{m}})
	}
	g := startOn(t, s, plainPort)
	own := ca.client("ann", 4711, time.Hour)
	for api, path := range map[string]string{"rest": "requestContext.identity.clientCert", "two": "requestContext.authentication.clientCert"} {
		host := api + ".example.com"
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{ServerName: host, InsecureSkipVerify: true, Certificates: []tls.Certificate{own}, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(c, "GET /who HTTP/1.1\r\nHost: %s\r\nX-Gw-Certificate: forged\r\nConnection: close\r\n\r\n", host)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		c.Close()
		if r.StatusCode != 200 {
			t.Fatalf("%s: %d %s", api, r.StatusCode, text)
		}
		event := decode(t, h.last())
		sees(t, api, event, path+".subjectDN", `"CN=ann,O=Acme"`)
		sees(t, api, event, path+".issuerDN", `"CN=Our CA"`)
		sees(t, api, event, path+".serialNumber", `"12:67"`)
		sees(t, api, event, "requestContext.domainName", `"`+host+`"`)
		sees(t, api, event, "requestContext.domainPrefix", `"`+api+`"`)
		if !strings.Contains(h.last(), `"clientCertPem":"-----BEGIN CERTIFICATE-----\n`) || !strings.Contains(h.last(), `"validity":{"notBefore":"`) || !strings.Contains(h.last(), `"443"`) {
			t.Error(h.last())
		}
	}
	// Who comes without a certificate, where none is asked for, has none.
	r := g.request("GET", "rest.execute-api.localhost", "/v1/who", "", "X-Gw-Certificate", "forged")
	if r.StatusCode != 200 || strings.Contains(h.last(), "clientCert") {
		t.Errorf("%d %s", r.StatusCode, h.last())
	}
}
