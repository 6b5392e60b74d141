package fault

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/otlptest"
	"gatehouse/internal/proctest"
)

// statistic is a counter of Envoy's.
func (e *envoy) statistic(t *testing.T, name string) float64 {
	t.Helper()
	_, body, err := get(e.admin + "/stats?filter=" + name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// How many requests an Envoy has told about, or is about to, and how many it could not.
const (
	logsWritten = "access_logs.open_telemetry_access_log.logs_written"
	logsDropped = "access_logs.open_telemetry_access_log.logs_dropped"
)

// TestTelemetryGone has a process that only writes access logs and counts. It is killed,
// comes back, and hangs; Envoy serves all the while, keeps little, and counts what it could
// not tell. One of
// the logs goes to a disk that is full all the time, another to a collector that hangs.
func TestTelemetryGone(t *testing.T) {
	t.Parallel()
	address, port := localPort(t), proctest.FreePort(t)
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "access.log")
	write(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}]
    telemetry: true
    services: {telemetry: %q}
apis:
  - name: shop
    protocol: HTTP
    definition: shop.openapi.yaml
    backend: "http://%s"
    stages:
      - {name: good, accessLog: {format: "$context.requestId $context.status", destination: %q}}
      - {name: full, accessLog: {format: "$context.requestId $context.status", destination: /dev/full}}
      - {name: sent, accessLog: {format: "$context.requestId $context.status", destination: otlp}}
`, port, address, backendNamed(t, "one"), file))
	write(t, filepath.Join(dir, "shop.openapi.yaml"), `{openapi: 3.0.1, info: {title: shop, version: "1"}, paths: {/things: {get: {responses: {"200": {description: ok}}}}}}`)
	url := func(stage string) string {
		return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/shop/%s/things", port, stage)
	}
	xdsAddress := localPort(t)
	collector := otlptest.Start(t)
	serve := func() *gatehouse {
		return launch(t, "serve", "--roles", "telemetry", "--xds-address", address, "--otlp-endpoint", "http://"+collector.Address.String(), "--data-dir", t.TempDir(), dir).serving()
	}
	g := serve()
	launch(t, "serve", "--roles", "xds", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), dir).serving()
	e := startEnvoy(t, "envoy", "edge", xdsAddress)
	awaitAnswer(t, url("good"), "one")
	ask := func(stage string, n int) {
		t.Helper()
		for range n {
			if code, body, err := get(url(stage)); code != 200 || body != "one" {
				t.Fatalf("%d %s %v", code, body, err)
			}
		}
	}
	ask("good", 9)
	ask("full", 5)
	ask("sent", 7)
	lines := func() int {
		text, _ := os.ReadFile(file)
		return strings.Count(string(text), "\n")
	}
	// awaitAnswer's own are there, too.
	eventually(t, "requests are logged", func() bool { return lines() >= 10 })
	eventually(t, "lost lines are counted", func() bool {
		return g.metric("gatehouse_telemetry_log_lines_total", `destination="/dev/full",result="lost"`) == 5
	})
	if got := g.metric("gatehouse_telemetry_log_lines_total", fmt.Sprintf(`destination=%q,result="written"`, file)); got != float64(lines()) {
		t.Errorf("%v lines were written, and there are %d", got, lines())
	}
	if got := g.metric("gatehouse_apigateway_count_total", `stage="full"`); got != 5 {
		t.Errorf("%v requests were counted, want 5", got)
	}
	g.AwaitOutput("no space left on device")
	eventually(t, "lines are sent to the collector", func() bool { return len(collector.Logs()) == 7 })
	for _, r := range collector.Logs() {
		if !strings.HasSuffix(r.GetBody().GetStringValue(), " 200") || len(r.GetAttributes()) != 3 {
			t.Errorf("a record is %v", r)
		}
	}
	// Envoy tells about many at once, each of its two threads every second: they are some 300
	// bytes each, and 16 KiB is its default.
	const messages = "cluster.gw-telemetry.upstream_rq_total"
	told, began := e.statistic(t, messages), time.Now()
	ask("good", 1500)
	eventually(t, "Envoy has told about all", func() bool {
		return g.metric("gatehouse_apigateway_count_total", `stage="good"`) >= 1500
	})
	if told, most := e.statistic(t, messages)-told, 3+2*time.Since(began).Seconds(); told > most {
		t.Errorf("Envoy tells about 1500 requests in %v messages, want %v at most", told, most)
	}

	// One that hangs holds up nothing but its own lines.
	collector.Hang(true)
	ask("sent", 3)
	before := lines()
	ask("good", 2)
	eventually(t, "others are logged", func() bool { return lines() == before+2 })
	collector.Hang(false)
	eventually(t, "lines are sent again", func() bool { return len(collector.Logs()) == 10 })

	dropped := func() float64 { return e.statistic(t, logsDropped) }
	before = lines()
	g.Kill()
	eventually(t, "Envoy drops what it cannot tell", func() bool {
		ask("good", 20)
		return dropped() > 0
	})
	g = serve()
	eventually(t, "requests are logged again", func() bool {
		ask("good", 1)
		return lines() > before
	})

	g.Signal(syscall.SIGSTOP)
	was := dropped()
	// It keeps nothing for another try, which would cost memory without bound.
	eventually(t, "Envoy drops what is not taken", func() bool {
		ask("good", 20)
		return dropped() >= was+200
	})
	g.Signal(syscall.SIGCONT)
	before = lines()
	eventually(t, "requests are logged once more", func() bool {
		ask("good", 1)
		return lines() > before
	})
}

// shopLogged writes definitions of an API whose access log goes to stdout, and gives its URL.
func shopLogged(t *testing.T, dir string, port int, path string) string {
	write(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways: [{name: edge, listeners: [{port: %d, address: 127.0.0.1}], telemetry: true}]
apis:
  - name: shop
    protocol: HTTP
    definition: shop.openapi.yaml
    backend: "http://%s"
    stages: [{name: v1, accessLog: {format: $context.requestId $context.identity.userAgent}}]
`, port, backendNamed(t, "one")))
	write(t, filepath.Join(dir, "shop.openapi.yaml"), fmt.Sprintf(`{openapi: 3.0.1, info: {title: shop, version: "1"}, paths: {%s: {get: {responses: {"200": {description: ok}}}}}}`, path))
	return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/shop/v1%s", port, path)
}

// TestStdoutBreaks has who reads access logs on stdout end. Their lines are lost, counted and told
// of, and everything else goes on.
func TestStdoutBreaks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url := shopLogged(t, dir, proctest.FreePort(t), "/things")
	read, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), dir)
	cmd.Stdout = written
	g := launchCommand(t, cmd).serving()
	if err := errors.Join(read.Close(), written.Close()); err != nil {
		t.Fatal(err)
	}
	awaitAnswer(t, url, "one")
	g.Until("a line is lost", func() bool {
		return g.metric("gatehouse_telemetry_log_lines_total", `destination="stdout",result="lost"`) > 0
	}, nil)
	g.AwaitOutput("lines of a log are lost", "broken pipe")
	if code, body, err := get(url); code != 200 || body != "one" {
		t.Errorf("%d %s %v", code, body, err)
	}
	if code := g.Stop(); code != 0 {
		t.Errorf("it has ended with %d", code)
	}
}

// TestNobodyReads has nobody read a pipe that both access logs and the log of Gatehouse go to,
// until it is full. Nobody waits for it: new definitions are served, and the process ends when it
// is asked to.
func TestNobodyReads(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), proctest.FreePort(t)
	url := shopLogged(t, dir, port, "/things")
	read, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), dir)
	cmd.Stdout, cmd.Stderr = written, written
	g := launchCommand(t, cmd)
	written.Close()
	var entry struct{ Msg, Status string }
	for lines := bufio.NewScanner(read); entry.Msg != "serving" && lines.Scan(); {
		_ = json.Unmarshal(lines.Bytes(), &entry)
	}
	g.base = strings.TrimSuffix(entry.Status, "/status")
	awaitAnswer(t, url, "one")
	for range 100 {
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", strings.Repeat("u", 2<<10))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	g.Until("all requests are told of", func() bool { return g.metric("gatehouse_apigateway_count_total", `stage="v1"`) > 100 }, nil)
	awaitAnswer(t, shopLogged(t, dir, port, "/others"), "one")
	if code := g.Stop(); code != 0 {
		t.Errorf("it has ended with %d", code)
	}
}

// TestTelemetryHangs has everything hang that Envoy speaks with at the control plane's address,
// where nothing asks whether it is well. Envoy gives up each message by itself: without that it
// would keep all of them until it closes the connection, forty seconds later.
func TestTelemetryHangs(t *testing.T) {
	t.Parallel()
	port := proctest.FreePort(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf("gateways: [{name: edge, telemetry: true, listeners: [{port: %d, address: 127.0.0.1}]}]\n", port))
	address := localPort(t)
	g := launch(t, "serve", "--xds-address", address, "--data-dir", t.TempDir(), dir).serving()
	e := startEnvoy(t, "envoy", "edge", address)
	url := fmt.Sprintf("http://127.0.0.1:%d/nothing", port)
	ask := func() {
		t.Helper()
		if code, _, err := get(url); err != nil || code != 403 && code != 404 {
			t.Fatal(code, err)
		}
	}
	eventually(t, "Envoy serves", func() bool { _, _, err := get(url); return err == nil })
	eventually(t, "Envoy tells", func() bool { ask(); return e.statistic(t, logsWritten) > 0 })
	g.Signal(syscall.SIGSTOP)
	was := e.statistic(t, "cluster.gatehouse-xds.upstream_cx_destroy")
	eventually(t, "Envoy drops what is not taken", func() bool {
		ask()
		return e.statistic(t, logsDropped) > 0
	})
	if e.statistic(t, "cluster.gatehouse-xds.upstream_cx_destroy") != was {
		t.Error("it was dropped with the connection, and not before")
	}
	g.Signal(syscall.SIGCONT)
}
