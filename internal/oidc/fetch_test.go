package oidc

import (
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
)

// script is what an issuer does, by path; %URL% in texts is its own URL.
type script map[string]http.HandlerFunc

const (
	discoveryPath = "/.well-known/openid-configuration"
	plainServer   = "plain"
	tlsServer     = "tls"
)

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		_, _ = io.WriteString(w, strings.ReplaceAll(text, "%URL%", scheme+"://"+r.Host))
	}
}

func redirects(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// serve gives an issuer that follows a script, and trusts it.
func serve(t *testing.T, kind string, s script) (gateway.Issuer, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := s[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	if kind == plainServer {
		server.Start()
		return gateway.Issuer{URL: server.URL}, server
	}
	server.StartTLS()
	return gateway.Issuer{URL: server.URL, CA: caOf(server)}, server
}

func caOf(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

const goodDiscovery = `{"issuer": "%URL%", "jwks_uri": "%URL%/keys"}`

func keySet(t testing.TB, keys ...jose.JSONWebKey) string {
	t.Helper()
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFetch(t *testing.T) {
	key := oidctest.NewKey(t, jose.ES256)
	private := key.Private()
	good := keySet(t, private.Public())
	elsewhere, _ := serve(t, plainServer, script{"/keys": says(good)})
	trickle := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 100 {
			if _, err := z.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
		_ = z.Close()
	}
	for name, c := range map[string]struct {
		kind    string
		script  script
		change  func(*gateway.Issuer)
		err     string
		notOver time.Duration
	}{
		"plain":     {kind: plainServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says(good)}},
		"encrypted": {kind: tlsServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says(good)}},
		"below a path": {
			kind: plainServer, script: script{"/pool" + discoveryPath: says(`{"issuer":"%URL%/pool","jwks_uri":"%URL%/keys"}`), "/keys": says(good)},
			change: func(i *gateway.Issuer) { i.URL += "/pool" },
		},
		"slash at the end": {
			kind: plainServer, script: script{discoveryPath: says(`{"issuer":"%URL%/","jwks_uri":"%URL%/keys"}`), "/keys": says(good)},
			change: func(i *gateway.Issuer) { i.URL += "/" },
		},
		"without discovery": {
			kind: tlsServer, script: script{"/k": says(good)},
			change: func(i *gateway.Issuer) { i.JWKSURI = i.URL + "/k" },
		},
		"other member names count by the letter": {
			kind: plainServer, script: script{discoveryPath: says(`{"issuer":"%URL%","ISSUER":"x","Jwks_Uri":"x","jwks_uri":"%URL%/keys"}`), "/keys": says(good)},
		},
		"redirects within https": {
			kind: tlsServer, script: script{discoveryPath: redirects("/a"), "/a": redirects("/b"), "/b": redirects("/c"), "/c": says(goodDiscovery), "/keys": says(good)},
		},
		"keys elsewhere": {
			kind: plainServer, script: script{discoveryPath: says(`{"issuer":"%URL%","jwks_uri":"` + elsewhere.URL + `/keys"}`)},
		},

		"issuer with a slash more": {
			kind: plainServer, script: script{discoveryPath: says(`{"issuer":"%URL%/","jwks_uri":"%URL%/keys"}`), "/keys": says(good)},
			err: "to the letter",
		},
		"another issuer": {
			kind: plainServer, script: script{discoveryPath: says(`{"issuer":"https://evil.example.com","jwks_uri":"%URL%/keys"}`)},
			err: `of the issuer "https://evil.example.com"`,
		},
		"no issuer":   {kind: plainServer, script: script{discoveryPath: says(`{"jwks_uri":"%URL%/keys"}`)}, err: "no issuer"},
		"no jwks_uri": {kind: plainServer, script: script{discoveryPath: says(`{"issuer":"%URL%"}`)}, err: "no jwks_uri"},
		"odd jwks_uri": {
			kind: plainServer, script: script{discoveryPath: says(`{"issuer":"%URL%","jwks_uri":"file:///etc/passwd"}`)}, err: "is not a URL",
		},
		"jwks_uri with a password": {
			kind: tlsServer, script: script{discoveryPath: says(`{"issuer":"%URL%","jwks_uri":"https://me:hunter2@127.0.0.1/"}`)}, err: "a user in it",
		},
		"jwks_uri without encryption": {
			kind: tlsServer, script: script{discoveryPath: says(`{"issuer":"%URL%","jwks_uri":"` + elsewhere.URL + `/keys"}`)}, err: "is not https",
		},
		"redirect out of https": {
			kind: tlsServer, script: script{discoveryPath: says(goodDiscovery), "/keys": redirects(elsewhere.URL + "/keys?t=hunter2")}, err: "which is not https",
		},
		"redirect to a password": {
			kind: tlsServer, script: script{discoveryPath: redirects("https://me:hunter2@127.0.0.1/")}, err: "a user in it",
		},
		"redirect in a circle": {kind: tlsServer, script: script{discoveryPath: redirects(discoveryPath)}, err: "more than 3 redirects"},
		"redirect to a file":   {kind: plainServer, script: script{discoveryPath: redirects("file:///etc/passwd")}, err: "which is not https"},
		"no discovery":         {kind: plainServer, script: script{}, err: "status 404"},
		"not modified, unasked": {
			kind: plainServer, script: script{discoveryPath: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }}, err: "status 304",
		},
		"discovery is a page": {kind: plainServer, script: script{discoveryPath: says("<html>")}, err: "not a JSON object"},
		"keys are a page":     {kind: plainServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says("<html>")}, err: "not a JSON object"},
		"no usable key": {
			kind: plainServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says(`{"keys":[{"kty":"oct","k":"aHVudGVyMg"}]}`)}, err: "symmetric",
		},
		"private keys alone": {
			kind: plainServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says(keySet(t, private))}, err: "private half",
		},
		"huge discovery": {
			kind: plainServer, script: script{discoveryPath: says(goodDiscovery + strings.Repeat(" ", 64<<10))}, err: "more than 65536 bytes",
		},
		"huge key set": {
			kind: plainServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says(good + strings.Repeat(" ", 150_000))}, err: "more than 150000 bytes",
		},
		"huge when unpacked": {kind: plainServer, script: script{discoveryPath: says(goodDiscovery), "/keys": bomb}, err: "more than 150000 bytes"},
		"huge header": {
			kind: plainServer, script: script{discoveryPath: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }},
			err: "exceed",
		},
		"silent": {
			kind: plainServer, script: script{discoveryPath: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
			err: "no complete answer within",
		},
		"endless": {kind: plainServer, script: script{discoveryPath: says(goodDiscovery), "/keys": trickle}, err: "no complete answer within"},
		"certificate of a stranger": {
			kind: tlsServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says(good)},
			change: func(i *gateway.Issuer) { i.CA = "" }, err: "certificate",
		},
		"certificate for another name": {
			kind: tlsServer, script: script{discoveryPath: says(goodDiscovery), "/keys": says(good)},
			change: func(i *gateway.Issuer) { i.URL = strings.Replace(i.URL, "127.0.0.1", "localhost", 1) }, err: "not localhost",
		},
		"nobody there": {kind: plainServer, change: func(i *gateway.Issuer) { i.URL = "http://127.0.0.1:1" }, err: "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer, _ := serve(t, c.kind, c.script)
			if c.change != nil {
				c.change(&issuer)
			}
			timeout := 10 * time.Second
			if strings.HasPrefix(c.err, "no complete answer") {
				timeout = 100 * time.Millisecond
			}
			r, err := newRemote(issuer, timeout)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.fetch(t.Context())
			if c.err == "" {
				if err != nil || got.set.Keys != 1 || !strings.Contains(got.set.JSON, key.ID) {
					t.Fatalf("%+v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Fatalf("error %v, want one with %q (got %+v)", err, c.err, got)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "aHVudGVyMg") {
				t.Errorf("the error has a secret in it: %v", err)
			}
		})
	}
}

func TestFetchHidesQuery(t *testing.T) {
	r, err := newRemote(gateway.Issuer{URL: "http://127.0.0.1:1", JWKSURI: "http://127.0.0.1:1/keys?token=hunter2"}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.fetch(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

func TestBrokenCA(t *testing.T) {
	if _, err := newRemote(gateway.Issuer{URL: "https://a.example.com", CA: "no PEM"}, time.Second); err == nil {
		t.Error("no error")
	}
}

// TestConditionalFetch: what did not change is not sent again, and what did is never
// taken for what was there before.
func TestConditionalFetch(t *testing.T) {
	first, second := oidctest.NewKey(t, jose.ES256), oidctest.NewKey(t, jose.ES256)
	firstPrivate, secondPrivate := first.Private(), second.Private()
	keysAt, tag, set := "/keys", `"1"`, keySet(t, firstPrivate.Public())
	var seen []string
	issuer, _ := serve(t, plainServer, script{
		discoveryPath: func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") == keysAt {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("ETag", keysAt)
			says(`{"issuer":"%URL%","jwks_uri":"%URL%`+keysAt+`"}`)(w, r)
		},
		"/keys": func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Header.Get("If-None-Match"))
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			says(set)(w, r)
		},
		"/moved": func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, "moved:"+r.Header.Get("If-None-Match"))
			says(set)(w, r)
		},
	})
	r, err := newRemote(issuer, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(k oidctest.Key, requests ...string) {
		t.Helper()
		seen = nil
		got, err := r.fetch(t.Context())
		if err != nil || !strings.Contains(got.set.JSON, k.ID) {
			t.Errorf("%+v, %v", got.set, err)
		}
		if fmt.Sprint(seen) != fmt.Sprint(requests) {
			t.Errorf("requests %q, want %q", seen, requests)
		}
	}
	expect(first, "")
	expect(first, `"1"`)
	tag, set = `"2"`, keySet(t, secondPrivate.Public())
	expect(second, `"1"`)
	keysAt = "/moved"
	expect(second, "moved:")
	// A broken answer must not be confirmed by a later 304.
	keysAt, set, tag = "/keys", "garbage", `"3"`
	if _, err := r.fetch(t.Context()); err == nil {
		t.Error("garbage is taken")
	}
	set = keySet(t, firstPrivate.Public())
	expect(first, "")
}
