package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"text/tabwriter"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

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
	spans, stopSpans, err := startCollector()
	if err != nil {
		return err
	}
	defer stopSpans()
	collector := &gateway.Tracing{Collector: gateway.Service{Endpoints: []gateway.Endpoint{spans}}}
	const host = "logs.execute-api.localhost"
	contender := func(name, path string, g gateway.Gateway, log *gateway.StageAccessLog, tracing *gateway.StageTracing) (*contestant, func(), error) {
		integration := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + backend + path}
		d := &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{{Method: "GET", Path: path, Integration: integration}}}
		running, err := startGatehouse(&gateway.Snapshot{Gateways: []gateway.Gateway{g}, APIs: []gateway.API{{ID: "logs", Protocol: gateway.REST, Stages: []gateway.Stage{
			{Name: "v1", Deployment: d, AccessLog: log, Tracing: tracing, DetailedMetrics: g.Telemetry},
		}}}})
		if err != nil {
			return nil, nil, err
		}
		path = "/v1" + strings.ReplaceAll(path, "{id}", "1")
		return &contestant{name: name, envoy: running.envoy, port: running.port, host: host, path: path}, running.stop, waitServing(running.port, host, path, 200)
	}
	told, log := gateway.Gateway{Telemetry: true}, &gateway.StageAccessLog{
		Destination: gateway.DestinationStdout,
		Format:      `{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","time":"$context.requestTime","method":"$context.httpMethod","path":"$context.resourcePath","status":"$context.status","latency":"$context.responseLatency"}`,
	}
	var comparisons [][]*contestant
	for _, comparison := range []struct {
		path        string
		contestants []toldContestant
	}{
		{"/pets", []toldContestant{
			{"REST API, nothing told", gateway.Gateway{}, nil, nil},
			{"metrics, and an access log of the stage", told, log, nil},
			{"Envoy's own access log", gateway.Gateway{AccessLog: &gateway.AccessLog{Path: os.DevNull}}, nil, nil},
			{"a collector, and the stage is not traced", gateway.Gateway{Tracing: collector}, nil, nil},
			{"traced, none of them sampled", gateway.Gateway{Tracing: collector}, nil, &gateway.StageTracing{}},
			{"traced, one of twenty sampled", gateway.Gateway{Tracing: collector}, nil, &gateway.StageTracing{Percent: 5}},
			{"traced, all sampled", gateway.Gateway{Tracing: collector}, nil, &gateway.StageTracing{Percent: 100}},
		}},
		// What is asked has to be kept of each request: no name of a route has it.
		{"/pets/{id}", []toldContestant{
			{"a path with a variable, nothing told", gateway.Gateway{}, nil, nil},
			{"metrics, and an access log of the stage", told, log, nil},
		}},
	} {
		var list []*contestant
		for _, c := range comparison.contestants {
			contestant, stop, err := contender(c.name, comparison.path, c.gateway, c.log, c.tracing)
			if err != nil {
				return err
			}
			defer stop()
			list = append(list, contestant)
		}
		comparisons = append(comparisons, list)
	}
	// What it costs is as much as processes differ by: it takes more of them.
	size.rounds *= 2
	fmt.Fprintln(w, "telling about requests\tEnvoy CPU a request\tratio")
	for _, list := range comparisons {
		if err := compete(size, w, list); err != nil {
			return err
		}
	}
	return nil
}

// A toldContestant is what is told about its requests.
type toldContestant struct {
	name    string
	gateway gateway.Gateway
	log     *gateway.StageAccessLog
	tracing *gateway.StageTracing
}

// ignored is a collector that keeps nothing.
type ignored struct {
	collectortrace.UnimplementedTraceServiceServer
}

func (ignored) Export(context.Context, *collectortrace.ExportTraceServiceRequest) (*collectortrace.ExportTraceServiceResponse, error) {
	return &collectortrace.ExportTraceServiceResponse{}, nil
}

func startCollector() (at gateway.Endpoint, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return at, nil, err
	}
	server := grpc.NewServer()
	collectortrace.RegisterTraceServiceServer(server, ignored{})
	go server.Serve(l)
	return gateway.Endpoint{Host: "127.0.0.1", Port: uint32(l.Addr().(*net.TCPAddr).Port)}, server.Stop, nil
}
