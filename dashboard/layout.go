package dashboard

import (
	"embed"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// templates have the layout and one page each, by the name of the page's file.
var templates = func() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(template.FuncMap{
		"asset": assetURL, "count": showCount, "exact": showExact, "took": showDuration, "percent": showPercent,
		"short": shortRevision, "ago": showAge, "clock": showClock, "moment": showMoment, "path": pathTo, "nonzero": nonzero,
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

// layout is what surrounds each page.
type layout struct {
	*shown
	Nav      []navItem
	Version  string
	Revision string
	// Live tells that the page is kept up to date.
	Live bool
}

type navItem struct {
	link
	Current bool
}

func (s *Server) layout(p *page, what *shown) *layout {
	l := &layout{shown: what, Version: s.options.Version, Live: p != nil && p.every > 0}
	if snapshot := s.snapshot(); snapshot != nil {
		l.Revision = snapshot.Revision()
	}
	for i := range pages {
		if at := &pages[i]; at.nav != "" {
			l.Nav = append(l.Nav, navItem{link{at.nav, at.href()}, p != nil && (p == at || p.under == at.nav)})
		}
	}
	return l
}

// href is the path of a page that has nothing to fill in.
func (p *page) href() string { return Prefix + strings.TrimSuffix(p.pattern, "{$}") }
