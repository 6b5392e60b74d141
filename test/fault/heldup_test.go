package fault

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/proctest"
)

// deploy makes an API of one path, and serves it at the stage prod.
func (m managed) deploy(t *testing.T, backend, path string) (api string) {
	t.Helper()
	var created struct{ ID string }
	document := fmt.Sprintf(`{"openapi":"3.0.1","info":{"title":"pets","version":"1"},"paths":{%q:{"get":{"x-amazon-apigateway-integration":{"type":"http_proxy","httpMethod":"GET","uri":"http://%s/pets"}}}}}`, path, backend)
	if status, problem := m.call("POST", "/restapis?mode=import", document, &created); status != http.StatusCreated {
		t.Fatalf("importing: %d %s", status, problem)
	}
	if status, problem := m.call("POST", "/restapis/"+created.ID+"/deployments", `{"stageName":"prod"}`, nil); status != http.StatusCreated {
		t.Fatalf("deploying: %d %s", status, problem)
	}
	return created.ID
}

// stored is where an API that is stored answers.
func (s *site) stored(api, path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/%s/prod%s", s.Port, api, path)
}

func warned(s status, code, file string) bool {
	return s.Latest != nil && slices.ContainsFunc(s.Latest.Diagnostics, func(d diagnostic) bool {
		return d.Code == code && strings.HasPrefix(d.File, file)
	})
}

// TestRefusedFilesHoldUpNothingStored has Envoy refuse what files say, a port that another
// program has. What the management API is told goes on beside the files as they were, and
// the files are served when they are mended.
func TestRefusedFilesHoldUpNothingStored(t *testing.T) {
	t.Parallel()
	backend := backendNamed(t, "one")
	s := newSite(t, backend)
	g := startRun(t, s)
	m := managing(g)
	awaitAnswer(t, s.stored(m.deploy(t, backend, "/first"), "/first"), "one")
	g.acked()

	s.ExtraPort = proctest.FreePort(t)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.ExtraPort))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.Routes = []string{"/also-new"}
	s.write(t)
	g.statusUntil("the refusal shows", func(st status) bool {
		return st.Latest.State == "rejected" && warned(st, "envoy-refused", s.path("gatehouse.yaml"))
	})
	for _, path := range []string{"/second", "/third"} {
		awaitAnswer(t, s.stored(m.deploy(t, backend, path), path), "one")
		awaitAnswer(t, s.url("/pets"), "one")
	}
	g.statusUntil("what is wrong with the files is told on", func(st status) bool {
		return st.InForce && warned(st, "files-refused", s.path("gatehouse.yaml"))
	})
	if status, _, _ := get(s.url("/also-new")); status == http.StatusOK {
		t.Error("a part of the files that were refused is served")
	}

	s.ExtraPort = 0
	s.write(t)
	awaitAnswer(t, s.url("/also-new"), "one")
	g.statusUntil("the files are in force", func(st status) bool {
		return st.InForce && st.Serving.State == "acked" && !warned(st, "files-refused", "")
	})
}

// TestRefusedStoredHoldUpNoFiles has an Envoy that takes no long regular expressions: what
// it refuses of what is stored holds up neither files nor what else is stored.
func TestRefusedStoredHoldUpNoFiles(t *testing.T) {
	t.Parallel()
	backend := backendNamed(t, "one")
	s := newSite(t, backend)
	s.write(t)
	xdsAddress := localPort(t)
	g := startServe(t, s, xdsAddress, t.TempDir())
	startEnvoy(t, "strict", "edge", xdsAddress, "re2.max_program_size.error_level: 100000", "re2.max_program_size.error_level: 60")
	awaitAnswer(t, s.url("/pets"), "one")
	g.acked()
	m := managing(g)
	refused := m.deploy(t, backend, "/a/very/long/path/for/{one}/and/another/long/path/for/{two}/and/yet/another/one/for/{three}")
	g.statusUntil("the refusal shows", func(st status) bool {
		return st.InForce && warned(st, "stored-api-refused", "management:us-east-1/restapis/"+refused)
	})
	s.Routes = []string{"/new"}
	s.write(t)
	awaitAnswer(t, s.url("/new"), "one")
	awaitAnswer(t, s.stored(m.deploy(t, backend, "/good"), "/good"), "one")
}
