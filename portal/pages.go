package portal

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gatehouse/gateway"
	"gatehouse/management/store"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the templates by the name of the page.
type pages struct{ byName map[string]*template.Template }

// parsePages reads the templates, which are part of the program.
func parsePages() *pages {
	p := &pages{map[string]*template.Template{}}
	layout := template.Must(template.New("layout").ParseFS(templateFiles, "templates/layout.html"))
	for _, name := range []string{"apis", "api", "page", "request", "sent", "sign-in", "keys", "key", "revealed", "problem"} {
		p.byName[name] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return p
}

// view is what every page shows.
type view struct {
	Site *site
	Base string
	// Title is the page's own.
	Title string
	// Keys tells that keys can be asked for; Account that the page is below /account/,
	// where Who is known.
	Keys, Account bool
	Who           *session
	Page          any
}

// render sends a page.
func (s *Server) render(w http.ResponseWriter, c *site, status int, name, title string, who *session, account bool, page any) error {
	var out bytes.Buffer
	v := view{Site: c, Base: c.base, Title: title, Who: who, Account: account, Page: page}
	for _, p := range c.apis {
		v.Keys = v.Keys || p.Keys()
	}
	if err := s.pages.byName[name].ExecuteTemplate(&out, "layout", v); err != nil {
		return fmt.Errorf("the page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	// A consumer that went away is nobody's problem.
	_, _ = w.Write(out.Bytes())
	return nil
}

// refusal is an error that consumers are told, in their words.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

var (
	errNoPage     = &refusal{http.StatusNotFound, "There is no such page."}
	errForm       = &refusal{http.StatusBadRequest, "The form could not be read."}
	errTooOften   = &refusal{http.StatusTooManyRequests, "That was too often. Please wait for some minutes, and try again."}
	errNoProvider = &refusal{http.StatusBadGateway, "You cannot be signed in just now. Please try again later."}
)

// problem tells a consumer what went wrong; what is not the consumer's to know is logged.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, c *site, err error) {
	told := &refusal{http.StatusInternalServerError, "Something went wrong here. Please try again later."}
	switch {
	case errors.As(err, &told):
	case errors.Is(err, ErrNoRequest):
		told = errNoPage
	case errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrConflict):
		told = &refusal{http.StatusServiceUnavailable, "This cannot be done just now. Please try again in a minute."}
		s.options.Log.Warn("a portal cannot reach its store", "portal", c.Name, "error", err)
	default:
		s.options.Log.Error("a page of a portal failed", "portal", c.Name, "path", r.URL.Path, "error", err)
	}
	if told.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "60")
	}
	if err := s.render(w, c, told.status, "problem", http.StatusText(told.status), nil, false, told.text); err != nil {
		s.options.Log.Error("a page of a portal failed", "portal", c.Name, "error", err)
	}
}

func (c *site) named(r *http.Request) (*published, error) {
	if p := c.api(r.PathValue("api"), r.PathValue("stage")); p != nil {
		return p, nil
	}
	return nil, errNoPage
}

func (s *Server) showPage(w http.ResponseWriter, r *http.Request, c *site) error {
	for _, p := range c.pages {
		if p.Name == r.PathValue("page") {
			return s.render(w, c, http.StatusOK, "page", p.Title, nil, false, p)
		}
	}
	return errNoPage
}

func (s *Server) showAPI(w http.ResponseWriter, r *http.Request, c *site) error {
	p, err := c.named(r)
	if err != nil {
		return err
	}
	if origins := p.origins(c.origin); len(origins) > 0 {
		secure(w.Header(), strings.Join(origins, " "))
	}
	return s.render(w, c, http.StatusOK, "api", p.Title, nil, false, p)
}

// origins are those, other than one, that the operations of an API are called at.
func (p *published) origins(own string) (origins []string) {
	add := func(address string) {
		if origin := gateway.Origin(address); origin != "" && origin != own && !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	add(p.Server)
	for i := range p.Shown {
		add(p.Shown[i].Server)
	}
	return origins
}

func (s *Server) sendDocument(w http.ResponseWriter, r *http.Request, c *site) error {
	p, err := c.named(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(p.Written)
	return nil
}

// shown tells characters that may stand in what people read: none that controls a
// terminal, or turns a line around.
func shown(r rune) bool {
	return r == ' ' || unicode.IsPrint(r) && !unicode.Is(unicode.Cf, r) && r != unicode.ReplacementChar
}

// oneLine reads a field of a form that is one line.
func oneLine(r *http.Request, name string, most int) (string, bool) {
	text := strings.TrimSpace(r.PostForm.Get(name))
	for _, c := range text {
		if !shown(c) {
			return "", false
		}
	}
	return text, len([]rune(text)) <= most
}
