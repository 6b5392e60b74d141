package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"gatehouse/internal/codeflow"
)

// signIns are the OpenID providers of the sites.
type signIns struct {
	mu        sync.Mutex
	providers map[provider]*codeflow.Provider
}

// provider is all that makes one that is asked.
type provider struct{ issuer, client, secret, ca, redirect string }

func newSignIns() *signIns { return &signIns{providers: map[provider]*codeflow.Provider{}} }

// maxProviders bounds those that are remembered.
const maxProviders = 100

// of gives the provider of a site.
func (s *signIns) of(c *site) (*codeflow.Provider, error) {
	in := c.SignIn
	p := provider{in.Issuer, in.ClientID, in.ClientSecret.Reveal(), in.CA, c.URL + "/account/sign-in/done"}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.providers[p]; known != nil {
		return known, nil
	}
	client, err := codeflow.NewClient(in.CA)
	if err != nil {
		return nil, fmt.Errorf("signIn: %w", err)
	}
	if len(s.providers) >= maxProviders {
		clear(s.providers) // those of revisions that are gone
	}
	s.providers[p] = codeflow.New(codeflow.Options{
		Issuer: p.issuer, ClientID: p.client, ClientSecret: in.ClientSecret, Callback: p.redirect, Client: client,
	})
	return s.providers[p], nil
}

// signInState is what a browser keeps while its user is at the provider.
type signInState struct {
	codeflow.Flow
	// To is where its user goes on afterwards.
	To string
}

// startSignIn sends a browser to the provider.
func (s *Server) startSignIn(w http.ResponseWriter, r *http.Request, c *site) error {
	if c.SignIn == nil {
		return errNoPage
	}
	if !s.limits.signIns.allow(r) {
		return errTooOften
	}
	party, err := s.signIns.of(c)
	if err != nil {
		return err
	}
	address, begun, err := party.Begin(r.Context())
	if err != nil {
		s.options.Log.Warn("consumers cannot sign in", "portal", c.Name, "issuer", c.SignIn.Issuer, "error", err)
		return errNoProvider
	}
	name := c.cookieName(signInCookie)
	sealed, err := s.sessions.Seal(r.Context(), name, signInState{begun, c.way(r.URL.Query().Get("to"))}, codeflow.Age)
	if err != nil {
		return err
	}
	http.SetCookie(w, c.cookie(signInCookie, sealed, codeflow.Age))
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
	name, value := c.sent(r, signInCookie)
	if _, err := s.sessions.Unseal(r.Context(), name, value, &kept); err != nil {
		return err
	}
	c.dropCookie(w, signInCookie)
	party, err := s.signIns.of(c)
	if err != nil {
		return err
	}
	claims, err := party.Finish(r.Context(), kept.Flow, r.URL.Query())
	switch {
	case errors.Is(err, codeflow.ErrNotBegun):
		return &refusal{http.StatusBadRequest, "This sign-in was not begun here, or too long ago. Please sign in again."}
	case errors.Is(err, codeflow.ErrRefused):
		s.options.Log.Info("a consumer did not sign in", "portal", c.Name, "error", err)
		return &refusal{http.StatusForbidden, "You were not signed in."}
	case err != nil:
		s.options.Log.Warn("a sign-in failed", "portal", c.Name, "issuer", c.SignIn.Issuer, "error", err)
		return errNoProvider
	}
	err = s.begin(w, r, c, session{
		Owner: ownerOf("oidc", c.SignIn.Issuer+"|"+claims.Subject),
		Name:  clip(firstOf(claims.Name, claims.PreferredUsername, claims.Email, claims.Subject), maxNameChars),
		Email: clip(claims.Email, maxEmailBytes), Verified: bool(claims.EmailVerified),
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, c.base+kept.To, http.StatusSeeOther)
	return nil
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
	if err := s.begin(w, r, c, session{Owner: owner, Name: last.Name, Email: last.Email}); err != nil {
		return err
	}
	http.Redirect(w, r, c.base+"/account/keys", http.StatusSeeOther)
	return nil
}
