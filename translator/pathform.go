package translator

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	customheaderv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/original_ip_detection/custom_header/v3"
	internalupstreamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	rawbufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// A request by the path form passes Envoy twice: its route on localhost leads to a
// listener inside Envoy, where it is looked up again by the API's own host name.

// innerListener is inside Envoy only.
func innerListener(chain, name string, manager *hcmv3.HttpConnectionManager) *listenerv3.Listener {
	return &listenerv3.Listener{
		Name:              name,
		ListenerSpecifier: &listenerv3.Listener_InternalListener{InternalListener: &listenerv3.Listener_InternalListenerConfig{}},
		FilterChains:      []*listenerv3.FilterChain{filterChain(chain, "http", manager)},
	}
}

// pathFormManager serves requests that came by the path form, under the API's own
// host name. The first pass has put the client's address into X-Forwarded-For and
// given the request its id.
func pathFormManager(g *gateway.Gateway) *hcmv3.HttpConnectionManager {
	return innerManager(g, true, secondPass, "path_form")
}

// innerManager serves requests of a listener inside of Envoy, which an earlier pass has
// looked at. What that has said of the client, and the other headers, are taken away when the
// logs have kept them, and before any other filter runs.
func innerManager(g *gateway.Gateway, scoped bool, in pass, statPrefix string, headers ...string) *hcmv3.HttpConnectionManager {
	m := connectionManager(g, &gateway.Listener{}, scoped)
	m.StatPrefix = statPrefix
	m.UseRemoteAddress = wrapperspb.Bool(false)
	m.PreserveExternalRequestId = true
	m.SkipXffAppend = true
	// A request that the first pass took must not be too large for the second, which has
	// its path twice and a few headers more.
	m.MaxRequestHeadersKb = uint32Value(2*maxRequestHeadersKB + 4)
	m.CommonHttpProtocolOptions.MaxHeadersCount = uint32Value(maxRequestHeaders + 20)
	// The first pass has removed what clients must not send, and has added the header,
	// which has done its work before any filter runs.
	m.EarlyHeaderMutationExtensions = nil
	var remove []*mutationv3.HeaderMutation
	for _, name := range append([]string{wire.ClientAddressHeader, wire.ClientConnectionHeader}, headers...) {
		remove = append(remove, mutateRemove(name))
	}
	m.HttpFilters = append([]*hcmv3.HttpFilter{{
		Name: "gw.second-pass",
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&headermutationv3.HeaderMutation{
			Mutations: &headermutationv3.Mutations{RequestMutations: remove},
		})},
	}}, m.HttpFilters...)
	asked := slices.IndexFunc(m.HttpFilters, func(f *hcmv3.HttpFilter) bool { return f.Name == filterAuthorization })
	m.HttpFilters = slices.Insert(m.HttpFilters, asked+1, dropCarried())
	m.OriginalIpDetectionExtensions = []*corev3.TypedExtensionConfig{{
		Name: "envoy.http.original_ip_detection.custom_header",
		TypedConfig: anyOf(&customheaderv3.CustomHeaderConfig{
			HeaderName: wire.ClientAddressHeader, AllowExtensionToSetAddressAsTrusted: true,
		}),
	}}
	readNetworksIn(m, g, in)
	logRequests(m, g, in, downstream{})
	return m
}

// maxInnerRequests bounds what an Envoy passes to itself, WebSockets among it.
const maxInnerRequests = 1 << 20

// innerCluster leads to the internal listener of its name.
func innerCluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ConnectTimeout:       durationpb.New(defaultConnectTimeout),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		// What an Envoy has let in once it lets in again; its own bound is 1024 of each, and 3
		// that are tried again.
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxConnections: uint32Value(maxInnerRequests), MaxPendingRequests: uint32Value(maxInnerRequests), MaxRequests: uint32Value(maxInnerRequests),
			MaxRetries: uint32Value(maxInnerRequests),
		}}},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
					Address: &corev3.Address{Address: &corev3.Address_EnvoyInternalAddress{
						EnvoyInternalAddress: &corev3.EnvoyInternalAddress{
							AddressNameSpecifier: &corev3.EnvoyInternalAddress_ServerListenerName{ServerListenerName: name},
						},
					}},
				}},
			}}}},
		},
		TransportSocket: &corev3.TransportSocket{
			Name: "envoy.transport_sockets.internal_upstream",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: anyOf(&internalupstreamv3.InternalUpstreamTransport{
				TransportSocket: &corev3.TransportSocket{
					Name:       "envoy.transport_sockets.raw_buffer",
					ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: anyOf(&rawbufferv3.RawBuffer{})},
				},
			})},
		},
	}
}
