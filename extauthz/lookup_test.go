package extauthz_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/lambda"
)

func opened(method, path string) gateway.Route { return gateway.Route{Method: method, Path: path} }

func TestUnknownRoutes(t *testing.T) {
	h := newHarness(t, one(gateway.HTTP, opened("GET", "/pets/{id}")))
	for name, c := range map[string]struct {
		ask  ask
		body string
	}{
		// Of an unknown stage not even the kind is known.
		"stage": {ask{stage: "v9", route: petRoute}, `{"message":"Internal server error"}`},
		"route": {ask{stage: gateway.DefaultStage, route: "GET /other"}, `{"message":"Internal Server Error"}`},
	} {
		if got := h.check(c.ask); got.status != 500 || got.code() != "unknown-route" || got.body != c.body {
			t.Errorf("%s: %d %s %s", name, got.status, got.code(), got.body)
		}
	}
	for name, request := range map[string]*authv3.CheckRequest{
		"nothing": {}, "no attributes": {Attributes: &authv3.AttributeContext{}},
	} {
		answer, err := h.Check(t.Context(), request)
		if got := outcomeOf(answer); err != nil || got.status != 500 || got.code() != "unknown-route" {
			t.Errorf("%s: %d %s %v", name, got.status, got.code(), err)
		}
	}
	fresh := extauthz.New(extauthz.Options{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(fresh.Close)
	answer, err := fresh.Check(t.Context(), ask{route: petRoute}.request())
	if got := outcomeOf(answer); err != nil || got.status != 500 {
		t.Errorf("before the first revision: %d %v", got.status, err)
	}
}

// Envoys use the routes of the revision before for a moment. Those that the new one
// knows are its own to decide.
func TestRevisionBefore(t *testing.T) {
	withPolicy := func(s *gateway.Snapshot) *gateway.Snapshot {
		s.APIs[0].Stages[0].Deployment.Policy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}]}`
		return s
	}
	first := one(gateway.REST, opened("GET", "/pets/{id}"))
	d := first.APIs[0].Stages[0].Deployment
	d.Routes = append(d.Routes, opened("GET", "/old"))
	first.APIs[0].Stages[0].Canary = &gateway.Canary{Percent: 5, Deployment: d}
	h := newHarness(t, first)
	expect := func(what, route, canary string, want int) {
		t.Helper()
		if got := h.check(ask{route: route, canary: canary, base: "/v1"}); got.status != want {
			t.Errorf("%s: %d, want %d", what, got.status, want)
		}
	}
	expect("served", "GET /old", "", 200)
	h.serve(withPolicy(one(gateway.REST, opened("GET", "/pets/{id}"))))
	expect("closed since", petRoute, "", 403)
	expect("closed since, on a canary that has ended", petRoute, "true", 403)
	expect("of the revision before", "GET /old", "", 200)
	expect("of the canary before", "GET /old", "true", 200)
	h.serve(withPolicy(one(gateway.REST, opened("GET", "/new"))))
	expect("of two revisions before", "GET /old", "", 500)
	expect("of the revision before, which was closed", petRoute, "", 403)

	// What was taken back never was.
	compiled, ds := h.Compile(one(gateway.REST, opened("GET", "/pets/{id}")).Seal())
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	back := h.Swap(compiled)
	expect("opened", petRoute, "", 200)
	back()
	expect("taken back", petRoute, "", 403)
	expect("taken back", "GET /new", "", 403)
	back()
	expect("taken back twice", "GET /new", "", 403)
}

// Keys and credentials that are revoked are so on the routes of the revision before, too.
func TestRevokedOnOldRoutes(t *testing.T) {
	first := withKeys(one(gateway.REST, opened("GET", "/keyed")))
	d := first.APIs[0].Stages[0].Deployment
	d.Routes = append(d.Routes, signed("GET", "/pets/{id}"))
	first.Credentials = []gateway.Credential{credential("AKID", ownUser, identityPolicy("Allow", "*"))}
	keyed := ask{route: "GET /keyed", base: "/v1", headers: []string{"x-api-key: the-old-value-of-acme"}}
	byAlice := sign(t, ask{route: petRoute, base: "/v1"}, "AKID")
	for name, c := range map[string]struct {
		change  func(*gateway.Snapshot)
		keyCode string
		iamCode string
	}{
		"nothing": {func(*gateway.Snapshot) {}, "", ""},
		"revoked": {func(s *gateway.Snapshot) {
			s.APIKeys[0].Disabled, s.Credentials[0].Disabled = true, true
		}, "api-key-disabled", "signature-unknown-key"},
	} {
		h := newHarness(t, first)
		next := withKeys(one(gateway.REST, opened("GET", "/new")))
		next.Credentials = slices.Clone(first.Credentials)
		c.change(next)
		h.serve(next)
		if got := h.check(keyed); got.code() != c.keyCode {
			t.Errorf("%s: the key: %d %s", name, got.status, got.code())
		}
		if got := h.check(byAlice); got.code() != c.iamCode {
			t.Errorf("%s: the signature: %d %s", name, got.status, got.code())
		}
	}
}

func TestSwapWhileChecking(t *testing.T) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	h := newHarness(t, s)
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := h.check(token("t")); got.status != 200 {
					t.Errorf("%d %s", got.status, got.code())
					return
				}
			}
		})
	}
	for i := range 100 {
		other := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
		if i%2 == 0 {
			other.APIs[0].ID, other.APIs[0].Name = "other", "other"
		}
		h.serve(other)
	}
	close(stop)
	group.Wait()
}

func TestCompileReports(t *testing.T) {
	at := func(line int) gateway.Position { return gateway.Position{File: "api.yaml", Line: line, Column: 3} }
	authorizer := func(change func(*gateway.Authorizer)) *gateway.Snapshot {
		a := tokenAuthorizer(change)
		a.Source = at(7)
		return one(gateway.REST, custom("GET", "/pets/{id}"), a)
	}
	for name, c := range map[string]struct {
		snapshot *gateway.Snapshot
		want     string
	}{
		"a function by name": {authorizer(func(a *gateway.Authorizer) { a.URI = "auth:live" }), "api.yaml:7:3: error unknown-function: "},
		"another service":    {authorizer(func(a *gateway.Authorizer) { a.URI = "arn:aws:sqs:us-east-1:000000000000:q" }), "api.yaml:7:3: error invalid-authorizer-uri: "},
		"no URI":             {authorizer(func(a *gateway.Authorizer) { a.URI = "" }), "api.yaml:7:3: error invalid-authorizer-uri: "},
		"an unset variable":  {authorizer(func(a *gateway.Authorizer) { a.URI = "https://${stageVariables.host}/" }), "api.yaml:7:3: error unset-stage-variable: "},
		"look-around":        {authorizer(func(a *gateway.Authorizer) { a.ValidationExpression = "(?=a)b" }), "api.yaml:7:3: error invalid-pattern: "},
		"parentheses":        {authorizer(func(a *gateway.Authorizer) { a.ValidationExpression = "a)|(b" }), "api.yaml:7:3: error invalid-pattern: "},
		"a token elsewhere":  {authorizer(func(a *gateway.Authorizer) { a.IdentitySources = []string{"method.request.querystring.t"} }), "api.yaml:7:3: error unsupported-identity-source: "},
		"two tokens":         {authorizer(func(a *gateway.Authorizer) { a.IdentitySources = append(a.IdentitySources, "method.request.header.b") }), "api.yaml:7:3: error unsupported-identity-source: "},
		"an unknown variable": {authorizer(func(a *gateway.Authorizer) {
			a.Type, a.IdentitySources = "REQUEST", []string{"context.authorizer.x"}
		}), "api.yaml:7:3: error unsupported-identity-source: "},
		"a role for a webhook": {authorizer(func(a *gateway.Authorizer) {
			a.URI, a.Credentials = "https://auth.example.com/", "arn:aws:iam::000000000000:role/r"
		}), "api.yaml:7:3: warning no-effect: "},
		"the caller's credentials":      {authorizer(func(a *gateway.Authorizer) { a.Credentials = "arn:aws:iam::*:user/*" }), "api.yaml:7:3: error invalid-credentials: "},
		"a role with an unset variable": {authorizer(func(a *gateway.Authorizer) { a.Credentials = "arn:aws:iam::000000000000:role/${stageVariables.r}" }), "api.yaml:7:3: error unset-stage-variable: "},
		"no authorizer": {func() *gateway.Snapshot {
			s := one(gateway.REST, custom("GET", "/pets/{id}"))
			s.APIs[0].Stages[0].Deployment.Routes[0].Authorization.Source = at(4)
			return s
		}(), "api.yaml:4:3: error unsupported-authorizer: "},
		"another kind": {func() *gateway.Snapshot {
			s := one(gateway.REST, custom("GET", "/pets/{id}"))
			s.APIs[0].Stages[0].Deployment.Routes[0].Authorization = &gateway.Authorization{Type: "MAGIC", Source: at(5)}
			return s
		}(), "api.yaml:5:3: error unsupported-authorizer: "},
		"a resource policy": {func() *gateway.Snapshot {
			s := one(gateway.REST, opened("GET", "/pets/{id}"))
			s.APIs[0].Stages[0].Deployment.Policy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*", "Condition": {"Odd": {}}}]}`
			s.APIs[0].Stages[0].Deployment.Source = at(1)
			return s
		}(), "api.yaml:1:3: error invalid-policy: the resource policy: Statement[0].Condition"},
		"the policy of a key": {func() *gateway.Snapshot {
			s := one(gateway.REST, opened("GET", "/pets/{id}"))
			s.Credentials = []gateway.Credential{{AccessKeyID: "AKID", ARN: ownUser, Policies: []gateway.Policy{{JSON: "{", Source: at(9)}}}}
			return s
		}(), "api.yaml:9:3: error invalid-policy: the policy of the access key AKID"},
		"a key twice": {func() *gateway.Snapshot {
			s := one(gateway.REST, opened("GET", "/pets/{id}"))
			s.Credentials = []gateway.Credential{{AccessKeyID: "AKID", ARN: ownUser, Source: at(2)}, {AccessKeyID: "AKID", ARN: ownUser, Source: at(3)}}
			return s
		}(), "api.yaml:3:3: error duplicate-name: "},
		"another account": {func() *gateway.Snapshot {
			s := one(gateway.REST, signed("GET", "/pets/{id}"))
			s.Credentials = []gateway.Credential{{AccessKeyID: "AKID", ARN: "arn:aws:iam::111122223333:user/u", Source: at(2)}}
			return s
		}(), "api.yaml:2:3: warning foreign-account: "},
	} {
		compiled, ds := extauthz.Compile(c.snapshot.Seal())
		if len(ds) != 1 || !strings.HasPrefix(ds[0].String(), c.want) {
			t.Errorf("%s: %v, want %s…", name, ds, c.want)
		}
		if (compiled == nil) != ds.HasErrors() {
			t.Errorf("%s: compiled %v", name, compiled)
		}
	}
}

// What did not change is not compiled again, but its warnings are told again.
func TestCompileAgain(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	warned := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer(func(a *gateway.Authorizer) {
		a.URI, a.Credentials = "https://auth.example.com/", "arn:aws:iam::000000000000:role/r"
	})).Seal()
	for round := range 3 {
		compiled, ds := h.Compile(warned)
		if len(ds) != 1 || ds[0].Code != "no-effect" {
			t.Errorf("round %d: %v", round, ds)
		}
		h.Swap(compiled)
	}
}

// The function is called as the role that the authorizer names, whose stage variables are
// the stage's.
func TestAuthorizerRole(t *testing.T) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer(func(a *gateway.Authorizer) {
		a.Credentials = "arn:aws:iam::000000000000:role/${stageVariables.role}"
	}))
	s.APIs[0].Stages[0].Variables = map[string]string{"role": "auth"}
	h := newHarness(t, s)
	var role string
	h.lambda.answer = func(_ context.Context, target lambda.Target, _ []byte) ([]byte, error) {
		role = target.Role
		return []byte(allowAll), nil
	}
	if got := h.check(ask{route: petRoute, base: "/v1", headers: []string{"authorization: t"}}); got.status != 200 || role != "arn:aws:iam::000000000000:role/auth" {
		t.Errorf("%d %s, called as %q", got.status, got.code(), role)
	}
}
