package websocket_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestConnections holds what backends can do by @connections.
func TestConnections(t *testing.T) {
	f := start(t, chat(echoRoutes, "description: one", "")+"      - name: v2\n")
	c, err := f.dial(t, "/v1", map[string][]string{"User-Agent": {"test/1"}})
	if err != nil {
		t.Fatal(err)
	}
	plain := idOf(f.functions.wait(t, "CONNECT", 1))
	id := strings.ReplaceAll(plain, "=", "%3D")
	for name, text := range map[string]string{"empty": "", "short": "hello", "long": strings.Repeat("ä", 64<<10)} {
		response, body := f.manage(t, "POST", id, text)
		if response.StatusCode != 200 || body != "" {
			t.Fatalf("%s: %d %s", name, response.StatusCode, body)
		}
		if got := c.hear(); got != text {
			t.Errorf("%s: heard %d bytes", name, len(got))
		}
	}
	if response, _ := f.manage(t, "POST", plain, "x"); response.StatusCode != 200 || c.hear() != "x" {
		t.Errorf("an id that is not encoded: %d", response.StatusCode)
	}

	response, body := f.manage(t, "GET", id, "")
	var info struct {
		ConnectedAt, LastActiveAt string
		Identity                  struct{ SourceIP, UserAgent string }
	}
	if err := json.Unmarshal([]byte(body), &info); err != nil || response.StatusCode != 200 {
		t.Fatalf("GET: %d %s", response.StatusCode, body)
	}
	form := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	if !form.MatchString(info.ConnectedAt) || !form.MatchString(info.LastActiveAt) || info.Identity.SourceIP != "203.0.113.9" || info.Identity.UserAgent != "test/1" {
		t.Errorf("GET: %s", body)
	}
	if at, err := time.Parse(time.RFC3339, info.ConnectedAt); err != nil || time.Since(at) > time.Minute {
		t.Errorf("connected at %s: %v", info.ConnectedAt, err)
	}

	for _, x := range []struct {
		method, id, body string
		status           int
		exception        string
	}{
		{"POST", id, strings.Repeat("x", 128<<10+1), 413, "PayloadTooLargeException"},
		{"POST", id, "\xff", 400, "BadRequestException"},
		{"PUT", id, "", 405, "MethodNotAllowedException"},
		{"POST", "AAAAAAAAAAAAAAA%3D", "x", 410, "GoneException"},
		{"GET", "AAAAAAAAAAAAAAA%3D", "", 410, "GoneException"},
		{"DELETE", "AAAAAAAAAAAAAAA%3D", "", 410, "GoneException"},
		{"POST", "nothing", "x", 400, "BadRequestException"},
		{"POST", "", "x", 400, "BadRequestException"},
		{"POST", id + "/x", "x", 400, "BadRequestException"},
		{"POST", "%0d%0aX-Injected:1", "x", 400, "BadRequestException"},
	} {
		response, body := f.manage(t, x.method, x.id, x.body)
		if response.StatusCode != x.status || response.Header.Get("X-Amzn-Errortype") != x.exception || response.Header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s %s: %d %v %s", x.method, x.id, response.StatusCode, response.Header, body)
		}
	}
	r, err := f.http.Client().Get(f.http.URL + "/v2/@connections/" + id)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 410 {
		t.Errorf("by another stage: %d", r.StatusCode)
	}

	if response, body := f.manage(t, "DELETE", id, ""); response.StatusCode != 204 || body != "" {
		t.Errorf("DELETE: %d %s", response.StatusCode, body)
	}
	if response, _ := f.manage(t, "POST", id, "x"); response.StatusCode != 410 {
		t.Errorf("POST to what is about to end: %d", response.StatusCode)
	}
	if code, _ := c.ends(); code != int(ws.StatusNormalClosure) {
		t.Errorf("ended with %d", code)
	}
	if response, _ := f.manage(t, "DELETE", id, ""); response.StatusCode != 410 {
		t.Errorf("DELETE of what has ended: %d", response.StatusCode)
	}
}

// TestNotThereBeforeConnected holds that a connection is not there before $connect has
// let it in.
func TestNotThereBeforeConnected(t *testing.T) {
	f := start(t, chat(echoRoutes))
	f.functions.heard = make(chan struct{})
	dialed := make(chan struct{})
	go func() {
		defer close(dialed)
		if c, err := f.dial(t, "/v1", nil); err == nil {
			defer c.Close()
			c.hear()
		}
	}()
	var id string
	eventually(t, func() bool {
		if list := f.functions.of("CONNECT"); len(list) == 1 {
			id = idOf(list[0])
		}
		return id != ""
	}, "no $connect")
	if response, _ := f.manage(t, "POST", id, "x"); response.StatusCode != 410 {
		t.Errorf("before: %d", response.StatusCode)
	}
	<-f.functions.heard
	f.functions.heard = nil
	eventually(t, func() bool { response, _ := f.manage(t, "POST", id, "x"); return response.StatusCode == 200 }, "it is never there")
	<-dialed
}
