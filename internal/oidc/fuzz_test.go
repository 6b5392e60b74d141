package oidc

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"net/http"
)

func FuzzDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://a.example.com","jwks_uri":"https://a.example.com/keys"}`), "https://a.example.com")
	f.Add([]byte(`{"issuer":"http://a","jwks_uri":"http://b/k?x=1"}`), "http://a")
	f.Add([]byte(`{"issuer":"https://a/","jwks_uri":"https://me:pw@b"}`), "https://a/")
	f.Add([]byte(`{"issuer":1,"jwks_uri":null}`), "https://a")
	f.Add([]byte(`[]`), "")
	f.Fuzz(func(t *testing.T, data []byte, issuer string) {
		uri, err := parseDiscovery(data, issuer, keysMember)
		if err != nil {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(issuer, "https:")) {
			t.Fatalf("%q of %q", uri, issuer)
		}
	})
}

func FuzzLifetime(f *testing.F) {
	f.Add("public, max-age=600", "1")
	f.Add(`max-age="18446744073709551616",no-store`, "-1")
	timing := Timing{}.orDefaults()
	f.Fuzz(func(t *testing.T, cacheControl, age string) {
		d := timing.lifetime(http.Header{"Cache-Control": {cacheControl}, "Age": {age}})
		if d < time.Minute || d > 2*time.Hour {
			t.Fatalf("%q, %q: %v", cacheControl, age, d)
		}
	})
}

func FuzzKeptKeys(f *testing.F) {
	f.Add([]byte(`{"version":1,"sets":[{"id":"a","issuer":"https://a","keys":{"keys":[]},"confirmed":"2026-01-02T03:04:05Z"}]}`))
	f.Add([]byte(`{"version":1,"sets":[{"id":"a","issuer":"https://a","introspectionEndpoint":"https://b/i","confirmed":"2026-01-02T03:04:05Z"}]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sets := map[string]storedSet{}
		_ = readSets(data, sets)
		for _, s := range sets {
			if s.endpoint == "" && (s.keys == "" || s.count == 0) || s.confirmed.After(time.Now()) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
