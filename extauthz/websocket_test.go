package extauthz_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

func connectAuthorizer(change ...func(*gateway.Authorizer)) gateway.Authorizer {
	return requestAuthorizer(append([]func(*gateway.Authorizer){func(a *gateway.Authorizer) {
		a.IdentitySources = []string{"route.request.querystring.token", "route.request.header.X-Tenant"}
		a.ResultTTLSeconds = ttl(0)
	}}, change...)...)
}

// TestConnectEvent holds the event of a WebSocket API's authorizer to Amazon's.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
func TestConnectEvent(t *testing.T) {
	got := asked(t, one(gateway.WebSocket, custom("", gateway.ConnectRoute), connectAuthorizer()),
		ask{route: "$connect", base: "/v1", path: "/v1?token=a&token=b%20c", headers: []string{"x-tenant: t1", "x-tenant: t2", "user-agent: ws/1", "upgrade: websocket", "x-gw-key: no"}})
	const id = "3f0c0c0e-0000-4000-8000-000000000001"
	want := map[string]any{
		"type": "REQUEST", "methodArn": "arn:aws:execute-api:us-east-1:000000000000:pets/v1/$connect",
		"headers":               map[string]any{"Host": "pets.execute-api.localhost:8080", "x-tenant": "t2", "User-Agent": "ws/1", "X-Forwarded-Proto": "https"},
		"multiValueHeaders":     map[string]any{"Host": []any{"pets.execute-api.localhost:8080"}, "x-tenant": []any{"t1", "t2"}, "User-Agent": []any{"ws/1"}, "X-Forwarded-Proto": []any{"https"}},
		"queryStringParameters": map[string]any{"token": "b c"}, "multiValueQueryStringParameters": map[string]any{"token": []any{"a", "b c"}},
		"stageVariables": map[string]any{"env": "p"},
		"requestContext": map[string]any{
			"routeKey": "$connect", "eventType": "CONNECT", "messageDirection": "IN", "stage": "v1", "apiId": "pets",
			"extendedRequestId": id, "requestId": id, "connectionId": wire.ConnectionID(id), "domainName": "pets.execute-api.localhost",
			"requestTime": "12/Mar/2025:19:03:58 +0000", "requestTimeEpoch": 1741806238390.0, "connectedAt": 1741806238390.0,
			"identity": map[string]any{"sourceIp": "203.0.113.9", "userAgent": "ws/1"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestConnect holds who may connect: every identity source has to be there, and the
// policy that the function gives is about the route $connect.
func TestConnect(t *testing.T) {
	policy := func(resource string) string {
		return `{"principalId": "u", "policyDocument": {"Version": "2012-10-17", "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "` + resource + `"}]}}`
	}
	for name, c := range map[string]struct {
		path, header, answer string
		status               int
	}{
		"good":              {"/v1?token=a", "x-tenant: t", policy("arn:aws:execute-api:us-east-1:000000000000:pets/v1/$connect"), 200},
		"a wildcard":        {"/v1/?token=a", "x-tenant: t", policy("arn:aws:execute-api:*:*:pets/*"), 200},
		"another route":     {"/v1?token=a", "x-tenant: t", policy("arn:aws:execute-api:us-east-1:000000000000:pets/v1/$default"), 403},
		"no parameter":      {"/v1", "x-tenant: t", "", 401},
		"an empty one":      {"/v1?token=", "x-tenant: t", "", 401},
		"no header":         {"/v1?token=a", "x-other: t", "", 401},
		"no answer at all":  {"/v1?token=a", "x-tenant: t", "", 500},
		"@connections only": {"/v1?token=a", "x-tenant: t", policy("arn:aws:execute-api:*:*:pets/v1/POST/@connections/*"), 403},
	} {
		h := newHarness(t, one(gateway.WebSocket, custom("", gateway.ConnectRoute), connectAuthorizer()))
		h.lambda.answer = answers(c.answer)
		got := h.check(ask{route: "$connect", base: "/v1", path: c.path, headers: []string{c.header}})
		if got.status != c.status {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if (c.status == 401) != (h.lambda.calls() == 0) {
			t.Errorf("%s: the function was called %d times", name, h.lambda.calls())
		}
	}
}

// TestManageConnections holds that @connections needs a signature, and a permission of
// its own, whatever $connect asks for.
func TestManageConnections(t *testing.T) {
	s := one(gateway.WebSocket, gateway.Route{Path: gateway.DefaultRoute})
	manage := gateway.Policy{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:ManageConnections","Resource":"arn:aws:execute-api:*:*:pets/v1/POST/@connections/abc="}]}`}
	s.Credentials = []gateway.Credential{
		credential("PUSHER", ownUser, manage),
		credential("INVOKER", ownUser, identityPolicy("Allow", "*")),
	}
	h := newHarness(t, s)
	post := ask{method: "POST", route: gateway.ConnectionsRoute, base: "/v1", path: "/v1/@connections/abc%3D", body: []byte("hello")}
	other := func(change func(*ask)) ask { a := post; change(&a); return a }
	for name, c := range map[string]struct {
		ask    ask
		status int
		body   string
	}{
		"good":               {sign(t, post, "PUSHER"), 200, ""},
		"another method":     {sign(t, other(func(a *ask) { a.method, a.body = "GET", nil }), "PUSHER"), 403, ""},
		"another connection": {sign(t, other(func(a *ask) { a.path = "/v1/@connections/abd%3D" }), "PUSHER"), 403, ""},
		"another spelling":   {sign(t, other(func(a *ask) { a.path = "/v1/@connections/%61bc=" }), "PUSHER"), 200, ""},
		"may only invoke": {sign(t, post, "INVOKER"), 403,
			`{"Message":"User: ` + ownUser + ` is not authorized to perform: execute-api:ManageConnections on resource: arn:aws:execute-api:us-east-1:********0000:pets/v1/POST/@connections/abc="}`},
		"unsigned": {post, 403, ""},
	} {
		if got := h.check(c.ask); got.status != c.status || c.body != "" && got.body != c.body {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	// No other kind of API has it.
	h = newHarness(t, one(gateway.REST, gateway.Route{Method: "GET", Path: "/"}))
	if got := h.check(post); got.status != 500 {
		t.Errorf("of a REST API: %d %s", got.status, got.body)
	}
}

// TestConnectKey holds that WebSocket APIs have API keys.
func TestConnectKey(t *testing.T) {
	s := one(gateway.WebSocket, gateway.Route{Path: gateway.ConnectRoute, APIKeyRequired: true})
	s.APIKeys = []gateway.APIKey{{Name: "k", Values: []gateway.Secret{"key"}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"k"}}}
	h := newHarness(t, s)
	for header, status := range map[string]int{"x-api-key: key": 200, "x-api-key: other": 403, "x-other: key": 403} {
		if got := h.check(ask{route: "$connect", base: "/v1", path: "/v1", headers: []string{header}}); got.status != status {
			t.Errorf("%s: %d %s", header, got.status, got.body)
		}
	}
}
