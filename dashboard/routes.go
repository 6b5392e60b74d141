package dashboard

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway"
)

// routesPage is the routes of a stage, and what guards each.
var routesPage = page{
	pattern: "apis/{api}/{stage}/routes", under: "Overview", template: "routes",
	read: (*Server).routes,
}

// routesSize is how many routes are shown at once.
const routesSize = 200

type routesView struct {
	*stageView
	Deployment *gateway.Deployment
	// OfCanary: the routes are those of the canary; Other leads to those of the other side.
	OfCanary bool
	Other    string
	// Guards hold for all routes, Facts are what else is to be known of the stage.
	Guards, Facts []fact
	Routes        []routeView
	Filter        string
	All           int
	Pager         pager
	// Counted tells that the numbers of the last hour are known.
	Counted bool
}

// fact is something to know, and where it is written.
type fact struct {
	Name, Text string
	Source     string
}

type routeView struct {
	Key, Method, Path, Operation string
	// Open: whoever reaches it may call it.
	Open        bool
	Guards      []fact
	Integration string
	Details     []string
	Source      string
	summary
}

func (s *Server) routes(r *http.Request) (*shown, error) {
	snapshot, stage, err := s.stageOf(r, "routes")
	if err != nil {
		return nil, err
	}
	v := &routesView{stageView: stage, Deployment: stage.Stage.Deployment, Filter: asked(r, "q")}
	here := stageRoutesHref(stage)
	if canary := stage.Stage.Canary; canary != nil && canary.Deployment != nil && canary.Deployment != v.Deployment {
		v.Other = here + "?side=canary"
		if r.URL.Query().Get("side") == "canary" {
			v.Deployment, v.OfCanary, v.Other = canary.Deployment, true, here
		}
	}
	if v.Deployment == nil {
		return nil, notFound("Nothing is deployed to this stage.")
	}
	v.Guards, v.Facts = v.stageGuards(snapshot), v.stageFacts()
	plans := plansOf(snapshot, stage.API.ID, stage.Stage.Name)
	v.All, v.Counted = len(v.Deployment.Routes), s.options.Traffic != nil
	var called map[Of]summary
	if v.Counted {
		called = s.traffic.parts(Of{API: stage.API.ID, Stage: stage.Stage.Name}, s.options.Now())
	}
	var found []*gateway.Route
	for i := range v.Deployment.Routes {
		if route := &v.Deployment.Routes[i]; contains(route.Key()+" "+route.OperationName, v.Filter) {
			found = append(found, route)
		}
	}
	found, v.Pager = paged(r, "routes", found, routesSize, "q", "side")
	for _, route := range found {
		shown := v.route(route, plans)
		shown.summary = called[Of{API: stage.API.ID, Stage: stage.Stage.Name, Method: route.Method, Resource: route.Path}]
		v.Routes = append(v.Routes, shown)
	}
	return &shown{Title: stage.title(), Trail: []link{{"Overview", Prefix}}, Data: v}, nil
}

// asked is a parameter of a page, bounded.
func asked(r *http.Request, name string) string {
	text := strings.TrimSpace(r.URL.Query().Get(name))
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

func stageRoutesHref(v *stageView) string { return pathTo("apis", v.API.ID, v.Stage.Name, "routes") }

// plansOf are the usage plans that give access to a stage.
func plansOf(snapshot *gateway.Snapshot, api, stage string) (plans []*gateway.UsagePlan) {
	for i := range snapshot.UsagePlans {
		if plan := &snapshot.UsagePlans[i]; plan.Stage(api, stage) != nil {
			plans = append(plans, plan)
		}
	}
	return plans
}

// stageGuards are what requests to any route have to pass, in the order in which they meet it.
// Throttles come behind what a route asks of callers.
func (v *routesView) stageGuards(snapshot *gateway.Snapshot) (guards []fact) {
	add := func(name, text string, source gateway.Position) {
		guards = append(guards, fact{name, text, place(source)})
	}
	for i := range snapshot.Domains {
		d := &snapshot.Domains[i]
		leads := slices.ContainsFunc(d.Mappings, func(m gateway.DomainMapping) bool { return m.API == v.API.ID && m.Stage == v.Stage.Name })
		if leads && d.TLS != nil && d.TLS.ClientCA != "" {
			add("Client certificates", "asked for by "+d.Name, d.Source)
		}
	}
	if c := v.Deployment.CORS; c != nil {
		add("CORS", "origins "+listed(c.AllowOrigins), c.Source)
	}
	if v.Deployment.Policy != "" {
		add("Resource policy", "who may call at all", v.Deployment.PolicySource)
	}
	if t := v.Stage.Throttle; t != nil {
		add("Stage throttle", throttleText(t), t.Source)
	}
	if t := snapshot.Account.Throttle; t != nil {
		add("Account throttle", throttleText(t), t.Source)
	}
	return guards
}

func (v *routesView) stageFacts() (facts []fact) {
	add := func(name, text string, source gateway.Position) {
		facts = append(facts, fact{name, text, place(source)})
	}
	d := v.Deployment
	if d.Title != "" || d.Version != "" {
		add("Definition", strings.TrimSpace(d.Title+" "+d.Version), d.Source)
	}
	if v.Stage.Cache != nil {
		add("Cache", showBytes(v.Stage.Cache.Bytes), v.Stage.Cache.Source)
	}
	if v.Stage.AccessLog != nil {
		add("Access log", v.Stage.AccessLog.Destination, v.Stage.AccessLog.Source)
	}
	if c := v.Stage.Canary; c != nil {
		text := v.Canary + "% of requests"
		if c.Header != nil {
			text += ", and those with the header " + c.Header.Name
			if c.Header.Value != "" {
				text += ": " + c.Header.Value
			}
		}
		if len(c.Variables) > 0 {
			text += "; other variables: " + listed(slices.Sorted(maps.Keys(c.Variables)))
		}
		add("Canary", text, c.Source)
	}
	variables := v.variables()
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		add("$"+name, variables[name], gateway.Position{})
	}
	return facts
}

// route shows a route with its guards, in the order in which requests meet them.
func (v *routesView) route(r *gateway.Route, plans []*gateway.UsagePlan) routeView {
	out := routeView{Key: r.Key(), Method: r.Method, Path: r.Path, Operation: r.OperationName, Source: place(r.Source), Open: r.Authorization == nil && !r.APIKeyRequired && v.Deployment.Policy == ""}
	add := func(name, text string, source gateway.Position) {
		out.Guards = append(out.Guards, fact{name, text, place(source)})
	}
	if a := r.Authorization; a != nil {
		add(authorizationWord(a.Type), authorizationText(v.Deployment, a), a.Source)
	}
	if r.APIKeyRequired {
		add("API key", planTexts(plans), r.APIKeySource)
		told, more := 0, 0
		for _, plan := range plans {
			t := plan.Stage(v.API.ID, v.Stage.Name).RouteThrottle(r.Key())
			switch {
			case t == nil:
			case told == mostListed:
				more++
			default:
				told++
				add("Throttle of "+plan.Name, throttleText(t), t.Source)
			}
		}
		if more > 0 {
			add("Throttles", "of "+showMany(more, "more plan"), gateway.Position{})
		}
	}
	if t := v.Stage.RouteThrottle(r.Key()); t != nil {
		add("Throttle", throttleText(t), t.Source)
	}
	if validator := v.Deployment.RequestValidator(r.RequestValidator); validator != nil {
		if text := validatorText(v.Deployment, r, validator); text != "" {
			add("Validation", text, validator.Source)
		}
	}
	if in := r.Integration; in != nil {
		out.Integration, out.Details = integrationText(in, v.variables())
	}
	if cache := v.Stage.RouteCache(r); cache != nil {
		out.Details = append(out.Details, fmt.Sprintf("kept for %d s", cache.TTLSeconds))
	}
	return out
}

func authorizationWord(kind string) string {
	switch kind {
	case gateway.AuthorizationIAM:
		return "IAM"
	case gateway.AuthorizationLambda:
		return "Lambda authorizer"
	case gateway.AuthorizationUserPool:
		return "Cognito"
	case gateway.AuthorizationJWT:
		return "JWT"
	}
	return kind
}

func authorizationText(d *gateway.Deployment, a *gateway.Authorization) string {
	if a.Type == gateway.AuthorizationIAM {
		return "signed requests"
	}
	text := a.Authorizer
	if by := d.Authorizer(a.Authorizer); by != nil {
		switch {
		case by.JWTIssuer != "":
			text += ", tokens of " + by.JWTIssuer
		case len(by.ProviderARNs) > 0:
			text += ", tokens of " + listed(by.ProviderARNs)
		}
	}
	if len(a.Scopes) > 0 {
		text += ", one of the scopes " + listed(a.Scopes)
	}
	return text
}

// planTexts tell of usage plans with what they let each key do.
func planTexts(plans []*gateway.UsagePlan) string {
	if len(plans) == 0 {
		return "of no usage plan: nobody may call"
	}
	texts := make([]string, len(plans))
	for i, p := range plans {
		texts[i] = p.Name
		if i >= mostListed {
			continue
		}
		var limits []string
		if p.Throttle != nil {
			limits = append(limits, throttleText(p.Throttle))
		}
		if p.Quota != nil {
			limits = append(limits, quotaText(p.Quota))
		}
		if len(limits) > 0 {
			texts[i] += " (" + strings.Join(limits, "; ") + ")"
		}
	}
	return "of " + listed(texts)
}

func validatorText(d *gateway.Deployment, r *gateway.Route, validator *gateway.RequestValidator) string {
	var parts []string
	if models := d.BodyModels(r); models != nil {
		parts = append(parts, "body by "+listed(slices.Sorted(maps.Values(models))))
	}
	if validator.ValidateParameters {
		var required []string
		for _, p := range r.Parameters {
			if p.Required {
				required = append(required, p.Name)
			}
		}
		if len(required) > 0 {
			parts = append(parts, "needs "+listed(required))
		}
	}
	return strings.Join(parts, "; ")
}

// variables are those that the routes shown see.
func (v *routesView) variables() map[string]string {
	all := maps.Clone(v.Stage.Variables)
	if v.OfCanary {
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, v.Stage.Canary.Variables)
	}
	return all
}

func integrationText(in *gateway.Integration, variables map[string]string) (what string, details []string) {
	what = string(in.Type)
	if in.URI != "" {
		uri, unset := gateway.ResolveStageVariables(in.URI, variables)
		if len(unset) > 0 {
			uri = in.URI
		}
		what += " " + withoutUser(uri)
	}
	if in.Subtype != "" {
		what += " " + in.Subtype
	}
	if in.ConnectionType == gateway.ConnectionVPCLink {
		details = append(details, "by VPC link "+in.ConnectionID)
	}
	if in.TimeoutMillis > 0 {
		details = append(details, fmt.Sprintf("timeout %d ms", in.TimeoutMillis))
	}
	if len(in.RequestTemplates) > 0 {
		details = append(details, "request templates")
	}
	return what, details
}

// withoutUser hides what may be a password in a URI.
func withoutUser(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	return u.Redacted()
}

func throttleText(t *gateway.Throttle) string {
	text := strconv.FormatFloat(t.Rate, 'g', 6, 64) + " a second, burst " + strconv.FormatInt(t.Burst, 10)
	if t.Shared {
		text += ", all Envoys together"
	}
	return text
}

// mostListed is how many of the same kind are told, where there may be hundreds.
const mostListed = 5

// listed writes names one after the other, and how many more there are.
func listed(names []string) string {
	if len(names) > mostListed {
		return strings.Join(names[:mostListed], ", ") + fmt.Sprintf(" and %d more", len(names)-mostListed)
	}
	return strings.Join(names, ", ")
}

// place is where something is written; empty if nobody knows.
func place(p gateway.Position) string {
	if p.File == "" {
		return ""
	}
	return p.String()
}
