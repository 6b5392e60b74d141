package integration_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// manyAPIs have a stage each; the deployments are read again each time, as they are when a
// file has changed.
func manyAPIs(count, routes int, path string) *gateway.Snapshot {
	s := &gateway.Snapshot{}
	for i := range count {
		d := &gateway.Deployment{Protocol: gateway.REST}
		for j := range routes {
			d.Routes = append(d.Routes, lambdaRoute("GET", fmt.Sprintf("/r%d/{id}", j)))
		}
		if i == 0 {
			d.Routes = append(d.Routes, lambdaRoute("GET", path))
		}
		s.APIs = append(s.APIs, gateway.API{ID: fmt.Sprintf("api%d", i), Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d.Seal(), Variables: map[string]string{"env": "p"}}}})
	}
	return s.Seal()
}

// A change of one API does not have the others compiled.
func TestUnchangedStagesAreKept(t *testing.T) {
	s := newService(t)
	first, second := manyAPIs(100, 20, "/one"), manyAPIs(100, 20, "/two")
	anew := testing.AllocsPerRun(3, func() { s.Compile(second) })
	s.serve(first)
	again := testing.AllocsPerRun(3, func() { s.Compile(second) })
	if again > anew/5 {
		t.Errorf("%.0f allocations to compile a change, %.0f to compile all", again, anew)
	}
	s.serve(second)
	s.lambdas.call = returning(`{"body":"ok"}`)
	for route, want := range map[string]int{"api0 GET /two": 200, "api99 GET /r19/{id}": 200, "api99 GET /r20/{id}": 500} {
		api, key, _ := strings.Cut(route, " ")
		if r := s.askAs(wire.RouteIdentity{API: api, Stage: "v1", Base: "/v1", Route: key}, "GET", "/v1/x", ""); r.StatusCode != want {
			t.Errorf("%s: %d", route, r.StatusCode)
		}
	}
}

// What a stage that is kept depends on beside itself is never the one of before.
func TestKeptStagesSeeChanges(t *testing.T) {
	s := newService(t)
	d := &gateway.Deployment{APIKeySource: gateway.APIKeyFromAuthorizer, Routes: []gateway.Route{lambdaRoute("GET", "/x", func(r *gateway.Route) { r.APIKeyRequired = true })}}
	build := func(key, endpoint string, variables map[string]string) *gateway.Snapshot {
		snap := snapshot(gateway.REST, d)
		snap.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{gateway.Secret(key)}}}
		snap.Functions = []gateway.Function{{Name: "f", Endpoint: endpoint}}
		snap.APIs[0].Stages[0].Variables = variables
		return snap.Seal()
	}
	called := ""
	s.lambdas.call = func(_ context.Context, target lambda.Target, _ []byte) ([]byte, error) {
		called = target.Endpoint
		return []byte("{}"), nil
	}
	for _, c := range []struct{ key, endpoint, env string }{
		{"first", "http://one", "p"}, {"second", "http://one", "p"}, {"second", "http://two", "p"}, {"second", "http://two", "q"},
	} {
		s.serve(build(c.key, c.endpoint, map[string]string{"env": c.env}))
		s.ask("GET /x", "GET", "/v1/x", "", wire.KeyHeader, "|p|:acme")
		event := s.lambdas.last(t)
		if called != c.endpoint || !strings.Contains(event, `"apiKey":"`+c.key+`"`) || !strings.Contains(event, `"stageVariables":{"env":"`+c.env+`"}`) {
			t.Errorf("%v: %s is called with %s", c, called, event)
		}
	}
}
