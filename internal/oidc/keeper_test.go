package oidc_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/internal/oidc"
	"gatehouse/internal/oidctest"
	"gatehouse/internal/outputtest"
)

// quick has everything happen at once, but for what a test wants not to happen.
var quick = oidc.Timing{
	Wait: 20 * time.Second, Fetch: 10 * time.Second,
	Refresh: 20 * time.Millisecond, RefreshMin: 20 * time.Millisecond,
	RetryMin: 20 * time.Millisecond, RetryMax: 50 * time.Millisecond,
}

// patience is for what must happen at some time.
const patience = 30 * time.Second

type fixture struct {
	*oidc.Keeper
	changes  chan struct{}
	registry *prometheus.Registry
}

func keep(t *testing.T, path string, timing oidc.Timing) fixture {
	t.Helper()
	f := fixture{changes: make(chan struct{}, 1000), registry: prometheus.NewRegistry()}
	f.Keeper = oidc.New(oidc.Options{
		Path: path, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: f.registry, Timing: timing,
		OnChange: func() { f.changes <- struct{}{} },
	})
	t.Cleanup(f.Close)
	return f
}

func (f fixture) change(t *testing.T) {
	t.Helper()
	select {
	case <-f.changes:
	case <-time.After(patience):
		t.Fatal("no change was told")
	}
}

// snapshot has an HTTP API with a JWT authorizer per issuer URL, at line 10, 11, ….
func snapshot(urls []string, issuers ...gateway.Issuer) *gateway.Snapshot {
	d := &gateway.Deployment{Protocol: gateway.HTTP}
	for n, url := range urls {
		name := string(rune('a' + n))
		d.Routes = append(d.Routes, gateway.Route{
			Method: "GET", Path: "/" + name, Authorization: &gateway.Authorization{Type: "JWT", Authorizer: name},
		})
		d.Authorizers = append(d.Authorizers, gateway.Authorizer{
			Name: name, Type: "JWT", JWTIssuer: url, Source: gateway.Position{File: "api.yaml", Line: 10 + n, Column: 3},
		})
	}
	s := &gateway.Snapshot{
		APIs:    []gateway.API{{ID: "api", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "$default", Deployment: d}}}},
		Issuers: issuers,
	}
	return s.Seal()
}

// verify checks a token as Envoy would, with the keys of the snapshot.
func verify(t *testing.T, s *gateway.Snapshot, issuer, token string) error {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := unmarshal(s.Issuer(issuer).JWKS, &set); err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Claims(set, &map[string]any{})
}

func filled(t *testing.T, f fixture, s *gateway.Snapshot) *gateway.Snapshot {
	t.Helper()
	out, found := f.Fill(t.Context(), s)
	if len(found) > 0 {
		t.Fatal(found)
	}
	return out
}

func TestFill(t *testing.T) {
	one, two := oidctest.Start(t), oidctest.Start(t, oidctest.TLS(), oidctest.Path("/pool"))
	written, opaque := oidctest.Start(t), oidctest.Start(t)
	s := snapshot([]string{two.URL, one.URL, written.URL, opaque.URL},
		gateway.Issuer{URL: opaque.URL, Introspection: &gateway.Introspection{Endpoint: opaque.URL + "/introspect"}},
		gateway.Issuer{URL: written.URL, JWKS: `{"keys":["written"]}`},
		gateway.Issuer{URL: two.URL, CA: two.CA},
		gateway.Issuer{URL: "https://unused.invalid"},
	)
	before := s.Revision()
	f := keep(t, "", oidc.Timing{Wait: patience, Fetch: patience})
	out := filled(t, f, s)
	for _, i := range []*oidctest.Issuer{one, two} {
		if err := verify(t, out, i.URL, i.Token(nil)); err != nil {
			t.Errorf("%s: %v", i.URL, err)
		}
		if !out.Issuer(i.URL).Fetched {
			t.Errorf("%s is not marked as fetched", i.URL)
		}
	}
	if got := out.Issuer(opaque.URL).JWKS; got != "" || opaque.Requests("discovery")+opaque.Requests("keys") > 0 {
		t.Errorf("keys were fetched of an issuer that is asked about its tokens: %s", got)
	}
	if got := out.Issuer(written.URL).JWKS; got != `{"keys":["written"]}` || written.Requests("discovery")+written.Requests("keys") > 0 {
		t.Errorf("a written key set became %s", got)
	}
	// The definitions are shared, and stay as they are.
	if s.Revision() != before || s.Issuer(one.URL) != nil || s.Issuer(two.URL).JWKS != "" {
		t.Error("the snapshot was changed")
	}
	if out.Revision() == before || out.APIs[0].Stages[0].Deployment != s.APIs[0].Stages[0].Deployment {
		t.Error("the filled snapshot has the old revision, or deployments of its own")
	}
	if again := filled(t, f, s); again.Revision() != out.Revision() {
		t.Error("the same keys give another revision")
	}
	// Another control plane comes to the same.
	if other := filled(t, keep(t, "", oidc.Timing{Wait: patience, Fetch: patience}), s); other.Revision() != out.Revision() {
		t.Error("another keeper gives another revision")
	}
	if n := one.Requests("keys"); n != 2 {
		t.Errorf("%d requests of two keepers", n)
	}
	// Keys that Fill waited for are no news.
	if len(f.changes) > 0 {
		t.Error("a change was told")
	}
}

func TestNoIssuersNoChange(t *testing.T) {
	s := snapshot(nil, gateway.Issuer{URL: "https://unused.invalid"})
	f := keep(t, "", quick)
	if out := filled(t, f, s); out != s {
		t.Error("a snapshot without token authorizers is copied")
	}
}

func TestRotation(t *testing.T) {
	i := oidctest.Start(t)
	s := snapshot([]string{i.URL})
	f := keep(t, "", quick)
	first := filled(t, f, s)
	old := i.Token(nil)
	i.Rotate()
	f.change(t)
	both := filled(t, f, s)
	for name, token := range map[string]string{"old": old, "new": i.Token(nil), "EC": i.Token(nil, oidctest.SignedBy(i.Key(jose.ES256)))} {
		if err := verify(t, both, i.URL, token); err != nil {
			t.Errorf("%s key: %v", name, err)
		}
	}
	if verify(t, first, i.URL, i.Token(nil)) == nil || verify(t, first, i.URL, old) != nil {
		t.Error("a snapshot that was given out has changed")
	}
	i.Retire()
	f.change(t)
	if verify(t, filled(t, f, s), i.URL, old) == nil {
		t.Error("a retired key is still there")
	}
}

// TestUnsafeKeysStayBehind: whatever an issuer publishes.
func TestUnsafeKeysStayBehind(t *testing.T) {
	i := oidctest.Start(t)
	leaked := oidctest.NewKey(t, jose.RS256)
	i.Publish(leaked.Private())
	i.Publish(jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "hmac", Algorithm: "HS256"})
	f := keep(t, "", quick)
	out := filled(t, f, snapshot([]string{i.URL}))
	keys := out.Issuer(i.URL).JWKS
	if strings.Contains(keys, `"d"`) || strings.Contains(keys, `"k"`) || strings.Contains(keys, "hmac") || strings.Contains(keys, leaked.ID) {
		t.Errorf("keys: %s", keys)
	}
	if err := verify(t, out, i.URL, i.Token(nil)); err != nil {
		t.Error(err)
	}
}

func TestUnreachableIssuerDoesNotBlock(t *testing.T) {
	good, away := oidctest.Start(t), oidctest.Start(t)
	away.Stop()
	s := snapshot([]string{good.URL, away.URL})
	f := keep(t, "", quick)
	out, found := f.Fill(t.Context(), s)
	if len(found) != 1 || found[0].Code != "issuer-unreachable" || found[0].Severity != gateway.Warning || found[0].Pos.Line != 11 || !strings.Contains(found[0].Message, "refused") {
		t.Fatalf("%v", found)
	}
	if out.Issuer(away.URL) == nil || out.Issuer(away.URL).JWKS != "" || verify(t, out, good.URL, good.Token(nil)) != nil {
		t.Error("one issuer's absence cost the other's keys")
	}
	away.Resume()
	f.change(t)
	if err := verify(t, filled(t, f, s), away.URL, away.Token(nil)); err != nil {
		t.Error(err)
	}
}

// TestSilentIssuer: one that takes the connection and says nothing is waited for
// once, for as long as the options say, and not again.
func TestSilentIssuer(t *testing.T) {
	release := make(chan struct{})
	silent := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	timing := quick
	timing.Wait = 50 * time.Millisecond
	f := keep(t, "", timing)
	for range 2 {
		_, found := f.Fill(t.Context(), snapshot([]string{silent}))
		if len(found) != 1 || !strings.Contains(found[0].Message, "no answer within 50ms") {
			t.Fatalf("%v", found)
		}
	}
	if status := f.Status(); len(status) != 1 || status[0].Keys != 0 {
		t.Errorf("%+v", status)
	}
}

func TestStaleKeysAreUsedOn(t *testing.T) {
	i := oidctest.Start(t)
	s := snapshot([]string{i.URL})
	f := keep(t, "", quick)
	before := filled(t, f, s)
	i.Stop()
	eventually(t, "stale", func() bool { return f.Status()[0].Stale() && f.Status()[0].Failures > 2 })
	if after := filled(t, f, s); after.Revision() != before.Revision() {
		t.Error("keys were lost")
	}
	metric(t, f, "gatehouse_issuer_keys_stale", `gatehouse_issuer_keys_stale{issuer="`+i.URL+`"} 1`)
	if err := f.Status()[0].Err; err == nil {
		t.Error("no error is shown")
	}
	i.Resume()
	eventually(t, "fresh again", func() bool { return !f.Status()[0].Stale() })
	metric(t, f, "gatehouse_issuer_keys_stale", `gatehouse_issuer_keys_stale{issuer="`+i.URL+`"} 0`)
	metric(t, f, "gatehouse_issuer_keys", `gatehouse_issuer_keys{issuer="`+i.URL+`"} 2`)
	if len(f.changes) > 0 {
		t.Error("a change was told, and there was none")
	}
}

func TestMaxAge(t *testing.T) {
	i := oidctest.Start(t)
	s := snapshot([]string{i.URL})
	timing := quick
	timing.MaxAge = 300 * time.Millisecond
	path := filepath.Join(t.TempDir(), "keys")
	f := keep(t, path, timing)
	served := filled(t, f, s)
	i.Stop()
	f.change(t)
	out, found := f.Fill(t.Context(), s)
	if len(found) != 1 || out.Issuer(i.URL).JWKS != "" || !f.Status()[0].Expired {
		t.Errorf("%v, %s, %+v", found, out.Issuer(i.URL).JWKS, f.Status())
	}
	if renewed := f.Renew(served); renewed.Issuer(i.URL).JWKS != "" {
		t.Error("what is served keeps keys that are too old")
	}
	i.Resume()
	f.change(t)
	if filled(t, f, s).Revision() != served.Revision() {
		t.Error("the keys did not come back")
	}
	// In the file they grow old, too.
	f.Close()
	i.Stop()
	time.Sleep(timing.MaxAge)
	later := keep(t, path, timing)
	if out, found := later.Fill(t.Context(), s); len(found) != 1 || out.Issuer(i.URL).JWKS != "" {
		t.Errorf("after a restart: %v", found)
	}
	if renewed := later.Renew(served); renewed.Issuer(i.URL).JWKS != "" {
		t.Error("after a restart, what is served keeps keys that are too old")
	}
}

func TestRestartWithoutTheIssuer(t *testing.T) {
	i := oidctest.Start(t)
	s := snapshot([]string{i.URL})
	path := filepath.Join(t.TempDir(), "keys")
	f := keep(t, path, quick)
	before := filled(t, f, s)
	f.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	i.Stop()

	again := keep(t, path, quick)
	if out := filled(t, again, s); out.Revision() != before.Revision() {
		t.Error("the keys are not those from before")
	}
	if status := again.Status()[0]; status.Keys != 2 || time.Since(status.Confirmed) > time.Hour {
		t.Errorf("%+v", status)
	}

	t.Run("keys got in another way are not taken", func(t *testing.T) {
		for name, changed := range map[string]gateway.Issuer{
			"address":   {URL: i.URL, JWKSURI: i.JWKSURL()},
			"authority": {URL: i.URL, CA: oidctest.Start(t, oidctest.TLS()).CA},
		} {
			if _, found := keep(t, path, quick).Fill(t.Context(), snapshot([]string{i.URL}, changed)); len(found) != 1 {
				t.Errorf("%s: %v", name, found)
			}
		}
	})
	t.Run("a file that was tampered with", func(t *testing.T) {
		again.Close()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"cut":         string(content[:len(content)/2]),
			"empty":       "",
			"new version": strings.Replace(string(content), `"version": 1`, `"version": 2`, 1),
			"symmetric":   strings.ReplaceAll(strings.ReplaceAll(string(content), `"RSA"`, `"oct"`), `"EC"`, `"oct"`),
		} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, found := keep(t, path, quick).Fill(t.Context(), s); len(found) != 1 {
				t.Errorf("%s: %v", name, found)
			}
		}
	})
}

func TestFileThatCannotBeWritten(t *testing.T) {
	i := oidctest.Start(t)
	f := keep(t, filepath.Join(t.TempDir(), "missing", "keys"), quick)
	filled(t, f, snapshot([]string{i.URL}))
	f.Close()
}

// TestForgottenIssuers: nobody asks an issuer that no definition names, but its keys
// are there when one does again.
func TestForgottenIssuers(t *testing.T) {
	i := oidctest.Start(t)
	f := keep(t, "", quick)
	s := snapshot([]string{i.URL})
	before := filled(t, f, s)
	filled(t, f, snapshot(nil))
	if status := f.Status(); len(status) > 0 {
		t.Errorf("%+v", status)
	}
	i.Stop()
	if families, err := f.registry.Gather(); err != nil || len(families) > 0 {
		t.Errorf("metrics %v, %v", families, err)
	}
	if filled(t, f, s).Revision() != before.Revision() {
		t.Error("the keys are gone")
	}
}

// TestRenew: what is served gets new keys though the definitions that would replace
// it are broken, or name other issuers.
func TestRenew(t *testing.T) {
	one, two := oidctest.Start(t), oidctest.Start(t)
	f := keep(t, "", quick)
	s := snapshot([]string{one.URL})
	served := filled(t, f, s)
	if renewed := f.Renew(served); renewed.Revision() != served.Revision() {
		t.Error("nothing new gives another revision")
	}
	filled(t, f, snapshot([]string{two.URL}))
	one.Rotate()
	f.change(t)
	renewed := f.Renew(served)
	if err := verify(t, renewed, one.URL, one.Token(nil)); err != nil {
		t.Error(err)
	}
	if want := filled(t, f, s).Revision(); renewed.Revision() != want {
		t.Errorf("renewed to %s, filled anew it is %s", renewed.Revision(), want)
	}
	f.Close()
	// A keeper that knows nothing yet leaves the keys of a stored revision alone.
	one.Stop()
	if fresh := keep(t, "", quick).Renew(served); fresh.Revision() != served.Revision() {
		t.Error("keys of a stored revision were lost")
	}
}

// TestOneFetchForAll: however many ask for an issuer, it is asked once.
func TestOneFetchForAll(t *testing.T) {
	i := oidctest.Start(t)
	f := keep(t, "", oidc.Timing{Wait: patience, Fetch: patience})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, found := f.Fill(t.Context(), snapshot([]string{i.URL})); len(found) > 0 {
				t.Error(found)
			}
		})
	}
	group.Wait()
	if n := i.Requests("discovery"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestBrokenAuthority(t *testing.T) {
	f := keep(t, "", quick)
	_, found := f.Fill(t.Context(), snapshot([]string{"https://a.invalid"}, gateway.Issuer{URL: "https://a.invalid", CA: "no PEM"}))
	if len(found) != 1 || !strings.Contains(found[0].Message, "ca has no certificate") {
		t.Errorf("%v", found)
	}
	// There is nobody to ask, and nothing to wait for.
}

func TestFillEndsWithItsContext(t *testing.T) {
	silent := newServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	f := keep(t, "", oidc.Timing{Wait: time.Hour, Fetch: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, found := f.Fill(ctx, snapshot([]string{silent})); len(found) != 1 {
		t.Errorf("%v", found)
	}
	// Close ends the fetch that is under way.
}

func TestStatus(t *testing.T) {
	i := oidctest.Start(t)
	i.SetHeader("Cache-Control", "max-age=3600")
	f := keep(t, "", oidc.Timing{Wait: patience, Fetch: patience})
	filled(t, f, snapshot([]string{i.URL}))
	s := f.Status()[0]
	if in := time.Until(s.Next); in < 50*time.Minute || in > time.Hour {
		t.Errorf("next in %v", in)
	}
	s.Next = time.Time{}
	if s.Confirmed.IsZero() || !s.Confirmed.Equal(s.Changed) {
		t.Errorf("%+v", s)
	}
	s.Confirmed, s.Changed = time.Time{}, time.Time{}
	if diff := cmp.Diff(oidc.Status{Issuer: i.URL, Keys: 2}, s); diff != "" {
		t.Error(diff)
	}
	metric(t, f, "gatehouse_issuer_fetches_total", `gatehouse_issuer_fetches_total{issuer="`+i.URL+`",result="changed"} 1`)
}

// TestLogIsBounded: what an issuer publishes must not fill the disk with complaints.
func TestLogIsBounded(t *testing.T) {
	i := oidctest.Start(t)
	hmac := jose.JSONWebKey{Key: []byte("0123456789abcdef"), KeyID: strings.Repeat("x", 10_000)}
	for range 13 {
		i.Publish(hmac)
	}
	var text outputtest.Buffer
	k := oidc.New(oidc.Options{Log: slog.New(slog.NewTextHandler(&text, nil)), Timing: quick})
	if _, found := k.Fill(t.Context(), snapshot([]string{i.URL})); len(found) > 0 {
		t.Fatal(found)
	}
	eventually(t, "fetched a few times", func() bool { return i.Requests("keys") > 3 })
	k.Close()
	if got := text.String(); len(got) > 10_000 || strings.Count(got, "a key of the issuer is left out") != 10 || !strings.Contains(got, "keys=3") {
		t.Errorf("%d bytes: %.2000s", len(got), got)
	}
}
