package gateway

import (
	"slices"
	"strings"
)

// portals checks that what portals publish is there, and is of use to consumers.
func (v *validation) portals() {
	names := map[string]Position{}
	for i := range v.snapshot.Portals {
		p := &v.snapshot.Portals[i]
		v.unique(names, "portal", p.Name, p.Source)
		groups := map[string]Position{}
		for _, group := range p.Groups {
			v.unique(groups, "group of the portal "+p.Name+":", group.Title, group.Source)
		}
		pages := map[string]Position{}
		for _, page := range p.Pages {
			v.unique(pages, "page of the portal "+p.Name+":", page.Name, page.Source)
		}
		stages := map[string]Position{}
		for j := range p.APIs {
			a := &p.APIs[j]
			if a.API == "" || a.Stage == "" { // the reader reports it
				continue
			}
			v.unique(stages, "stage of the portal "+p.Name+":", a.API+"/"+a.Stage, a.Source)
			v.portalAPI(p, a)
		}
	}
}

func (v *validation) portalAPI(p *Portal, a *PortalAPI) {
	name := a.API + "/" + a.Stage
	api := v.apisByID[a.API]
	if api == nil && v.noAPI(a.API) || api != nil && noStage(api, a.Stage) {
		v.errorf("unknown-stage", a.Source, "write API/STAGE", "the portal %s publishes the stage %q, which does not exist", p.Name, name)
		return
	}
	if api == nil || api.Stage(a.Stage) == nil {
		return
	}
	if api.Protocol == WebSocket {
		v.errorf("unsupported-portal-api", a.Source, "leave it out", "the portal %s publishes %s, a WebSocket API, which OpenAPI cannot describe", p.Name, name)
		return
	}
	stage := api.Stage(a.Stage)
	for i := range a.Hidden {
		v.portalRoutes(p, stage, "hides", name, &a.Hidden[i])
	}
	for i := range a.Shown {
		v.portalRoutes(p, stage, "shows", name, &a.Shown[i].PortalRoutes)
	}
	keyed := len(keyedRoutes(stage)) > 0
	v.portalPlan(p, a, keyed)
	if from, to := Origin(p.URL), Origin(a.Server); from != "" && to != "" && from != to && a.tried() && !allowsOrigin(stage.Deployment, from) {
		v.found.Warnf("portal-try-it", a.Source, "", "map the stage to a path below "+from+" as well, and write that address as server; or have the API answer "+from+" by CORS",
			"%s cannot be tried out on the portal %s: browsers ask whether pages of %s may call %s, and it does not answer that they may", name, p.Name, from, to)
	}
}

// tried reports whether there is an operation that can be tried out.
func (a *PortalAPI) tried() bool {
	return len(a.Shown) == 0 || slices.ContainsFunc(a.Shown, func(shown PortalOperations) bool { return !shown.ReadOnly })
}

func (v *validation) portalRoutes(p *Portal, stage *Stage, does, name string, r *PortalRoutes) {
	if r.Pattern != "" && stage.Deployment != nil && !slices.ContainsFunc(stage.Deployment.Routes, func(route Route) bool { return r.Matches(&route) }) {
		v.errorf("unknown-route", r.Source, "write METHOD /path, /path or /path/*, as in the definition", "the portal %s %s %q, which %s does not have", p.Name, does, r.Pattern, name)
	}
}

func (v *validation) portalPlan(p *Portal, a *PortalAPI, keyed bool) {
	if a.Plan == "" {
		return
	}
	plan := v.snapshot.UsagePlan(a.Plan)
	switch {
	case plan == nil && v.snapshot.UsagePlan("") != nil:
	case plan == nil:
		v.errorf("unknown-usage-plan", a.Source, "add it to usagePlans:, or write the id of one of the management API", "the portal %s has the usage plan %q, which does not exist", p.Name, a.Plan)
	case plan.Stage(a.API, a.Stage) == nil:
		v.errorf("portal-plan", a.Source, "add the stage to the plan, or name another plan", "keys of the usage plan %s do not open %s/%s, which the portal %s says they do", a.Plan, a.API, a.Stage, p.Name)
	case !keyed:
		v.found.Warnf("limit-without-key", a.Source, "", "have its methods ask for an API key, or leave plan out", "no method of %s/%s asks for an API key, so that there is no need to ask for one at the portal %s", a.API, a.Stage, p.Name)
	}
}

// allowsOrigin reports whether pages of an origin may call an API. Of REST APIs it is only
// known whether browsers are answered at all.
func allowsOrigin(d *Deployment, origin string) bool {
	if d == nil {
		return true
	}
	if d.Protocol != HTTP {
		return slices.ContainsFunc(d.Routes, func(r Route) bool { return r.Method == "OPTIONS" || r.Method == AnyMethod })
	}
	if d.CORS == nil {
		return false
	}
	scheme, _, _ := strings.Cut(origin, "://")
	return slices.ContainsFunc(d.CORS.AllowOrigins, func(o string) bool {
		return o == "*" || o == scheme+"://*" || strings.EqualFold(o, origin)
	})
}
