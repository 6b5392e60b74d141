package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway"
)

const mockChoices = `
openapi: 3.0.1
info: {title: choices, version: "1"}
paths:
  /by-type:
    post:
      responses: {"200": {description: ok}, "201": {description: made}, "202": {description: other}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 201}', text/csv: "{'statusCode': 202}", text/broken: 'no object'}
        responses:
          default: {statusCode: "200", responseTemplates: {text/plain: default}}
          "201": {statusCode: "201", responseTemplates: {text/plain: json}}
          "20[2-9]": {statusCode: "202", responseTemplates: {text/plain: csv}}
  /any-type:
    post:
      responses: {"200": {description: ok}, "201": {description: made}}
      x-amazon-apigateway-integration:
        type: mock
        passthroughBehavior: when_no_templates
        requestTemplates: {$default: '{"statusCode": 201}', text/csv: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200"}, "201": {statusCode: "201"}}
  /csv-only:
    post:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: mock
        passthroughBehavior: when_no_templates
        requestTemplates: {text/csv: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200"}}
  /never: {post: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, passthroughBehavior: never, responses: {default: {statusCode: "200"}}}}}
  /untemplated: {post: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, passthroughBehavior: when_no_templates, responses: {default: {statusCode: "200"}}}}}
  /by-accept:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"a":1}', application/xml: "<a/>", text/csv: "a,1"}}}
  /params/{id}/{rest+}:
    get:
      parameters: [{name: X-H, in: header, schema: {type: string}}]
      responses: {"200": {description: ok, headers: {X-Name: {schema: {type: string}}}}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200", responseTemplates: {text/plain: "$input.params('id') $input.params('rest') $input.params('q') $input.params('X-H') $input.params('none') $input.params('id') $context.domainName $context.domainPrefix $context.path $context.httpMethod"}, responseParameters: {method.response.header.X-Name: context.domainName, method.response.header.Date: "'x'"}}}
  /quoted: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": "200"}'}, responses: {default: {statusCode: "200"}}}}}
  /unbalanced: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode: 200}'}, responses: {default: {statusCode: "200"}}}}}
  /negative: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: "{x: [1,], statusCode: -1, 'y': 'z'}"}, responses: {default: {statusCode: "202"}, "-1": {statusCode: "203"}}}}}
`

func TestMockChoices(t *testing.T) {
	s := snapshotOf(gateway.API{ID: "m", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, mockChoices, "")}}})
	s.Domains = []gateway.Domain{{Name: "*.example.com", Gateway: "edge", Mappings: []gateway.DomainMapping{{API: "m", Stage: "v1"}}}}
	g := start(t, s)
	const host = "m.execute-api.localhost"
	for _, c := range []struct {
		method, path, contentType, accept string
		status                            int
		body                              string
	}{
		{"POST", "/by-type", "", "", 201, "json"},
		{"POST", "/by-type", "application/json; charset=utf-8", "", 201, "json"},
		{"POST", "/by-type", "Text/CSV", "", 202, "csv"},
		{"POST", "/by-type", "text/csvx", "", 200, "default"},
		{"POST", "/by-type", "image/png", "", 200, "default"},
		{"POST", "/by-type", "text/broken", "", 500, `{"message":"Internal server error"}`},
		{"POST", "/any-type", "", "", 201, ""},
		{"POST", "/any-type", "image/png", "", 201, ""},
		{"POST", "/any-type", "text/csv", "", 200, ""},
		{"POST", "/csv-only", "text/csv", "", 200, ""},
		{"POST", "/csv-only", "", "", 415, `{"message":"Unsupported Media Type"}`},
		{"POST", "/csv-only", "text/plain", "", 415, `{"message":"Unsupported Media Type"}`},
		{"POST", "/never", "", "", 415, `{"message":"Unsupported Media Type"}`},
		{"POST", "/never", "text/plain", "", 415, `{"message":"Unsupported Media Type"}`},
		{"POST", "/untemplated", "text/plain", "", 200, ""},
		{"GET", "/by-accept", "", "", 200, `{"a":1}`},
		{"GET", "/by-accept", "", "text/csv", 200, "a,1"},
		{"GET", "/by-accept", "", "Application/XML", 200, "<a/>"},
		{"GET", "/by-accept", "", "text/html", 200, `{"a":1}`},
		{"GET", "/quoted", "", "", 500, `{"message":"Internal server error"}`},
		{"GET", "/unbalanced", "", "", 500, `{"message":"Internal server error"}`},
		{"GET", "/negative", "", "", 203, ""},
	} {
		var headers []string
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		if c.accept != "" {
			headers = append(headers, "Accept", c.accept)
		}
		r := g.request(c.method, host, "/v1"+c.path, "", headers...)
		if r.StatusCode != c.status || r.body != c.body || r.Header.Get("content-type") == "" {
			t.Errorf("%s as %q for %q: %d %q %v", c.path, c.contentType, c.accept, r.StatusCode, r.body, r.Header)
		}
		if c.accept != "" && r.StatusCode == 200 && c.accept != "text/html" && !strings.EqualFold(r.Header.Get("content-type"), c.accept) {
			t.Errorf("%s for %q: %v", c.path, c.accept, r.Header)
		}
	}

	const target = "/params/a%2Fb%20c+/x%20y/z?q=1&q=2+%26%22;id=9"
	for _, at := range []struct{ host, base, name, prefix string }{
		{host + ":8080", "/v1", host, "m"},
		{"localhost", "/_aws/execute-api/m/v1", host, "m"},
		{"Shop.example.com:8080", "", "Shop.example.com", "Shop"},
	} {
		path := strings.TrimPrefix(at.base, "/_aws/execute-api/m")
		r := g.request("GET", at.host, at.base+target, "", "X-H", "h1", "X-H", "h2")
		want := `a/b c+ x y/z 2 &" h2  a/b c+ ` + at.name + " " + at.prefix + " " + path + "/params/a%2Fb%20c+/x%20y/z GET"
		if r.StatusCode != 200 || r.body != want || r.Header.Get("x-name") != at.name || r.Header.Get("x-amzn-remapped-date") != "x" {
			t.Errorf("%s: %d %v\n%q\n%q", at.host, r.StatusCode, r.Header, r.body, want)
		}
	}
}

// Required parameters count wherever they stand, and however their names are written.
func TestRequiredParameters(t *testing.T) {
	backend := echoBackend(t, "one")
	g := start(t, snapshotOf(gateway.API{ID: "r", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, `
openapi: 3.0.1
info: {title: required, version: "1"}
x-amazon-apigateway-request-validators: {params: {validateRequestParameters: true, validateRequestBody: false}}
paths:
  /strict:
    get:
      x-amazon-apigateway-request-validator: params
      parameters: [{name: "a.b", in: query, required: true, schema: {type: string}}, {name: "f[x]", in: query, required: true, schema: {type: string}}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/strict"}
`, backend.URL)}}}))
	for query, missing := range map[string]string{
		"a.b=1&f[x]=2": "", "f%5Bx%5D=2&a.b=%20x": "", "f%5Bx%5D=2&a.b=%20": "a.b", "f%5bx%5d=2;a.b=1": "", "a.b=&a.b=1&f[x]=1": "",
		"a.b=1": "f[x]", "axb=1&f[x]=2": "a.b", "xa.b=1&f[x]=2": "a.b", "a.b&f[x]=2": "a.b", "a.b=&f[x]=2": "a.b", "": "a.b, f[x]", "x=/?a.b=1": "a.b, f[x]",
	} {
		r := g.request("GET", "r.execute-api.localhost", "/v1/strict?"+query, "")
		if missing == "" && r.StatusCode != 200 || missing != "" && (r.StatusCode != 400 || r.body != `{"message":"Missing required request parameters: [`+missing+`]"}`) {
			t.Errorf("%s: %d %s", query, r.StatusCode, r.body)
		}
	}
}
