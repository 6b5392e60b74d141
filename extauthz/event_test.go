package extauthz_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/lambda"
)

// asked is the event of one request.
func asked(t *testing.T, s *gateway.Snapshot, a ask) map[string]any {
	t.Helper()
	h := newHarness(t, s)
	if got := h.check(a); got.status != 200 {
		t.Fatalf("%d %s\n%s", got.status, got.code(), h.log)
	}
	return decoded(t, h.lambda.events[0])
}

func TestTokenEvent(t *testing.T) {
	for base, path := range map[string]string{"/v1": "/v1/pets/7?a=1", "": "/pets/7", "/shop/v1": "/shop/v1/pets/7/"} {
		got := asked(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()),
			ask{route: "GET /pets/{id}", base: base, path: path, headers: []string{"authorization: Bearer abc"}})
		want := map[string]any{
			"type": "TOKEN", "authorizationToken": "Bearer abc",
			"methodArn": "arn:aws:execute-api:us-east-1:000000000000:pets/v1/GET/pets/7",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("below %q:\n%s", base, diff)
		}
	}
	// The root has an ARN that ends in a slash.
	got := asked(t, one(gateway.REST, custom("GET", "/"), tokenAuthorizer()), ask{route: "GET /", base: "/v1", path: "/v1", headers: []string{"authorization: t"}})
	if want := "arn:aws:execute-api:us-east-1:000000000000:pets/v1/GET/"; got["methodArn"] != want {
		t.Errorf("the ARN of the root is %v", got["methodArn"])
	}
}

// headers are those of the requests whose events are looked at.
var headers = []string{
	"authorization: Bearer abc", "user-agent: curl/8", "x-tenant: t1", "x-tenant: t2", "cookie: a=1; b=2", "cookie: c=3",
	"x-forwarded-for: 203.0.113.9", "content-length: 3", "connection: close", "x-envoy-expected-rq-timeout-ms: 15000", "x-api-key: key",
}

func TestRequestEvent(t *testing.T) {
	route := custom("GET", "/pets/{id}/{rest+}")
	route.APIKeyRequired = true
	s := one(gateway.REST, route, requestAuthorizer())
	s.APIKeys = []gateway.APIKey{{Name: "k", Values: []gateway.Secret{"key"}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"k"}}}
	a := ask{
		route: "GET /pets/{id}/{rest+}", base: "/v1", path: "/v1/pets/a%2Fb/c/d%20e?q=1&q=2+3&%71=%E4%BD%A0&flag&x=%zz;y=",
		headers: headers,
	}
	got := asked(t, s, a)
	identity := map[string]any{"sourceIp": "203.0.113.9", "userAgent": "curl/8", "apiKey": "key"}
	resourceID := got["requestContext"].(map[string]any)["resourceId"]
	if text, _ := resourceID.(string); len(text) != 6 {
		t.Errorf("resourceId %v", resourceID)
	}
	requestContext := map[string]any{
		"resourceId": resourceID, "resourcePath": "/pets/{id}/{rest+}", "httpMethod": "GET",
		"extendedRequestId": "3f0c0c0e-0000-4000-8000-000000000001", "requestTime": "12/Mar/2025:19:03:58 +0000",
		"path": "/v1/pets/a%2Fb/c/d%20e", "accountId": "000000000000", "protocol": "HTTP/1.1", "stage": "v1",
		"domainPrefix": "pets", "requestTimeEpoch": 1741806238390.0, "requestId": "3f0c0c0e-0000-4000-8000-000000000001",
		"identity": identity, "domainName": "pets.execute-api.localhost", "apiId": "pets",
	}
	want := map[string]any{
		"type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:000000000000:pets/v1/GET/pets/a%2Fb/c/d%20e",
		"resource": "/pets/{id}/{rest+}", "path": "/pets/a%2Fb/c/d%20e", "httpMethod": "GET",
		"headers": map[string]any{
			"Host": "pets.execute-api.localhost:8080", "Authorization": "Bearer abc", "User-Agent": "curl/8", "x-tenant": "t2",
			"Cookie": "c=3", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "x-api-key": "key",
		},
		"multiValueHeaders": map[string]any{
			"Host": list("pets.execute-api.localhost:8080"), "Authorization": list("Bearer abc"), "User-Agent": list("curl/8"),
			"x-tenant": list("t1", "t2"), "Cookie": list("a=1; b=2", "c=3"), "X-Forwarded-For": list("203.0.113.9"),
			"X-Forwarded-Proto": list("https"), "x-api-key": list("key"),
		},
		"queryStringParameters":           map[string]any{"q": "你", "flag": "", "x": "%zz", "y": ""},
		"multiValueQueryStringParameters": map[string]any{"q": list("1", "2 3", "你"), "flag": list(""), "x": list("%zz"), "y": list("")},
		"pathParameters":                  map[string]any{"id": "a%2Fb", "rest": "c/d%20e"},
		"stageVariables":                  map[string]any{"env": "p"},
		"requestContext":                  requestContext,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// Below a custom domain the path has the base path of the mapping.
	a.base, a.path, a.host = "/shop", "/shop/pets/1/2", "api.example.com"
	got = asked(t, s, a)
	if got["path"] != "/shop/pets/1/2" || got["methodArn"] != "arn:aws:execute-api:us-east-1:000000000000:pets/v1/GET/pets/1/2" {
		t.Errorf("path %v, ARN %v", got["path"], got["methodArn"])
	}

	// HTTP APIs with payload format 1.0 have the same, and three members more.
	s = one(gateway.HTTP, custom("GET", "/pets/{id}/{rest+}"), requestAuthorizer(func(a *gateway.Authorizer) {
		a.PayloadVersion, a.IdentitySources = "1.0", []string{"$request.header.X-Tenant", "$context.httpMethod"}
	}))
	got = asked(t, s, ask{stage: gateway.DefaultStage, route: "GET /pets/{id}/{rest+}", path: "/pets/1/2", headers: headers})
	for name, want := range map[string]any{
		"version": "1.0", "type": "REQUEST", "identitySource": "t1,t2,GET", "authorizationToken": "t1,t2,GET", "path": "/pets/1/2",
		"methodArn": "arn:aws:execute-api:us-east-1:000000000000:pets/$default/GET/pets/1/2",
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if name := got["headers"].(map[string]any)["authorization"]; name != "Bearer abc" {
		t.Errorf("headers %v", got["headers"])
	}
	for _, name := range []string{"queryStringParameters", "multiValueQueryStringParameters"} {
		if diff := cmp.Diff(map[string]any{}, got[name]); diff != "" {
			t.Errorf("%s without a query: %s", name, diff)
		}
	}
}

func TestHTTPEvent(t *testing.T) {
	s := one(gateway.HTTP, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
		a.PayloadVersion, a.IdentitySources = "2.0", []string{"$request.header.Authorization", "$request.header.X-Tenant", "$request.querystring.q"}
	}))
	got := asked(t, s, ask{stage: gateway.DefaultStage, route: "GET /pets/{id}", base: "/shop", path: "/shop/pets/a%20b?q=1&q=%322&r=;", headers: headers, host: "api.example.com"})
	want := map[string]any{
		"version": "2.0", "type": "REQUEST", "routeArn": "arn:aws:execute-api:us-east-1:000000000000:pets/$default/GET/pets/a%20b",
		"identitySource": list("Bearer abc", "t1,t2", "1,22"), "routeKey": "GET /pets/{id}",
		"rawPath": "/shop/pets/a%20b", "rawQueryString": "q=1&q=%322&r=;", "cookies": list("a=1", "b=2", "c=3"),
		"headers": map[string]any{
			"host": "api.example.com", "authorization": "Bearer abc", "user-agent": "curl/8", "x-tenant": "t1,t2",
			"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-api-key": "key",
		},
		"queryStringParameters": map[string]any{"q": "1,22", "r": ";"},
		"requestContext": map[string]any{
			"accountId": "000000000000", "apiId": "pets", "domainName": "api.example.com", "domainPrefix": "api",
			"http": map[string]any{
				"method": "GET", "path": "/shop/pets/a%20b", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "curl/8",
			},
			"requestId": "3f0c0c0e-0000-4000-8000-000000000001", "routeKey": "GET /pets/{id}", "stage": "$default",
			"time": "12/Mar/2025:19:03:58 +0000", "timeEpoch": 1741806238390.0,
		},
		"pathParameters": map[string]any{"id": "a b"}, "stageVariables": map[string]any{"env": "p"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	s = one(gateway.HTTP, custom(gateway.AnyMethod, gateway.DefaultRoute), requestAuthorizer(func(a *gateway.Authorizer) {
		a.PayloadVersion, a.IdentitySources = "2.0", nil
	}))
	s.APIs[0].Stages[0].Variables = nil
	got = asked(t, s, ask{stage: gateway.DefaultStage, route: "$default", path: "/any/thing"})
	for _, absent := range []string{"cookies", "queryStringParameters", "stageVariables"} {
		if value, there := got[absent]; there {
			t.Errorf("%s is %v", absent, value)
		}
	}
	if parameters, there := got["pathParameters"]; !there || parameters != nil || got["rawQueryString"] != "" {
		t.Errorf("pathParameters %v, rawQueryString %q", parameters, got["rawQueryString"])
	}
	if diff := cmp.Diff([]any{}, got["identitySource"]); diff != "" {
		t.Errorf("identitySource: %s", diff)
	}
}

func TestClientCertificateInEvents(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0xa1b2c3), Subject: pkix.Name{CommonName: "client", Organization: []string{"Example"}},
		NotBefore: time.Date(2019, 5, 28, 12, 30, 2, 0, time.UTC), NotAfter: time.Date(2031, 8, 5, 9, 36, 4, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	want := map[string]any{
		"clientCertPem": text, "subjectDN": "CN=client,O=Example", "issuerDN": "CN=client,O=Example", "serialNumber": "a1:b2:c3",
		"validity": map[string]any{"notBefore": "May 28 12:30:02 2019 GMT", "notAfter": "Aug  5 09:36:04 2031 GMT"},
	}
	get := func(event map[string]any, keys ...string) any {
		var at any = event
		for _, key := range keys {
			at = at.(map[string]any)[key]
		}
		return at
	}
	a := ask{route: "GET /pets/{id}", base: "/v1", headers: []string{"authorization: t"}, certificate: url.PathEscape(text)}
	rest := asked(t, one(gateway.REST, custom("GET", "/pets/{id}"), requestAuthorizer()), a)
	if diff := cmp.Diff(want, get(rest, "requestContext", "identity", "clientCert")); diff != "" {
		t.Error(diff)
	}
	a.stage, a.base = gateway.DefaultStage, ""
	http := asked(t, one(gateway.HTTP, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
		a.PayloadVersion, a.IdentitySources = "2.0", nil
	})), a)
	if diff := cmp.Diff(want, get(http, "requestContext", "authentication", "clientCert")); diff != "" {
		t.Error(diff)
	}
}

// A canary has variables of its own, and with them perhaps a function of its own.
func TestCanaryVariables(t *testing.T) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
		a.URI = "arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.function}"
	}))
	st := &s.APIs[0].Stages[0]
	st.Variables = map[string]string{"function": "old", "env": "p"}
	st.Canary = &gateway.Canary{Percent: 10, Deployment: st.Deployment, Variables: map[string]string{"function": "new"}}
	h := newHarness(t, s)
	var called []string
	h.lambda.answer = func(_ context.Context, target lambda.Target, event []byte) ([]byte, error) {
		called = append(called, target.Name+" "+decoded(t, string(event))["stageVariables"].(map[string]any)["function"].(string))
		return []byte(allowAll), nil
	}
	for _, canary := range []string{"", "true", ""} {
		h.check(ask{route: "GET /pets/{id}", base: "/v1", canary: canary, headers: []string{"authorization: t"}})
	}
	if diff := cmp.Diff([]string{"old old", "new new"}, called); diff != "" {
		t.Error(diff)
	}
}

func list(items ...any) []any { return items }
