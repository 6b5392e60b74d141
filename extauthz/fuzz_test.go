package extauthz_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// FuzzCheck takes anything for a request, and anything for what a function answers: the
// answer can always be sent, and nobody is let in whom the function did not allow.
func FuzzCheck(f *testing.F) {
	f.Add("GET", "/v1/pets/7?q=1;r=%zz", "host:8080", "x-a: b", "203.0.113.9", "%41", []byte(allowAll))
	f.Add("\xff", "/v1/pets/\xff", "[::1]:8080", "authorization: \xff", "@", "-----BEGIN%20CERTIFICATE-----", []byte(`{"principalId": "\ud800"}`))
	f.Add("", "", "", ": ", "", "", []byte(`null`))
	route := custom("GET", "/pets/{id}/{rest+}")
	s := withKeys(one(gateway.REST, route, requestAuthorizer(func(a *gateway.Authorizer) {
		a.ResultTTLSeconds, a.IdentitySources = ttl(0), []string{"method.request.querystring.q", "context.domainPrefix"}
	})))
	s.APIs[0].Stages[0].Deployment.APIKeySource = gateway.APIKeyFromAuthorizer
	v2 := gateway.Stage{Name: gateway.DefaultStage, Deployment: &gateway.Deployment{Protocol: gateway.HTTP, Routes: []gateway.Route{route},
		Authorizers: []gateway.Authorizer{requestAuthorizer(func(a *gateway.Authorizer) {
			a.PayloadVersion, a.SimpleResponses, a.IdentitySources, a.ResultTTLSeconds = "2.0", true, []string{"$context.routeKey"}, ttl(0)
		})}}}
	s.APIs = append(s.APIs, gateway.API{ID: "http", Name: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{v2}})
	s.Credentials = []gateway.Credential{credential("AKID", ownUser)}
	s.APIs[0].Stages[0].Deployment.Routes = append(s.APIs[0].Stages[0].Deployment.Routes, signed("POST", "/pets"))
	h := newHarness(f, s, quiet)
	f.Fuzz(func(t *testing.T, method, path, host, header, source, certificate string, answer []byte) {
		h.lambda.answer = answers(string(answer))
		h.lambda.events = nil
		for api, key := range map[string]string{"pets": route.Key(), "http": route.Key(), "iam": "POST /pets"} {
			a := ask{route: key, base: "/v1", method: method, path: path, host: host, headers: []string{header}, source: source, certificate: certificate}
			if api == "http" {
				a.stage = gateway.DefaultStage
			}
			request := a.request()
			if api == "http" {
				request.Attributes.ContextExtensions[wire.ContextAPI] = api
			}
			got, err := h.Check(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := proto.Marshal(got); err != nil {
				t.Errorf("the answer cannot be sent: %v", err)
			}
			o := outcomeOf(got)
			if o.code() == "internal-error" {
				t.Error("a mistake of ours")
			}
			if o.status == 200 && (api != "http" || !json.Valid(answer)) {
				t.Errorf("%s let in with %s", api, answer)
			}
			if o.body != "" && !json.Valid([]byte(o.body)) {
				t.Errorf("the body is not JSON: %s", o.body)
			}
		}
		for _, event := range h.lambda.events {
			if !json.Valid([]byte(event)) || !utf8.ValidString(event) {
				t.Errorf("the event is not JSON: %q", event)
			}
		}
	})
}
