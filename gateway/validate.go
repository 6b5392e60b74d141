package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Validate checks what no single file can know to be right: names, limits and
// references across the whole snapshot. Positions are those of the parts at fault.
// A part without a name, or a type, is one whose reader has reported that already:
// nothing is said about it, nor about references that may mean it.
func (s *Snapshot) Validate() Diagnostics {
	v := &validation{snapshot: s}
	v.index()
	v.gateways()
	v.backends()
	v.clientCertificates()
	v.apis()
	v.domains()
	v.mcpDomains()
	v.unreachable()
	v.plans()
	v.portals()
	v.issuers()
	v.destinations()
	v.found.Sort()
	return v.found
}

type validation struct {
	snapshot *Snapshot
	found    Diagnostics
	// told counts the errors among them.
	told int

	// What names stand for: there may be thousands of each, asked for as often. The
	// empty name stands for parts without one.
	gatewaysByName map[string]*Gateway
	backendsByName map[string]bool
	apisByID       map[string]*API
	// tlsGateways have a domain that brings a certificate.
	tlsGateways map[string]bool
}

func (v *validation) index() {
	s := v.snapshot
	v.gatewaysByName, v.backendsByName, v.apisByID = map[string]*Gateway{}, map[string]bool{}, map[string]*API{}
	v.tlsGateways = map[string]bool{}
	for i := range s.Gateways {
		v.gatewaysByName[s.Gateways[i].Name] = &s.Gateways[i]
	}
	for i := range s.Backends {
		v.backendsByName[s.Backends[i].Name] = true
	}
	for i := range s.APIs {
		v.apisByID[s.APIs[i].ID] = &s.APIs[i]
	}
	for i := range s.Domains {
		if d := &s.Domains[i]; d.TLS != nil {
			v.tlsGateways[d.Gateway] = true
		}
	}
}

// noGateway, noBackend and noAPI report whether nothing has that name. A part whose
// name could not be read may be the one that is meant.
func (v *validation) noGateway(name string) bool {
	return v.gatewaysByName[name] == nil && v.gatewaysByName[""] == nil
}
func (v *validation) noBackend(name string) bool {
	return !v.backendsByName[name] && !v.backendsByName[""]
}
func (v *validation) noAPI(id string) bool { return v.apisByID[id] == nil && v.apisByID[""] == nil }

// noStage is the same for a stage of an API that exists.
func noStage(a *API, name string) bool {
	return a.Stage(name) == nil && a.Stage("") == nil && len(a.Stages) > 0
}

// maxFound bounds what is told: nobody reads more, and a hostile definition could
// have a mistake in each of a million parts. Warnings do not count: no number of them
// may hide an error.
const maxFound = 1000

func (v *validation) errorf(code string, pos Position, hint, format string, args ...any) {
	switch v.told++; {
	case v.told <= maxFound:
		v.found.Errorf(code, pos, "", hint, format, args...)
	case v.told == maxFound+1:
		v.found.Errorf("too-many-problems", pos, "", "", "there are more than %d problems; this and those after it are not told", maxFound)
	}
}

// unique reports the second of two things with one name, naming the first.
func (v *validation) unique(seen map[string]Position, kind, name string, pos Position) {
	if name == "" {
		return
	}
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
		if g.Name != "" && !namePattern.MatchString(g.Name) {
			v.errorf("invalid-name", g.Source, "use letters, digits, dots, hyphens and underscores", "%q is not a valid gateway name", g.Name)
		}
		v.unique(names, "gateway", g.Name, g.Source)
		if g.Suffix != "" && (!domainPattern.MatchString(g.Suffix) || strings.Contains(g.Suffix, "*")) {
			v.errorf("invalid-name", g.Source, "", "the suffix %q is not a domain name", g.Suffix)
		}
		v.listeners(&g)
		v.service("authorization", g.Services.Authorization)
		v.service("ratelimit", g.Services.RateLimit)
		v.service("integration", g.Services.Integration)
		v.service("telemetry", g.Services.Telemetry)
		if t := g.Services.Telemetry; t != nil && !g.Telemetry {
			v.errorf("telemetry-off", t.Source, "add telemetry: true to the gateway", "the gateway %s names a telemetry service and does not tell about requests", g.Name)
		}
		v.tracing(g.Tracing)
	}
}

func (v *validation) listeners(g *Gateway) {
	const all = "0.0.0.0"
	ports := map[uint32]map[string]Position{}
	for _, l := range g.Listeners {
		if l.Port == 0 {
			continue // the reader reports it
		}
		taken := ports[l.Port]
		if taken == nil {
			taken = map[string]Position{}
			ports[l.Port] = taken
		}
		address := l.Address
		if address == "::" {
			address = all // it takes IPv4, too
		}
		first, conflict := taken[address]
		if !conflict {
			first, conflict = taken[all]
		}
		if !conflict && address == all {
			for _, pos := range taken {
				if !conflict || before(pos, first) {
					first, conflict = pos, true
				}
			}
		}
		if conflict {
			v.errorf("duplicate-listener", l.Source, "", "two listeners of gateway %s share port %d; the first is at %s", g.Name, l.Port, first)
		} else {
			taken[address] = l.Source
		}
		if l.TLS != nil {
			v.certificate(l.TLS)
			if l.TLS.Certificate == "" && !v.tlsGateways[g.Name] {
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
		if b.Name != "" && !namePattern.MatchString(b.Name) {
			v.errorf("invalid-name", b.Source, "use letters, digits, dots, hyphens and underscores", "%q is not a valid backend name", b.Name)
		}
		v.unique(names, "backend", b.Name, b.Source)
		for _, h := range b.Hosts {
			v.unique(hosts, "backend for host", h, b.Source)
		}
		if b.TLS != nil {
			v.backendTLS(b.TLS)
		}
	}
}

func (v *validation) apis() {
	ids := map[string]Position{}
	names := map[string]Position{}
	checked := map[*Deployment]bool{}
	for i := range v.snapshot.APIs {
		a := &v.snapshot.APIs[i]
		if a.ID != "" && !labelPattern.MatchString(a.ID) {
			v.errorf("invalid-name", a.Source, "set an id: of lower-case letters, digits and hyphens", "the API id %q cannot be part of a host name", a.ID)
		}
		v.unique(ids, "API", a.ID, a.Source)
		if a.Name != a.ID {
			v.unique(names, "API name", a.Name, a.Source)
		}
		for _, name := range a.Gateways {
			if v.noGateway(name) {
				v.errorf("unknown-gateway", a.Source, "", "the API %s names the gateway %q, which does not exist", a.ID, name)
			}
		}
		stages := map[string]Position{}
		for j := range a.Stages {
			v.stage(a, &a.Stages[j])
			v.unique(stages, "stage", a.ID+"/"+a.Stages[j].Name, a.Stages[j].Source)
			for _, d := range a.Stages[j].Deployments() {
				if !checked[d] {
					checked[d] = true
					v.deployment(a, d)
				}
			}
		}
	}
}

func (v *validation) stage(a *API, s *Stage) {
	switch {
	case s.Name == "":
	case s.Name == DefaultStage && a.Protocol != HTTP && a.Protocol != "", s.Name != DefaultStage && !stagePattern.MatchString(s.Name):
		v.errorf("invalid-name", s.Source, "use letters, digits, hyphens and underscores; $default is for HTTP APIs only", "%q is not a valid stage name", s.Name)
	}
	v.variables(s.Variables, s.Source)
	if s.Canary != nil {
		v.variables(s.Canary.Variables, s.Canary.Source)
		if a.Protocol != REST && a.Protocol != "" {
			v.errorf("canary-not-rest", s.Canary.Source, "", "only stages of REST APIs can have a canary")
		}
		if p := s.Canary.Percent; p > 0 && p < LeastCanaryPercent {
			v.errorf("out-of-range", s.Canary.Source, "write 0 for none", "the canary's percent is %s, must be 0, or at least %g: of less, no request would be its", strconv.FormatFloat(p, 'f', -1, 64), LeastCanaryPercent)
		}
	}
	if len(s.Variables) > 100 {
		v.errorf("too-many-variables", s.Source, "", "the stage has %d variables, at most 100 are allowed", len(s.Variables))
	}
	v.settings(a, s)
	v.cache(a, s)
	v.references(a, s)
	v.mcp(a, s)
	v.telemetry(a, s)
}

// settings checks that each is about a route of the stage.
func (v *validation) settings(a *API, s *Stage) {
	if len(s.Settings) == 0 {
		return
	}
	known := map[string]bool{"*": true}
	for _, d := range s.Deployments() {
		for i := range d.Routes {
			known[d.Routes[i].Key()] = true
		}
	}
	for _, settings := range s.Settings {
		if !known[settings.RouteKey] {
			hint := `write "METHOD /path" as in the definition, or "*"`
			if a.Protocol == WebSocket {
				hint = `write a route key as in the definition, or "*"`
			}
			v.errorf("unknown-route", settings.Source, hint, "the stage %s/%s has no route %q", a.ID, s.Name, settings.RouteKey)
		}
	}
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
	if a.ID == "" || s.Name == "" {
		return
	}
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
			// An integration that was made of a backend named beside the document has
			// no place of its own; the loader reports that backend where it is named.
			if in.ConnectionType != ConnectionVPCLink || in.Source == d.Routes[i].Source {
				continue
			}
			if id, missing := ResolveStageVariables(in.ConnectionID, variables); id != "" && len(missing) == 0 && v.noBackend(id) && v.snapshot.VPCLink(id) == nil {
				v.errorf("unknown-backend", in.Source, "add it to backends:", "the integration of %s is sent to the backend %q, which does not exist", d.Routes[i].Key(), id)
			}
		}
	}
	if id := s.ClientCertificate; id != "" && v.snapshot.ClientCertificate(id) == nil {
		v.errorf("unknown-client-certificate", s.Source, "add it to clientCertificates:", "the stage %s/%s shows its backends the certificate %q, which does not exist", a.ID, s.Name, id)
	}
	check(s.Deployment, s.Variables)
	if s.Canary != nil && s.Canary.Deployment != nil {
		check(s.Canary.Deployment, s.CanaryVariables())
	}
}

func (v *validation) domains() {
	seen := map[string]map[string]Position{} // by gateway
	for i := range v.snapshot.Domains {
		d := &v.snapshot.Domains[i]
		if d.Name == "" {
			continue
		}
		if !domainPattern.MatchString(d.Name) {
			v.errorf("invalid-name", d.Source, "write a host name, *.suffix, or *", "%q is not a domain name", d.Name)
		}
		if seen[d.Gateway] == nil {
			seen[d.Gateway] = map[string]Position{}
		}
		v.unique(seen[d.Gateway], "domain", d.Name, d.Source)
		gateways := v.domainGateways(d)
		for _, g := range gateways {
			id, suffix, _ := strings.Cut(d.Name, ".execute-api.")
			if a := v.apisByID[id]; a != nil && suffix == g.Suffix {
				v.errorf("host-conflict", d.Source, "", "the domain %s is the API %s's own host; the API is at %s", d.Name, a.ID, a.Source)
			}
		}
		if d.TLS != nil {
			v.certificate(d.TLS)
			if d.TLS.Certificate == "" && d.TLS.CertificateARN == "" {
				v.errorf("missing-certificate", d.TLS.Source, "", "the domain %s has no certificate", d.Name)
			}
			v.truststore(d)
		}
		v.mappings(d, gateways)
		v.routingRules(d)
	}
}

// unreachable warns of APIs that no host leads to: nothing of them is served.
func (v *validation) unreachable() {
	mapped := map[string]bool{}
	for _, d := range v.snapshot.Domains {
		for _, m := range d.Mappings {
			mapped[m.API] = true
		}
	}
	for i := range v.snapshot.APIs {
		a := &v.snapshot.APIs[i]
		if a.DisableExecuteAPIEndpoint && a.ID != "" && !mapped[a.ID] && !mapped[""] {
			v.found.Warnf("unreachable-api", a.Source, "", "map a domain to it", "the API %s is not served: its own host is disabled, and no domain leads to it", a.ID)
		}
	}
}

func (v *validation) domainGateways(d *Domain) []*Gateway {
	var list []*Gateway
	if g := v.gatewaysByName[d.Gateway]; g != nil && d.Gateway != "" {
		list = append(list, g)
	}
	switch {
	case len(v.snapshot.Gateways) == 1 && d.Gateway == "": // its name could not be read
	case d.Gateway == "":
		v.errorf("missing-key", d.Source, "", "there are several gateways; the domain %s must name one with gateway:", d.Name)
	case v.noGateway(d.Gateway):
		v.errorf("unknown-gateway", d.Source, "", "the domain %s names the gateway %q, which does not exist", d.Name, d.Gateway)
	}
	return list
}

func (v *validation) mappings(d *Domain, gateways []*Gateway) {
	paths := map[string]Position{}
	for _, m := range d.Mappings {
		if !basePathPattern.MatchString(m.Path) || strings.Contains(m.Path, "//") {
			v.errorf("invalid-path", m.Source, "use letters, digits and $-_.+!*'()/", "%q is not a valid base path", m.Path)
		}
		if m.Rule == nil {
			v.unique(paths, "base path", d.Name+"/"+m.Path, m.Source)
		}
		api := v.apisByID[m.API]
		switch {
		case m.API == "" || m.Stage == "": // the reader reports it
		case api == nil && !v.noAPI(m.API):
		case api == nil:
			v.errorf("unknown-api", m.Source, "", "the domain %s maps the API %q, which does not exist", d.Name, m.API)
		case noStage(api, m.Stage):
			v.errorf("unknown-stage", m.Source, "", "the API %s has no stage %q", m.API, m.Stage)
		case len(api.Gateways) > 0 && !slices.Contains(api.Gateways, d.Gateway) && len(gateways) > 0:
			v.errorf("unknown-api", m.Source, "", "the API %s is not served by the gateway %s", m.API, d.Gateway)
		}
	}
}
