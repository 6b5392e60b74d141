package fault

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
)

// childrenOf gives the processes that a process has started and that still run.
func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		// The name in parentheses may hold anything.
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// onlyChild gives the Envoy of a run.
func onlyChild(t *testing.T, g *gatehouse) int {
	t.Helper()
	pids := childrenOf(t, g.Pid())
	if len(pids) != 1 {
		t.Fatalf("gatehouse has started %v, want one Envoy", pids)
	}
	return pids[0]
}

func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

func TestEnvoyIsKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	g := startRun(t, s)
	for range 2 {
		first := onlyChild(t, g)
		if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		g.Until("another Envoy has started", func() bool {
			pids := childrenOf(t, g.Pid())
			return len(pids) == 1 && pids[0] != first
		}, nil)
		awaitAnswer(t, s.url("/pets"), "one")
	}
	g.AwaitOutput("envoy ended, starting it again", "killed")
	// It is looked after like the first one.
	s.Routes = []string{"/more"}
	s.write(t)
	awaitAnswer(t, s.url("/more"), "one")
	last := onlyChild(t, g)
	if code := g.Stop(); code != 0 || alive(last) {
		t.Errorf("exit code %d, Envoy alive: %v", code, alive(last))
	}
}

// A gatehouse that is killed cannot stop its Envoy; the kernel does.
func TestGatehouseIsKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	g := startRun(t, s)
	envoy := onlyChild(t, g)
	g.Kill()
	eventually(t, "Envoy is gone", func() bool { return !alive(envoy) })
	// Nothing is in the way of the next.
	startRun(t, s)
}

func TestEnvoyThatCannotStart(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	s.write(t)
	dir := t.TempDir()
	program := func(name, text string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"absent":         {[]string{"--envoy", filepath.Join(dir, "absent")}, []string{"--envoy", "absent"}},
		"not executable": {[]string{"--envoy", program("plain", "#!/bin/sh\n", 0o600)}, []string{"--envoy", "permission denied"}},
		"no program":     {[]string{"--envoy", program("text", "nonsense", 0o700)}, []string{"exec format error"}},
		"ends at once":   {[]string{"--envoy", program("fails", "#!/bin/sh\necho the disk is on fire >&2\nexit 3\n", 0o700)}, []string{"exit status 3", "on fire"}},
		"admin taken":    {[]string{"--envoy", envoytest.Binary(t), "--admin", taken.Addr().String()}, []string{taken.Addr().String(), "in use", "--admin"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"run", "--data-dir", t.TempDir()}, c.args...)
			g := launch(t, append(args, s.dir)...)
			if code := g.Wait(); code != 1 {
				t.Errorf("exit code %d", code)
			}
			last := g.Output()[strings.LastIndex(g.Output(), "gatehouse: "):]
			for _, text := range c.says {
				if !strings.Contains(last, text) {
					t.Errorf("it does not say %q: %s", text, last)
				}
			}
		})
	}
}

// An Envoy that ends again and again is given up, after a few tries that are some
// time apart.
func TestEnvoyThatEndsAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	dir := t.TempDir()
	starts := filepath.Join(dir, "starts")
	script := filepath.Join(dir, "envoy.sh")
	text := fmt.Sprintf("#!/bin/sh\necho start >>%q\n[ $(wc -l <%q) -gt 1 ] && { echo out of luck >&2; exit 3; }\nexec %q \"$@\"\n", starts, starts, envoytest.Binary(t))
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	g := startRun(t, s, "--envoy", script)
	if err := syscall.Kill(onlyChild(t, g), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := g.Wait(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if n := strings.Count(read(t, starts), "\n"); n < 3 || n > 8 {
		t.Errorf("Envoy was started %d times", n)
	}
	last := g.Output()[strings.LastIndex(g.Output(), "gatehouse: "):]
	if !strings.Contains(last, "in a row") || !strings.Contains(last, "out of luck") {
		t.Errorf("it says: %s", last)
	}
}

// TestAdminPortIsTaken has another program be faster at the port that run has found free
// for Envoy's admin interface: it finds another.
func TestAdminPortIsTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	dir := t.TempDir()
	script, found, taken := filepath.Join(dir, "envoy.sh"), filepath.Join(dir, "found"), filepath.Join(dir, "taken")
	// It waits for the port of its configuration to be taken.
	text := fmt.Sprintf(`#!/bin/sh
if [ ! -e %[2]q ]; then
	awk '/^admin:/ {admin = 1} admin && /port_value:/ {print $2; exit}' "$2" >%[1]q.tmp && mv %[1]q.tmp %[1]q
	while [ ! -e %[2]q ]; do sleep 0.05; done
fi
exec %[3]q "$@"
`, found, taken, envoytest.Binary(t))
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write(t)
	g := launch(t, "run", "--envoy", script, "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), s.dir).serving()
	eventually(t, "there is a port", func() bool { _, err := os.Stat(found); return err == nil })
	other, err := net.Listen("tcp", "127.0.0.1:"+strings.TrimSpace(read(t, found)))
	if err == nil {
		defer other.Close()
	}
	write(t, taken, "")
	g.AwaitOutput("listening ")
	awaitAnswer(t, s.url("/pets"), "one")
	if err == nil && !strings.Contains(g.Output(), "somebody else was faster") {
		t.Error("it does not tell")
	}
}

// TestRunIsStopped ends a gateway at work. What is under way is answered, clients
// that keep their connections are told to close them, and nothing is left.
func TestRunIsStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	g := startRun(t, s)
	envoy := onlyChild(t, g)
	var streams []*stream
	for range 4 {
		streams = append(streams, &stream{
			target:       target{port: s.Port, host: "api.example.com", path: "/shop/pets", answers: []string{"one"}},
			untilRefused: true,
		})
	}
	clients := run(t, streams)
	slow := make(chan string, 1)
	begun := time.Now()
	go func() {
		code, body, err := get(s.url("/slow?for=2s"))
		slow <- fmt.Sprint(code, " ", body, " ", err)
	}()
	time.Sleep(500 * time.Millisecond) // the request is under way

	g.Signal(syscall.SIGTERM)
	if got := <-slow; got != "200 one <nil>" || time.Since(begun) < 2*time.Second {
		t.Errorf("the slow request got %s after %v", got, time.Since(begun))
	}
	if code := g.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if alive(envoy) {
		t.Error("Envoy is still there")
	}
	clients.end()
}

// Who cannot wait for the end says so twice.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	g := startRun(t, s, "--drain-time", "1m")
	envoy := onlyChild(t, g)
	go get(s.url("/slow?for=3s"))
	time.Sleep(500 * time.Millisecond)
	g.Signal(syscall.SIGTERM)
	g.AwaitOutput(`"msg":"stopping"`)
	for alive(g.Pid()) {
		g.Signal(syscall.SIGTERM) // one more, as soon as the first is taken in
		time.Sleep(20 * time.Millisecond)
	}
	if code := g.Wait(); code != -1 {
		t.Errorf("exit code %d, want the end by the signal", code)
	}
	eventually(t, "Envoy is gone", func() bool { return !alive(envoy) })
}
