package openapi_test

import (
	"strings"
	"testing"

	"gatehouse/management/openapi"
)

// TestWidePatternsComeLast holds that a response for everything does not take what
// another, which is kept behind it, is for.
func TestWidePatternsComeLast(t *testing.T) {
	document := `{"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": {"/": {"get": {"x-amazon-apigateway-integration": {"type": "http", "httpMethod": "GET",
		"uri": "http://127.0.0.1:9101/", "responses": {"5\\d{2}": {"statusCode": "502"}, "(\\n|.)+": {"statusCode": "400"}, "default": {"statusCode": "200"}}}}}}}`
	c, warnings, err := openapi.ImportREST([]byte(document), openapi.Import{NewID: counter()})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	served, err := openapi.ServedREST(c)
	if err != nil {
		t.Fatal(err)
	}
	text := string(served)
	if narrow, wide := strings.Index(text, `"5\\d{2}"`), strings.Index(text, `"(\\n|.)+"`); narrow < 0 || wide < narrow {
		t.Errorf("the response for everything comes first:\n%s", text)
	}
}
