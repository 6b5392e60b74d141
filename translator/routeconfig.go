package translator

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// A compiledSite is a host's virtual host with the upstreams its routes lead to.
type compiledSite struct {
	host      string
	virtual   *routev3.VirtualHost
	upstreams map[upstream]bool
	tokens    map[string]tokenCheck
	diags     gateway.Diagnostics
	source    gateway.Position
	// authorizationApart: the authorization service is not where the control plane is.
	authorizationApart bool
	// integrationApart is the same for the integration service, and mutualTLS tells that
	// clients have to show certificates.
	integrationApart, mutualTLS bool
	// telemetry tells that requests are told about, accessLog that they are logged.
	telemetry, accessLog bool
	// tracing tells that there is a collector for what is traced.
	tracing bool
	// namesNetworks tells that listeners of the gateway say where requests come from.
	namesNetworks bool
	// limitHeaders of the gateway, and where its rate limit service is.
	limitHeaders     gateway.LimitHeaders
	rateLimitCluster string
	// asksControlPlane: some route needs the authorization service that is there.
	asksControlPlane bool
	// integratesThere: some route leads to the integration service that is there.
	integratesThere bool
	// hasTools: some stage shows its operations to agents.
	hasTools bool
	// tellsSigners: some endpoint for agents asks for signatures.
	tellsSigners bool
	// renamesAll: backends' headers can be renamed for the host as a whole.
	renamesAll bool
	// countsShared: some route needs a rate limit service, wherever it is.
	countsShared bool
}

// compileSite translates all that a host serves.
func compileSite(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess, st *site, chain string) *compiledSite {
	c := &compiledSite{host: st.host, upstreams: map[upstream]bool{}, tokens: map[string]tokenCheck{}, source: st.source, limitHeaders: g.LimitHeaders}
	c.authorizationApart, c.integrationApart = g.Services.Authorization != nil, g.Services.Integration != nil
	c.mutualTLS, c.telemetry, c.accessLog = st.mutualTLS, g.Telemetry, g.AccessLog != nil
	c.tracing, c.namesNetworks = g.Tracing != nil, namesNetworks(g)
	c.rateLimitCluster = rateLimitCluster(g)
	var sections []section
	if st.kind == pathForm {
		sections = append(sections, pathFormSection(s, g), userRequestSection(g))
	}
	rooted := false
	for _, m := range st.mounts {
		sections = append(sections, c.mountSections(s, access, m)...)
		rooted = rooted || m.path == "" && m.rule == nil
	}
	if !rooted {
		sections = append(sections, section{stop: stop{routes: []*routev3.Route{unmappedRoute(st)}}})
	}
	list := buckets(sections)
	c.virtual = virtualHost(st.host, list)
	c.renamesAll = renamesAll(st, c.virtual, list)
	if names := serverNames(s, g, st); names != nil {
		c.virtual.TypedPerFilterConfig[filterServerName] = enabled(onlyBySNI(names))
	}
	c.onlyFromChain(chain)
	return c
}

// mountSections compiles a stage below a base path: its canary's routes first, which
// match their share of the requests, then the stage's own.
func (c *compiledSite) mountSections(s *gateway.Snapshot, access *gateway.KeyAccess, m mount) []section {
	stage := stageCompiler{
		site: c, snapshot: s, keyAccess: access, api: m.api, stage: m.stage, base: m.path,
		deployment: m.stage.Deployment, variables: m.stage.Variables,
	}
	if m.rule != nil {
		stage.ruleID = m.rule.ID
	}
	var sections []section
	for _, share := range canaryShares(m.stage.Canary) {
		canary := stage
		canary.share, canary.variables = &share, m.stage.CanaryVariables()
		if m.stage.Canary.Deployment != nil {
			canary.deployment = m.stage.Canary.Deployment
		}
		part := canary.section()
		part.stop.partial = true
		sections = append(sections, part)
	}
	sections = append(sections, stage.section())
	if m.rule != nil {
		for i := range sections {
			sections[i].follow(m.rule, m.path)
		}
	}
	return sections
}

// canaryShares are the requests that a canary gets: those with its header before a part of
// all.
func canaryShares(c *gateway.Canary) []canaryShare {
	var shares []canaryShare
	if c != nil && c.Header != nil {
		shares = append(shares, canaryShare{header: c.Header})
	}
	if c != nil && c.Percent > 0 {
		shares = append(shares, canaryShare{percent: c.Percent})
	}
	return shares
}

// narrow makes a route one of the canary's.
func (s *canaryShare) narrow(m *routev3.RouteMatch) {
	switch {
	case s.header == nil:
		m.RuntimeFraction = fraction(s.percent)
	case s.header.Value == "":
		m.Headers = append(m.Headers, &routev3.HeaderMatcher{Name: s.header.Name, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}})
	default:
		exact := &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Exact{Exact: s.header.Value}}
		m.Headers = append(m.Headers, headerMatcher(s.header.Name, exact))
	}
}

// A request by the path form leads to the API's own host, whose name is made of the path:
// so there is one route for all APIs, however many there are. Which APIs there are, the
// second pass knows.

// pathFormSection leads /_aws/execute-api/{apiId}/… to the API's own host.
func pathFormSection(s *gateway.Snapshot, g *gateway.Gateway) section {
	out := section{stop: stop{base: pathFormPrefix, routes: []*routev3.Route{
		forbiddenRoute(pathFormPrefix, "", gateway.Position{}),
	}}}
	for i := range s.APIs {
		api := &s.APIs[i]
		idle := pathFormIdle(api)
		if !servedBy(g, api) || idle == nil {
			continue
		}
		// Connections of WebSocket APIs last as long as these say, and so do slow integrations.
		route := pathFormRoute(g, "path form "+api.ID, pathFormPrefix+"/("+regexp.QuoteMeta(api.ID)+")", "(/.*)?", "/?", "/")
		route.GetRoute().IdleTimeout = idle
		out.candidates = append(out.candidates, candidate{
			base: pathFormPrefix + "/" + api.ID, everything: true, looseSlash: true, routes: []*routev3.Route{route},
		})
	}
	slices.SortFunc(out.candidates, func(a, b candidate) int { return strings.Compare(a.base, b.base) })
	out.candidates = append(out.candidates, candidate{base: pathFormPrefix, everything: true, routes: []*routev3.Route{
		pathFormRoute(g, "path form", pathFormPrefix+"/"+anyAPI, "(/.*)?", "/?", "/"),
	}})
	return out
}

// userRequestSection does the same for the path form that emulators of AWS have, and so the
// scripts of their users: /restapis/{apiId}/{stage}/_user_request_/…. Other paths below
// /restapis are left to the domains of the host.
func userRequestSection(g *gateway.Gateway) section {
	return section{
		candidates: []candidate{{base: userRequestPrefix, everything: true, routes: []*routev3.Route{
			// Which has no segment in the path.
			pathFormRoute(g, "path form of $default", userRequestPrefix+"/"+anyAPI, "/[$]default/_user_request_(/.*)?", "/[$]default/_user_request_/?", "/"),
			pathFormRoute(g, "path form of stages", userRequestPrefix+"/"+anyAPI, "/[^/]+/_user_request_(/.*)?", "/([^/]+)/_user_request_", `/\2`),
		}}},
		stop: stop{base: userRequestPrefix, partial: true},
	}
}

// anyAPI matches the ids of APIs, which are labels of host names.
const anyAPI = "([a-z0-9-]+)"

// pathFormRoute leads paths to an API's own host. api is a regular expression of how they
// begin, which captures the API's id, rest of how they go on. What matches api and cut is
// replaced.
func pathFormRoute(g *gateway.Gateway, name, api, rest, cut, replacement string) *routev3.Route {
	return &routev3.Route{
		Name: name,
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_SafeRegex{
			SafeRegex: &envoymatcherv3.RegexMatcher{Regex: api + rest},
		}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: wire.PathFormCluster},
			HostRewriteSpecifier: &routev3.RouteAction_HostRewritePathRegex{HostRewritePathRegex: &envoymatcherv3.RegexMatchAndSubstitute{
				Pattern:      &envoymatcherv3.RegexMatcher{Regex: "^" + api + "(/.*)?$"},
				Substitution: `\1.execute-api.` + cmp.Or(g.Suffix, "localhost"),
			}},
			RegexRewrite: &envoymatcherv3.RegexMatchAndSubstitute{
				Pattern: &envoymatcherv3.RegexMatcher{Regex: "^" + api + cut}, Substitution: replacement,
			},
			// The second pass has the route's own timeout.
			Timeout:        millis(0),
			UpgradeConfigs: upgrades(),
		}},
		RequestHeadersToAdd: carried(),
	}
}

// virtualHost packs buckets into a matcher tree over :path. The prefixes never hold
// a question mark, so that the query string does not disturb.
func virtualHost(host string, list []bucket) *routev3.VirtualHost {
	vh := &routev3.VirtualHost{Name: host, Domains: []string{host}}
	hoist(vh, list)
	actions := map[string]*matcherconfigv3.Matcher_OnMatch{}
	for _, b := range list {
		actions[b.prefix] = routeList(b.routes...)
	}
	vh.Matcher = &matcherconfigv3.Matcher{MatcherType: &matcherconfigv3.Matcher_MatcherTree_{
		MatcherTree: &matcherconfigv3.Matcher_MatcherTree{
			Input: &xdscorev3.TypedExtensionConfig{
				Name:        "path",
				TypedConfig: anyOf(&envoymatcherv3.HttpRequestHeaderMatchInput{HeaderName: ":path"}),
			},
			TreeType: &matcherconfigv3.Matcher_MatcherTree_PrefixMatchMap{
				PrefixMatchMap: &matcherconfigv3.Matcher_MatcherTree_MatchMap{Map: actions},
			},
		},
	}}
	return vh
}

// routeList takes the first route that matches.
func routeList(routes ...*routev3.Route) *matcherconfigv3.Matcher_OnMatch {
	return &matcherconfigv3.Matcher_OnMatch{OnMatch: &matcherconfigv3.Matcher_OnMatch_Action{
		Action: &xdscorev3.TypedExtensionConfig{Name: "routes", TypedConfig: anyOf(&routev3.RouteList{Routes: routes})},
	}}
}

// scopedRoute binds a host to its RouteConfiguration.
func scopedRoute(host, config string) *routev3.ScopedRouteConfiguration {
	return &routev3.ScopedRouteConfiguration{
		Name:                   "scope/" + host,
		RouteConfigurationName: config,
		Key: &routev3.ScopedRouteConfiguration_Key{Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: host},
		}}},
	}
}

// routeMatch begins the match of a route.
func (c *stageCompiler) routeMatch(method string) *routev3.RouteMatch {
	m := &routev3.RouteMatch{}
	if method != "" {
		m.Headers = append(m.Headers, methodMatcher(method))
	}
	if c.share != nil {
		c.share.narrow(m)
	}
	return m
}

var anyMethods = strings.Join(gateway.AnyMethods(), "|")

// methodMatcher matches a method; ANY is Amazon's seven.
func methodMatcher(method string) *routev3.HeaderMatcher {
	matcher := &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Exact{Exact: method}}
	if method == gateway.AnyMethod {
		matcher = regexMatcher(anyMethods)
	}
	return headerMatcher(":method", matcher)
}

func headerMatcher(name string, matcher *envoymatcherv3.StringMatcher) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: matcher}}
}

func regexMatcher(pattern string) *envoymatcherv3.StringMatcher {
	return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_SafeRegex{
		SafeRegex: &envoymatcherv3.RegexMatcher{Regex: pattern},
	}}
}

// sortRoutes puts routes in API Gateway's order of preference: by path, then the
// exact method before ANY. In an HTTP API any route that is matched in full comes
// before all greedy ones.
func sortRoutes(routes []*parsedRoute, rest bool) {
	slices.SortStableFunc(routes, func(a, b *parsedRoute) int {
		if !rest && a.template.Greedy() != b.template.Greedy() {
			if a.template.Greedy() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.template.Compare(b.template), cmp.Compare(anyLast(a.Method), anyLast(b.Method)), strings.Compare(a.Method, b.Method))
	})
}

func anyLast(method string) int {
	if method == gateway.AnyMethod {
		return 1
	}
	return 0
}
