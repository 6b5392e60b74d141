package translator_test

import "strings"

// hostileConfig serves the documents of FuzzTexts in all ways there are.
const hostileConfig = `
backends: [{name: b, hosts: [b.internal], endpoints: ["127.0.0.1:1"], loadBalancing: ringHash}]
apis:
  - name: r
    protocol: REST
    definition: rest
    backend: b
    stages: [{name: v1, variables: {v: "127.0.0.1"}, canary: {percent: 1, variables: {v: localhost}}}]
  - {name: h, protocol: HTTP, definition: http, backend: "http://127.0.0.1:1/base", stages: [{name: $default, variables: {v: "127.0.0.1"}}]}
domains: [{name: "*.example.com", mappings: [{path: a/b, stage: r/v1}, {path: "", stage: h/$default}]}]
`

// places are where a text of the fuzzer's can stand; what stands there else is good.
var places = []string{
	"path", "uri", "uri path", "uri query", "connection", "server name",
	"parameter name", "header name", "query name", "target", "source", "literal", "path source",
	"response pattern", "response status", "response target", "response source",
	"gateway status", "gateway target", "gateway source", "gateway template", "gateway type",
	"mock request", "mock type", "mock body", "mock status", "mock target", "mock source",
	"http target", "http source", "http status", "http response target", "http response source", "http status source",
	"origin", "allowed", "exposed", "max age", "compression", "timeout", "title",
}

type object = map[string]any

// hostileREST is a document of a REST API with hostile text in some of its places.
func hostileREST(hostile map[string]string) object {
	at := picker(hostile)
	validated := func(integration object) object {
		return object{
			"responses": object{"200": object{"description": "", "headers": object{"X": object{"schema": object{}}}}},
			"parameters": []any{
				object{"name": at("parameter name", "q"), "in": "query", "required": true},
				object{"name": at("header name", "X-In"), "in": "header", "required": true},
			},
			"x-amazon-apigateway-integration": integration,
		}
	}
	uri := at("uri", "http://127.0.0.1/"+at("uri path", "a/{id}")+"?"+at("uri query", "q={id}"))
	return object{
		"openapi": "3.0.1", "info": object{"title": at("title", "t"), "version": "1"},
		"x-amazon-apigateway-minimum-compression-size": at("compression", "10"),
		"x-amazon-apigateway-request-validators":       object{"p": object{"validateRequestParameters": true, "validateRequestBody": false}},
		"x-amazon-apigateway-request-validator":        "p",
		"x-amazon-apigateway-gateway-responses": object{
			"DEFAULT_4XX": object{
				"responseParameters": object{"gatewayresponse.header." + at("gateway target", "X"): at("gateway source", "'x'")},
				"responseTemplates":  object{"application/json": at("gateway template", "{}")},
			},
			"INTEGRATION_FAILURE": object{"statusCode": at("gateway status", "503"), "responseTemplates": object{at("gateway type", "text/plain"): "no"}},
		},
		"paths": object{
			"/all/{id}": object{
				"get": validated(object{
					"type": "http_proxy", "httpMethod": "GET", "uri": uri,
					"requestParameters": object{
						at("target", "integration.request.header.A"):               at("source", "'a'"),
						"integration.request.header." + at("header name", "B"):     "'" + at("literal", "b") + "'",
						"integration.request.querystring." + at("query name", "c"): at("source", "context.path"),
						"integration.request.path.id":                              at("path source", "method.request.header.X"),
					},
				}),
				"post": validated(object{
					"type": "http", "httpMethod": "POST", "uri": "http://b.internal/", "timeoutInMillis": at("timeout", "50"),
					"responses": object{
						at("response pattern", "4.."): object{"statusCode": "200", "responseParameters": object{
							"method.response.header." + at("response target", "X"): at("response source", "integration.response.header.Y"),
						}},
						"default": object{"statusCode": at("response status", "200")},
					},
				}),
				"put": validated(object{
					"type": "mock", "passthroughBehavior": "WHEN_NO_TEMPLATES",
					"requestTemplates": object{at("mock type", "application/json"): at("mock request", `{"statusCode": 200}`)},
					"responses": object{"default": object{
						"statusCode":         at("mock status", "200"),
						"responseParameters": object{"method.response.header." + at("mock target", "X"): at("mock source", "'x'")},
						"responseTemplates":  object{"application/json": at("mock body", "{}"), at("mock type", "text/plain"): at("mock body", "x")},
					}},
				}),
			},
			at("path", "/own/{proxy+}"): object{"get": object{}, "x-amazon-apigateway-any-method": object{}},
			"/link": object{"get": object{"x-amazon-apigateway-integration": object{
				"type": "http_proxy", "httpMethod": "ANY", "connectionType": "VPC_LINK", "connectionId": at("connection", "b"), "uri": "https://x/${stageVariables.v}",
			}}},
		},
	}
}

// hostileHTTP is the same of an HTTP API.
func hostileHTTP(hostile map[string]string) object {
	at := picker(hostile)
	return object{
		"openapi": "3.0.1", "info": object{"title": at("title", "t"), "version": "1"},
		"x-amazon-apigateway-cors": object{
			"allowOrigins": []any{at("origin", "https://*"), "https://a.example.com"}, "allowMethods": []any{at("allowed", "GET")},
			"allowHeaders": []any{at("allowed", "x-in")}, "exposeHeaders": []any{at("exposed", "x-out")}, "maxAge": at("max age", "5"),
		},
		"paths": object{
			"/all/{id}": object{"get": object{"x-amazon-apigateway-integration": object{
				"type": "http_proxy", "httpMethod": "GET", "payloadFormatVersion": "1.0", "uri": at("uri", "http://127.0.0.1/${stageVariables.v}"),
				"requestParameters": object{
					at("http target", "append:header.A"):          at("http source", "a"),
					"overwrite:header." + at("header name", "B"):  at("literal", "b"),
					"append:querystring." + at("query name", "c"): at("http source", "$request.header.X"),
					"overwrite:path": at("path source", "/x${request.path}"),
				},
				"responseParameters": object{at("http status", "200"): object{
					at("http response target", "append:header.X"): at("http response source", "$response.header.Y"),
					"overwrite:statuscode":                        at("http status source", "201"),
				}},
			}}},
			at("path", "/own/{proxy+}"): object{"x-amazon-apigateway-any-method": object{}},
			"/link": object{"get": object{"x-amazon-apigateway-integration": object{
				"type": "http_proxy", "httpMethod": "GET", "payloadFormatVersion": "1.0", "connectionType": "VPC_LINK", "connectionId": at("connection", "b"),
				"uri": "https://x/", "tlsConfig": object{"serverNameToVerify": at("server name", "x.internal")},
			}}},
		},
	}
}

// picker gives the hostile text of a place, or what is good there. JSON is UTF-8.
func picker(hostile map[string]string) func(place, good string) string {
	return func(place, good string) string {
		if text, ok := hostile[place]; ok {
			return strings.ToValidUTF8(text, "?")
		}
		return good
	}
}
