package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
)

const toldNetworks = `openapi: 3.0.1
x-amazon-apigateway-gateway-responses:
  DEFAULT_4XX:
    responseParameters: {gatewayresponse.header.X-Endpoint: context.identity.vpceId}
    responseTemplates: {application/json: '$context.identity.vpcId/$context.identity.vpceId'}
  DEFAULT_5XX:
    responseTemplates: {application/json: '$context.identity.vpcId/$context.identity.vpceId'}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
paths:
  /proxied:
    post:
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: POST
        uri: "BACKEND/proxied"
        requestParameters: {integration.request.header.X-Endpoint: context.identity.vpceId, integration.request.querystring.vpc: context.identity.vpcId}
  /answered:
    get:
      x-amazon-apigateway-integration:
        type: http
        httpMethod: GET
        uri: "BACKEND/answered"
        responses: {default: {statusCode: "200", responseParameters: {method.response.header.X-Endpoint: context.identity.vpceId}}}
  /mock:
    get:
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses:
          default:
            statusCode: "200"
            responseParameters: {method.response.header.X-Endpoint: context.identity.vpceId}
            responseTemplates: {application/json: '$context.identity.vpcId/$context.identity.vpceId'}
  /broken:
    get:
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/"}
  /keyed:
    get:
      security: [{api_key: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/keyed"}
  /mapped:
    post:
      x-amazon-apigateway-integration:
        type: http
        httpMethod: POST
        uri: "BACKEND/mapped"
        requestParameters: {integration.request.header.X-Endpoint: context.identity.vpceId}
        requestTemplates: {application/json: '$context.identity.vpcId/$context.identity.vpceId'}
        responses: {default: {statusCode: "200"}}
  /function:
    post:
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:told/invocations"}
`

// TestSourceNetworkTold holds that templates, mappings and functions are told by which listener
// a request came, by the path form too, and whatever a client says of it.
func TestSourceNetworkTold(t *testing.T) {
	backend := echoBackend(t, "one")
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			RequestContext struct {
				Identity struct{ VPCID, VPCEID *string }
			}
			Headers map[string]string
		}
		text, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(text, &event); err != nil {
			t.Error(err)
		}
		for name := range event.Headers {
			if strings.HasPrefix(strings.ToLower(name), "x-gw-") {
				t.Errorf("the function sees %s", name)
			}
		}
		id := event.RequestContext.Identity
		body := "nothing"
		if id.VPCID != nil && id.VPCEID != nil {
			body = *id.VPCID + "/" + *id.VPCEID
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": 200, "body": body})
	}))
	defer function.Close()
	s := snapshotOf(gateway.API{ID: "inner", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Deployment: deploy(t, gateway.REST, toldNetworks, backend.URL),
	}}})
	s.Functions = []gateway.Function{{Name: "arn:aws:lambda:eu-west-1:111122223333:function:told", URL: function.URL}}
	public, private := proctest.FreePort(t), proctest.FreePort(t)
	s.Gateways[0].Listeners = []gateway.Listener{
		{Address: "127.0.0.1", Port: uint32(public)},
		{Address: "127.0.0.1", Port: uint32(private), SourceVPC: "vpc-1", SourceVPCE: "vpce-1"},
	}
	g := startOn(t, s, public)
	byPrivate := *g
	byPrivate.port = private
	for _, at := range []struct {
		by                       *running
		template, header, member string
	}{{g, "/", "", "nothing"}, {&byPrivate, "vpc-1/vpce-1", "vpce-1", "vpc-1/vpce-1"}} {
		for host, base := range map[string]string{"inner.execute-api.localhost": "/v1", "localhost": "/_aws/execute-api/inner/v1"} {
			claims := []string{"Content-Type", "application/json", "x-gw-source-vpc", "vpc-9", "x-gw-source-vpce", "vpce-9"}
			got := at.by.request("POST", host, base+"/mapped", "{}", claims...).echo(t)
			if header := strings.Join(got.Headers["x-endpoint"], "|"); got.Body != at.template || header != at.header {
				t.Errorf("%s by port %d: the template gives %q and the mapping %q, want %q and %q", host, at.by.port, got.Body, header, at.template, at.header)
			}
			for name := range got.Headers {
				if strings.HasPrefix(name, "x-gw-") {
					t.Errorf("%s: the backend sees %s", host, name)
				}
			}
			proxied := at.by.request("POST", host, base+"/proxied", "{}", claims...).echo(t)
			query := map[string]string{"/": "", "vpc-1/vpce-1": "vpc=vpc-1"}[at.template]
			if header := strings.Join(proxied.Headers["x-endpoint"], "|"); header != at.header || proxied.Query != query {
				t.Errorf("%s by port %d: a proxy's mappings give %q and %q, want %q and %q", host, at.by.port, header, proxied.Query, at.header, query)
			}
			for name := range proxied.Headers {
				if strings.HasPrefix(name, "x-gw-") {
					t.Errorf("%s: the backend of a proxy sees %s", host, name)
				}
			}
			// Envoy's own answers: before a check, behind it, and in the place of a backend's.
			for _, c := range []struct {
				path         string
				status       int
				header, body string
			}{
				{"/answered", 200, at.header, ""},
				{"/mock", 200, at.header, at.template},
				{"/keyed", 403, at.header, at.template},
				{"/none", 403, at.header, at.template},
				{"/broken", 500, "", at.template},
			} {
				r := at.by.request("GET", host, base+c.path, "", claims...)
				if r.StatusCode != c.status || r.Header.Get("X-Endpoint") != c.header || c.body != "" && r.body != c.body {
					t.Errorf("%s%s by port %d: %d %q %q, want %+v", host, c.path, at.by.port, r.StatusCode, r.Header.Get("X-Endpoint"), r.body, c)
				}
			}
			if r := at.by.request("POST", host, base+"/function", "{}", claims...); r.StatusCode != 200 || r.body != at.member {
				t.Errorf("%s by port %d: the function was told %d %q, want %q", host, at.by.port, r.StatusCode, r.body, at.member)
			}
		}
	}
}
