package fault

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/etcdtest"
	"gatehouse/internal/proctest"
)

// managed calls the management API of a running gatehouse.
type managed struct {
	client *http.Client
	base   string
}

func (m managed) call(method, path, body string, into any) (status int, errorType string) {
	r, err := http.NewRequest(method, m.base+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	answer, err := m.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	if into != nil && answer.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			return 0, err.Error()
		}
	}
	return answer.StatusCode, answer.Header.Get("X-Amzn-Errortype")
}

// create makes an API, and gives its id if that was acknowledged.
func (m managed) create(name string) (id string, ok bool) {
	var api struct{ ID string }
	status, _ := m.call("POST", "/restapis", fmt.Sprintf(`{"name":%q}`, name), &api)
	return api.ID, status == http.StatusCreated
}

func (m managed) has(id string) bool {
	status, _ := m.call("GET", "/restapis/"+id, "", nil)
	return status == http.StatusOK
}

func managing(g *gatehouse) managed {
	return managed{&http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, g.base}
}

// launchManaged starts a control plane without definitions.
func launchManaged(t *testing.T, args ...string) *gatehouse {
	t.Helper()
	cmd := exec.Command(proctest.Gatehouse(t), append([]string{"serve", "--xds-address", "127.0.0.1:0"}, args...)...)
	cmd.Dir = t.TempDir()
	return launchCommand(t, cmd)
}

// writers create APIs until there are n, and give those that were acknowledged.
func writers(n int, to func(i int) managed, after func(acknowledged int)) []string {
	var mu sync.Mutex
	var ids []string
	var next atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n {
					return
				}
				id, ok := to(i).create(fmt.Sprint("api ", i))
				if !ok {
					continue
				}
				mu.Lock()
				ids = append(ids, id)
				acknowledged := len(ids)
				mu.Unlock()
				after(acknowledged)
			}
		})
	}
	group.Wait()
	return ids
}

// TestManagementIsKilledAmidWrites kills a control plane while a thousand APIs are
// created: those that were acknowledged are there when it is back.
func TestManagementIsKilledAmidWrites(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	g := launchManaged(t, "--data-dir", data).serving()
	m := managing(g)
	var once sync.Once
	acknowledged := writers(1000, func(int) managed { return m }, func(n int) {
		if n >= 500 {
			once.Do(g.Kill)
		}
	})
	if len(acknowledged) < 500 || len(acknowledged) >= 1000 {
		t.Fatalf("%d writes were acknowledged, of a thousand that were cut off in the middle", len(acknowledged))
	}
	again := managing(launchManaged(t, "--data-dir", data).serving())
	for _, id := range acknowledged {
		if !again.has(id) {
			t.Errorf("the API %s was acknowledged, and is lost", id)
		}
	}
	if _, ok := again.create("afterwards"); !ok {
		t.Error("nothing can be written any more")
	}
}

// TestMemberOfEtcdIsKilled has three control planes on three members of etcd, of which one
// is killed amid writes to all: what any of them has acknowledged, all of them have.
func TestMemberOfEtcdIsKilled(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 3)
	var planes []managed
	for range 3 {
		planes = append(planes, managing(launchManaged(t, "--data-dir", t.TempDir(), "--etcd-endpoints", cluster.Endpoints()).serving()))
	}
	var once sync.Once
	var late atomic.Int64
	acknowledged := writers(600, func(i int) managed { return planes[i%3] }, func(n int) {
		if n >= 200 {
			once.Do(cluster.Members[0].Kill)
		}
		if n > 400 {
			late.Add(1)
		}
	})
	if late.Load() == 0 {
		t.Fatalf("only %d writes were acknowledged: two members of three are enough", len(acknowledged))
	}
	for i, plane := range planes {
		for _, id := range acknowledged {
			if !plane.has(id) {
				t.Errorf("the API %s was acknowledged, and the control plane %d does not have it", id, i)
			}
		}
	}
}

// TestManagementApart has a process that takes calls, and one that serves Envoys: both make
// the same revision of what is stored.
func TestManagementApart(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 1)
	taking := launchManaged(t, "--roles", "management", "--data-dir", t.TempDir(), "--etcd-endpoints", cluster.Endpoints()).serving()
	serving := launchManaged(t, "--roles", "xds,extauthz,ratelimit,integration", "--data-dir", t.TempDir(), "--etcd-endpoints", cluster.Endpoints()).serving()
	before := serving.status().Serving.Revision
	var api struct{ ID string }
	m := managing(taking)
	const document = `{"openapi":"3.0.1","info":{"title":"pets","version":"1"},"paths":{"/pets":{"get":{"x-amazon-apigateway-integration":{"type":"http_proxy","httpMethod":"GET","uri":"http://127.0.0.1:9101/pets"}}}}}`
	if status, problem := m.call("POST", "/restapis?mode=import", document, &api); status != http.StatusCreated {
		t.Fatalf("importing: %d %s", status, problem)
	}
	if status, problem := m.call("POST", "/restapis/"+api.ID+"/deployments", `{"stageName":"prod"}`, nil); status != http.StatusCreated {
		t.Fatalf("deploying: %d %s", status, problem)
	}
	serving.statusUntil("what is stored is served", func(s status) bool { return s.Serving.Revision != before })
	want := serving.status().Serving.Revision
	taking.statusUntil("both have the same revision", func(s status) bool { return s.Serving.Revision == want })
	if status, _ := managing(serving).call("GET", "/restapis", "", nil); status != http.StatusNotFound {
		t.Errorf("a process without the role management answers %d", status)
	}
}

// TestEtcdIsGone takes etcd away from a control plane with an Envoy. What is served is
// served on, also after a restart; nothing can be written until etcd is back.
func TestEtcdIsGone(t *testing.T) {
	t.Parallel()
	binary := envoytest.Binary(t)
	backend := backendNamed(t, "one")
	cluster := etcdtest.Start(t, 1)
	port, data := proctest.FreePort(t), t.TempDir()
	dir := t.TempDir()
	definition := fmt.Sprintf("gateways:\n  - name: edge\n    listeners: [{address: 127.0.0.1, port: %d}]\n", port)
	if err := os.WriteFile(filepath.Join(dir, "gatehouse.yaml"), []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() (*gatehouse, managed) {
		g := launch(t, "run", "--envoy", binary, "--admin", "127.0.0.1:0", "--data-dir", data, "--etcd-endpoints", cluster.Endpoints(), dir).serving()
		return g, managing(g)
	}
	client := &http.Client{Timeout: 5 * time.Second}
	fetch := func(api string) int {
		r, err := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d/restapis/%s/prod/_user_request_/pets", port, api), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			return 0
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	served := func(g *gatehouse, api string) {
		t.Helper()
		g.Until("the API "+api+" is served", func() bool { return fetch(api) == http.StatusOK }, func() string { return fmt.Sprint(fetch(api)) })
	}
	deploy := func(m managed) (api string) {
		t.Helper()
		document := fmt.Sprintf(`{"openapi":"3.0.1","info":{"title":"pets","version":"1"},"paths":{"/pets":{"get":{"x-amazon-apigateway-integration":{"type":"http_proxy","httpMethod":"GET","uri":"http://%s/pets"}}}}}`, backend)
		var created struct{ ID string }
		if status, problem := m.call("POST", "/restapis?mode=import", document, &created); status != http.StatusCreated {
			t.Fatalf("importing: %d %s", status, problem)
		}
		if status, problem := m.call("POST", "/restapis/"+created.ID+"/deployments", `{"stageName":"prod"}`, nil); status != http.StatusCreated {
			t.Fatalf("deploying: %d %s", status, problem)
		}
		return created.ID
	}

	g, m := start()
	api := deploy(m)
	served(g, api)
	g.Until("the revision is kept", func() bool {
		s := g.status()
		return s.Serving != nil && s.Serving.State == "acked"
	}, func() string { return fmt.Sprint(g.status().Serving) })
	time.Sleep(500 * time.Millisecond) // it is written beside what is served

	cluster.Members[0].Kill()
	if status, problem := m.call("POST", "/restapis", `{"name":"no"}`, nil); status != http.StatusServiceUnavailable || problem != "ServiceUnavailableException" {
		t.Errorf("a write without etcd is answered %d %s", status, problem)
	}
	if !m.has(api) {
		t.Error("reads are not answered without etcd")
	}
	if status := fetch(api); status != http.StatusOK {
		t.Errorf("without etcd Envoy answers %d", status)
	}
	// A control plane that starts without etcd serves what was served last.
	g.Stop()
	g, m = start()
	served(g, api)

	cluster.Members[0].Restart()
	g.Until("writes are taken again", func() bool { _, ok := m.create("again"); return ok }, g.Output)
	served(g, api)
	served(g, deploy(m))
	if !slices.ContainsFunc(g.status().History, func(r record) bool { return r.Origin == "files" }) {
		t.Error("what is stored was not loaded again")
	}
}
