package definition

import (
	"slices"

	"gatehouse/gateway"
)

// dropDangling takes out of foreign files what refers to something that is not served:
// users of the management API may delete a stage that a plan still names, and Amazon goes
// on with the rest of the plan. In the owner's own files it stays a mistake.
func (b *build) dropDangling(s *gateway.Snapshot) {
	if b.loader.options.Foreign == nil {
		return
	}
	apis := make(map[string]*gateway.API, len(s.APIs))
	for i := range s.APIs {
		apis[s.APIs[i].ID] = &s.APIs[i]
	}
	stage := func(api, name string) *gateway.Stage {
		if a := apis[api]; a != nil {
			return a.Stage(name)
		}
		return nil
	}
	keys := make(map[string]bool, len(s.APIKeys))
	for i := range s.APIKeys {
		keys[s.APIKeys[i].Name] = true
	}
	for i := range s.UsagePlans {
		p := &s.UsagePlans[i]
		if !b.loader.options.foreign(p.Source.File) {
			continue
		}
		p.Keys = slices.DeleteFunc(p.Keys, func(name string) bool { return !keys[name] })
		p.Stages = slices.DeleteFunc(p.Stages, func(at gateway.PlanStage) bool { return stage(at.API, at.Stage) == nil })
		for j := range p.Stages {
			at := &p.Stages[j]
			served := stage(at.API, at.Stage)
			at.Routes = slices.DeleteFunc(at.Routes, func(r gateway.RouteThrottle) bool { return !hasRoute(served, r.RouteKey) })
		}
	}
	for i := range s.Domains {
		d := &s.Domains[i]
		if b.loader.options.foreign(d.Source.File) {
			d.Mappings = slices.DeleteFunc(d.Mappings, func(m gateway.DomainMapping) bool { return stage(m.API, m.Stage) == nil })
		}
	}
}

func hasRoute(s *gateway.Stage, key string) bool {
	return s.Deployment != nil && slices.ContainsFunc(s.Deployment.Routes, func(r gateway.Route) bool { return r.Key() == key })
}
