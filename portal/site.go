package portal

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/source"
)

// Compiled are the sites of a snapshot. They do not change.
type Compiled struct{ sites map[string]*site }

// site is one portal.
type site struct {
	gateway.Portal
	// base is the path that consumers reach it below, origin their address of it.
	base, origin string
	secure       bool
	apis         []*published
	pages        []*page
	// theme is a stylesheet with its own colours, nil where it has none.
	theme   *asset
	handler http.Handler
}

// published is a stage that a site has.
type published struct {
	gateway.PortalAPI
	Title string
	// Written is the OpenAPI document for consumers.
	Written []byte
	// Operations are in it.
	Operations []operation
	// plan is nil where no key can be asked for, planFiled tells one that a file defines.
	plan      *gateway.UsagePlan
	planFiled bool
}

// page is one that says what its owner wrote.
type page struct {
	gateway.PortalPage
	Text template.HTML
}

// operation is one line of the list of what an API does.
type operation struct{ Method, Path, Summary string }

// Path is where its pages are, below the site's base.
func (p *published) Path() string { return url.PathEscape(p.API) + "/" + url.PathEscape(p.Stage) }

// Name is that of the stage, as definitions write it.
func (p *published) Name() string { return p.API + "/" + p.Stage }

func (p *published) Keys() bool { return p.plan != nil }

// Limits tells consumers what they may ask of a key.
func (p *published) Limits() string {
	if p.plan == nil {
		return ""
	}
	var limits []string
	if t := p.plan.Throttle; t != nil {
		limits = append(limits, fmt.Sprintf("%g requests a second", t.Rate))
	}
	if q := p.plan.Quota; q != nil {
		limits = append(limits, fmt.Sprintf("%d requests a %s", q.Limit, strings.ToLower(string(q.Period))))
	}
	return strings.Join(limits, ", ")
}

func (c *site) api(api, stage string) *published {
	for _, p := range c.apis {
		if p.API == api && p.Stage == stage {
			return p
		}
	}
	return nil
}

func (s *Server) compile(snapshot *gateway.Snapshot) (*Compiled, gateway.Diagnostics) {
	var found gateway.Diagnostics
	c := &Compiled{sites: map[string]*site{}}
	for i := range snapshot.Portals {
		p := snapshot.Portals[i]
		if s.options.Off {
			found.Warnf("portal-off", p.Source, "", "give --portal-address, such as 127.0.0.1:8003", "the portal %s is not served: this process has no address for portals", p.Name)
			continue
		}
		u, err := url.Parse(p.URL)
		if err != nil {
			found.Errorf("invalid-url", p.Source, "", "", "the portal %s: %v", p.Name, err)
			continue
		}
		site := &site{Portal: p, base: u.EscapedPath(), origin: gateway.Origin(p.URL), secure: u.Scheme == "https"}
		site.Title = cmp.Or(p.Title, p.Name)
		for _, written := range p.Pages {
			text, err := prose(written.Body)
			if err != nil {
				found.Errorf("portal-page", written.Source, "", "", "the page %s of the portal %s: %v", written.Name, p.Name, err)
			}
			site.pages = append(site.pages, &page{written, text})
		}
		if p.Colors != nil {
			site.theme = newAsset(themeFile, stylesheet(p.Colors), nil)
		}
		for j := range p.APIs {
			a := &p.APIs[j]
			if a.Plan != "" && s.options.Store == nil {
				found.Errorf("portal-needs-store", a.Source, "", "give --etcd-endpoints, or the role management with a --data-dir; or leave plan out",
					"the portal %s has keys be asked for, and this process has nowhere to keep them", p.Name)
				continue
			}
			if api := s.publish(snapshot, site, a, &found); api != nil {
				site.apis = append(site.apis, api)
			}
		}
		site.handler = s.handler(site)
		c.sites[p.Name] = site
	}
	return c, found
}

func (s *Server) publish(snapshot *gateway.Snapshot, site *site, a *gateway.PortalAPI, found *gateway.Diagnostics) *published {
	api := snapshot.API(a.API)
	if api == nil || api.Stage(a.Stage) == nil {
		return nil // which Validate has reported
	}
	p := &published{PortalAPI: *a}
	if a.Plan != "" {
		if p.plan = snapshot.UsagePlan(a.Plan); p.plan != nil {
			p.planFiled = !source.IsVirtual(p.plan.Source.File)
		}
	}
	deployment := api.Stage(a.Stage).Deployment
	p.Title = cmp.Or(a.Title, deployment.Title, api.Name)
	var err error
	if p.Written, p.Operations, err = consumerDocument(api, deployment, p); err != nil {
		found.Errorf("portal-document", a.Source, "", "see that 'gatehouse export' can write it", "%s cannot be described on the portal %s: %v", p.Name(), site.Name, err)
		return nil
	}
	return p
}

// handler are the pages of a site. What depends on who asks is below /account/: so far its
// cookies go, and not to what else the site's origin may have.
func (s *Server) handler(c *site) http.Handler {
	mux := http.NewServeMux()
	page := func(pattern string, do func(http.ResponseWriter, *http.Request, *site) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := do(w, r, c); err != nil {
				s.problem(w, r, c, err)
			}
		})
	}
	page("GET /{$}", s.showAPIs)
	page("GET /apis/{api}/{stage}", s.showAPI)
	page("GET /apis/{api}/{stage}/openapi.json", s.sendDocument)
	page("GET /pages/{page}", s.showPage)
	page("GET /assets/{file...}", s.sendAsset)
	page("GET /assets/"+themeFile, s.sendTheme)
	if slices.ContainsFunc(c.apis, (*published).Keys) {
		page("GET /account/sign-in", s.askSecret)
		page("POST /account/sign-in", s.signInBySecret)
		page("GET /account/sign-in/start", s.startSignIn)
		page("GET /account/sign-in/done", s.endSignIn)
		page("POST /account/sign-out", s.signOut)
		page("GET /account/request/{api}/{stage}", s.askForKey)
		page("POST /account/request/{api}/{stage}", s.takeRequest)
		page("GET /account/keys", s.showKeys)
		page("GET /account/keys/{id}", s.showKey)
		page("POST /account/keys/{id}/reveal", s.revealKey)
		page("POST /account/keys/{id}/revoke", s.revokeKey)
	}
	page("GET /", func(http.ResponseWriter, *http.Request, *site) error { return errNoPage })
	return s.guarded(c, mux)
}
