package dashboard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/dashboard/signin"
	"gatehouse/internal/oidctest"
)

// askedKeys are requests for keys, and what was decided on them.
type askedKeys struct {
	all     []dashboard.KeyRequest
	decided []string
}

func newAskedKeys() *askedKeys {
	return &askedKeys{all: []dashboard.KeyRequest{
		{ID: "first", Portal: "developers", Stage: "pets/v1", Plan: "gold", Name: "Ada <script>alert(1)</script>", Email: "ada@example.com", Purpose: "cats\u202e", State: "pending", Created: time.Now()},
		{ID: "second", Portal: "developers", Stage: "pets/v1", Plan: "gold", Name: "Bob", Email: "bob@example.com", State: "approved", Created: time.Now(), Decided: time.Now()},
	}}
}

func (a *askedKeys) List(context.Context) ([]dashboard.KeyRequest, error) { return a.all, nil }

func (a *askedKeys) Decide(_ context.Context, id, state, reason, by string) (dashboard.KeyRequest, error) {
	for i := range a.all {
		if r := &a.all[i]; r.ID == id && r.State != state {
			r.State, r.Reason, r.DecidedBy = state, reason, by
			a.decided = append(a.decided, strings.Join([]string{id, state, reason, by}, "|"))
			return *r, nil
		}
	}
	return dashboard.KeyRequest{}, &dashboard.NotDecided{Text: "it is decided already"}
}

// TestKeyRequests holds who may decide on requests for keys, and what comes of it.
func TestKeyRequests(t *testing.T) {
	c := newClosed(t, nil)
	approve := url.Values{"request": {"first"}, "state": {"approved"}, "reason": {"is not for approvals"}}
	if resp, _ := c.post("/dashboard/sign-in", "/dashboard/keys", approve); resp.Request.URL.Path != "/dashboard/sign-in" {
		t.Errorf("who has not signed in decides: %s", resp.Request.URL)
	}
	// To see the dashboard is not to decide.
	c.signIn("AKIAVIEWER", "secret-of-AKIAVIEWER")
	if _, body := c.get("/dashboard/"); strings.Contains(body, "Key requests") {
		t.Error("a viewer is shown the way to the requests")
	}
	if resp, body := c.get("/dashboard/keys"); resp.StatusCode != 403 || strings.Contains(body, "ada@example.com") {
		t.Errorf("a viewer sees the requests: %d %s", resp.StatusCode, body)
	}
	delete(approve, "token")
	if resp, _ := c.post("/dashboard/explain", "/dashboard/keys", approve); resp.StatusCode != 403 || len(c.requests.decided) > 0 {
		t.Errorf("a viewer decides: %d %q", resp.StatusCode, c.requests.decided)
	}
	c.restart()
	c.signIn("AKIAOWNER", "secret-of-AKIAOWNER")
	resp, body := c.get("/dashboard/keys")
	if resp.StatusCode != 200 || !strings.Contains(body, "Key requests") || !strings.Contains(body, "ada@example.com") || strings.Contains(body, "<script>alert") || strings.Contains(body, "\u202e") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	// Forms of others decide nothing, whatever they know.
	for what, headers := range map[string]map[string]string{
		"another site":   {"Origin": "https://evil.example"},
		"no token":       {"Origin": c.server.URL},
		"a frame":        {"Sec-Fetch-Site": "cross-site"},
		"another origin": {"Origin": "null"},
	} {
		r, _ := http.NewRequest(http.MethodPost, c.server.URL+"/dashboard/keys", strings.NewReader("request=first&state=approved"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		if resp, _ := c.send(r); resp.StatusCode != 403 {
			t.Errorf("%s: %d", what, resp.StatusCode)
		}
	}
	if resp, _ := c.get("/dashboard/keys?request=first&state=approved"); resp.StatusCode != 200 || len(c.requests.decided) > 0 {
		t.Errorf("what others send decides: %q", c.requests.decided)
	}
	delete(approve, "token")
	if _, body = c.post("/dashboard/keys", "/dashboard/keys", approve); !strings.Contains(body, "is approved.") {
		t.Error(body)
	}
	if _, body = c.post("/dashboard/keys", "/dashboard/keys", approve); !strings.Contains(body, "it is decided already") {
		t.Errorf("a second time: %s", body)
	}
	c.post("/dashboard/keys", "/dashboard/keys", url.Values{"request": {"second"}, "state": {"revoked"}, "reason": {" enough "}})
	if _, body = c.post("/dashboard/keys", "/dashboard/keys", url.Values{"request": {"first"}, "state": {"denied"}, "reason": {strings.Repeat("a", 501)}}); !strings.Contains(body, "A reason has at most 500 letters.") {
		t.Error(body)
	}
	const by = "arn:aws:iam::" + account + ":user/AKIAOWNER"
	if got := strings.Join(c.requests.decided, " "); got != "first|approved||"+by+" second|revoked|enough|"+by {
		t.Errorf("decided was %s", got)
	}
	// What may be done is asked each time.
	c.credentials[len(c.credentials)-1].Policies = c.credentials[0].Policies
	if resp, _ := c.get("/dashboard/keys"); resp.StatusCode != 403 {
		t.Errorf("who may not any more: %d", resp.StatusCode)
	}
}

// TestKeyRequestsOfProvider holds that a provider's users decide if they are approvers.
func TestKeyRequestsOfProvider(t *testing.T) {
	iss := oidctest.Start(t)
	var callback string
	c := newClosed(t, func(at string) *signin.Provider {
		callback = at
		p, err := signin.NewProvider(signin.ProviderOptions{
			Issuer: iss.URL, ClientID: "gatehouse", ClientSecret: "client-secret", Callback: at, Emails: []string{"@ops.example"},
			ApproverEmails: []string{"ann@ops.example", "eve@evil.example"}, ApproverGroups: []string{"leads"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
	for name, who := range map[string]struct {
		claims map[string]any
		status int
	}{
		"approver": {map[string]any{"email": "Ann@ops.example", "email_verified": true}, 200},
		"lead":     {map[string]any{"email": "bob@ops.example", "email_verified": true, "groups": []string{"others", "leads"}}, 200},
		"viewer":   {map[string]any{"email": "carl@ops.example", "email_verified": true, "groups": []string{"lead"}}, 403},
		"outsider": {map[string]any{"email": "eve@evil.example", "email_verified": true}, 0},
	} {
		c.restart()
		iss.Register(oidctest.Client{ID: "gatehouse", Secret: "client-secret", Redirect: callback, Claims: who.claims})
		c.get("/dashboard/sign-in/provider")
		resp, _ := c.get("/dashboard/keys")
		if signedIn := resp.Request.URL.Path == "/dashboard/keys"; signedIn != (who.status != 0) || signedIn && resp.StatusCode != who.status {
			t.Errorf("%s: %d at %s", name, resp.StatusCode, resp.Request.URL)
		}
	}
}

// TestKeyRequestsWithoutSignIn holds that they are decided on where the server is told so.
func TestKeyRequestsWithoutSignIn(t *testing.T) {
	for name, c := range map[string]struct {
		requests dashboard.KeyRequests
		origin   string
		status   int
	}{
		"not told":     {nil, "http://localhost:8001", 404},
		"told":         {newAskedKeys(), "http://localhost:8001", 200},
		"another site": {newAskedKeys(), "http://evil.example", 403},
	} {
		s := dashboard.New(dashboard.Options{KeyRequests: c.requests})
		r := httptest.NewRequest(http.MethodPost, "http://localhost:8001/dashboard/keys", strings.NewReader("request=first&state=approved"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", c.origin)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if asked, ok := c.requests.(*askedKeys); ok && (len(asked.decided) == 1) != (c.status == 200) {
			t.Errorf("%s: decided was %q", name, asked.decided)
		}
	}
}
