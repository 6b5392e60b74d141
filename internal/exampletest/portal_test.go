package exampletest

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// consumer is somebody with a browser, whose pages come through the gateway.
type consumer struct {
	t      *testing.T
	client *http.Client
	portal string
}

func newConsumer(t *testing.T, portal string) *consumer {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &consumer{t, &http.Client{Jar: jar, Timeout: 10 * time.Second}, portal}
}

// open asks for a page, or sends a form, and holds the answer to a status.
func (c *consumer) open(status int, path string, form url.Values, headers ...string) string {
	c.t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
		origin := c.portal[:strings.LastIndex(c.portal, "/")]
		headers = append([]string{"Content-Type", "application/x-www-form-urlencoded", "Origin", origin}, headers...)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.portal+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if answer.StatusCode != status {
		c.t.Fatalf("%s %s: %d, want %d: %s", method, path, answer.StatusCode, status, text)
	}
	return string(text)
}

// runPortal runs the portal example through a real Envoy. It gives the addresses of the
// gateway and of the status page.
func runPortal(t *testing.T, env ...string) (run *proctest.Process, gateway, server string) {
	ports := freePorts(t, 3)
	proctest.Start(t, exec.Command(backend(t), "-addr", "127.0.0.1:"+ports[1]))
	definitions := copyExample(t, "examples/portal", "port: 8080", "port: "+ports[0], ":8080", ":"+ports[0], ":9101", ":"+ports[1], ":8003", ":"+ports[2])
	cmd := exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t),
		"--http-address", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--portal-address", "127.0.0.1:"+ports[2], "--data-dir", t.TempDir(), definitions)
	cmd.Env = append(os.Environ(), env...)
	run = proctest.Start(t, cmd)
	status := regexp.MustCompile(`status=(http://\S+)/status`).FindStringSubmatch(run.AwaitOutput("msg=serving", "status="))
	if status == nil {
		t.Fatal(run.Output())
	}
	gateway = "http://localhost:" + ports[0]
	run.Await(&http.Client{Timeout: 5 * time.Second}, gateway+"/developers/")
	return run, gateway, status[1]
}

// owner runs a command of the owner's.
func owner(t *testing.T, server string, args ...string) string {
	t.Helper()
	cmd := exec.Command(proctest.Gatehouse(t), append([]string{"portal", args[0], "--server", server}, args[1:]...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("gatehouse portal %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// newHook is a server that messages are sent to; the environment has a process send them there.
func newHook(t *testing.T, secret string) (got chan map[string]any, env []string) {
	got = make(chan map[string]any, 10)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || !strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,") {
			t.Errorf("%v %v", err, r.Header)
		}
		got <- m
	}))
	t.Cleanup(s.Close)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return got, []string{"SSL_CERT_FILE=" + authority, "GATEHOUSE_PORTAL_WEBHOOK=" + s.URL + "/asked", "GATEHOUSE_PORTAL_WEBHOOK_SECRET=" + secret}
}

// TestPortal has a consumer ask for a key through the gateway, the owner approve it, and
// the API take it until it is revoked.
func TestPortal(t *testing.T) {
	const hookSecret = "c2VjcmV0LW9mLXRoZS1ob29rLTAxMjM0NTY3ODk="
	asked, env := newHook(t, hookSecret)
	run, gateway, server := runPortal(t, env...)
	c := newConsumer(t, gateway+"/developers")
	if page := c.open(200, "/", nil); !strings.Contains(page, "The pets that wait for a home.") {
		t.Error(page)
	}
	var document struct {
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct{ Summary string }
	}
	if err := json.Unmarshal([]byte(c.open(200, "/apis/pets/v1/openapi.json", nil)), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Paths) != 2 || document.Paths["/pets"]["get"].Summary != "All pets" || document.Servers[0].URL != gateway+"/pets" {
		t.Errorf("%+v", document)
	}
	// What the document says of the API is so.
	call := func(key string) int {
		t.Helper()
		return send(t, c.client, request(t, "GET", document.Servers[0].URL+"/pets", "", "x-api-key", key)).StatusCode
	}
	if got := call("no-key-that-anybody-has-been-given"); got != 403 {
		t.Errorf("without a key: %d", got)
	}

	ada := url.Values{"name": {"Ada"}, "email": {"ada@example.com"}, "purpose": {"a shop"}}
	c.open(403, "/account/request/pets/v1", ada, "Origin", "http://evil.example.com")
	sent := c.open(200, "/account/request/pets/v1", ada)
	secret := regexp.MustCompile(`sign-in#([A-Za-z0-9_-]{43})"`).FindStringSubmatch(sent)
	id := regexp.MustCompile(`request <code>([a-z0-9]+)<`).FindStringSubmatch(sent)
	if secret == nil || id == nil {
		t.Fatal(sent)
	}
	select {
	case m := <-asked:
		data, _ := m["data"].(map[string]any)
		if m["type"] != "portal.key.requested" || data["id"] != id[1] || data["email"] != "ada@example.com" || data["api"] != "pets" || data["plan"] != "gold" {
			t.Errorf("the owner is told %v", m)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the owner is not told", run.Output())
	}
	if listed := owner(t, server, "requests"); !strings.Contains(listed, id[1]) || !strings.Contains(listed, "ada@example.com") || !strings.Contains(listed, "a shop") {
		t.Error(listed)
	}
	if said := owner(t, server, "approve", id[1]); !strings.Contains(said, "of the usage plan gold") {
		t.Error(said)
	}
	if listed := owner(t, server, "requests", "--state", "approved", "-o", "json"); !strings.Contains(listed, `"state": "approved"`) {
		t.Error(listed)
	}

	// The link opens the same account in another browser.
	again := newConsumer(t, c.portal)
	again.open(200, "/account/sign-in", url.Values{"secret": {secret[1]}})
	key := regexp.MustCompile(`id="key">([A-Za-z0-9]{40})<`).FindStringSubmatch(again.open(200, "/account/keys/"+id[1]+"/reveal", url.Values{}))
	if key == nil {
		t.Fatal("the key is not shown")
	}
	c.open(409, "/account/keys/"+id[1]+"/reveal", url.Values{})
	run.Until("the key to be taken", func() bool { return call(key[1]) == 200 }, run.Output)
	for range 3 {
		if got := call(key[1]); got != 200 {
			t.Errorf("with the key: %d", got)
		}
	}
	used := regexp.MustCompile(`<td>` + time.Now().UTC().Format(time.DateOnly) + `</td><td class="number">(\d+)</td>`)
	run.Until("the calls to be shown", func() bool {
		page := c.open(200, "/account/keys/"+id[1], nil)
		calls := used.FindStringSubmatch(page)
		left := regexp.MustCompile(`id="left">(\d+)<`).FindStringSubmatch(page)
		return calls != nil && left != nil && calls[1] == "4" && left[1] == "996"
	}, func() string { return c.open(200, "/account/keys/"+id[1], nil) })

	c.open(200, "/account/keys/"+id[1]+"/revoke", url.Values{})
	run.Until("the key to be refused", func() bool { return call(key[1]) == 403 }, run.Output)
	for what, hidden := range map[string]string{"key": key[1], "secret": secret[1], "webhook's secret": hookSecret, "webhook's path": "/asked"} {
		if strings.Contains(run.Output(), hidden) {
			t.Errorf("the log has the %s:\n%s", what, run.Output())
		}
	}
	if out := fmt.Sprint(owner(t, server, "requests", "--state", "all")); !strings.Contains(out, "revoked") {
		t.Error(out)
	}
}
