package fault

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestBodiesApart has bodies looked at by a service that runs apart, and is gone for a
// while: then nobody looks at them, and nothing passes.
func TestBodiesApart(t *testing.T) {
	t.Parallel()
	address, xdsAddress := localPort(t), localPort(t)
	s := newApartSite(t, fmt.Sprintf("{authorization: %q}", address))
	s.write(t)
	replace(t, filepath.Join(s.dir, "guarded.openapi.yaml"), fmt.Sprintf(`openapi: 3.0.1
info: {title: bodies, version: "1"}
x-amazon-apigateway-request-validator: body
x-amazon-apigateway-request-validators: {body: {validateRequestBody: true, validateRequestParameters: false}}
paths:
  /things:
    post:
      requestBody: {content: {application/json: {schema: {type: object, required: [name]}}}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "http://%s/things"}
`, s.backend))
	service := serveAuthorization(t, address, s.dir)
	s.serveXDS(t, xdsAddress)
	startEnvoy(t, "envoy", "edge", xdsAddress)
	post := func(body string) (int, string) {
		resp, err := http.Post(s.url("guarded/v1/things"), "application/json", strings.NewReader(body))
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return 0, err.Error()
		}
		return resp.StatusCode, string(text)
	}
	passes := func() bool { code, _ := post(`{"name":"a"}`); return code == 200 }
	const invalid = `{"message":"Invalid request body"}`
	eventually(t, "a good body passes", passes)
	if code, text := post(`{}`); code != 400 || text != invalid {
		t.Errorf("a bad body: %d %s", code, text)
	}
	service.Kill()
	for range 20 {
		if code, text := post(`{"name":"a"}`); code != 500 || text != unknown {
			t.Fatalf("nobody looks: %d %s", code, text)
		}
	}
	serveAuthorization(t, address, s.dir)
	eventually(t, "a good body passes again", passes)
	if code, text := post(`{}`); code != 400 || text != invalid {
		t.Errorf("a bad body, again: %d %s", code, text)
	}
}
