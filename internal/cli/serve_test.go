package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// petstore is a definition with one route to a backend.
func petstore(port int, backend string) map[string]string {
	return map[string]string{
		"gatehouse.yaml": fmt.Sprintf(`gateways:
  - name: edge
    listeners:
      - {port: %d, address: 127.0.0.1}
apis:
  - name: petstore
    definition: petstore.openapi.yaml
    stages:
      - name: v1
`, port),
		"petstore.openapi.yaml": fmt.Sprintf(`openapi: 3.0.1
info: {title: petstore, version: "1"}
paths:
  /pets:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: GET
        uri: %s/pets
`, backend),
	}
}

// daemon is a serve or run in this process.
type daemon struct {
	t   *testing.T
	out *lines
	log *lines
	// status is the URL of its status server.
	status string
	ended  chan int
	stop   context.CancelFunc
}

// startDaemon starts a command that goes on until it is stopped, and waits until
// it serves.
func startDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := launch(t, args...)
	d.status = d.logged("serving")["status"].(string)
	return d
}

func launch(t *testing.T, args ...string) *daemon {
	t.Helper()
	return launchAt(t, append(args, "--xds-address", "127.0.0.1:0")...)
}

// launchAt leaves it to the arguments where Envoys connect to.
func launchAt(t *testing.T, args ...string) *daemon {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &daemon{t: t, out: newLines(), log: newLines(), ended: make(chan int, 1), stop: cancel}
	args = append(args, "--log-format", "json", "--http-address", "127.0.0.1:0")
	go func() {
		code := Main(ctx, args, Streams{In: strings.NewReader(""), Out: d.out, Err: d.log})
		d.ended <- code
		close(d.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-d.ended
		if t.Failed() {
			t.Logf("the log of %v:\n%s", args, d.log)
		}
	})
	return d
}

// logged waits for a message in the log, and gives its attributes.
func (d *daemon) logged(message string) map[string]any {
	d.t.Helper()
	line := d.await(d.log, fmt.Sprintf(`"msg":%q`, message))
	var entry map[string]any
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		d.t.Fatalf("%s: %v", line, err)
	}
	return entry
}

// await waits for a line that holds a text.
func (d *daemon) await(in *lines, text string) string {
	d.t.Helper()
	line, ok := in.await(text, 20*time.Second)
	if !ok {
		d.t.Fatalf("no %s in:\n%s", text, d.log)
	}
	return line
}

// statusUntil asks for the status until it is as wanted.
func (d *daemon) statusUntil(what string, ok func(statusJSON) bool) statusJSON {
	d.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		var s statusJSON
		code, body := get(d.t, d.status)
		if err := json.Unmarshal([]byte(body), &s); err != nil || code != http.StatusOK {
			d.t.Fatalf("%d %s: %v", code, body, err)
		}
		if ok(s) {
			return s
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("waiting until %s: %s", what, body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// exit stops the daemon, and gives its exit code.
func (d *daemon) exit() int {
	d.stop()
	return <-d.ended
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestServeAppliesChangesAndKeepsWhatIsGood(t *testing.T) {
	contents := petstore(8080, "http://127.0.0.1:9101")
	dir := files(t, contents)
	d := startDaemon(t, "serve", "--data-dir", t.TempDir(), dir)
	base := strings.TrimSuffix(d.status, "/status")
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := get(t, base+path); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	first := d.statusUntil("it serves", func(s statusJSON) bool { return s.InForce }).Serving.Revision

	config := filepath.Join(dir, "gatehouse.yaml")
	write(t, config, contents["gatehouse.yaml"]+"    colour: red\n")
	s := d.statusUntil("the mistake shows", func(s statusJSON) bool { return !s.InForce })
	if s.Serving.Revision != first || s.Latest.State != "failed" || len(s.Latest.Diagnostics) != 1 || s.Latest.Diagnostics[0].Line != 10 {
		t.Errorf("serving %+v, latest %+v", s.Serving, s.Latest)
	}

	write(t, config, strings.ReplaceAll(contents["gatehouse.yaml"], "v1", "v2"))
	d.statusUntil("the mended definitions are served", func(s statusJSON) bool { return s.InForce && s.Serving.Revision != first })
	if _, body := get(t, base+"/metrics"); !strings.Contains(body, "gatehouse_revision_last_apply_success 1") {
		t.Errorf("metrics:\n%s", body)
	}
	if code := d.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestServeReadsAgainOnHangup(t *testing.T) {
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	d := startDaemon(t, "serve", "--data-dir", t.TempDir(), dir)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.logged("reading the definitions again, as SIGHUP asks")
	d.logged("the definitions are those that are served")
	d.statusUntil("nothing changes", func(s statusJSON) bool { return s.InForce && len(s.History) == 1 })
}

func TestServeSaysWhichAddressIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	for _, flag := range []string{"--http-address", "--xds-address"} {
		args := []string{"serve", "--data-dir", t.TempDir(), "--http-address", "127.0.0.1:0", "--xds-address", "127.0.0.1:0", flag, taken.Addr().String(), dir}
		if got := command(t, args...); got.code != exitProblems || !strings.Contains(got.err, "in use") || !strings.Contains(got.err, flag) {
			t.Errorf("%s: %+v", flag, got)
		}
	}
}

// TestServeSaysWhichOwnAddressIsTaken blames no other program for an address that two flags
// name.
func TestServeSaysWhichOwnAddressIsTaken(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	own := namedSocket{"--integration-address", socket}
	port := socket.Addr().(*net.TCPAddr).Port
	for host, whose := range map[string]string{"127.0.0.1": own.flag, "localhost": own.flag, "": own.flag} {
		_, err := listen("--http-address", fmt.Sprintf("%s:%d", host, port), own)
		if err == nil || !strings.Contains(err.Error(), "--http-address") || !strings.Contains(err.Error(), whose) || strings.Contains(err.Error(), "another program") {
			t.Errorf("%q: %v", host, err)
		}
	}
	if sameSocket(socket.Addr(), fmt.Sprintf("127.0.0.2:%d", port)) || sameSocket(socket.Addr(), fmt.Sprintf("127.0.0.1:%d", port+1)) {
		t.Error("an address beside it is taken for its own")
	}
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	free := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	got := command(t, "serve", "--data-dir", t.TempDir(), "--xds-address", free, "--integration-address", "127.0.0.1:0", "--http-address", free, dir)
	if got.code != exitProblems || !strings.Contains(got.err, "--http-address "+free+" is where --xds-address is") {
		t.Errorf("%+v", got)
	}
}

func TestServeEndsWhenThereIsNothingToServe(t *testing.T) {
	dir := files(t, map[string]string{"gatehouse.yaml": "gateways: nonsense\n"})
	d := launch(t, "serve", "--data-dir", t.TempDir(), dir)
	if code := <-d.ended; code != exitProblems || !strings.Contains(d.log.String(), "gatehouse.yaml:1:") {
		t.Errorf("exit code %d:\n%s", code, d.log)
	}
}

// lines collects output, and lets others wait for a line of it.
type lines struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) await(text string, patience time.Duration) (string, bool) {
	timeout := time.After(patience)
	for {
		l.mu.Lock()
		all, changed := l.text.String(), l.changed
		l.mu.Unlock()
		for scanner := bufio.NewScanner(strings.NewReader(all)); scanner.Scan(); {
			if strings.Contains(scanner.Text(), text) {
				return scanner.Text(), true
			}
		}
		select {
		case <-changed:
		case <-timeout:
			return "", false
		}
	}
}
