package translator

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	dnscommonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	upstreamhttpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
)

// An upstream is what a cluster stands for.
type upstream gateway.Upstream

// name is the cluster's name: readable, and different for different upstreams.
func (u upstream) name() string {
	var b strings.Builder
	if u.Backend != "" {
		b.WriteString(backendClusterName(u.Backend))
	} else {
		b.WriteString("http")
		if u.TLS {
			b.WriteByte('s')
		}
		b.WriteString("://" + net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port))))
	}
	if u.Backend != "" && u.TLS {
		b.WriteString("+tls")
	}
	if u.TLS && u.ServerName != u.Host {
		b.WriteString("+sni=" + u.ServerName)
	}
	if u.Insecure {
		b.WriteString("+insecure")
	}
	if u.ClientCertificate != "" {
		b.WriteString("+as=" + u.ClientCertificate)
	}
	return b.String()
}

// A clusterResource is a cluster with the endpoints it is sent separately, if any.
type clusterResource struct {
	cluster   *clusterv3.Cluster
	endpoints *endpointv3.ClusterLoadAssignment
}

const defaultConnectTimeout = 5 * time.Second

// buildCluster makes the cluster of an upstream. backend is nil for plain hosts, shown where
// the stage has no certificate to show.
func buildCluster(u upstream, backend *gateway.Backend, shown *gateway.ClientCertificate) clusterResource {
	c := &clusterv3.Cluster{
		Name:           u.name(),
		ConnectTimeout: durationpb.New(defaultConnectTimeout),
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": anyOf(protocolOptions(u, backend)),
		},
	}
	if u.TLS {
		c.TransportSocket = upstreamTLS(u, backend, shown)
	}
	endpoints := []gateway.Endpoint{{Host: u.Host, Port: u.Port}}
	if backend != nil {
		endpoints = backend.Endpoints
		applyBackend(c, backend)
	}

	allAddresses := !slices.ContainsFunc(endpoints, func(e gateway.Endpoint) bool { return net.ParseIP(e.Host) == nil })
	switch {
	case allAddresses && backend != nil:
		// Endpoints by EDS: a change of them keeps the cluster's connections.
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: adsSource()}
		c.EdsClusterConfig.ServiceName = endpointsName(c)
		return clusterResource{c, backendEndpoints(c.EdsClusterConfig.ServiceName, endpoints, backend)}
	case allAddresses:
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	default:
		c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: resolvedByDNS()}
	}
	c.LoadAssignment = backendEndpoints(c.Name, endpoints, backend)
	return clusterResource{c, nil}
}

// backendEndpoints are those of a backend, nil for a plain host. Health checks name each by its
// address, as those of the integration service do. Envoy's own would name the cluster, whose
// slash no server takes in a Host header.
func backendEndpoints(name string, endpoints []gateway.Endpoint, b *gateway.Backend) *endpointv3.ClusterLoadAssignment {
	l := loadAssignment(name, endpoints)
	if b == nil || b.HealthCheck == nil {
		return l
	}
	for i, e := range endpoints {
		l.Endpoints[0].LbEndpoints[i].GetEndpoint().HealthCheckConfig = &endpointv3.Endpoint_HealthCheckConfig{
			Hostname: net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))),
		}
	}
	return l
}

// endpointsName names the endpoints of a cluster after all else in it. Under a name that
// stays, a cluster that changes would wait in Envoy for endpoints that the control plane
// has already sent, until Envoy's 15 seconds are over; and only then be in force.
func endpointsName(c *clusterv3.Cluster) string {
	return fmt.Sprintf("%s#%.8x", c.Name, sha256.Sum256(anyOf(c).GetValue()))
}

// resolvedByDNS has Envoy resolve the endpoints' names, as long as DNS says that an
// answer is good.
func resolvedByDNS() *clusterv3.Cluster_CustomClusterType {
	return &clusterv3.Cluster_CustomClusterType{
		Name: "envoy.cluster.dns",
		TypedConfig: anyOf(&dnsv3.DnsCluster{
			RespectDnsTtl: true,
			// Otherwise Envoy waits five seconds for IPv6 where a name has none.
			DnsLookupFamily: dnscommonv3.DnsLookupFamily_V4_PREFERRED,
		}),
	}
}

func loadAssignment(cluster string, endpoints []gateway.Endpoint) *endpointv3.ClusterLoadAssignment {
	locality := &endpointv3.LocalityLbEndpoints{}
	for _, e := range endpoints {
		lb := &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
				Address:  socketAddress(e.Host, e.Port),
				Hostname: e.Host,
			}},
		}
		if e.Weight > 0 {
			lb.LoadBalancingWeight = uint32Value(e.Weight)
		}
		locality.LbEndpoints = append(locality.LbEndpoints, lb)
	}
	return &endpointv3.ClusterLoadAssignment{ClusterName: cluster, Endpoints: []*endpointv3.LocalityLbEndpoints{locality}}
}

func socketAddress(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       host,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func adsSource() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

// protocolOptions chooses the HTTP version spoken to a backend. AUTO is settled in the
// TLS handshake; where there is none, it is HTTP/1.1.
func protocolOptions(u upstream, b *gateway.Backend) proto.Message {
	o := &upstreamhttpv3.HttpProtocolOptions{}
	protocol := ""
	if b != nil {
		protocol = b.Protocol
	}
	switch {
	case protocol == "HTTP2":
		o.UpstreamProtocolOptions = &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
				},
			},
		}
	case protocol == "AUTO" && u.TLS:
		o.UpstreamProtocolOptions = &upstreamhttpv3.HttpProtocolOptions_AutoConfig{
			AutoConfig: &upstreamhttpv3.HttpProtocolOptions_AutoHttpConfig{},
		}
	default:
		o.UpstreamProtocolOptions = &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
					HttpProtocolOptions: &corev3.Http1ProtocolOptions{},
				},
			},
		}
	}
	return o
}

func applyBackend(c *clusterv3.Cluster, b *gateway.Backend) {
	if b.ConnectTimeoutMillis > 0 {
		c.ConnectTimeout = millis(b.ConnectTimeoutMillis)
	}
	switch b.LoadBalancing {
	case "LEAST_REQUEST":
		c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
	case "RANDOM":
		c.LbPolicy = clusterv3.Cluster_RANDOM
		if weighted(b.Endpoints) {
			// Envoy's random takes all alike. A table by hashes has each as often as its weight
			// says, and is looked up at random for a request without a hash.
			c.LbPolicy = clusterv3.Cluster_MAGLEV
		}
	case "RING_HASH":
		c.LbPolicy = clusterv3.Cluster_RING_HASH
	}
	if h := b.HealthCheck; h != nil {
		c.HealthChecks = []*corev3.HealthCheck{healthCheck(h, b)}
		// Endpoints that are not well are asked only if all others are not either. Envoy's own
		// bound is half of them.
		c.CommonLbConfig = &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: &typev3.Percent{Value: 1}}
	}
	if b.MaxConnections > 0 || b.MaxPendingRequests > 0 || b.MaxRequests > 0 {
		t := &clusterv3.CircuitBreakers_Thresholds{}
		if b.MaxConnections > 0 {
			t.MaxConnections = uint32Value(b.MaxConnections)
		}
		if b.MaxPendingRequests > 0 {
			t.MaxPendingRequests = uint32Value(b.MaxPendingRequests)
		}
		if b.MaxRequests > 0 {
			t.MaxRequests = uint32Value(b.MaxRequests)
		}
		c.CircuitBreakers = &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{t}}
	}
}

// weighted tells whether some endpoints get more requests than others.
func weighted(endpoints []gateway.Endpoint) bool {
	return slices.ContainsFunc(endpoints, func(e gateway.Endpoint) bool {
		return max(e.Weight, 1) != max(endpoints[0].Weight, 1)
	})
}

// hashPolicy tells a ring what to go by: the client's address. Without it, Envoy takes
// any endpoint.
func hashPolicy(b *gateway.Backend) []*routev3.RouteAction_HashPolicy {
	if b == nil || b.LoadBalancing != "RING_HASH" {
		return nil
	}
	return []*routev3.RouteAction_HashPolicy{{PolicySpecifier: &routev3.RouteAction_HashPolicy_ConnectionProperties_{
		ConnectionProperties: &routev3.RouteAction_HashPolicy_ConnectionProperties{SourceIp: true},
	}}}
}

func healthCheck(h *gateway.HealthCheck, b *gateway.Backend) *corev3.HealthCheck {
	check := &corev3.HealthCheck{
		Interval:           millis(cmp.Or(h.IntervalMillis, 5000)),
		Timeout:            millis(cmp.Or(h.TimeoutMillis, 1000)),
		HealthyThreshold:   uint32Value(cmp.Or(h.HealthyThreshold, 2)),
		UnhealthyThreshold: uint32Value(cmp.Or(h.UnhealthyThreshold, 3)),
		// A cluster nobody has sent a request to yet is checked as often as others:
		// its first request must not meet a dead endpoint.
		NoTrafficInterval: millis(cmp.Or(h.IntervalMillis, 5000)),
	}
	http := &corev3.HealthCheck_HttpHealthCheck{
		Path: cmp.Or(h.Path, "/"),
		// An answer that is not 200 counts as much as none. Envoy would take it for the last word.
		RetriableStatuses: []*typev3.Int64Range{{Start: 100, End: 600}},
	}
	switch b.Protocol {
	case "HTTP2":
		http.CodecClientType = typev3.CodecClientType_HTTP2
	case "AUTO":
		// Checks speak HTTP/1.1, so they must not agree on anything else.
		check.TlsOptions = &corev3.HealthCheck_TlsOptions{AlpnProtocols: []string{"http/1.1"}}
	}
	check.HealthChecker = &corev3.HealthCheck_HttpHealthCheck_{HttpHealthCheck: http}
	return check
}
