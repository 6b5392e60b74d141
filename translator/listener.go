package translator

import (
	"cmp"
	"slices"
	"strings"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	earlyheadersv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// maxRequestHeadersKB is Envoy's default, stated because it answers 431. Amazon's
// limit is 10 KB.
const maxRequestHeadersKB = 60

// maxRequestHeaders is how many headers Envoy takes by default.
const maxRequestHeaders = 100

// buildListeners makes a gateway's listeners with the certificates they refer to.
// scoped tells which way hosts are looked up.
func buildListeners(g *gateway.Gateway, domains []*gateway.Domain, scoped bool, chain string, out *gatewayResources) {
	for i := range g.Listeners {
		l := &g.Listeners[i]
		name := ListenerName(l.Address, l.Port)
		listener := &listenerv3.Listener{
			Name:    name,
			Address: socketAddress(cmp.Or(l.Address, "0.0.0.0"), l.Port),
			// Slow clients must not make Envoy hold much: Envoy's edge advice.
			PerConnectionBufferLimitBytes: uint32Value(1 << 20),
		}
		if l.Address == "" || l.Address == "::" {
			// One socket for IPv4 and IPv6 where the machine has both.
			listener.GetAddress().GetSocketAddress().Ipv4Compat = l.Address == "::"
		}
		listener.Metadata = networkMetadata(l)
		manager := outerManager(g, l, scoped, downstream{
			tls:          l.TLS != nil,
			certificates: l.TLS != nil && slices.ContainsFunc(domains, func(d *gateway.Domain) bool { return d.TLS != nil && d.TLS.ClientCA != "" }),
		})
		if l.TLS == nil {
			listener.FilterChains = []*listenerv3.FilterChain{filterChain(chain, "http", manager)}
		} else {
			manager.CodecType = hcmv3.HttpConnectionManager_AUTO
			listener.ListenerFilters = []*listenerv3.ListenerFilter{{
				Name:       "envoy.filters.listener.tls_inspector",
				ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: anyOf(&tlsinspectorv3.TlsInspector{})},
			}}
			listener.FilterChains = tlsChains(l, name, chain, domains, manager, out)
		}
		out.add(listener.Name, listener, l.Source)
	}
	inner := innerListener(chain, wire.PathFormCluster, pathFormManager(g))
	out.add(inner.Name, inner, g.Source)
	addPresentChain(g, scoped, chain, out)
}

// outerManager serves requests of a listener that clients connect to.
func outerManager(g *gateway.Gateway, l *gateway.Listener, scoped bool, from downstream) *hcmv3.HttpConnectionManager {
	m := connectionManager(g, l, scoped)
	readNetworksIn(m, g, firstPass)
	logRequests(m, g, firstPass, from)
	return m
}

// tlsChains makes a chain per domain with a certificate of its own, chosen by SNI,
// and one for the listener's certificate. Without the latter, unknown names are
// refused in the handshake.
func tlsChains(l *gateway.Listener, name, chainName string, domains []*gateway.Domain, manager *hcmv3.HttpConnectionManager, out *gatewayResources) []*listenerv3.FilterChain {
	var chains []*listenerv3.FilterChain
	for _, d := range domains {
		if d.TLS == nil {
			continue
		}
		secret := domainSecretName(d.Name)
		out.add(secret, certificateSecret(secret, d.TLS), d.TLS.Source)
		chain := filterChain(chainName, "domain/"+d.Name, manager)
		if d.Name != "*" {
			chain.FilterChainMatch = &listenerv3.FilterChainMatch{ServerNames: []string{strings.ToLower(d.Name)}}
		}
		settings := *d.TLS
		settings.MinVersion = cmp.Or(settings.MinVersion, l.TLS.MinVersion)
		truststore := ""
		if d.TLS.ClientCA != "" {
			truststore = truststoreSecretName(d.Name)
			out.add(truststore, truststoreSecret(truststore, d.TLS), d.TLS.Source)
		}
		chain.TransportSocket = downstreamTLS(secret, truststore, &settings)
		chains = append(chains, chain)
	}
	hasCatchAll := slices.ContainsFunc(chains, func(c *listenerv3.FilterChain) bool { return c.FilterChainMatch == nil })
	if l.TLS.Certificate != "" && !hasCatchAll {
		secret := listenerSecretName(name)
		out.add(secret, certificateSecret(secret, l.TLS), l.TLS.Source)
		chain := filterChain(chainName, "listener", manager)
		chain.TransportSocket = downstreamTLS(secret, "", l.TLS)
		chains = append(chains, chain)
	}
	return chains
}

func filterChain(chain, name string, manager *hcmv3.HttpConnectionManager) *listenerv3.FilterChain {
	return &listenerv3.FilterChain{
		Name: name,
		Filters: []*listenerv3.Filter{sayChain(chain), {
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: anyOf(manager)},
		}},
	}
}

// connectionManager is the HTTP side of a listener. It does not depend on the
// definitions beyond the options of the gateway and the listener: a changed listener drains its
// connections, so what changes often lives in routes.
func connectionManager(g *gateway.Gateway, l *gateway.Listener, scoped bool) *hcmv3.HttpConnectionManager {
	m := &hcmv3.HttpConnectionManager{
		StatPrefix:  "gateway",
		HttpFilters: httpFilters(g),
		// Before anything reads them: names that only the gateway may use.
		EarlyHeaderMutationExtensions: []*corev3.TypedExtensionConfig{{
			Name:        "envoy.http.early_header_mutation.header_mutation",
			TypedConfig: anyOf(clientHeaders(g)),
		}},
		LocalReplyConfig:    localReplies(),
		UseRemoteAddress:    wrapperspb.Bool(true),
		XffNumTrustedHops:   l.TrustedHops,
		MaxRequestHeadersKb: uint32Value(maxRequestHeadersKB),
		// Amazon's idle bound is 310 s; a stream that moves is never cut.
		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
			IdleTimeout:                  durationpb.New(idleConnectionTimeout),
			HeadersWithUnderscoresAction: corev3.HttpProtocolOptions_ALLOW,
		},
		StreamIdleTimeout:          durationpb.New(idleStreamTimeout),
		RequestHeadersTimeout:      durationpb.New(requestHeadersTimeout),
		ServerHeaderTransformation: hcmv3.HttpConnectionManager_PASS_THROUGH,
		// "/a/../b" is resolved before anything is matched, encoded slashes stay as
		// they are (a path parameter may hold one), and "//" stays as on Amazon's.
		NormalizePath:                wrapperspb.Bool(true),
		PathWithEscapedSlashesAction: hcmv3.HttpConnectionManager_KEEP_UNCHANGED,
		StripTrailingHostDot:         true,
		UpgradeConfigs: []*hcmv3.HttpConnectionManager_UpgradeConfig{{
			UpgradeType: "websocket",
			Enabled:     wrapperspb.Bool(false), // routes to backends switch it on
		}},
		HttpProtocolOptions: &corev3.Http1ProtocolOptions{
			// Offers to change the protocol are for the gateway to decline, not a reason to
			// refuse the request. Only "websocket" goes through.
			IgnoreHttp_11Upgrade: []*envoymatcherv3.StringMatcher{regexMatcher("[^wW].*")},
		},
		Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
			MaxConcurrentStreams:        uint32Value(100),
			InitialStreamWindowSize:     uint32Value(64 << 10),
			InitialConnectionWindowSize: uint32Value(1 << 20),
		},
	}
	if scoped {
		m.RouteSpecifier = scopedRoutes()
	} else {
		m.RouteSpecifier = &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource: adsSource(), RouteConfigName: wildcardRouteConfiguration,
		}}
	}
	traceRequests(m, g)
	return m
}

// clientHeaders takes away what clients must not send. Every request passes here, so
// that it is one comparison a header: looking a single name up costs more than that.
func clientHeaders(g *gateway.Gateway) *earlyheadersv3.HeaderMutation {
	m := &earlyheadersv3.HeaderMutation{Mutations: []*mutationv3.HeaderMutation{{
		Action: &mutationv3.HeaderMutation_RemoveOnMatch_{RemoveOnMatch: &mutationv3.HeaderMutation_RemoveOnMatch{
			KeyMatcher: &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Prefix{Prefix: wire.InternalHeaderPrefix}},
		}},
	}}}
	if g.Tracing != nil {
		m.Mutations = append(m.Mutations, traceContext()...)
	}
	return m
}

// scopedRoutes looks the Host header up, without its port, among the gateway's
// hosts: each has a RouteConfiguration of its own that changes alone.
func scopedRoutes() *hcmv3.HttpConnectionManager_ScopedRoutes {
	return &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
		Name: "hosts",
		ScopeKeyBuilder: &hcmv3.ScopedRoutes_ScopeKeyBuilder{
			Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{{
				Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
					HeaderValueExtractor: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
						Name:             ":authority",
						ElementSeparator: ":",
						ExtractType:      &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{Index: 0},
					},
				},
			}},
		},
		RdsConfigSource: adsSource(),
		ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: adsSource()}},
	}}
}
