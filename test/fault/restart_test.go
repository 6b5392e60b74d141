package fault

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// TestControlPlaneIsKilled takes the control plane away from a working Envoy, and
// gives it back: as it was, changed, and broken.
func TestControlPlaneIsKilled(t *testing.T) {
	t.Parallel()
	one, two := backendNamed(t, "one"), backendNamed(t, "two")
	s := newSite(t, one)
	s.write(t)
	xdsAddress, data := localPort(t), t.TempDir()
	g := startServe(t, s, xdsAddress, data)
	first := startEnvoy(t, "envoy-1", "edge", xdsAddress)
	awaitAnswer(t, s.url("/pets"), "one")
	g.acked()
	both := []string{"one", "two"}
	clients := load(t,
		target{port: s.Port, host: "localhost", path: "/_aws/execute-api/petstore/v1/pets", answers: both},
		target{port: s.Port, host: "api.example.com", path: "/shop/named", answers: both},
	)

	g.Kill()
	time.Sleep(time.Second)
	clients.goesOn()
	g = startServe(t, s, xdsAddress, data)
	connected := func(st status) bool { return len(st.Envoys) == 1 && st.Envoys[0].InSync }
	g.statusUntil("the Envoy is back", connected)
	g.acked()
	if n := g.metric("gatehouse_xds_pushed_resources_total", ""); n != 0 {
		t.Errorf("%v resources were sent that the Envoy has", n)
	}
	s.Variable = two
	s.write(t)
	awaitAnswer(t, s.url("/pets"), "two")
	g.acked()

	// While it is away, backends and routes are replaced: the Envoy gets all of it
	// at once when it is back, and still nothing is lost.
	for i, backend := range []string{one, two} {
		g.Kill()
		s.Variable, s.Endpoint = backend, backend
		s.Routes = []string{"/more/{id}"}[:i]
		s.write(t)
		g = startServe(t, s, xdsAddress, data)
		awaitAnswer(t, s.url("/pets"), both[i])
		awaitAnswer(t, s.url("/named"), both[i])
		g.acked()
	}
	last := g.acked().Serving.Revision
	eventually(t, "the last revision is stored", func() bool {
		return strings.Contains(read(t, filepath.Join(data, "last-good-revision")), last)
	})
	g.Kill()
	good := read(t, s.path("gatehouse.yaml"))
	write(t, s.path("gatehouse.yaml"), "gateways: nonsense\n")
	g = startServe(t, s, xdsAddress, data)
	g.statusUntil("the Envoy is back", connected)
	st := g.status()
	if st.InForce || st.Serving.Origin != "store" || st.Latest.State != "failed" || !hasPlace(st.Latest, s.path("gatehouse.yaml"), 1) {
		t.Errorf("serving %+v, latest %+v", st.Serving, st.Latest)
	}
	clients.end()

	// Another Envoy starts from nothing but what was stored.
	if code := first.Stop(); code != 0 {
		t.Errorf("Envoy's exit code is %d", code)
	}
	startEnvoy(t, "envoy-2", "edge", xdsAddress)
	awaitAnswer(t, s.url("/pets"), "two")
	write(t, s.path("gatehouse.yaml"), good)
	g.acked()
	if code := g.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func hasPlace(r *record, file string, line int) bool {
	for _, d := range r.Diagnostics {
		if d.File == file && d.Line == line {
			return true
		}
	}
	return false
}

// TestDataDirectory breaks what is to be broken about the place where the last
// good revision is kept.
func TestDataDirectory(t *testing.T) {
	t.Parallel()
	one := backendNamed(t, "one")
	stored := func(t *testing.T, s *site, data string) string {
		t.Helper()
		xdsAddress := localPort(t)
		g := startServe(t, s, xdsAddress, data)
		envoy := startEnvoy(t, "envoy", "edge", xdsAddress)
		g.acked()
		envoy.Stop()
		g.Stop() // It is saved by then.
		return read(t, data+"/last-good-revision")
	}
	s := newSite(t, one)
	s.write(t)
	good := stored(t, s, t.TempDir())
	if !strings.Contains(good, "petstore") {
		t.Fatalf("what is stored does not look right: %.100q", good)
	}

	for name, content := range map[string]string{
		"cut":     good[:len(good)/2],
		"changed": strings.Replace(good, "petstore", "petstare", 1),
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			write(t, data+"/last-good-revision", content)
			// With good files it does not matter.
			g := startServe(t, s, "127.0.0.1:0", data)
			g.AwaitOutput("the last good revision cannot be used", "last-good-revision")
			if !g.status().InForce {
				t.Error("the files are not served")
			}
			g.Stop()
			// With broken ones there is nothing left, which is to be said.
			broken := newSite(t, one)
			write(t, broken.path("gatehouse.yaml"), "gateways: nonsense\n")
			write(t, data+"/last-good-revision", content)
			end := launch(t, "serve", "--xds-address", "127.0.0.1:0", "--data-dir", data, broken.dir)
			if code := end.Wait(); code != 1 {
				t.Errorf("exit code %d", code)
			}
			end.AwaitOutput("the last good revision cannot be used", "last-good-revision")
			end.AwaitOutput("gatehouse.yaml:1:")
		})
	}

	full := exec.Command("sh", "-c", `ulimit -f 0; exec "$@"`, "sh", proctest.Gatehouse(t))
	for name, c := range map[string]struct {
		cmd *exec.Cmd
		dir string
	}{
		// Not even root may write there.
		"unwritable": {exec.Command(proctest.Gatehouse(t)), "/sys"},
		"full":       {full, t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			xdsAddress := localPort(t)
			c.cmd.Args = append(c.cmd.Args, "serve", "--xds-address", xdsAddress, "--data-dir", c.dir, s.dir)
			g := launchCommand(t, c.cmd).serving()
			startEnvoy(t, "envoy", "edge", xdsAddress)
			g.acked()
			g.AwaitOutput("the last good revision is not kept for a restart", `"level":"ERROR"`)
			if g.metric("gatehouse_revision_save_failed", "") != 1 {
				t.Error("the metric does not show it")
			}
			awaitAnswer(t, s.url("/pets"), "one")
			if left, err := filepath.Glob(c.dir + "/last-good-revision*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
			if code := g.Stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
