package envoyproc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
)

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// bootstrap proxies a port to a backend.
func bootstrap(port int, backend string) []byte {
	_, backendPort, _ := net.SplitHostPort(backend)
	return fmt.Appendf(nil, `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: b}}]}]}
  clusters:
  - {name: b, load_assignment: {cluster_name: b, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]}}
`, port, backendPort)
}

// supervised runs a Supervisor until the test ends.
type supervised struct {
	cancel context.CancelFunc
	ended  chan error
}

func run(t *testing.T, s Supervisor) *supervised {
	t.Helper()
	s.Path = envoytest.Binary(t)
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	s.OnReady = func() { close(ready) }
	r := &supervised{cancel, make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx) }()
	t.Cleanup(cancel)
	select {
	case <-ready:
	case err := <-r.ended:
		t.Fatal(err)
	}
	return r
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func get(port int) (int, error) {
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return resp.StatusCode, err
}

// waitFor200 waits until Envoy proxies: it is ready a moment before it listens.
func waitFor200(t *testing.T, port int) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if status, _ := get(port); status == 200 {
			return
		}
	}
	t.Fatal("Envoy does not answer")
}

func TestRestartsWhatDies(t *testing.T) {
	port := freePort(t)
	r := run(t, Supervisor{Bootstrap: bootstrap(port, serve(t, func(w http.ResponseWriter, _ *http.Request) {}))})
	waitFor200(t, port)
	// Kill the Envoy of this test: the one that was given this port.
	if err := killListener(port); err != nil {
		t.Fatal(err)
	}
	waitFor200(t, port)
	r.cancel()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if status, err := get(port); err == nil {
		t.Errorf("Envoy still answers %d", status)
	}
}

// killListener kills the child of this process whose command line names a file that
// holds the port.
func killListener(port int) error {
	out, err := exec.Command("sh", "-c", fmt.Sprintf(
		`for p in /proc/[0-9]*; do c=$(tr '\0' ' ' <$p/cmdline 2>/dev/null); f=$(echo "$c" | sed -n 's/.* -c \([^ ]*\).*/\1/p'); [ -n "$f" ] && grep -q 'port_value: %d}' "$f" 2>/dev/null && basename $p; done; true`, port)).Output()
	if err != nil {
		return err
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil {
		return fmt.Errorf("no process for port %d", port)
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

func TestDrainsBeforeItStops(t *testing.T) {
	port := freePort(t)
	arrived := make(chan struct{})
	r := run(t, Supervisor{Bootstrap: bootstrap(port, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		time.Sleep(700 * time.Millisecond)
		io.WriteString(w, "done")
	}))})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			break
		}
	}
	result := make(chan error, 1)
	go func() {
		status, err := get(port)
		if err == nil && status != 200 {
			err = fmt.Errorf("status %d", status)
		}
		result <- err
	}()
	<-arrived
	r.cancel()
	if err := <-result; err != nil {
		t.Errorf("the request under way was cut: %v", err)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestTellsWhyEnvoyDoesNotStart(t *testing.T) {
	var log bytes.Buffer
	s := Supervisor{Path: envoytest.Binary(t), Bootstrap: []byte("no_such_field: 1\n"), Log: slog.New(slog.NewTextHandler(&log, nil))}
	err := s.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no_such_field") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "no_such_field") {
		t.Errorf("log: %s", log.String())
	}
}

func TestFindSaysWhatToDo(t *testing.T) {
	t.Setenv("ENVOY", "")
	t.Setenv("PATH", "")
	t.Chdir("/")
	if path, err := Find(""); err == nil {
		t.Skipf("there is an Envoy beside the test binary: %s", path)
	} else if !strings.Contains(err.Error(), "make envoy") {
		t.Error(err)
	}
	if _, err := Find("/no/such/envoy"); err == nil || !strings.Contains(err.Error(), "--envoy") {
		t.Error(err)
	}
}
