package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"gatehouse/gateway"
)

// tenLines makes a smaller order of the one of order.
const tenLines = `#set($order = $input.path('$'))
{
  "customer": "$util.escapeJavaScript($order.customer.name)",
  "new": #if($order.state == "new")true#{else}false#end,
  "request": "$context.requestId",
  "lines": [
#foreach($line in $order.lines)
    {"sku": "$line.sku", "count": $line.count}#if($foreach.hasNext),#end
#end
  ]}`

// templateRoutes take orders: as they are, with a template for the backend, and one that is
// the answer itself.
func templateRoutes(backend string) []gateway.Route {
	templates := map[string]string{"application/json": tenLines}
	responses := []gateway.IntegrationResponse{{StatusCode: "200"}}
	uri := "http://" + backend + "/pets"
	return []gateway.Route{
		{Method: "POST", Path: "/orders", Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: uri}},
		{Method: "POST", Path: "/mapped", Integration: &gateway.Integration{
			Type: gateway.IntegrationHTTP, HTTPMethod: "POST", URI: uri, ConnectionType: gateway.ConnectionInternet, RequestTemplates: templates, Responses: responses,
		}},
		{Method: "POST", Path: "/mock", Integration: &gateway.Integration{
			Type: gateway.IntegrationMock, RequestTemplates: map[string]string{"application/json": `#set($order = $input.path('$')){"statusCode": #if($order.state == "new")200#{else}409#end}`},
			Responses: []gateway.IntegrationResponse{{SelectionPattern: "200", StatusCode: "200", ResponseTemplates: map[string]string{"application/json": `{"request": "$context.requestId", "numbers": [#foreach($n in [1..10])$n#if($foreach.hasNext),#end#end]}`}}},
		}},
	}
}

// measureTemplates compares routes with templates, which the integration service serves, with
// the same orders as they are.
func measureTemplates(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	in := integrationInput{Backend: backend, Endpoint: "http://127.0.0.1:1"}
	service, err := startService(integrationVariable, in)
	if err != nil {
		return err
	}
	defer service.stop()
	s := in.snapshot()
	s.Gateways = []gateway.Gateway{{Services: gateway.Services{Integration: &gateway.Service{
		Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: service.port}},
	}}}}
	g, err := startGatehouse(s)
	if err != nil {
		return err
	}
	defer g.stop()
	const host = "rest.execute-api.localhost"
	for _, path := range []string{"/v1/orders", "/v1/mapped", "/v1/mock"} {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if err := load(g.port, host, path, nil, order, 200, 1, 1); err == nil {
				break
			} else if time.Now().After(end) {
				return err
			}
		}
	}
	of := func(name, path string) *contestant {
		return &contestant{name: name, envoy: g.envoy, port: g.port, host: host, path: path, body: order}
	}
	fmt.Fprintln(w, "templates, on orders of a kilobyte\tCPU a request\tratio")
	return compete(size, w, []*contestant{
		of("REST API, HTTP_PROXY", "/v1/orders"),
		of("REST API, HTTP with a template of ten lines: Envoy alone", "/v1/mapped"),
		of("the same in all, with the integration service", "/v1/mapped").and(service),
		of("REST API, MOCK with templates, in all", "/v1/mock").and(service),
	})
}
