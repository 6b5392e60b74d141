package websocket_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"gatehouse/integration/websocket"
)

// idleConnections are held in at most idleMegabytes of memory: 40 KB each.
const (
	idleConnections = 10_000
	idleMegabytes   = 400
)

// TestIdleConnections holds what 10,000 connections cost that have all said something
// and are idle now. The server is a process of its own, whose memory is the kernel's
// word.
func TestIdleConnections(t *testing.T) {
	if os.Getenv("GATEHOUSE_TEST_IDLE") != "" {
		serveIdle(t)
		return
	}
	if testing.Short() {
		t.Skip("10,000 connections take some seconds")
	}
	connections := idleConnections
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil && files.Cur < idleConnections+500 {
		files.Cur = min(files.Max, idleConnections+500)
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
		if connections = int(files.Cur) - 500; connections < idleConnections {
			t.Logf("only %d files can be open: %d connections", files.Cur, connections)
		}
	}
	cmd := exec.CommandContext(t.Context(), plainBinary(t), "-test.run=^TestIdleConnections$")
	cmd.Env = append(os.Environ(), "GATEHOUSE_TEST_IDLE=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	next := func() string {
		t.Helper()
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "idle: "); ok {
				return text
			}
		}
		t.Fatal("the server ended")
		return ""
	}
	address := next()
	before := residentMegabytes(t, cmd.Process.Pid)

	message, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(strings.Repeat("x", 8<<10)))))
	if err != nil {
		t.Fatal(err)
	}
	work := make(chan struct{}, connections)
	for range connections {
		work <- struct{}{}
	}
	close(work)
	failures := make(chan error, connections)
	finished := make(chan struct{})
	const workers = 16
	for range workers {
		go func() {
			defer func() { finished <- struct{}{} }()
			for range work {
				conn, err := idleClient(address, message)
				if err != nil {
					failures <- err
					return
				}
				t.Cleanup(func() { conn.Close() })
			}
		}()
	}
	for range workers {
		<-finished
	}
	select {
	case err := <-failures:
		t.Fatal(err)
	default:
	}
	fmt.Fprintln(in, "settle")
	if n := next(); n != strconv.Itoa(connections) {
		t.Fatalf("%s connections are open", n)
	}
	after := residentMegabytes(t, cmd.Process.Pid)
	t.Logf("%d idle connections: %d MB, %d before them: %.1f KB each", connections, after, before, float64(after-before)*1024/float64(connections))
	if after > idleMegabytes {
		t.Errorf("%d idle connections take %d MB, more than %d", connections, after, idleMegabytes)
	}
}

// idleClient connects, sends a message and waits for its answer.
func idleClient(address string, message []byte) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", address, 20*time.Second)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, err = fmt.Fprintf(conn, "GET /v1?token=%s HTTP/1.1\r\nHost: chat.execute-api.localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n%s", strings.Repeat("t", 500), message)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	//lint:ignore SA1019 the peer is our own gateway
	frame, err := ws.ReadFrame(in)
	if err != nil || string(frame.Payload) != "8192" {
		return nil, fmt.Errorf("heard %s: %w", frame.Payload, err)
	}
	return conn, nil
}

// plainBinary is this test without the race detector, which takes much more memory than
// what it watches.
func plainBinary(t *testing.T) string {
	t.Helper()
	if !raceDetector {
		return os.Args[0]
	}
	binary := filepath.Join(t.TempDir(), "websocket.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return binary
}

// serveIdle is the process that is measured.
func serveIdle(t *testing.T) {
	f := start(t, chat("$default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}"),
		func(o *websocket.Options) { o.Lambda = answering{} })
	fmt.Println("idle: " + f.http.Listener.Addr().String())
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	// What the garbage collector would give back sooner or later is not the connections'.
	debug.FreeOSMemory()
	fmt.Printf("idle: %d\n", len(f.Connections()))
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	f.Close(ctx)
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func residentMegabytes(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("the memory of a process is only known on Linux: %v", err)
	}
	m := residentLine.FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmRSS in %s", status)
	}
	n, _ := strconv.Atoi(string(m[1])) // they are digits
	return n / 1024
}
