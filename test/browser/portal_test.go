package browser

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chromiumtest"
	"gatehouse/internal/envoytest"
	"gatehouse/internal/oidctest"
	"gatehouse/internal/proctest"
)

// signInLine is what the example has of signing in at a provider.
var signInLine = regexp.MustCompile(`# signIn: .*`)

// servePortal serves the portal of the examples through a real Envoy. Consumers sign in at
// a provider.
func servePortal(t *testing.T) (s *served, issuer *oidctest.Issuer, portal string) {
	t.Helper()
	ports := []string{strconv.Itoa(proctest.FreePort(t)), strconv.Itoa(proctest.FreePort(t)), strconv.Itoa(proctest.FreePort(t))}
	issuer = oidctest.Start(t)
	s = &served{t: t, definitions: t.TempDir(), gateway: "http://localhost:" + ports[0]}
	portal = s.gateway + "/developers"
	issuer.Register(oidctest.Client{ID: "portal", Secret: "secret-of-the-portal", Redirect: portal + "/account/sign-in/done", Claims: map[string]any{
		"sub": "ada", "name": "Ada Lovelace", "email": "ada@example.com", "email_verified": true,
	}})
	proctest.Start(t, exec.Command(proctest.Program(t, "./examples/petstore/backend"), "-addr", "127.0.0.1:"+ports[1]))
	put := strings.NewReplacer("port: 8080", "port: "+ports[0], ":8080", ":"+ports[0], ":9101", ":"+ports[1], ":8003", ":"+ports[2])
	files, err := filepath.Glob(filepath.Join(proctest.Root(t), "examples/portal/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.write(filepath.Base(file), signInLine.ReplaceAllString(put.Replace(string(text)), "signIn: {issuer: "+issuer.URL+", clientId: portal, clientSecret: secret-of-the-portal}"))
	}
	s.run = proctest.Start(t, exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t),
		"--http-address", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--portal-address", "127.0.0.1:"+ports[2], "--dashboard-approvals", "--data-dir", t.TempDir(), s.definitions))
	status := regexp.MustCompile(`status=(http://\S+)/status`).FindStringSubmatch(s.run.AwaitOutput("msg=serving", "status="))
	if status == nil {
		t.Fatal(s.run.Output())
	}
	s.dashboard = status[1] + "/dashboard/"
	s.run.Await(&http.Client{Timeout: 5 * time.Second}, portal+"/")
	return s, issuer, portal
}

// every holds the page that is open to what all pages are held to, however it is looked at.
func every(b *chromiumtest.Browser, name string) {
	for _, v := range chromiumtest.Views {
		page := "portal-" + name + "-" + v.Name
		b.Look(v)
		b.Usable(page)
		b.Fits(page)
		b.Picture(page)
		b.Quiet(page)
	}
	b.Look(chromiumtest.Views[0])
}

// TestPortal is a consumer's way through a portal, by clicks alone.
func TestPortal(t *testing.T) {
	s, _, portal := servePortal(t)
	b := chromiumtest.Start(t)
	light := chromiumtest.Views[0]
	b.Open(portal+"/", light)
	every(b, "apis")
	b.Click(".card h2 a")
	b.Until(`document.querySelectorAll('#viewer .opblock').length === 2`)
	every(b, "api")

	// Without a key, a call is refused.
	b.Click("#viewer .opblock-get .opblock-summary-control")
	b.Click("#viewer .opblock-get .try-out__btn")
	b.Click("#viewer .opblock-get .execute")
	answered := func(status string) {
		t.Helper()
		b.Until(`document.querySelector('#viewer .live-responses-table tr.response td.response-col_status')?.innerText.trim().startsWith('` + status + `')`)
	}
	answered("403")
	b.Forget() // the browser tells of the answer
	every(b, "tried")

	// The way to a key leads through the sign-in, and back to what it was for.
	b.Click(`.facts a[href*="/account/request/"]`)
	b.Until(`document.querySelector('h1')?.innerText === 'A key for Pets'`)
	every(b, "sign-in")
	b.Click("main .button")
	b.Until(`document.querySelector('.who')?.innerText.includes('Ada Lovelace')`)
	every(b, "request")
	b.Type("#purpose", "An app that finds homes for cats.")
	b.Click("main button[type=submit]")
	b.Until(`location.pathname.startsWith('/developers/account/keys/')`)
	every(b, "pending")
	id := strings.TrimPrefix(chromiumtest.Ask[string](b, `location.pathname`), "/developers/account/keys/")
	own := portal + "/account/keys/" + id

	// The owner sees who asks, and approves with a click.
	b.Open(s.dashboard+"keys", light)
	if got := b.Text(".ask"); !strings.Contains(got, "Ada Lovelace asks for a key to pets/v1 An app that finds homes for cats. ada@example.com verified") {
		t.Errorf("the owner is shown %s", got)
	}
	every(b, "approvals")
	b.Click(".ask button.main")
	b.Until(`document.querySelector('[role=status]')?.innerText.includes('of Ada Lovelace is approved.')`)
	every(b, "approval")
	b.Open(own, light)
	b.Until(`document.querySelector('.state')?.innerText === 'approved'`)
	every(b, "approved")
	b.Click("form[action$=reveal] button")
	b.Until(`document.getElementById('key')`)
	key := b.Text("#key")
	every(b, "revealed")

	// With the key, the call goes through Envoy to the backend.
	b.Open(portal+"/apis/pets/v1", light)
	b.Click("#viewer .authorize.unlocked")
	b.Until(`document.querySelector('.modal-ux input')`)
	every(b, "authorize")
	b.Type(".modal-ux input", key)
	b.Click(".modal-ux .btn.authorize")
	b.Click(".modal-ux .btn-done")
	b.Click("#viewer .opblock-get .opblock-summary-control")
	b.Click("#viewer .opblock-get .try-out__btn")
	b.Click("#viewer .opblock-get .execute")
	answered("200")
	if got := b.Text("#viewer .live-responses-table"); !strings.Contains(got, `"pets"`) && !strings.Contains(got, `"name"`) {
		t.Errorf("the backend answers %s", got)
	}
	every(b, "answered")

	// Which is seen as used.
	for end := time.Now().Add(proctest.Patience); ; time.Sleep(500 * time.Millisecond) {
		b.Open(own, light)
		if b.Text("#usage tbody tr:first-child td.number") == "1" && b.Text("#left") == "999" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the call is not seen as used: %s", b.Text("main"))
		}
	}
	every(b, "key")
	b.Open(portal+"/account/keys", light)
	every(b, "keys")
	b.Click(".who button")
	b.Until(`location.pathname === '/developers/'`)
	b.Open(own, light)
	if at := chromiumtest.Ask[string](b, `location.pathname`); at != "/developers/account/sign-in" {
		t.Errorf("who has signed out is at %s", at)
	}
	every(b, "signed-out")
	b.Open(portal+"/no-such-page", light)
	b.Forget()
	every(b, "problem")
}
