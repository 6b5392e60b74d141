package extauthz_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/introspection"
	"gatehouse/internal/wire"
)

const opaqueIssuer = "https://id.example.com"

// fakeIssuer is an introspection endpoint that the test answers for.
type fakeIssuer struct {
	mu     sync.Mutex
	tokens []string
	target introspection.Target
	answer func(ctx context.Context, token string) (*introspection.Answer, error)
}

func (f *fakeIssuer) Introspect(ctx context.Context, target introspection.Target, token string) (*introspection.Answer, error) {
	f.mu.Lock()
	f.tokens, f.target = append(f.tokens, token), target
	answer := f.answer
	f.mu.Unlock()
	return answer(ctx, token)
}

func (f *fakeIssuer) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.tokens)
}

// says makes the issuer answer with JSON, read as it is from the network.
func (f *fakeIssuer) says(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = func(context.Context, string) (*introspection.Answer, error) { return introspection.Parse([]byte(text)) }
}

// tokenRoute asks for a token with the scopes.
func tokenRoute(kind string, scopes ...string) gateway.Route {
	return gateway.Route{Method: "GET", Path: "/pets/{id}", Authorization: &gateway.Authorization{Type: kind, Authorizer: "auth", Scopes: scopes}}
}

func opaqueAuthorizer(audience ...string) gateway.Authorizer {
	return gateway.Authorizer{Name: "auth", Type: gateway.JWTAuthorizer, JWTIssuer: opaqueIssuer, JWTAudience: audience, IdentitySources: []string{"$request.header.Authorization"}}
}

func introspected(s *gateway.Snapshot, cache time.Duration) *gateway.Snapshot {
	s.Issuers = []gateway.Issuer{{URL: opaqueIssuer, UserPool: "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_abc", Introspection: &gateway.Introspection{
		Endpoint: opaqueIssuer + "/introspect", ClientID: "gateway", ClientSecret: "the-secret", Auth: "post", CacheMillis: cache.Milliseconds(),
	}}}
	return s
}

// newIntrospection is a harness with one route of an HTTP API, whose tokens are kept
// for a minute.
func newIntrospection(t testing.TB, s *gateway.Snapshot, change ...func(*extauthz.Options)) (*harness, *fakeIssuer) {
	t.Helper()
	f := &fakeIssuer{}
	f.says(`{"active": true, "sub": "ann", "scope": "read write", "aud": "pets"}`)
	change = append([]func(*extauthz.Options){func(o *extauthz.Options) { o.Introspection = f }}, change...)
	return newHarness(t, s, change...), f
}

func bearer(token string) ask {
	return ask{route: petRoute, stage: gateway.DefaultStage, headers: []string{"authorization: Bearer " + token}}
}

// TestIntrospectionAnswers has an issuer say everything that it may, and much that it
// may not.
func TestIntrospectionAnswers(t *testing.T) {
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	for answer, want := range map[string]struct {
		status int
		code   string
	}{
		`{"active": true, "aud": "pets", "scope": "read"}`:                                  {200, ""},
		`{"active": true, "aud": ["x", "pets"], "scope": ["a", "write"]}`:                   {200, ""},
		`{"active": true, "aud": "pets", "scp": ["write"]}`:                                 {200, ""},
		`{"active": true, "client_id": "pets", "scope": "x  read"}`:                         {200, ""},
		`{"active": true, "aud": null, "client_id": "pets", "scope": "read"}`:               {200, ""},
		`{"active": true, "aud": "pets", "scope": "read", "token_type": 7}`:                 {200, ""},
		`{"active": true, "aud": "pets", "scope": "read", "iss": "https://id.example.com"}`: {200, ""},
		`{"active": false}`: {401, "token-inactive"},
		`{"active": false, "aud": "pets", "scope": "read"}`:                                             {401, "token-inactive"},
		`{"active": false, "exp": "nonsense"}`:                                                          {401, "token-inactive"},
		`{"active": true, "aud": "cars", "scope": "read"}`:                                              {401, "token-wrong-audience"},
		`{"active": true, "aud": [], "client_id": "pets"}`:                                              {401, "token-wrong-audience"},
		`{"active": true, "aud": "", "client_id": "pets"}`:                                              {401, "token-wrong-audience"},
		`{"active": true, "scope": "read"}`:                                                             {401, "token-wrong-audience"},
		`{"active": true, "aud": "cars", "client_id": "pets"}`:                                          {401, "token-wrong-audience"},
		`{"active": true, "aud": "pets"}`:                                                               {403, "token-scope-missing"},
		`{"active": true, "aud": "pets", "scope": "readwrite"}`:                                         {403, "token-scope-missing"},
		`{"active": true, "aud": "pets", "scope": ["read write"]}`:                                      {403, "token-scope-missing"},
		`{"active": true, "aud": "pets", "scope": "READ"}`:                                              {403, "token-scope-missing"},
		`{"active": true, "aud": "pets", "scope": "read", "iss": "https://id.example.com/"}`:            {401, "token-wrong-issuer"},
		fmt.Sprintf(`{"active": true, "aud": "pets", "scope": "read", "exp": %d}`, at(time.Minute)):     {200, ""},
		fmt.Sprintf(`{"active": true, "aud": "pets", "scope": "read", "exp": %d.25}`, at(time.Minute)):  {200, ""},
		fmt.Sprintf(`{"active": true, "aud": "pets", "scope": "read", "exp": %d}`, at(-3*time.Second)):  {200, ""},
		fmt.Sprintf(`{"active": true, "aud": "pets", "scope": "read", "exp": %d}`, at(-10*time.Second)): {401, "token-expired"},
		`{"active": true, "aud": "pets", "scope": "read", "exp": -1e300}`:                               {401, "token-expired"},
		`{"active": true, "aud": "pets", "scope": "read", "exp": 1e300}`:                                {200, ""},
		`{"active": true, "aud": "pets", "scope": "read", "exp": 0}`:                                    {401, "token-expired"},
		fmt.Sprintf(`{"active": true, "aud": "pets", "scope": "read", "nbf": %d}`, at(3*time.Second)):   {200, ""},
		fmt.Sprintf(`{"active": true, "aud": "pets", "scope": "read", "nbf": %d}`, at(time.Minute)):     {401, "token-not-yet-valid"},
		``:                                       {500, "introspection-malformed"},
		`null`:                                   {500, "introspection-malformed"},
		`true`:                                   {500, "introspection-malformed"},
		`[]`:                                     {500, "introspection-malformed"},
		`{}`:                                     {500, "introspection-malformed"},
		`{"active": null}`:                       {500, "introspection-malformed"},
		`{"active": "true"}`:                     {500, "introspection-malformed"},
		`{"active": 1}`:                          {500, "introspection-malformed"},
		`{"Active": true}`:                       {500, "introspection-malformed"},
		`{"active": true`:                        {500, "introspection-malformed"},
		`{"active": true} {"active": 0}`:         {500, "introspection-malformed"},
		`{"active": false, "active": true}`:      {500, "introspection-malformed"},
		`{"active": false, "\u0061ctive": true}`: {500, "introspection-malformed"},
		`{"active": true, "aud": "pets", "scope": "read", "exp": "9999999999"}`:               {500, "introspection-malformed"},
		`{"active": true, "aud": "pets", "scope": "read", "exp": 1e999}`:                      {500, "introspection-malformed"},
		`{"active": true, "aud": "pets", "scope": "read", "nbf": true}`:                       {500, "introspection-malformed"},
		`{"active": true, "aud": 7, "scope": "read"}`:                                         {500, "introspection-malformed"},
		`{"active": true, "aud": ["pets", null], "scope": "read"}`:                            {500, "introspection-malformed"},
		`{"active": true, "aud": "pets", "scope": {"read": true}}`:                            {500, "introspection-malformed"},
		`{"active": true, "aud": "pets", "scope": "read", "iss": ["https://id.example.com"]}`: {500, "introspection-malformed"},
		"{\"active\": true, \"aud\": \"pets\", \"scope\": \"read\", \"x\": \"\xff\"}":         {500, "introspection-malformed"},
	} {
		h, f := newIntrospection(t, introspected(one(gateway.HTTP, tokenRoute("JWT", "read", "write"), opaqueAuthorizer("pets", "shop")), time.Minute))
		f.says(answer)
		for range 2 { // The second time from the cache, where there is one.
			got := h.check(bearer("opaque"))
			if got.status != want.status || got.code() != want.code {
				t.Errorf("%s: %d %s, want %d %s", answer, got.status, got.code(), want.status, want.code)
			}
			body := map[int]string{401: `{"message":"Unauthorized"}`, 403: `{"message":"Forbidden"}`, 500: `{"message":"Internal Server Error"}`}[got.status]
			challenge := map[int]string{401: `error="invalid_token"`, 403: `error="insufficient_scope"`}[got.status]
			if got.body != body || !strings.Contains(got.headers["www-authenticate"], challenge) || got.status == 500 && got.headers["www-authenticate"] != "" {
				t.Errorf("%s: %s %v", answer, got.body, got.headers)
			}
			if strings.Contains(h.log.String(), "opaque ") || strings.Contains(h.log.String(), "the-secret") {
				t.Errorf("the log tells a secret: %s", h.log)
			}
		}
		if failed := want.status == 500; (f.calls() == 2) != failed && !strings.Contains(answer, fmt.Sprint(at(-3*time.Second))) {
			t.Errorf("%s: %d calls", answer, f.calls())
		}
	}
}

// TestIntrospectionOfUserPools asks a REST API, where all is 401 that is the token's.
func TestIntrospectionOfUserPools(t *testing.T) {
	pool := gateway.Authorizer{Name: "auth", Type: gateway.CognitoAuthorizer, ProviderARNs: []string{"arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_abc"}, ValidationExpression: "app-.*"}
	for answer, want := range map[string]string{
		`{"active": true, "client_id": "app-1", "scope": "read"}`:    "",
		`{"active": true, "client_id": "app-1", "scope": "other"}`:   "token-scope-missing",
		`{"active": true, "client_id": "my-app-1", "scope": "read"}`: "token-wrong-audience",
		`{"active": true, "aud": "app-1", "scope": "read"}`:          "",
		`{"active": false}`: "token-inactive",
	} {
		h, f := newIntrospection(t, introspected(one(gateway.REST, tokenRoute("COGNITO_USER_POOLS", "read"), pool), time.Minute))
		f.says(answer)
		got := h.check(ask{route: petRoute, base: "/v1", headers: []string{"authorization: opaque"}})
		if got.code() != want || (got.status == 200) != (want == "") {
			t.Errorf("%s: %d %s, want %q", answer, got.status, got.code(), want)
		}
		if want != "" && (got.status != 401 || got.body != `{"message":"Unauthorized"}` || got.headers["x-amzn-errortype"] != "UnauthorizedException" || got.headers["www-authenticate"] != "") {
			t.Errorf("%s: %d %s %v", answer, got.status, got.body, got.headers)
		}
	}
	// The policy has its own word.
	s := introspected(one(gateway.REST, tokenRoute("COGNITO_USER_POOLS", "read"), pool), time.Minute)
	s.APIs[0].Stages[0].Deployment.Policy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/v1/POST/*"}]}`
	h, f := newIntrospection(t, s)
	f.says(`{"active": true, "client_id": "app-1", "scope": "read"}`)
	if got := h.check(ask{route: petRoute, base: "/v1", headers: []string{"authorization: opaque"}}); got.status != 403 || got.code() != "resource-policy-not-allowed" {
		t.Errorf("a policy that does not allow it: %d %s", got.status, got.code())
	}
}

// TestTokensSent looks for the token where it has to be, and sends nothing on that
// cannot be one.
func TestTokensSent(t *testing.T) {
	query := opaqueAuthorizer()
	query.IdentitySources = []string{"$request.querystring.token"}
	header, parameter := one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), one(gateway.HTTP, tokenRoute("JWT"), query)
	long := strings.Repeat("x", 8<<10)
	for _, c := range []struct {
		snapshot *gateway.Snapshot
		headers  []string
		query    string
		sent     string
		code     string
	}{
		{header, []string{"authorization: Bearer a.b-c"}, "", "a.b-c", ""},
		{header, []string{"authorization: bearer a.b-c"}, "", "a.b-c", ""},
		{header, []string{"authorization: a/b+c=="}, "", "a/b+c==", ""},
		{header, []string{"authorization: " + long}, "", long, ""},
		{header, []string{"authorization: x" + long}, "", "", "token-invalid"},
		{header, []string{"authorization: Basic YTpi"}, "", "", "token-invalid"},
		{header, []string{"authorization: Bearer a b"}, "", "", "token-invalid"},
		{header, []string{"authorization: Bearer a\x00b"}, "", "", "token-invalid"},
		{header, []string{"authorization: Bearer \xff"}, "", "", "token-invalid"},
		{header, []string{"authorization: Bearer ä"}, "", "", "token-invalid"},
		{header, []string{"authorization: Bearer a", "authorization: Bearer b"}, "", "", "identity-source-repeated"},
		{header, nil, "", "", "identity-source-missing"},
		{header, []string{"authorization: "}, "", "", "identity-source-missing"},
		{header, []string{"authorization: Bearer "}, "", "", "identity-source-missing"},
		{header, []string{"authorization: Bearer"}, "", "", "identity-source-missing"},
		{header, nil, "?token=a", "", "identity-source-missing"},
		{parameter, nil, "?token=a%2Bb", "a+b", ""},
		{parameter, nil, "?token=Bearer%20a", "", "token-invalid"},
		{parameter, nil, "?token=a&token=b", "", "identity-source-repeated"},
		{parameter, nil, "?token=a&x;tok%65n=b", "", "identity-source-repeated"},
		{parameter, nil, "?x;token=b&token=a", "", "identity-source-repeated"},
		{parameter, nil, "?x;y=token&token=a&mytoken=1;2", "a", ""},
		{parameter, []string{"authorization: Bearer a"}, "", "", "identity-source-missing"},
	} {
		h, f := newIntrospection(t, introspected(c.snapshot, time.Minute))
		got := h.check(ask{route: petRoute, stage: gateway.DefaultStage, path: "/pets/7" + c.query, headers: c.headers})
		if got.code() != c.code || strings.Join(f.tokens, "|") != c.sent || (got.status == 401) != (c.code != "") {
			t.Errorf("%.60q %s: %d %s, sent %.60q", c.headers, c.query, got.status, got.code(), f.tokens)
		}
		if c.code == "identity-source-missing" && got.headers["www-authenticate"] != "Bearer" {
			t.Errorf("%q: %v", c.headers, got.headers)
		}
	}
}

// TestIntrospectedClaims hands on what the issuer said.
func TestIntrospectedClaims(t *testing.T) {
	h, f := newIntrospection(t, introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute))
	f.says(`{"active": true, "sub": "ann", "n": 1800000000, "big": 12345678901234567890, "x": 1.50, "admin": true, "none": null,
		"groups": ["a", "b c", 7], "address": {"city" : "Ulm"}, "scope": ["read", "write"]}`)
	want := map[string]any{
		"active": "true", "sub": "ann", "n": "1800000000", "big": "12345678901234567890", "x": "1.50", "admin": "true",
		"groups": "[a b c 7]", "address": `{"city":"Ulm"}`, "scope": "read write",
	}
	for _, from := range []string{"issuer", "cache"} {
		got := h.check(bearer("t"))
		if diff := cmp.Diff(want, got.kept[wire.AnswerClaims]); diff != "" {
			t.Errorf("claims from the %s: %s", from, diff)
		}
	}
	if f.target.ClientID != "gateway" || f.target.ClientSecret.Reveal() != "the-secret" || !f.target.Post || f.target.Endpoint != opaqueIssuer+"/introspect" {
		t.Errorf("asked at %+v", f.target)
	}
}

// TestKeptTokens holds how long is believed what an issuer said.
func TestKeptTokens(t *testing.T) {
	h, f := newIntrospection(t, introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute))
	expect := func(what, token string, status, calls int) {
		t.Helper()
		before := f.calls()
		if got := h.check(bearer(token)); got.status != status || f.calls()-before != calls {
			t.Errorf("%s: %d %s after %d calls, want %d after %d", what, got.status, got.code(), f.calls()-before, status, calls)
		}
	}
	expect("new", "t", 200, 1)
	f.says(`{"active": false}`)
	h.later(time.Minute - 1)
	expect("withdrawn, within the minute", "t", 200, 0)
	h.later(1)
	expect("withdrawn, after it", "t", 401, 1)
	expect("known to be withdrawn", "t", 401, 0)
	f.says(`{"active": true}`)
	h.later(10*time.Second - 1)
	expect("given out since, within ten seconds", "t", 401, 0)
	h.later(1)
	expect("given out since, after them", "t", 200, 1)

	f.says(fmt.Sprintf(`{"active": true, "exp": %d}`, h.now().Add(20*time.Second).Unix()))
	expect("a short life", "short", 200, 1)
	h.later(19 * time.Second)
	expect("at its end", "short", 200, 0)
	h.later(2 * time.Second)
	expect("past its end, as clocks differ", "short", 200, 1)
	expect("past its end it is not kept", "short", 200, 1)
	h.later(5 * time.Second)
	expect("expired, although the issuer says it is active", "short", 401, 1)

	f.says(`{"active": true}`)
	h.later(time.Minute)
	expect("new again", "t", 200, 1)
	h.FlushAuthorizers("pets", gateway.DefaultStage)
	expect("flushed", "t", 200, 1)

	// Errors are not kept.
	f.mu.Lock()
	f.answer = func(context.Context, string) (*introspection.Answer, error) {
		return nil, errors.New("no route to host")
	}
	f.mu.Unlock()
	expect("kept while the issuer is away", "t", 200, 0)
	expect("not known, and the issuer is away", "other", 500, 1)
	expect("again", "other", 500, 1)

	// What is known of a token is known by this issuer, endpoint and client.
	f.says(`{"active": false}`)
	s := introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute)
	h.serve(s)
	expect("the same definitions", "t", 200, 0)
	s = introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute)
	s.Issuers[0].Introspection.Endpoint += "/2"
	h.serve(s)
	expect("another endpoint", "t", 401, 1)
}

func TestTokensNotKept(t *testing.T) {
	h, f := newIntrospection(t, introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), 0))
	for i := range 3 {
		if got := h.check(bearer("t")); got.status != 200 || f.calls() != i+1 {
			t.Errorf("%d %s after %d calls", got.status, got.code(), f.calls())
		}
	}
}

// TestWrongTokensKeepTheirPlace: whoever sends ever new wrong tokens fills no memory,
// and does not push out what is known of right ones.
func TestWrongTokensKeepTheirPlace(t *testing.T) {
	h, f := newIntrospection(t, introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute), func(o *extauthz.Options) { o.CacheEntries = 80 }, quiet)
	f.answer = func(_ context.Context, token string) (*introspection.Answer, error) {
		return &introspection.Answer{Active: token == "right"}, nil
	}
	h.check(bearer("right"))
	for i := range 1000 {
		if got := h.check(bearer(fmt.Sprint(i))); got.status != 401 {
			t.Fatalf("%d %s", got.status, got.code())
		}
	}
	before := f.calls()
	h.check(bearer("right"))
	h.check(bearer("999"))
	if f.calls() != before {
		t.Error("what was known of a right token, or of the last wrong one, is gone")
	}
	h.check(bearer("0"))
	if f.calls() != before+1 {
		t.Error("every wrong token is remembered")
	}
}

// TestOneQuestionForAll: many requests with one token at once ask once, and one who
// leaves does not end it for the others.
func TestOneQuestionForAll(t *testing.T) {
	h, f := newIntrospection(t, introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute))
	asked, release := make(chan struct{}), make(chan struct{})
	f.answer = func(ctx context.Context, _ string) (*introspection.Answer, error) {
		close(asked)
		<-release
		return &introspection.Answer{Active: true}, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan outcome, 1)
	go func() { left <- h.checkIn(ctx, bearer("t")) }()
	<-asked
	var group sync.WaitGroup
	var in atomic.Int64
	for range 50 {
		group.Go(func() {
			if h.check(bearer("t")).status == 200 {
				in.Add(1)
			}
		})
	}
	cancel()
	if got := <-left; got.status != 500 || got.code() != "cancelled" {
		t.Errorf("who left was answered %d %s", got.status, got.code())
	}
	close(release)
	group.Wait()
	if in.Load() != 50 || f.calls() != 1 {
		t.Errorf("%d of 50 were let in after %d calls", in.Load(), f.calls())
	}
}

// TestIntrospectionFailures: what does not answer lets nobody in, and holds up nobody
// else.
func TestIntrospectionFailures(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"unreachable":                   {errors.New("connection refused"), "introspection-failed"},
		"the client is not known":       {fmt.Errorf("status 401: %w", introspection.ErrClientRefused), "introspection-client-refused"},
		"an answer that makes no sense": {fmt.Errorf("%w: it is not JSON", introspection.ErrMalformed), "introspection-malformed"},
	} {
		h, f := newIntrospection(t, introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute))
		f.answer = func(context.Context, string) (*introspection.Answer, error) { return nil, c.err }
		got := h.check(bearer("t"))
		if got.status != 500 || got.code() != c.code || got.body != `{"message":"Internal Server Error"}` || !strings.Contains(h.log.String(), c.code) {
			t.Errorf("%s: %d %s %s\n%s", name, got.status, got.code(), got.body, h.log)
		}
	}

	// A function of the same API has its own turns.
	s := introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute)
	d := s.APIs[0].Stages[0].Deployment
	d.Routes = append(d.Routes, gateway.Route{Method: "GET", Path: "/f", Authorization: &gateway.Authorization{Type: "CUSTOM", Authorizer: "f"}})
	d.Authorizers = append(d.Authorizers, gateway.Authorizer{Name: "f", Type: "REQUEST", URI: functionURI, PayloadVersion: "1.0", IdentitySources: []string{"$request.header.Authorization"}})
	h, f := newIntrospection(t, s, func(o *extauthz.Options) { o.Concurrency, o.IntrospectionTimeout = 2, 50*time.Millisecond })
	f.answer = func(ctx context.Context, _ string) (*introspection.Answer, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	codes := make(chan string, 100)
	for i := range 100 {
		go func() { codes <- h.check(bearer(fmt.Sprint(i))).code() }()
	}
	function := bearer("t")
	function.route, function.path = "GET /f", "/f"
	if got := h.check(function); got.status != 200 {
		t.Errorf("a function is held up: %d %s", got.status, got.code())
	}
	counts := map[string]int{}
	for range 100 {
		counts[<-codes]++
	}
	if counts["introspection-timeout"] < 2 || counts["authorizer-busy"] < 1 || counts["introspection-timeout"]+counts["authorizer-busy"] != 100 {
		t.Errorf("answers while the issuer hangs: %v", counts)
	}
}

// TestTokensNobodyVerified: while a route changes its authorizer, an Envoy may ask about
// it as it was. Nobody gets in between the two.
func TestTokensNobodyVerified(t *testing.T) {
	s := one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer())
	h, f := newIntrospection(t, s)
	if got := h.check(bearer("t")); got.status != 500 || got.code() != "unknown-route" {
		t.Errorf("a token that nobody verified: %d %s", got.status, got.code())
	}
	verified := bearer("t")
	verified.verified = true
	if got := h.check(verified); got.status != 200 {
		t.Errorf("a token that Envoy verified: %d %s", got.status, got.code())
	}
	// From introspection to keys: the old Envoy's routes are decided as they were.
	h.serve(introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), 0))
	h.serve(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()))
	f.says(`{"active": false}`)
	if got := h.check(bearer("t")); got.status != 401 || got.code() != "token-inactive" {
		t.Errorf("an Envoy with the route of before: %d %s", got.status, got.code())
	}
	// From keys to introspection: who asks is answered by the issuer.
	h.serve(introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), 0))
	if got := h.check(verified); got.status != 401 || got.code() != "token-inactive" {
		t.Errorf("an Envoy that verified a token: %d %s", got.status, got.code())
	}
}

func TestCompileIntrospection(t *testing.T) {
	pools := gateway.Authorizer{Name: "auth", Type: gateway.CognitoAuthorizer, ValidationExpression: "(", ProviderARNs: []string{"arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_abc"}}
	two := pools
	two.ValidationExpression = ""
	two.ProviderARNs = append(two.ProviderARNs, "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_other")
	place := opaqueAuthorizer()
	place.IdentitySources = []string{"$context.path"}
	ca := introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), 0)
	ca.Issuers[0].CA = "nonsense"
	for want, s := range map[string]*gateway.Snapshot{
		"ambiguous-issuer":        introspected(one(gateway.REST, tokenRoute("COGNITO_USER_POOLS"), two), 0),
		"invalid-pattern":         introspected(one(gateway.REST, tokenRoute("COGNITO_USER_POOLS"), pools), 0),
		"invalid-identity-source": introspected(one(gateway.HTTP, tokenRoute("JWT"), place), 0),
		"invalid-certificate":     ca,
	} {
		compiled, ds := extauthz.Compile(s.Seal())
		if compiled != nil || len(ds) != 1 || ds[0].Code != want || strings.Contains(ds[0].String(), "the-secret") {
			t.Errorf("%s: %v", want, ds)
		}
	}
}

// As long as it is not known where to ask, nobody is let in; when it is, answers that
// could not be had are not held against anyone.
func TestEndpointUnknown(t *testing.T) {
	s := func(endpoint string) *gateway.Snapshot {
		s := introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Minute)
		s.Issuers[0].Introspection.Endpoint = endpoint
		return s
	}
	h, issuer := newIntrospection(t, s(""))
	a := ask{route: petRoute, stage: gateway.DefaultStage, headers: []string{"authorization: Bearer opaque"}}
	if got := h.check(a); got.status != 500 || got.code() != "introspection-failed" || issuer.calls() != 0 {
		t.Errorf("%d %s, %d calls", got.status, got.code(), issuer.calls())
	}
	h.serve(s("https://id.example.com/found"))
	if got := h.check(a); got.status != 200 || issuer.target.Endpoint != "https://id.example.com/found" {
		t.Errorf("%d %s, asked at %s", got.status, got.code(), issuer.target.Endpoint)
	}
}
