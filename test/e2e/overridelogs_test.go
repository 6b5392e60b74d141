package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

const overriding = `openapi: 3.0.1
paths:
  /mock:
    post:
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates:
          application/json: '#set($context.requestOverride.querystring.page = $input.params("page"))#set($context.responseOverride.status = 202){"statusCode": 200}'
        responses: {default: {statusCode: "200", responseTemplates: {application/json: '#set($context.responseOverride.header.X-Note = "née")ok'}}}
  /kept:
    post:
      x-amazon-apigateway-integration:
        type: http
        httpMethod: POST
        uri: "BACKEND/{id}"
        requestParameters: {integration.request.path.id: "'x'"}
        requestTemplates:
          application/json: '#set($context.requestOverride.path.id = "a b")#set($context.requestOverride.header.X-Many = ["a", "b"])#set($context.requestOverride.header.Authorization = "Bearer 0123456789abcdef")#set($context.requestOverride.header.x-long = $input.params("long"))'
        responses: {default: {statusCode: "200"}}
  /broken:
    post:
      x-amazon-apigateway-integration:
        type: http
        httpMethod: POST
        uri: "http://127.0.0.1:1/"
        requestTemplates: {application/json: '#set($context.requestOverride.querystring.page = "7")'}
        responses: {default: {statusCode: "200"}}
  /cached:
    get:
      x-amazon-apigateway-integration:
        type: http
        httpMethod: POST
        uri: "BACKEND/cached"
        requestTemplates: {application/json: '#set($context.responseOverride.status = 203)'}
        responses: {default: {statusCode: "200"}}
  /plain:
    post:
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/plain"}
`

// TestOverrideLogs holds that access logs tell what templates have overridden, whoever answers,
// and that no client sees how the log gets to know it, or has a say in it.
func TestOverrideLogs(t *testing.T) {
	backend := echoBackend(t, "one")
	names := []string{
		"requestOverride.querystring.page", "requestOverride.path.id", "requestOverride.header.x-many", "requestOverride.header.authorization",
		"requestOverride.header.x-long", "responseOverride.header.x-note", "responseOverride.status",
	}
	log := &gateway.StageAccessLog{Format: jsonFormat(append([]string{"requestId"}, names...)...), Destination: gateway.DestinationStdout}
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "v1", Deployment: deploy(t, gateway.REST, overriding, backend.URL), AccessLog: log, Cache: &gateway.StageCache{Bytes: 8 << 20}},
	}})
	s.Gateways[0].Telemetry = true
	g := start(t, s)
	want := map[string]map[string]string{}
	ask := func(method, host, path, long string, status int, set map[string]string) {
		t.Helper()
		r := g.request(method, host, path, "{}", "Content-Type", "application/json", "long", long,
			"x-gw-integration-told", "responseOverride.status", "x-gw-integration-told", "responseOverride.status=299")
		if r.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", path, r.StatusCode, r.body, status)
		}
		for name := range r.Header {
			if strings.HasPrefix(strings.ToLower(name), "x-gw-") {
				t.Errorf("%s: the client sees %s", path, name)
			}
		}
		line := map[string]string{"requestId": r.Header.Get("x-amzn-requestid")}
		for _, name := range names {
			line[name] = "-"
		}
		for name, value := range set {
			line[name] = value
		}
		want[line["requestId"]] = line
	}
	for host, base := range map[string]string{"shop.execute-api.localhost": "/v1", "localhost": "/_aws/execute-api/shop/v1"} {
		ask("POST", host, base+"/mock?page=%26x%3D1", "", 202, map[string]string{
			"requestOverride.querystring.page": "&x=1", "responseOverride.header.x-note": "née", "responseOverride.status": "202",
		})
		kept := map[string]string{
			"requestOverride.path.id": "a b", "requestOverride.header.x-many": "[a, b]", "requestOverride.header.authorization": strings.Repeat("*", 17) + "abcdef",
			"requestOverride.header.x-long": strings.Repeat("x", 7000),
		}
		ask("POST", host, base+"/kept", strings.Repeat("x", 7000), 200, kept)
		kept["requestOverride.header.x-long"] = "[TRUNCATED]"
		ask("POST", host, base+"/kept", strings.Repeat("x", 9000), 200, kept)
		ask("POST", host, base+"/broken", "", 500, map[string]string{"requestOverride.querystring.page": "7"})
		ask("POST", host, base+"/plain", "", 200, nil)
	}
	// No template has a part in an answer that was kept.
	ask("GET", "shop.execute-api.localhost", "/v1/cached", "", 203, map[string]string{"responseOverride.status": "203"})
	ask("GET", "shop.execute-api.localhost", "/v1/cached", "", 203, nil)
	got := map[string]map[string]string{}
	for _, line := range linesOf(t, g.told.String, len(want)) {
		var told map[string]string
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatal(line, err)
		}
		got[told["requestId"]] = told
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
