// Package browser opens the dashboard and a portal in a real Chromium, with traffic through a real
// Envoy, and holds that it shows what happened.
package browser

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// served is a running gatehouse with the petstore behind it.
type served struct {
	t *testing.T
	// definitions is the folder of what is served.
	definitions string
	// gateway is where clients call, dashboard the first page.
	gateway, dashboard string
	run                *proctest.Process
}

// serve starts it all, and waits until Envoy serves.
func serve(t *testing.T) *served {
	t.Helper()
	ports := []string{strconv.Itoa(proctest.FreePort(t)), strconv.Itoa(proctest.FreePort(t)), strconv.Itoa(proctest.FreePort(t))}
	for i, name := range []string{"blue", "green"} {
		backend := proctest.Start(t, exec.Command(proctest.Program(t, "./examples/petstore/backend"), "-name", name, "-addr", "127.0.0.1:"+ports[i+1]))
		backend.Await(&http.Client{Timeout: time.Second}, "http://127.0.0.1:"+ports[i+1]+"/healthz")
	}
	s := &served{t: t, definitions: t.TempDir(), gateway: "http://localhost:" + ports[0]}
	put := strings.NewReplacer("port: 8080", "port: "+ports[0], ":9101", ":"+ports[1], ":9102", ":"+ports[2])
	files, err := filepath.Glob(filepath.Join(proctest.Root(t), "examples/petstore/*.openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(proctest.Root(t), "examples/usage-plans/pets.openapi.yaml"), "testdata/gatehouse.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.write(filepath.Base(file), put.Replace(string(text)))
	}
	s.write("own-prices.txt", "{name: own, currency: EUR, prices: [{meter: calls, per: 1000, tiers: [{price: 0.25}]}]}")
	s.run = proctest.Start(t, exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t),
		"--http-address", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(),
		"--prices", "aws,"+filepath.Join(s.definitions, "own-prices.txt"), s.definitions))
	status := regexp.MustCompile(`status=(http://\S+)/status`).FindStringSubmatch(s.run.AwaitOutput("msg=serving", "status="))
	if status == nil {
		t.Fatal(s.run.Output())
	}
	s.dashboard = status[1] + "/dashboard/"
	s.run.AwaitOutput("revision acknowledged by every envoy")
	return s
}

func (s *served) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.definitions, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// change replaces a text in a file of definitions.
func (s *served) change(name, old, new string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.definitions, name))
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		s.t.Fatalf("%s has no %q", name, old)
	}
	s.write(name, strings.Replace(string(text), old, new, 1))
}

// call sends a request so many times, each of which has to end with one of the statuses.
func (s *served) call(times int, path, key string, statuses ...int) {
	s.t.Helper()
	client := &http.Client{Timeout: proctest.Patience}
	for range times {
		r, err := http.NewRequest(http.MethodGet, s.gateway+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if key != "" {
			r.Header.Set("x-api-key", key)
		}
		resp, err := client.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if good := map[int]bool{}; true {
			for _, status := range statuses {
				good[status] = true
			}
			if !good[resp.StatusCode] {
				s.t.Fatalf("%s: %d, want one of %v", path, resp.StatusCode, statuses)
			}
		}
	}
}
