package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/encoded"
	"gatehouse/internal/envoyproc"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/telemetry"
	"gatehouse/translator"
	"gatehouse/xds"
)

// An envoy is a running Envoy process.
type envoy struct {
	path, dir string
	cmd       *exec.Cmd
	logs      bytes.Buffer
	// instructions are what it was last known to have run, in thousands, and dumps how often
	// that was asked.
	instructions float64
	dumps        int
}

// startEnvoy runs Envoy with one worker, so that CPU figures of different
// configurations compare.
func startEnvoy(config []byte) (*envoy, error) {
	path, err := envoyproc.Find("")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return nil, err
	}
	e := &envoy{path: path, dir: dir}
	if err := os.WriteFile(e.configFile(), config, 0o600); err != nil {
		return nil, err
	}
	return e, e.start()
}

func (e *envoy) configFile() string { return filepath.Join(e.dir, "envoy.yaml") }

func (e *envoy) start() (err error) {
	e.cmd = exec.Command(e.path, "-c", e.configFile(), "--concurrency", "1", "--use-dynamic-base-id", "-l", "error")
	if counting {
		if e.cmd, err = counted(e.cmd, e.dir); err != nil {
			return err
		}
	}
	e.cmd.Stderr, e.cmd.Stdout = &e.logs, &e.logs
	return e.cmd.Start()
}

// restart has another process do the same. It serves after a while.
func (e *envoy) restart() error {
	e.kill()
	return e.start()
}

func (e *envoy) stop() {
	e.kill()
	os.RemoveAll(e.dir)
}

func (e *envoy) kill() {
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait()
}

// cpu is the time that the process's threads have been on a CPU, to the nanosecond:
// the ticks of /proc/PID/stat are a percent or more of a round.
func (e *envoy) cpu() (time.Duration, error) { return cpuOf(e.cmd.Process.Pid) }

func cpuOf(pid int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("no threads of process %d: %w", pid, err)
	}
	var total time.Duration
	for _, file := range threads {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has ended
		}
		if err != nil {
			return 0, err
		}
		onCPU, _, _ := strings.Cut(string(data), " ")
		n, err := strconv.ParseInt(onCPU, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		total += time.Duration(n)
	}
	return total, nil
}

// rss is the resident memory of a process in bytes.
func rss(pid int) int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// minimalConfig is the least an Envoy needs to proxy to a backend.
func minimalConfig(port int, backend string) []byte {
	_, backendPort, _ := net.SplitHostPort(backend)
	return fmt.Appendf(nil, `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: plain
          http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: backend}}]}]}
  clusters:
  - name: backend
    connect_timeout: 1s
    load_assignment: {cluster_name: backend, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]}
`, port, backendPort)
}

// sameJobConfig is what somebody writes by hand who wants of a route what Amazon's gateway
// does with requests, for one host and route: an edge's settings that Envoy recommends,
// limits of headers and bodies, the headers that come and go. It has nothing that other
// routes or features would need: no routes of many hosts, no tree to find them in, no
// filters but the router and the one that limits bodies.
func sameJobConfig(port int, backend string, protocol gateway.Protocol) []byte {
	_, backendPort, _ := net.SplitHostPort(backend)
	route := `{match: {prefix: /}, route: {cluster: backend, host_rewrite_literal: "` + backend + `", timeout: 30s}}`
	headers := `
            request_headers_to_add: [{header: {key: forwarded, value: "for=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%;host=%REQ(:AUTHORITY)%;proto=%REQ(X-FORWARDED-PROTO)%"}}]
            response_headers_to_add: [{header: {key: apigw-requestid, value: "%REQ(X-REQUEST-ID)%"}}]`
	if protocol == gateway.REST {
		route = `{match: {path: /v1/pets}, route: {cluster: backend, host_rewrite_literal: "` + backend + `", prefix_rewrite: /pets, timeout: 29s}}`
		headers = `
            request_headers_to_add: [{header: {key: x-amzn-apigateway-api-id, value: rest}}]
            request_headers_to_remove: [x-amzn-apigateway-api-id, content-md5, max-forwards, proxy-authenticate, server, trailer, www-authenticate, content-encoding, via]
            response_headers_to_remove: [date, server, via]
            response_headers_to_add:
            - header: {key: x-amzn-remapped-date, value: "%RESP(DATE)%"}
            - header: {key: x-amzn-remapped-server, value: "%RESP(SERVER)%"}
            - header: {key: x-amzn-remapped-x-amzn-requestid, value: "%RESP(X-AMZN-REQUESTID)%"}
            - {header: {key: x-amzn-requestid, value: "%REQ(X-REQUEST-ID)%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}`
	}
	return fmt.Appendf(nil, `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    per_connection_buffer_limit_bytes: 1048576
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: same_job
          use_remote_address: true
          normalize_path: true
          path_with_escaped_slashes_action: KEEP_UNCHANGED
          server_header_transformation: PASS_THROUGH
          max_request_headers_kb: 60
          request_headers_timeout: 30s
          stream_idle_timeout: 300s
          http_filters:
          - name: body
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit, max_request_bytes: 10485760}
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, suppress_envoy_headers: true}
          route_config:
            virtual_hosts: [{name: all, domains: ["*"], routes: [%s]}]%s
  clusters:
  - name: backend
    connect_timeout: 1s
    load_assignment: {cluster_name: backend, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]}
`, port, route, headers, backendPort)
}

// A gatehouse is a control plane in this process with an Envoy of its own.
type gatehouse struct {
	*envoy
	port       int
	translator *translator.Translator
	server     *xds.Server
	extauthz   *extauthz.Server
	ratelimit  *ratelimit.Server
	reports    messageCount
	telemetry  *telemetry.Server
	grpc       *grpc.Server
	sent       *countingListener
}

// startGatehouse serves a snapshot; the gateway's listener is set here.
func startGatehouse(s *gateway.Snapshot) (*gatehouse, error) {
	return startGatehouseBeside(s, "")
}

// startGatehouseBeside is startGatehouse with an integration service at an address.
func startGatehouseBeside(s *gateway.Snapshot, integration string) (*gatehouse, error) {
	g := &gatehouse{port: freePort(), translator: translator.New()}
	g.server = xds.New(xds.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g.sent = &countingListener{Listener: lis}
	g.grpc = grpc.NewServer(append(xds.ServerOptions(), encoded.ServerOption(), grpc.StreamInterceptor(g.reports.intercept))...)
	g.server.Register(g.grpc)
	g.extauthz = extauthz.New(extauthz.Options{Log: slog.New(slog.DiscardHandler)})
	g.extauthz.Register(g.grpc)
	g.ratelimit = ratelimit.New(ratelimit.Options{Store: memory.New(memory.Options{}), Log: slog.New(slog.DiscardHandler)})
	g.ratelimit.Register(g.grpc)
	g.telemetry = telemetry.New(telemetry.Options{Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)})
	g.telemetry.Register(g.grpc)
	go g.grpc.Serve(g.sent)
	if err := g.apply(s); err != nil {
		return nil, err
	}
	g.envoy, err = startEdge(lis.Addr().String(), integration)
	return g, err
}

// startEdge starts the Envoy of a control plane, and of an integration service, "" for one
// beside it.
func startEdge(controlPlane, integration string) (*envoy, error) {
	bootstrap, err := xds.Bootstrap(xds.BootstrapOptions{NodeID: "bench", Gateway: "edge", Address: controlPlane, Integration: integration, Admin: xds.NoAdmin})
	if err != nil {
		return nil, err
	}
	data, err := xds.BootstrapYAML(bootstrap)
	if err != nil {
		return nil, err
	}
	return startEnvoy(data)
}

// edge is a gateway as the one that listens at a port.
func edge(g gateway.Gateway, port int) gateway.Gateway {
	g.Name, g.Suffix, g.Listeners = "edge", "localhost", []gateway.Listener{{Address: "127.0.0.1", Port: uint32(port)}}
	return g
}

func (g *gatehouse) apply(s *gateway.Snapshot) error {
	var base gateway.Gateway
	if len(s.Gateways) > 0 {
		base = s.Gateways[0]
	}
	s.Gateways = []gateway.Gateway{edge(base, g.port)}
	s.Seal()
	compiled, diags := g.extauthz.Compile(s)
	if compiled == nil {
		return diags.Err()
	}
	g.extauthz.Swap(compiled)
	g.ratelimit.Swap(ratelimit.Compile(s))
	g.telemetry.Swap(g.telemetry.Compile(s))
	out, diags := g.translator.Translate(s)
	if out == nil {
		return diags.Err()
	}
	return g.server.Set(context.Background(), xds.Revision{ID: out.Revision, Gateways: out.Gateways})
}

func (g *gatehouse) stop() {
	g.envoy.stop()
	g.server.Close()
	g.grpc.Stop()
	g.extauthz.Close()
	g.ratelimit.Close()
}

// waitServing polls until a request answers with the status.
func waitServing(port int, host, path string, status int) error {
	for end := time.Now().Add(startPatience()); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if got, err := oneRequest(port, host, path); err == nil && got == status {
			return nil
		}
	}
	return fmt.Errorf("nothing answers %d at %s%s", status, host, path)
}
