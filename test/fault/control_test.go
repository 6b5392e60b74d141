package fault

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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

// status is what /status says, as far as tests look.
type status struct {
	InForce bool     `json:"inForce"`
	Serving *record  `json:"serving"`
	Latest  *record  `json:"latest"`
	Envoys  []node   `json:"envoys"`
	History []record `json:"history"`
}

type record struct {
	Revision    string       `json:"revision"`
	State       string       `json:"state"`
	Origin      string       `json:"origin"`
	Diagnostics []diagnostic `json:"diagnostics"`
}

type diagnostic struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Hint    string `json:"hint"`
}

type node struct {
	ID      string `json:"id"`
	Gateway string `json:"gateway"`
	Matched bool   `json:"matched"`
	InSync  bool   `json:"inSync"`
}

// gatehouse is a running serve or run.
type gatehouse struct {
	*proctest.Process
	t *testing.T
	// base is the URL of its status server.
	base string
}

// launch starts a gatehouse command, and does not wait for anything.
func launch(t *testing.T, args ...string) *gatehouse {
	t.Helper()
	return launchCommand(t, exec.Command(proctest.Gatehouse(t), args...))
}

func launchCommand(t *testing.T, cmd *exec.Cmd) *gatehouse {
	t.Helper()
	cmd.Args = append(cmd.Args, "--http-address", "127.0.0.1:0", "--log-format", "json")
	return &gatehouse{Process: proctest.Start(t, cmd), t: t}
}

// serving waits until the status server listens.
func (g *gatehouse) serving() *gatehouse {
	g.t.Helper()
	var entry struct{ Status string }
	if err := json.Unmarshal([]byte(g.AwaitOutput(`"msg":"serving"`)), &entry); err != nil {
		g.t.Fatal(err)
	}
	g.base = strings.TrimSuffix(entry.Status, "/status")
	return g
}

// startRun runs a site with an Envoy of its own.
func startRun(t *testing.T, s *site, args ...string) *gatehouse {
	t.Helper()
	s.write(t)
	g := launchRun(t, s, args...)
	awaitAnswer(t, s.url("/pets"), "")
	return g
}

// launchRun is startRun with files that are there already.
func launchRun(t *testing.T, s *site, args ...string) *gatehouse {
	t.Helper()
	args = append([]string{"run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0", "--data-dir", t.TempDir()}, args...)
	g := launch(t, append(args, s.dir)...).serving()
	g.AwaitOutput("listening ")
	return g
}

// startServe serves a site to Envoys that come to the address.
func startServe(t *testing.T, s *site, xdsAddress, dataDir string) *gatehouse {
	t.Helper()
	return launch(t, "serve", "--xds-address", xdsAddress, "--data-dir", dataDir, s.dir).serving()
}

func localPort(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", proctest.FreePort(t))
}

// envoy is an Envoy that was started by a bootstrap.
type envoy struct {
	*proctest.Process
	// admin is the URL of its admin interface.
	admin string
}

// startEnvoy starts an Envoy of a gateway. oldNew are changes to its bootstrap.
func startEnvoy(t *testing.T, id, gateway, xdsAddress string, oldNew ...string) *envoy {
	t.Helper()
	admin := localPort(t)
	config, err := exec.Command(proctest.Gatehouse(t), "bootstrap", "--node-id", id, "--gateway", gateway, "--xds-address", xdsAddress, "--admin", admin).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(config)
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("the bootstrap has no %q:\n%s", oldNew[i], text)
		}
		text = strings.ReplaceAll(text, oldNew[i], oldNew[i+1])
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	write(t, file, text)
	cmd := exec.Command(envoytest.Binary(t), "-c", file, "--use-dynamic-base-id", "--concurrency", "2", "--log-level", "warning")
	return &envoy{proctest.Start(t, cmd), "http://" + admin}
}

// status asks for the status.
func (g *gatehouse) status() status {
	g.t.Helper()
	var s status
	code, body, err := get(g.base + "/status")
	if err != nil || code != http.StatusOK {
		g.t.Fatalf("%d %s %v", code, body, err)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		g.t.Fatalf("%s: %v", body, err)
	}
	return s
}

// statusUntil asks for the status until it is as wanted.
func (g *gatehouse) statusUntil(what string, ok func(status) bool) (s status) {
	g.t.Helper()
	g.Until(what, func() bool {
		s = g.status()
		return ok(s)
	}, func() string {
		_, body, _ := get(g.base + "/status")
		return body
	})
	return s
}

// acked waits until the definitions as they are now are served and acknowledged.
func (g *gatehouse) acked() status {
	g.t.Helper()
	return g.statusUntil("the definitions are acked", func(s status) bool { return s.InForce && s.Serving.State == "acked" })
}

// failed waits until the definitions as they are now are refused.
func (g *gatehouse) failed() status {
	g.t.Helper()
	return g.statusUntil("the mistake shows", func(s status) bool { return s.Latest.State == "failed" })
}

// metric is the sum of a metric over its series that hold a text.
func (g *gatehouse) metric(name, labels string) float64 {
	g.t.Helper()
	_, body, err := get(g.base + "/metrics")
	if err != nil {
		g.t.Fatal(err)
	}
	sum := 0.0
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(\{.*\})? (\S+)$`).FindAllStringSubmatch(body, -1) {
		if !strings.Contains(m[1], labels) {
			continue
		}
		value, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			g.t.Fatal(err)
		}
		sum += value
	}
	return sum
}

func get(url string) (int, string, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// awaitAnswer asks until the answer is 200, and the one that is wanted unless that
// is empty.
func awaitAnswer(t *testing.T, url, want string) {
	t.Helper()
	var last string
	for end := time.Now().Add(proctest.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		code, body, err := get(url)
		if code == http.StatusOK && (want == "" || body == want) {
			return
		}
		last = fmt.Sprint(code, " ", body, " ", err)
	}
	t.Fatalf("%s does not answer %q: %s", url, want, last)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(proctest.Patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
