package openapi_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// exportOf writes an export-shaped document with n routes: parameters, a mapping,
// a model and an authorizer on each.
func exportOf(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"openapi": "3.0.1", "info": {"title": "many", "version": "1"}, "paths": {`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `
  "/service%d/items/{id}": {
    "get": {
      "operationId": "get%d",
      "parameters": [
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"$ref": "#/components/parameters/tenant"}
      ],
      "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}},
      "responses": {"200": {"description": "ok", "headers": {"X-Total": {"schema": {"type": "string"}}}, "content": {"application/json": {"schema": {"type": "object", "properties": {"id": {"type": "string"}}}}}}},
      "security": [{"token": []}],
      "x-amazon-apigateway-integration": {
        "type": "http_proxy", "httpMethod": "GET", "uri": "http://backend.internal:8080/items/{id}", "passthroughBehavior": "when_no_match",
        "requestParameters": {"integration.request.path.id": "method.request.path.id", "integration.request.header.X-Service": "'%d'"},
        "responses": {"default": {"statusCode": "200"}}
      }
    }
  }`, i, i, i)
	}
	b.WriteString(`
}, "components": {
  "parameters": {"tenant": {"name": "X-Tenant", "in": "header", "required": true, "schema": {"type": "string"}}},
  "schemas": {"Item": {"type": "object", "properties": {"id": {"type": "string"}}}},
  "securitySchemes": {"token": {"type": "apiKey", "name": "Authorization", "in": "header",
    "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations"}}}
}}`)
	return []byte(b.String())
}

// BenchmarkParse measures the import alone; reading the text is package source's.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{50, 10_000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			var diags gateway.Diagnostics
			doc, ok := source.Parse("many.json", exportOf(n), source.Environment{}, &diags)
			if !ok {
				b.Fatal(diags)
			}
			b.ReportAllocs()
			for b.Loop() {
				deployment := openapi.Parse(doc, openapi.Options{Protocol: gateway.REST})
				if len(deployment.Routes) != n || len(diags) > 0 {
					b.Fatalf("%d routes, %v", len(deployment.Routes), diags)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/route")
		})
	}
}
