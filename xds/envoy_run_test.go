package xds_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/xds"
)

// envoy is a running Envoy that was started with our bootstrap.
type envoy struct {
	t     testing.TB
	admin string
	log   string
}

// startEnvoy runs an Envoy of the gateway "edge" until the test ends.
func startEnvoy(t testing.TB, o xds.BootstrapOptions) *envoy {
	t.Helper()
	binary, dir := envoytest.Binary(t), t.TempDir()
	o.NodeID, o.Gateway, o.Admin = "envoy-1", "edge", "127.0.0.1:0"
	b, err := xds.Bootstrap(o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := xds.BootstrapYAML(b)
	if err != nil {
		t.Fatal(err)
	}
	config, adminFile := filepath.Join(dir, "envoy.yaml"), filepath.Join(dir, "admin")
	e := &envoy{t: t, log: filepath.Join(dir, "envoy.log")}
	write(t, config, text)
	cmd := exec.Command(binary, "-c", config, "--use-dynamic-base-id", "--concurrency", "1",
		"--admin-address-path", adminFile, "--log-path", e.log, "--drain-time-s", "1", "-l", "warning")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stopping Envoy: %v", err)
		}
		select {
		case <-exited:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-exited
		}
		if t.Failed() {
			text, _ := os.ReadFile(e.log)
			t.Logf("Envoy:\n%s%s", out.Bytes(), text)
		}
	})
	eventually(t, "Envoy's admin interface listens", func() bool {
		address, err := os.ReadFile(adminFile)
		e.admin = "http://" + string(address)
		return err == nil && len(address) > 0
	})
	return e
}

// freePort is one that was free a moment ago.
func freePort(t testing.TB) uint32 {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	return uint32(lis.Addr().(*net.TCPAddr).Port)
}

// backend answers everything with a text.
func backend(t testing.TB, text string) uint32 {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, text)
	})}
	go func() { _ = srv.Serve(lis) }()
	t.Cleanup(func() { _ = srv.Close() })
	return uint32(lis.Addr().(*net.TCPAddr).Port)
}

// get asks as a client of a host would: "200 text".
func get(client *http.Client, port uint32, host, path string) string {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		return err.Error()
	}
	req.Host = host
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}

// stat reads one counter of Envoy's.
func (e *envoy) stat(name string) (value int) {
	e.t.Helper()
	resp, err := http.Get(e.admin + "/stats?format=json&filter=^" + name + "$")
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var doc struct{ Stats []struct{ Value int } }
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		e.t.Fatal(err)
	}
	for _, s := range doc.Stats {
		value += s.Value
	}
	return value
}

func served(t testing.TB, port uint32, host, path, want string) {
	t.Helper()
	var got string
	eventually(t, fmt.Sprintf("%s%s answers %q", host, path, want), func() bool {
		got = get(http.DefaultClient, port, host, path)
		return got == want
	})
}
