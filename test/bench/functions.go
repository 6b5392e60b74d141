package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/xds"
)

// integrationVariable has this program be the integration service; it holds a
// integrationInput as JSON.
const integrationVariable = "GATEHOUSE_BENCH_INTEGRATION"

// profileVariable names a file for a CPU profile of that service, or of the authorization service.
const profileVariable = "GATEHOUSE_BENCH_PROFILE"

// integrationInput is what the definition of measureFunctions and measureTemplates depends on.
type integrationInput struct {
	Backend, Endpoint string
	// Socket is where it serves besides, as for the Envoy of "gatehouse run"; "" for nowhere.
	Socket string
}

// beIntegration serves until its input ends.
func beIntegration(input string) error {
	var in integrationInput
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		return err
	}
	if file := os.Getenv(profileVariable); file != "" {
		stop, err := profile(file)
		if err != nil {
			return err
		}
		defer stop()
	}
	s := integration.New(integration.Options{Log: slog.New(slog.DiscardHandler)})
	compiled, diags := s.Compile(in.snapshot().Seal())
	if compiled == nil {
		return diags.Err()
	}
	s.Swap(compiled)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go s.Serve(lis)
	if in.Socket != "" {
		beside, err := net.Listen("unix", in.Socket)
		if err != nil {
			return err
		}
		go s.Serve(beside)
	}
	fmt.Println(lis.Addr().(*net.TCPAddr).Port)
	_, err = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.Close(ctx)
	return err
}

// snapshot has an API of each protocol with a function and a plain backend; the REST API has
// templates, too.
func (in integrationInput) snapshot() *gateway.Snapshot {
	function := func(version string) *gateway.Integration {
		return &gateway.Integration{Type: gateway.IntegrationAWSProxy, HTTPMethod: "POST", PayloadFormatVersion: version, URI: "arn:aws:lambda:us-east-1:000000000000:function:f"}
	}
	plain := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + in.Backend + "/pets"}
	route := func(path string, i *gateway.Integration) gateway.Route {
		return gateway.Route{Method: "GET", Path: path, Integration: i}
	}
	return &gateway.Snapshot{
		APIs: []gateway.API{
			{ID: "rest", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.REST, Routes: append(templateRoutes(in.Backend), route("/plain", plain), route("/function/{id}", function("1.0")))}}}},
			{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: &gateway.Deployment{Protocol: gateway.HTTP, Routes: []gateway.Route{route("/plain", plain), route("/function/{id}", function("2.0"))}}}}},
		},
		Functions: []gateway.Function{{Name: "f", Endpoint: in.Endpoint}},
	}
}

// measureFunctions compares functions, called at an endpoint that answers at once, with a
// plain backend.
func measureFunctions(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	lambda := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"{\"ok\":true}","isBase64Encoded":false}`)
	}))
	defer lambda.Close()
	plainPort := freePort()
	plain, err := startEnvoy(minimalConfig(plainPort, backend))
	if err != nil {
		return err
	}
	defer plain.stop()
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	in := integrationInput{Backend: backend, Endpoint: lambda.URL, Socket: filepath.Join(dir, "integration")}
	service, err := startService(integrationVariable, in)
	if err != nil {
		return err
	}
	defer service.stop()
	own, err := startGatehouseBeside(in.snapshot(), xds.UnixPrefix+in.Socket)
	if err != nil {
		return err
	}
	defer own.stop()
	s := in.snapshot()
	s.Gateways = []gateway.Gateway{{Services: gateway.Services{Integration: &gateway.Service{
		Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: service.port}},
	}}}}
	g, err := startGatehouse(s)
	if err != nil {
		return err
	}
	defer g.stop()
	if err := waitServing(plainPort, "http.execute-api.localhost", "/", 200); err != nil {
		return err
	}
	for host, path := range map[string]string{"rest": "/v1/function/7", "http": "/function/7"} {
		for _, port := range []int{own.port, g.port} {
			if err := waitServing(port, host+".execute-api.localhost", path, 200); err != nil {
				return err
			}
		}
	}
	of := func(name, api, path string) *contestant {
		return &contestant{name: name, envoy: own.envoy, port: own.port, host: api + ".execute-api.localhost", path: path}
	}
	apart := of("REST API, the service apart, by TCP", "rest", "/v1/function/7").and(service)
	apart.envoy, apart.port = g.envoy, g.port
	fmt.Fprintln(w, "functions\tCPU a request\tratio")
	return compete(size, w, []*contestant{
		{name: "hand-written minimal Envoy, plain backend", envoy: plain, port: plainPort, host: "http.execute-api.localhost", path: "/pets"},
		of("REST API, plain backend", "rest", "/v1/plain"),
		of("REST API, function: Envoy alone", "rest", "/v1/function/7"),
		of("in all, with the integration service as 'gatehouse run' has it", "rest", "/v1/function/7").and(service),
		of("HTTP API, function, format 2.0, in all", "http", "/function/7").and(service),
		apart,
	})
}
