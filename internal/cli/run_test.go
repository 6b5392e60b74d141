package cli

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// backendNamed answers with its name.
func backendNamed(t *testing.T, name string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.URL.Path)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// until asks until the answer is as wanted.
func until(t *testing.T, url, want string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		code, body := get(t, url)
		if body == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d %s, want %s", url, code, body, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestRun takes a gateway through its life: started, changed, broken, stopped,
// and started again while it is still broken.
func TestRun(t *testing.T) {
	envoy := envoytest.Binary(t)
	one, two := backendNamed(t, "one"), backendNamed(t, "two")
	port, data := freePort(t), t.TempDir()
	contents := petstore(port, one)
	dir := files(t, contents)
	run := func() (*daemon, string) {
		d := startDaemon(t, "run", "--envoy", envoy, "--data-dir", data, dir)
		url, _ := strings.CutPrefix(d.await(d.out, "listening "), "listening ")
		if want := fmt.Sprintf("http://localhost:%d/_aws/execute-api/petstore/v1/", port); url != want {
			t.Fatalf("listening %s, want %s", url, want)
		}
		return d, strings.Replace(url, "localhost", "127.0.0.1", 1) + "pets"
	}

	first, url := run()
	until(t, url, "one /pets")

	spec := filepath.Join(dir, "petstore.openapi.yaml")
	write(t, spec, petstore(port, two)["petstore.openapi.yaml"])
	until(t, url, "two /pets")
	first.statusUntil("the change is acked", func(s statusJSON) bool { return s.InForce && s.Serving.State == "acked" })

	// Envoy itself refuses a port that another program has.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	config := filepath.Join(dir, "gatehouse.yaml")
	write(t, config, petstore(taken.Addr().(*net.TCPAddr).Port, one)["gatehouse.yaml"])
	s := first.statusUntil("the refusal shows", func(s statusJSON) bool { return s.Latest.State == "rejected" })
	if d := s.Latest.Diagnostics; len(d) != 1 || d[0].Code != "envoy-refused" || d[0].File != config || d[0].Line != 4 {
		t.Errorf("diagnostics %+v", d)
	}
	first.statusUntil("the change before is back", func(s statusJSON) bool { return s.Serving.State == "acked" })
	until(t, url, "two /pets")
	write(t, config, contents["gatehouse.yaml"])
	first.statusUntil("the refused change is taken back", func(s statusJSON) bool { return s.InForce })

	write(t, spec, "openapi: 3.0.1\npaths: nonsense\n")
	first.statusUntil("the mistake shows", func(s statusJSON) bool { return !s.InForce })
	until(t, url, "two /pets")
	if code := first.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if code, _ := get(t, url); code != 0 {
		t.Errorf("Envoy goes on after the end of run")
	}

	second, url := run()
	until(t, url, "two /pets")
	s = second.statusUntil("it tells where it is from", func(s statusJSON) bool { return s.Serving.Origin == "store" })
	if s.InForce || len(s.Latest.Diagnostics) == 0 {
		t.Errorf("latest %+v", s.Latest)
	}
	write(t, spec, contents["petstore.openapi.yaml"])
	until(t, url, "one /pets")
}

// What run and its Envoy say to each other is for nobody else on the machine to hear.
func TestRunKeepsToItself(t *testing.T) {
	envoy := envoytest.Binary(t)
	room := proctest.SocketFolder(t)
	t.Setenv("TMPDIR", room)
	port := freePort(t)
	dir := files(t, petstore(port, backendNamed(t, "one")))
	d := launchAt(t, "run", "--envoy", envoy, "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), dir)
	serving := d.logged("serving")
	d.await(d.out, "listening ")
	until(t, fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/petstore/v1/pets", port), "one /pets")
	for _, name := range []string{"xds", "integration"} {
		path, isSocket := strings.CutPrefix(fmt.Sprint(serving[name]), room)
		info, err := os.Stat(room + path)
		if !isSocket || err != nil || info.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("%s is at %v: %v %v", name, serving[name], info, err)
			continue
		}
		if folder, err := os.Stat(filepath.Dir(room + path)); err != nil || folder.Mode().Perm() != 0o700 {
			t.Errorf("the folder of %s: %v %v", name, folder, err)
		}
	}
	if code := d.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if left, err := filepath.Glob(room + "/gatehouse-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}

	// Where sockets would have too long a name, ports do.
	long := filepath.Join(room, strings.Repeat("x", 90))
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	d = launchAt(t, "run", "--envoy", envoy, "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), dir)
	if at := fmt.Sprint(d.logged("serving")["xds"]); !strings.HasPrefix(at, "127.0.0.1:") {
		t.Errorf("with a long name: %s", at)
	}
	until(t, fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/petstore/v1/pets", port), "one /pets")
}

func TestRunSaysWhichPortIsTaken(t *testing.T) {
	envoy := envoytest.Binary(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := files(t, petstore(taken.Addr().(*net.TCPAddr).Port, "http://127.0.0.1:9101"))
	d := launch(t, "run", "--envoy", envoy, "--data-dir", t.TempDir(), dir)
	if code := <-d.ended; code != exitProblems || !strings.Contains(d.log.String(), "gatehouse.yaml:4:") || !strings.Contains(d.log.String(), "port-in-use") {
		t.Errorf("exit code %d:\n%s", code, d.log)
	}
}

func TestRunWithoutEnvoySaysWhatToDo(t *testing.T) {
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	got := command(t, "run", "--envoy", filepath.Join(dir, "absent"), dir)
	if got.code != exitProblems || !strings.Contains(got.err, "envoy") {
		t.Errorf("%+v", got)
	}
}
