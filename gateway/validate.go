package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Validate checks what no single file can know to be right: names, limits and
// references across the whole snapshot. Positions are those of the parts at fault.
func (s *Snapshot) Validate() Diagnostics {
	v := &validation{snapshot: s}
	v.gateways()
	v.backends()
	v.apis()
	v.domains()
	v.plans()
	v.issuers()
	v.found.Sort()
	return v.found
}

type validation struct {
	snapshot *Snapshot
	found    Diagnostics
}

func (v *validation) errorf(code string, pos Position, hint, format string, args ...any) {
	v.found.Errorf(code, pos, "", hint, format, args...)
}

// unique reports the second of two things with one name, naming the first.
func (v *validation) unique(seen map[string]Position, kind, name string, pos Position) {
	if first, twice := seen[name]; twice {
		v.errorf("duplicate-name", pos, "", "the %s %q is defined twice; first at %s", kind, name, first)
		return
	}
	seen[name] = pos
}

var (
	labelPattern    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	namePattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	stagePattern    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	variableName    = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	variableValue   = regexp.MustCompile(`^[A-Za-z0-9\-._~:/?#&=,]{0,512}$`)
	basePathPattern = regexp.MustCompile(`^[A-Za-z0-9$\-_.+!*'()/]{0,300}$`)
	domainPattern   = regexp.MustCompile(`^(\*|(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$`)
)

func (v *validation) gateways() {
	names := map[string]Position{}
	for _, g := range v.snapshot.Gateways {
		if !namePattern.MatchString(g.Name) {
			v.errorf("invalid-name", g.Source, "use letters, digits, dots, hyphens and underscores", "%q is not a valid gateway name", g.Name)
		}
		v.unique(names, "gateway", g.Name, g.Source)
		if g.Suffix != "" && !domainPattern.MatchString(g.Suffix) {
			v.errorf("invalid-name", g.Source, "", "the suffix %q is not a domain name", g.Suffix)
		}
		v.listeners(&g)
	}
}

func (v *validation) listeners(g *Gateway) {
	for i, l := range g.Listeners {
		for _, other := range g.Listeners[:i] {
			if l.Port == other.Port && (l.Address == other.Address || l.Address == "0.0.0.0" || other.Address == "0.0.0.0") {
				v.errorf("duplicate-listener", l.Source, "", "two listeners of gateway %s share port %d; the first is at %s", g.Name, l.Port, other.Source)
				break
			}
		}
		if l.TLS != nil {
			v.certificate(l.TLS)
			if l.TLS.Certificate == "" && !slices.ContainsFunc(v.snapshot.Domains, func(d Domain) bool { return d.TLS != nil && d.Gateway == g.Name }) {
				v.errorf("missing-certificate", l.TLS.Source, "give the listener, or a domain of its gateway, a certificate and a key", "the TLS listener on port %d has no certificate", l.Port)
			}
		}
	}
	if len(g.Listeners) == 0 {
		v.errorf("empty-list", g.Source, "", "the gateway %s has no listeners", g.Name)
	}
}

func (v *validation) backends() {
	names, hosts := map[string]Position{}, map[string]Position{}
	for _, b := range v.snapshot.Backends {
		if !namePattern.MatchString(b.Name) {
			v.errorf("invalid-name", b.Source, "use letters, digits, dots, hyphens and underscores", "%q is not a valid backend name", b.Name)
		}
		v.unique(names, "backend", b.Name, b.Source)
		for _, h := range b.Hosts {
			v.unique(hosts, "backend for host", h, b.Source)
		}
	}
}

func (v *validation) apis() {
	ids := map[string]Position{}
	names := map[string]Position{}
	checked := map[*Deployment]bool{}
	for i := range v.snapshot.APIs {
		a := &v.snapshot.APIs[i]
		if !labelPattern.MatchString(a.ID) {
			v.errorf("invalid-name", a.Source, "set an id: of lower-case letters, digits and hyphens", "the API id %q cannot be part of a host name", a.ID)
		}
		v.unique(ids, "API", a.ID, a.Source)
		if a.Name != a.ID {
			v.unique(names, "API name", a.Name, a.Source)
		}
		for _, name := range a.Gateways {
			if !slices.ContainsFunc(v.snapshot.Gateways, func(g Gateway) bool { return g.Name == name }) {
				v.errorf("unknown-gateway", a.Source, "", "the API %s names the gateway %q, which does not exist", a.ID, name)
			}
		}
		stages := map[string]Position{}
		for j := range a.Stages {
			v.stage(a, &a.Stages[j])
			v.unique(stages, "stage", a.ID+"/"+a.Stages[j].Name, a.Stages[j].Source)
			for _, d := range deploymentsOf(&a.Stages[j]) {
				if !checked[d] {
					checked[d] = true
					v.deployment(a, d)
				}
			}
		}
	}
}

func deploymentsOf(s *Stage) []*Deployment {
	list := []*Deployment{s.Deployment}
	if s.Canary != nil && s.Canary.Deployment != nil && s.Canary.Deployment != s.Deployment {
		list = append(list, s.Canary.Deployment)
	}
	return list
}

func (v *validation) stage(a *API, s *Stage) {
	if s.Name == DefaultStage && a.Protocol != HTTP || s.Name != DefaultStage && !stagePattern.MatchString(s.Name) {
		v.errorf("invalid-name", s.Source, "use letters, digits, hyphens and underscores; $default is for HTTP APIs only", "%q is not a valid stage name", s.Name)
	}
	v.variables(s.Variables, s.Source)
	if s.Canary != nil {
		v.variables(s.Canary.Variables, s.Canary.Source)
		if a.Protocol != REST {
			v.errorf("canary-not-rest", s.Canary.Source, "", "only stages of REST APIs can have a canary")
		}
	}
	if len(s.Variables) > 100 {
		v.errorf("too-many-variables", s.Source, "", "the stage has %d variables, at most 100 are allowed", len(s.Variables))
	}
	for _, settings := range s.Settings {
		known := settings.RouteKey == "*"
		for _, d := range deploymentsOf(s) {
			known = known || slices.ContainsFunc(d.Routes, func(r Route) bool { return r.Key() == settings.RouteKey })
		}
		if !known {
			v.errorf("unknown-route", settings.Source, `write "METHOD /path" as in the definition, or "*"`, "the stage %s/%s has no route %q", a.ID, s.Name, settings.RouteKey)
		}
	}
	v.references(a, s)
}

func (v *validation) variables(variables map[string]string, pos Position) {
	names := make([]string, 0, len(variables))
	for name := range variables {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !variableName.MatchString(name) {
			v.errorf("invalid-name", pos, "use letters, digits and underscores, at most 64", "%q is not a valid stage variable name", name)
		}
		if !variableValue.MatchString(variables[name]) {
			v.errorf("invalid-value", pos, "use letters, digits and -._~:/?#&=, only, at most 512", "the value of stage variable %s is not allowed", name)
		}
	}
}

// references checks what a stage's integrations refer to, with its variables.
func (v *validation) references(a *API, s *Stage) {
	check := func(d *Deployment, variables map[string]string) {
		for i := range d.Routes {
			in := d.Routes[i].Integration
			if in == nil {
				continue
			}
			for _, text := range []string{in.URI, in.ConnectionID, in.Credentials} {
				if _, missing := ResolveStageVariables(text, variables); len(missing) > 0 {
					v.errorf("unset-stage-variable", in.URISource, fmt.Sprintf("add it to the variables of stage %s", s.Name),
						"the stage %s/%s has no variable %s, which the integration of %s uses", a.ID, s.Name, strings.Join(missing, ", "), d.Routes[i].Key())
				}
			}
			if in.ConnectionType != ConnectionVPCLink {
				continue
			}
			if id, missing := ResolveStageVariables(in.ConnectionID, variables); len(missing) == 0 && v.snapshot.Backend(id) == nil {
				v.errorf("unknown-backend", in.Source, "add it to backends:", "the integration of %s is sent to the backend %q, which does not exist", d.Routes[i].Key(), id)
			}
		}
	}
	check(s.Deployment, s.Variables)
	if s.Canary != nil && s.Canary.Deployment != nil {
		check(s.Canary.Deployment, s.CanaryVariables())
	}
}

func (v *validation) domains() {
	seen := map[string]Position{}
	for i := range v.snapshot.Domains {
		d := &v.snapshot.Domains[i]
		if !domainPattern.MatchString(d.Name) {
			v.errorf("invalid-name", d.Source, "write a host name, *.suffix, or *", "%q is not a domain name", d.Name)
		}
		v.unique(seen, "domain", d.Gateway+" "+d.Name, d.Source)
		gateways := v.domainGateways(d)
		for _, g := range gateways {
			for _, a := range v.snapshot.APIs {
				if d.Name == a.ID+".execute-api."+g.Suffix {
					v.errorf("host-conflict", d.Source, "", "the domain %s is the API %s's own host; the API is at %s", d.Name, a.ID, a.Source)
				}
			}
		}
		if d.TLS != nil {
			v.certificate(d.TLS)
			if d.TLS.Certificate == "" {
				v.errorf("missing-certificate", d.TLS.Source, "", "the domain %s has no certificate", d.Name)
			}
			v.truststore(d)
		}
		v.mappings(d, gateways)
	}
}

func (v *validation) domainGateways(d *Domain) []Gateway {
	var list []Gateway
	for _, g := range v.snapshot.Gateways {
		if g.Name == d.Gateway {
			list = append(list, g)
		}
	}
	switch {
	case d.Gateway == "":
		v.errorf("missing-key", d.Source, "", "there are several gateways; the domain %s must name one with gateway:", d.Name)
	case len(list) == 0:
		v.errorf("unknown-gateway", d.Source, "", "the domain %s names the gateway %q, which does not exist", d.Name, d.Gateway)
	}
	return list
}

func (v *validation) mappings(d *Domain, gateways []Gateway) {
	paths := map[string]Position{}
	for _, m := range d.Mappings {
		if !basePathPattern.MatchString(m.Path) || strings.Contains(m.Path, "//") {
			v.errorf("invalid-path", m.Source, "use letters, digits and $-_.+!*'()/", "%q is not a valid base path", m.Path)
		}
		v.unique(paths, "base path", d.Name+"/"+m.Path, m.Source)
		api := v.snapshot.API(m.API)
		switch {
		case m.API == "" || m.Stage == "": // the reader reports it
		case api == nil:
			v.errorf("unknown-api", m.Source, "", "the domain %s maps the API %q, which does not exist", d.Name, m.API)
		case api.Stage(m.Stage) == nil:
			v.errorf("unknown-stage", m.Source, "", "the API %s has no stage %q", m.API, m.Stage)
		case len(api.Gateways) > 0 && !slices.Contains(api.Gateways, d.Gateway) && len(gateways) > 0:
			v.errorf("unknown-api", m.Source, "", "the API %s is not served by the gateway %s", m.API, d.Gateway)
		}
	}
}

func (v *validation) plans() {
	keys, plans, values := map[string]Position{}, map[string]Position{}, map[string]Position{}
	for _, k := range v.snapshot.APIKeys {
		v.unique(keys, "API key", k.Name, k.Source)
		for _, value := range k.Values {
			if first, twice := values[value.Reveal()]; twice && value != "" {
				v.errorf("duplicate-value", k.Source, "", "the API key %s has the same value as the one at %s", k.Name, first)
			}
			values[value.Reveal()] = k.Source
		}
	}
	for _, p := range v.snapshot.UsagePlans {
		v.unique(plans, "usage plan", p.Name, p.Source)
		for _, name := range p.Keys {
			if _, ok := keys[name]; !ok {
				v.errorf("unknown-api-key", p.Source, "", "the usage plan %s names the key %q, which does not exist", p.Name, name)
			}
		}
		for _, ref := range p.Stages {
			id, stage, _ := strings.Cut(ref, "/")
			if a := v.snapshot.API(id); a == nil || a.Stage(stage) == nil {
				v.errorf("unknown-stage", p.Source, "write API/STAGE", "the usage plan %s names the stage %q, which does not exist", p.Name, ref)
			}
		}
	}
}
