package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"gatehouse/gateway"
	"gatehouse/internal/oidc"
)

// The client of the library's example server.
const providerClient, providerSecret = "sid1", "verysecret"

// opaqueTokens is the example store of the library. Its one client that logs in by
// itself gets tokens for a user, and may introspect and revoke them.
type opaqueTokens struct{ *storage.Storage }

func (s opaqueTokens) AuthorizeClientIDSecret(ctx context.Context, id, secret string) error {
	_, err := s.ClientCredentials(ctx, id, secret)
	return err
}

func (s opaqueTokens) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &zitadel.JWTTokenRequest{Subject: "id1", Audience: []string{id}, Scopes: scopes}, nil
}

func (s opaqueTokens) SetIntrospectionFromToken(ctx context.Context, answer *zitadel.IntrospectionResponse, tokenID, subject, client string) error {
	err := s.Storage.SetIntrospectionFromToken(ctx, answer, tokenID, subject, client)
	answer.Audience = zitadel.Audience{client}
	return err
}

// RevokeToken passes no client on: the example store has not noted that of such tokens.
func (s opaqueTokens) RevokeToken(ctx context.Context, token, user, _ string) *zitadel.Error {
	return s.Storage.RevokeToken(ctx, token, user, "")
}

// provider is a whole OpenID provider of somebody else's, whose tokens are opaque.
type provider struct {
	t      *testing.T
	server *httptest.Server
	// asked counts the introspections.
	asked atomic.Int64
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t}
	var handler http.Handler
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/introspect" {
			p.asked.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	made, err := op.NewProvider(&op.Config{CryptoKey: sha256.Sum256([]byte("test"))}, opaqueTokens{storage.NewStorage(storage.NewUserStore(p.server.URL))},
		op.StaticIssuer(p.server.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	handler = made
	return p
}

func (p *provider) post(path string, form url.Values) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(providerClient, providerSecret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		p.t.Fatalf("%s: %d %s %v", path, response.StatusCode, body, err)
	}
	return string(body)
}

func (p *provider) token(scope string) string {
	p.t.Helper()
	var answer struct {
		Token string `json:"access_token"`
	}
	body := p.post("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Token == "" || strings.Count(answer.Token, ".") == 2 {
		p.t.Fatalf("this is no opaque token: %s", body)
	}
	return answer.Token
}

func (p *provider) issuer(cache time.Duration) gateway.Issuer {
	return gateway.Issuer{
		URL: p.server.URL, UserPool: "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbC",
		Introspection: &gateway.Introspection{
			Endpoint: p.server.URL + "/oauth/introspect", ClientID: providerClient, ClientSecret: providerSecret,
			Auth: gateway.IntrospectionBasic, CacheMillis: cache.Milliseconds(),
		},
	}
}

const httpOpaque = `
openapi: 3.0.1
info: {title: opaque, version: "1"}
paths:
  /orders:
    get:
      security: [{login: [orders.read, orders.admin]}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/orders",
        requestParameters: {"overwrite:header.x-user": "$context.authorizer.claims.sub", "append:header.x-all": "${context.authorizer.claims.scope}/${context.authorizer.claims.aud}/${context.authorizer.claims.email}"}}
    post:
      security: [{login: [orders.write]}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, payloadFormatVersion: "1.0", uri: "BACKEND/orders"}
  /others:
    get:
      security: [{others: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "BACKEND/others"}
components:
  securitySchemes:
    login:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: "$request.header.Authorization", jwtConfiguration: {issuer: "ISSUER", audience: [sid1]}}
    others:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: "$request.header.Authorization", jwtConfiguration: {issuer: "ISSUER", audience: [others]}}
`

// TestOpaqueTokens asks an HTTP API and a REST API with tokens of a real provider, which
// only the provider understands, and which it withdraws.
func TestOpaqueTokens(t *testing.T) {
	backend, p := echoBackend(t, "one"), startProvider(t)
	snapshot := func(issuer gateway.Issuer) *gateway.Snapshot {
		s := snapshotOf(
			gateway.API{ID: "opaque", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, strings.ReplaceAll(httpOpaque, "ISSUER", p.server.URL), backend.URL)}}},
			gateway.API{ID: "pool", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, strings.Replace(poolTokens, `, identityValidationExpression: "app-.*"`, "", 1), backend.URL)}}},
		)
		s.Issuers = []gateway.Issuer{issuer}
		return s
	}
	// Where to ask about tokens, the provider's own metadata tells.
	issuer := p.issuer(time.Hour)
	issuer.Introspection.Endpoint = ""
	keeper := oidc.New(oidc.Options{Log: slog.New(slog.DiscardHandler), Timing: oidc.Timing{Wait: 20 * time.Second, Fetch: 10 * time.Second}})
	defer keeper.Close()
	found, warnings := keeper.Fill(t.Context(), snapshot(issuer).Seal())
	if len(warnings) > 0 || found.Issuer(issuer.URL).Introspection.Endpoint != p.server.URL+"/oauth/introspect" {
		t.Fatalf("discovered %+v %v", found.Issuer(issuer.URL).Introspection, warnings)
	}
	g := start(t, found)
	const host = "opaque.execute-api.localhost"
	ask := func(method, target, token string) reply {
		t.Helper()
		return g.request(method, host, target, "", "Authorization", token)
	}

	token := p.token("openid email orders.read")
	for name, c := range map[string]struct {
		method, target, token string
		status                int
		challenge             string
	}{
		"good":           {"GET", "/orders", "Bearer " + token, 200, ""},
		"raw":            {"GET", "/orders", token, 200, ""},
		"scope missing":  {"POST", "/orders", "Bearer " + token, 403, "insufficient_scope"},
		"for another":    {"GET", "/others", "Bearer " + token, 401, "a valid audience"},
		"changed":        {"GET", "/orders", "Bearer " + token[:len(token)-1], 401, "invalid_token"},
		"made up":        {"GET", "/orders", "Bearer made-up", 401, "invalid_token"},
		"something else": {"GET", "/orders", "Basic " + token, 401, "invalid_token"},
		"none":           {"GET", "/orders", "", 401, "Bearer"},
	} {
		r := ask(c.method, c.target, c.token)
		body := map[int]string{401: `{"message":"Unauthorized"}`, 403: `{"message":"Forbidden"}`}[c.status]
		if r.StatusCode != c.status || body != "" && r.body != body || !strings.Contains(r.Header.Get("www-authenticate"), c.challenge) || r.Header.Get("apigw-requestid") == "" {
			t.Errorf("%s: %d %s %v", name, r.StatusCode, r.body, r.Header)
		}
	}
	e := g.request("GET", host, "/orders", "", "Authorization", token, "X-User", "forged", "X-Gw-Key", "forged").echo(t)
	if got := strings.Join(append(e.Headers["x-user"], e.Headers["x-all"]...), " "); got != "id1 openid email orders.read/[sid1]/test-user@zitadel.ch" || e.Headers["x-gw-key"] != nil {
		t.Errorf("the claims reached the backend as %q, %v", got, e.Headers)
	}
	before := p.asked.Load()
	for range 10 {
		ask("GET", "/orders", token)
	}
	if n := p.asked.Load() - before; n != 0 {
		t.Errorf("the provider was asked %d times about a token that is known", n)
	}

	// A REST API: without scopes any token that is good, with scopes one that has one.
	const pool = "pool.execute-api.localhost"
	for name, c := range map[string]struct {
		target, token string
		status        int
	}{
		"good": {"/v1/me", token, 200}, "scope missing": {"/v1/scoped", token, 418}, "scope": {"/v1/scoped", p.token("openid read"), 200},
		"made up": {"/v1/me", "made-up", 418}, "none": {"/v1/me", "", 418},
	} {
		r := g.request("GET", pool, c.target, "", "Authorization", c.token)
		if r.StatusCode != c.status || r.Header.Get("x-amzn-requestid") == "" || r.Header.Get("www-authenticate") != "" ||
			c.status == 418 && r.body != `{"no":"Unauthorized","type":"UNAUTHORIZED"}` {
			t.Errorf("REST, %s: %d %s %v", name, r.StatusCode, r.body, r.Header)
		}
	}
	if e := g.request("GET", pool, "/v1/me", "", "Authorization", token).echo(t); strings.Join(e.Headers["x-sub"], "") != "id1" {
		t.Errorf("claims of a REST API: %v", e.Headers)
	}
	if r := g.request("GET", pool, "/v1/scoped", "", "Authorization", p.token("openid read")); r.body != `{"sub":"id1"}` {
		t.Errorf("claims of a mock: %s", r.body)
	}

	// What is withdrawn is refused once the answer of before is not used any more.
	g.change(snapshot(p.issuer(time.Second)))
	if r := ask("GET", "/orders", token); r.StatusCode != 200 {
		t.Errorf("before it is withdrawn: %d", r.StatusCode)
	}
	p.post("/revoke", url.Values{"token": {token}, "token_type_hint": {"access_token"}})
	withdrawn := time.Now()
	for ask("GET", "/orders", token).StatusCode == 200 {
		if time.Since(withdrawn) > 20*time.Second {
			t.Fatal("a token that was withdrawn is still let in")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if r := ask("GET", "/orders", token); r.StatusCode != 401 || r.body != `{"message":"Unauthorized"}` {
		t.Errorf("after it was withdrawn: %d %s", r.StatusCode, r.body)
	}

	// A secret that the provider does not know, and a provider that is gone.
	wrong := p.issuer(time.Second)
	wrong.Introspection.ClientSecret = "wrong"
	g.change(snapshot(wrong))
	fresh := p.token("openid orders.read")
	if r := ask("GET", "/orders", fresh); r.StatusCode != 500 || r.body != `{"message":"Internal Server Error"}` || r.Header.Get("www-authenticate") != "" {
		t.Errorf("a wrong secret: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	g.change(snapshot(p.issuer(0)))
	if r := ask("GET", "/orders", fresh); r.StatusCode != 200 {
		t.Errorf("the right one: %d %s", r.StatusCode, r.body)
	}
	p.server.CloseClientConnections()
	p.server.Close()
	if r := ask("GET", "/orders", fresh); r.StatusCode != 500 || r.body != `{"message":"Internal Server Error"}` {
		t.Errorf("without the provider: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("GET", pool, "/v1/me", "", "Authorization", fresh); r.StatusCode != 500 || r.body != `{"message":null}` {
		t.Errorf("REST, without the provider: %d %s", r.StatusCode, r.body)
	}
	// Without introspection, such a token is none.
	g.change(snapshot(gateway.Issuer{URL: p.server.URL}))
	if r := ask("GET", "/orders", fresh); r.StatusCode != 401 {
		t.Errorf("without introspection: %d %s", r.StatusCode, r.body)
	}
}
