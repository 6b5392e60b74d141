package openapi_test

import (
	"regexp"
	"slices"
	"testing"

	"gatehouse/management/openapi"
)

// TestNarrowPatternsComeFirst holds in which order integration responses are tried, however they
// were made: a response for everything, or for a class of codes, does not take what another, which
// is kept behind it, is for. Without a pattern the first is the default, the second for nothing.
func TestNarrowPatternsComeFirst(t *testing.T) {
	document := `{"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": {"/": {"get": {"x-amazon-apigateway-integration": {"type": "http", "httpMethod": "GET",
		"uri": "http://127.0.0.1:9101/", "responses": {"5\\d{2}": {"statusCode": "502"}, "(\\n|.)+": {"statusCode": "400"}, "default": {"statusCode": "200"},
		"4\\d{2}": {"statusCode": "401"}, "404": {"statusCode": "410"}, "503": {"statusCode": "504"}, "50[0-3]": {"statusCode": "501"}}}}}}}`
	c, warnings, err := openapi.ImportREST([]byte(document), openapi.Import{NewID: counter()})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	served, err := openapi.ServedREST(c)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, found := range regexp.MustCompile(`"statusCode"\s*:\s*"(\d+)"`).FindAllStringSubmatch(string(served), -1) {
		order = append(order, found[1])
	}
	if want := []string{"410", "504", "200", "401", "501", "502", "400"}; !slices.Equal(order, want) {
		t.Errorf("responses are tried in the order %v, not %v:\n%s", order, want, served)
	}
}
