package fault

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/proctest"
)

// TestOneEnvoyRefuses has two Envoys of a gateway, of which one is set up by its
// owner to take no long regular expressions. What it refuses is taken back from
// both, and everybody is told which line it was.
func TestOneEnvoyRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	s.write(t)
	xdsAddress := localPort(t)
	g := startServe(t, s, xdsAddress, t.TempDir())
	startEnvoy(t, "liberal", "edge", xdsAddress)
	startEnvoy(t, "strict", "edge", xdsAddress, "re2.max_program_size.error_level: 100000", "re2.max_program_size.error_level: 60")
	both := func(st status) bool {
		return len(st.Envoys) == 2 && st.Envoys[0].InSync && st.Envoys[1].InSync
	}
	g.statusUntil("both Envoys are there", both)
	good := g.acked().Serving.Revision
	// The two share the listener's port: the kernel gives each some connections.
	clients := load(t, target{port: s.Port, host: "api.example.com", path: "/shop/pets", answers: []string{"one"}})

	s.Routes = []string{"/a/very/long/path/for/{one}/and/another/long/path/for/{two}/and/yet/another/one/for/{three}"}
	write(t, s.path("petstore.openapi.yaml"), strings.Replace(s.files(t)["petstore.openapi.yaml"], "/more\"", "/{three}/{two}/{one}\"", 1))
	st := g.statusUntil("the refusal shows, and the revision before is back", func(st status) bool {
		return st.Latest.State == "rejected" && st.Serving.Revision == good && st.Serving.State == "acked" && both(st)
	})
	// What Envoy refuses are the routes of a host; the message has the path.
	named := slices.ContainsFunc(st.Latest.Diagnostics, func(d diagnostic) bool {
		return d.Code == "envoy-refused" && d.File == s.path("gatehouse.yaml") && d.Line == 14 && strings.Contains(d.Message, "another/long/path")
	})
	if !named || st.InForce {
		t.Errorf("latest %+v", st.Latest)
	}
	g.AwaitOutput(`"level":"ERROR"`, `"node":"strict"`, "envoy-refused", "gatehouse.yaml:14:")
	g.AwaitOutput(`"level":"ERROR"`, "returning to the last good one", good)
	if strings.Contains(g.Output(), `"msg":"refused by envoy","component":"revision","revision":"`+st.Latest.Revision+`","node":"liberal"`) {
		t.Error("the other Envoy is blamed too")
	}

	s.Routes = []string{"/short/{id}"}
	s.write(t)
	g.acked()
	g.statusUntil("both Envoys have the next revision", both)
	awaitAnswer(t, s.url("/short/1"), "one")
	clients.end()
}

// TestRefusedRevisionIsTriedAgain has Envoy refuse a port that another program has.
// When that program is gone, SIGHUP is enough.
func TestRefusedRevisionIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	g := startRun(t, s)
	good := g.acked().Serving.Revision
	s.ExtraPort = proctest.FreePort(t)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.ExtraPort))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.write(t)
	st := g.statusUntil("the refusal shows", func(st status) bool {
		return st.Latest.State == "rejected" && st.Serving.Revision == good && st.Serving.State == "acked"
	})
	if d := st.Latest.Diagnostics; len(d) != 1 || d[0].Line != 5 || !strings.Contains(d[0].Message, fmt.Sprint(s.ExtraPort)) {
		t.Errorf("diagnostics %+v", d)
	}
	var last struct{ Serving string }
	if err := json.Unmarshal([]byte(g.AwaitOutput("returning to the last good one")), &last); err != nil || last.Serving != good {
		t.Errorf("the log says it serves %q, want %q: %v", last.Serving, good, err)
	}
	taken.Close()
	g.Signal(syscall.SIGHUP)
	g.acked()
	awaitAnswer(t, fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/petstore/v1/pets", s.ExtraPort), "one")
}
