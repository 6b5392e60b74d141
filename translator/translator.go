// Package translator turns a gateway.Snapshot into Envoy resources. It is pure:
// the same snapshot gives the same bytes, and nothing is read or written on the
// way.
//
// A gateway's hosts become scoped route configurations, one each, with a prefix
// tree of routes inside; its listeners are one constant HTTP filter chain whose
// filters the routes switch on; integrations that lead to the same place share a
// cluster.
package translator

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Resources of one gateway: type URL, then resource name.
type Resources = map[string]map[string]proto.Message

// Output is everything that a snapshot becomes.
type Output struct {
	// Revision is the snapshot's.
	Revision string
	// Gateways are the resources by gateway name.
	Gateways map[string]Resources
	// AskControlPlane are the gateways with routes that need an authorization service
	// where the control plane is, in the snapshot's order.
	AskControlPlane []*gateway.Gateway
	// IntegrateThere are those with routes that lead to an integration service there.
	IntegrateThere []*gateway.Gateway
	// CountShared are the gateways with routes that need a rate limit service, in the
	// snapshot's order.
	CountShared []*gateway.Gateway

	sources map[string]gateway.Position
}

// Source tells which line produced a resource, so that Envoy's refusal of it can
// be shown at that line. The zero Position means no single line did.
func (o *Output) Source(typeURL, name string) gateway.Position {
	return o.sources[typeURL+"\x00"+name]
}

// Translator translates snapshots, one after the other. It keeps what it made of
// the last one, so that the unchanged parts of the next are the same messages
// (by identity) and cost nothing. It is not for concurrent use.
type Translator struct {
	last map[string]*translated
}

// New returns a Translator that has seen nothing yet.
func New() *Translator { return &Translator{last: map[string]*translated{}} }

// translated is what was made of a gateway.
type translated struct {
	sites     map[string]*memoizedSite
	resources Resources
}

// A memoizedSite is a site with what it was compiled from.
type memoizedSite struct {
	fingerprint string
	deployments []*gateway.Deployment
	compiled    *compiledSite
	config      *routev3.RouteConfiguration
}

// Translate gives the Envoy resources of a sealed snapshot. Diagnostics hold what
// the gateway cannot do as written; when they have errors the Output is nil.
func (t *Translator) Translate(s *gateway.Snapshot) (*Output, gateway.Diagnostics) {
	out := &Output{Revision: s.Revision(), Gateways: map[string]Resources{}, sources: map[string]gateway.Position{}}
	var diags gateway.Diagnostics
	next := map[string]*translated{}
	access := s.KeyAccess()
	for i := range s.Gateways {
		g := &s.Gateways[i]
		made, found := translateGateway(s, g, access, t.last[g.Name], out.sources)
		next[g.Name], out.Gateways[g.Name] = made, made.resources
		diags = append(diags, found...)
		if made.any(func(c *compiledSite) bool { return c.asksControlPlane }) {
			out.AskControlPlane = append(out.AskControlPlane, g)
		}
		if made.any(func(c *compiledSite) bool { return c.integratesThere }) {
			out.IntegrateThere = append(out.IntegrateThere, g)
		}
		if made.any(func(c *compiledSite) bool { return c.countsShared }) {
			out.CountShared = append(out.CountShared, g)
		}
	}
	diags.Sort()
	if diags.HasErrors() {
		return nil, diags
	}
	t.last = next
	return out, diags
}

// any reports whether something holds for a site of the gateway.
func (t *translated) any(holds func(*compiledSite) bool) bool {
	for _, site := range t.sites {
		if holds(site.compiled) {
			return true
		}
	}
	return false
}

func translateGateway(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess, last *translated, sources map[string]gateway.Position) (*translated, gateway.Diagnostics) {
	if last == nil {
		last = &translated{sites: map[string]*memoizedSite{}, resources: Resources{}}
	}
	sites := withPathForm(sitesOf(s, g))
	chain := chainOf(g)
	compiled := compileSites(s, g, access, sites, chain, last)

	made := &translated{sites: map[string]*memoizedSite{}, resources: Resources{}}
	out := &gatewayResources{resources: made.resources, last: last.resources, sources: sources}
	var diags gateway.Diagnostics
	upstreams := map[upstream]bool{}
	tokens := map[string]tokenCheck{}
	scoped := !slices.ContainsFunc(sites, func(st site) bool { return !st.exact() })
	all := &routev3.RouteConfiguration{
		Name:                           wildcardRouteConfiguration,
		MaxDirectResponseBodySizeBytes: uint32Value(maxReplyBytes),
		IgnorePortInHostMatching:       true,
	}
	for i, m := range compiled {
		st := sites[i]
		made.sites[st.host] = m
		diags = append(diags, m.compiled.diags...)
		for up := range m.compiled.upstreams {
			upstreams[up] = true
		}
		maps.Copy(tokens, m.compiled.tokens)
		all.VirtualHosts = append(all.VirtualHosts, m.compiled.virtual)
		// The path form's second pass looks exact hosts up by scope in any case.
		if scoped || st.kind == executeAPI {
			out.add(m.config.Name, m.config, st.source)
			scope := scopedRoute(st.host, m.config.Name)
			out.add(scope.Name, scope, st.source)
		}
	}
	if !scoped {
		out.add(all.Name, all, g.Source)
	}
	addClusters(s, upstreams, out)
	addServices(g, out)
	addTokenFilter(s, tokens, out)
	addServiceFilters(g, made.any(func(c *compiledSite) bool { return c.tellsSigners }), out)
	addKeyFilter(s, g, access, out)
	addThrottleFilters(s, g, access, out)
	buildListeners(g, domainsOf(s, g), scoped, chain, out)
	if made.any(func(c *compiledSite) bool { return c.hasTools }) {
		addToolListener(g, scoped, chain, out)
	}
	return made, diags
}

// maxReplyBytes bounds what Envoy answers by itself.
const maxReplyBytes = 1 << 20

// withPathForm adds the hosts of the path form. Besides, they serve what the domain
// of their name, or else the catch-all domain, serves.
func withPathForm(sites []site) []site {
	byHost := map[string]int{}
	for i, st := range sites {
		byHost[st.host] = i
	}
	for _, host := range pathFormHosts {
		st := site{host: host, kind: pathForm}
		if i, ok := byHost[host]; ok {
			st.mounts, st.mutualTLS, st.source = sites[i].mounts, sites[i].mutualTLS, sites[i].source
			sites[i] = st
			continue
		}
		if i, ok := byHost["*"]; ok {
			st.mounts, st.mutualTLS, st.source = sites[i].mounts, sites[i].mutualTLS, sites[i].source
		}
		sites = append(sites, st)
	}
	slices.SortFunc(sites, func(a, b site) int { return strings.Compare(a.host, b.host) })
	return sites
}

// compileSites compiles, in parallel, those sites that changed since the last time.
func compileSites(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess, sites []site, chain string, last *translated) []*memoizedSite {
	shared := sharedFingerprint(s, g, access, chain)
	out := make([]*memoizedSite, len(sites))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range sites {
		st := &sites[i]
		fingerprint, deployments := fingerprintOf(s, g, access, st, shared)
		if old := last.sites[st.host]; old != nil && old.fingerprint == fingerprint && slices.Equal(old.deployments, deployments) {
			out[i] = old
			continue
		}
		group.Go(func() error {
			c := compileSite(s, g, access, st, chain)
			config := &routev3.RouteConfiguration{
				Name:                           routeConfigurationName(st.host),
				MaxDirectResponseBodySizeBytes: uint32Value(maxReplyBytes),
			}
			virtual := proto.Clone(c.virtual).(*routev3.VirtualHost)
			// The scope has chosen the host already.
			virtual.Domains = []string{"*"}
			if c.renamesAll {
				renameByHeaders(config, virtual)
			}
			config.VirtualHosts = []*routev3.VirtualHost{virtual}
			out[i] = &memoizedSite{fingerprint, deployments, c, config}
			return nil
		})
	}
	_ = group.Wait() // compileSite reports by diagnostics
	return out
}

// sharedFingerprint covers what the routes of any site may depend on. The keys of an
// issuer are not among it: they are in a filter's configuration.
func sharedFingerprint(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess, chain string) string {
	type issuer struct {
		URL, UserPool string
		Introspected  bool
	}
	var issuers []issuer
	for _, i := range s.Issuers {
		if i.UserPool != "" || i.Introspection != nil {
			issuers = append(issuers, issuer{i.URL, i.UserPool, i.Introspection != nil})
		}
	}
	return gateway.ContentHash(struct {
		Backends    []gateway.Backend
		Issuers     []issuer
		KeysInEnvoy bool
		Account     string
		Shared      *gateway.Throttle
		Headers     gateway.LimitHeaders
		Telemetry   bool
		Tracing     bool
		Networks    bool
		AccessLog   bool
		Chain       string
	}{s.Backends, issuers, KeysInEnvoy(access), accountMark(s), shared(s.Account.Throttle), g.LimitHeaders, g.Telemetry, g.Tracing != nil, namesNetworks(g), g.AccessLog != nil, chain})
}

// fingerprintOf covers all that a site's routes are made of. Deployments count by
// content; their identity tells whether positions may have moved.
func fingerprintOf(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess, st *site, shared string) (string, []*gateway.Deployment) {
	type mounted struct {
		Path     string
		API      string
		Home     gateway.Home
		Protocol gateway.Protocol
		Stage    gateway.Stage
		Plans    []string
		Limits   []planLimits
		Rule     *gateway.RoutingRule
	}
	key := struct {
		Host, Kind, Shared string
		MutualTLS          *serverNameSet
		Mounts             []mounted
		PathForm           []string
		AuthorizationApart bool
		IntegrationApart   bool
		RateLimitApart     bool
		ClientCertificates bool
	}{
		Host: st.host, Kind: string(st.kind), Shared: shared, MutualTLS: serverNames(s, g, st),
		AuthorizationApart: g.Services.Authorization != nil,
		IntegrationApart:   g.Services.Integration != nil,
		RateLimitApart:     g.Services.RateLimit != nil,
		ClientCertificates: st.mutualTLS,
	}
	var deployments []*gateway.Deployment
	for _, m := range st.mounts {
		key.Mounts = append(key.Mounts, mounted{m.path, m.api.ID, m.api.Home(), m.api.Protocol, *m.stage, access.Stage(m.api.ID, m.stage.Name), planLimitsOf(s, access, m.api.ID, m.stage.Name), m.rule})
		deployments = append(deployments, m.stage.Deployments()...)
	}
	if st.api != nil {
		key.PathForm = append(key.PathForm, string(st.api.Protocol))
	}
	if st.kind == pathForm {
		key.PathForm = append(key.PathForm, g.Suffix)
		for i := range s.APIs {
			if !servedBy(g, &s.APIs[i]) {
				continue
			}
			if idle := pathFormIdle(&s.APIs[i]); idle != nil {
				key.PathForm = append(key.PathForm, apiHost(g, &s.APIs[i]), idle.String())
			}
		}
	}
	return gateway.ContentHash(key), deployments
}

func addClusters(s *gateway.Snapshot, upstreams map[upstream]bool, out *gatewayResources) {
	for up := range upstreams {
		backend := s.Backend(up.Backend)
		var pos gateway.Position
		if backend != nil {
			pos = backend.Source
		}
		c := buildCluster(up, backend, s.ClientCertificate(up.ClientCertificate))
		out.add(c.cluster.Name, c.cluster, pos)
		if c.endpoints != nil {
			out.add(c.endpoints.ClusterName, c.endpoints, pos)
		}
	}
	inner := innerCluster(wire.PathFormCluster)
	out.add(inner.Name, inner, gateway.Position{})
}

func domainsOf(s *gateway.Snapshot, g *gateway.Gateway) []*gateway.Domain {
	var domains []*gateway.Domain
	for i := range s.Domains {
		if d := &s.Domains[i]; d.Gateway == g.Name || d.Gateway == "" {
			domains = append(domains, d)
		}
	}
	slices.SortFunc(domains, func(a, b *gateway.Domain) int { return cmp.Compare(a.Name, b.Name) })
	return domains
}

// gatewayResources collects a gateway's resources. One that equals its predecessor
// is replaced by it, so that "unchanged" is seen without comparing again.
type gatewayResources struct {
	resources Resources
	last      Resources
	sources   map[string]gateway.Position
}

func (g *gatewayResources) add(name string, message proto.Message, source gateway.Position) {
	typeURL := "type.googleapis.com/" + string(message.ProtoReflect().Descriptor().FullName())
	if old := g.last[typeURL][name]; old != nil && (old == message || proto.Equal(old, message)) {
		message = old
	}
	if g.resources[typeURL] == nil {
		g.resources[typeURL] = map[string]proto.Message{}
	}
	g.resources[typeURL][name] = message
	g.sources[typeURL+"\x00"+name] = source
}
