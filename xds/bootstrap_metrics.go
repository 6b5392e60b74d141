package xds

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// metricsName is what the listener for metrics and its cluster are called.
const metricsName = "gatehouse-metrics"

// metricsPath is where Prometheus finds the stats of an Envoy.
const metricsPath = "/stats/prometheus"

// addMetrics has Envoy serve its stats where its admin interface must not be reached: whoever
// reaches that may stop Envoy, and read all of its configuration.
func addMetrics(b *bootstrapv3.Bootstrap, address string) error {
	_, listen, err := socketAddress(address)
	switch {
	case err != nil:
		return fmt.Errorf("metrics address %q: %w", address, err)
	case b.Admin == nil:
		return errors.New("metrics come from the admin interface, and there is none")
	case b.Admin.Address.GetSocketAddress().GetPortValue() == 0:
		return errors.New("metrics come from the admin interface, whose port is not known before Envoy runs: give it one")
	case b.Admin.Address.GetSocketAddress().GetPortValue() == listen.GetSocketAddress().GetPortValue():
		return fmt.Errorf("metrics address %q: the admin interface has this port", address)
	}
	host := b.Admin.Address.GetSocketAddress().GetAddress()
	if ip, err := netip.ParseAddr(host); err != nil || ip.IsUnspecified() {
		return fmt.Errorf("metrics come from the admin interface, which has to be at an IP address, not at %q", host)
	}
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		return err
	}
	manager, err := anypb.New(&hcmv3.HttpConnectionManager{
		StatPrefix: metricsName,
		HttpFilters: []*hcmv3.HttpFilter{{
			Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router},
		}},
		// Those who send nothing are not waited for.
		RequestHeadersTimeout: durationpb.New(5 * time.Second),
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
			Name:         metricsName,
			VirtualHosts: []*routev3.VirtualHost{{Name: metricsName, Domains: []string{"*"}, Routes: []*routev3.Route{metricsRoute()}}},
		}},
	})
	if err != nil {
		return err
	}
	b.StaticResources.Listeners = append(b.StaticResources.Listeners, &listenerv3.Listener{
		Name: metricsName, Address: listen,
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: manager},
		}}}},
		// What scrapes is not a client: the limit on those must not shut it out.
		IgnoreGlobalConnLimit: true,
	})
	b.StaticResources.Clusters = append(b.StaticResources.Clusters, &clusterv3.Cluster{
		Name: metricsName, ConnectTimeout: durationpb.New(time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: metricsName,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: b.Admin.Address}},
			}}}},
		},
	})
	return nil
}

// metricsRoute lets the one page be read, without a query: by one the admin interface would
// search all stats for an expression of the client's.
func metricsRoute() *routev3.Route {
	is := func(header, value string) *routev3.HeaderMatcher {
		return &routev3.HeaderMatcher{Name: header, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{
			StringMatch: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: value}},
		}}
	}
	return &routev3.Route{
		Match: &routev3.RouteMatch{
			PathSpecifier: &routev3.RouteMatch_Path{Path: metricsPath},
			// Of these the path has its query, which is no part of what is matched above.
			Headers: []*routev3.HeaderMatcher{is(":method", "GET"), is(":path", metricsPath)},
		},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: metricsName}, Timeout: durationpb.New(10 * time.Second),
		}},
	}
}
