package management

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestAPIsOfFiles looks at APIs that files define, as the aws CLI would.
func TestAPIsOfFiles(t *testing.T) {
	mocks := filepath.Join(t.TempDir(), "mocks.json")
	const document = `{"openapi": "3.0.1", "info": {"title": "mocks", "version": "1"},
		"x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true, "validateRequestParameters": true}},
		"x-amazon-apigateway-request-validator": "all",
		"x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"responseTemplates": {"application/json": "{}"}}},
		"components": {"schemas": {"Pet": {"type": "object"}}, "securitySchemes": {"door": {"type": "apiKey", "in": "header", "name": "Authorization",
			"x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": "http://127.0.0.1:1/"}}}},
		"paths": {"/hello": {"get": {"responses": {}, "security": [{"door": []}],
		"x-amazon-apigateway-integration": {"type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
			"responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": "hello"}}}}}}}}`
	if err := os.WriteFile(mocks, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	example := func(name string) string {
		path, err := filepath.Abs(filepath.Join("../../examples", name))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := startSite(t, fmt.Sprintf(`
functions: [{name: door, url: "http://127.0.0.1:1/"}]
apis:
  - {name: parcels, protocol: REST, definition: %q, stages: [{name: prod, variables: {backend: "127.0.0.1:1", backendHost: "127.0.0.1:1"}}]}
  - {name: mocks, protocol: REST, region: eu-west-1, definition: %q, stages: [{name: prod}]}
  - {name: pets-http, protocol: HTTP, definition: %q, stages: [{name: $default, variables: {backend: "127.0.0.1:1"}}]}
  - name: chat
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    authorizers: [{name: door, uri: door}]
    routes:
      $connect: {authorizationType: CUSTOM, authorizer: door}
      say:
        routeResponseSelectionExpression: $default
        integration: {type: MOCK, requestTemplates: {$default: '{"statusCode": 200}'}, responses: {$default: {responseTemplates: {$default: said}}}}
    stages: [{name: v1}]
`, example("aws-export/parcels-prod-oas30-apigateway.json"), mocks, example("petstore/pets-http.openapi.yaml")))
	s.run(t, "filed.py")
}
