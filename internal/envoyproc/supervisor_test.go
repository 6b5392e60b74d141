package envoyproc_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/envoyproc"
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

func run(t *testing.T, s envoyproc.Supervisor) *supervised {
	t.Helper()
	s.Path = cmp.Or(s.Path, envoytest.Binary(t))
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
	waitUntil(t, "Envoy answers", func() bool {
		status, _ := get(port)
		return status == 200
	})
}

func TestRestartsWhatDies(t *testing.T) {
	port := freePort(t)
	r := run(t, envoyproc.Supervisor{Bootstrap: bootstrap(port, serve(t, func(w http.ResponseWriter, _ *http.Request) {}))})
	waitFor200(t, port)
	before := processesOf(t, port)
	if len(before) != 1 {
		t.Fatalf("processes %v, want one", before)
	}
	kill(t, before[0])
	waitUntil(t, "another Envoy is there", func() bool {
		now := processesOf(t, port)
		return len(now) == 1 && now[0] != before[0]
	})
	waitFor200(t, port)
	r.cancel()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if status, err := get(port); err == nil {
		t.Errorf("Envoy still answers %d", status)
	}
}

// Who says --envoy may name a script; killing that does not kill its Envoy.
func TestEndsWhatAScriptStarted(t *testing.T) {
	port, script := freePort(t), filepath.Join(t.TempDir(), "envoy.sh")
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\n%q \"$@\"\necho ended\n", envoytest.Binary(t)), 0o700); err != nil {
		t.Fatal(err)
	}
	r := run(t, envoyproc.Supervisor{Path: script, Bootstrap: bootstrap(port, serve(t, func(http.ResponseWriter, *http.Request) {}))})
	waitFor200(t, port)
	first := processesOf(t, port)
	if len(first) != 2 {
		t.Fatalf("processes %v, want a script and an Envoy", first)
	}
	kill(t, slices.Min(first))
	waitUntil(t, "another Envoy is there, and the first is gone", func() bool {
		now := processesOf(t, port)
		return len(now) == 2 && !slices.Contains(now, first[0]) && !slices.Contains(now, first[1])
	})
	waitFor200(t, port)
	r.cancel()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if left := processesOf(t, port); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// processesOf gives the processes whose command line names a bootstrap of the port.
func processesOf(t *testing.T, port int) (pids []int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range lines {
		line, _ := os.ReadFile(file) // it may have ended
		args := strings.Split(string(line), "\x00")
		at := slices.Index(args, "-c")
		if at < 0 || at+1 == len(args) {
			continue
		}
		config, _ := os.ReadFile(args[at+1])
		if strings.Contains(string(config), fmt.Sprintf("port_value: %d}", port)) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// While a slow request ends, no new connection is taken, and one that is open gets
// an answer that closes it.
func TestDrainsBeforeItStops(t *testing.T) {
	port := freePort(t)
	arrived, answer := make(chan struct{}), make(chan struct{})
	var log bytes.Buffer
	r := run(t, envoyproc.Supervisor{Log: slog.New(slog.NewTextHandler(&log, nil)), Bootstrap: bootstrap(port, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-answer
		}
		io.WriteString(w, "done")
	}))})
	waitFor200(t, port)
	result := make(chan error, 1)
	go func() {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/slow", port))
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil && resp.StatusCode != 200 {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		result <- err
	}()
	<-arrived
	open, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	answers := bufio.NewReader(open)
	ask := func() *http.Response {
		t.Helper()
		fmt.Fprintf(open, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp
	}
	if resp := ask(); resp.StatusCode != 200 || resp.Close {
		t.Fatalf("before the end: %+v", resp)
	}

	r.cancel()
	waitUntil(t, "new connections are refused", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if resp := ask(); resp.StatusCode != 200 || !resp.Close {
		t.Errorf("an open connection goes on: %+v", resp)
	}
	close(answer)
	if err := <-result; err != nil {
		t.Errorf("the request under way was cut: %v", err)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "SIGTERM") {
		t.Errorf("our own stop is reported:\n%s", &log)
	}
}

func TestTellsWhyEnvoyDoesNotStart(t *testing.T) {
	var log bytes.Buffer
	s := envoyproc.Supervisor{Path: envoytest.Binary(t), Bootstrap: []byte("no_such_field: 1\n"), Log: slog.New(slog.NewTextHandler(&log, nil))}
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
	if path, err := envoyproc.Find(""); err == nil {
		t.Skipf("there is an Envoy beside the test binary: %s", path)
	} else if !strings.Contains(err.Error(), "make envoy") {
		t.Error(err)
	}
	if _, err := envoyproc.Find("/no/such/envoy"); err == nil || !strings.Contains(err.Error(), "--envoy") {
		t.Error(err)
	}
}
