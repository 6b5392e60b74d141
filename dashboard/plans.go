package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// Quotas knows what keys have used.
type Quotas interface {
	// Today gives, by the names of a plan's keys, what each has used today, and what it has
	// left of its quota. The plan is named by its id; found is false where the service that
	// counts knows no such plan.
	Today(ctx context.Context, plan string) (keys map[string]KeyQuota, found bool, err error)
}

// KeyQuota is what a key has used today, and what it has left in the current period of its
// quota, which means nothing without one.
type KeyQuota struct{ Used, Left int64 }

// plansPage is the usage plans.
var plansPage = page{
	pattern: "plans", nav: "Usage plans", template: "plans",
	read: (*Server).plans,
}

// planPage is one plan, with what its keys have left.
var planPage = page{
	pattern: "plans/{plan}", under: "Usage plans", template: "plan",
	read: (*Server).plan,
}

const (
	// plansSize is how many plans are shown at once, planKeysSize how many keys of one.
	plansSize    = 50
	planKeysSize = 100
	// plansStages is how many stages are told of each plan among others, planStages of one.
	plansStages = 5
	planStages  = 100
)

type plansView struct {
	Filter string
	Shown  []planView
	All    int
	Pager  pager
}

type planView struct {
	Name, Href, Source string
	Throttle, Quota    string
	Stages             []link
	// MoreStages is how many there are beyond those.
	MoreStages int
	Keys       int
}

type planKeysView struct {
	planView
	// Limit is that of the quota, 0 without one; Period its period.
	Limit  int64
	Period string
	// Unknown says why what keys have used is not known; empty if it is.
	Unknown string
	Shown   []planKeyView
	Filter  string
	Pager   pager
}

type planKeyView struct {
	Name     string
	Disabled bool
	Source   string
	Used     uint64
	// Left is what is left of the quota, Share how much of it in percent.
	Left  uint64
	Share int
	// Kind colours what is nearly used up.
	Kind string
}

func (s *Server) plans(r *http.Request) (*shown, error) {
	v := &plansView{Filter: asked(r, "q")}
	if snapshot := s.snapshot(); snapshot != nil {
		var found []*gateway.UsagePlan
		for i := range snapshot.UsagePlans {
			if plan := &snapshot.UsagePlans[i]; contains(plan.Name, v.Filter) {
				found = append(found, plan)
			}
		}
		v.All = len(snapshot.UsagePlans)
		found, v.Pager = paged(r, "plans", found, plansSize, "q")
		for _, plan := range found {
			v.Shown = append(v.Shown, viewPlan(snapshot, plan, snapshot.PlanKeys(plan), plansStages))
		}
	}
	return &shown{Title: "Usage plans", Data: v}, nil
}

// contains reports whether a name is one that is looked for.
func contains(name, filter string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(filter))
}

// viewPlan shows a plan with its keys, and so many of its stages at most.
func viewPlan(snapshot *gateway.Snapshot, p *gateway.UsagePlan, keys []string, stages int) planView {
	v := planView{Name: p.Name, Href: pathTo("plans", p.Name), Source: place(p.Source), Keys: len(keys), MoreStages: max(len(p.Stages)-stages, 0)}
	if p.Throttle != nil {
		v.Throttle = throttleText(p.Throttle)
	}
	if p.Quota != nil {
		v.Quota = quotaText(p.Quota)
	}
	for _, stage := range p.Stages[:min(len(p.Stages), stages)] {
		text := stage.API
		if api := snapshot.API(stage.API); api != nil && api.Name != "" {
			text = api.Name
		}
		v.Stages = append(v.Stages, link{text + " · " + stage.Stage, stageHref(stage.API, stage.Stage)})
	}
	return v
}

func (s *Server) plan(r *http.Request) (*shown, error) {
	snapshot, name := s.snapshot(), r.PathValue("plan")
	var plan *gateway.UsagePlan
	if snapshot != nil {
		if i := slices.IndexFunc(snapshot.UsagePlans, func(p gateway.UsagePlan) bool { return p.Name == name }); i >= 0 {
			plan = &snapshot.UsagePlans[i]
		}
	}
	if plan == nil {
		return nil, notFound(fmt.Sprintf("There is no usage plan %q in what is served.", name))
	}
	names := snapshot.PlanKeys(plan)
	v := &planKeysView{planView: viewPlan(snapshot, plan, names, planStages), Filter: asked(r, "q")}
	if plan.Quota != nil {
		v.Limit, v.Period = plan.Quota.Limit, strings.ToLower(string(plan.Quota.Period))
	}
	counted, unknown := s.quotas(r.Context(), plan)
	v.Unknown = unknown
	keys := map[string]*gateway.APIKey{}
	for i := range snapshot.APIKeys {
		keys[snapshot.APIKeys[i].Name] = &snapshot.APIKeys[i]
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !contains(name, v.Filter) })
	names, v.Pager = paged(r, "keys", names, planKeysSize, "q")
	for _, name := range names {
		shown := planKeyView{Name: name}
		if key := keys[name]; key != nil {
			shown.Disabled, shown.Source = key.Disabled, place(key.Source)
		}
		shown.fill(counted[name], v.Limit)
		v.Shown = append(v.Shown, shown)
	}
	return &shown{Title: plan.Name, Trail: []link{{"Usage plans", pathTo("plans")}}, Data: v}, nil
}

// quotas gives what keys of a plan have used, or why that is not known.
func (s *Server) quotas(ctx context.Context, plan *gateway.UsagePlan) (counted map[string]KeyQuota, unknown string) {
	switch {
	case s.options.Quotas == nil:
		return nil, "Keys are counted by processes with the role ratelimit, which this one has not. The dashboard of one that has it shows what they have left."
	case plan.Uncounted && plan.Quota == nil:
		return nil, "This plan says that who calls how often is not counted."
	}
	counted, found, err := s.options.Quotas.Today(ctx, plan.ID())
	switch {
	case err != nil:
		s.log.Warn("what keys have used cannot be read", "plan", plan.Name, "error", err)
		return nil, "The store of limits does not answer, so what keys have left is not known just now."
	case !found:
		return nil, "Keys of this plan have not been counted yet."
	}
	return counted, ""
}

func (v *planKeyView) fill(q KeyQuota, limit int64) {
	v.Used, v.Left = uint64(max(q.Used, 0)), uint64(max(q.Left, 0))
	if limit <= 0 {
		return
	}
	v.Share = int(min(100, 100*max(q.Left, 0)/limit))
	switch {
	case q.Left <= 0:
		v.Kind = "bad"
	case v.Share < 20:
		v.Kind = "warn"
	default:
		v.Kind = "good"
	}
}

func quotaText(q *gateway.Quota) string {
	return fmt.Sprintf("%s a %s", showExact(uint64(max(q.Limit, 0))), strings.ToLower(string(q.Period)))
}
