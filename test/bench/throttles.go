package main

import (
	"fmt"
	"text/tabwriter"

	"gatehouse/gateway"
)

// measureThrottles compares routes whose requests are counted with the same route
// without a limit. No bucket ever runs empty.
func measureThrottles(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	g, err := startGatehouse(throttles(backend, 0))
	if err != nil {
		return err
	}
	defer g.stop()
	many, err := startGatehouse(throttles(backend, 100))
	if err != nil {
		return err
	}
	defer many.stop()
	const host, key = "limits.execute-api.localhost", "x-api-key: 0123456789-key00007"
	for _, port := range []int{g.port, many.port} {
		if err := waitServing(port, host, "/free/open", 200); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, "throttles in Envoy\tEnvoy CPU a request\tratio")
	return compete(size, w, []*contestant{
		{name: "REST API, open, no limit", envoy: g.envoy, port: g.port, host: host, path: "/free/open", headers: []string{key}},
		{name: "stage and method", envoy: g.envoy, port: g.port, host: host, path: "/v1/open", headers: []string{key}},
		{name: "API key, no limit", envoy: g.envoy, port: g.port, host: host, path: "/free/key", headers: []string{key}},
		{name: "API key, and throttles of stage, method and key", envoy: g.envoy, port: g.port, host: host, path: "/v1/key", headers: []string{key}},
		{name: "API key, and throttles of stage, method, key, and key and method", envoy: g.envoy, port: g.port, host: host, path: "/v1/both", headers: []string{key}},
		{name: "API key, and throttles of stage, method and key, among 100 usage plans", envoy: many.envoy, port: many.port, host: host, path: "/v1/key", headers: []string{key}},
	})
}

// throttles is an API with a stage that has limits and one that has none, with 10,000
// keys, and so many usage plans besides.
func throttles(backend string, plans int) *gateway.Snapshot {
	integration := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + backend + "/pets"}
	route := func(path string, key bool) gateway.Route {
		return gateway.Route{Method: "GET", Path: path, Integration: integration, APIKeyRequired: key}
	}
	d := &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{route("/open", false), route("/key", true), route("/both", true)}}
	much := &gateway.Throttle{Rate: 1e7, Burst: 1e7}
	s := &gateway.Snapshot{APIs: []gateway.API{{ID: "limits", Protocol: gateway.REST, Stages: []gateway.Stage{
		{Name: "v1", Deployment: d, Throttle: much, Settings: []gateway.RouteSettings{{RouteKey: "*", Throttle: much}}},
		{Name: "free", Deployment: d},
	}}}}
	// What counting of usage costs is measured with the limits that Envoys share.
	plan := gateway.UsagePlan{Name: "limited", Uncounted: true, Throttle: much, Stages: []gateway.PlanStage{
		{API: "limits", Stage: "v1", Routes: []gateway.RouteThrottle{{RouteKey: "GET /both", Throttle: *much}}},
	}}
	free := gateway.UsagePlan{Name: "free", Uncounted: true, Stages: []gateway.PlanStage{{API: "limits", Stage: "free"}}}
	for i := range 10_000 {
		name := fmt.Sprintf("key%05d", i)
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret("0123456789-" + name)}})
		plan.Keys, free.Keys = append(plan.Keys, name), append(free.Keys, name)
	}
	s.UsagePlans = []gateway.UsagePlan{plan, free}
	for i := range plans {
		s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: fmt.Sprint("plan ", i), Uncounted: true, Throttle: much, Stages: plan.Stages[:1]})
	}
	return s
}
