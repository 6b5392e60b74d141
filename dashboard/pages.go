package dashboard

import (
	"compress/gzip"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"
)

// page is one page of the dashboard.
type page struct {
	// pattern is its path below Prefix, as http.ServeMux has it; "{$}" is the first page.
	pattern string
	// nav is its word in the navigation, with pattern as the path; empty for a page that
	// others lead to. Pages that have nav in under are shown as parts of that.
	nav, under string
	// template is its file in templates, which defines "content"; and, if the page is kept
	// up to date, "live" for what is: content has that in an element with data-live.
	template string
	// every is how long what is shown stays as it is for those who look on; zero for ever.
	every time.Duration
	// read gives what there is to show.
	read func(*Server, *http.Request) (*shown, error)
	// following, if there is one, gives what reads it for one who looks on, until the request's
	// context ends; else that is read, too.
	following func(*Server, *http.Request) func(*Server, *http.Request) (*shown, error)
	// form: the page is asked by a form, whose values are read.
	form bool
	// only, if there is one, reports whether the page is for whoever asks: to others the
	// navigation does not show it.
	only func(*Server, *http.Request) bool
	// export, if there is one, gives the same as a file of CSV, where format=csv is asked
	// for.
	export func(*Server, *http.Request) (name string, body []byte, err error)
}

// pages are all there are, in the order of the navigation.
var pages = []page{
	overviewPage,
	apiPage,
	stageTrafficPage,
	routesPage,
	requestsPage,
	requestPage,
	plansPage,
	planPage,
	usagePage,
	keyRequestsPage,
	revisionsPage,
	revisionPage,
	envoysPage,
	explainPage,
}

// shown is what a page shows.
type shown struct {
	// Title names it, in the window's title and above the page.
	Title string
	// Trail leads back from it, from the outside in.
	Trail []link
	// Data is for the page's template.
	Data any
}

// link leads to a page.
type link struct{ Text, Href string }

// problem is what a page says in place of what it is to show.
type problem struct {
	status        int
	Title, Detail string
}

func (p *problem) Error() string { return p.Detail }

// notFound is for what there is not.
func notFound(detail string) error {
	return &problem{http.StatusNotFound, "Not found", detail}
}

// absent is for what another process knows. How says how to have it here.
func absent(how string) error {
	return &problem{http.StatusOK, "Not in this process", how}
}

// servePage answers with a page, or keeps who has it open up to date.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, p *page) {
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		s.follow(w, r, p)
		return
	}
	if p.export != nil && r.URL.Query().Get("format") == "csv" {
		s.serveFile(w, r, p)
		return
	}
	if r.Method == http.MethodPost && !s.readForm(w, r) {
		s.fail(w, r, p, &problem{http.StatusForbidden, "Please try again", "This form had been open for too long, or has too much in it."})
		return
	}
	what, err := p.read(s, r)
	if err != nil {
		s.fail(w, r, p, err)
		return
	}
	s.render(w, r, http.StatusOK, p, p.template, what)
}

// readForm reads what a form of ours has sent.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) bool {
	if s.access != nil {
		return s.formOf(w, r, sessionCookie)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.ParseForm() == nil
}

// serveFile answers with what a page shows as a file to be kept.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, p *page) {
	name, body, err := p.export(s, r)
	if err != nil {
		s.fail(w, r, p, err)
		return
	}
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	write(w, http.StatusOK, "text/csv; charset=utf-8", body)
}

// fail answers with what went wrong.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, p *page, err error) {
	var told *problem
	if !errors.As(err, &told) {
		s.log.Warn("a page of the dashboard could not be shown", "path", r.URL.Path, "error", err)
		told = &problem{http.StatusServiceUnavailable, "Not to be had just now", "What this page shows could not be read. The log says why."}
	}
	s.render(w, r, told.status, p, "problem", &shown{Title: told.Title, Data: told})
}

func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, p *page, template string, what *shown) {
	body, err := s.execute(r, p, template, "layout", what)
	if err != nil {
		http.Error(w, "this page cannot be shown; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Vary", "Accept, Accept-Encoding, Cookie")
	if len(body) > 1<<10 && acceptsGzip(r) {
		body = pack(body, gzip.BestSpeed)
		w.Header().Set("Content-Encoding", "gzip")
	}
	write(w, status, "text/html; charset=utf-8", body)
}
