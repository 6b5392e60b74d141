package introspection_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/introspection"
)

const secret = "s3cret:with%odd+characters"

func ask(t *testing.T, target introspection.Target) (*introspection.Answer, error) {
	t.Helper()
	target.ClientID, target.ClientSecret = "the gateway", secret
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return introspection.New().Introspect(ctx, target, "the-token+/=")
}

// TestRequest holds what is sent, for both ways to log in.
func TestRequest(t *testing.T) {
	var got *http.Request
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got = r
		io.WriteString(w, `{"active": true, "sub": "ann"}`)
	}))
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for _, post := range []bool{false, true} {
		answer, err := ask(t, introspection.Target{Endpoint: server.URL + "/introspect?tenant=a", Post: post, CA: ca})
		if err != nil || !answer.Active || answer.Claims["sub"] != "ann" {
			t.Fatalf("%+v, %v", answer, err)
		}
		id, password, basic := got.BasicAuth()
		id, _ = url.QueryUnescape(id)
		password, _ = url.QueryUnescape(password)
		if got.Method != "POST" || got.URL.RawQuery != "tenant=a" || got.PostForm.Get("token") != "the-token+/=" || got.Header.Get("Accept") != "application/json" ||
			got.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || basic == post {
			t.Errorf("post %t: %s %s %v %v", post, got.Method, got.URL, got.PostForm, got.Header)
		}
		if post {
			id, password = got.PostForm.Get("client_id"), got.PostForm.Get("client_secret")
		} else if got.PostForm.Has("client_id") || got.PostForm.Has("client_secret") {
			t.Errorf("the secret is sent twice: %v", got.PostForm)
		}
		if id != "the gateway" || password != secret {
			t.Errorf("post %t: logs in as %q with %q", post, id, password)
		}
	}
	// An authority that is not the endpoint's does not get to see anything.
	got = nil
	if _, err := ask(t, introspection.Target{Endpoint: server.URL}); err == nil || got != nil {
		t.Errorf("a stranger's certificate: %v", err)
	}
	if _, err := ask(t, introspection.Target{Endpoint: server.URL, CA: "nonsense"}); err == nil || got != nil {
		t.Errorf("no authorities: %v", err)
	}
}

// TestHostileEndpoints holds that nothing but a clear yes is one, and that errors tell
// no secrets.
func TestHostileEndpoints(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Error("the token was sent on to where a redirect led")
		io.WriteString(w, `{"active": true}`)
	}))
	defer other.Close()
	yes := `{"active": true, "of": "the-token+/="}`
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		is     error
	}{
		"yes with status 201": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); io.WriteString(w, yes) }, nil},
		"yes with status 404": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); io.WriteString(w, yes) }, nil},
		"yes with status 500": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); io.WriteString(w, yes) }, nil},
		"status 204":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, nil},
		"unauthorized":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); io.WriteString(w, yes) }, introspection.ErrClientRefused},
		"forbidden":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); io.WriteString(w, yes) }, introspection.ErrClientRefused},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, nil},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>the-token") }, introspection.ErrMalformed},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, yes)
		}, nil},
		"hung up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"active": true, "x": "`)
			for r.Context().Err() == nil {
				io.WriteString(w, strings.Repeat("x", 1<<10))
			}
		}, introspection.ErrMalformed},
		"large headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			io.WriteString(w, yes)
		}, nil},
	} {
		server := httptest.NewServer(c.answer)
		answer, err := ask(t, introspection.Target{Endpoint: server.URL + "/introspect?key=hidden"})
		if err == nil || answer != nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %+v, %v", name, answer, err)
		} else if text := err.Error(); strings.Contains(text, "the-token") || strings.Contains(text, "s3cret") || strings.Contains(text, "hidden") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
		server.CloseClientConnections()
		server.Close()
	}
	// Gone altogether, and silent.
	gone := httptest.NewServer(nil)
	gone.Close()
	if _, err := ask(t, introspection.Target{Endpoint: gone.URL + "?key=hidden"}); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("nobody there: %v", err)
	}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := introspection.New().Introspect(ctx, introspection.Target{Endpoint: silent.URL}, "t"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
}

// TestTargetsHideSecrets: targets are printed in logs and errors.
func TestTargetsHideSecrets(t *testing.T) {
	target := introspection.Target{Endpoint: "https://user:pw@id.example.com/introspect?key=hidden", ClientID: "g", ClientSecret: secret}
	if got := target.String(); got != "https://id.example.com/introspect" {
		t.Error(got)
	}
}
