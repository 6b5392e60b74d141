package exampletest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// scratch holds what the tests build, for as long as they run.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "exampletest-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var (
	buildMu sync.Mutex
	built   = map[string]bool{}
)

// program builds a command of this module once and gives the binary's path.
func program(t *testing.T, pkg string) string {
	t.Helper()
	buildMu.Lock()
	defer buildMu.Unlock()
	path := filepath.Join(scratch, filepath.Base(pkg))
	if built[pkg] {
		return path
	}
	args := append([]string{"build"}, raceFlags...)
	cmd := exec.Command("go", append(args, "-o", path, pkg)...)
	cmd.Dir = root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	built[pkg] = true
	return path
}

func gatehouse(t *testing.T) string { return program(t, "./cmd/gatehouse") }

// backend is the petstore behind the examples.
func backend(t *testing.T) string { return program(t, "./examples/petstore/backend") }

// freePorts gives ports that nothing listens on, all different.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

// copyExample copies the definitions of an example to a folder of the test's own,
// with old texts replaced by new ones in the YAML files.
func copyExample(t *testing.T, dir string, oldNew ...string) string {
	t.Helper()
	target := t.TempDir()
	replacer := strings.NewReplacer(oldNew...)
	for _, pattern := range []string{"*.yaml", "*.json"} {
		files, err := filepath.Glob(filepath.Join(root(t), dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(file) == ".yaml" {
				text = []byte(replacer.Replace(string(text)))
			}
			if err := os.WriteFile(filepath.Join(target, filepath.Base(file)), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return target
}

// process is a program that runs for the length of a test.
type process struct {
	cmd    *exec.Cmd
	output *lockedBuffer
	ended  chan struct{}
	err    error
}

// start runs a program until the test ends; its output is shown if the test fails.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, output: &lockedBuffer{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("output of %s:\n%s", cmd, p.output)
		}
	})
	return p
}

// stop asks the program to end, as a terminal or a service manager would.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("%s did not end within 30 s of SIGTERM", p.cmd)
	}
}

// await waits until the URL answers 200, as long as the program runs.
func (p *process) await(t *testing.T, client *http.Client, url string) {
	t.Helper()
	var last error
	for range 300 {
		resp, err := client.Get(url)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("status %s", resp.Status)
		}
		last = err
		select {
		case <-p.ended:
			t.Fatalf("%s ended: %v", p.cmd, p.err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not answer 200 within 30 s: %v", url, last)
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
}

func send(t *testing.T, client *http.Client, req *http.Request) answer {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer to %s: %v", req.URL, err)
	}
	return answer{resp, string(body)}
}

// request makes a request; headers are names and values in turn, of which Host is one.
func request(t *testing.T, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	return req
}

// missing ends a test that lacks a tool: skipped aloud, but an error in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and CI=true skips nothing", what)
	}
	t.Skip("NOT TESTED: " + what)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
