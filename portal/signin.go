package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/codeflow"
)

// signIns are the OpenID providers of the sites, which are asked for their endpoints when
// somebody signs in for the first time.
type signIns struct {
	mu      sync.Mutex
	parties map[provider]*codeflow.Provider
}

// provider is all that makes a relying party.
type provider struct{ issuer, client, secret, ca, redirect string }

func newSignIns() *signIns { return &signIns{parties: map[provider]*codeflow.Provider{}} }

// Bounds of an OpenID provider's answers.
const (
	maxProviderBytes = 1 << 20
	maxProviders     = 100
)

// party gives the relying party of a site.
func (s *signIns) party(ctx context.Context, c *site) (*codeflow.Provider, error) {
	in := c.SignIn
	p := provider{in.Issuer, in.ClientID, in.ClientSecret.Reveal(), in.CA, c.URL + "/account/sign-in/done"}
	s.mu.Lock()
	known := s.parties[p]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	client, err := providerClient(in)
	if err != nil {
		return nil, err
	}
	party, err := codeflow.Discover(ctx, codeflow.Options{
		Issuer: p.issuer, ClientID: p.client, ClientSecret: in.ClientSecret, Callback: p.redirect, Skew: 30 * time.Second, Client: client,
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parties) >= maxProviders {
		clear(s.parties) // those of revisions that are gone
	}
	s.parties[p] = party
	return party, nil
}

func providerClient(in *gateway.PortalSignIn) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if in.CA != "" {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(in.CA)) {
			return nil, errors.New("ca of signIn has no certificate")
		}
	}
	return &http.Client{Transport: bounded{transport}, Timeout: codeflow.Timeout}, nil
}

// bounded cuts answers off that are larger than any of a provider.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxProviderBytes), answer.Body}
	return answer, nil
}

// signInState is what a browser keeps while its user is at the provider.
type signInState struct {
	codeflow.Flow
	// To is where its user goes on afterwards.
	To string
}

// random gives 256 bits that nobody can guess.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// startSignIn sends a browser to the provider.
func (s *Server) startSignIn(w http.ResponseWriter, r *http.Request, c *site) error {
	if c.SignIn == nil {
		return errNoPage
	}
	if !s.limits.signIns.allow(r) {
		return errTooOften
	}
	ctx, cancel := context.WithTimeout(r.Context(), codeflow.Timeout)
	defer cancel()
	party, err := s.signIns.party(ctx, c)
	if err != nil {
		s.options.Log.Warn("consumers cannot sign in", "portal", c.Name, "issuer", c.SignIn.Issuer, "error", err)
		return errNoProvider
	}
	address, begun := party.Begin()
	state := signInState{begun, c.way(r.URL.Query().Get("to"))}
	if err := s.setCookie(w, r, c, signInCookie, state, signInAge); err != nil {
		return err
	}
	http.Redirect(w, r, address, http.StatusFound)
	return nil
}

// way is where a consumer goes on after a sign-in: to the form of an API, or to the keys.
func (c *site) way(to string) string {
	for _, p := range c.apis {
		if p.Keys() && to == p.Name() {
			return "/account/request/" + p.Path()
		}
	}
	return "/account/keys"
}

// endSignIn takes in whom the provider says that a browser is.
func (s *Server) endSignIn(w http.ResponseWriter, r *http.Request, c *site) error {
	if c.SignIn == nil {
		return errNoPage
	}
	if !s.limits.signIns.allow(r) {
		return errTooOften
	}
	var kept signInState
	ok, err := s.openCookie(r, c, signInCookie, &kept)
	if err != nil {
		return err
	}
	c.dropCookie(w, signInCookie)
	query := r.URL.Query()
	if !ok || !kept.Answers(query.Get("state")) {
		return &refusal{http.StatusBadRequest, "This sign-in was not begun here, or too long ago. Please sign in again."}
	}
	if query.Has("error") {
		s.options.Log.Info("a consumer did not sign in", "portal", c.Name, "error", clip(query.Get("error"), maxNameChars))
		return &refusal{http.StatusForbidden, "You were not signed in."}
	}
	who, err := s.cameBack(r.Context(), c, kept.Flow, query.Get("code"))
	if err != nil {
		s.options.Log.Warn("a sign-in failed", "portal", c.Name, "issuer", c.SignIn.Issuer, "error", err)
		return errNoProvider
	}
	if err := s.setCookie(w, r, c, sessionCookie, who, sessionAge); err != nil {
		return err
	}
	http.Redirect(w, r, c.base+kept.To, http.StatusSeeOther)
	return nil
}

// cameBack is who has come back with a code, as the provider says.
func (s *Server) cameBack(ctx context.Context, c *site, f codeflow.Flow, code string) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, codeflow.Timeout)
	defer cancel()
	party, err := s.signIns.party(ctx, c)
	if err != nil {
		return session{}, err
	}
	claims, err := party.Finish(ctx, f, code)
	if err != nil {
		return session{}, err
	}
	return session{
		Owner: ownerOf("oidc", c.SignIn.Issuer+"|"+claims.Subject),
		Name:  clip(firstOf(claims.Name, claims.PreferredUsername, claims.Email, claims.Subject), maxNameChars),
		Email: clip(claims.Email, maxEmailBytes), Verified: bool(claims.EmailVerified),
	}, nil
}

// ownerOf stands for a consumer. It shows neither a subject nor a secret.
func ownerOf(kind, id string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + id))
	return kind + "-" + hex.EncodeToString(sum[:16])
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

// clip cuts a text of the network's off, and what is not to be shown out of it.
func clip(text string, most int) string {
	out := make([]rune, 0, min(len(text), most))
	for _, c := range text {
		if len(out) == most {
			break
		}
		if shown(c) {
			out = append(out, c)
		}
	}
	return strings.TrimSpace(string(out))
}

// signInBySecret lets in who has the secret of a request.
func (s *Server) signInBySecret(w http.ResponseWriter, r *http.Request, c *site) error {
	if c.SignIn != nil {
		return errNoPage
	}
	if !s.limits.signIns.allow(r) {
		return errTooOften
	}
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	owner := ownerOf("secret", strings.TrimSpace(r.PostForm.Get("secret")))
	requests, err := s.book.of(r.Context(), c.Name, owner)
	if err != nil {
		return err
	}
	if len(requests) == 0 {
		return s.signInPage(w, r, c, http.StatusForbidden, "Nothing belongs to this secret. Is all of it there?")
	}
	last := requests[len(requests)-1]
	if err := s.setCookie(w, r, c, sessionCookie, session{Owner: owner, Name: last.Name, Email: last.Email}, sessionAge); err != nil {
		return err
	}
	http.Redirect(w, r, c.base+"/account/keys", http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request, c *site) error {
	c.dropCookie(w, sessionCookie)
	http.Redirect(w, r, c.base+"/", http.StatusSeeOther)
	return nil
}
