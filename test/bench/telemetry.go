package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"gatehouse/gateway"
)

// measureTelemetry compares requests that Envoy tells about with the same requests that it
// does not. What the telemetry service makes of them is a Go benchmark of its own.
func measureTelemetry(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	const host = "logs.execute-api.localhost"
	contender := func(name string, g gateway.Gateway, log *gateway.StageAccessLog) (*contestant, func(), error) {
		integration := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + backend + "/pets"}
		d := &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{{Method: "GET", Path: "/pets", Integration: integration}}}
		running, err := startGatehouse(&gateway.Snapshot{Gateways: []gateway.Gateway{g}, APIs: []gateway.API{{ID: "logs", Protocol: gateway.REST, Stages: []gateway.Stage{
			{Name: "v1", Deployment: d, AccessLog: log, DetailedMetrics: g.Telemetry},
		}}}})
		if err != nil {
			return nil, nil, err
		}
		return &contestant{name: name, envoy: running.envoy, port: running.port, host: host, path: "/v1/pets"}, running.stop, waitServing(running.port, host, "/v1/pets", 200)
	}
	var list []*contestant
	for _, c := range []struct {
		name    string
		gateway gateway.Gateway
		log     *gateway.StageAccessLog
	}{
		{"REST API, nothing told", gateway.Gateway{}, nil},
		{"metrics, and an access log of the stage", gateway.Gateway{Telemetry: true}, &gateway.StageAccessLog{
			Format: `{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","time":"$context.requestTime","method":"$context.httpMethod","path":"$context.resourcePath","status":"$context.status","latency":"$context.responseLatency"}`,
		}},
		{"Envoy's own access log", gateway.Gateway{AccessLog: &gateway.AccessLog{Path: os.DevNull}}, nil},
	} {
		contestant, stop, err := contender(c.name, c.gateway, c.log)
		if err != nil {
			return err
		}
		defer stop()
		list = append(list, contestant)
	}
	fmt.Fprintln(w, "telling about requests\tEnvoy CPU a request\tratio")
	return compete(size, w, list)
}
