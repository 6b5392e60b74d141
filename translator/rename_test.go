package translator_test

import (
	"os"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/definition"
	"gatehouse/translator"
)

// TestRenamesWithoutFilter: a host's lists would take headers away from what Envoy answers
// itself, and from other integrations; there the filter stays.
func TestRenamesWithoutFilter(t *testing.T) {
	const proxy = `  /proxy: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9/a"}}}` + "\n"
	const mock = `  /mock: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200", responseParameters: {method.response.header.NAME: "'1.1 me'"}}}}}}` + "\n"
	for name, c := range map[string]struct {
		more    string
		without bool
	}{
		"proxies alone":                       {proxy, true},
		"a reply with other headers":          {proxy + strings.Replace(mock, "NAME", "X-Name", 1), true},
		"a reply with such a header":          {proxy + strings.Replace(mock, "NAME", "Via", 1), false},
		"another integration":                 {proxy + `  /custom: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "http://127.0.0.1:9/b", responses: {default: {statusCode: "200"}}}}}` + "\n", false},
		"a gateway response with such":        {proxy + `x-amazon-apigateway-gateway-responses: {DEFAULT_5XX: {responseParameters: {gatewayresponse.header.Server: "'me'"}}}` + "\n", false},
		"a gateway response with other names": {proxy + `x-amazon-apigateway-gateway-responses: {DEFAULT_5XX: {responseParameters: {gatewayresponse.header.X-Name: "'me'"}}}` + "\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{
				"gatehouse.yaml":    "apis:\n  - {name: shop, definition: shop.openapi.yaml, stages: [{name: v1}]}\n",
				"shop.openapi.yaml": "openapi: 3.0.1\ninfo: {title: shop, version: \"1\"}\npaths:\n" + c.more,
			}
			loader := definition.NewLoader(definition.Options{ReadFile: func(name string) ([]byte, error) {
				text, ok := files[name]
				if !ok {
					return nil, os.ErrNotExist
				}
				return []byte(text), nil
			}})
			out := mustTranslate(t, translator.New(), loader.Load(t.Context(), []string{"gatehouse.yaml"}))
			config := identities(out)["RouteConfiguration host/shop.execute-api.localhost"].(*routev3.RouteConfiguration)
			_, filter := config.VirtualHosts[0].TypedPerFilterConfig["gw.headers"]
			if without := len(config.ResponseHeadersToRemove) == 3; without != c.without || without && filter {
				t.Errorf("headers are removed: %q, filter for all: %v", config.ResponseHeadersToRemove, filter)
			}
		})
	}
}
