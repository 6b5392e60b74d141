package openapi_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/management/openapi"
)

// seeds are the documents of the repository, and small ones that are easily changed.
func seeds(f *testing.F) {
	for _, file := range documents(f) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 8<<10 {
			f.Add(data)
		}
	}
	f.Add([]byte(`{"openapi":"3.0.1","info":{"title":"a"},"paths":{"/a/{b}":{"get":{"x-amazon-apigateway-integration":{"type":"mock","responses":{"default":{"statusCode":"200"},"4..":{"statusCode":"200"}}}}}}}`))
	f.Add([]byte(`{"openapi":"3.1.0","info":{"title":"a"},"components":{"schemas":{"A":true,"B":{"$ref":"#/components/schemas/A/x"}}}}`))
	f.Add([]byte(`{"swagger":"2.0","info":{"title":"a"},"basePath":"/x/{y}/","paths":{"/":{"x-amazon-apigateway-any-method":{"security":[{"k":[]}]}}},"securityDefinitions":{"k":{"type":"apiKey","name":"x-api-key","in":"header"}}}`))
}

// FuzzImportREST holds that what can be imported can be exported, that the export can be
// imported, and that nothing changes on the way.
func FuzzImportREST(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, base := range []string{"ignore", "prepend", "split"} {
			c, _, err := openapi.ImportREST(data, openapi.Import{APIID: "a1b2c3d4e5", BasePath: base, NewID: counter()})
			if err != nil {
				continue
			}
			for _, export := range []openapi.Export{{Extensions: openapi.AllExtensions}, {Extensions: openapi.AllExtensions, YAML: true}} {
				first, err := openapi.ExportREST(c, export)
				if err != nil {
					t.Fatalf("it cannot be exported: %v", err)
				}
				again, _, err := openapi.ImportREST(first, openapi.Import{APIID: "z9y8x7w6v5", NewID: counter()})
				if err != nil {
					t.Fatalf("the export cannot be imported: %v\n%s", err, first)
				}
				second, err := openapi.ExportREST(again, export)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(first, second) {
					t.Fatalf("it changes from\n%s\nto\n%s", first, second)
				}
			}
			served, err := openapi.ServedREST(c)
			if err != nil {
				t.Fatal(err)
			}
			if parse(t, "served.json", served, gateway.REST, true) == nil {
				t.Fatalf("it cannot be served: %s", served)
			}
			// In OpenAPI 2.0 there may be less of it.
			if _, err := openapi.ExportREST(c, openapi.Export{Version: openapi.OpenAPI20}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzImportHTTP is the same for HTTP APIs.
func FuzzImportHTTP(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, _, err := openapi.ImportHTTP(data, openapi.Import{APIID: "a1b2c3d4e5", BasePath: "prepend", NewID: counter()})
		if err != nil {
			return
		}
		export := openapi.Export{Extensions: openapi.AllExtensions}
		first, err := openapi.ExportHTTP(c, export)
		if err != nil {
			t.Fatalf("it cannot be exported: %v", err)
		}
		again, _, _, err := openapi.ImportHTTP(first, openapi.Import{APIID: "z9y8x7w6v5", NewID: counter()})
		if err != nil {
			t.Fatalf("the export cannot be imported: %v\n%s", err, first)
		}
		second, err := openapi.ExportHTTP(again, export)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Fatalf("it changes from\n%s\nto\n%s", first, second)
		}
	})
}

// TestMergeKeepsWhatWasNotImported holds that a document laid over an API twice is laid
// over it once, whatever was there.
func TestMergeKeepsWhatWasNotImported(t *testing.T) {
	for _, file := range documents(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		existing, _, err := openapi.ImportREST(data, openapi.Import{APIID: "a1b2c3d4e5", NewID: counter()})
		if err != nil {
			continue
		}
		ids := counter()
		other := func(length int) string { return "n" + ids(length-1) }
		small := strings.Replace(smallDocument, "TITLE", existing.API.Name, 1)
		lay := func() []byte {
			imported, _, err := openapi.ImportREST([]byte(small), openapi.Import{APIID: "a1b2c3d4e5"})
			if err != nil {
				t.Fatal(err)
			}
			existing = openapi.Merge(existing, imported, false, other)
			written, err := openapi.ExportREST(existing, openapi.Export{Extensions: openapi.AllExtensions})
			if err != nil {
				t.Fatal(err)
			}
			return written
		}
		before := len(existing.Resources)
		once := lay()
		if twice := lay(); !bytes.Equal(once, twice) || len(existing.Resources) < before+1 {
			t.Errorf("%s: laying a document over the API twice changes it from\n%s\nto\n%s", file, once, twice)
		}
	}
}

const smallDocument = `{"openapi": "3.0.1", "info": {"title": "TITLE", "version": "9"}, "paths": {"/laid-over": {"get": {"security": [{"laid": []}],
	"x-amazon-apigateway-request-validator": "laid", "x-amazon-apigateway-integration": {"type": "mock"}}}},
	"components": {"schemas": {"LaidOver": {"type": "object"}}, "securitySchemes": {"laid": {"type": "apiKey", "name": "Authorization", "in": "header",
		"x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": "arn:aws:lambda:eu-west-1:000000000000:function:laid"}}}},
	"x-amazon-apigateway-request-validators": {"laid": {"validateRequestBody": true, "validateRequestParameters": true}}}`
