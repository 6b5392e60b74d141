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
	"sync/atomic"
	"text/tabwriter"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration"
)

// cacheVariable has this program be the integration service of measureCache; it holds a
// cacheInput as JSON.
const cacheVariable = "GATEHOUSE_BENCH_CACHE"

// cacheInput is what the definition of measureCache depends on.
type cacheInput struct{ Backend, Function string }

// snapshot has a plain route, and one whose answers are kept.
func (in cacheInput) snapshot() *gateway.Snapshot {
	return &gateway.Snapshot{APIs: []gateway.API{{ID: "rest", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Cache: &gateway.StageCache{Bytes: 64 << 20},
		Settings: []gateway.RouteSettings{{RouteKey: "GET /plain", Cache: &gateway.CacheSettings{Enabled: new(bool)}}},
		Deployment: &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{
			{Method: "GET", Path: "/plain", Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + in.Backend + "/pets"}},
			{Method: "GET", Path: "/cached/{id}", Integration: &gateway.Integration{
				Type: gateway.IntegrationAWSProxy, HTTPMethod: "POST", URI: in.Function,
				CacheKeyParameters: []string{"method.request.path.id", "method.request.querystring.page"},
			}},
		}},
	}}}}}
}

// beCache serves until its input ends.
func beCache(input string) error {
	var in cacheInput
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		return err
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
	served := make(chan error, 1)
	go func() { served <- s.Serve(lis) }()
	fmt.Println(lis.Addr().(*net.TCPAddr).Port)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		return err
	}
	return <-served
}

// measureCache compares answers that are kept with those of a plain backend.
func measureCache(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	var calls atomic.Int64
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fmt.Fprint(w, `{"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"{\"ok\":true}"}`)
	}))
	defer function.Close()
	in := cacheInput{backend, function.URL}
	service, err := startService(cacheVariable, in)
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
	if err := waitServing(g.port, host, "/v1/cached/7?page=1", 200); err != nil {
		return err
	}
	of := func(name, path string) *contestant {
		return &contestant{name: name, envoy: g.envoy, port: g.port, host: host, path: path}
	}
	fmt.Fprintln(w, "stage cache\tCPU a request\tratio")
	if err := compete(size, w, []*contestant{
		of("REST API, plain backend", "/v1/plain"),
		of("an answer that is kept: Envoy alone", "/v1/cached/7?page=1"),
		of("the same in all, with the integration service", "/v1/cached/7?page=1").and(service),
	}); err != nil {
		return err
	}
	// One of them may have ended while this ran; what comes through must be next to nothing.
	if n := calls.Load(); n > 10 {
		return fmt.Errorf("the function was called %d times for what should have been kept", n)
	}
	return nil
}
