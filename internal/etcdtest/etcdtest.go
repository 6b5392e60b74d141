// Package etcdtest runs etcd servers for tests: the real program, built from the module
// that the embedded server is of.
package etcdtest

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// Cluster is a cluster of etcd, each member a process.
type Cluster struct {
	Members []*Member
}

// Member is a server.
type Member struct {
	// Endpoint is its URL for clients.
	Endpoint string

	t       testing.TB
	args    []string
	process *proctest.Process
}

// Start starts a cluster of so many members, with more arguments for each, and waits
// until they serve.
func Start(t testing.TB, members int, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{}
	var all, peers []string
	for i := range members {
		peer := fmt.Sprintf("http://127.0.0.1:%d", proctest.FreePort(t))
		peers = append(peers, peer)
		all = append(all, fmt.Sprintf("m%d=%s", i, peer))
	}
	dir := t.TempDir()
	for i, peer := range peers {
		m := &Member{t: t, Endpoint: fmt.Sprintf("http://127.0.0.1:%d", proctest.FreePort(t))}
		name := fmt.Sprintf("m%d", i)
		m.args = append([]string{
			"--name", name, "--data-dir", filepath.Join(dir, name), "--log-level", "error",
			"--listen-client-urls", m.Endpoint, "--advertise-client-urls", m.Endpoint,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
			"--initial-cluster", strings.Join(all, ","), "--initial-cluster-token", filepath.Base(dir),
			"--heartbeat-interval", "50", "--election-timeout", "500",
		}, args...)
		c.Members = append(c.Members, m)
	}
	for _, m := range c.Members {
		m.process = proctest.Start(t, exec.Command(program(t), m.args...))
	}
	for _, m := range c.Members {
		m.await()
	}
	return c
}

func program(t testing.TB) string { return proctest.Program(t, "go.etcd.io/etcd/server/v3") }

// Endpoints are all URLs for clients, with commas between.
func (c *Cluster) Endpoints() string {
	var all []string
	for _, m := range c.Members {
		all = append(all, m.Endpoint)
	}
	return strings.Join(all, ",")
}

// Kill ends the member without a warning.
func (m *Member) Kill() { m.process.Kill() }

// Restart starts a member again that was killed.
func (m *Member) Restart() {
	m.t.Helper()
	m.process = proctest.Start(m.t, exec.Command(program(m.t), m.args...))
	m.await()
}

func (m *Member) await() {
	m.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Endpoint+"/health", nil)
		if err != nil {
			m.t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		cancel()
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			m.t.Fatalf("etcd does not serve: %v\n%s", err, m.process.Output())
		}
	}
}
