package translator

import (
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	filterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	setfilterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/set_filter_state/v3"
	networkinputsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// A connection keeps the chain of filters that its listener had when it was made, for as long
// as it is open: ten minutes, where the listener has changed. Routes change for all connections
// at once, and are made for one chain only: what they ask of a filter that an earlier chain
// does not have, or has in another way, is not done there – a check of callers or a throttle
// would be left out. The chain changes with Gatehouse's version, and with some options of the
// gateway.
//
// So a connection says which chain it has, and routes are for connections of theirs. Requests
// of others are passed on to a listener inside Envoy which has that chain, as those by the path
// form are: they are served, and by the same rules.

// connectionChain is what a connection says its chain by, in Envoy's filter state.
const connectionChain = "gw.chain"

// chainNameLength is so short that Envoy copies a name, which it does with each request, without
// taking memory for it.
const chainNameLength = 12

// chainOf names the chain of a gateway's listeners by its content.
func chainOf(g *gateway.Gateway) string {
	var filters [][]byte
	for _, f := range outerManager(g, &gateway.Listener{}, true, downstream{}).HttpFilters {
		filters = append(filters, anyOf(f).Value)
	}
	return gateway.ContentHash(filters)[:chainNameLength]
}

// sayChain has connections say their chain. It costs nothing with each request.
func sayChain(chain string) *listenerv3.Filter {
	return &listenerv3.Filter{
		Name: "envoy.filters.network.set_filter_state",
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: anyOf(&setfilterstatev3.Config{
			OnNewConnection: []*filterstatev3.FilterStateValue{keepText(connectionChain, formatLiteral(chain))},
		})},
	}
}

// onlyFromChain gives a host's routes to connections of a chain, and passes on the requests of
// others.
func (c *compiledSite) onlyFromChain(chain string) {
	vh, other := c.virtual, c.passedOn(chain)
	if c.mutualTLS {
		other = connectAgain()
	}
	vh.Matcher = &matcherconfigv3.Matcher{
		MatcherType: &matcherconfigv3.Matcher_MatcherTree_{MatcherTree: &matcherconfigv3.Matcher_MatcherTree{
			Input: &xdscorev3.TypedExtensionConfig{
				Name:        "chain",
				TypedConfig: anyOf(&networkinputsv3.FilterStateInput{Key: connectionChain}),
			},
			TreeType: &matcherconfigv3.Matcher_MatcherTree_ExactMatchMap{ExactMatchMap: &matcherconfigv3.Matcher_MatcherTree_MatchMap{
				Map: map[string]*matcherconfigv3.Matcher_OnMatch{
					chain: {OnMatch: &matcherconfigv3.Matcher_OnMatch_Matcher{Matcher: vh.Matcher}},
				},
			}},
		}},
		OnNoMatch: routeList(other),
	}
}

// RoutesByPath are a host's lists of routes, by the beginning of the path.
func RoutesByPath(vh *routev3.VirtualHost) map[string]*matcherconfigv3.Matcher_OnMatch {
	for _, byChain := range vh.GetMatcher().GetMatcherTree().GetExactMatchMap().GetMap() {
		return byChain.GetMatcher().GetMatcherTree().GetPrefixMatchMap().GetMap()
	}
	return nil
}

// passedOn leads to the listener inside. What the host does for all its routes it does there,
// and not here: but for a Forwarded header, which backends get twice.
func (c *compiledSite) passedOn(chain string) *routev3.Route {
	r := &routev3.Route{
		Name:  "earlier chain",
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: presentChain(chain)},
			// The route that the request comes to has its own.
			Timeout: millis(0), IdleTimeout: millis(0),
			UpgradeConfigs: upgrades(),
			// For a moment, Envoy has the routes and not yet the listener.
			RetryPolicy: &routev3.RetryPolicy{
				RetryOn: "connect-failure", NumRetries: uint32Value(20),
				RetryBackOff: &routev3.RetryPolicy_RetryBackOff{BaseInterval: millis(25), MaxInterval: millis(250)},
			},
		}},
		RequestHeadersToAdd:  carried(),
		TypedPerFilterConfig: map[string]*anypb.Any{},
	}
	for _, h := range c.virtual.ResponseHeadersToAdd {
		r.ResponseHeadersToRemove = append(r.ResponseHeadersToRemove, h.GetHeader().GetKey())
	}
	if c.renamesAll {
		// There they have been renamed already.
		r.ResponseHeadersToRemove = append(r.ResponseHeadersToRemove, removedResponseHeaders...)
	}
	for filter := range c.virtual.TypedPerFilterConfig {
		r.TypedPerFilterConfig[filter] = switchedOff
	}
	return r
}

// connectAgain has a client that has to show a certificate do so to the present listener:
// inside Envoy there is no handshake.
func connectAgain() *routev3.Route {
	return &routev3.Route{
		Name:   "earlier chain",
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{}},
		Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 421}},
		TypedPerFilterConfig: map[string]*anypb.Any{filterMapping: enabled(&luav3.LuaPerRoute{
			Override: &luav3.LuaPerRoute_SourceCode{SourceCode: inlineString(`function envoy_on_request(handle)
  handle:streamInfo():drainConnectionUponCompletion()
end`)},
		})},
	}
}

// presentChain is the cluster, and the internal listener, by which requests come to a chain. It
// is named after it: connections that Envoy keeps to the one before are not used for it.
func presentChain(chain string) string { return wire.PresentChainCluster + "/" + chain }

// addPresentChain adds both.
func addPresentChain(g *gateway.Gateway, scoped bool, chain string, out *gatewayResources) {
	name := presentChain(chain)
	m := innerManager(g, scoped, secondPass, "earlier_chains")
	out.add(name, innerListener(chain, name, m), g.Source)
	out.add(name, innerCluster(name), g.Source)
}
