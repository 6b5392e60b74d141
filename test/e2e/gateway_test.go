// Package e2e sends requests through a real Envoy that was configured the way users
// configure it: from definition files, over delta xDS.
package e2e

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
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	oteltrace "go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/integration/mcp"
	"gatehouse/integration/websocket"
	"gatehouse/internal/envoytest"
	"gatehouse/internal/outputtest"
	"gatehouse/internal/proctest"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
	"gatehouse/telemetry"
	"gatehouse/telemetry/history"
	"gatehouse/translator"
	"gatehouse/xds"
)

// A running is a gateway in a test: control plane in this process, a real Envoy
// beside it.
type running struct {
	t           *testing.T
	port        int
	server      *xds.Server
	translator  *translator.Translator
	extauthz    *extauthz.Server
	integration *integration.Server
	webSockets  *websocket.Server
	tools       *mcp.Server
	// integrationAddress is where the integration service is.
	integrationAddress *net.TCPAddr
	ratelimit          *ratelimit.Server
	limits             *memory.Store
	telemetry          *telemetry.Server
	history            *history.History
	// metrics are those of telemetry, told what it wrote to stdout.
	metrics *prometheus.Registry
	told    *outputtest.Buffer
	// stopControlPlane ends it; Envoy goes on alone.
	stopControlPlane func()
}

// echoed is what the echo backend saw.
type echoed struct {
	Method  string              `json:"method"`
	Path    string              `json:"path"`
	Query   string              `json:"query"`
	Host    string              `json:"host"`
	Headers map[string][]string `json:"headers"`
	Body    string              `json:"body"`
	Backend string              `json:"backend"`
}

// echoBackend answers with what it was asked. ?status=N sets the status.
func echoBackend(t *testing.T, name string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		headers := map[string][]string{}
		for k, v := range r.Header {
			headers[strings.ToLower(k)] = v
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Server", "echo")
		w.Header().Add("X-Backend", name)
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		if d, err := time.ParseDuration(r.URL.Query().Get("sleep")); err == nil {
			time.Sleep(d)
		}
		status := 200
		fmt.Sscan(r.URL.Query().Get("status"), &status)
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(echoed{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Host, headers, string(body), name})
	}))
	t.Cleanup(s.Close)
	return s
}

// start serves a snapshot whose gateway is called "edge"; its listeners are set here.
func start(t *testing.T, s *gateway.Snapshot) *running {
	t.Helper()
	return startOn(t, s, proctest.FreePort(t))
}

// startOn is start with the port chosen.
func startOn(t *testing.T, s *gateway.Snapshot, port int) *running {
	t.Helper()
	return startTraced(t, s, port, nil)
}

// startTraced is startOn with services that make spans.
func startTraced(t *testing.T, s *gateway.Snapshot, port int, tracer oteltrace.Tracer) *running {
	t.Helper()
	g := &running{t: t, port: port, translator: translator.New()}
	logs := &outputtest.Buffer{}
	g.server = xds.New(xds.Options{Log: slog.New(slog.NewTextHandler(logs, nil))})
	g.extauthz = extauthz.New(extauthz.Options{Log: slog.New(slog.NewTextHandler(logs, nil)), Tracer: tracer})
	t.Cleanup(g.extauthz.Close)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.tools = mcp.New(mcp.Options{Log: slog.New(slog.NewTextHandler(logs, nil))})
	g.told, g.metrics, g.history = &outputtest.Buffer{}, prometheus.NewRegistry(), history.New(history.Options{})
	g.telemetry = telemetry.New(telemetry.Options{Stdout: g.told, Registerer: g.metrics, History: g.history, Log: slog.New(slog.NewTextHandler(logs, nil))})
	g.webSockets = websocket.New(websocket.Options{Log: slog.New(slog.NewTextHandler(logs, nil)), Observer: g.telemetry})
	g.integration = integration.New(integration.Options{Log: slog.New(slog.NewTextHandler(logs, nil)), WebSocket: g.webSockets, MCP: g.tools, Cached: g.telemetry.Cached, Executed: g.telemetry.Executed, Tracer: tracer})
	integrationSocket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.integrationAddress = integrationSocket.Addr().(*net.TCPAddr)
	go g.integration.Serve(integrationSocket)
	// Envoys of this machine come by a socket without a port, as those of "gatehouse run" do;
	// the port is for services apart.
	path := filepath.Join(proctest.SocketFolder(t), "integration")
	besideEnvoy, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go g.integration.Serve(besideEnvoy)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		g.integration.Close(ended)
		g.webSockets.Close(ended)
	})
	grpcServer := grpc.NewServer(xds.ServerOptions()...)
	g.server.Register(grpcServer)
	g.extauthz.Register(grpcServer)
	g.limits = memory.New(memory.Options{})
	g.ratelimit = ratelimit.New(ratelimit.Options{Store: g.limits, Registerer: g.metrics, Tracer: tracer, Log: slog.New(slog.NewTextHandler(logs, nil))})
	t.Cleanup(g.ratelimit.Close)
	g.ratelimit.Register(grpcServer)
	g.telemetry.Register(grpcServer)
	go grpcServer.Serve(lis)
	g.stopControlPlane = func() { g.server.Close(); grpcServer.Stop() }
	t.Cleanup(g.stopControlPlane)

	bootstrap, err := xds.Bootstrap(xds.BootstrapOptions{NodeID: "test", Gateway: "edge", Address: lis.Addr().String(), Integration: xds.UnixPrefix + path, Admin: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := xds.BootstrapYAML(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bootstrap.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	g.apply(s)
	cmd := exec.Command(envoytest.Binary(t), "-c", file, "--use-dynamic-base-id", "--concurrency", "2", "-l", "warning", "--file-flush-interval-msec", "50")
	cmd.Stderr, cmd.Stdout = logs, logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(logs.String())
		}
	})
	g.waitFor(s.Revision())
	return g
}

// apply translates and sends a snapshot.
func (g *running) apply(s *gateway.Snapshot) {
	g.t.Helper()
	for i := range s.Gateways {
		if s.Gateways[i].Listeners == nil {
			s.Gateways[i].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: uint32(g.port)}}
		}
	}
	s.Seal()
	compiled, problems := g.extauthz.Compile(s)
	integrated, found := g.integration.Compile(s)
	problems = append(problems, found...)
	connections, found := g.webSockets.Compile(s)
	problems = append(problems, found...)
	out, diags := g.translator.Translate(s)
	diags = append(problems, diags...)
	for _, d := range diags {
		g.t.Log(d)
	}
	if out == nil || problems.HasErrors() {
		g.t.Fatal("the snapshot cannot be translated")
	}
	g.extauthz.Swap(compiled)
	g.integration.Swap(integrated)
	g.webSockets.Swap(connections)
	g.tools.Swap(g.tools.Compile(s))
	g.ratelimit.Swap(ratelimit.Compile(s))
	g.telemetry.Swap(g.telemetry.Compile(s))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.server.Set(ctx, xds.Revision{ID: out.Revision, Gateways: out.Gateways}); err != nil {
		g.t.Fatal(err)
	}
}

// change applies a snapshot and waits until Envoy serves it.
func (g *running) change(s *gateway.Snapshot) {
	g.t.Helper()
	g.apply(s)
	g.waitFor(s.Revision())
	time.Sleep(50 * time.Millisecond) // workers take over after the acknowledgement
}

func (g *running) waitFor(revision string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		outcome, err := g.server.Wait(ctx, revision)
		if err != nil {
			g.t.Fatalf("Envoy took no revision: %v %+v", err, g.server.Status())
		}
		if outcome.State != xds.Pending {
			if outcome.State != "acked" {
				g.t.Fatalf("%+v", outcome)
			}
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for range 500 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
		if err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	g.t.Fatal("Envoy does not listen")
}

// A reply is a response with its body read.
type reply struct {
	*http.Response
	body string
}

// request sends METHOD URL-path to a host, with headers given as name, value, ….
func (g *running) request(method, host, target, body string, headers ...string) reply {
	g.t.Helper()
	req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d", g.port), strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	// Keep the target as written: dots and doubled slashes included.
	req.URL.Opaque, req.URL.RawQuery, req.URL.ForceQuery = target, "", false
	req.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       15 * time.Second,
	}
	resp, err := client.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, name := range []string{"X-Amzn-Requestid", "Apigw-Requestid"} {
		if ids := resp.Header.Values(name); len(ids) > 1 {
			g.t.Errorf("%s %s: the answer has several ids %v", method, target, ids)
		}
	}
	return reply{resp, string(text)}
}

// echo reads the backend's account of the request.
func (r reply) echo(t *testing.T) echoed {
	t.Helper()
	var e echoed
	if err := json.Unmarshal([]byte(r.body), &e); err != nil {
		t.Fatalf("status %d, not from the echo backend: %s", r.StatusCode, r.body)
	}
	return e
}
