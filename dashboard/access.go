package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"gatehouse/dashboard/signin"
	"gatehouse/internal/codeflow"
	"gatehouse/internal/sessions"
)

// Access is who may see the dashboard.
type Access struct {
	// Keys are access keys that people sign in with, Provider signs them in elsewhere. Either
	// may be nil.
	Keys     *signin.Keys
	Provider *signin.Provider
	// Sessions keeps what outlasts a request; they are of this process by default.
	Sessions sessions.Keeper
}

// access is an Access with the sessions of those who were let in.
type access struct {
	Access
	sessions *sessions.Sessions
	attempts *signin.Attempts
}

// The cookies: that of a session, that of a form for somebody who has none yet, and that of
// a sign-in at a provider. Browsers take these names for this host and by HTTPS only.
const (
	sessionCookie = "__Host-gatehouse"
	formCookie    = "__Host-gatehouse-form"
	flowCookie    = "__Host-gatehouse-flow"
)

const (
	signInPath   = Prefix + "sign-in"
	providerPath = signInPath + "/provider"
	// CallbackPath is where users come back to from a provider.
	CallbackPath = signInPath + "/callback"
	signOutPath  = Prefix + "sign-out"
)

// visitor is who looks at a page.
type visitor struct {
	signin.User
	cookie string
}

type visitorKey struct{}

// visitorOf is who a request is of, nil where nobody has to sign in.
func visitorOf(r *http.Request) *visitor {
	v, _ := r.Context().Value(visitorKey{}).(*visitor)
	return v
}

// addAccess adds the pages that let people in.
func (s *Server) addAccess(mux *http.ServeMux) {
	mux.HandleFunc("GET "+signInPath, s.showSignIn)
	mux.HandleFunc("POST "+signInPath, s.signIn)
	mux.HandleFunc("POST "+signOutPath, s.signOut)
	if s.access.Provider != nil {
		mux.HandleFunc("GET "+providerPath, s.goToProvider)
		mux.HandleFunc("GET "+CallbackPath, s.comeBack)
	}
}

// admitted lets those in who have signed in, where that is asked.
func (s *Server) admitted(next http.HandlerFunc) http.HandlerFunc {
	if s.access == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visitor(r)
		switch {
		case v != nil:
			next(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
		case strings.Contains(r.Header.Get("Accept"), "text/event-stream"):
			http.Error(w, "the session has ended", http.StatusUnauthorized)
		case r.Header.Get("Sec-Fetch-Site") == "cross-site":
			// Who follows a link of another site has shown no cookie, and is asked once more.
			s.render(w, r, http.StatusOK, nil, "onward", &shown{Title: "One moment", Data: r.URL.RequestURI()})
		default:
			http.Redirect(w, r, signInPath+"?"+url.Values{"to": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		}
	}
}

// visitor finds out who has signed in, and may still be here.
func (s *Server) visitor(r *http.Request) *visitor {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	var user signin.User
	ok, err := s.access.sessions.Open(r.Context(), sessionCookie, cookie.Value, &user)
	switch {
	case err != nil:
		s.log.Warn("it cannot be told who has signed in to the dashboard", "error", err)
		return nil
	case !ok:
		return nil
	case user.KeyID == "" && (s.access.Provider == nil || !s.access.Provider.Still(user)):
		return nil
	case user.KeyID != "" && (s.access.Keys == nil || !s.access.Keys.Still(user, addressOf(r))):
		return nil
	}
	return &visitor{user, cookie.Value}
}

func addressOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// isPrivate reports whether secrets may travel here: by HTTPS, to this server or to a proxy
// before it, or not beyond this machine.
func isPrivate(r *http.Request) bool {
	host := (&url.URL{Host: r.Host}).Hostname()
	named, err := netip.ParseAddr(host)
	here := host == "localhost" || err == nil && named.IsLoopback()
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" || here && addressOf(r).IsLoopback()
}

// signInView is the page that lets people in.
type signInView struct {
	// Keys and Provider are the ways there are; Open tells that the connection is none that
	// secrets may go by, None that there is nobody who could sign in.
	Keys, Provider, Open, None bool
	Failed, To, Token          string
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) {
	if s.visitor(r) != nil {
		http.Redirect(w, r, onward(r.URL.Query().Get("to")), http.StatusSeeOther)
		return
	}
	s.renderSignIn(w, r, http.StatusOK, r.URL.Query().Get("to"), "")
}

func (s *Server) renderSignIn(w http.ResponseWriter, r *http.Request, status int, to, failed string) {
	v := &signInView{
		Keys: s.access.Keys != nil && s.access.Keys.Any(addressOf(r)), Provider: s.access.Provider != nil, Open: !isPrivate(r),
		Failed: failed, To: onward(to),
	}
	v.None = !v.Keys && !v.Provider
	form, err := r.Cookie(formCookie)
	if err != nil || form.Value == "" {
		form = &http.Cookie{Value: sessions.Token()}
		setCookie(w, formCookie, form.Value, http.SameSiteStrictMode, 0)
	}
	v.Token = s.formToken(r, form.Value)
	s.render(w, r, status, nil, "sign-in", &shown{Title: "Sign in", Data: v})
}

// onward is where somebody wanted to go to, if that is one of these pages.
func onward(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.Contains(to, `\`) || !strings.HasPrefix(u.Path, Prefix) {
		return Prefix
	}
	// Dots may lead anywhere on this server.
	if leads := path.Clean(u.Path) + "/"; !strings.HasPrefix(leads, Prefix) || strings.HasPrefix(leads, signInPath+"/") {
		return Prefix
	}
	return u.RequestURI()
}

func setCookie(w http.ResponseWriter, name, value string, site http.SameSite, age int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: site, MaxAge: age})
}

// maxForm bounds what is sent by a form.
const maxForm = 32 << 10

// formOf reads a form that was made for whoever sends it.
func (s *Server) formOf(w http.ResponseWriter, r *http.Request, cookie string) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	made, err := r.Cookie(cookie)
	if err != nil || r.ParseForm() != nil {
		return false
	}
	ours, err := s.access.sessions.FromForm(r.Context(), made.Value, r.PostForm.Get("token"))
	if err != nil {
		s.log.Warn("a form of the dashboard cannot be taken", "error", err)
	}
	return ours
}

// formToken is for forms of whoever has a cookie.
func (s *Server) formToken(r *http.Request, cookie string) string {
	token, err := s.access.sessions.FormToken(r.Context(), cookie)
	if err != nil {
		s.log.Warn("forms of the dashboard cannot be made", "error", err)
	}
	return token
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.formOf(w, r, formCookie) {
		s.renderSignIn(w, r, http.StatusForbidden, r.PostForm.Get("to"), "This form had been open for too long, or your browser keeps no cookies. Please try again.")
		return
	}
	from, to := addressOf(r), r.PostForm.Get("to")
	switch {
	case !isPrivate(r) || s.access.Keys == nil:
		s.renderSignIn(w, r, http.StatusForbidden, to, "")
		return
	case !s.access.attempts.Allow(from, s.options.Now()):
		w.Header().Set("Retry-After", "60")
		s.renderSignIn(w, r, http.StatusTooManyRequests, to, "Too many attempts. Please wait a minute.")
		return
	}
	user, ok := s.access.Keys.Check(r.PostForm.Get("key"), r.PostForm.Get("secret"), from)
	if !ok {
		s.log.Warn("somebody was not let in to the dashboard", "from", from)
		s.renderSignIn(w, r, http.StatusForbidden, to, "These do not belong together, or may not see the dashboard.")
		return
	}
	if err := s.begin(w, r, user); err != nil {
		s.renderSignIn(w, r, http.StatusServiceUnavailable, to, notNow)
		return
	}
	http.Redirect(w, r, onward(to), http.StatusSeeOther)
}

// notNow is said where sessions cannot be kept.
const notNow = "You cannot be signed in just now. The log says why."

func (s *Server) begin(w http.ResponseWriter, r *http.Request, user signin.User) error {
	cookie, err := s.access.sessions.Begin(r.Context(), sessionCookie, user.ID(), user)
	if err != nil {
		s.log.Warn("nobody can sign in to the dashboard", "error", err)
		return err
	}
	s.log.Info("signed in to the dashboard", "user", user.Name, "key", user.KeyID, "from", addressOf(r))
	setCookie(w, sessionCookie, cookie, http.SameSiteStrictMode, int(signin.SessionTime.Seconds()))
	setCookie(w, formCookie, "", http.SameSiteStrictMode, -1)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if !s.formOf(w, r, sessionCookie) {
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
		return
	}
	setCookie(w, sessionCookie, "", http.SameSiteStrictMode, -1)
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		if err := s.access.sessions.End(r.Context(), sessionCookie, cookie.Value); err != nil {
			s.log.Warn("a session of the dashboard could not be ended", "error", err)
			s.fail(w, r, nil, &problem{http.StatusServiceUnavailable, "Please try again", "You cannot be signed out just now: this browser is, but a copy of its cookie would still be taken."})
			return
		}
	}
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
}

// providerFlow is a sign-in under way at the provider, and the page that it is for.
type providerFlow struct {
	codeflow.Flow
	To string
}

// maxKeptTo bounds what of it is kept: browsers keep no cookie of more than 4 KiB.
const maxKeptTo = 1 << 10

func (s *Server) goToProvider(w http.ResponseWriter, r *http.Request) {
	if !isPrivate(r) {
		s.renderSignIn(w, r, http.StatusForbidden, r.URL.Query().Get("to"), "")
		return
	}
	var under providerFlow
	location, begun, err := s.access.Provider.Begin(r.Context())
	cookie := ""
	if err == nil {
		under.Flow, under.To = begun, onward(r.URL.Query().Get("to"))
		if len(under.To) > maxKeptTo {
			under.To = Prefix
		}
		cookie, err = s.access.sessions.Seal(r.Context(), flowCookie, under, codeflow.Age)
	}
	if err != nil {
		s.log.Warn("nobody can sign in to the dashboard by the provider", "error", err)
		s.renderSignIn(w, r, http.StatusBadGateway, r.URL.Query().Get("to"), "The provider does not answer. The log says why.")
		return
	}
	// It has to come along from the provider's site.
	setCookie(w, flowCookie, cookie, http.SameSiteLaxMode, int(codeflow.Age.Seconds()))
	http.Redirect(w, r, location, http.StatusSeeOther)
}

func (s *Server) comeBack(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(flowCookie)
	if err != nil {
		cookie = &http.Cookie{}
	}
	setCookie(w, flowCookie, "", http.SameSiteLaxMode, -1)
	var under providerFlow
	var user signin.User
	if _, err = s.access.sessions.Unseal(r.Context(), flowCookie, cookie.Value, &under); err == nil {
		user, err = s.access.Provider.Finish(r.Context(), under.Flow, r.URL.Query())
	}
	if err != nil {
		s.log.Warn("somebody was not let in to the dashboard", "from", addressOf(r), "error", err)
		failed := "The sign-in did not come to its end. Please try again."
		if errors.Is(err, signin.ErrNotAllowed) {
			failed = "You are not among those who may see the dashboard."
		}
		s.renderSignIn(w, r, http.StatusForbidden, under.To, failed)
		return
	}
	if err := s.begin(w, r, user); err != nil {
		s.renderSignIn(w, r, http.StatusServiceUnavailable, under.To, notNow)
		return
	}
	// The cookie is shown to who comes from this site only, so one more page has to lead on.
	s.render(w, r, http.StatusOK, nil, "onward", &shown{Title: "One moment", Data: onward(under.To)})
}
