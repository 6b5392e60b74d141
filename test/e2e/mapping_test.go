package e2e

import (
	"strings"
	"testing"

	"gatehouse/gateway"
)

const restMapping = `
openapi: 3.0.1
info: {title: mapping, version: "1"}
paths:
  /orders/{orderId}/items/{item}:
    parameters:
      - {name: orderId, in: path, required: true, schema: {type: string}}
      - {name: item, in: path, required: true, schema: {type: string}}
    get:
      parameters:
        - {name: user, in: query, schema: {type: string}}
        - {name: X-Tenant, in: header, schema: {type: string}}
      responses: {"200": {description: ok, headers: {X-Source: {schema: {type: string}}}}}
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: POST
        uri: "BACKEND/base/{id}/{tenant}?fixed=1"
        requestParameters:
          integration.request.path.id: method.request.path.orderId
          integration.request.path.tenant: method.request.header.X-Tenant
          integration.request.header.X-Stage: stageVariables.name
          integration.request.header.X-Fixed: "'eu-1'"
          integration.request.header.X-Item: method.request.path.item
          integration.request.header.X-Missing: method.request.header.X-Nope
          integration.request.header.X-Id: context.requestId
          integration.request.header.X-Ip: context.identity.sourceIp
          integration.request.header.X-All: method.request.multivalueheader.X-Many
          integration.request.header.X-Last: method.request.header.X-Many
          integration.request.header.X-Dropped: method.request.header.Max-Forwards
          integration.request.header.Content-MD5: "'mapped'"
          integration.request.querystring.who: method.request.querystring.user
          integration.request.querystring.all: method.request.multivaluequerystring.user
          integration.request.querystring.none: method.request.querystring.nope
  /constant:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: "BACKEND/constant"
        requestParameters:
          integration.request.header.X-Fixed: "'100% of %REQ(x-client)%'"
          integration.request.header.X-Stage: stageVariables.name
          integration.request.header.Authorization: "'Basic secret'"
  /plain:
    get:
      parameters: [{name: q, in: query, schema: {type: string}}]
      responses:
        "200": {description: ok, headers: {X-Source: {schema: {type: string}}}}
        "404": {description: none}
        "502": {description: bad}
      x-amazon-apigateway-integration:
        type: http
        httpMethod: GET
        uri: "BACKEND/plain"
        cacheKeyParameters: [method.request.querystring.q]
        requestParameters:
          integration.request.querystring.status: method.request.querystring.q
          integration.request.header.X-Only: "'yes'"
        responses:
          default: {statusCode: "200", responseParameters: {method.response.header.X-Source: integration.response.header.X-Backend, method.response.header.Date: "'static'", method.response.header.X-Req: context.requestId, method.response.header.X-Twice: integration.response.multivalueheader.X-Two}}
          "404": {statusCode: "404"}
          "5\\d{2}": {statusCode: "502"}
`

func TestRESTMapping(t *testing.T) { testRESTMapping(t, gateway.Stage{Name: "v1"}) }

// The integration service, which serves routes whose answers are kept, maps as Envoy does.
func TestRESTMappingBehindCache(t *testing.T) { testRESTMapping(t, keeping()) }

func testRESTMapping(t *testing.T, stage gateway.Stage) {
	backend := echoBackend(t, "one")
	stage.Deployment, stage.Variables = deploy(t, gateway.REST, restMapping, backend.URL), map[string]string{"name": "stage-one"}
	g := start(t, snapshotOf(gateway.API{ID: "map", Protocol: gateway.REST, Stages: []gateway.Stage{stage}}))
	const host = "map.execute-api.localhost"

	r := g.request("GET", host, "/v1/orders/4%202/items/a%2Fb?user=ann&user=bob%20x&other=1", "",
		"X-Tenant", "t/1", "X-Many", "1", "X-Many", "2", "Via", "1.1 me", "Content-Encoding", "gzip", "Max-Forwards", "3", "Content-MD5", "sent")
	e := r.echo(t)
	if e.Method != "POST" || e.Path != "/base/4%202/t%2F1" {
		t.Errorf("backend saw %s %s", e.Method, e.Path)
	}
	if want := "user=ann&user=bob%20x&other=1&all=ann&all=bob%20x&who=bob%20x&fixed=1"; !sameItems(e.Query, want) {
		t.Errorf("query %s\nwant  %s", e.Query, want)
	}
	for name, want := range map[string]string{
		"x-stage": "stage-one", "x-fixed": "eu-1", "x-item": "a/b", "x-missing": "", "x-all": "1,2", "x-last": "2",
		"x-tenant": "t/1", "via": "", "content-encoding": "", "max-forwards": "", "x-dropped": "", "content-md5": "mapped", "x-amzn-apigateway-api-id": "map", "x-ip": "127.0.0.1",
		"x-id": r.Header.Get("x-amzn-requestid"),
	} {
		if got := strings.Join(e.Headers[name], "|"); got != want {
			t.Errorf("header %s: %q, want %q", name, got, want)
		}
	}
	if r.Header.Get("server") != "" || r.Header.Get("x-amzn-remapped-server") != "echo" || r.Header.Get("x-amzn-remapped-date") == "" || r.Header.Get("date") == "" {
		t.Errorf("response headers %v", r.Header)
	}

	// These are set without the script; what the client sends by these names is gone.
	e = g.request("GET", host, "/v1/constant", "", "X-Client", "me", "X-Stage", "mine", "X-Stage", "or mine", "Authorization", "Bearer mine").echo(t)
	for name, want := range map[string]string{"x-fixed": "100% of %REQ(x-client)%", "x-stage": "stage-one", "authorization": "Basic secret", "x-client": "me"} {
		if got := strings.Join(e.Headers[name], "|"); got != want {
			t.Errorf("header %s: %q, want %q", name, got, want)
		}
	}

	r = g.request("GET", host, "/v1/plain?q=200&x=1", "", "X-Client", "no", "Accept", "text/csv")
	e = r.echo(t)
	if e.Query != "status=200" || e.Headers["x-client"] != nil || e.Headers["x-only"] == nil || e.Headers["accept"][0] != "application/json" ||
		e.Headers["user-agent"][0] != "AmazonAPIGateway_map" {
		t.Errorf("a non-proxy integration passed on what it was not told to: %+v", e)
	}
	if r.StatusCode != 200 || r.Header.Get("x-source") != "one" || r.Header.Get("x-backend") != "" || r.Header.Get("x-amzn-remapped-date") != "static" ||
		r.Header.Get("x-twice") != "1,2" || r.Header.Get("x-req") == "" || r.Header.Get("x-req") != r.Header.Get("x-amzn-requestid") {
		t.Errorf("response %d %v", r.StatusCode, r.Header)
	}
	for status, want := range map[string]int{"404": 404, "503": 502, "418": 200, "500": 502} {
		if r := g.request("GET", host, "/v1/plain?q="+status, ""); r.StatusCode != want {
			t.Errorf("backend status %s became %d, want %d", status, r.StatusCode, want)
		}
	}
	// A reply of the gateway's own is not mapped: its 500 would become 502.
	backend.Close()
	r = g.request("GET", host, "/v1/plain", "")
	if r.StatusCode != 500 || r.body != `{"message":"Internal server error"}` || r.Header.Get("x-gw-local-reply") != "" {
		t.Errorf("backend down: %d %s %v", r.StatusCode, r.body, r.Header)
	}
}

// sameItems compares query strings without regard to order.
func sameItems(a, b string) bool {
	count := map[string]int{}
	for _, item := range strings.Split(a, "&") {
		count[item]++
	}
	for _, item := range strings.Split(b, "&") {
		count[item]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

const httpMapping = `
openapi: 3.0.1
info: {title: mapping, version: "1"}
paths:
  /orders/{id}:
    get:
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: ANY
        payloadFormatVersion: "1.0"
        uri: "BACKEND/base"
        requestParameters:
          overwrite:path: "/v2${request.path}/x/${request.path.id}"
          append:header.x-list: $request.querystring.a
          overwrite:header.x-one: "${context.requestId}-${stageVariables.name}"
          remove:header.x-gone: "''"
          append:querystring.a: "3"
          overwrite:querystring.b: $request.header.x-b
          remove:querystring.debug: "''"
        responseParameters:
          "500": {overwrite:statuscode: "502", append:header.x-note: "$response.header.x-backend", remove:header.x-two: "''"}
`

func TestHTTPMapping(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.HTTP, httpMapping, backend.URL)
	g := start(t, snapshotOf(gateway.API{ID: "map", Protocol: gateway.HTTP, Stages: []gateway.Stage{
		{Name: "dev", Deployment: d, Variables: map[string]string{"name": "n1"}}, {Name: "$default", Deployment: d}}}))
	const host = "map.execute-api.localhost"
	r := g.request("GET", host, "/dev/orders/7?a=1&a=2&b=x&debug=1", "", "x-list", "0", "x-gone", "1", "x-b", "5")
	e := r.echo(t)
	if e.Path != "/v2/orders/7/x/7" || !sameItems(e.Query, "a=1&a=2&a=3&b=5") {
		t.Errorf("backend saw %s?%s", e.Path, e.Query)
	}
	id := r.Header.Get("apigw-requestid")
	if strings.Join(e.Headers["x-list"], ",") != "0,1,2" || e.Headers["x-one"][0] != id+"-n1" || e.Headers["x-gone"] != nil {
		t.Errorf("headers %v", e.Headers)
	}
	if !strings.HasPrefix(e.Headers["forwarded"][0], "for=127.0.0.1;host="+host+";proto=http") {
		t.Errorf("forwarded %v", e.Headers["forwarded"])
	}
	r = g.request("GET", host, "/orders/7?status=500", "")
	if r.StatusCode != 502 || r.Header.Get("x-note") != "one" || r.Header.Get("x-two") != "" {
		t.Errorf("response %d %v", r.StatusCode, r.Header)
	}
	r = g.request("GET", host, "/orders/7?status=501", "")
	if r.StatusCode != 501 || r.Header.Get("x-note") != "" || r.Header.Get("x-two") == "" {
		t.Errorf("response %d %v", r.StatusCode, r.Header)
	}
}

// A mapped value must not be able to end a header and begin another.
func TestMappingCannotSplitHeaders(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, restMapping, backend.URL)
	g := start(t, snapshotOf(gateway.API{ID: "map", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Variables: map[string]string{"name": "n"}}}}))
	e := g.request("GET", "map.execute-api.localhost", "/v1/orders/1/items/a%0D%0AX-Evil:%20yes", "", "X-Tenant", "t").echo(t)
	if e.Headers["x-evil"] != nil || e.Headers["x-item"][0] != "aX-Evil: yes" {
		t.Errorf("headers %v", e.Headers)
	}
}
