package definition

import (
	"slices"

	"gatehouse/gateway"
)

// settleForeign takes out of foreign files what cannot stand beside all else: users of the
// management API may delete a stage that a plan still names, and Amazon goes on with the
// rest of the plan; and they cannot know what the owner's files have taken already. In
// the owner's own files both stay mistakes.
func (b *build) settleForeign(s *gateway.Snapshot) {
	if b.loader.options.Foreign == nil {
		return
	}
	b.dropTaken(s)
	b.dropDangling(s)
}

// dropTaken takes out API keys, domains and portals that are there already: what was read first,
// the owner's files, stays.
func (b *build) dropTaken(s *gateway.Snapshot) {
	names, values := map[string]bool{}, map[gateway.Secret]bool{}
	var keys []gateway.APIKey
	for _, k := range s.APIKeys {
		taken := names[k.Name] || slices.ContainsFunc(k.Values, func(v gateway.Secret) bool { return values[v] })
		if taken && b.loader.options.foreign(k.Source.File) {
			b.diags.Warnf("duplicate-value", k.Source, "", "", "the API key %s is not served: its value, or its name, is another key's", k.Name)
			continue
		}
		names[k.Name] = true
		for _, v := range k.Values {
			values[v] = true
		}
		keys = append(keys, k)
	}
	first := map[[2]string]gateway.Position{}
	var domains []gateway.Domain
	for _, d := range s.Domains {
		at := [2]string{d.Gateway, d.Name}
		if other, taken := first[at]; taken && b.loader.options.foreign(d.Source.File) {
			b.diags.Warnf("duplicate-name", d.Source, "", "", "the domain %s is not served as it is managed: it is defined at %s", d.Name, other)
			continue
		}
		first[at] = d.Source
		domains = append(domains, d)
	}
	sites := map[string]gateway.Position{}
	var portals []gateway.Portal
	for _, p := range s.Portals {
		if other, taken := sites[p.Name]; taken && b.loader.options.foreign(p.Source.File) {
			b.diags.Warnf("duplicate-name", p.Source, "", "", "the portal %s is not served as it is managed: it is defined at %s", p.Name, other)
			continue
		}
		sites[p.Name] = p.Source
		portals = append(portals, p)
	}
	s.APIKeys, s.Domains, s.Portals = keys, domains, portals
}

// dropDangling takes out what refers to something that is not served.
func (b *build) dropDangling(s *gateway.Snapshot) {
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
	plans := make(map[string]bool, len(s.UsagePlans))
	for i := range s.UsagePlans {
		plans[s.UsagePlans[i].Name] = true
	}
	for i := range s.APIKeys {
		if k := &s.APIKeys[i]; b.loader.options.foreign(k.Source.File) {
			k.Plans = without(k.Plans, func(name string) bool { return !plans[name] })
		}
	}
	for i := range s.UsagePlans {
		p := &s.UsagePlans[i]
		if !b.loader.options.foreign(p.Source.File) {
			continue
		}
		p.Keys = without(p.Keys, func(name string) bool { return !keys[name] })
		p.Stages = slices.Clone(without(p.Stages, func(at gateway.PlanStage) bool { return stage(at.API, at.Stage) == nil }))
		for j := range p.Stages {
			at := &p.Stages[j]
			served := stage(at.API, at.Stage)
			at.Routes = without(at.Routes, func(r gateway.RouteThrottle) bool { return !served.HasRoute(r.RouteKey) })
		}
	}
	for i := range s.Domains {
		d := &s.Domains[i]
		if b.loader.options.foreign(d.Source.File) {
			d.Mappings = without(d.Mappings, func(m gateway.DomainMapping) bool { return stage(m.API, m.Stage) == nil })
		}
	}
	for i := range s.Portals {
		p := &s.Portals[i]
		if !b.loader.options.foreign(p.Source.File) {
			continue
		}
		// A list of its own: that which was read is read again.
		var kept []gateway.PortalAPI
		for _, a := range p.APIs {
			served := stage(a.API, a.Stage)
			if served == nil {
				continue
			}
			shown := without(a.Shown, func(o gateway.PortalOperations) bool { return !hasShown(served, o) })
			if len(shown) == 0 && len(a.Shown) > 0 {
				continue // To show nothing is not to show all.
			}
			a.Shown = shown
			kept = append(kept, a)
		}
		p.APIs = kept
	}
	for i := range s.APIs {
		for j := range s.APIs[i].Stages {
			st := &s.APIs[i].Stages[j]
			if id := st.ClientCertificate; id != "" && s.ClientCertificate(id) == nil && b.loader.options.foreign(st.Source.File) {
				b.diags.Warnf("unknown-client-certificate", st.Source, "", "", "the stage %s/%s shows its backends no certificate: there is none with the id %s", s.APIs[i].ID, st.Name, id)
				s.APIs[i].Stages = slices.Clone(s.APIs[i].Stages)
				s.APIs[i].Stages[j].ClientCertificate = ""
			}
		}
	}
}

// without gives a list without some of it. The list itself, which a snapshot may have that
// is served already, stays as it is.
func without[T any](list []T, drop func(T) bool) []T {
	if !slices.ContainsFunc(list, drop) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), drop)
}

func hasShown(s *gateway.Stage, shown gateway.PortalOperations) bool {
	return s.Deployment != nil && slices.ContainsFunc(s.Deployment.Routes, func(r gateway.Route) bool { return shown.Matches(&r) })
}
