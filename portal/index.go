package portal

import (
	"net/http"
	"strings"
)

const (
	// searchedFrom is how many APIs a portal has at least for them to be looked for, and
	// indexSize how many its first page lists.
	searchedFrom = 10
	indexSize    = 100
	maxSearch    = 100
)

// index is the first page.
type index struct {
	Sections []*section
	// Searched tells that APIs can be looked for, Search is what by.
	Searched bool
	Search   string
	// Found is how many APIs there are, of which More are not listed.
	Found, More int
}

// section is what is listed below a heading of the first page.
type section struct {
	Title, Description string
	Pages              []*page
	APIs               []*published
}

func (s *Server) showAPIs(w http.ResponseWriter, r *http.Request, c *site) error {
	search := strings.TrimSpace(r.URL.Query().Get("q"))
	return s.render(w, c, http.StatusOK, "apis", "", nil, false, c.index(strings.ToValidUTF8(search[:min(len(search), maxSearch)], "")))
}

// index has the headings that the definition orders, and others as they come up, each with
// what fits the search.
func (c *site) index(search string) *index {
	v := &index{Searched: len(c.apis) >= searchedFrom}
	if v.Searched {
		v.Search = search
	}
	known := map[string]*section{}
	of := func(title string) *section {
		s := known[title]
		if s == nil {
			s = &section{Title: title}
			known[title] = s
			v.Sections = append(v.Sections, s)
		}
		return s
	}
	fits := func(texts ...string) bool {
		return strings.Contains(strings.ToLower(strings.Join(texts, "\n")), strings.ToLower(v.Search))
	}
	for _, g := range c.Groups {
		of(g.Title).Description = g.Description
	}
	for _, p := range c.pages {
		if fits(p.Title, p.Group) {
			s := of(p.Group)
			s.Pages = append(s.Pages, p)
		}
	}
	for _, p := range c.apis {
		if !fits(p.Title, p.Description, p.Group, p.Name()) {
			continue
		}
		if v.Found++; v.Found > indexSize {
			v.More++
			continue
		}
		s := of(p.Group)
		s.APIs = append(s.APIs, p)
	}
	if v.Search != "" || v.More > 0 {
		v.Sections = withContent(v.Sections)
	}
	return v
}

func withContent(all []*section) (some []*section) {
	for _, s := range all {
		if len(s.Pages)+len(s.APIs) > 0 {
			some = append(some, s)
		}
	}
	return some
}
