package xds_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"gatehouse/xds"
)

// resources puts messages under their type and name.
func resources(msgs ...proto.Message) xds.Resources {
	out := xds.Resources{}
	for _, m := range msgs {
		var typeURL, name string
		switch m := m.(type) {
		case *listenerv3.Listener:
			typeURL, name = xds.ListenerType, m.GetName()
		case *routev3.ScopedRouteConfiguration:
			typeURL, name = xds.ScopedRouteType, m.GetName()
		case *routev3.RouteConfiguration:
			typeURL, name = xds.RouteType, m.GetName()
		case *clusterv3.Cluster:
			typeURL, name = xds.ClusterType, m.GetName()
		case *endpointv3.ClusterLoadAssignment:
			typeURL, name = xds.EndpointType, m.GetClusterName()
		case *tlsv3.Secret:
			typeURL, name = xds.SecretType, m.GetName()
		case *corev3.TypedExtensionConfig:
			typeURL, name = xds.ExtensionConfigType, m.GetName()
		default:
			panic(fmt.Sprintf("a %T is no resource of these tests", m))
		}
		if out[typeURL] == nil {
			out[typeURL] = map[string]proto.Message{}
		}
		out[typeURL][name] = m
	}
	return out
}

// without gives a copy that lacks one resource.
func without(res xds.Resources, typeURL, name string) xds.Resources {
	out := xds.Resources{}
	for t, byName := range res {
		out[t] = map[string]proto.Message{}
		for n, m := range byName {
			if t != typeURL || n != name {
				out[t][n] = m
			}
		}
	}
	return out
}

// with gives a copy in which some resources are others.
func with(res xds.Resources, msgs ...proto.Message) xds.Resources {
	out := without(res, "", "")
	for t, byName := range resources(msgs...) {
		if out[t] == nil {
			out[t] = map[string]proto.Message{}
		}
		for n, m := range byName {
			out[t][n] = m
		}
	}
	return out
}

func revision(id string, res xds.Resources) xds.Revision {
	return xds.Revision{ID: id, Gateways: map[string]xds.Resources{"edge": res}}
}

// staticCluster leads to a port on loopback.
func staticCluster(name string, port uint32) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ConnectTimeout:       durationpb.New(time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		LoadAssignment:       endpoints(name, "127.0.0.1", port),
	}
}

func dnsCluster(name, host string, port uint32) *clusterv3.Cluster {
	c := staticCluster(name, port)
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS}
	c.LoadAssignment = endpoints(name, host, port)
	c.DnsLookupFamily = clusterv3.Cluster_V4_ONLY
	return c
}

func edsCluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ConnectTimeout:       durationpb.New(time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()},
	}
}

func endpoints(name, host string, port uint32) *endpointv3.ClusterLoadAssignment {
	return &endpointv3.ClusterLoadAssignment{
		ClusterName: name,
		Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address(host, port)}},
		}}}},
	}
}

func address(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

// says answers a path itself.
func says(path, body string) *routev3.Route {
	return &routev3.Route{
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: path}},
		Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{
			Status: 200, Body: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: body}},
		}},
	}
}

// to sends a path to a cluster.
func to(path, cluster string) *routev3.Route {
	return &routev3.Route{
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: path}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
		}},
	}
}

func routes(name string, rs ...*routev3.Route) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{
		Name:         name,
		VirtualHosts: []*routev3.VirtualHost{{Name: name, Domains: []string{"*"}, Routes: rs}},
	}
}

// scope gives a host's requests to a route configuration.
func scope(host, routeConfig string) *routev3.ScopedRouteConfiguration {
	return &routev3.ScopedRouteConfiguration{
		Name: host, RouteConfigurationName: routeConfig,
		Key: &routev3.ScopedRouteConfiguration_Key{Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: host},
		}}},
	}
}

// listener has scoped routes by the host header.
func listener(t testing.TB, name string, port uint32, filters ...*hcmv3.HttpFilter) *listenerv3.Listener {
	t.Helper()
	return &listenerv3.Listener{
		Name:    name,
		Address: address("127.0.0.1", port),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "http",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(t, &hcmv3.HttpConnectionManager{
				StatPrefix: name,
				RouteSpecifier: &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
					Name: "hosts",
					ScopeKeyBuilder: &hcmv3.ScopedRoutes_ScopeKeyBuilder{Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{{
						Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
							HeaderValueExtractor: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
								Name:        ":authority",
								ExtractType: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{},
							},
						},
					}}},
					RdsConfigSource: ads(),
					ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: ads()}},
				}},
				HttpFilters: append(filters, &hcmv3.HttpFilter{
					Name:       "router",
					ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(t, &routerv3.Router{})},
				}),
			})},
		}}}},
	}
}

func pack(t testing.TB, m proto.Message) *anypb.Any {
	t.Helper()
	packed := &anypb.Any{}
	if err := anypb.MarshalFrom(packed, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		t.Fatal(err)
	}
	return packed
}

// site is a small complete gateway: one host, one backend.
func site(t testing.TB) xds.Resources {
	t.Helper()
	return resources(
		listener(t, "http", 8080),
		scope("a.test", "a"),
		routes("a", says("/hello", "one"), to("/backend", "backend")),
		staticCluster("backend", 9),
	)
}

// The messages that tests spoil by hand.
type (
	xdsCluster  = clusterv3.Cluster
	routeConfig = routev3.RouteConfiguration
	virtualHost = routev3.VirtualHost
)

func negative() *durationpb.Duration { return durationpb.New(-time.Second) }

// secret is a certificate that nobody looks into.
func secret(name string) *tlsv3.Secret {
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_GenericSecret{GenericSecret: &tlsv3.GenericSecret{
		Secret: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: "x"}},
	}}}
}

// limit is the configuration of a filter that comes by ECDS.
func limit(t testing.TB, name string, bytes uint32) *corev3.TypedExtensionConfig {
	t.Helper()
	return &corev3.TypedExtensionConfig{
		Name: name, TypedConfig: pack(t, &bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(bytes)}),
	}
}

// discovered is a filter whose configuration is such a limit.
func discovered(name string) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name: name,
		ConfigType: &hcmv3.HttpFilter_ConfigDiscovery{ConfigDiscovery: &corev3.ExtensionConfigSource{
			ConfigSource: ads(),
			TypeUrls:     []string{"type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer"},
		}},
	}
}

// tlsCluster has its certificate by SDS.
func tlsCluster(t testing.TB, name, secret string) *clusterv3.Cluster {
	t.Helper()
	c := staticCluster(name, 9)
	c.TransportSocket = &corev3.TransportSocket{
		Name: "tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(t, &tlsv3.UpstreamTlsContext{
			CommonTlsContext: &tlsv3.CommonTlsContext{
				TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{Name: secret, SdsConfig: ads()}},
			},
		})},
	}
	return c
}
