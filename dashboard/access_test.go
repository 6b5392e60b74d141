package dashboard_test

import (
	"bytes"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/dashboard/signin"
	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
)

const account = "111122223333"

// credential is an access key that a policy of this effect is about.
func credential(id, effect string) gateway.Credential {
	return gateway.Credential{
		AccessKeyID: id, SecretAccessKey: gateway.Secret("secret-of-" + id), ARN: "arn:aws:iam::" + account + ":user/" + id,
		Policies: []gateway.Policy{{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"gatehouse:ViewDashboard","Resource":"*"}]}`}},
	}
}

// closed is a dashboard that people have to sign in to, by HTTPS.
type closed struct {
	t           *testing.T
	credentials []gateway.Credential
	now         time.Time
	log         bytes.Buffer
	server      *httptest.Server
	client      *http.Client
	requests    *askedKeys
}

func newClosed(t *testing.T, provider func(callback string) *signin.Provider) *closed {
	t.Helper()
	c := &closed{t: t, now: time.Now(), credentials: []gateway.Credential{credential("AKIAVIEWER", "Allow"), credential("AKIADENIED", "Deny")}}
	none, foreign, temporary, disabled := credential("AKIANONE", "Allow"), credential("AKIAFOREIGN", "Allow"), credential("AKIATEMPORARY", "Allow"), credential("AKIADISABLED", "Allow")
	none.Policies, foreign.ARN, temporary.SessionToken, disabled.Disabled = nil, "arn:aws:iam::999999999999:user/foreign", "token", true
	c.credentials = append(c.credentials, none, foreign, temporary, disabled)
	owner := credential("AKIAOWNER", "Allow")
	owner.Policies[0].JSON = strings.Replace(owner.Policies[0].JSON, `"gatehouse:ViewDashboard"`, `["gatehouse:ViewDashboard","gatehouse:DecideKeyRequests"]`, 1)
	c.credentials = append(c.credentials, owner)
	c.requests = newAskedKeys()
	c.server = httptest.NewUnstartedServer(nil)
	access := &dashboard.Access{Keys: &signin.Keys{
		Credentials: func() []gateway.Credential { return c.credentials }, AccountID: account, Now: func() time.Time { return c.now },
	}}
	c.server.StartTLS()
	if provider != nil {
		access.Provider = provider(c.server.URL + dashboard.CallbackPath)
	}
	s := guardedShop()
	c.server.Config.Handler = dashboard.New(dashboard.Options{
		Log: slog.New(slog.NewTextHandler(&c.log, nil)), Version: "v9.9.9", Access: access, Now: func() time.Time { return c.now }, KeyRequests: c.requests,
		Snapshot: func() *gateway.Snapshot { return s },
	})
	t.Cleanup(c.server.Close)
	c.restart()
	return c
}

// restart begins with a browser that knows nothing.
func (c *closed) restart() {
	jar, _ := cookiejar.New(nil) // it does not fail
	c.client = c.server.Client()
	c.client.Jar = jar
}

// send gives where the browser ends up, and what is there.
func (c *closed) send(r *http.Request) (*http.Response, string) {
	c.t.Helper()
	resp, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(body)
}

func (c *closed) get(path string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodGet, c.server.URL+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.send(r)
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// post sends a form with the token of a page that has it.
func (c *closed) post(page, path string, values url.Values) (*http.Response, string) {
	c.t.Helper()
	_, body := c.get(page)
	if token := formToken.FindStringSubmatch(body); token != nil && !values.Has("token") {
		values.Set("token", token[1])
	}
	r, err := http.NewRequest(http.MethodPost, c.server.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", c.server.URL)
	return c.send(r)
}

func (c *closed) signIn(id, secret string) (*http.Response, string) {
	c.t.Helper()
	return c.post("/dashboard/envoys", "/dashboard/sign-in", url.Values{"key": {id}, "secret": {secret}, "to": {"/dashboard/plans?q=1"}})
}

// TestSignIn holds who is let in by an access key, what a session is worth, and what ends it.
func TestSignIn(t *testing.T) {
	c := newClosed(t, nil)
	resp, body := c.get("/dashboard/plans?q=1")
	if at := resp.Request.URL.RequestURI(); at != "/dashboard/sign-in?to=%2Fdashboard%2Fplans%3Fq%3D1" || !strings.Contains(body, `value="/dashboard/plans?q=1"`) {
		t.Errorf("somebody who has not signed in is led to %s", at)
	}
	for _, told := range []string{"v9.9.9", "gold", "revision", "Envoys"} {
		if strings.Contains(body, told) {
			t.Errorf("who has not signed in is told of %q", told)
		}
	}
	for _, wrong := range [][2]string{
		{"AKIAVIEWER", "wrong"}, {"AKIAVIEWER", ""}, {"", ""}, {"AKIADENIED", "secret-of-AKIADENIED"}, {"AKIANONE", "secret-of-AKIANONE"},
		{"AKIAFOREIGN", "secret-of-AKIAFOREIGN"}, {"AKIATEMPORARY", "secret-of-AKIATEMPORARY"}, {"AKIADISABLED", "secret-of-AKIADISABLED"}, {"nobody", "no such key"},
	} {
		c.now = c.now.Add(time.Minute)
		resp, body := c.signIn(wrong[0], wrong[1])
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "These do not belong together, or may not see the dashboard.") {
			t.Errorf("%s: %d %s", wrong[0], resp.StatusCode, body)
		}
	}
	resp, body = c.signIn("AKIAVIEWER", "secret-of-AKIAVIEWER")
	if resp.StatusCode != 200 || resp.Request.URL.RequestURI() != "/dashboard/plans?q=1" || !strings.Contains(body, "user/AKIAVIEWER") {
		t.Fatalf("%d at %s: %s", resp.StatusCode, resp.Request.URL, body)
	}
	if strings.Contains(c.log.String(), "secret-of") {
		t.Errorf("secrets are logged: %s", c.log.String())
	}
	u, _ := url.Parse(c.server.URL)
	var session *http.Cookie
	for _, cookie := range c.client.Jar.Cookies(u) {
		if cookie.Name == "__Host-gatehouse" {
			session = cookie
		}
	}
	if session == nil {
		t.Fatal("there is no session")
	}
	holds := func() bool {
		r, _ := http.NewRequest(http.MethodGet, c.server.URL+"/dashboard/envoys", nil)
		r.AddCookie(session)
		r.Header.Set("Accept", "text/event-stream")
		w := httptest.NewRecorder()
		r.RemoteAddr = "192.0.2.7:1234"
		c.server.Config.Handler.ServeHTTP(w, r.WithContext(canceled()))
		return w.Code != http.StatusUnauthorized
	}
	if !holds() {
		t.Error("a session does not hold")
	}
	whole := session.Value
	for _, forged := range []string{"", ".", whole[:len(whole)-2], "A" + whole, whole[:20] + "A" + whole[20:]} {
		if session.Value = forged; holds() {
			t.Errorf("the session %q holds", forged)
		}
	}
	session.Value = whole
	for what, change := range map[string]func(*gateway.Credential){
		"disabled": func(k *gateway.Credential) { k.Disabled = true },
		"a secret": func(k *gateway.Credential) { k.SecretAccessKey = "another" },
		"policies": func(k *gateway.Credential) { k.Policies = nil },
		"gone":     func(k *gateway.Credential) { k.AccessKeyID = "AKIAOTHER" },
	} {
		before := c.credentials[0]
		if change(&c.credentials[0]); holds() {
			t.Errorf("a session outlasts its key: %s", what)
		}
		c.credentials[0] = before
	}
	c.now = c.now.Add(signin.SessionTime + time.Second)
	if holds() {
		t.Error("a session does not end")
	}
	c.now = c.now.Add(-signin.SessionTime)
	if resp, _ = c.post("/dashboard/envoys", "/dashboard/sign-out", url.Values{"token": {"forged"}}); resp.Request.URL.Path != "/dashboard/" || !holds() {
		t.Errorf("a forged form signs out: %s", resp.Request.URL)
	}
	if resp, _ = c.post("/dashboard/envoys", "/dashboard/sign-out", url.Values{}); resp.Request.URL.Path != "/dashboard/sign-in" || holds() {
		t.Error("a copy of a cookie outlasts the sign-out")
	}
}

// TestSignInForms holds that no other site signs anybody in, and that guessing is slow.
func TestSignInForms(t *testing.T) {
	c := newClosed(t, nil)
	good := func() url.Values {
		return url.Values{"key": {"AKIAVIEWER"}, "secret": {"secret-of-AKIAVIEWER"}, "to": {"//evil.example/dashboard/"}}
	}
	forged := good()
	forged.Set("token", "forged")
	if resp, body := c.post("/dashboard/", "/dashboard/sign-in", forged); resp.StatusCode != 403 || !strings.Contains(body, "Please try again") {
		t.Errorf("a forged form: %d", resp.StatusCode)
	}
	for name, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
		r, _ := http.NewRequest(http.MethodPost, c.server.URL+"/dashboard/sign-in", strings.NewReader(good().Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(name, value)
		if resp, body := c.send(r); resp.StatusCode != 403 || strings.Contains(body, "<html") {
			t.Errorf("%s: %s: %d", name, value, resp.StatusCode)
		}
	}
	tried := 0
	for range 20 {
		if resp, _ := c.signIn("AKIAVIEWER", "guess"); resp.StatusCode != http.StatusTooManyRequests {
			tried++
		}
	}
	if resp, _ := c.post("/dashboard/", "/dashboard/sign-in", good()); tried != 5 || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d guesses were looked at, and then: %d", tried, resp.StatusCode)
	}
	c.now = c.now.Add(time.Minute)
	for _, to := range []string{"https://evil.example/dashboard/", `/dashboard\@evil.example`, "/dashboard/../metrics", "/dashboard/%2e%2e//evil.example", "/dashboard/sign-in?to=/"} {
		if _, body := c.get("/dashboard/sign-in?" + url.Values{"to": {to}}.Encode()); !strings.Contains(body, `name="to" value="/dashboard/"`) {
			t.Errorf("who wants to go to %s is led there", to)
		}
	}
	if resp, _ := c.post("/dashboard/", "/dashboard/sign-in", good()); resp.Request.URL.String() != c.server.URL+"/dashboard/" {
		t.Errorf("who signs in is led to %s", resp.Request.URL)
	}
	// A link on another site does not bring the cookie along, and is followed all the same.
	c.restart()
	r, _ := http.NewRequest(http.MethodGet, c.server.URL+"/dashboard/plans?q=%22%3E", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if resp, body := c.send(r); resp.StatusCode != 200 || !strings.Contains(body, `content="0; url=/dashboard/plans?q=%22%3E"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestSignInByPlainHTTP holds that nobody is asked for a secret where others read along.
func TestSignInByPlainHTTP(t *testing.T) {
	c := newClosed(t, nil)
	for _, way := range []struct {
		host, from, proto string
		asked             bool
	}{
		{"gatehouse.example.com", "192.0.2.7:1000", "", false},
		{"gatehouse.example.com", "127.0.0.1:1000", "", false},
		{"localhost", "192.0.2.7:1000", "", false},
		{"localhost:8001", "127.0.0.1:1000", "", true},
		{"gatehouse.example.com", "192.0.2.7:1000", "https", true},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+way.host+"/dashboard/sign-in", nil)
		r.RemoteAddr = way.from
		r.Header.Set("X-Forwarded-Proto", way.proto)
		w := httptest.NewRecorder()
		c.server.Config.Handler.ServeHTTP(w, r)
		if asked := strings.Contains(w.Body.String(), `type="password"`); asked != way.asked {
			t.Errorf("%+v: a secret is asked for: %v", way, asked)
		}
	}
	c.credentials = nil
	if _, body := c.get("/dashboard/"); !strings.Contains(body, "Nobody can sign in") {
		t.Error("nothing is said where nobody can sign in")
	}
}

// TestProvider signs in at a provider of OpenID Connect.
func TestProvider(t *testing.T) {
	iss := oidctest.Start(t)
	var callback string
	c := newClosed(t, func(at string) *signin.Provider {
		callback = at
		p, err := signin.NewProvider(signin.ProviderOptions{
			Issuer: iss.URL, ClientID: "gatehouse", ClientSecret: "client-secret", Callback: at, Emails: []string{"ann@example.com", "@ops.example"}, Groups: []string{"gatehouse-viewers"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
	sign := func(claims map[string]any) (*http.Response, string) {
		c.restart()
		iss.Register(oidctest.Client{ID: "gatehouse", Secret: "client-secret", Redirect: callback, Claims: claims})
		return c.get("/dashboard/sign-in/provider")
	}
	for name, claims := range map[string]map[string]any{
		"address": {"email": "Ann@example.com", "email_verified": true},
		"domain":  {"email": "bob@ops.example", "email_verified": true},
		"group":   {"sub": "carl", "groups": []string{"others", "gatehouse-viewers"}},
	} {
		resp, body := sign(claims)
		if resp.StatusCode != 200 || !strings.Contains(body, `http-equiv="refresh" content="0; url=/dashboard/"`) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
			continue
		}
		if resp, body = c.get("/dashboard/plans"); resp.Request.URL.Path != "/dashboard/plans" || !strings.Contains(body, "Sign out") {
			t.Errorf("%s has no session: %s", name, resp.Request.URL)
		}
	}
	// It ends where it was to lead to, if that is one of these pages.
	for to, want := range map[string]string{
		"/dashboard/requests?api=pets&status=5xx": "/dashboard/requests?api=pets&amp;status=5xx",
		"//evil.example/dashboard/":               "/dashboard/", "https://evil.example": "/dashboard/", "/dashboard/../x": "/dashboard/", "/dashboard/" + strings.Repeat("x", 2000): "/dashboard/",
	} {
		c.restart()
		iss.Register(oidctest.Client{ID: "gatehouse", Secret: "client-secret", Redirect: callback, Claims: map[string]any{"email": "ann@example.com", "email_verified": true}})
		_, page := c.get("/dashboard/sign-in?" + url.Values{"to": {to}}.Encode())
		link := regexp.MustCompile(`href="(/dashboard/sign-in/provider[^"]*)"`).FindStringSubmatch(page)
		if link == nil {
			t.Fatalf("no way to the provider: %s", page)
		}
		if _, body := c.get(html.UnescapeString(link[1])); !strings.Contains(body, `content="0; url=`+want+`"`) {
			t.Errorf("to %.50s: not to %s: %s", to, want, body)
		}
	}
	const outsider, failed = "You are not among those who may see the dashboard.", "The sign-in did not come to its end."
	good := func(more map[string]any) map[string]any {
		claims := map[string]any{"email": "ann@example.com", "email_verified": true}
		for name, value := range more {
			claims[name] = value
		}
		return claims
	}
	for name, refused := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"another address":  {good(map[string]any{"email": "eve@example.com"}), outsider},
		"not verified":     {good(map[string]any{"email_verified": false}), outsider},
		"a longer domain":  {good(map[string]any{"email": "eve@evil-ops.example"}), outsider},
		"no address":       {map[string]any{"sub": "eve"}, outsider},
		"another group":    {map[string]any{"groups": []string{"gatehouse-viewers-not"}}, outsider},
		"refused":          {map[string]any{"error": "access_denied"}, failed},
		"another audience": {good(map[string]any{"aud": "another"}), failed},
		"another issuer":   {good(map[string]any{"iss": "https://evil.example"}), failed},
		"another sign-in":  {good(map[string]any{"nonce": "another"}), failed},
		"an old token":     {good(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), failed},
	} {
		resp, body := sign(refused.claims)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, refused.want) {
			t.Errorf("%s: %d, without %q", name, resp.StatusCode, refused.want)
		}
		if resp, _ := c.get("/dashboard/plans"); resp.Request.URL.Path != "/dashboard/sign-in" {
			t.Errorf("%s is let in", name)
		}
	}
	// An answer that nobody here asked for signs nobody in.
	iss.Register(oidctest.Client{ID: "gatehouse", Secret: "client-secret", Redirect: callback, Claims: good(nil)})
	for _, query := range []string{"", "?code=x&state=y"} {
		if resp, body := c.get("/dashboard/sign-in/callback" + query); resp.StatusCode != 403 || !strings.Contains(body, failed) {
			t.Errorf("%q: %d", query, resp.StatusCode)
		}
	}
	if strings.Contains(c.log.String(), "client-secret") {
		t.Error("the client's secret is logged")
	}
	iss.Register(oidctest.Client{ID: "gatehouse", Secret: "changed", Redirect: callback, Claims: good(nil)})
	if resp, _ := c.get("/dashboard/sign-in/provider"); resp.StatusCode != 403 {
		t.Errorf("a client with a wrong secret: %d", resp.StatusCode)
	}
}
