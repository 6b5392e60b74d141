package extauthz_test

import (
	"testing"

	"gatehouse/gateway"
)

// The resource policy alone, behind a user pool, and with a Lambda authorizer.
func TestResourcePolicies(t *testing.T) {
	const (
		policyDenied, policyNothing = "resource-policy-denied", "resource-policy-not-allowed"
		authorizerDenied, neither   = "authorizer-denied", "authorizer-not-allowed"
	)
	condition := func(effect, condition string) string {
		return `{"Version": "2012-10-17", "Statement": [{"Effect": "` + effect + `", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/v1/GET/*", "Condition": ` + condition + `}]}`
	}
	policies := map[string]string{
		"A": condition("Allow", `{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}`),
		"N": condition("Allow", `{"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}`),
		"D": condition("Deny", `{"IpAddress": {"aws:SourceIp": "203.0.113.9"}}`),
		"-": "",
	}
	authorizers := map[string]string{
		"A": allowAll,
		"N": policyAnswer(`[{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "arn:aws:execute-api:*:*:other/*"}]`),
		"D": policyAnswer(`[{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*"}]`),
	}
	for _, c := range []struct{ kind, policy, authorizer, code string }{
		{"", "A", "", ""}, {"", "N", "", policyNothing}, {"", "D", "", policyDenied}, {"", "-", "", ""},
		{"COGNITO_USER_POOLS", "A", "", ""}, {"COGNITO_USER_POOLS", "N", "", policyNothing}, {"COGNITO_USER_POOLS", "D", "", policyDenied}, {"COGNITO_USER_POOLS", "-", "", ""},
		{"CUSTOM", "A", "A", ""}, {"CUSTOM", "N", "A", ""}, {"CUSTOM", "D", "A", policyDenied}, {"CUSTOM", "-", "A", ""},
		{"CUSTOM", "A", "N", ""}, {"CUSTOM", "N", "N", neither}, {"CUSTOM", "D", "N", policyDenied}, {"CUSTOM", "-", "N", neither},
		{"CUSTOM", "A", "D", authorizerDenied}, {"CUSTOM", "N", "D", authorizerDenied}, {"CUSTOM", "D", "D", policyDenied}, {"CUSTOM", "-", "D", authorizerDenied},
	} {
		r := custom("GET", "/pets/{id}")
		r.Authorization.Type = c.kind
		if c.kind == "" {
			r.Authorization = nil
		}
		s := one(gateway.REST, r, tokenAuthorizer())
		s.APIs[0].Stages[0].Deployment.Policy = policies[c.policy]
		h := newHarness(t, s)
		h.lambda.answer = answers(authorizers[c.authorizer])
		a := token("t")
		a.verified = c.kind == "COGNITO_USER_POOLS"
		got := h.check(a)
		if got.code() != c.code || (got.status == 200) != (c.code == "") {
			t.Errorf("%q, policy %s, authorizer %s: %d %s, want %q", c.kind, c.policy, c.authorizer, got.status, got.code(), c.code)
		}
		if called := h.lambda.calls() > 0; c.kind == "CUSTOM" && called == (c.policy == "D") {
			t.Errorf("policy %s: the authorizer was called: %t", c.policy, called)
		}
		const text = `{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:pets/v1/GET/pets/7`
		want := map[string]string{policyDenied: text + ` with an explicit deny"}`, policyNothing: text + `"}`}[c.code]
		if want != "" && (got.body != want || got.status != 403 || got.headers["x-amzn-errortype"] != "AccessDeniedException") {
			t.Errorf("%d %s %v", got.status, got.body, got.headers)
		}
	}
}

// What a policy denies stays denied in other spellings of the same route.
func TestPolicyPathsHaveOneSpelling(t *testing.T) {
	s := one(gateway.REST, opened("GET", "/{proxy+}"))
	s.APIs[0].Stages[0].Deployment.Policy = `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
		{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": ["execute-api:/v1/GET/admin", "execute-api:/v1/GET/admin/*"]}]}`
	h := newHarness(t, s)
	for path, want := range map[string]int{
		"/v1/admin": 403, "/v1/admin/": 403, "/v1/admin/x": 403, "/v1/admin?x=/pets": 403, "/v1/pets": 200, "/v1/pets?x=/admin": 200,
		// The policy is about /v1/GET/…, wherever the stage is mounted.
		"/v1/v1/admin": 200,
	} {
		if got := h.check(ask{route: "GET /{proxy+}", base: "/v1", path: path}); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	if got := h.check(ask{route: "GET /{proxy+}", base: "/other/base", path: "/other/base/admin"}); got.status != 403 {
		t.Errorf("below another base: %d", got.status)
	}
}

// Conditions go by what Envoy says about the connection, not by what clients claim.
func TestPolicyConditions(t *testing.T) {
	policy := func(condition string) *gateway.Snapshot {
		s := one(gateway.REST, opened("GET", "/pets/{id}"))
		s.APIs[0].Stages[0].Deployment.Policy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*", "Condition": ` + condition + `}]}`
		return s
	}
	for name, c := range map[string]struct {
		condition string
		ask       ask
		want      int
	}{
		"address":              {`{"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}`, ask{source: "2001:db8::1"}, 200},
		"a mapped address":     {`{"IpAddress": {"aws:SourceIp": "203.0.113.9"}}`, ask{source: "::ffff:203.0.113.9"}, 200},
		"a claimed address":    {`{"IpAddress": {"aws:SourceIp": "198.51.100.1"}}`, ask{headers: []string{"x-forwarded-for: 198.51.100.1", "x-real-ip: 198.51.100.1"}}, 403},
		"no address":           {`{"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}`, ask{source: "@"}, 403},
		"TLS":                  {`{"Bool": {"aws:SecureTransport": "true"}}`, ask{}, 200},
		"user agent":           {`{"StringLike": {"aws:UserAgent": "curl/*"}}`, ask{headers: []string{"user-agent: curl/8"}}, 200},
		"referer":              {`{"StringEquals": {"aws:Referer": "https://a/"}}`, ask{headers: []string{"referer: https://b/"}}, 403},
		"time":                 {`{"DateLessThan": {"aws:CurrentTime": "2025-03-12T19:03:58Z"}}`, ask{}, 403},
		"time, a second later": {`{"DateLessThan": {"aws:CurrentTime": "2025-03-12T19:03:59Z"}}`, ask{}, 200},
	} {
		c.ask.route, c.ask.base = petRoute, "/v1"
		if got := newHarness(t, policy(c.condition)).check(c.ask); got.status != c.want {
			t.Errorf("%s: %d, want %d", name, got.status, c.want)
		}
	}
}

// An export's policy names the API as it was called at Amazon.
func TestExportedPolicy(t *testing.T) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	s.APIs[0].Stages[0].Deployment.Policy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke",
		"Resource": "arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/v1/GET/pets/8"}]}`
	h := newHarness(t, s)
	a := token("t")
	if got := h.check(a); got.status != 200 {
		t.Errorf("%d %s", got.status, got.code())
	}
	if arn := decoded(t, h.lambda.events[0])["methodArn"]; arn != "arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/v1/GET/pets/7" {
		t.Errorf("methodArn %v", arn)
	}
	a.path = "/v1/pets/8"
	if got := h.check(a); got.code() != "resource-policy-denied" {
		t.Errorf("denied: %d %s", got.status, got.code())
	}
}
