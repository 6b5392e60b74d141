package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDashboardFlags holds who has to sign in, and which flags are refused.
func TestDashboardFlags(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("  the-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := func() bool { return true }
	good := dashboardFlags{issuer: "https://login.example", clientID: "gatehouse", url: "https://gatehouse.example", emails: []string{"@example.com"}, secretFile: secret}
	with := func(change func(*dashboardFlags)) dashboardFlags {
		f := good
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		flags   dashboardFlags
		address string
		asks    bool
		wrong   string
	}{
		"on this machine":     {dashboardFlags{}, "127.0.0.1:8001", false, ""},
		"asked for":           {dashboardFlags{signIn: true, signInChosen: said}, "localhost:8001", true, ""},
		"for others":          {dashboardFlags{}, "0.0.0.0:8001", true, ""},
		"open to others":      {dashboardFlags{signInChosen: said}, "0.0.0.0:8001", false, "--dashboard-sign-in=false would show the dashboard to everyone"},
		"a provider":          {good, "127.0.0.1:8001", true, ""},
		"provider, no asking": {with(func(f *dashboardFlags) { f.signInChosen = said }), "127.0.0.1:8001", false, "contradict each other"},
		"nobody":              {with(func(f *dashboardFlags) { f.emails = nil }), "127.0.0.1:8001", true, "nobody is let in"},
		"no address":          {with(func(f *dashboardFlags) { f.emails = []string{"example.com"} }), "127.0.0.1:8001", true, `"example.com" is no e-mail address`},
		"no client":           {with(func(f *dashboardFlags) { f.clientID = "" }), "127.0.0.1:8001", true, "the client has no id"},
		"no URL":              {with(func(f *dashboardFlags) { f.url = "" }), "127.0.0.1:8001", true, "--dashboard-url must say"},
		"a path":              {with(func(f *dashboardFlags) { f.url = "https://gatehouse.example/a" }), "127.0.0.1:8001", true, "--dashboard-url must say"},
		"plain HTTP":          {with(func(f *dashboardFlags) { f.issuer = "http://login.example" }), "127.0.0.1:8001", true, "must be reached by https"},
		"no secret":           {with(func(f *dashboardFlags) { f.secretFile = secret + "-not" }), "127.0.0.1:8001", true, "no such file"},
		"an empty secret":     {with(func(f *dashboardFlags) { f.secretFile = os.DevNull }), "127.0.0.1:8001", true, "is empty"},
		"approvers":           {with(func(f *dashboardFlags) { f.approvals, f.approverGroups = true, []string{"leads"} }), "127.0.0.1:8001", true, ""},
		"nothing to approve":  {with(func(f *dashboardFlags) { f.approverGroups = []string{"leads"} }), "127.0.0.1:8001", true, "which are not both given"},
		"no approver":         {with(func(f *dashboardFlags) { f.approvals, f.approverEmails = true, []string{"leads"} }), "127.0.0.1:8001", true, `"leads" is no e-mail address`},
		"no issuer":           {with(func(f *dashboardFlags) { f.issuer = "" }), "127.0.0.1:8001", false, "are for --dashboard-oidc-issuer"},
	} {
		err := c.flags.check(c.address)
		if got := c.flags.asks(c.address); got != c.asks {
			t.Errorf("%s: people have to sign in: %v", name, got)
		}
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		}
	}
	if got, err := good.secret(); err != nil || got.Reveal() != "the-secret" {
		t.Errorf("the secret is %q, %v", got.Reveal(), err)
	}
}
