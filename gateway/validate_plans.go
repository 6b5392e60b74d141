package gateway

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plans checks API keys, and the usage plans that give them access.
func (v *validation) plans() {
	keys, plans, values := map[string]Position{}, map[string]Position{}, map[string]Position{}
	unnamedKey := false
	for _, k := range v.snapshot.APIKeys {
		unnamedKey = unnamedKey || k.Name == ""
		v.unique(keys, "API key", k.Name, k.Source)
		if k.Name != "" && !travels(k.Name) {
			v.errorf("invalid-name", k.Source, "use letters, digits, punctuation and inner spaces, but no |; at most 1024 bytes", "%q is not a valid API key name", k.Name)
		}
		for _, value := range k.Values {
			if first, twice := values[value.Reveal()]; twice && value != "" {
				v.errorf("duplicate-value", k.Source, "", "the API key %s has the same value as the one at %s", k.Name, first)
			}
			values[value.Reveal()] = k.Source
		}
	}
	for i := range v.snapshot.UsagePlans {
		p := &v.snapshot.UsagePlans[i]
		v.unique(plans, "usage plan", p.Name, p.Source)
		for _, name := range p.Keys {
			if _, ok := keys[name]; !ok && name != "" && !unnamedKey {
				v.errorf("unknown-api-key", p.Source, "", "the usage plan %s names the key %q, which does not exist", p.Name, name)
			}
		}
		if q := p.Quota; q != nil && q.Offset > 0 && q.Offset >= q.Limit {
			v.errorf("out-of-range", q.Source, "", "the offset of a quota is below its limit; here they are %d and %d", q.Offset, q.Limit)
		}
		v.planStages(p)
	}
	if v.snapshot.UsagePlan("") == nil {
		for _, k := range v.snapshot.APIKeys {
			for _, name := range k.Plans {
				if _, ok := plans[name]; !ok && name != "" {
					v.errorf("unknown-usage-plan", k.Source, "add it to usagePlans:", "the API key %s names the usage plan %q, which does not exist", k.Name, name)
				}
			}
		}
	}
	v.onePlanPerStage()
}

// travels reports whether a name of an API key can go about in a header, behind a list
// that bars end.
func travels(name string) bool {
	unfit := func(r rune) bool { return r == '|' || r == utf8.RuneError || !unicode.IsGraphic(r) }
	return len(name) <= 1024 && !strings.ContainsFunc(name, unfit) && strings.TrimSpace(name) == name
}

func (v *validation) planStages(p *UsagePlan) {
	stages := map[string]Position{}
	for i := range p.Stages {
		at := &p.Stages[i]
		if at.API == "" || at.Stage == "" { // the reader reports it
			continue
		}
		name := at.API + "/" + at.Stage
		v.unique(stages, "stage of the usage plan "+p.Name+":", name, at.Source)
		api := v.apisByID[at.API]
		if api == nil && v.noAPI(at.API) || api != nil && noStage(api, at.Stage) {
			v.errorf("unknown-stage", at.Source, "write API/STAGE", "the usage plan %s names the stage %q, which does not exist", p.Name, name)
			continue
		}
		if api == nil || api.Stage(at.Stage) == nil {
			continue
		}
		keyed := keyedRoutes(api.Stage(at.Stage))
		if len(keyed) == 0 && (p.Throttle != nil || p.Quota != nil || len(at.Routes) > 0) {
			v.found.Warnf("limit-without-key", at.Source, "", "have its methods ask for an API key", "no method of %s asks for an API key, so that the limits of the usage plan %s have no effect there", name, p.Name)
		}
		routes := map[string]Position{}
		for j := range at.Routes {
			r := &at.Routes[j]
			known := api.Stage(at.Stage).HasRoute(r.RouteKey)
			if len(keyed) > 0 && !keyed[r.RouteKey] && known {
				v.found.Warnf("limit-without-key", r.Source, "", "have it ask for an API key", "%s of %s asks for no API key, so that the throttle of the usage plan %s has no effect there", r.RouteKey, name, p.Name)
			}
			v.unique(routes, "throttle of the route", r.RouteKey, r.Source)
			if !known {
				v.errorf("unknown-route", r.Source, "write METHOD /path as in the definition", "the usage plan %s throttles %q, which %s does not have", p.Name, r.RouteKey, name)
			}
		}
	}
}

// keyedRoutes are the routes of a stage, or of its canary, that ask for an API key: HTTP
// APIs have none.
func keyedRoutes(stage *Stage) map[string]bool {
	keyed := map[string]bool{}
	for _, d := range stage.Deployments() {
		if d.Protocol == HTTP {
			continue
		}
		for i := range d.Routes {
			if d.Routes[i].APIKeyRequired {
				keyed[d.Routes[i].Key()] = true
			}
		}
	}
	return keyed
}

// onePlanPerStage reports keys that two plans let call the same stage: which limits
// hold for them would be a matter of chance. Amazon refuses that, too.
func (v *validation) onePlanPerStage() {
	type access struct{ key, api, stage string }
	first := map[access]*UsagePlan{}
	for i := range v.snapshot.UsagePlans {
		p := &v.snapshot.UsagePlans[i]
		reported := map[*UsagePlan]bool{p: true}
		for _, key := range v.snapshot.PlanKeys(p) {
			for _, at := range p.Stages {
				by := access{key, at.API, at.Stage}
				other := first[by]
				if other == nil {
					first[by] = p
					continue
				}
				if !reported[other] && other.Name != p.Name {
					reported[other] = true
					v.errorf("conflicting-plans", p.Source, "take the key out of one of them", "the key %s may call %s/%s by two usage plans, %s and %s (at %s)", key, at.API, at.Stage, p.Name, other.Name, other.Source)
				}
			}
		}
	}
}
