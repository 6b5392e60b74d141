package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
)

const httpTokens = `
openapi: 3.0.1
info: {title: orders, version: "1"}
paths:
  /orders:
    get:
      security: [{orders-jwt: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/orders"}
    post:
      security: [{orders-jwt: [orders.write, orders.admin]}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, payloadFormatVersion: "1.0", uri: "BACKEND/orders",
        requestParameters: {"overwrite:header.x-user": "$context.authorizer.claims.sub", "append:header.x-all": "${context.authorizer.claims.sub}/${context.authorizer.claims.scope}/${context.authorizer.claims.n}"}}
  /query:
    get:
      security: [{query-jwt: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/query"}
  /open:
    get:
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/open"}
components:
  securitySchemes:
    orders-jwt:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: "$request.header.Authorization", jwtConfiguration: {issuer: "ISSUER", audience: [orders, shop]}}
    query-jwt:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: "$request.querystring.token", jwtConfiguration: {issuer: "ISSUER", audience: [orders]}}
`

// TestJWTAuthorizer asks an HTTP API with good and bad tokens.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
func TestJWTAuthorizer(t *testing.T) {
	backend := echoBackend(t, "one")
	iss := oidctest.Start(t)
	other := oidctest.Start(t)
	d := deploy(t, gateway.HTTP, strings.ReplaceAll(httpTokens, "ISSUER", iss.URL), backend.URL)
	snapshot := func() *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "jwt", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: d}}})
		s.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS()}}
		return s
	}
	g := start(t, snapshot())
	const host = "jwt.execute-api.localhost"
	now := time.Now().Unix()
	aud := func(more map[string]any) map[string]any {
		claims := map[string]any{"aud": "orders"}
		for k, v := range more {
			claims[k] = v
		}
		return claims
	}
	good := iss.Token(aud(nil))
	header, payload, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(payload, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + payload + "."

	for name, c := range map[string]struct {
		method, target, token string
		status                int
		challenge             string
	}{
		"good":                      {"GET", "/orders", "Bearer " + good, 200, ""},
		"raw":                       {"GET", "/orders", good, 200, ""},
		"elliptic curve":            {"GET", "/orders", "Bearer " + iss.Token(aud(nil), oidctest.SignedBy(iss.Key(jose.ES256))), 200, ""},
		"another audience":          {"GET", "/orders", "Bearer " + iss.Token(map[string]any{"aud": "shop"}), 200, ""},
		"list of audiences":         {"GET", "/orders", "Bearer " + iss.Token(map[string]any{"aud": []string{"x", "shop"}}), 200, ""},
		"client_id for audience":    {"GET", "/orders", "Bearer " + iss.Token(map[string]any{"client_id": "orders"}), 200, ""},
		"in the query":              {"GET", "/query?token=" + good, "", 200, ""},
		"open":                      {"GET", "/open", "", 200, ""},
		"open, bad token":           {"GET", "/open", "Bearer x", 200, ""},
		"another scheme before it":  {"GET", "/orders", "Basic x Bearer " + good, 401, "the token is not valid"},
		"none":                      {"GET", "/orders", "", 401, "Bearer"},
		"empty":                     {"GET", "/orders", "Bearer ", 401, "Bearer"},
		"not in the query":          {"GET", "/query", "Bearer " + good, 401, "Bearer"},
		"garbage":                   {"GET", "/orders", "Bearer a.b.c", 401, "invalid_token"},
		"wrong audience":            {"GET", "/orders", "Bearer " + iss.Token(map[string]any{"aud": "else"}), 401, "invalid_token"},
		"no audience":               {"GET", "/orders", "Bearer " + iss.Token(nil), 401, "invalid_token"},
		"client_id beside aud":      {"GET", "/orders", "Bearer " + iss.Token(map[string]any{"aud": "else", "client_id": "orders"}), 401, "invalid_token"},
		"expired":                   {"GET", "/orders", "Bearer " + iss.Token(aud(map[string]any{"exp": now - 60})), 401, "the token has expired"},
		"expired, raw":              {"GET", "/orders", iss.Token(aud(map[string]any{"exp": now - 60})), 401, "invalid_token"},
		"without expiry":            {"GET", "/orders", "Bearer " + iss.Token(aud(map[string]any{"exp": nil})), 401, "invalid_token"},
		"not yet":                   {"GET", "/orders", "Bearer " + iss.Token(aud(map[string]any{"nbf": now + 600})), 401, "invalid_token"},
		"another issuer":            {"GET", "/orders", "Bearer " + other.Token(aud(nil)), 401, "invalid_token"},
		"claimed issuer":            {"GET", "/orders", "Bearer " + other.Token(aud(map[string]any{"iss": iss.URL})), 401, "invalid_token"},
		"claimed issuer and key id": {"GET", "/orders", "Bearer " + other.Token(aud(map[string]any{"iss": iss.URL}), oidctest.WithKeyID(iss.Key(jose.RS256).ID)), 401, "invalid_token"},
		"key id of a file":          {"GET", "/orders", "Bearer " + other.Token(aud(map[string]any{"iss": iss.URL}), oidctest.WithKeyID("../../dev/null")), 401, "invalid_token"},
		"issuer's query":            {"GET", "/orders", "Bearer " + iss.Token(aud(map[string]any{"iss": iss.URL + "/"})), 401, "invalid_token"},
		"algorithm none":            {"GET", "/orders", "Bearer " + unsigned, 401, "invalid_token"},
		"HMAC by the public key":    {"GET", "/orders", "Bearer " + confused(t, iss, payload), 401, "invalid_token"},
		"signature of another":      {"GET", "/orders", "Bearer " + header + "." + claims(t, map[string]any{"iss": iss.URL, "aud": "orders", "exp": now + 600, "sub": "admin"}) + "." + signature, 401, "invalid_token"},
		"enormous":                  {"GET", "/orders", "Bearer " + iss.Token(aud(map[string]any{"x": strings.Repeat("x", 30_000)})), 200, ""},
		"scope":                     {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scope": "openid orders.write"})), 200, ""},
		"other scope":               {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scp": []string{"orders.admin"}})), 200, ""},
		"scope alone":               {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scope": "orders.write"})), 200, ""},
		"scope first":               {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scp": "orders.write openid"})), 200, ""},
		"scope amid others":         {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scope": "a orders.write b"})), 200, ""},
		"end of a scope":            {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scope": "my-orders.write a-orders.write-b"})), 403, "insufficient_scope"},
		"a scope in a list's text":  {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scp": []string{"a orders.write"}})), 403, "insufficient_scope"},
		"no scope":                  {"POST", "/orders", "Bearer " + good, 403, "insufficient_scope"},
		"part of a scope":           {"POST", "/orders", "Bearer " + iss.Token(aud(map[string]any{"scope": "orders.writer orders"})), 403, "insufficient_scope"},
		"scope, wrong audience":     {"POST", "/orders", "Bearer " + iss.Token(map[string]any{"aud": "else", "scope": "orders.write"}), 401, "invalid_token"},
	} {
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization", c.token}
		}
		r := g.request(c.method, host, c.target, "", headers...)
		body := map[int]string{401: `{"message":"Unauthorized"}`, 403: `{"message":"Forbidden"}`}[c.status]
		challenge := r.Header.Get("www-authenticate")
		if r.StatusCode != c.status || body != "" && r.body != body || !strings.Contains(challenge, c.challenge) || r.Header.Get("apigw-requestid") == "" {
			t.Errorf("%s: %d %s %v", name, r.StatusCode, r.body, r.Header)
		}
	}

	e := g.request("POST", host, "/orders", "", "Authorization", iss.Token(aud(map[string]any{"scope": "orders.write x", "n": 1_800_000_000, "sub": "ann"})), "X-User", "mallory").echo(t)
	if got := strings.Join(e.Headers["x-user"], "|") + " " + strings.Join(e.Headers["x-all"], "|"); got != "ann ann/orders.write x/1800000000" {
		t.Errorf("claims reached the backend as %q", got)
	}

	// Rotated keys: both are good until the old one is withdrawn, which is in force on
	// the next request of an open connection.
	old := good
	iss.Rotate()
	g.change(snapshot())
	fresh := iss.Token(aud(nil))
	conn := g.connect(host)
	for _, token := range []string{old, fresh} {
		if status := conn.get("/orders", "Authorization: Bearer "+token); status != 200 {
			t.Errorf("after the rotation: %d", status)
		}
	}
	iss.Retire()
	g.change(snapshot())
	if status := conn.get("/orders", "Authorization: Bearer "+old); status != 401 {
		t.Errorf("a token of a withdrawn key: %d", status)
	}
	if status := conn.get("/orders", "Authorization: Bearer "+fresh); status != 200 {
		t.Errorf("a token of the new key: %d", status)
	}

	// Without keys nobody gets in, nor does who was let in just before; who has no token is
	// not told of a bad one. What is open stays open.
	s := snapshot()
	s.Issuers = nil
	g.change(s)
	if status := conn.get("/orders", "Authorization: Bearer "+fresh); status != 401 {
		t.Errorf("without keys, on a connection of before: %d", status)
	}
	for token, challenge := range map[string]string{
		"Bearer " + fresh:    `Bearer scope="" error="invalid_token" error_description="the token is not valid"`,
		fresh:                `Bearer scope="" error="invalid_token" error_description="the token is not valid"`,
		"Bearer " + unsigned: `Bearer scope="" error="invalid_token" error_description="the token is not valid"`,
		"":                   "Bearer",
	} {
		var headers []string
		if token != "" {
			headers = []string{"Authorization", token}
		}
		if r := g.request("GET", host, "/orders", "", headers...); r.StatusCode != 401 || r.body != `{"message":"Unauthorized"}` || r.Header.Get("www-authenticate") != challenge {
			t.Errorf("without keys, token %.20q: %d %s %v", token, r.StatusCode, r.body, r.Header)
		}
	}
	if r := g.request("GET", host, "/open", ""); r.StatusCode != 200 {
		t.Errorf("the open route: %d", r.StatusCode)
	}
}

// confused signs with HMAC, the key being the issuer's public key: what an
// implementation takes that lets the token choose the algorithm.
func confused(t *testing.T, iss *oidctest.Issuer, payload string) string {
	t.Helper()
	head, err := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT", "kid": iss.Key(jose.RS256).ID})
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + payload
	mac := hmac.New(sha256.New, []byte(iss.JWKS()))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func claims(t *testing.T, all map[string]any) string {
	t.Helper()
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

const poolTokens = `
openapi: 3.0.1
info: {title: pool, version: "1"}
x-amazon-apigateway-gateway-responses:
  UNAUTHORIZED: {statusCode: "418", responseTemplates: {application/json: '{"no":$context.error.messageString,"type":"$context.error.responseType"}'}}
  INTEGRATION_FAILURE:
    statusCode: "504"
    responseParameters: {gatewayresponse.header.X-User: "context.authorizer.claims.cognito:username"}
    responseTemplates: {application/json: "{\"user\":\"$context.authorizer.claims['cognito:username']\",\"role\":\"$context.authorizer.claims['https://example.com/role']\"}"}
paths:
  /named:
    get:
      security: [{pool: []}]
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses:
          default:
            statusCode: "200"
            responseParameters: {method.response.header.X-User: "context.authorizer.claims.cognito:username", method.response.header.X-Role: "context.authorizer.claims.https://example.com/role", method.response.header.X-Groups: "context.authorizer.claims.cognito:groups"}
            responseTemplates:
              application/json: >-
                $context.authorizer.claims['cognito:username'] $context.authorizer.claims.cognito:username! ${context.authorizer.claims.custom:shop-id}
                $context.authorizer.claims['https://example.com/role'] $context.authorizer.claims["it's 100%(sure)"] $context.authorizer.claims.shop-id
                $context.authorizer.claims['custom:level'] $context.authorizer.claims['cognito:groups'] <$context.authorizer.claims['custom:none']>
  /down:
    get:
      security: [{pool: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/"}
  /me:
    get:
      security: [{pool: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/me", requestParameters: {integration.request.header.X-Sub: context.authorizer.claims.sub, integration.request.header.X-Name: "context.authorizer.claims.cognito:username"}}
  /scoped:
    get:
      security: [{pool: [read]}]
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"sub":"$context.authorizer.claims.sub"}'}}}}
components:
  securitySchemes:
    pool:
      type: apiKey
      name: Authorization
      in: header
      x-amazon-apigateway-authtype: cognito_user_pools
      x-amazon-apigateway-authorizer: {type: cognito_user_pools, providerARNs: ["arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbC"], identityValidationExpression: "app-.*"}
`

// TestUserPools asks a REST API with tokens of a Cognito user pool.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
func TestUserPools(t *testing.T) {
	backend := echoBackend(t, "one")
	iss := oidctest.Start(t, oidctest.Path("/eu-west-1_AbC"))
	s := snapshotOf(gateway.API{ID: "pool", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, poolTokens, backend.URL)}}})
	s.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS(), UserPool: "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbC"}}
	g := start(t, s)
	const host = "pool.execute-api.localhost"
	id := func(use, aud string) string { return iss.Token(map[string]any{"token_use": use, "aud": aud}) }
	access := func(scope string) string {
		return iss.Token(map[string]any{"token_use": "access", "client_id": "app-1", "scope": scope})
	}
	for name, c := range map[string]struct {
		target, token string
		status        int
	}{
		"id token":                         {"/v1/me", id("id", "app-1"), 200},
		"id token, Bearer":                 {"/v1/me", "Bearer " + id("id", "app-1"), 200},
		"another client":                   {"/v1/me", id("id", "other"), 418},
		"access token without scopes":      {"/v1/me", access("read"), 418},
		"no token":                         {"/v1/me", "", 418},
		"more than a token":                {"/v1/me", "X " + access("read") + " Bearer " + id("id", "app-1"), 418},
		"access token":                     {"/v1/scoped", access("openid read"), 200},
		"access token, wrong scope":        {"/v1/scoped", access("write"), 418},
		"id token where scopes are needed": {"/v1/scoped", id("id", "app-1"), 418},
	} {
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization", c.token}
		}
		r := g.request("GET", host, c.target, "", headers...)
		if r.StatusCode != c.status || r.Header.Get("x-amzn-requestid") == "" ||
			c.status == 418 && r.body != `{"no":"Unauthorized","type":"UNAUTHORIZED"}` {
			t.Errorf("%s: %d %s %v", name, r.StatusCode, r.body, r.Header)
		}
	}
	named := iss.Token(map[string]any{"token_use": "id", "aud": "app-1", "cognito:username": "ann"})
	if e := g.request("GET", host, "/v1/me", "", "Authorization", named).echo(t); strings.Join(append(e.Headers["x-sub"], e.Headers["x-name"]...), " ") != "user-1 ann" {
		t.Errorf("claims: %v", e.Headers)
	}
	// Names that cannot stand in the format commands of Envoy's metadata.
	odd := iss.Token(map[string]any{
		"token_use": "id", "aud": "app-1", "cognito:username": "ann", "custom:shop-id": "s-1", "shop-id": "s-2", "https://example.com/role": "admin: all",
		"it's 100%(sure)": "sure", "custom:level": 7, "cognito:groups": []string{"a", "b"},
	})
	if r := g.request("GET", host, "/v1/named", "", "Authorization", odd); r.body != `ann ann! s-1 admin: all sure s-2 7 [a b] <>` ||
		r.Header.Get("x-user") != "ann" || r.Header.Get("x-role") != "admin: all" || r.Header.Get("x-groups") != "" {
		t.Errorf("claims with odd names in a mock: %q %v", r.body, r.Header)
	}
	if r := g.request("GET", host, "/v1/down", "", "Authorization", odd); r.StatusCode != 504 || r.body != `{"user":"ann","role":"admin: all"}` || r.Header.Get("x-user") != "ann" {
		t.Errorf("claims with odd names in a gateway response: %d %q %v", r.StatusCode, r.body, r.Header)
	}
	if r := g.request("GET", host, "/v1/scoped", "", "Authorization", access("read")); r.body != `{"sub":"user-1"}` {
		t.Errorf("claims of a mock: %s", r.body)
	}
}
