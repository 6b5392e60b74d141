package exampletest

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gatehouse/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// backend is the petstore behind the examples.
func backend(t *testing.T) string {
	t.Helper()
	return proctest.Program(t, "./examples/petstore/backend")
}

// freePorts gives ports that nothing listens on, all different.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		ports = append(ports, strconv.Itoa(proctest.FreePort(t)))
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
		files, err := filepath.Glob(filepath.Join(proctest.Root(t), dir, pattern))
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
