package extauthz_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// TestFunctionRequest holds that Envoy is told the id of the call that was made for a request,
// and of none for those that a kept answer does for.
func TestFunctionRequest(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			Token string `json:"authorizationToken"`
		}
		_ = json.NewDecoder(r.Body).Decode(&event)
		w.Header().Set("X-Amzn-Requestid", "call-for-"+event.Token)
		switch event.Token {
		case "good":
			w.Write([]byte(allowAllAs))
		case "denied":
			w.Write([]byte(`{"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [{"Action": "*", "Effect": "Deny", "Resource": "*"}]}}`))
		case "garbage":
			w.Write([]byte("<html>"))
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer hook.Close()
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	s.Functions = []gateway.Function{{Name: "auth", URL: hook.URL}}
	h := newHarness(t, s, func(o *extauthz.Options) { o.Lambda = lambda.New(lambda.Options{}) })
	for _, step := range []struct {
		token  string
		status int
		id     any
	}{
		{"good", 200, "call-for-good"}, {"good", 200, nil},
		{"denied", 403, "call-for-denied"}, {"denied", 403, nil},
		{"garbage", 500, "call-for-garbage"}, {"broken", 500, "call-for-broken"},
	} {
		got := h.check(token(step.token))
		if got.status != step.status || got.kept[wire.AnswerFunctionRequest] != step.id {
			t.Errorf("%s: %d with the id %v, want %d with %v\n%s", step.token, got.status, got.kept[wire.AnswerFunctionRequest], step.status, step.id, h.log)
		}
		if _, inContext := got.authorizer()[wire.AnswerFunctionRequest]; inContext {
			t.Errorf("%s: the id is in the authorizer's context, which backends see", step.token)
		}
	}
}

const allowAllAs = `{"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [{"Action": "*", "Effect": "Allow", "Resource": "*"}]}}`
