package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"gatehouse/gateway"
)

const cachedAPI = `
openapi: 3.0.1
info: {title: cached, version: "1"}
x-amazon-apigateway-gateway-responses:
  ACCESS_DENIED: {responseParameters: {gatewayresponse.header.X-Denied: "'yes'"}}
paths:
  /open:
    get: {x-amazon-apigateway-integration: &f {type: aws_proxy, httpMethod: POST, uri: "${stageVariables.fn}"}}
    post: {x-amazon-apigateway-integration: *f}
  /items/{id}/{rest+}:
    get:
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        uri: "${stageVariables.fn}"
        cacheKeyParameters: [method.request.path.id, method.request.path.rest, method.request.querystring.page, method.request.header.Accept-Language]
  /signed: {get: {x-amazon-apigateway-auth: {type: AWS_IAM}, x-amazon-apigateway-integration: *f}}
  /strict: {get: {x-amazon-apigateway-auth: {type: AWS_IAM}, x-amazon-apigateway-integration: *f}}
  /free: {get: {x-amazon-apigateway-integration: *f}}
  /http/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/{id}", cacheKeyParameters: [method.request.path.id]}}}
`

// TestStageCache asks routes whose answers are kept. Each answer of the function tells the
// request that it was made for, so that what was kept is known by it.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
func TestStageCache(t *testing.T) {
	h, backend := newHook(t), echoBackend(t, "one")
	no := false
	s := snapshotOf(gateway.API{ID: "c", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Variables: map[string]string{"fn": h.URL}, Deployment: deploy(t, gateway.REST, cachedAPI, backend.URL),
		Cache: &gateway.StageCache{Bytes: 8 << 20},
		Settings: []gateway.RouteSettings{
			{RouteKey: "GET /strict", Cache: &gateway.CacheSettings{Unauthorized: gateway.CacheFail}},
			{RouteKey: "GET /free", Cache: &gateway.CacheSettings{RequireAuthorization: &no}},
		},
	}}})
	credential := func(id, action string) gateway.Credential {
		return gateway.Credential{AccessKeyID: id, SecretAccessKey: "secret-of-" + gateway.Secret(id), ARN: "arn:aws:iam::000000000000:user/" + id, Policies: []gateway.Policy{
			{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + action + `,"Resource":"*"}]}`},
		}}
	}
	for name, shared := range map[string]bool{"apart": false, "shared": true} {
		st := s.APIs[0].Stages[0]
		st.Name, st.Settings = name, nil
		st.Canary = &gateway.Canary{Header: &gateway.CanaryHeader{Name: "x-canary"}, Variables: map[string]string{"other": "one"}, UseStageCache: shared}
		s.APIs[0].Stages = append(s.APIs[0].Stages, st)
	}
	s.Credentials = []gateway.Credential{
		credential("AKIDCALLER", `"execute-api:Invoke"`), credential("AKIDOWNER", `["execute-api:Invoke","execute-api:InvalidateCache"]`),
		credential("AKIDNOBODY", `"execute-api:InvalidateCache"`),
	}
	g := start(t, s)
	const host = "c.execute-api.localhost"
	signed := func(id, target string, headers ...string) reply {
		return g.signed(aws.Credentials{AccessKeyID: id, SecretAccessKey: "secret-of-" + id}, "GET", host, target, "", func(r *http.Request) {
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Add(headers[i], headers[i+1])
			}
		})
	}
	same := func(what string, want bool, a, b reply) {
		t.Helper()
		if a.StatusCode != 200 || b.StatusCode != 200 || (a.body == b.body) != want {
			t.Errorf("%s: %d and %d, the same: %t", what, a.StatusCode, b.StatusCode, a.body == b.body)
		}
	}
	get := func(target string, headers ...string) reply { return g.request("GET", host, target, "", headers...) }

	first := get("/v1/open?x=1")
	hit := get("/v1/open?x=2", "Accept", "text/plain")
	same("GET", true, first, hit)
	if a, b := first.Header, hit.Header; a.Get("Content-Type") != b.Get("Content-Type") || a.Get("X-Amzn-Requestid") == b.Get("X-Amzn-Requestid") || a.Get("X-Amzn-Trace-Id") == b.Get("X-Amzn-Trace-Id") {
		t.Error(a, b)
	}
	same("POST", false, g.request("POST", host, "/v1/open", "x"), g.request("POST", host, "/v1/open", "x"))

	for name, shared := range map[string]bool{"apart": false, "shared": true} {
		own, canary := get("/"+name+"/open"), get("/"+name+"/open", "X-Canary", "any")
		same("a canary's cache, "+name, shared, own, canary)
		same("a canary again, "+name, true, canary, get("/"+name+"/open", "X-Canary", "any"))
	}

	item := get("/v1/items/1/a/b?page=1", "Accept-Language", "de")
	same("the same item", true, item, get("/v1/items/1/a/b?page=1&other", "Accept-Language", "de", "Accept", "x"))
	for _, other := range []string{"/v1/items/2/a/b?page=1", "/v1/items/1/a/c?page=1", "/v1/items/1/a%2Fb?page=1", "/v1/items/1/a/b?page=2", "/v1/items/1/a/b"} {
		same(other, false, item, get(other, "Accept-Language", "de"))
	}
	same("another language", false, item, get("/v1/items/1/a/b?page=1", "Accept-Language", "en"))

	// Each request that reaches the backend is told by its id.
	fetched := get("/v1/http/1", "If-None-Match", "x", "Accept-Encoding", "br")
	same("a backend's", true, fetched, get("/v1/http/1?x", "Range", "bytes=0-1"))
	same("a backend's other", false, fetched, get("/v1/http/2"))
	if e := fetched.echo(t); e.Path != "/1" || e.Headers["if-none-match"] != nil || e.Headers["accept-encoding"] != nil {
		t.Errorf("the backend sees %+v", e)
	}
	same("what fails", true, fetched, get("/v1/http/1?status=500"))
	if a, b := get("/v1/http/3?status=503"), get("/v1/http/3"); a.StatusCode != 503 || b.StatusCode != 200 {
		t.Errorf("a failure was kept: %d, then %d", a.StatusCode, b.StatusCode)
	}
	backend.Close()
	same("without a backend", true, fetched, get("/v1/http/1"))
	if r := get("/v1/http/4"); r.StatusCode != 500 && r.StatusCode != 504 || r.Header.Get("X-Amzn-Errortype") == "" {
		t.Error(r.StatusCode, r.Header)
	}

	// Who may ask for a new answer, and what others get who do.
	anew := []string{"Cache-Control", "max-age=0"}
	ignored := get("/v1/open", append(anew, "X-Gw-Invalidate", "true")...)
	same("nobody's word", true, first, ignored)
	if !strings.HasPrefix(ignored.Header.Get("Warning"), "199 ") || hit.Header.Get("Warning") != "" {
		t.Error(ignored.Header, hit.Header)
	}
	free := get("/v1/free")
	refreshed := get("/v1/free", anew...)
	same("anybody's word", false, free, refreshed)
	same("what was made anew", true, refreshed, get("/v1/free"))

	kept := signed("AKIDCALLER", "/v1/signed")
	same("another caller", true, kept, signed("AKIDOWNER", "/v1/signed"))
	same("a caller's word", true, kept, signed("AKIDCALLER", "/v1/signed", anew...))
	same("an owner's word", false, kept, signed("AKIDOWNER", "/v1/signed", anew...))
	strict := signed("AKIDCALLER", "/v1/strict")
	same("an owner's other words", true, strict, signed("AKIDOWNER", "/v1/strict", "Cache-Control", "max-age=1"))
	if r := signed("AKIDCALLER", "/v1/strict", anew...); r.StatusCode != 403 || r.Header.Get("X-Denied") != "yes" || r.body != `{"message":"User is not authorized to access this resource"}` {
		t.Error(r.StatusCode, r.Header, r.body)
	}
	same("who was refused changes nothing", true, strict, signed("AKIDCALLER", "/v1/strict"))

	// What is kept is for those alone who may call.
	if r := get("/v1/signed"); r.StatusCode != 403 {
		t.Error("without a signature:", r.StatusCode)
	}
	if r := signed("AKIDNOBODY", "/v1/signed", anew...); r.StatusCode != 403 {
		t.Error("who may only invalidate:", r.StatusCode)
	}

	if err := g.integration.Flush(t.Context(), "c", "v1"); err != nil {
		t.Fatal(err)
	}
	same("after a flush", false, first, get("/v1/open"))
}
