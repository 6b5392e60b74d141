package xds

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	overloadv3 "github.com/envoyproxy/go-control-plane/envoy/config/overload/v3"
	internallistenerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/bootstrap/internal_listener/v3"
	connectionsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
)

// maxControlPlaneRequests bounds the requests under way to the control plane.
const maxControlPlaneRequests = 1 << 16

// ClusterName is the bootstrap's static cluster for the control plane. Resources
// may refer to it for other gRPC services on the same port.
const ClusterName = "gatehouse-xds"

// Static clusters of the bootstrap for the integration service, an upstream beside the
// control plane.
const (
	// IntegrationClusterName leads requests of routes there: by HTTP/2, or by HTTP/1.1 where
	// it is at a socket of the machine. That costs both sides a sixth less; by TCP it is not
	// done, since browsers speak it, too, to whatever they take a name for.
	IntegrationClusterName = "gatehouse-integration"
	// ToolServiceClusterName leads questions about calls of tools there, by gRPC.
	ToolServiceClusterName = "gatehouse-tools"
	// WebSocketClusterName leads WebSockets there, which are an upgrade of HTTP/1.1.
	WebSocketClusterName = "gatehouse-websocket"
)

// ownClusters are the static clusters that a bootstrap has.
var ownClusters = []string{ClusterName, IntegrationClusterName, ToolServiceClusterName, WebSocketClusterName}

// metadataClusters is where a bootstrap says, in the node's metadata, which of them it has: one
// that another version has written may lack some, which no xDS could tell.
const metadataClusters = "gatehouse.clusters"

// missingClusters are those that a node does not say it has.
func missingClusters(node *corev3.Node) []string {
	var has []string
	for _, name := range node.GetMetadata().GetFields()[metadataClusters].GetListValue().GetValues() {
		has = append(has, name.GetStringValue())
	}
	return slices.DeleteFunc(slices.Clone(ownClusters), func(name string) bool { return slices.Contains(has, name) })
}

// integrationIdle is how long a connection of HTTP/1.1 to the integration service is kept
// without a request. Each request has one of its own, and many at once leave many behind.
const integrationIdle = time.Minute

// maxWebSockets bounds the connections of WebSocket APIs: the service has a bound of its
// own, and says so.
const maxWebSockets = 1 << 20

// NoAdmin as an admin address leaves Envoy without an admin interface.
const NoAdmin = "none"

// DefaultAdmin is where Envoy's admin interface listens if nothing else is said.
// It can stop Envoy and shows its configuration, so it is on loopback.
const DefaultAdmin = "127.0.0.1:9901"

// BootstrapOptions describe how one Envoy finds its control plane.
type BootstrapOptions struct {
	// NodeID tells the Envoys of a gateway apart. Gateway, the node cluster, is
	// the gateway whose resources this Envoy is sent.
	NodeID  string
	Gateway string
	// Address is the control plane's host:port, or unix:PATH of its socket.
	Address string
	// Integration is the host:port of the integration service, or unix:PATH of its socket;
	// empty means Beside of Address.
	Integration string
	// TLS secures the connections to the control plane and the integration service; nil for
	// plaintext.
	TLS *BootstrapTLS
	// Admin is the host:port of the admin interface: DefaultAdmin if empty, a
	// free port for port 0, and none at all for NoAdmin.
	Admin string
	// Metrics is the host:port of a listener that shows Envoy's stats to Prometheus, and
	// nothing else of the admin interface; none if empty.
	Metrics string
	// Metadata and the locality are told to the control plane as they are. The
	// locality is also Envoy's for zone-aware load balancing; sidecars set it.
	Metadata              map[string]any
	Region, Zone, SubZone string
	// MaxConnections limits the connections of all listeners together; 0 for
	// no limit. Envoy recommends one for every edge:
	// https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/best_practices/edge
	MaxConnections int64
	// StatsFlush is how often stats are flushed; every five seconds if 0.
	StatsFlush time.Duration
	// Runtime are runtime flags over and above ours.
	Runtime map[string]any
}

// runtimeFlags differ from Envoy's defaults. A route regex, made of a path
// template with many parameters, may well compile to more than RE2's default of
// 100 instructions, of which Envoy refuses one more:
// https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_api/type/matcher/v3/regex.proto
//
// Spans are reported by the hundreds in place of five: a report costs much more than a span.
var runtimeFlags = map[string]any{
	"re2.max_program_size.error_level":      100_000,
	"re2.max_program_size.warn_level":       10_000,
	"tracing.opentelemetry.min_flush_spans": 512,
}

// Bootstrap makes the configuration that an Envoy is started with. All else it
// gets from the control plane.
func Bootstrap(o BootstrapOptions) (*bootstrapv3.Bootstrap, error) {
	if o.NodeID == "" || o.Gateway == "" {
		return nil, errors.New("bootstrap: an Envoy needs both a node id and a gateway")
	}
	metadata, err := structpb.NewStruct(o.Metadata)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: node metadata: %w", err)
	}
	clusters := &structpb.ListValue{}
	for _, name := range ownClusters {
		clusters.Values = append(clusters.Values, structpb.NewStringValue(name))
	}
	metadata.Fields[metadataClusters] = structpb.NewListValue(clusters)
	cluster, err := controlPlane(o)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	integration, err := integrationClusters(o)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	admin, err := adminOf(cmp.Or(o.Admin, DefaultAdmin))
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	runtime, err := runtimeOf(o.Runtime)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: runtime: %w", err)
	}
	internalListeners, err := anypb.New(&internallistenerv3.InternalListener{})
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	overload, err := overloadOf(o.MaxConnections)
	if err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	b := &bootstrapv3.Bootstrap{
		Node:             &corev3.Node{Id: o.NodeID, Cluster: o.Gateway, Metadata: metadata},
		StaticResources:  &bootstrapv3.Bootstrap_StaticResources{Clusters: append([]*clusterv3.Cluster{cluster}, integration...)},
		DynamicResources: dynamicResources(),
		Admin:            admin,
		LayeredRuntime:   runtime,
		OverloadManager:  overload,
		// The stats of a cluster are made when it has its first traffic: many
		// backends are configured, few are busy.
		DeferredStatOptions: &bootstrapv3.Bootstrap_DeferredStatOptions{EnableDeferredCreationStats: true},
		// Listeners without a socket, by which an Envoy passes requests to itself.
		BootstrapExtensions: []*corev3.TypedExtensionConfig{{
			Name: "envoy.bootstrap.internal_listener", TypedConfig: internalListeners,
		}},
	}
	if o.Metrics != "" {
		if err := addMetrics(b, o.Metrics); err != nil {
			return nil, fmt.Errorf("bootstrap: %w", err)
		}
	}
	if o.Region != "" || o.Zone != "" || o.SubZone != "" {
		b.Node.Locality = &corev3.Locality{Region: o.Region, Zone: o.Zone, SubZone: o.SubZone}
	}
	if o.StatsFlush > 0 {
		b.StatsFlushInterval = durationpb.New(o.StatsFlush)
	}
	if err := b.ValidateAll(); err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	return b, nil
}

// dynamicResources make Envoy get everything over one delta stream.
func dynamicResources() *bootstrapv3.Bootstrap_DynamicResources {
	ads := func() *corev3.ConfigSource {
		return &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
			// Wait for ever. By default Envoy gives up after 15 seconds and
			// calls itself ready without a single listener.
			InitialFetchTimeout: durationpb.New(0),
		}
	}
	return &bootstrapv3.Bootstrap_DynamicResources{
		LdsConfig: ads(),
		CdsConfig: ads(),
		AdsConfig: &corev3.ApiConfigSource{
			ApiType:                   corev3.ApiConfigSource_DELTA_GRPC,
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{
				TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{
					ClusterName: ClusterName,
					// How soon a control plane that is back is found again.
					// Envoy's own would go up to 30 seconds.
					RetryPolicy: &corev3.RetryPolicy{RetryBackOff: &corev3.BackoffStrategy{
						BaseInterval: durationpb.New(200 * time.Millisecond),
						MaxInterval:  durationpb.New(5 * time.Second),
					}},
				}},
			}},
		},
	}
}

// controlPlane is the static cluster that leads to us.
func controlPlane(o BootstrapOptions) (*clusterv3.Cluster, error) {
	host, address, err := serviceAddress(o.Address)
	if err == nil && address.GetPipe() != nil && o.TLS != nil {
		err = errors.New("a socket of this machine needs no TLS")
	}
	if err != nil {
		return nil, fmt.Errorf("control plane address %q: %w", o.Address, err)
	}
	return staticCluster(ClusterName, host, address, o.TLS)
}

// integrationClusters are the static clusters that lead to what serves routes that Envoy
// cannot.
func integrationClusters(o BootstrapOptions) ([]*clusterv3.Cluster, error) {
	if strings.HasPrefix(o.Integration, UnixPrefix) {
		o.TLS = nil // Nobody comes by it who may not.
	}
	if o.Integration == "" {
		next, err := Beside(o.Address)
		if err != nil {
			return nil, err
		}
		o.Integration = next
	}
	host, address, err := serviceAddress(o.Integration)
	if err != nil {
		return nil, fmt.Errorf("integration address %q: %w", o.Integration, err)
	}
	tools, err := staticCluster(ToolServiceClusterName, host, address, o.TLS)
	if err != nil {
		return nil, err
	}
	routes, err := staticCluster(IntegrationClusterName, host, address, o.TLS)
	if err != nil {
		return nil, err
	}
	webSockets, err := staticCluster(WebSocketClusterName, host, address, nil)
	if err != nil {
		return nil, err
	}
	if err := speakHTTP1(webSockets, maxWebSockets, 0); err != nil {
		return nil, err
	}
	if o.TLS != nil {
		if webSockets.TransportSocket, err = o.TLS.transportSocket(host, "http/1.1"); err != nil {
			return nil, fmt.Errorf("TLS to the integration service: %w", err)
		}
	}
	if address.GetPipe() != nil {
		if err := speakHTTP1(routes, maxControlPlaneRequests, integrationIdle); err != nil {
			return nil, err
		}
	}
	return []*clusterv3.Cluster{routes, tools, webSockets}, nil
}

// speakHTTP1 has a cluster speak HTTP/1.1, over so many connections at the same time, which
// end when they were idle for so long; 0 is Envoy's default, an hour.
func speakHTTP1(c *clusterv3.Cluster, connections uint32, idle time.Duration) error {
	options := &httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
					HttpProtocolOptions: &corev3.Http1ProtocolOptions{},
				},
			},
		},
	}
	if idle > 0 {
		options.CommonHttpProtocolOptions = &corev3.HttpProtocolOptions{IdleTimeout: durationpb.New(idle)}
	}
	http1, err := anypb.New(options)
	if err != nil {
		return fmt.Errorf("HTTP/1.1 options: %w", err)
	}
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http1}
	bounds := c.CircuitBreakers.Thresholds[0]
	bounds.MaxConnections, bounds.MaxRequests = wrapperspb.UInt32(connections), wrapperspb.UInt32(connections)
	return nil
}

// Beside is where the integration service is beside a control plane, unless something else
// is said: at the port that follows, or a socket with more after its name. Port 0 stays as
// it is.
func Beside(address string) (string, error) {
	if strings.HasPrefix(address, UnixPrefix) {
		return address + "-integration", nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil:
		return "", fmt.Errorf("port %q: %w", port, err)
	case n == 0:
		return address, nil
	case n == math.MaxUint16:
		return "", fmt.Errorf("no port follows %d: say where the integration service is", n)
	}
	return net.JoinHostPort(host, strconv.FormatUint(n+1, 10)), nil
}

// staticCluster speaks HTTP/2 with a service of ours. Its TLS may name the server after
// the host.
func staticCluster(name, host string, address *corev3.Address, tls *BootstrapTLS) (*clusterv3.Cluster, error) {
	http2, err := anypb.New(&httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
						// Without pings a control plane that vanished is
						// noticed only when TCP gives up.
						ConnectionKeepalive: &corev3.KeepaliveSettings{
							Interval: durationpb.New(30 * time.Second),
							Timeout:  durationpb.New(5 * time.Second),
						},
					},
				},
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("HTTP/2 options: %w", err)
	}
	c := &clusterv3.Cluster{
		Name:                          name,
		ConnectTimeout:                durationpb.New(5 * time.Second),
		ClusterDiscoveryType:          &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
		// As many requests wait here as there are. Envoy's default of 1024 would refuse the
		// others.
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxRequests: wrapperspb.UInt32(maxControlPlaneRequests), MaxPendingRequests: wrapperspb.UInt32(maxControlPlaneRequests),
		}}},
		UpstreamConnectionOptions: &clusterv3.UpstreamConnectionOptions{
			TcpKeepalive: &corev3.TcpKeepalive{KeepaliveTime: wrapperspb.UInt32(60)},
		},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address}},
			}}}},
		},
	}
	if _, err := netip.ParseAddr(host); err == nil || address.GetPipe() != nil {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	}
	if tls != nil {
		if c.TransportSocket, err = tls.transportSocket(host, "h2"); err != nil {
			return nil, fmt.Errorf("TLS to the control plane: %w", err)
		}
	}
	return c, nil
}

func adminOf(address string) (*bootstrapv3.Admin, error) {
	if address == NoAdmin {
		return nil, nil
	}
	_, a, err := socketAddress(address)
	if err != nil {
		return nil, fmt.Errorf("admin address %q: %w", address, err)
	}
	return &bootstrapv3.Admin{Address: a}, nil
}

func runtimeOf(extra map[string]any) (*bootstrapv3.LayeredRuntime, error) {
	flags, err := structpb.NewStruct(runtimeFlags)
	if err != nil {
		return nil, err
	}
	more, err := structpb.NewStruct(extra)
	if err != nil {
		return nil, err
	}
	proto.Merge(flags, more)
	return &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
		Name:           "gatehouse",
		LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: flags},
	}}}, nil
}

// overloadOf makes the limit on connections. The runtime key that used to do
// this is deprecated.
func overloadOf(limit int64) (*overloadv3.OverloadManager, error) {
	if limit == 0 {
		return nil, nil
	}
	monitor, err := anypb.New(&connectionsv3.DownstreamConnectionsConfig{MaxActiveDownstreamConnections: limit})
	if err != nil {
		return nil, fmt.Errorf("connection limit: %w", err)
	}
	return &overloadv3.OverloadManager{ResourceMonitors: []*overloadv3.ResourceMonitor{{
		Name:       "envoy.resource_monitors.global_downstream_max_connections",
		ConfigType: &overloadv3.ResourceMonitor_TypedConfig{TypedConfig: monitor},
	}}}, nil
}

// UnixPrefix begins addresses that are the path of a socket.
const UnixPrefix = "unix:"

// serviceAddress is where a service of ours is: host:port, or unix:PATH.
func serviceAddress(at string) (host string, _ *corev3.Address, _ error) {
	if path, ok := strings.CutPrefix(at, UnixPrefix); ok {
		return "", &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}}, nil
	}
	host, address, err := socketAddress(at)
	if err == nil && address.GetSocketAddress().GetPortValue() == 0 {
		err = errors.New("the port is 0")
	}
	return host, address, err
}

func socketAddress(hostport string) (host string, _ *corev3.Address, _ error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return "", nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", nil, fmt.Errorf("port %q: %w", port, err)
	}
	if host == "" {
		return "", nil, errors.New("the host is missing")
	}
	return host, &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(n)},
	}}}, nil
}
