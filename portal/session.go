package portal

import (
	"net/http"
	"time"
)

// session is who is signed in, as the consumer's browser keeps it, sealed. Sessions outlast a
// restart, and all processes that serve a portal know them.
type session struct {
	// Owner stands for the consumer in what is kept; Name and Email are for people.
	Owner, Name, Email string
	// Verified tells that somebody else vouches for Email.
	Verified bool
}

// sessionAge is a working day.
const sessionAge = 12 * time.Hour

// sessionsFolder is where it is kept what cookies are sealed with, and which have ended.
const sessionsFolder = "global/portals/"

// Cookies of a site.
const (
	sessionCookie = "session"
	signInCookie  = "sign-in"
)

func (c *site) cookieName(kind string) string {
	name := "gatehouse-" + c.Name + "-" + kind
	if c.secure {
		// Browsers take one of this name from a secure page only.
		return "__Secure-" + name
	}
	return name
}

// cookie is for the pages below /account/ alone.
func (c *site) cookie(kind, value string, age time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: c.cookieName(kind), Value: value, Path: c.base + "/account/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	}
}

// begin signs a consumer in.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, c *site, who session) error {
	name := c.cookieName(sessionCookie)
	sealed, err := s.sessions.Begin(r.Context(), name, who.Owner, who)
	if err != nil {
		return err
	}
	http.SetCookie(w, c.cookie(sessionCookie, sealed, s.sessions.Age()))
	return nil
}

func (c *site) dropCookie(w http.ResponseWriter, kind string) {
	http.SetCookie(w, c.cookie(kind, "", -time.Second))
}

// sent is the value of a cookie, empty without one.
func (c *site) sent(r *http.Request, kind string) (name, value string) {
	name = c.cookieName(kind)
	if cookie, err := r.Cookie(name); err == nil {
		value = cookie.Value
	}
	return name, value
}

// session is who asks, or nil.
func (s *Server) session(r *http.Request, c *site) (*session, error) {
	var who session
	name, value := c.sent(r, sessionCookie)
	ok, err := s.sessions.Open(r.Context(), name, value, &who)
	if !ok || err != nil || who.Owner == "" {
		return nil, err
	}
	return &who, nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request, c *site) error {
	name, value := c.sent(r, sessionCookie)
	c.dropCookie(w, sessionCookie)
	if err := s.sessions.End(r.Context(), name, value); err != nil {
		return err
	}
	http.Redirect(w, r, c.base+"/", http.StatusSeeOther)
	return nil
}
