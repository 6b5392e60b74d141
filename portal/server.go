package portal

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/sessions"
	"gatehouse/management/store"
)

// Usage tells what keys have used of their plans.
type Usage interface {
	// Daily tells it of a key, by the names of the plan and of the key: for each day from
	// one to the other the requests that went on, and what was left of the quota when it
	// ended. found is false for a plan that there is none of.
	Daily(ctx context.Context, plan, key string, from, to time.Time) (days []Day, found bool, err error)
}

// Day is what a key used on a day.
type Day struct {
	Day   time.Time
	Calls int64
	// Left is what was left of the quota; Unlimited where there is none.
	Left      int64
	Unlimited bool
}

// Options of a Server.
type Options struct {
	Log *slog.Logger
	// Store keeps requests and keys; nil refuses portals that give out keys.
	Store store.Store
	// Usage is nil where nothing is counted.
	Usage Usage
	// Asked is told of each request for a key that waits for a decision, and must not wait for
	// anything itself; nil tells nobody.
	Asked func(Request)
	// Off: nothing listens, which is told where definitions have portals.
	Off bool
}

// Server serves the portals of a snapshot.
type Server struct {
	options  Options
	book     *book
	sessions *sessions.Sessions
	signIns  *signIns
	limits   *limits
	pages    *pages
	now      func() time.Time
	compiled atomic.Pointer[Compiled]
	http     *http.Server
}

// Bounds of what the network may send.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 15 * time.Second
	answerTimeout  = 45 * time.Second
	maxHeaderBytes = 32 << 10
	maxFormBytes   = 16 << 10
)

// New returns a Server that serves nothing yet.
func New(o Options) *Server {
	s := &Server{
		options: o, pages: parsePages(), now: time.Now, limits: newLimits(),
		book: &book{store: o.Store, now: time.Now}, signIns: newSignIns(),
		sessions: sessions.New(sessions.Options{Keep: sessions.InStore(o.Store, sessionsFolder), Age: sessionAge}),
	}
	s.compiled.Store(&Compiled{})
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// Compile makes the sites of a snapshot.
func (s *Server) Compile(snapshot *gateway.Snapshot) (*Compiled, gateway.Diagnostics) {
	return s.compile(snapshot)
}

// Swap serves other sites from now on, until back is called.
func (s *Server) Swap(c *Compiled) (back func()) {
	before := s.compiled.Swap(c)
	return func() { s.compiled.Store(before) }
}

// Serve answers on a socket until Close.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends what is under way in the time that the context has.
func (s *Server) Close(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

// ServeHTTP answers requests to /NAME/… by the portal of that name.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, rest, below := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	site := s.compiled.Load().sites[name]
	switch {
	case site == nil:
		secure(w.Header(), "")
		http.Error(w, "there is no such portal", http.StatusNotFound)
	case !below:
		secure(w.Header(), "")
		http.Redirect(w, r, site.base+"/", http.StatusFound)
	default:
		// Patterns are matched with the path as it was sent: an escaped slash ends no segment.
		inner := r.Clone(r.Context())
		inner.URL.Path = "/" + rest
		_, raw, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
		inner.URL.RawPath = "/" + raw
		site.handler.ServeHTTP(w, inner)
	}
}
