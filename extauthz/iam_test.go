package extauthz_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

const (
	ownUser     = "arn:aws:iam::000000000000:user/team/alice"
	foreignUser = "arn:aws:iam::111122223333:user/bob"
)

func signed(method, path string) gateway.Route {
	return gateway.Route{Method: method, Path: path, Authorization: &gateway.Authorization{Type: "AWS_IAM"}}
}

func identityPolicy(effect, resource string) gateway.Policy {
	return gateway.Policy{JSON: `{"Version": "2012-10-17", "Statement": [{"Effect": "` + effect + `", "Action": "execute-api:Invoke", "Resource": "` + resource + `"}]}`}
}

func resourcePolicy(effect, principal string) string {
	return `{"Version": "2012-10-17", "Statement": [{"Effect": "` + effect + `", "Principal": ` + principal + `, "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}]}`
}

// sign has AWS's own signer sign a request at the time of the tests.
func sign(t testing.TB, a ask, keyID string, change ...func(*http.Request)) ask {
	t.Helper()
	request := a.request().GetAttributes().GetRequest().GetHttp()
	r, err := http.NewRequestWithContext(t.Context(), request.GetMethod(), "http://"+request.GetHost()+request.GetPath(), strings.NewReader(string(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Body = nil
	for _, c := range change {
		c(r)
	}
	hash := sha256.Sum256(a.body)
	err = v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: "secret-of-" + keyID}, r,
		hex.EncodeToString(hash[:]), "execute-api", "us-east-1", now)
	if err != nil {
		t.Fatal(err)
	}
	a.headers = slices.Clip(a.headers)
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		if value := r.Header.Get(name); value != "" {
			a.headers = append(a.headers, strings.ToLower(name)+": "+value)
		}
	}
	if len(a.body) > 0 {
		a.headers = append(a.headers, "content-length: 5")
	}
	return a
}

func credential(id, arn string, policies ...gateway.Policy) gateway.Credential {
	return gateway.Credential{AccessKeyID: id, SecretAccessKey: gateway.Secret("secret-of-" + id), ARN: arn, Policies: policies}
}

// Amazon's outcome tables for one account and for two, to the last row.
func TestPermissionTables(t *testing.T) {
	const in, implicit, explicit = "", "permission-not-allowed", "permission-denied"
	for _, c := range []struct {
		// identity and resource: A allows, N says nothing, D denies, - there is none.
		identity, resource string
		same, cross        string
	}{
		{"A", "A", in, in}, {"A", "N", in, implicit}, {"A", "D", explicit, explicit}, {"A", "-", in, implicit},
		{"N", "A", in, implicit}, {"N", "N", implicit, implicit}, {"N", "D", explicit, explicit}, {"N", "-", implicit, implicit},
		{"D", "A", explicit, explicit}, {"D", "N", explicit, explicit}, {"D", "D", explicit, explicit}, {"D", "-", explicit, explicit},
	} {
		for arn, want := range map[string]string{ownUser: c.same, foreignUser: c.cross} {
			s := one(gateway.REST, signed("GET", "/pets/{id}"))
			own := map[string]gateway.Policy{
				"A": identityPolicy("Allow", "arn:aws:execute-api:*:*:pets/v1/GET/pets/7"),
				"N": identityPolicy("Allow", "arn:aws:execute-api:*:*:pets/v1/POST/*"),
				"D": identityPolicy("Deny", "*"),
			}[c.identity]
			s.Credentials = []gateway.Credential{credential("AKID", arn, own)}
			s.APIs[0].Stages[0].Deployment.Policy = map[string]string{
				"A": resourcePolicy("Allow", `{"AWS": "`+arn+`"}`), "N": resourcePolicy("Allow", `{"AWS": "arn:aws:iam::000000000000:user/other"}`),
				"D": resourcePolicy("Deny", `{"AWS": "`+arn+`"}`), "-": "",
			}[c.resource]
			h := newHarness(t, s)
			got := h.check(sign(t, ask{route: petRoute, base: "/v1"}, "AKID"))
			status, body := 200, ""
			if want != in {
				status = 403
				body = `{"Message":"User: ` + arn + ` is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:pets/v1/GET/pets/7`
				if want == explicit {
					body += " with an explicit deny"
				}
				body += `"}`
			}
			if got.code() != want || got.status != status || got.body != body {
				t.Errorf("identity %s, resource %s, %s: %d %s %s, want %q", c.identity, c.resource, arn, got.status, got.code(), got.body, want)
			}
		}
	}
}

func TestSignatures(t *testing.T) {
	s := one(gateway.REST, signed("POST", "/pets/{id}"))
	s.Credentials = []gateway.Credential{
		credential("AKID", ownUser, identityPolicy("Allow", "*")),
		{AccessKeyID: "OFF", SecretAccessKey: "secret-of-OFF", ARN: ownUser, Policies: []gateway.Policy{identityPolicy("Allow", "*")}, Disabled: true},
		{AccessKeyID: "NAMED", SecretAccessKey: "secret-of-NAMED", ARN: ownUser, UserID: "AIDAEXAMPLE", Policies: []gateway.Policy{identityPolicy("Allow", "*")}},
	}
	base := ask{method: "POST", route: "POST /pets/{id}", base: "/v1", path: "/v1/pets/7?b=2&a=1", body: []byte("hello")}
	good := sign(t, base, "AKID")
	with := func(a ask, change func(*ask)) ask {
		a.headers = append([]string(nil), a.headers...)
		change(&a)
		return a
	}
	for name, c := range map[string]struct {
		ask     ask
		status  int
		kind    string
		code    string
		message string
	}{
		"good":               {good, 200, "", "", ""},
		"unsigned":           {base, 403, "MissingAuthenticationTokenException", "signature-not-signed", `{"message":"Missing Authentication Token"}`},
		"a bearer token":     {with(base, func(a *ask) { a.headers = []string{"authorization: Bearer abc"} }), 403, "IncompleteSignatureException", "signature-incomplete", ""},
		"an unknown key":     {sign(t, base, "WHO"), 403, "UnrecognizedClientException", "signature-unknown-key", `{"message":"The security token included in the request is invalid."}`},
		"a disabled key":     {sign(t, base, "OFF"), 403, "UnrecognizedClientException", "signature-unknown-key", ""},
		"another path":       {with(good, func(a *ask) { a.path = "/v1/pets/8?b=2&a=1" }), 403, "InvalidSignatureException", "signature-mismatch", ""},
		"another query":      {with(good, func(a *ask) { a.path = "/v1/pets/7?b=2&a=2" }), 403, "InvalidSignatureException", "signature-mismatch", ""},
		"another body":       {with(good, func(a *ask) { a.body = []byte("hallo") }), 403, "InvalidSignatureException", "signature-mismatch", ""},
		"a body too many":    {with(sign(t, with(base, func(a *ask) { a.body = nil }), "AKID"), func(a *ask) { a.body = []byte("x") }), 403, "InvalidSignatureException", "signature-mismatch", ""},
		"half a body":        {with(good, func(a *ask) { a.headers = append(a.headers, "x-envoy-auth-partial-body: true") }), 403, "InvalidSignatureException", "signature-body-needed", ""},
		"no body from Envoy": {with(good, func(a *ask) { a.body = nil }), 403, "InvalidSignatureException", "signature-body-needed", ""},
	} {
		got := newHarness(t, s).check(c.ask)
		if got.status != c.status || got.code() != c.code || got.headers["x-amzn-errortype"] != c.kind || c.message != "" && got.body != c.message {
			t.Errorf("%s: %d %s %s %v", name, got.status, got.code(), got.body, got.headers)
		}
	}

	h := newHarness(t, s)
	got := h.check(sign(t, base, "NAMED"))
	want := map[string]any{
		"accountId": "000000000000", "accessKey": "NAMED", "caller": "AIDAEXAMPLE", "user": "AIDAEXAMPLE", "userArn": ownUser,
	}
	if diff := cmp.Diff(want, got.kept["identity"]); diff != "" {
		t.Error(diff)
	}
	h.later(5*time.Minute + time.Second)
	if got := h.check(good); got.code() != "signature-expired" || got.status != 403 || strings.Contains(h.log.String(), "secret-of") {
		t.Errorf("later: %d %s %s\n%s", got.status, got.code(), got.body, h.log)
	}
	// A key that is switched off is refused from the next request on.
	h = newHarness(t, s)
	h.check(good)
	off := *s
	off.Credentials = append([]gateway.Credential(nil), s.Credentials...)
	off.Credentials[0].Disabled = true
	h.serve(&off)
	if got := h.check(good); got.code() != "signature-unknown-key" {
		t.Errorf("switched off: %d %s", got.status, got.code())
	}

	// HTTP APIs do not say what was wrong.
	s = one(gateway.HTTP, signed("GET", "/pets/{id}"))
	s.Credentials = []gateway.Credential{credential("AKID", ownUser, identityPolicy("Allow", "arn:aws:execute-api:*:*:pets/$default/GET/pets/7"))}
	for name, c := range map[string]struct {
		ask    ask
		status int
	}{
		"unsigned": {ask{}, 403}, "unknown": {sign(t, ask{path: "/pets/7"}, "WHO"), 403},
		"not allowed": {sign(t, ask{path: "/pets/8"}, "AKID"), 403}, "allowed": {sign(t, ask{path: "/pets/7"}, "AKID"), 200},
	} {
		c.ask.stage, c.ask.route = gateway.DefaultStage, petRoute
		got := newHarness(t, s).check(c.ask)
		if got.status != c.status || c.status == 403 && got.body != `{"message":"Forbidden"}` || got.headers["x-amzn-errortype"] != "" {
			t.Errorf("HTTP API, %s: %d %s %v", name, got.status, got.body, got.headers)
		}
	}
}

// A declared hash does not stand for a body that nobody looked at.
func TestDeclaredHashWithoutBody(t *testing.T) {
	s := one(gateway.REST, signed("POST", "/pets/{id}"))
	s.Credentials = []gateway.Credential{credential("AKID", ownUser, identityPolicy("Allow", "*"))}
	a := ask{method: "POST", route: "POST /pets/{id}", base: "/v1", body: []byte("hello")}
	hash := sha256.Sum256(a.body)
	declared := hex.EncodeToString(hash[:])
	a = sign(t, a, "AKID", func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", declared) })
	a.headers = append(a.headers, "x-amz-content-sha256: "+declared)
	h := newHarness(t, s)
	if got := h.check(a); got.status != 200 {
		t.Errorf("with its body: %d %s", got.status, got.code())
	}
	a.body = nil
	if got := h.check(a); got.status != 500 || got.code() != "signature-body-missing" {
		t.Errorf("without its body: %d %s", got.status, got.code())
	}
}

// An API's own gateway response is recognised by the name of the default's exception.
func TestCustomisedSignatureResponse(t *testing.T) {
	s := one(gateway.REST, signed("GET", "/pets/{id}"))
	s.APIs[0].Stages[0].Deployment.GatewayResponses = []gateway.GatewayResponse{{Type: gateway.InvalidSignature}}
	got := newHarness(t, s).check(sign(t, ask{route: petRoute, base: "/v1"}, "WHO"))
	if got.headers["x-amzn-errortype"] != gateway.ResponseDefaults[gateway.InvalidSignature].ErrorType || got.code() != "signature-unknown-key" {
		t.Errorf("%v %s", got.headers, got.code())
	}
}
