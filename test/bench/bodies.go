package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/gateway"
)

// order is a body of about a kilobyte.
var order = `{"customer":{"name":"Ann Example","mail":"ann@example.com"},"state":"new","lines":[` +
	strings.Repeat(`{"sku":"AB-1234","count":12,"price":19.99,"gift":false},`, 16) + `{"sku":"ZZ-9999","count":1}]}`

var (
	bodyValidators = []gateway.RequestValidator{{Name: "body", ValidateBody: true}}
	bodyModels     = []gateway.Model{
		{Name: "Order", Schema: `{"type":"object","required":["customer","lines"],"additionalProperties":false,"properties":{
			"customer":{"type":"object","required":["name","mail"],"properties":{"name":{"type":"string","maxLength":100},"mail":{"type":"string","format":"email"}}},
			"state":{"enum":["new","paid","sent"]},"lines":{"type":"array","minItems":1,"maxItems":100,"items":{"$ref":"#/definitions/Line"}}}}`},
		{Name: "Line", Schema: `{"type":"object","required":["sku","count"],"properties":{"sku":{"type":"string","pattern":"^[A-Z]{2}-[0-9]{4}$"},
			"count":{"type":"integer","minimum":1},"price":{"type":"number","minimum":0},"gift":{"type":"boolean"}}}`},
	}
)

// bodyRoutes are a route whose bodies nobody looks at, and one with a model.
func bodyRoutes(integration *gateway.Integration) []gateway.Route {
	free := gateway.Route{Method: "POST", Path: "/orders", Integration: integration}
	validated := free
	validated.Path, validated.RequestValidator, validated.RequestModels = "/validated", "body", map[string]string{"application/json": "Order"}
	return []gateway.Route{free, validated}
}

// measureBodies compares a route whose bodies are held to a model with the same without.
func measureBodies(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	const issuer = "https://issuer.example.com"
	keys, _, err := makeToken(issuer)
	if err != nil {
		return err
	}
	in := callersInput{Backend: backend, Issuer: issuer, Keys: keys, Function: "http://127.0.0.1:1", Introspection: "http://127.0.0.1:1"}
	validation, err := startService(serviceVariable, in)
	if err != nil {
		return err
	}
	defer validation.stop()
	s := in.snapshot()
	s.Gateways = []gateway.Gateway{{Services: gateway.Services{Authorization: &gateway.Service{
		Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: validation.port}},
	}}}}
	g, err := startGatehouse(s)
	if err != nil {
		return err
	}
	defer g.stop()
	const host = "rest.execute-api.localhost"
	if err := waitServing(g.port, host, "/v1/open", 200); err != nil {
		return err
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := load(g.port, host, "/v1/validated", nil, order, 200, 1, 1)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			return err
		}
	}
	contest := func(name, path string) *contestant {
		return &contestant{name: name, envoy: g.envoy, port: g.port, host: host, path: path, body: order}
	}
	fmt.Fprintln(w, "bodies of a kilobyte\tEnvoy CPU a request\tratio")
	return compete(size, w, []*contestant{
		contest("REST API, nobody looks", "/v1/orders"),
		contest("held to a model: Envoy alone", "/v1/validated"),
		contest("the same in all, with the authorization service", "/v1/validated").and(validation),
	})
}
