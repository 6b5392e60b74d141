package oidc_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/gateway"
)

// metadataServer has documents by path, which name the issuer that "URL" stands for.
func metadataServer(t *testing.T, documents map[string]*atomic.Value) string {
	t.Helper()
	var url string
	url = newServer(t, func(w http.ResponseWriter, r *http.Request) {
		document, _ := documents[r.URL.Path].Load().(string)
		if document == "" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, strings.ReplaceAll(document, "URL", url))
	})
	return url
}

func document(text string) *atomic.Value {
	v := &atomic.Value{}
	v.Store(text)
	return v
}

func asked(url, endpoint string) gateway.Issuer {
	return gateway.Issuer{URL: url, Introspection: &gateway.Introspection{Endpoint: endpoint, ClientID: "gateway", Auth: gateway.IntrospectionBasic}}
}

// Where an issuer is asked about its tokens is found as keys are: by its metadata, which
// is asked for again, and kept for when it cannot be.
func TestIntrospectionEndpoint(t *testing.T) {
	provider := document(`{"issuer": "URL", "jwks_uri": "URL/keys", "introspection_endpoint": "URL/introspect"}`)
	plain := document(`{"issuer": "URL/tenant", "introspection_endpoint": "https://id.example.com/ask?x=1"}`)
	none := &atomic.Value{}
	url := metadataServer(t, map[string]*atomic.Value{
		"/.well-known/openid-configuration":              provider,
		"/tenant/.well-known/openid-configuration":       document(`{"issuer": "URL/tenant", "jwks_uri": "URL/keys"}`),
		"/.well-known/oauth-authorization-server/tenant": plain,
		"/none/.well-known/openid-configuration":         none, "/.well-known/oauth-authorization-server/none": none,
	})
	path := filepath.Join(t.TempDir(), "issuer-keys.json")
	s := snapshot([]string{url, url + "/tenant"}, asked(url, ""), asked(url+"/tenant", ""))
	f := keep(t, path, quick)
	out := filled(t, f, s)
	check := func(s *gateway.Snapshot, issuer, want string) {
		t.Helper()
		if in := s.Issuer(issuer).Introspection; in.Endpoint != want || !in.Discovered || in.ClientID != "gateway" {
			t.Errorf("%s is asked at %+v, want %s", issuer, in, want)
		}
	}
	check(out, url, url+"/introspect")
	check(out, url+"/tenant", "https://id.example.com/ask?x=1")
	if s.Issuer(url).Introspection.Endpoint != "" {
		t.Error("the snapshot itself was changed")
	}
	if status := f.Status()[0]; status.Introspection != url+"/introspect" || status.Keys != 0 || status.Confirmed.IsZero() || status.Stale() {
		t.Errorf("status %+v", status)
	}
	if out.Revision() == s.Revision() || f.Renew(out).Revision() != out.Revision() {
		t.Error("the revision does not follow the endpoint")
	}

	// The endpoint moves.
	provider.Store(`{"issuer": "URL", "introspection_endpoint": "URL/elsewhere"}`)
	f.change(t)
	out = f.Renew(out)
	check(out, url, url+"/elsewhere")

	// Nobody answers any more, nor after a restart: what was known is used on.
	provider.Store("")
	plain.Store("")
	eventually(t, "the failure is known", func() bool { return f.Status()[0].Stale() && f.Status()[1].Stale() })
	check(f.Renew(out), url, url+"/elsewhere")
	f.Close()
	again := keep(t, path, quick)
	out = filled(t, again, s)
	check(out, url, url+"/elsewhere")
	check(out, url+"/tenant", "https://id.example.com/ask?x=1")

	// What is written is not looked for.
	out = filled(t, again, snapshot([]string{url + "/none"}, asked(url+"/none", "https://id.example.com/written")))
	if in := out.Issuer(url + "/none").Introspection; in.Endpoint != "https://id.example.com/written" || in.Discovered {
		t.Errorf("%+v", in)
	}
}

// An issuer that does not tell is warned of, and its tokens are refused until it does.
func TestNoIntrospectionEndpoint(t *testing.T) {
	silent := document("")
	url := metadataServer(t, map[string]*atomic.Value{
		"/.well-known/openid-configuration":       silent,
		"/.well-known/oauth-authorization-server": document(`{"issuer": "https://other.example.com", "introspection_endpoint": "URL/introspect"}`),
	})
	f := keep(t, "", quick)
	s, found := f.Fill(t.Context(), snapshot([]string{url}, asked(url, "")))
	if len(found) != 1 || !strings.Contains(found[0].String(), "api.yaml:10:3: warning issuer-unreachable: ") ||
		!strings.Contains(found[0].String(), "status 404") || !strings.Contains(found[0].String(), `of the issuer "https://other.example.com"`) {
		t.Error(found)
	}
	if in := s.Issuer(url).Introspection; in.Endpoint != "" || in.Discovered {
		t.Errorf("%+v", in)
	}
	silent.Store(`{"issuer": "URL", "introspection_endpoint": "http://user:pass@127.0.0.1/introspect"}`)
	eventually(t, "an endpoint with a user in it is refused", func() bool {
		err := f.Status()[0].Err
		return err != nil && strings.Contains(err.Error(), "introspection_endpoint of the discovery document has a user in it") && !strings.Contains(err.Error(), "pass")
	})
	silent.Store(`{"issuer": "URL", "introspection_endpoint": "URL/introspect"}`)
	f.change(t)
	if in := f.Renew(s).Issuer(url).Introspection; in.Endpoint != url+"/introspect" || !in.Discovered {
		t.Errorf("%+v", in)
	}
}

// What an issuer said is not used for ever.
func TestIntrospectionEndpointTooOld(t *testing.T) {
	provider := document(`{"issuer": "URL", "introspection_endpoint": "URL/introspect"}`)
	url := metadataServer(t, map[string]*atomic.Value{"/.well-known/openid-configuration": provider, "/.well-known/oauth-authorization-server": document("")})
	timing := quick
	timing.MaxAge = 1
	f := keep(t, "", timing)
	out := filled(t, f, snapshot([]string{url}, asked(url, "")))
	provider.Store("")
	f.change(t)
	if in := f.Renew(out).Issuer(url).Introspection; in.Endpoint != "" || in.Discovered {
		t.Errorf("%+v", in)
	}
}
