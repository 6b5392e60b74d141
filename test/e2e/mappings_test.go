package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdatest"
)

const mappedAPI = `
openapi: 3.0.1
info: {title: mapped, version: "1"}
x-amazon-apigateway-binary-media-types: [image/png]
x-amazon-apigateway-gateway-responses:
  UNSUPPORTED_MEDIA_TYPE: {responseTemplates: {application/json: '{"type":"$context.error.responseType"}'}}
  BAD_REQUEST_BODY: {statusCode: 422}
paths:
  /orders/{id}:
    post:
      parameters:
        - {name: X-Caller, in: header, required: true, schema: {type: string}}
      responses: {"200": {description: ok, headers: {X-Total: {schema: {type: string}}}}, "404": {description: none}}
      x-amazon-apigateway-request-validator: parameters
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:orders/invocations"
        passthroughBehavior: NEVER
        requestTemplates:
          application/json: |
            #set($lines = $input.path('$.lines'))
            {"id": "$input.params('id')", "caller": "$input.params('X-Caller')", "stage": "$context.stage",
             "lines": [#foreach($line in $lines)$line.price#if($foreach.hasNext),#end#end]}
        responses:
          default:
            statusCode: "200"
            responseParameters: {method.response.header.X-Total: integration.response.body.total}
            responseTemplates: {application/json: '{"order": "$input.path(''$.id'')", "for": "$input.path(''$.caller'')", "total": $input.json(''$.total'')}'}
          "No order.*":
            statusCode: "404"
            responseTemplates: {application/json: '#set($e = $input.path(''$.errorMessage'')){"missing": "$e"}'}
  /later:
    post:
      responses: {"202": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${stageVariables.hook}/invocations"
        requestParameters: {integration.request.header.X-Amz-Invocation-Type: "'Event'"}
        responses: {default: {statusCode: "202", responseTemplates: {application/json: '{"queued": "$context.requestId"}'}}}
  /teapot:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '#if($input.params("tea") == "yes"){"statusCode": 418}#else{"statusCode": 200}#end'}
        responses:
          default: {statusCode: "200", responseTemplates: {application/json: '[#foreach($i in [1..3])$i#if($foreach.hasNext),#end#end]'}}
          "418": {statusCode: "418", responseTemplates: {text/plain: "short and stout"}}
  /plain:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200", responseTemplates: {application/json: "plain"}}}}
  /search/{what}:
    post:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: http
        httpMethod: PUT
        uri: "http://search.internal/find/{kind}?fixed=1"
        timeoutInMillis: 1000
        requestParameters: {integration.request.path.kind: method.request.path.what, integration.request.querystring.q: method.request.body.query}
        requestTemplates: {application/json: '{"q": $input.json(''$.query'')}'}
        responses:
          default: {statusCode: "200", responseTemplates: {application/json: '{"hits": $input.json(''$.hits[*].name'')}'}}
          "4..": {statusCode: "400", responseTemplates: {application/json: '{"why": "$input.path(''$.reason'')"}'}}
x-amazon-apigateway-request-validators: {parameters: {validateRequestParameters: true, validateRequestBody: false}}
`

const ordersFunction = `
def handler(event, context):
    if event["id"] == "none":
        raise Exception("No order of this id")
    return {"id": event["id"], "caller": event["caller"] + "@" + event["stage"], "total": sum(event["lines"])}
`

// TestMappingTemplates has integrations whose bodies are mapped behind a real Envoy, with
// functions in AWS's own runtime.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings.html
func TestMappingTemplates(t *testing.T) {
	functions := lambdatest.New(t)
	functions.Python("orders", ordersFunction)
	later := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		later <- r.Header.Get("X-Amz-Invocation-Type") + " " + string(event)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(hook.Close)
	var asked string
	search := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = r.Method + " " + r.Host + r.RequestURI + " " + string(body)
		switch {
		case strings.Contains(string(body), "hang"):
			<-r.Context().Done()
		case strings.Contains(string(body), "bad"):
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `{"reason": "not that"}`)
		default:
			io.WriteString(w, `{"hits": [{"name": "a"}, {"name": "b"}]}`)
		}
	}))
	t.Cleanup(search.Close)
	s := snapshotOf(gateway.API{ID: "mapped", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Variables: map[string]string{"hook": hook.URL}, Deployment: deploy(t, gateway.REST, mappedAPI, ""),
	}}})
	s.Functions = []gateway.Function{{Name: "orders", Endpoint: functions.URL}}
	s.Backends = []gateway.Backend{{Name: "search", Hosts: []string{"search.internal"}, Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(search.Listener.Addr().(*net.TCPAddr).Port)}}}}
	g := start(t, s)

	for _, c := range []struct {
		method, target, body string
		headers              []string
		status               int
		want                 string
	}{
		{"POST", "/v1/orders/a%20b", `{"lines":[{"price":2},{"price":3.5}]}`, []string{"Content-Type", "application/json", "X-Caller", "me"}, 200, `{"order": "a b", "for": "me@v1", "total": 5.5}`},
		{"POST", "/v1/orders/none", `{"lines":[]}`, []string{"Content-Type", "application/json", "X-Caller", "me"}, 404, `{"missing": "No order of this id"}`},
		{"POST", "/v1/orders/7", `{"lines":[]}`, []string{"Content-Type", "application/json"}, 400, `{"message":"Missing required request parameters: [X-Caller]"}`},
		{"POST", "/v1/orders/7", `a=b`, []string{"Content-Type", "application/x-www-form-urlencoded", "X-Caller", "me"}, 415, `{"type":"UNSUPPORTED_MEDIA_TYPE"}`},
		{"POST", "/v1/orders/7", `{"lines":`, []string{"Content-Type", "application/json", "X-Caller", "me"}, 422, `{"message":"Invalid request body"}`},
		{"GET", "/v1/teapot", "", nil, 200, `[1,2,3]`},
		{"GET", "/v1/teapot?tea=yes", "", nil, 418, "short and stout"},
		{"HEAD", "/v1/teapot", "", nil, 403, ""},
		{"GET", "/v1/plain", "", nil, 200, "plain"},
		{"POST", "/v1/search/a%2Fb?lost=1", `{"query":"x y"}`, []string{"Content-Type", "application/json"}, 200, `{"hits": ["a","b"]}`},
		{"POST", "/v1/search/b", `{"query":"bad"}`, []string{"Content-Type", "application/json"}, 400, `{"why": "not that"}`},
		{"POST", "/v1/search/b", `{"query":"hang"}`, []string{"Content-Type", "application/json"}, 504, `{"message":"Endpoint request timed out"}`},
	} {
		r := g.request(c.method, "mapped.execute-api.localhost", c.target, c.body, c.headers...)
		if r.StatusCode != c.status || r.body != c.want || r.Header.Get("X-Amzn-Requestid") == "" || r.Header.Get("X-Gw-Reply") != "" {
			t.Errorf("%s %s %s: %d %s %v", c.method, c.target, c.body, r.StatusCode, r.body, r.Header)
		}
		if strings.Contains(c.want, "total") && r.Header.Get("X-Total") != "5.5" {
			t.Errorf("X-Total: %v", r.Header)
		}
		if strings.Contains(c.target, "a%2Fb") {
			if want := `PUT search.internal/find/a%2Fb?fixed=1&q=x%20y {"q": "x y"}`; asked != want {
				t.Errorf("the backend was asked %s\nwant %s", asked, want)
			}
		}
	}
	r := g.request("POST", "mapped.execute-api.localhost", "/v1/later", `{"n":1}`, "Content-Type", "application/json")
	if r.StatusCode != 202 || r.body != `{"queued": "`+r.Header.Get("X-Amzn-Requestid")+`"}` {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	select {
	case got := <-later:
		if got != `Event {"n":1}` {
			t.Error(got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the function was not started")
	}
}
