package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
)

// A caller who sends two API keys is let in by the first, and known by that one to
// everybody: to the usage plan, to mappings, and to functions.
func TestSeveralAPIKeys(t *testing.T) {
	backend := echoBackend(t, "one")
	f := newAuthorizerFunction(t)
	d := deploy(t, gateway.REST, withKeys, backend.URL)
	keyed := deploy(t, gateway.REST, strings.ReplaceAll(askedWithKey, "URI", f.server.URL), backend.URL)
	const gold, silver = "gold-key-0123456789-gold", "silver-key-0123456789-silver"
	s := snapshotOf(
		gateway.API{ID: "keys", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}}},
		gateway.API{ID: "asked", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: keyed}}},
	)
	s.APIKeys = []gateway.APIKey{{Name: "gold", Values: []gateway.Secret{gold}}, {Name: "silver", Values: []gateway.Secret{silver}}}
	s.UsagePlans = []gateway.UsagePlan{
		{Name: "both", Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}, {API: "keys", Stage: "v2"}}, Keys: []string{"gold"}},
		{Name: "first", Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}}, Keys: []string{"silver"}},
	}
	g := start(t, s)
	type attempt struct {
		stage, first, second string
		// who is let in, "" for nobody.
		who string
	}
	check := func(c attempt) {
		t.Helper()
		r := g.request("GET", "keys.execute-api.localhost", "/"+c.stage+"/closed", "", "X-Api-Key", c.first, "x-api-key", c.second)
		who := ""
		if r.StatusCode == 200 {
			who = strings.Join(r.echo(t).Headers["x-key-id"], "|")
		}
		if who != c.who || c.who == "" && r.StatusCode != 403 {
			t.Errorf("%s with %q and %q: %d for %q, want %q", c.stage, c.first, c.second, r.StatusCode, who, c.who)
		}
	}
	for _, c := range []attempt{
		{"v1", gold, silver, "gold"}, {"v1", silver, gold, "silver"},
		{"v2", gold, silver, "gold"}, {"v2", silver, gold, ""},
		{"v1", gold, "nonsense", "gold"}, {"v1", "nonsense", gold, ""}, {"v1", "", gold, ""}, {"v1", gold + "," + silver, silver, ""},
		// Envoy overlooks the word, and nothing else.
		{"v1", "Bearer " + gold, "", "gold"}, {"v1", "Bearer " + gold, silver, "gold"}, {"v1", "bearer " + gold, gold, ""}, {"v2", "Bearer " + silver, gold, ""},
	} {
		check(c)
	}
	if r := g.request("GET", "asked.execute-api.localhost", "/v1/orders", "", "X-Who", "ann", "X-Api-Key", gold, "X-Api-Key", silver); f.calls() != 1 {
		t.Fatalf("the authorizer was not asked: %d %s", r.StatusCode, r.body)
	}
	identity, _ := f.events[0]["requestContext"].(map[string]any)["identity"].(map[string]any)
	if identity["apiKey"] != gold {
		t.Errorf("the authorizer was told of the key %v", identity["apiKey"])
	}

	// It is so where a plan has a bucket for each of its keys, too.
	s.UsagePlans[0].Throttle = &gateway.Throttle{Rate: 1000, Burst: 1000}
	throttled := *s
	g.change(&throttled)
	for _, c := range []attempt{{"v2", gold, "", "gold"}, {"v2", silver, "", ""}} {
		check(c)
	}
}

const askedWithKey = `
openapi: 3.0.1
info: {title: asked, version: "1"}
paths:
  /orders:
    get:
      security: [{who: [], api_key: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/orders"}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
    who:
      type: apiKey
      name: Unused
      in: header
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: request, identitySource: method.request.header.X-Who, authorizerUri: "URI", authorizerResultTtlInSeconds: 300}
`

// What is nearly a token, or two of them, is not let in by the good one and taken for the
// other.
func TestUnusualTokens(t *testing.T) {
	backend := echoBackend(t, "one")
	iss, evil := oidctest.Start(t), oidctest.Start(t)
	d := deploy(t, gateway.HTTP, strings.ReplaceAll(httpTokens, "ISSUER", iss.URL), backend.URL)
	s := snapshotOf(gateway.API{ID: "jwt", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: d}}})
	s.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS()}}
	g := start(t, s)
	good := iss.Token(map[string]any{"aud": "orders", "sub": "ann", "scope": "orders.write"})
	forged := evil.Token(map[string]any{"aud": "orders", "sub": "root", "iss": iss.URL, "scope": "orders.write"})
	_, signed, _ := strings.Cut(forged, ".")
	withHeader := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + signed
	}
	kid, err := json.Marshal(iss.Key(jose.RS256).ID)
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(claims map[string]any) []string { return []string{"Bearer " + iss.Token(claims)} }
	for name, c := range map[string]struct {
		target string
		tokens []string
		status int
	}{
		"good and forged":       {"/orders", []string{"Bearer " + good, "Bearer " + forged}, 401},
		"forged and good":       {"/orders", []string{"Bearer " + forged, "Bearer " + good}, 401},
		"both in one field":     {"/orders", []string{"Bearer " + good + ", Bearer " + forged}, 401},
		"a fourth part":         {"/orders", []string{"Bearer " + good + ".x"}, 401},
		"more after it":         {"/orders", []string{"Bearer " + good + " x"}, 401},
		"a tab":                 {"/orders", []string{"Bearer\t" + good}, 401},
		"another scheme":        {"/orders", []string{"Basic " + good}, 401},
		"a key of its own":      {"/orders", []string{"Bearer " + withHeader(`{"alg":"RS256","kid":`+string(kid)+`,"jku":"`+evil.URL+`/jwks","jwk":`+evil.JWKS()+`}`)}, 401},
		"none, in other case":   {"/orders", []string{"Bearer " + withHeader(`{"alg":"nOnE"}`)}, 401},
		"none after RS256":      {"/orders", []string{"Bearer " + withHeader(`{"alg":"RS256","alg":"none"}`)}, 401},
		"an algorithm's number": {"/orders", []string{"Bearer " + withHeader(`{"alg":1}`)}, 401},
		"a list of key ids":     {"/orders", []string{"Bearer " + withHeader(`{"alg":"RS256","kid":["a"]}`)}, 401},
		"an extension":          {"/orders", []string{"Bearer " + withHeader(`{"alg":"RS256","crit":["b64"],"b64":false}`)}, 401},
		// A backend that takes what follows the first space would see the other.
		"forged, before it":        {"/orders", []string{"X " + forged + " Bearer " + good}, 401},
		"another scheme before it": {"/orders", []string{"Basic x Bearer " + good}, 401},
		"letters before it":        {"/orders", []string{"XBearer " + good}, 401},
		"query: forged, then good": {"/query?token=" + forged + "&token=" + good, nil, 401},
		"query: good, then forged": {"/query?token=" + good + "&token=" + forged, nil, 401},
		"query: with escapes":      {"/query?tok%65n=" + good + "&a=b&%74oken=" + forged, nil, 401},
		"query: twice, and empty":  {"/query?a&token=" + good + "&token", nil, 401},
		// Some backends take a semicolon for what it once was.
		"query: forged by a semicolon, then good": {"/query?a=b;token=" + forged + "&token=" + good, nil, 401},
		"query: good, then forged by a semicolon": {"/query?token=" + good + "&a;tok%65n=" + forged + ";b", nil, 401},
		"query: in capitals":                      {"/query?TOKEN=" + good, nil, 401},
		"query: of another name":                  {"/query?x=token=" + good, nil, 401},
		// What the issuer itself has signed, but claims of other kinds.
		"exp is text":          {"/orders", bearer(map[string]any{"aud": "orders", "exp": "9999999999"}), 401},
		"exp is negative":      {"/orders", bearer(map[string]any{"aud": "orders", "exp": -1}), 401},
		"exp is enormous":      {"/orders", bearer(map[string]any{"aud": "orders", "exp": json.Number("1e300")}), 401},
		"exp is a list":        {"/orders", bearer(map[string]any{"aud": "orders", "exp": []int{9999999999}}), 401},
		"nbf is text":          {"/orders", bearer(map[string]any{"aud": "orders", "nbf": "9999999999"}), 401},
		"iss is a list":        {"/orders", bearer(map[string]any{"aud": "orders", "iss": []string{iss.URL}}), 401},
		"aud is a number":      {"/orders", bearer(map[string]any{"aud": 7}), 401},
		"aud is an object":     {"/orders", bearer(map[string]any{"aud": map[string]any{"orders": true}}), 401},
		"aud is a nested list": {"/orders", bearer(map[string]any{"aud": []any{[]string{"orders"}}}), 401},
		"aud is several words": {"/orders", bearer(map[string]any{"aud": "orders shop"}), 401},
		"aud is null":          {"/orders", bearer(map[string]any{"aud": nil, "client_id": "else"}), 401},
	} {
		var headers []string
		for _, v := range c.tokens {
			headers = append(headers, "Authorization", v)
		}
		if r := g.request("GET", "jwt.execute-api.localhost", c.target, "", headers...); r.StatusCode != c.status || r.body != `{"message":"Unauthorized"}` {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	// What only looks like several tokens is not refused.
	for target, header := range map[string]string{
		"/query?a=token&token=" + good + "&mytoken=x;b&token2=x;mytoken=x&x=token=y;c": "", "/query?tok%65n=" + good: "", "/orders?token=x&token=y": "Bearer " + good,
	} {
		if r := g.request("GET", "jwt.execute-api.localhost", target, "", "Authorization", header); r.StatusCode != 200 {
			t.Errorf("%.20s: %d %s", target, r.StatusCode, r.body)
		}
	}
	// One that Envoy has let in before expires all the same: five seconds late, as others do.
	short := bearer(map[string]any{"aud": "orders", "exp": time.Now().Add(-3 * time.Second).Unix()})
	if r := g.request("GET", "jwt.execute-api.localhost", "/orders", "", "Authorization", short[0]); r.StatusCode != 200 {
		t.Errorf("a token within the five seconds: %d %s", r.StatusCode, r.body)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if r := g.request("GET", "jwt.execute-api.localhost", "/orders", "", "Authorization", short[0]); r.StatusCode == 401 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a token that Envoy knows does not expire")
		}
	}
	// The claims are those of the token that was verified.
	e := g.request("POST", "jwt.execute-api.localhost", "/orders?token="+forged, "", "Authorization", "Bearer "+good, "X-Token", forged).echo(t)
	if got := fmt.Sprint(e.Headers["x-user"]); got != "[ann]" {
		t.Errorf("claims of %s", got)
	}
}

// What a client calls a matter of its own connection, or sends behind the body, takes away
// and adds nothing of what the gateway says or decides by.
func TestConnectionHeadersAndTrailers(t *testing.T) {
	g := startKeysAndHook(t)
	const keys, hook = "keys.execute-api.localhost", "hook.execute-api.localhost"
	for name, status := range map[string]int{
		"x-gw-key": 200, "x-request-id": 200, "x-amzn-apigateway-api-id": 200, "x-gw-asked-path, x-gw-client-address": 200, "te, x-gw-anything": 200,
		"x-api-key": 403, "host": 400, ":path": 400, "x-forwarded-for": 400, "x-forwarded-proto": 400,
	} {
		for _, at := range [][2]string{{keys, "/v1/closed"}, {"localhost", "/_aws/execute-api/keys/v1/closed"}} {
			r, err := g.raw("GET", "GET "+at[1]+" HTTP/1.1", "Host: "+at[0], "X-Api-Key: "+goldKey, "Connection: close, "+name, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode != status {
				t.Errorf("Connection: %s at %s: %d %s", name, at[0], r.StatusCode, r.body)
			} else if status == 200 {
				if e := r.echo(t); joined(e, "x-key-id", "x-amzn-apigateway-api-id", "x-gw-key") != "gold ; keys ; " || joined(e, "x-request-id") != r.Header.Get("x-amzn-requestid") {
					t.Errorf("Connection: %s at %s: %+v", name, at[0], e)
				}
			}
		}
	}

	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	trailing := func(method, host, target string) reply {
		t.Helper()
		req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", g.port, target), io.MultiReader(strings.NewReader("abc")))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Trailer = http.Header{
			"X-Api-Key": {goldKey}, "X-Gw-Key": {"|p|:admin"}, "X-Gw-Route": {"other|v1|||GET /admin"}, "X-Gw-Client": {"1 HTTP/9 6.6.6.6"},
			"X-Gw-Authorizer": {`{"principalId":"admin"}`}, "X-Forwarded-For": {"6.6.6.6"}, "X-Request-Id": {"admin"},
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply{resp, string(text)}
	}
	if r := trailing("GET", keys, "/v1/closed"); r.StatusCode != 403 {
		t.Errorf("a key behind the body: %d %s", r.StatusCode, r.body)
	}
	if r := trailing("GET", keys, "/v1/open"); r.StatusCode != 200 || strings.Contains(r.body, "admin") || strings.Contains(r.body, "6.6.6.6") {
		t.Errorf("trailers to a backend: %d %s", r.StatusCode, r.body)
	}
	if r := trailing("POST", hook, "/v1/x"); r.StatusCode != 200 || strings.Contains(r.body, "admin") || strings.Contains(r.body, "6.6.6.6") || strings.Contains(strings.ToLower(r.body), "x-gw-") {
		t.Errorf("trailers to a function: %d %s", r.StatusCode, r.body)
	}
}
