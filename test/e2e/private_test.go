package e2e

import (
	"net"
	"testing"

	"gatehouse/gateway"
)

const privateAPI = `
openapi: 3.0.1
info: {title: private, version: "1"}
paths:
  /orders/{id}:
    get: {x-amazon-apigateway-integration: &listener {type: http_proxy, httpMethod: ANY, uri: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/a/0/1", connectionType: VPC_LINK, connectionId: "${stageVariables.link}", payloadFormatVersion: "1.0"}}
  /files/{proxy+}:
    x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {<<: *listener, uri: "arn:aws:servicediscovery:eu-west-1:111122223333:service/srv-1"}}
  /plain:
    get: {x-amazon-apigateway-integration: {<<: *listener, requestParameters: {"overwrite:path": $request.path}}}
  /$default:
    x-amazon-apigateway-any-method: {isDefaultRoute: true, x-amazon-apigateway-integration: *listener}
`

// TestPrivateIntegrations holds that the ARN of a load balancer or service, as AWS
// exports it, leads to the backend that the VPC link names, with the stage in the path.
func TestPrivateIntegrations(t *testing.T) {
	address := echoBackend(t, "private").Listener.Addr().(*net.TCPAddr)
	variables := map[string]string{"link": "vpc"}
	d := deploy(t, gateway.HTTP, privateAPI, "")
	s := snapshotOf(gateway.API{ID: "a", Protocol: gateway.HTTP, Stages: []gateway.Stage{
		{Name: gateway.DefaultStage, Deployment: d, Variables: variables},
		{Name: "prod", Deployment: d, Variables: variables},
	}})
	s.Backends = []gateway.Backend{{Name: "vpc", Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(address.Port)}}}}
	s.Domains = []gateway.Domain{{Name: "a.example.com", Gateway: "edge", Mappings: []gateway.DomainMapping{
		{Path: "shop", API: "a", Stage: "prod"}, {API: "a", Stage: gateway.DefaultStage},
	}}}
	g := start(t, s)
	const own, domain = "a.execute-api.localhost", "a.example.com"
	for _, c := range []struct{ host, target, path string }{
		{own, "/orders/4%2F2?q=1", "/orders/4%2F2"},
		{own, "/prod/orders/42", "/prod/orders/42"},
		{own, "/prod/files/a/b", "/prod/files/a/b"},
		{own, "/prod/plain", "/plain"},
		{own, "/prod/other/path", "/prod/other/path"},
		{own, "/prod", "/prod"},
		{own, "/other", "/other"},
		{domain, "/orders/42", "/orders/42"},
		{domain, "/shop/orders/42", "/prod/orders/42"},
		{domain, "/shop/files/a", "/prod/files/a"},
		{domain, "/shop/plain", "/plain"},
		{domain, "/shop/x", "/prod/x"},
	} {
		if e := g.request("GET", c.host, c.target, "").echo(t); e.Path != c.path || e.Host != c.host || e.Backend != "private" {
			t.Errorf("%s%s: the backend %s saw %s %s, want %s", c.host, c.target, e.Backend, e.Host, e.Path, c.path)
		}
	}
}
