package translator

import (
	"net"
	"slices"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	upstreamhttpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Services that run apart from the control plane have clusters of their own. All their
// processes answer alike, so that an answer that one owes is asked of another.

const (
	serviceConnectTimeout = 2 * time.Second
	// serviceCheckInterval is how often a service is asked whether it is well.
	serviceCheckInterval = time.Second
	// maxServiceRequests bounds the questions under way. Every request may wait for one,
	// and Envoy's default of 1024 would refuse the others.
	maxServiceRequests = 1 << 16
	// serviceRetries is how many other processes are asked when one is gone.
	serviceRetries = 2
)

// addServices adds the clusters of the services that run apart.
func addServices(g *gateway.Gateway, out *gatewayResources) {
	if s := g.Services.Authorization; s != nil {
		c := serviceCluster(wire.ApartAuthorizationCluster, grpcHealth(wire.AuthorizationService), s)
		out.add(c.Name, c, s.Source)
	}
	if s := g.Services.RateLimit; s != nil {
		c := serviceCluster(wire.ApartRateLimitCluster, grpcHealth(wire.RateLimitService), s)
		out.add(c.Name, c, s.Source)
	}
	if s := g.Services.Telemetry; s != nil {
		c := serviceCluster(wire.ApartTelemetryCluster, grpcHealth(wire.TelemetryService), s)
		out.add(c.Name, c, s.Source)
	}
	if t := g.Tracing; t != nil {
		c := collectorCluster(t)
		out.add(c.Name, c, t.Collector.Source)
	}
	if s := g.Services.Integration; s != nil {
		c := serviceCluster(wire.ApartIntegrationCluster, integrationHealth(), s)
		// A request that is under way may have done its work: it is waited for.
		c.CloseConnectionsOnHostHealthFailure = false
		out.add(c.Name, c, s.Source)
		c = webSocketCluster(s)
		out.add(c.Name, c, s.Source)
	}
}

// serviceCluster makes the cluster of a service that runs apart. Its endpoints are in
// use as long as they are well.
func serviceCluster(name string, health *corev3.HealthCheck, s *gateway.Service) *clusterv3.Cluster {
	c := &clusterv3.Cluster{
		Name:           name,
		ConnectTimeout: durationpb.New(serviceConnectTimeout),
		TypedExtensionProtocolOptions: map[string]*anypb.Any{
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": anyOf(serviceProtocol()),
		},
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxRequests: uint32Value(maxServiceRequests), MaxPendingRequests: uint32Value(maxServiceRequests),
			// A process that ends leaves all its questions to the others at once.
			MaxRetries: uint32Value(maxServiceRequests),
		}}},
		HealthChecks: []*corev3.HealthCheck{health},
		// Questions to one that hangs go to another.
		CloseConnectionsOnHostHealthFailure: true,
		CommonLbConfig: &clusterv3.Cluster_CommonLbConfig{
			// Those that are well are enough, however few; Envoy would else go back to all.
			HealthyPanicThreshold: &typev3.Percent{Value: 0},
			// That one is well again is for all threads to know at once: of two that come back,
			// Envoy would else tell of the second a second later, while the first may end.
			UpdateMergeWindow: durationpb.New(0),
		},
	}
	if s.TLS != nil {
		c.TransportSocket = serviceTLS(s, "h2")
	}
	// Not by EDS, which keeps an Envoy waiting for 15 seconds with what else of the
	// cluster has changed. Services move seldom.
	c.LoadAssignment = loadAssignment(name, s.Endpoints)
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	if slices.ContainsFunc(s.Endpoints, named) {
		c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: resolvedByDNS()}
	}
	return c
}

// grpcHealth asks whether a process serves a gRPC service.
func grpcHealth(service string) *corev3.HealthCheck {
	check := serviceCheck()
	check.HealthChecker = &corev3.HealthCheck_GrpcHealthCheck_{
		GrpcHealthCheck: &corev3.HealthCheck_GrpcHealthCheck{ServiceName: service},
	}
	return check
}

func serviceCheck() *corev3.HealthCheck {
	return &corev3.HealthCheck{
		Interval:           durationpb.New(serviceCheckInterval),
		NoTrafficInterval:  durationpb.New(serviceCheckInterval),
		Timeout:            durationpb.New(serviceCheckInterval),
		HealthyThreshold:   uint32Value(1),
		UnhealthyThreshold: uint32Value(2),
	}
}

// serviceProtocol is HTTP/2, as gRPC needs it. Without pings a machine that vanished is
// noticed only when TCP gives up.
func serviceProtocol() *upstreamhttpv3.HttpProtocolOptions {
	return &upstreamhttpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{ConnectionKeepalive: &corev3.KeepaliveSettings{
						Interval: durationpb.New(30 * time.Second), Timeout: durationpb.New(5 * time.Second),
					}},
				},
			},
		},
	}
}

// maxWebSockets bounds the connections of WebSocket APIs: the service has a bound of its
// own, and says so.
const maxWebSockets = 1 << 20

// webSocketCluster leads to an integration service by HTTP/1.1.
func webSocketCluster(s *gateway.Service) *clusterv3.Cluster {
	health := serviceCheck()
	health.HealthChecker = &corev3.HealthCheck_HttpHealthCheck_{HttpHealthCheck: &corev3.HealthCheck_HttpHealthCheck{Path: wire.IntegrationHealthPath}}
	c := serviceCluster(wire.ApartWebSocketCluster, health, s)
	// A process that does not answer for a moment may still have its connections.
	c.CloseConnectionsOnHostHealthFailure = false
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{
		"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": anyOf(&upstreamhttpv3.HttpProtocolOptions{
			UpstreamProtocolOptions: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_{
				ExplicitHttpConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig{
					ProtocolConfig: &upstreamhttpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
						HttpProtocolOptions: &corev3.Http1ProtocolOptions{},
					},
				},
			},
		}),
	}
	bounds := c.CircuitBreakers.Thresholds[0]
	bounds.MaxConnections, bounds.MaxRequests = uint32Value(maxWebSockets), uint32Value(maxWebSockets)
	if s.TLS != nil {
		c.TransportSocket = serviceTLS(s, "http/1.1")
	}
	return c
}

// serviceTLS verifies that a service is what it is to be, and shows it who asks.
func serviceTLS(s *gateway.Service, protocol string) *corev3.TransportSocket {
	names := []string{s.TLS.ServerName}
	if s.TLS.ServerName == "" {
		names = nil
		for _, e := range s.Endpoints {
			if !slices.Contains(names, e.Host) {
				names = append(names, e.Host)
			}
		}
	}
	validation := &tlsv3.CertificateValidationContext{TrustedCa: inlinePEM(s.TLS.CA)}
	for _, name := range names {
		validation.MatchTypedSubjectAltNames = append(validation.MatchTypedSubjectAltNames, subjectNames(name)...)
	}
	context := &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		TlsParams:             &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2},
		AlpnProtocols:         []string{protocol},
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: validation},
	}}
	// The name that is sent is one for all; an address is none (RFC 6066, section 3).
	if len(names) == 1 && net.ParseIP(names[0]) == nil {
		context.Sni = names[0]
	}
	if s.TLS.Certificate != "" {
		context.CommonTlsContext.TlsCertificates = []*tlsv3.TlsCertificate{{
			CertificateChain: inlinePEM(s.TLS.Certificate),
			PrivateKey:       inlinePEM(s.TLS.Key.Reveal()),
		}}
	}
	return transportSocket(context)
}

// askedApart has a question that one process of a service cannot answer, since it ends
// or is gone, asked of another. A limit that had counted it by then counts it twice: one
// request too many rather than too few. Envoy makes all of this ready with each question,
// so there is no more of it than is of use.
func askedApart(s *corev3.GrpcService, at *gateway.Service) *corev3.GrpcService {
	s.RetryPolicy = &corev3.RetryPolicy{
		RetryOn:    "connect-failure,refused-stream,reset",
		NumRetries: uint32Value(serviceRetries),
	}
	// A name may stand for several processes.
	if len(at.Endpoints) > 1 || slices.ContainsFunc(at.Endpoints, named) {
		s.RetryPolicy.RetryBackOff = &corev3.BackoffStrategy{
			BaseInterval: durationpb.New(5 * time.Millisecond), MaxInterval: durationpb.New(50 * time.Millisecond),
		}
		s.RetryPolicy.RetryHostPredicate = []*corev3.RetryPolicy_RetryHostPredicate{{
			Name:       "envoy.retry_host_predicates.previous_hosts",
			ConfigType: &corev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: anyOf(&previoushostsv3.PreviousHostsPredicate{})},
		}}
		s.RetryPolicy.HostSelectionRetryMaxAttempts = 5
	}
	return s
}

// named reports whether an endpoint has a host name in place of an address.
func named(e gateway.Endpoint) bool { return net.ParseIP(e.Host) == nil }
