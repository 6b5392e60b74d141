package dashboard

import (
	"cmp"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse/dashboard/signin"
	"gatehouse/explain"
	"gatehouse/gateway"
	"gatehouse/internal/sessions"
	"gatehouse/telemetry/cost"
)

// Prefix is the path that all pages are below.
const Prefix = "/dashboard/"

// Options are what a dashboard shows, and to whom. What is nil is not known in this process.
type Options struct {
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Access is who may see the dashboard; nil lets everyone in who reaches it.
	Access *Access
	// Version is that of the program, Roles what this process serves.
	Version string
	Roles   []string
	// Snapshot gives what is served, nil before anything is.
	Snapshot func() *gateway.Snapshot
	// Explainer is what is served, made ready for questions about requests; nil has the
	// snapshot made ready for each.
	Explainer func(*gateway.Snapshot) (*explain.Prepared, error)
	// Revisions gives what became of the definitions, Envoys those that are connected.
	Revisions func() Revisions
	Envoys    func() []Envoy
	// Quotas knows what keys have used of their usage plans.
	Quotas Quotas
	// Meter knows what bills are made of, Prices are what that costs, side by side: Amazon's
	// prices by default.
	Meter  Meter
	Prices []*cost.Table
	// Traffic knows the requests of the last day, Archive how many there were before that.
	Traffic Traffic
	Archive Archive
	// Connected is how many clients of a WebSocket API's stage are connected, of all its stages
	// where none is named; nil in a process that has no connections.
	Connected func(api, stage string) int
	// KeyRequests are those of developer portals, for those to decide on who may; nil leaves
	// everything as it is.
	KeyRequests KeyRequests
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Server is the http.Handler of all pages.
type Server struct {
	options Options
	log     *slog.Logger
	handler http.Handler
	traffic summaries
	changes changeLog
	// explaining is held while a question is answered.
	explaining sync.Mutex
	// access is nil where everyone is let in.
	access *access
	// archive is nil without one; started is since when Traffic may know anything.
	archive *archived
	started time.Time
	// viewers has a token for each page that is kept up to date for somebody.
	viewers chan struct{}
	closed  chan struct{}
	close   sync.Once
}

// New makes a Server.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Explainer == nil {
		o.Explainer = explain.Prepare
	}
	if len(o.Prices) == 0 {
		aws, _ := cost.BuiltIn(cost.AWS)
		o.Prices = []*cost.Table{aws}
	}
	s := &Server{
		options: o, log: cmp.Or(o.Log, slog.Default()),
		traffic: summaries{traffic: o.Traffic}, viewers: make(chan struct{}, maxViewers), closed: make(chan struct{}),
	}
	s.started = o.Now()
	if o.Archive != nil {
		s.archive = &archived{archive: o.Archive, now: o.Now}
	}
	mux := http.NewServeMux()
	if o.Access != nil {
		s.access = &access{*o.Access, sessions.New(sessions.Options{Keep: o.Access.Sessions, Age: signin.SessionTime, Now: o.Now}), signin.NewAttempts()}
		s.addAccess(mux)
	}
	mux.HandleFunc("GET "+Prefix+"assets/{name}", serveAsset)
	for i := range pages {
		p := &pages[i]
		serve := s.admitted(func(w http.ResponseWriter, r *http.Request) { s.servePage(w, r, p) })
		mux.HandleFunc("GET "+Prefix+p.pattern, serve)
		if p.form {
			mux.HandleFunc("POST "+Prefix+p.pattern, serve)
		}
	}
	mux.HandleFunc("GET "+Prefix, s.admitted(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, nil, notFound("There is no such page."))
	}))
	s.handler = guarded(mux)
	return s
}

// ServeHTTP answers requests for Prefix and what is below.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close ends what would go on for ever: pages that are kept up to date.
func (s *Server) Close() {
	s.close.Do(func() { close(s.closed) })
	s.changes.working.Wait()
}

func (s *Server) snapshot() *gateway.Snapshot {
	if s.options.Snapshot == nil {
		return nil
	}
	return s.options.Snapshot()
}
