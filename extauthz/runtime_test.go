package extauthz_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/lambda"
	"gatehouse/internal/lambdatest"
)

// authorizerFunction is one as people write them, for every form of event.
const authorizerFunction = `
def handler(event, context):
    token = event.get("authorizationToken") or event["headers"].get("Authorization") or event["headers"].get("authorization")
    if token == "Bearer unauthorized":
        raise Exception("Unauthorized")
    if token == "Bearer broken":
        return event["no-such-member"]
    if token == "Bearer nothing":
        return None
    if event.get("version") == "2.0":
        return {"isAuthorized": token == "Bearer good", "context": {"key": event["routeKey"], "groups": ["a", "b"]}}
    return {
        "principalId": "me",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Action": "execute-api:Invoke",
                "Effect": "Allow" if token == "Bearer good" else "Deny",
                "Resource": event["methodArn"],
            }],
        },
        "context": {"level": 3, "admin": False},
    }
`

// Functions in AWS's own runtime, called by AWS's own SDK.
func TestRealFunctions(t *testing.T) {
	functions := lambdatest.New(t)
	functions.Python("auth", authorizerFunction)
	real := func(o *extauthz.Options) { o.Lambda = lambda.New(lambda.Options{}) }
	for name, c := range map[string]struct {
		protocol   gateway.Protocol
		authorizer gateway.Authorizer
		context    string
	}{
		"TOKEN":   {gateway.REST, tokenAuthorizer(), `{"admin":"false","integrationLatency":"0","level":"3","principalId":"me"}`},
		"REQUEST": {gateway.REST, requestAuthorizer(), `{"admin":"false","integrationLatency":"0","level":"3","principalId":"me"}`},
		"HTTP API, 1.0": {gateway.HTTP, requestAuthorizer(func(a *gateway.Authorizer) {
			a.IdentitySources, a.PayloadVersion = []string{"$request.header.Authorization"}, "1.0"
		}), `{"admin":"false","integrationLatency":"0","level":"3","principalId":"me"}`},
		"HTTP API, 2.0": {gateway.HTTP, requestAuthorizer(func(a *gateway.Authorizer) {
			a.IdentitySources, a.PayloadVersion, a.SimpleResponses = []string{"$request.header.Authorization"}, "2.0", true
		}), `{"groups":"[\"a\",\"b\"]","integrationLatency":"0","key":"GET /pets/{id}"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := one(c.protocol, custom("GET", "/pets/{id}"), c.authorizer)
			s.Functions = []gateway.Function{{Name: "auth", Endpoint: functions.URL}}
			h := newHarness(t, s, real)
			before := functions.Calls()
			for _, step := range []struct {
				token  string
				status int
				code   string
			}{
				{"Bearer good", 200, ""}, {"Bearer good", 200, ""}, {"Bearer bad", 403, "authorizer-"},
				{"Bearer unauthorized", 401, "authorizer-unauthorized"}, {"Bearer broken", 500, "authorizer-failed"}, {"Bearer nothing", 500, "authorizer-malformed"},
			} {
				a := token(step.token)
				if c.protocol == gateway.HTTP {
					a.stage, a.base = gateway.DefaultStage, ""
				}
				got := h.check(a)
				if got.status != step.status || !strings.HasPrefix(got.code(), step.code) {
					t.Errorf("%s: %d %s\n%s", step.token, got.status, got.code(), h.log)
				}
			}
			if calls := functions.Calls() - before; calls != 5 {
				t.Errorf("%d calls for five tokens", calls)
			}
			a := token("Bearer good")
			if c.protocol == gateway.HTTP {
				a.stage, a.base = gateway.DefaultStage, ""
			}
			if text, _ := json.Marshal(h.check(a).authorizer()); string(text) != c.context {
				t.Errorf("context %s, want %s", text, c.context)
			}
		})
	}

	// A function that is not there is the owner's mistake.
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer(func(a *gateway.Authorizer) { a.URI = lambdatest.ARN("gone") }))
	s.Functions = []gateway.Function{{Name: "gone", Endpoint: functions.URL}}
	h := newHarness(t, s, real)
	if got := h.check(token("t")); got.status != 500 || got.code() != "authorizer-unreachable" || !strings.Contains(h.log.String(), "Function not found") {
		t.Errorf("%d %s\n%s", got.status, got.code(), h.log)
	}
}

func TestWebhookAuthorizer(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event map[string]any
		if json.NewDecoder(r.Body).Decode(&event) != nil || r.Header.Get("Authorization") != "Bearer the-secret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if event["authorizationToken"] != "good" {
			w.Write([]byte(`{"errorMessage": "Unauthorized"}`))
			return
		}
		w.Write([]byte(allowAll))
	}))
	t.Cleanup(hook.Close)
	real := func(o *extauthz.Options) { o.Lambda = lambda.New(lambda.Options{}) }
	for name, c := range map[string]struct {
		uri    string
		secret gateway.Secret
		token  string
		code   string
	}{
		"good":            {functionURI, "the-secret", "good", ""},
		"bad":             {functionURI, "the-secret", "bad", "authorizer-unauthorized"},
		"another secret":  {functionURI, "wrong", "good", "authorizer-failed"},
		"the URL, secret": {hook.URL, "", "good", "authorizer-failed"},
		"nobody there":    {"http://127.0.0.1:1/", "", "good", "authorizer-unreachable"},
	} {
		s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer(func(a *gateway.Authorizer) { a.URI = c.uri }))
		s.Functions = []gateway.Function{{Name: "auth", URL: hook.URL, Secret: c.secret}}
		h := newHarness(t, s, real)
		if got := h.check(token(c.token)); got.code() != c.code || strings.Contains(h.log.String(), "the-secret") {
			t.Errorf("%s: %d %s\n%s", name, got.status, got.code(), h.log)
		}
	}
}
