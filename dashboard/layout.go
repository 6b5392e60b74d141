package dashboard

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// templates have the layout and one page each, by the name of the page's file.
var templates = func() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(template.FuncMap{
		"asset": assetURL, "count": showCount, "exact": showExact, "took": showDuration, "percent": showPercent,
		"short": shortRevision, "ago": showAge, "clock": showClock, "moment": showMoment, "path": pathTo, "nonzero": nonzero, "part": percentOf, "bytes": showBytes, "file": path.Base, "many": showMany, "sentence": sentence, "find": find,
	}).ParseFS(templateFiles, "templates/shared/*.html"))
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil { // of a pattern that is constant
		panic(err)
	}
	all := map[string]*template.Template{}
	for _, file := range files {
		own := template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, file))
		all[strings.TrimSuffix(path.Base(file), ".html")] = own
	}
	return all
}()

// unseen stands for characters that change what is around them, and are not seen
// themselves: what is written from right to left, marks of the like, and controls.
var unseen = func() *strings.Replacer {
	var pairs []string
	for r := rune(0); r <= 0x2069; r++ {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
		case r < 0x20, r >= 0x7f && r < 0xa0, r == 0x061c, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066:
			pairs = append(pairs, string(r), "\ufffd")
		}
	}
	return strings.NewReplacer(pairs...)
}()

// execute renders a part of a page's templates. What has come from clients and definitions
// is text, and every character of it is seen.
func (s *Server) execute(r *http.Request, p *page, file, part string, what *shown) ([]byte, error) {
	var b strings.Builder
	if err := templates[file].ExecuteTemplate(&b, part, s.layout(r, p, what)); err != nil {
		s.log.Error("a mistake in gatehouse: please report it", "page", r.URL.Path, "error", err)
		return nil, err
	}
	return []byte(unseen.Replace(b.String())), nil
}

// layout is what surrounds each page.
type layout struct {
	*shown
	Nav      []navItem
	Version  string
	Revision string
	// User is who has signed in, empty where nobody has to; Token is for forms.
	User, Token string
	// Live tells that the page is kept up to date.
	Live bool
}

type navItem struct {
	link
	Current bool
}

func (s *Server) layout(r *http.Request, p *page, what *shown) *layout {
	l := &layout{shown: what, Live: p != nil && p.every > 0}
	v := visitorOf(r)
	if s.access != nil && v == nil {
		// Those who are not let in learn nothing.
		return l
	}
	if v != nil {
		l.User, l.Token = v.Name, s.formToken(r, v.cookie)
	}
	l.Version = s.options.Version
	if snapshot := s.snapshot(); snapshot != nil {
		l.Revision = snapshot.Revision()
	}
	for i := range pages {
		if at := &pages[i]; at.nav != "" && (at.only == nil || at.only(s, r)) {
			l.Nav = append(l.Nav, navItem{link{at.nav, at.href()}, p != nil && (p == at || p.under == at.nav)})
		}
	}
	return l
}

// href is the path of a page that has nothing to fill in.
func (p *page) href() string { return Prefix + strings.TrimSuffix(p.pattern, "{$}") }
