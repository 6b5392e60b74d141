package cli

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"gatehouse/internal/oidc"
	"gatehouse/internal/revision"
	"gatehouse/xds"
)

// statusJSON is the answer of /status.
type statusJSON struct {
	Build build `json:"build"`
	// Roles are what this process serves.
	Roles []string `json:"roles"`
	// InForce tells whether the definitions, as last read, are what is served.
	InForce bool        `json:"inForce"`
	Serving *recordJSON `json:"serving"`
	Latest  *recordJSON `json:"latest"`
	// RateLimitFiles are those of --ratelimit-config, if there are any.
	RateLimitFiles *limitFilesJSON `json:"rateLimitFiles,omitempty"`
	// Management is about what the management API is told, where that is kept here.
	Management *managementJSON `json:"management,omitempty"`
	Issuers    []issuerJSON    `json:"issuers"`
	Envoys     []nodeJSON      `json:"envoys"`
	History    []recordJSON    `json:"history"`
}

// managementJSON tells whether calls that change something are taken.
type managementJSON struct {
	Writable bool   `json:"writable"`
	Error    string `json:"error,omitempty"`
}

func (s *stored) show() *managementJSON {
	if s == nil {
		return nil
	}
	problem := s.store.Problem()
	return &managementJSON{problem == "", problem}
}

// issuerJSON is an issuer of tokens whose keys are fetched.
type issuerJSON struct {
	Issuer string `json:"issuer"`
	// Keys is how many its tokens are verified with; with none, they are refused.
	Keys int `json:"keys"`
	// Introspection is where the issuer is asked about tokens, in place of keys.
	Introspection string `json:"introspectionEndpoint,omitempty"`
	// ConfirmedAt is when the issuer last said that these are its keys, AgeSeconds how
	// long ago; ChangedAt is when it first did.
	ConfirmedAt *time.Time `json:"confirmedAt"`
	AgeSeconds  *float64   `json:"ageSeconds"`
	ChangedAt   *time.Time `json:"changedAt"`
	// Stale keys are used though they could not be refreshed; expired ones were given up.
	Stale    bool       `json:"stale"`
	Expired  bool       `json:"expired"`
	NextAt   *time.Time `json:"nextAt"`
	Failures int        `json:"failures"`
	Error    string     `json:"error,omitempty"`
}

func newIssuersJSON(all []oidc.Status, now time.Time) []issuerJSON {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	issuers := make([]issuerJSON, 0, len(all))
	for _, s := range all {
		i := issuerJSON{
			Issuer: s.Issuer, Keys: s.Keys, Introspection: s.Introspection, ConfirmedAt: at(s.Confirmed), ChangedAt: at(s.Changed),
			Stale: s.Stale(), Expired: s.Expired, NextAt: at(s.Next), Failures: s.Failures,
		}
		if i.ConfirmedAt != nil {
			age := now.Sub(s.Confirmed).Seconds()
			i.AgeSeconds = &age
		}
		if s.Err != nil {
			i.Error = s.Err.Error()
		}
		issuers = append(issuers, i)
	}
	return issuers
}

// nodeJSON is an Envoy. It counts resources where xds.Node has the version of
// each: there may be many thousands.
type nodeJSON struct {
	ID             string              `json:"id"`
	Gateway        string              `json:"gateway"`
	Matched        bool                `json:"matched"`
	EnvoyVersion   string              `json:"envoyVersion"`
	ConnectedSince time.Time           `json:"connectedSince"`
	InSync         bool                `json:"inSync"`
	Types          map[string]typeJSON `json:"types"`
}

type typeJSON struct {
	// Revision is the last one of which all resources were acknowledged.
	Revision string `json:"revision,omitempty"`
	// Acked, Pending count resources; Refused names them.
	Acked    int       `json:"acked"`
	Pending  int       `json:"pending"`
	Refused  []string  `json:"refused"`
	LastNACK *xds.NACK `json:"lastNack,omitempty"`
}

// newNodesJSON gives the Envoys that are connected; none to a process that serves them
// nothing.
func newNodesJSON(envoys *xds.Server) []nodeJSON {
	nodes := []nodeJSON{}
	if envoys == nil {
		return nodes
	}
	for _, n := range envoys.Status().Nodes {
		types := map[string]typeJSON{}
		for name, t := range n.Types {
			types[name] = typeJSON{t.Revision, len(t.Versions), len(t.Pending), append([]string{}, t.Refused...), t.LastNACK}
		}
		nodes = append(nodes, nodeJSON{n.ID, n.Gateway, n.Matched, n.EnvoyVersion, n.ConnectedSince, n.InSync, types})
	}
	return nodes
}

type recordJSON struct {
	Revision string          `json:"revision,omitempty"`
	State    revision.State  `json:"state"`
	Origin   revision.Origin `json:"origin"`
	Time     time.Time       `json:"time"`
	// Seconds are by step.
	Seconds     map[string]float64 `json:"seconds"`
	Diagnostics []diagnosticJSON   `json:"diagnostics"`
	Refusals    []xds.NACK         `json:"refusals,omitempty"`
}

func newRecordJSON(r *revision.Record) *recordJSON {
	if r == nil {
		return nil
	}
	out := &recordJSON{
		Revision: r.Revision, State: r.State, Origin: r.Origin, Time: r.Time,
		Seconds: map[string]float64{}, Diagnostics: diagnosticsJSON(r.Diagnostics), Refusals: r.Refusals,
	}
	for _, t := range r.Steps {
		out.Seconds[t.Step] = t.Took.Seconds()
	}
	return out
}

// statusHandler serves what people and monitors ask: /status, /metrics, /healthz
// (the process lives), /readyz (it has something to serve).
func statusHandler(c *controlPlane) http.Handler {
	own := newOwnPages()
	own.add(true, "GET /status", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s := c.pipeline.Status()
		out := statusJSON{
			Build: thisBuild(), Roles: c.roles.names(), InForce: s.InForce(),
			Serving: newRecordJSON(s.Serving), Latest: newRecordJSON(s.Latest),
			RateLimitFiles: c.limitFiles.show(), Management: c.stored.show(), Issuers: newIssuersJSON(c.issuers.Status(), time.Now()),
			Envoys: newNodesJSON(c.xds), History: []recordJSON{},
		}
		for _, r := range s.History {
			out.History = append(out.History, *newRecordJSON(r))
		}
		w.Header().Set("Content-Type", "application/json")
		// A client that went away is nobody's problem.
		_ = writeJSON(w, out)
	}))
	own.add(c.usage != nil, "GET /usage", c.usage)
	own.add(c.usage != nil && c.writable, "PUT /usage", c.usage)
	own.add(true, "GET /explain", http.HandlerFunc(c.explainRequest))
	own.add(c.metered != nil, "GET /metering", http.HandlerFunc(c.showMetered))
	own.add(c.flush != nil && c.writable, "DELETE /cache", flushHandler(c.flush))
	c.addPortalRequests(own)
	own.add(true, metricsPage, metricsHandler(c))
	own.add(true, "GET /healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }))
	own.add(true, "GET /readyz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if c.pipeline.Status().Serving == nil {
			answer(w, http.StatusServiceUnavailable, "no revision is served yet")
			return
		}
		answer(w, http.StatusOK, "ok")
	}))
	// Definitions are for those on this machine, who could read the files as well.
	own.add(c.writable, "GET /snapshot", snapshotPage(c))
	own.add(c.writable && c.managementAPI != nil && c.openManagement, "GET /backup", backupPage(c))
	var pages http.Handler = own.mux
	if c.writable {
		pages = localHosts(pages)
	}
	if c.managementAPI != nil {
		pages = own.beside(pages, c.managementAPI)
	}
	if c.dashboard != nil {
		shown := http.Handler(c.dashboard)
		if c.access == nil {
			// Sessions are of the name that they were begun at; without them, names that lead
			// here must not be anybody's.
			shown = localHosts(shown)
		}
		pages = withDashboard(pages, shown)
	}
	return pages
}

// ownPages are the pages of a process, and which paths are theirs. The management API has all
// others.
type ownPages struct {
	mux *http.ServeMux
	// paths are those of pages, and whether what is below one is its own, too.
	paths map[string]bool
}

func newOwnPages() *ownPages { return &ownPages{http.NewServeMux(), map[string]bool{}} }

// add serves a page. One that this process does not serve has its path all the same: whoever
// asks for it is to hear that it is not there.
func (p *ownPages) add(served bool, pattern string, page http.Handler) {
	path, _, below := strings.Cut(pattern[strings.IndexByte(pattern, '/'):], "/{")
	p.paths[path] = p.paths[path] || below
	if served {
		p.mux.Handle(pattern, page)
	}
}

// beside gives requests for own pages to those, and others to the management API.
func (p *ownPages) beside(pages, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, below := range p.paths {
			if r.URL.Path == path || below && strings.HasPrefix(r.URL.Path, path+"/") {
				pages.ServeHTTP(w, r)
				return
			}
		}
		api.ServeHTTP(w, r)
	})
}

// localHosts refuses requests to other names than this machine's: a page in a browser can
// have its own name lead to a loopback address, and would then read what is here.
func localHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")
		if _, err := netip.ParseAddr(host); err != nil && !strings.EqualFold(host, "localhost") {
			answer(w, http.StatusMisdirectedRequest, "this address is for localhost and IP addresses only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n"))
}
