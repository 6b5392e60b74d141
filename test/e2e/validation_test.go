package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"gatehouse/gateway"
)

const validatedRoutes = `
openapi: 3.0.1
info: {title: orders, version: "1"}
x-amazon-apigateway-request-validator: all
x-amazon-apigateway-request-validators:
  all: {validateRequestBody: true, validateRequestParameters: true}
  params: {validateRequestBody: false, validateRequestParameters: true}
  body: {validateRequestBody: true, validateRequestParameters: false}
paths:
  /orders:
    post: &order
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
      parameters: [{name: q, in: query, required: true, schema: {type: string}}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/orders"}
    put:
      <<: *order
      x-amazon-apigateway-request-validator: params
    patch:
      <<: *order
      x-amazon-apigateway-request-validator: body
  /anything:
    post:
      requestBody: {content: {application/json: {schema: {type: object}}}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/anything"}
  /small:
    post:
      requestBody: {content: {application/json: {schema: {}}}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/small"}
  /mock:
    post:
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
      responses: {"202": {description: taken}}
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 202}'}, responses: {default: {statusCode: "202"}}}
  /xml:
    post:
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
      x-amazon-apigateway-integration: {type: mock, passthroughBehavior: never, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}
      responses: {"200": {description: good}}
  /keyed:
    post:
      <<: *order
      security: [{api_key: []}]
components:
  securitySchemes: {api_key: {type: apiKey, name: x-api-key, in: header}}
  schemas:
    Order:
      type: object
      required: [item, count]
      additionalProperties: false
      properties:
        item: {type: string, maxLength: 10}
        count: {type: integer, minimum: 1}
        exact: {type: number, enum: [9007199254740993]}
        parts: {type: array, items: {$ref: "#/components/schemas/Order"}}
`

const goodOrder = `{"item":"tea","count":2,"parts":[{"item":"bag","count":20}]}`

func validatedSnapshot(t *testing.T, text, backend string) *gateway.Snapshot {
	small := int64(1000)
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Deployment: deploy(t, gateway.REST, text, backend),
		Settings: []gateway.RouteSettings{
			{RouteKey: "POST /small", MaxRequestBytes: &small},
			{RouteKey: "POST /keyed", Throttle: &gateway.Throttle{Rate: 0, Burst: 0}},
		},
	}}})
	s.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{"key-of-acme-0123456789"}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "shop", Stage: "v1"}}}}
	return s
}

// TestBodyValidation holds bodies to models on a real Envoy, in every way that a body
// can come.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
func TestBodyValidation(t *testing.T) {
	backend := echoBackend(t, "one")
	g := start(t, validatedSnapshot(t, validatedRoutes, backend.URL))
	const host = "shop.execute-api.localhost"
	const invalid = `{"message":"Invalid request body"}`
	deep := strings.Repeat(`{"item":"a","count":1,"parts":[`, 300) + strings.Repeat(`]}`, 300)
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		status               int
		// reply is what is answered, "" for the backend's.
		reply string
	}{
		"good":                        {"POST", "/v1/orders?q=1", goodOrder, nil, 200, ""},
		"good, with a charset":        {"POST", "/v1/orders?q=1", goodOrder, []string{"Content-Type", "Application/JSON; charset=utf-8"}, 200, ""},
		"a member is missing":         {"POST", "/v1/orders?q=1", `{"item":"tea"}`, nil, 400, invalid},
		"too long":                    {"POST", "/v1/orders?q=1", `{"item":"lapsang souchong","count":1}`, nil, 400, invalid},
		"wrong inside":                {"POST", "/v1/orders?q=1", `{"item":"tea","count":1,"parts":[{"item":"bag"}]}`, nil, 400, invalid},
		"not JSON":                    {"POST", "/v1/orders?q=1", `{"item":`, nil, 400, invalid},
		"two values":                  {"POST", "/v1/orders?q=1", goodOrder + goodOrder, nil, 400, invalid},
		"a name twice":                {"POST", "/v1/orders?q=1", `{"item":"tea","count":1,"count":-1}`, nil, 400, invalid},
		"not UTF-8":                   {"POST", "/v1/orders?q=1", "{\"item\":\"\xff\",\"count\":1}", nil, 400, invalid},
		"too deep":                    {"POST", "/v1/orders?q=1", deep, nil, 400, invalid},
		"beyond float64":              {"POST", "/v1/orders?q=1", `{"item":"tea","count":1,"exact":9007199254740993}`, nil, 200, ""},
		"beyond float64, next to it":  {"POST", "/v1/orders?q=1", `{"item":"tea","count":1,"exact":9007199254740992}`, nil, 400, invalid},
		"no body, taken for {}":       {"POST", "/v1/orders?q=1", "", nil, 400, invalid},
		"no body where {} is good":    {"POST", "/v1/anything", "", nil, 200, ""},
		"parameters come first":       {"POST", "/v1/orders", `{`, nil, 400, `{"message":"Missing required request parameters: [q]"}`},
		"parameters only":             {"PUT", "/v1/orders?q=1", `{`, nil, 200, ""},
		"body only":                   {"PATCH", "/v1/orders", `{`, nil, 400, invalid},
		"body only, good":             {"PATCH", "/v1/orders", goodOrder, nil, 200, ""},
		"another type":                {"POST", "/v1/orders?q=1", `<order/>`, []string{"Content-Type", "application/xml"}, 200, ""},
		"two types, one of which is":  {"POST", "/v1/orders?q=1", `<order/>`, []string{"Content-Type", "text/plain", "Content-Type", "application/json"}, 400, invalid},
		"a list of types":             {"POST", "/v1/orders?q=1", `<order/>`, []string{"Content-Type", "text/plain, application/json"}, 400, invalid},
		"a mock, good":                {"POST", "/v1/mock", goodOrder, []string{"Content-Type", "application/json"}, 202, ""},
		"a mock":                      {"POST", "/v1/mock", `{}`, []string{"Content-Type", "application/json"}, 400, invalid},
		"a type that is refused":      {"POST", "/v1/xml", `<order/>`, []string{"Content-Type", "application/xml"}, 415, `{"message":"Unsupported Media Type"}`},
		"a good body of a type":       {"POST", "/v1/xml", goodOrder, []string{"Content-Type", "application/json"}, 200, ""},
		"a bad body of a type":        {"POST", "/v1/xml", `{}`, []string{"Content-Type", "application/json"}, 400, invalid},
		"the key comes first":         {"POST", "/v1/keyed?q=1", `{`, nil, 403, `{"message":"Forbidden"}`},
		"so does the throttle":        {"POST", "/v1/keyed?q=1", `{`, []string{"x-api-key", "key-of-acme-0123456789"}, 429, `{"message":"Too Many Requests"}`},
		"below a limit of the route":  {"POST", "/v1/small", `"` + strings.Repeat("x", 900) + `"`, nil, 200, ""},
		"beyond a limit of the route": {"POST", "/v1/small", `"` + strings.Repeat("x", 5000) + `"`, nil, 413, `{"message":"HTTP content length exceeded 10485760 bytes."}`},
		"large":                       {"POST", "/v1/anything", `{"a":"` + strings.Repeat("x", 9<<20) + `"}`, nil, 200, ""},
		"large and bad":               {"POST", "/v1/anything", `["` + strings.Repeat("x", 9<<20) + `"]`, nil, 400, invalid},
		"too large":                   {"POST", "/v1/anything", `{"a":"` + strings.Repeat("x", 10<<20) + `"}`, nil, 413, `{"message":"HTTP content length exceeded 10485760 bytes."}`},
	} {
		r := g.request(c.method, host, c.target, c.body, c.headers...)
		if r.StatusCode != c.status || c.reply != "" && r.body != c.reply || r.Header.Get("x-amzn-requestid") == "" {
			t.Errorf("%s: %d %.200s %v", name, r.StatusCode, r.body, r.Header)
		}
		if c.status == 200 && c.target != "/v1/xml" {
			if e := r.echo(t); e.Body != c.body {
				t.Errorf("%s: the backend got %d bytes of %d", name, len(e.Body), len(c.body))
			}
		}
		if r.body == invalid && (r.Header.Get("x-amzn-errortype") != "BadRequestException" || r.Header.Get("content-type") != "application/json") {
			t.Errorf("%s: headers %v", name, r.Header)
		}
	}
	// By the path form, too.
	if r := g.request("POST", "localhost", "/_aws/execute-api/shop/v1/orders?q=1", `{}`); r.StatusCode != 400 || r.body != invalid {
		t.Errorf("by the path form: %d %s", r.StatusCode, r.body)
	}
	g.checkBodyForms(t, host)

	// Envoy goes on without the service, and lets nothing through that nobody has looked at.
	g.stopControlPlane()
	if r := g.request("POST", host, "/v1/orders?q=1", goodOrder); r.StatusCode != 500 || r.body != `{"message":"Internal server error"}` || r.Header.Get("x-amzn-requestid") == "" {
		t.Errorf("without the service: %d %s %v", r.StatusCode, r.body, r.Header)
	}
	if r := g.request("PUT", host, "/v1/orders?q=1", goodOrder); r.StatusCode != 200 {
		t.Errorf("without the service, a route that needs none: %d %s", r.StatusCode, r.body)
	}
}

// checkBodyForms sends bodies in pieces, by HTTP/2, and after asking whether to.
func (g *running) checkBodyForms(t *testing.T, host string) {
	t.Helper()
	h2 := &http.Protocols{}
	h2.SetUnencryptedHTTP2(true)
	for name, transport := range map[string]*http.Transport{"HTTP/1.1": {ExpectContinueTimeout: 10 * time.Second}, "HTTP/2": {Protocols: h2}} {
		client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
		for body, status := range map[string]int{goodOrder: 200, `{"item":"tea"}`: 400, ``: 400, `{"item":"` + strings.Repeat("x", 2<<20) + `","count":1}`: 400} {
			for _, expect := range []string{"", "100-continue"} {
				// A pipe has no length, so that it is sent in chunks.
				reader, writer := io.Pipe()
				go func() {
					io.WriteString(writer, body[:len(body)/2])
					time.Sleep(5 * time.Millisecond)
					io.WriteString(writer, body[len(body)/2:])
					writer.Close()
				}()
				req, err := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d/v1/orders?q=1", g.port), reader)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = host
				asked := expect != "" && name == "HTTP/1.1"
				var told atomic.Bool
				if asked {
					req.Header.Set("Expect", expect)
					req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { told.Store(true) }}))
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Errorf("%s %q, %.30s: %v", name, expect, body, err)
					continue
				}
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != status || told.Load() != asked {
					t.Errorf("%s %q, %.30s: %d %s", name, expect, body, resp.StatusCode, text)
				}
				var e echoed
				if status == 200 && (json.Unmarshal(text, &e) != nil || e.Body != body) {
					t.Errorf("%s: the backend got %s", name, text)
				}
			}
		}
		transport.CloseIdleConnections()
	}
	// A body that never ends does not keep the route from others.
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/orders?q=1 HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", host)
	if r := g.request("POST", host, "/v1/orders?q=1", goodOrder); r.StatusCode != 200 {
		t.Errorf("beside a body that does not end: %d %s", r.StatusCode, r.body)
	}
}

const signedOrders = `
openapi: 3.0.1
info: {title: orders, version: "1"}
x-amazon-apigateway-request-validator: body
x-amazon-apigateway-request-validators: {body: {validateRequestBody: true, validateRequestParameters: false}}
paths:
  /orders:
    post:
      requestBody: {content: {application/json: {schema: {type: object, required: [item]}}}}
      x-amazon-apigateway-auth: {type: AWS_IAM}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "BACKEND/orders", requestParameters: {integration.request.header.X-Arn: context.identity.userArn}}
`

// TestBodiesOfCallers asks about the caller first, and what is known of him is known
// behind the question about his body.
func TestBodiesOfCallers(t *testing.T) {
	backend := echoBackend(t, "one")
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, signedOrders, backend.URL)}}})
	const arn = "arn:aws:iam::000000000000:user/ann"
	s.Credentials = []gateway.Credential{{AccessKeyID: "AKID", SecretAccessKey: "secret-of-ann", ARN: arn,
		Policies: []gateway.Policy{{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}`}}}}
	g := start(t, s)
	key := aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret-of-ann"}
	const host = "shop.execute-api.localhost"
	r := g.signed(key, "POST", host, "/v1/orders", `{"item":"tea"}`, nil)
	if r.StatusCode != 200 {
		t.Fatalf("good: %d %s", r.StatusCode, r.body)
	}
	if e := r.echo(t); e.Body != `{"item":"tea"}` || len(e.Headers["x-arn"]) != 1 || e.Headers["x-arn"][0] != arn {
		t.Errorf("good: the backend got %+v", e)
	}
	if r := g.signed(key, "POST", host, "/v1/orders", `{"item":`, nil); r.StatusCode != 400 {
		t.Errorf("bad: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("POST", host, "/v1/orders", `{"item":`); r.StatusCode != 403 {
		t.Errorf("bad, of nobody: %d %s", r.StatusCode, r.body)
	}
}

// TestBodyRefusals are those in an API's own words.
func TestBodyRefusals(t *testing.T) {
	backend := echoBackend(t, "one")
	s := validatedSnapshot(t, validatedRoutes+`
x-amazon-apigateway-gateway-responses:
  BAD_REQUEST_BODY:
    statusCode: 422
    responseTemplates: {application/json: '{"message":$context.error.messageString,"type":"$context.error.responseType","errors":"$context.error.validationErrorString"}'}
    responseParameters: {gatewayresponse.header.X-Why: "'body'"}
  DEFAULT_5XX: {responseTemplates: {application/json: '{"oops":$context.error.messageString}'}}
`, backend.URL)
	g := start(t, s)
	const host = "shop.execute-api.localhost"
	for body, errors := range map[string]string{
		`{"item":"tea"}`:                             `[object has missing required properties (["count"])]`,
		`{"item":7,"count":"2"}`:                     `[instance type (integer) does not match any allowed primitive type (allowed: ["string"]), instance type (string) does not match any allowed primitive type (allowed: ["integer"])]`,
		`{"item":"</script>%REQ(:path)%","count":1}`: `[string "</script>%REQ(:path)%" is too long (length: 21, maximum allowed: 10)]`,
		`{`: `[unexpected end of JSON input]`,
	} {
		r := g.request("POST", host, "/v1/orders?q=1", body)
		var got struct{ Message, Type, Errors string }
		if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.StatusCode != 422 || r.Header.Get("x-why") != "body" || r.Header.Get("x-amzn-requestid") == "" ||
			got.Message != "Invalid request body" || got.Type != "BAD_REQUEST_BODY" || got.Errors != errors {
			t.Errorf("%s: %d %s %v", body, r.StatusCode, r.body, err)
		}
		if strings.Contains(r.body, "<") {
			t.Errorf("a tag gets through: %s", r.body)
		}
	}
	if r := g.request("POST", host, "/v1/orders", `{`); r.StatusCode != 400 || r.body != `{"message":"Missing required request parameters: [q]"}` {
		t.Errorf("a missing parameter: %d %s", r.StatusCode, r.body)
	}
	if r := g.request("POST", host, "/v1/orders?q=1&status=400", goodOrder); r.StatusCode != 400 || !strings.Contains(r.body, "tea") {
		t.Errorf("a backend's own 400: %d %s", r.StatusCode, r.body)
	}
	g.stopControlPlane()
	if r := g.request("POST", host, "/v1/orders?q=1", goodOrder); r.StatusCode != 500 || r.body != `{"oops":"Internal server error"}` {
		t.Errorf("without the service: %d %s", r.StatusCode, r.body)
	}
}

// TestCompressedBodies are looked at as the integration gets them.
func TestCompressedBodies(t *testing.T) {
	backend := echoBackend(t, "one")
	g := start(t, validatedSnapshot(t, validatedRoutes+"x-amazon-apigateway-minimum-compression-size: 0\n", backend.URL))
	pack := func(parts ...string) string {
		var b bytes.Buffer
		for _, part := range parts {
			w := gzip.NewWriter(&b)
			io.WriteString(w, part)
			w.Close()
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"good":            {pack(goodOrder), 200},
		"bad":             {pack(`{}`), 400},
		"two in one":      {pack(goodOrder, `{}`), 400},
		"not compressed":  {goodOrder, 400},
		"a bomb":          {pack(`"` + strings.Repeat("x", 11<<20) + `"`), 400},
		"cut off":         {pack(goodOrder)[:20], 400},
		"nothing at all":  {"", 400},
		"nothing, packed": {pack(""), 400},
	} {
		r := g.request("POST", "shop.execute-api.localhost", "/v1/orders?q=1", c.body, "Content-Encoding", "gzip")
		if r.StatusCode != c.status {
			t.Errorf("%s: %d %.200s", name, r.StatusCode, r.body)
		}
		if c.status == 200 && r.echo(t).Body != goodOrder {
			t.Errorf("%s: the backend got %s", name, r.body)
		}
	}
}
