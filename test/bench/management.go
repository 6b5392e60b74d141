package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
)

// managedAPIs is how many there are when the management API is measured.
const managedAPIs = 1000

// manager calls the management API.
type manager struct {
	client *http.Client
	base   string
}

func (m *manager) call(method, path, body string, into any) error {
	r, err := http.NewRequestWithContext(context.Background(), method, m.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := m.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text)
	case into == nil:
		return nil
	}
	return json.Unmarshal(text, into)
}

// deploy creates an API of ten routes and deploys it.
func (m *manager) deploy(name string) (id string, err error) {
	paths := map[string]any{}
	for i := range 5 {
		operation := map[string]any{"x-amazon-apigateway-integration": map[string]any{"type": "mock", "requestTemplates": map[string]string{"application/json": `{"statusCode": 200}`},
			"responses": map[string]any{"default": map[string]string{"statusCode": "200"}}}, "responses": map[string]any{"200": map[string]string{"description": "ok"}}}
		paths[fmt.Sprint("/r", i)] = map[string]any{"get": operation, "post": operation}
	}
	document, err := json.Marshal(map[string]any{"openapi": "3.0.1", "info": map[string]string{"title": name, "version": "1"}, "paths": paths})
	if err != nil {
		return "", err
	}
	var api struct{ ID string }
	if err := m.call("POST", "/restapis?mode=import", string(document), &api); err != nil {
		return "", err
	}
	return api.ID, m.call("POST", "/restapis/"+api.ID+"/deployments", `{"stageName":"prod"}`, nil)
}

// measureManagement measures what the management API is promised to do: writes, listings,
// and how long after the answer to a deployment Envoy serves it, among many others.
func measureManagement(size effort, w *tabwriter.Writer) error {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	port, status := freePort(), freePort()
	definitions := filepath.Join(dir, "gatehouse.yaml")
	listener := fmt.Sprintf("gateways: [{name: edge, listeners: [{address: 127.0.0.1, port: %d}]}]\n", port)
	if err := os.WriteFile(definitions, []byte(listener), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"="+strings.Join([]string{"run", "--http-address", fmt.Sprint("127.0.0.1:", status),
		"--admin", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--log-level", "error", definitions}, "\n"))
	var logs bytes.Buffer
	cmd.Stderr = &logs
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		// So that it stops its Envoy.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	m := &manager{&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}, fmt.Sprint("http://127.0.0.1:", status)}
	for end := time.Now().Add(20 * time.Second); m.call("GET", "/restapis", "", nil) != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("gatehouse does not serve: %s", logs.String())
		}
	}
	for i := range managedAPIs {
		if _, err := m.deploy(fmt.Sprint("api ", i)); err != nil {
			return err
		}
	}

	fmt.Fprintf(w, "management API, %d APIs\tmedian\tworst\n", managedAPIs)
	var lists []float64
	for range 4 * size.rounds {
		begin, position, seen := time.Now(), "", 0
		for {
			var page struct {
				Position string
				Item     []json.RawMessage
			}
			if err := m.call("GET", "/restapis?limit=500"+position, "", &page); err != nil {
				return err
			}
			if seen += len(page.Item); page.Position == "" {
				break
			}
			position = "&position=" + page.Position
		}
		if seen != managedAPIs {
			return fmt.Errorf("%d APIs are listed", seen)
		}
		lists = append(lists, time.Since(begin).Seconds()*1000)
	}
	fmt.Fprintf(w, "list of all, two pages\t%.1f ms\t%.1f ms\n", median(lists), slices.Max(lists))

	var served []float64
	for i := range 4 * size.rounds {
		id, err := m.deploy(fmt.Sprint("new ", i))
		if err != nil {
			return err
		}
		begin := time.Now()
		if err := m.awaitServed(port, id, begin.Add(10*time.Second)); err != nil {
			return fmt.Errorf("%w: %s", err, logs.String())
		}
		served = append(served, time.Since(begin).Seconds()*1000)
	}
	fmt.Fprintf(w, "from a deployment's answer until Envoy serves it\t%.0f ms\t%.0f ms\n", median(served), slices.Max(served))

	const writes = 4000
	var next atomic.Int64
	var group errgroup.Group
	begin := time.Now()
	for range 16 {
		group.Go(func() error {
			for next.Add(1) <= writes {
				if err := m.call("POST", "/restapis", `{"name":"api"}`, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(w, "writes (CreateRestApi), 16 callers\t%.0f/s\t\n", writes/time.Since(begin).Seconds())
	return nil
}

// awaitServed waits until a request to a new API is answered 200.
func (m *manager) awaitServed(port int, id string, end time.Time) error {
	for {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/prod/r1", port), nil)
		if err != nil {
			return err
		}
		r.Host = id + ".execute-api.localhost"
		answer, err := m.client.Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("the API %s is not served", id)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
