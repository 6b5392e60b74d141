package browser

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
func servePortal(t *testing.T) (s *served, issuer *oidctest.Issuer, portal, backend string) {
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
	return s, issuer, portal, "http://127.0.0.1:" + ports[1]
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
	s, issuer, portal, backend := servePortal(t)
	b := chromiumtest.Start(t)
	light := chromiumtest.Views[0]
	b.Open(portal+"/", light)
	every(b, "apis")
	b.Click(`main a[href$="/pages/start"]`)
	b.Until(`document.querySelector('h1')?.innerText === 'Start here' && document.querySelector('.prose pre')?.innerText.includes('$KEY')`)
	every(b, "page")
	b.Open(portal+"/", light)
	b.Click(".card h2 a")
	b.Until(`document.querySelectorAll('#viewer .opblock').length === 3`)
	every(b, "api")
	for _, button := range []string{".opblock-post .opblock-summary-control", ".opblock-post .try-out__btn", "section.models .model-container .model-box-control"} {
		b.Click("#viewer " + button)
	}
	b.Until(`document.querySelector('#viewer .opblock-post textarea') && document.querySelectorAll('#viewer section.models tr.property-row').length === 3`)
	every(b, "operation")
	b.Click("#viewer .opblock-post .opblock-summary-control")

	tryOut := func() {
		t.Helper()
		for _, button := range []string{".opblock-summary-control", ".try-out__btn", ".execute"} {
			b.Click("#viewer .opblock-get " + button)
		}
	}
	// Without a key, a call is refused.
	tryOut()
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
	tryOut()
	answered("200")
	if got := b.Text("#viewer .live-responses-table"); !strings.Contains(got, `"pets"`) && !strings.Contains(got, `"name"`) {
		t.Errorf("the backend answers %s", got)
	}
	_ = chromiumtest.Ask[bool](b, `(() => { document.querySelector('#viewer .execute-wrapper, #viewer .btn-group .execute').scrollIntoView(); return true; })()`)
	every(b, "answered")

	// Which is seen as used.
	b.UntilOpened(own, light, `document.querySelector('#usage tbody tr:first-child td.number')?.innerText === '1' && document.getElementById('left').innerText === '999'`)
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
	// An API at another origin, which says that the portal's pages may call it.
	other := strings.Replace(s.gateway, "localhost", "127.0.0.1", 1)
	s.write("open.openapi.yaml", `openapi: 3.0.3
info: {title: open, version: "1"}
x-amazon-apigateway-cors: {allowOrigins: ["`+s.gateway+`"], allowMethods: [GET], allowHeaders: [accept]}
paths:
  /pets:
    get:
      responses: {"200": {description: The pets.}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "`+backend+`/pets", payloadFormatVersion: "1.0"}
`)
	s.change("gatehouse.yaml", "apis:\n  - name: pets\n", "apis:\n  - {name: open, protocol: HTTP, definition: open.openapi.yaml, stages: [{name: $default}]}\n  - name: pets\n")
	s.change("gatehouse.yaml", "      - {path: pets, stage: pets/v1}\n", "      - {path: pets, stage: pets/v1}\n      - {path: open, stage: open/$default}\n")
	s.change("gatehouse.yaml", "    apis:\n      - stage: pets/v1\n", "    apis:\n      - {stage: open/$default, title: Open, server: "+other+"/open}\n      - stage: pets/v1\n")
	// And consumers who have no account, and are known by a link.
	s.change("gatehouse.yaml", "signIn: {issuer: "+issuer.URL+", clientId: portal, clientSecret: secret-of-the-portal}", "# nobody has an account")
	b.UntilOpened(portal+"/account/sign-in", light, `document.getElementById('secret')`)
	every(b, "secret")
	b.Open(portal+"/apis/open/$default", light)
	b.Until(`document.querySelectorAll('#viewer .opblock').length === 1`)
	tryOut()
	answered("200")
	b.Quiet("a call to another origin")

	b.Open(portal+"/account/request/pets/v1", light)
	every(b, "request-by-link")
	b.Type("#name", "Grace")
	b.Type("#email", "grace@localhost@example.com")
	_ = chromiumtest.Ask[bool](b, `(() => { document.querySelector('main form').noValidate = true; return true; })()`)
	b.Click("main button[type=submit]")
	b.Until(`document.querySelector('[aria-invalid]')`)
	b.Forget()
	every(b, "request-wrong")
	_ = chromiumtest.Ask[bool](b, `(() => { document.getElementById('email').value = 'grace@example.com'; return true; })()`)
	b.Click("main button[type=submit]")
	b.Until(`document.getElementById('secret-link')`)
	every(b, "sent")
	link := chromiumtest.Ask[string](b, `document.getElementById('secret-link').href`)
	b.Click(".who button")
	b.Until(`location.pathname === '/developers/'`)
	b.Open(link, light)
	b.Until(`location.pathname === '/developers/account/keys' && document.querySelector('.card')?.innerText.includes('waits for approval')`)
	b.Quiet("a secret link")
	for _, secret := range []string{key, link[strings.Index(link, "#")+1:], "secret-of-the-portal"} {
		if strings.Contains(s.run.Output(), secret) {
			t.Error("secrets are in the log")
		}
	}
}

// TestChosenOperations holds that what is only shown cannot be tried out, that operations
// stand below their groups, and that a portal's own colours can be read.
func TestChosenOperations(t *testing.T) {
	s, _, portal, _ := servePortal(t)
	s.change("gatehouse.yaml", "hide: [/internal/*]", `show: [{route: GET /pets, group: Looking, tryIt: false}, {route: POST /pets, group: Adding}]
    colors: {accent: "#7a1fa2", background: "#fffdf5", error: "#a61b1b", header: "#0b3d2e", navigation: "#ffd54f", text: "#1b1b1b"}`)
	s.run.Await(&http.Client{Timeout: 5 * time.Second}, portal+"/assets/theme.css")
	b := chromiumtest.Start(t)
	b.Open(portal+"/apis/pets/v1", chromiumtest.Views[0])
	b.Until(`document.querySelectorAll('#viewer .opblock').length === 2`)
	if got := chromiumtest.Ask[[]string](b, `[...document.querySelectorAll('#viewer .opblock-tag')].map(e => e.dataset.tag)`); !slices.Equal(got, []string{"Looking", "Adding"}) {
		t.Errorf("the groups are %q", got)
	}
	// The lower one first: what opens moves all that is below it.
	b.Click("#viewer .opblock-post .opblock-summary-control")
	b.Until(`document.querySelector('#viewer .opblock-post .try-out__btn')`)
	b.Click("#viewer .opblock-get .opblock-summary-control")
	b.Until(`document.querySelector('#viewer .opblock-get .opblock-body .responses-inner')`)
	if chromiumtest.Ask[bool](b, `!!document.querySelector('#viewer .opblock-get .try-out__btn')`) {
		t.Error("what is only shown can be tried out")
	}
	every(b, "chosen")
	b.Open(portal+"/", chromiumtest.Views[0])
	every(b, "colored")
}
