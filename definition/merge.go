package definition

import (
	"cmp"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/definition/native"
	"gatehouse/gateway"
)

// collectWanted lists the documents that the stages of all APIs name, those given
// directly included.
func (b *build) collectWanted() {
	for i := range b.configs {
		config := &b.configs[i]
		for j := range config.APIs {
			api := &config.APIs[j]
			for k := range api.Stages {
				stage := &api.Stages[k]
				b.want(config.file, api, stage.Definition, stage.MCP != nil, func(d *gateway.Deployment) { stage.Deployment = d })
				if stage.Stage.Canary != nil {
					b.want(config.file, api, stage.Canary, false, func(d *gateway.Deployment) { stage.Stage.Canary.Deployment = d })
				}
			}
		}
	}
	b.dropNamed()
	b.refuseHomeless()
	if len(b.implicit) > 0 {
		b.addImplicit()
	}
}

// dropNamed leaves the documents to the APIs that name them: shells make "*.yaml" of a
// folder's files, so that each of them is given by its name.
func (b *build) dropNamed() {
	if len(b.implicit) == 0 && len(b.webSockets) == 0 {
		return // What is stored may be thousands of documents, none of them given so.
	}
	named := map[string]bool{}
	for _, w := range b.wanted {
		named[absolute(w.key.file)] = true
	}
	b.implicit = slices.DeleteFunc(b.implicit, func(document implicitDocument) bool { return named[absolute(document.name)] })
	for _, document := range b.webSockets {
		if !named[absolute(document.name)] {
			// Of its own it is read as gatehouse.yaml, which says what in it belongs to an API.
			config := native.Parse(document.doc)
			b.incomplete = b.incomplete || config.Incomplete
			b.configs = append(b.configs, readConfig{config, document.name})
		}
	}
}

// refuseHomeless tells of documents that no API names where every host is another's already:
// there is nowhere to serve them, and most likely something else was meant.
func (b *build) refuseHomeless() {
	everyHost := func(c readConfig) bool {
		return slices.ContainsFunc(c.Domains, func(d gateway.Domain) bool { return d.Name == "*" })
	}
	if !slices.ContainsFunc(b.configs, everyHost) {
		return
	}
	for _, document := range b.implicit {
		b.diags.Errorf("unnamed-document", gateway.Position{File: document.name, Line: 1, Column: 1}, "", "name it in an API, or leave the file out",
			"no API has this document as its definition, and the domain \"*\", where it would be served, has others")
	}
	b.implicit = nil
}

// absolute gives the one name of a file that the names of it have in common.
func absolute(name string) string {
	if whole, err := filepath.Abs(name); err == nil {
		return whole
	}
	return name
}

// want asks for a document, unless none is named, which has been reported.
func (b *build) want(file string, api *native.API, d native.Definition, tools bool, deliver func(*gateway.Deployment)) {
	if d.File == "" {
		return
	}
	name := relativeTo(file, d.File)
	b.wanted = append(b.wanted, &wantedDefinition{
		key: deploymentKey{file: name, protocol: api.Protocol, home: b.home(&api.API), backend: d.Backend, tools: tools},
		read: func() ([]byte, error) {
			if b.loader.options.foreign(file) && !b.loader.options.foreign(name) {
				return nil, errors.New("it is not for those who wrote this")
			}
			return b.files.read(name)
		},
		value: d.Value, deliver: deliver,
	})
}

// home is where an API belongs to: what its file says, else what the loader is told.
func (b *build) home(a *gateway.API) gateway.Home {
	return gateway.Home{
		Region:  cmp.Or(a.Region, b.loader.options.Region, gateway.DefaultRegion),
		Account: cmp.Or(a.AccountID, b.loader.options.AccountID, gateway.DefaultAccountID),
	}
}

// settle writes an API's home down: the default one as nothing, so that the same API has
// the same hash whoever says it.
func (b *build) settle(a *gateway.API) {
	home := b.home(a)
	if a.Region = home.Region; home.Region == gateway.DefaultRegion {
		a.Region = ""
	}
	if a.AccountID = home.Account; home.Account == gateway.DefaultAccountID {
		a.AccountID = ""
	}
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// maxLabel is how long a label of a host name may be.
const maxLabel = 63

// documentEndings are what names of documents end in, the last first.
var documentEndings = []string{".yaml", ".yml", ".json", ".openapi", ".swagger"}

// labelOf gives the label of a host name that a document's name tells.
func labelOf(name string) string {
	base := strings.ToLower(filepath.Base(name))
	for _, ending := range documentEndings {
		base = strings.TrimSuffix(base, ending)
	}
	base = notInName.ReplaceAllString(base, "-")
	return cmp.Or(strings.Trim(base[:min(len(base), maxLabel)], "-"), "api")
}

// addImplicit makes an API of each OpenAPI document that was given directly: named
// like the file, with one stage, and mapped to every host. Of several that are called the
// same, the later have a number.
func (b *build) addImplicit() {
	config := &native.Config{}
	taken := map[string]bool{}
	for i, document := range b.implicit {
		label := labelOf(document.name)
		id := label
		for n := 2; taken[id]; n++ {
			number := "-" + strconv.Itoa(n)
			id = label[:min(len(label), maxLabel-len(number))] + number
		}
		taken[id] = true
		pos := gateway.Position{File: document.name, Line: 1, Column: 1}
		api := native.API{API: gateway.API{ID: id, Name: id, Protocol: document.protocol, Source: pos}}
		api.Stages = []native.Stage{{Stage: gateway.Stage{Name: document.stage(), Source: pos}}}
		config.APIs = append(config.APIs, api)
		mapping := gateway.DomainMapping{API: id, Stage: document.stage(), Source: pos}
		if len(b.implicit) > 1 {
			mapping.Path = id
		}
		if i == 0 {
			config.Domains = []gateway.Domain{{Name: "*", Source: pos}}
		}
		config.Domains[0].Mappings = append(config.Domains[0].Mappings, mapping)
	}
	b.configs = append(b.configs, readConfig{config, stdinName})
	for i, document := range b.implicit {
		stage := &config.APIs[i].Stages[0]
		b.wanted = append(b.wanted, &wantedDefinition{
			key:     deploymentKey{file: document.name, protocol: document.protocol, home: b.home(&config.APIs[i].API)},
			read:    func() ([]byte, error) { return document.data, nil },
			deliver: func(d *gateway.Deployment) { stage.Deployment = d },
		})
	}
}

// snapshot merges what all files say. Its parts keep the order of the files.
func (b *build) snapshot() *gateway.Snapshot {
	s := &gateway.Snapshot{}
	if b.base != nil {
		// Lists have no room behind them that others could write to, too.
		s = &gateway.Snapshot{
			Gateways: slices.Clip(b.base.Gateways), Backends: slices.Clip(b.base.Backends), Domains: slices.Clone(b.base.Domains),
			Account: b.base.Account, UsagePlans: slices.Clone(b.base.UsagePlans), APIKeys: slices.Clip(b.base.APIKeys), Portals: slices.Clone(b.base.Portals),
			Issuers: slices.Clip(b.base.Issuers), Functions: slices.Clip(b.base.Functions), Credentials: slices.Clip(b.base.Credentials),
			APIs: slices.Clone(b.base.APIs), ClientCertificates: slices.Clip(b.base.ClientCertificates), VPCLinks: slices.Clip(b.base.VPCLinks),
		}
	}
	for i := range b.configs {
		c := &b.configs[i]
		s.Gateways = append(s.Gateways, c.Gateways...)
		s.Backends = append(s.Backends, c.Backends...)
		s.Domains = append(s.Domains, c.Domains...)
		s.ClientCertificates = append(s.ClientCertificates, c.ClientCertificates...)
		s.VPCLinks = append(s.VPCLinks, c.VPCLinks...)
		b.account(s, c.Config)
		s.UsagePlans = append(s.UsagePlans, c.UsagePlans...)
		s.APIKeys = append(s.APIKeys, c.APIKeys...)
		s.Portals = append(s.Portals, c.Portals...)
		s.Issuers = append(s.Issuers, c.Issuers...)
		s.Functions = append(s.Functions, c.Functions...)
		s.Credentials = append(s.Credentials, c.Credentials...)
		for _, a := range c.APIs {
			api := a.API
			b.settle(&api)
			for _, stage := range a.Stages {
				if stage.Deployment == nil {
					stage.Deployment = &gateway.Deployment{Protocol: api.Protocol}
				}
				api.DisableExecuteAPIEndpoint = api.DisableExecuteAPIEndpoint || stage.Deployment.DisableExecuteAPIEndpoint
				if stage.Stage.Canary != nil && stage.Stage.Canary.Deployment == nil {
					stage.Stage.Canary.Deployment = stage.Deployment
				}
				api.Stages = append(api.Stages, stage.Stage)
			}
			s.APIs = append(s.APIs, api)
		}
	}
	if len(s.Gateways) == 0 {
		s.Gateways = []gateway.Gateway{defaultGateway()}
	}
	b.resolveNames(s)
	b.describePortals(s)
	b.resolveCertificates(s)
	b.settleForeign(s)
	b.checkBackends(s)
	return s
}

// checkBackends reports backends that do not exist where they are named, not at each
// of the operations that would have been sent there.
func (b *build) checkBackends(s *gateway.Snapshot) {
	check := func(d native.Definition) {
		isName := d.Backend != "" && !strings.Contains(d.Backend, "://") && !strings.Contains(d.Backend, "${")
		if isName && s.Backend(d.Backend) == nil && !b.incomplete {
			d.BackendValue.Errorf("unknown-backend", "add it to backends:, or write a URL", "the backend %q does not exist", d.Backend)
		}
	}
	for i := range b.configs {
		for _, api := range b.configs[i].APIs {
			for _, stage := range api.Stages {
				check(stage.Definition)
			}
		}
	}
}

// defaultGateway is what definitions without gateways are served by.
func defaultGateway() gateway.Gateway {
	return gateway.Gateway{
		Name:      "edge",
		Suffix:    native.DefaultSuffix,
		Listeners: []gateway.Listener{{Address: "0.0.0.0", Port: 8080}},
	}
}

// account takes the settings of the account, which one file may have.
func (b *build) account(s *gateway.Snapshot, c *native.Config) {
	switch {
	case c.Account == nil:
	case b.accountAt != gateway.Position{}:
		b.diags.Errorf("duplicate-name", c.AccountSource, "", "keep one of them", "account is written twice; first at %s", b.accountAt)
	default:
		s.Account, b.accountAt = *c.Account, c.AccountSource
	}
}

// resolveNames turns the names that domains and plans use for APIs into ids, and
// gives domains the only gateway, or the first where others write them.
func (b *build) resolveNames(s *gateway.Snapshot) {
	ids := map[string]string{}
	for _, a := range s.APIs {
		ids[a.Name] = a.ID
	}
	for _, a := range s.APIs {
		ids[a.ID] = a.ID
	}
	only := s.Gateways[0].Name
	if slices.ContainsFunc(s.Gateways, func(g gateway.Gateway) bool { return g.Name != only }) {
		only = ""
	}
	for i := range s.Domains {
		d := &s.Domains[i]
		d.Gateway = cmp.Or(d.Gateway, only)
		if d.Gateway == "" && b.loader.options.foreign(d.Source.File) {
			// The management API knows no gateways.
			d.Gateway = s.Gateways[0].Name
		}
		for j := range d.Mappings {
			// What is an id already may be served, and is not written to.
			if id := ids[d.Mappings[j].API]; id != "" && id != d.Mappings[j].API {
				d.Mappings[j].API = id
			}
		}
	}
	for i := range s.UsagePlans {
		for j := range s.UsagePlans[i].Stages {
			at := &s.UsagePlans[i].Stages[j]
			if id := ids[at.API]; id != "" && id != at.API {
				at.API = id
			}
		}
	}
	for i := range s.Portals {
		for j := range s.Portals[i].APIs {
			a := &s.Portals[i].APIs[j]
			if id := ids[a.API]; id != "" && id != a.API {
				a.API = id
			}
		}
	}
}
