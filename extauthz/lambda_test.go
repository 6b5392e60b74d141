package extauthz_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/lambda"
)

func policyAnswer(statements string) string {
	return `{"principalId": "user-7", "policyDocument": {"Version": "2012-10-17", "Statement": ` + statements + `}}`
}

// The rules for what a function answers, for REST APIs and HTTP APIs.
func TestLambdaAnswers(t *testing.T) {
	const (
		restRoute = "GET /pets/{id}"
		methodARN = "arn:aws:execute-api:us-east-1:000000000000:pets/v1/GET/pets/7"
	)
	allow := func(resource string) string {
		return `{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "` + resource + `"}`
	}
	deny := strings.Replace(allow(methodARN), "Allow", "Deny", 1)
	type want struct {
		status int
		body   string
		kind   string
		code   string
	}
	var (
		in            = want{status: 200}
		unauthorized  = want{401, `{"message":"Unauthorized"}`, "UnauthorizedException", "authorizer-unauthorized"}
		notAllowed    = want{403, `{"Message":"User is not authorized to access this resource"}`, "AccessDeniedException", "authorizer-not-allowed"}
		denied        = want{403, `{"Message":"User is not authorized to access this resource with an explicit deny"}`, "AccessDeniedException", "authorizer-denied"}
		malformed     = want{500, `{"message":null}`, "AuthorizerConfigurationException", "authorizer-malformed"}
		failed        = want{500, `{"message":null}`, "AuthorizerFailureException", "authorizer-failed"}
		unreachable   = want{500, `{"message":null}`, "AuthorizerConfigurationException", "authorizer-unreachable"}
		http          = func(w want, body string) want { w.body, w.kind = body, ""; return w }
		httpForbidden = `{"message":"Forbidden"}`
		httpBroken    = `{"message":"Internal Server Error"}`
	)
	for name, c := range map[string]struct {
		result string
		err    error
		rest   want
		// http is that of HTTP APIs with policies.
		http want
	}{
		"the method itself":     {policyAnswer("[" + allow(methodARN) + "]"), nil, in, want{403, httpForbidden, "", "authorizer-not-allowed"}},
		"a wildcard":            {policyAnswer("[" + allow("arn:aws:execute-api:*:*:pets/*/GET/pets/?") + "]"), nil, in, in},
		"one statement, bare":   {policyAnswer(allow("*")), nil, in, in},
		"lists":                 {policyAnswer(`[{"Action": ["execute-api:Invoke"], "Effect": "Allow", "Resource": ["x:y", "*"]}]`), nil, malformed, http(malformed, httpBroken)},
		"another method":        {policyAnswer("[" + allow("arn:aws:execute-api:us-east-1:000000000000:pets/v1/POST/*") + "]"), nil, notAllowed, http(notAllowed, httpForbidden)},
		"denied and allowed":    {policyAnswer("[" + allow("*") + "," + deny + "]"), nil, denied, in},
		"no statement":          {policyAnswer("[]"), nil, malformed, http(malformed, httpBroken)},
		"no principal":          {strings.Replace(allowAll, `"principalId": "user-7", `, "", 1), nil, malformed, http(malformed, httpBroken)},
		"an empty principal":    {strings.Replace(allowAll, `user-7`, "", 1), nil, malformed, http(malformed, httpBroken)},
		"a principal of digits": {strings.Replace(allowAll, `"user-7"`, "7", 1), nil, malformed, http(malformed, httpBroken)},
		"another spelling":      {strings.Replace(allowAll, `principalId`, "principalID", 1), nil, malformed, http(malformed, httpBroken)},
		"no policy":             {`{"principalId": "user-7"}`, nil, malformed, http(malformed, httpBroken)},
		"no policy but null":    {`{"principalId": "user-7", "policyDocument": null}`, nil, malformed, http(malformed, httpBroken)},
		"a policy in text":      {`{"principalId": "user-7", "policyDocument": "{}"}`, nil, malformed, http(malformed, httpBroken)},
		"a condition unknown":   {policyAnswer(`[{"Action": "*", "Effect": "Allow", "Resource": "*", "Condition": {"Vague": {"a": "b"}}}]`), nil, malformed, http(malformed, httpBroken)},
		"a nested context":      {strings.TrimSuffix(allowAll, "}") + `, "context": {"a": {"b": 1}}}`, nil, malformed, in},
		"a list in the context": {strings.TrimSuffix(allowAll, "}") + `, "context": {"a": [1]}}`, nil, malformed, in},
		"a context in text":     {strings.TrimSuffix(allowAll, "}") + `, "context": "a"}`, nil, malformed, http(malformed, httpBroken)},
		"a key of digits":       {strings.TrimSuffix(allowAll, "}") + `, "usageIdentifierKey": 1}`, nil, malformed, http(malformed, httpBroken)},
		"null":                  {`null`, nil, malformed, http(malformed, httpBroken)},
		"nothing":               {``, nil, malformed, http(malformed, httpBroken)},
		"text":                  {`"Allow"`, nil, malformed, http(malformed, httpBroken)},
		"garbage":               {"\x00\xff{{{", nil, malformed, http(malformed, httpBroken)},
		"two documents":         {allowAll + allowAll, nil, malformed, http(malformed, httpBroken)},
		"very deep":             {strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), nil, malformed, http(malformed, httpBroken)},
		"huge":                  {strings.TrimSuffix(allowAll, "}") + `, "context": {"a": "` + strings.Repeat("x", 256<<10) + `"}}`, nil, malformed, http(malformed, httpBroken)},
		"too large to be read":  {"", fmt.Errorf("wrapped: %w", lambda.ErrTooLarge), malformed, http(malformed, httpBroken)},
		"Unauthorized":          {"", &lambda.FunctionError{Message: "Unauthorized"}, unauthorized, http(unauthorized, `{"message":"Unauthorized"}`)},
		"unauthorized":          {"", &lambda.FunctionError{Message: "unauthorized"}, failed, http(failed, httpBroken)},
		"another error":         {"", &lambda.FunctionError{Message: "secret things", Type: "KeyError"}, failed, http(failed, httpBroken)},
		"no connection":         {"", errors.New("connection refused"), unreachable, http(unreachable, httpBroken)},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(t *testing.T, h *harness, a ask, want want, id string) {
				t.Helper()
				h.lambda.answer = func(context.Context, lambda.Target, []byte) ([]byte, error) { return []byte(c.result), c.err }
				a.headers = []string{"authorization: t"}
				got := h.check(a)
				if got.status != want.status || got.body != want.body || got.code() != want.code || got.headers["x-amzn-errortype"] != want.kind {
					t.Errorf("%d %s, code %q, type %q; want %+v\n%s", got.status, got.body, got.code(), got.headers["x-amzn-errortype"], want, h.log)
				}
				if want.status != 200 && (got.headers[id] != "3f0c0c0e-0000-4000-8000-000000000001" || got.headers["content-type"] != "application/json") {
					t.Errorf("headers %v", got.headers)
				}
				if strings.Contains(h.log.String(), "secret things") {
					t.Errorf("the log repeats what the function said:\n%s", h.log)
				}
			}
			for _, kind := range []gateway.Authorizer{tokenAuthorizer(), requestAuthorizer()} {
				h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), kind))
				check(t, h, ask{route: restRoute, base: "/v1"}, c.rest, "x-amzn-requestid")
			}
			for _, version := range []string{"1.0", "2.0"} {
				h := newHarness(t, one(gateway.HTTP, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
					a.PayloadVersion, a.IdentitySources = version, []string{"$request.header.Authorization"}
				})))
				check(t, h, ask{stage: gateway.DefaultStage, route: restRoute}, c.http, "apigw-requestid")
			}
		})
	}
}

func TestLambdaSimpleAnswers(t *testing.T) {
	for result, want := range map[string]struct {
		status int
		code   string
	}{
		`{"isAuthorized": true}`:                               {200, ""},
		`{"isAuthorized": true, "context": {"a": {"b": [1]}}}`: {200, ""},
		`{"isAuthorized": false}`:                              {403, "authorizer-not-allowed"},
		`{"isAuthorized": "true"}`:                             {500, "authorizer-malformed"},
		`{"isauthorized": true}`:                               {500, "authorizer-malformed"},
		`{"isAuthorized": null}`:                               {500, "authorizer-malformed"},
		`{}`:                                                   {500, "authorizer-malformed"},
		`true`:                                                 {500, "authorizer-malformed"},
		allowAll:                                               {500, "authorizer-malformed"},
	} {
		h := newHarness(t, one(gateway.HTTP, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
			a.PayloadVersion, a.SimpleResponses, a.IdentitySources = "2.0", true, []string{"$request.header.Authorization"}
		})))
		h.lambda.answer = answers(result)
		got := h.check(ask{stage: gateway.DefaultStage, route: "GET /pets/{id}", headers: []string{"authorization: t"}})
		if got.status != want.status || got.code() != want.code {
			t.Errorf("%s: %d %s, want %+v", result, got.status, got.code(), want)
		}
	}
}

func TestAuthorizerContext(t *testing.T) {
	result := strings.TrimSuffix(allowAll, "}") + `, "context": {
		"tenant": "t1", "level": 3, "ratio": 1.50, "big": 12345678901234567890, "trial": true, "none": null, "empty": "",
		"principalId": "root", "integrationLatency": "x", "odd": "\ud800"}}`
	want := map[string]any{
		"tenant": "t1", "level": "3", "ratio": "1.50", "big": "12345678901234567890", "trial": "true", "empty": "",
		"principalId": "user-7", "integrationLatency": "0", "odd": "\uFFFD",
	}
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	h.lambda.answer = answers(result)
	for _, which := range []string{"called", "cached"} {
		got := h.check(ask{route: "GET /pets/{id}", base: "/v1", headers: []string{"authorization: t"}})
		if diff := cmp.Diff(want, got.authorizer()); got.status != 200 || diff != "" {
			t.Errorf("%s: status %d\n%s", which, got.status, diff)
		}
	}
	// Who is refused is told who they are, too: for the access log.
	h = newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	h.lambda.answer = answers(strings.Replace(result, "Allow", "Deny", 1))
	got := h.check(ask{route: "GET /pets/{id}", base: "/v1", headers: []string{"authorization: t"}})
	if got.status != 403 || got.authorizer()["tenant"] != "t1" || got.kept["message"] != "User is not authorized to access this resource with an explicit deny" {
		t.Errorf("refused: %d, kept %v", got.status, got.kept)
	}

	h = newHarness(t, one(gateway.HTTP, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
		a.PayloadVersion, a.SimpleResponses, a.IdentitySources = "2.0", true, []string{"$request.header.Authorization"}
	})))
	h.lambda.answer = answers(`{"isAuthorized": true, "context": {"list": [1, "a"], "map": {"b": true}, "text": "1"}}`)
	got = h.check(ask{stage: gateway.DefaultStage, route: "GET /pets/{id}", headers: []string{"authorization: t"}})
	if diff := cmp.Diff(map[string]any{"list": `[1,"a"]`, "map": `{"b":true}`, "text": "1", "integrationLatency": "0"}, got.authorizer()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"list", "map"}, got.kept["typed"]); diff != "" {
		t.Error(diff)
	}
}

func TestIdentitySources(t *testing.T) {
	const missing, repeated, invalid = "identity-source-missing", "identity-source-repeated", "identity-validation-failed"
	sources := func(names ...string) func(*gateway.Authorizer) {
		return func(a *gateway.Authorizer) { a.IdentitySources = names }
	}
	off := func(a *gateway.Authorizer) { a.ResultTTLSeconds = ttl(0) }
	pattern := func(p string) func(*gateway.Authorizer) {
		return func(a *gateway.Authorizer) { a.ValidationExpression = p }
	}
	several := sources("method.request.header.X-A", "method.request.querystring.b", "stageVariables.env", "context.identity.sourceIp")
	for name, c := range map[string]struct {
		authorizer gateway.Authorizer
		path       string
		headers    []string
		// code of the refusal; none when the function is called.
		code string
	}{
		"token":                  {tokenAuthorizer(), "", []string{"authorization: t"}, ""},
		"token missing":          {tokenAuthorizer(), "", nil, missing},
		"token missing, no TTL":  {tokenAuthorizer(off), "", nil, missing},
		"token empty":            {tokenAuthorizer(), "", []string{"authorization: "}, missing},
		"token twice":            {tokenAuthorizer(), "", []string{"authorization: a", "authorization: b"}, repeated},
		"token matches":          {tokenAuthorizer(pattern("Bearer [a-z]+")), "", []string{"authorization: Bearer abc"}, ""},
		"token begins well":      {tokenAuthorizer(pattern("Bearer [a-z]+")), "", []string{"authorization: Bearer abc1"}, invalid},
		"token ends well":        {tokenAuthorizer(pattern("Bearer [a-z]+")), "", []string{"authorization: xBearer abc"}, invalid},
		"an alternative":         {tokenAuthorizer(pattern("a|ab")), "", []string{"authorization: ab"}, ""},
		"quoted to the end":      {tokenAuthorizer(pattern(`\Qa.b`)), "", []string{"authorization: a.b"}, ""},
		"the longer comes later": {tokenAuthorizer(pattern("a|ab|abc")), "", []string{"authorization: abc"}, ""},
		"a line within":          {tokenAuthorizer(pattern("(?m)^a$")), "", []string{"authorization: a\nb"}, invalid},
		"all":                    {requestAuthorizer(several), "/v1/pets/7?b=1", []string{"x-a: 1"}, ""},
		"header missing":         {requestAuthorizer(several), "/v1/pets/7?b=1", nil, missing},
		"parameter missing":      {requestAuthorizer(several), "/v1/pets/7?c=1", []string{"x-a: 1"}, missing},
		"parameter empty":        {requestAuthorizer(several), "/v1/pets/7?b=&c", []string{"x-a: 1"}, missing},
		"missing, no TTL":        {requestAuthorizer(several, off), "/v1/pets/7", nil, ""},
		"variable missing":       {requestAuthorizer(sources("stageVariables.none")), "", nil, missing},
		"no source":              {requestAuthorizer(sources(), off), "", nil, ""},
		"a pattern for REQUEST":  {requestAuthorizer(pattern("x")), "", []string{"authorization: t"}, ""},
		"parameters, semicolons": {requestAuthorizer(sources("method.request.querystring.b")), "/v1/pets/7?a=1;b=2", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), c.authorizer))
			got := h.check(ask{route: "GET /pets/{id}", base: "/v1", path: c.path, headers: c.headers})
			if got.code() != c.code {
				t.Errorf("code %q, want %q", got.code(), c.code)
			}
			if called := h.lambda.calls() > 0; called != (c.code == "") {
				t.Errorf("called: %t", called)
			}
			if c.code != "" && (got.status != 401 || got.body != `{"message":"Unauthorized"}` || got.headers["x-amzn-errortype"] != "UnauthorizedException") {
				t.Errorf("answered %d %s %v", got.status, got.body, got.headers)
			}
		})
	}

	// HTTP APIs call nothing without all sources, whatever the TTL.
	for _, seconds := range []int{0, 300} {
		h := newHarness(t, one(gateway.HTTP, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
			a.PayloadVersion, a.IdentitySources, a.ResultTTLSeconds = "2.0", []string{"$request.header.X-A", "$request.querystring.b"}, ttl(seconds)
		})))
		got := h.check(ask{stage: gateway.DefaultStage, route: "GET /pets/{id}", headers: []string{"x-a: 1"}})
		if got.status != 401 || got.body != `{"message":"Unauthorized"}` || got.code() != missing || h.lambda.calls() != 0 {
			t.Errorf("TTL %d: %d %s %s after %d calls", seconds, got.status, got.body, got.code(), h.lambda.calls())
		}
	}
}

func TestURITooLong(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/{proxy+}"), tokenAuthorizer()))
	for length, want := range map[int]int{1600: 200, 1601: 414} {
		arn := len("arn:aws:execute-api:us-east-1:000000000000:pets/v1/GET/")
		path := "/v1/" + strings.Repeat("a", length-arn)
		if got := h.check(ask{route: "GET /{proxy+}", base: "/v1", path: path, headers: []string{"authorization: t"}}); got.status != want {
			t.Errorf("an ARN of %d bytes: %d, want %d", length, got.status, want)
		}
	}
}

func TestAuthorizerTimeout(t *testing.T) {
	for _, protocol := range []gateway.Protocol{gateway.REST, gateway.HTTP} {
		a := requestAuthorizer(func(a *gateway.Authorizer) {
			if protocol == gateway.HTTP {
				a.IdentitySources, a.PayloadVersion = []string{"$request.header.Authorization"}, "2.0"
			}
		})
		s := one(protocol, custom("GET", "/pets/{id}"), a)
		h := newHarness(t, s, func(o *extauthz.Options) {
			o.RESTTimeout, o.HTTPTimeout = time.Hour, time.Hour
			if protocol == gateway.REST {
				o.RESTTimeout = 300 * time.Millisecond
			} else {
				o.HTTPTimeout = 300 * time.Millisecond
			}
		})
		h.lambda.answer = func(ctx context.Context, _ lambda.Target, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		got := h.check(ask{stage: s.APIs[0].Stages[0].Name, route: "GET /pets/{id}", headers: []string{"authorization: t"}})
		want := `{"message":null}`
		if protocol == gateway.HTTP {
			want = `{"message":"Internal Server Error"}`
		}
		if got.status != 500 || got.body != want || got.code() != "authorizer-timeout" {
			t.Errorf("%s: %d %s %s", protocol, got.status, got.body, got.code())
		}
	}
}

// Neither the number of requests nor what a function answers fills the log.
func TestWarningsAreSparing(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	h.lambda.answer = answers(policyAnswer(`[{"Action": "` + strings.Repeat("x", 50<<10) + `", "Effect": "Allow", "Resource": "*"}]`))
	warned := func() int { return strings.Count(h.log.String(), "level=WARN") }
	for range 100 {
		h.check(token("t"))
	}
	if warned() != 1 || !strings.Contains(h.log.String(), "policyDocument") || len(h.log.String()) > 150_000 {
		t.Errorf("%d warnings, %d bytes", warned(), len(h.log.String()))
	}
	h.later(time.Second)
	h.check(token("t"))
	if warned() != 2 {
		t.Errorf("a second later: %d warnings", warned())
	}
}
