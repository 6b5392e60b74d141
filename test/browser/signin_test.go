package browser

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/chromiumtest"
	"gatehouse/internal/oidctest"
	"gatehouse/internal/proctest"
)

// TestSignIn reaches a dashboard by other machines' way, through a proxy that speaks HTTPS,
// and signs in with an access key and at a provider.
func TestSignIn(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"gatehouse.yaml": `gateways:
  - {name: edge, listeners: [{port: 8080}]}
credentials:
  - accessKeyId: AKIAVIEWER
    secretAccessKey: secret-of-the-viewer
    arn: "arn:aws:iam::000000000000:user/viewer"
    policies:
      - {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "gatehouse:ViewDashboard", Resource: "*"}]}
`,
		"client-secret": "secret-of-the-client\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	iss := oidctest.Start(t)
	var back *httputil.ReverseProxy
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Forwarded-Proto", "https")
		back.ServeHTTP(w, r)
	}))
	// After the browser, which keeps a page up to date.
	t.Cleanup(front.Close)
	run := proctest.Start(t, exec.Command(proctest.Gatehouse(t), "serve", "--xds-address", "127.0.0.1:0", "--http-address", "0.0.0.0:0", "--insecure-http", "--data-dir", t.TempDir(),
		"--dashboard-url", front.URL, "--dashboard-oidc-issuer", iss.URL, "--dashboard-oidc-client-id", "gatehouse",
		"--dashboard-oidc-client-secret-file", filepath.Join(dir, "client-secret"), "--dashboard-oidc-emails", "ann@example.com,@ops.example", filepath.Join(dir, "gatehouse.yaml")))
	port := regexp.MustCompile(`status=http://\S*:(\d+)/status`).FindStringSubmatch(run.AwaitOutput("msg=serving", "status="))
	if port == nil {
		t.Fatal(run.Output())
	}
	target, err := url.Parse("http://127.0.0.1:" + port[1])
	if err != nil {
		t.Fatal(err)
	}
	back = httputil.NewSingleHostReverseProxy(target)

	b := chromiumtest.Start(t)
	light := chromiumtest.Views[0]
	for _, v := range chromiumtest.Views {
		b.Open(front.URL, v)
		if at := chromiumtest.Ask[string](b, `location.pathname + document.title`); at != "/dashboard/sign-inSign in · Gatehouse" {
			t.Fatalf("who has not signed in is at %s", at)
		}
		b.Usable("sign-in-" + v.Name)
		b.Fits("sign-in-" + v.Name)
		if below := chromiumtest.Ask[float64](b, `document.querySelector('.top').getBoundingClientRect().bottom - document.querySelector('.brand').getBoundingClientRect().bottom`); below < 6 {
			t.Errorf("sign-in-%s: there are %v pixels below the name", v.Name, below)
		}
		b.Picture("sign-in-" + v.Name)
	}
	b.Quiet("the sign-in")
	// With an access key.
	b.Open(front.URL+"/dashboard/envoys", light)
	b.Type("#key", "AKIAVIEWER")
	b.Type("#secret", "wrong\r")
	b.Until(`document.querySelector('[role=alert]')?.innerText.includes('do not belong together')`)
	b.Forget()
	b.Type("#key", "AKIAVIEWER")
	b.Type("#secret", "secret-of-the-viewer\r")
	b.Until(`location.pathname === '/dashboard/envoys' && document.querySelector('.user')?.innerText.endsWith('user/viewer')`)
	if cookies := chromiumtest.Ask[string](b, `document.cookie`); cookies != "" {
		t.Errorf("scripts see cookies: %s", cookies)
	}
	// A page that is open ends with the session's key.
	b.Until(`document.querySelector('[data-live-state]').innerText === 'Live'`)
	b.Quiet("the first page")
	b.Click(".top form button")
	b.Until(`location.pathname === '/dashboard/sign-in'`)
	b.Open(front.URL+"/dashboard/envoys", light)
	if at := chromiumtest.Ask[string](b, `location.pathname`); at != "/dashboard/sign-in" {
		t.Errorf("who has signed out is at %s", at)
	}

	// At the provider, whose pages are another site's.
	iss.Register(oidctest.Client{ID: "gatehouse", Secret: "secret-of-the-client", Redirect: front.URL + "/dashboard/sign-in/callback", Claims: map[string]any{
		"email": "bob@ops.example", "email_verified": true,
	}})
	b.Click(`a[href^="/dashboard/sign-in/provider?"]`)
	b.Until(`location.pathname === '/dashboard/envoys' && document.querySelector('.user')?.innerText === 'bob@ops.example'`)
	b.Quiet("the sign-in at a provider")
	if output := run.Output(); strings.Contains(output, "secret-of") {
		t.Errorf("secrets are in the log:\n%s", output)
	}
}
