package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/securecookie"

	"gatehouse/management/store"
)

// session is who is signed in, as the consumer's browser keeps it, sealed.
type session struct {
	// Owner stands for the consumer in what is kept; Name and Email are for people.
	Owner, Name, Email string
	// Verified tells that somebody else vouches for Email.
	Verified bool
}

// Cookies last a working day, and what a sign-in needs until it is done a few minutes.
const (
	sessionAge = 12 * time.Hour
	signInAge  = 10 * time.Minute
)

// sealer seals cookies by a key that is kept in the store: sessions outlast a restart, and
// all processes that serve a portal take them.
type sealer struct {
	store store.Store

	mu    sync.Mutex
	codec *securecookie.SecureCookie
}

// cookieKey is where the key is kept.
const cookieKey = "global/portals/cookiekey"

// cookieKeys are what cookies are authenticated and encrypted with.
type cookieKeys struct{ Hash, Block []byte }

func (s *sealer) get(ctx context.Context) (*securecookie.SecureCookie, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codec != nil {
		return s.codec, nil
	}
	var keys *cookieKeys
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if keys, err = store.ReadDocument[cookieKeys](tx, cookieKey); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		keys = &cookieKeys{Hash: make([]byte, 64), Block: make([]byte, 32)}
		_, _ = rand.Read(keys.Hash) // it does not fail
		_, _ = rand.Read(keys.Block)
		return store.WriteDocument(tx, cookieKey, keys)
	})
	if err != nil {
		return nil, err
	}
	s.codec = securecookie.New(keys.Hash, keys.Block).MaxAge(int(sessionAge / time.Second)).SetSerializer(securecookie.JSONEncoder{})
	return s.codec, nil
}

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

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, c *site, kind string, value any, age time.Duration) error {
	codec, err := s.sealer.get(r.Context())
	if err != nil {
		return err
	}
	sealed, err := codec.Encode(c.cookieName(kind), value)
	if err != nil {
		return err
	}
	http.SetCookie(w, c.cookie(kind, sealed, age))
	return nil
}

func (c *site) dropCookie(w http.ResponseWriter, kind string) {
	http.SetCookie(w, c.cookie(kind, "", -time.Second))
}

// openCookie reports whether there is such a cookie that this site has sealed.
func (s *Server) openCookie(r *http.Request, c *site, kind string, value any) (bool, error) {
	sealed, err := r.Cookie(c.cookieName(kind))
	if err != nil {
		return false, nil
	}
	codec, err := s.sealer.get(r.Context())
	if err != nil {
		return false, err
	}
	return codec.Decode(c.cookieName(kind), sealed.Value, value) == nil, nil
}

// session is who asks, or nil.
func (s *Server) session(r *http.Request, c *site) (*session, error) {
	var who session
	ok, err := s.openCookie(r, c, sessionCookie, &who)
	if !ok || err != nil || who.Owner == "" {
		return nil, err
	}
	return &who, nil
}
