package translator

import (
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	grpcaccessv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	otelaccessv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/open_telemetry/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tracingv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

const (
	// streamInterval is how long Envoy collects requests before it tells about them, and
	// streamBytes how much of them: about a thousand. Each message wakes the service, and where
	// that shares Envoy's processors they take turns, which costs more than what is told.
	streamInterval = time.Second
	streamBytes    = 256 << 10
	// streamTimeout is how long the service may take to receive them. It bounds what a hung
	// service costs: about 300 bytes for each request of that time.
	streamTimeout = 10 * time.Second
)

// filterLoggedKey keeps which API key a request came with, with what else it asked: the header
// that says so goes no further than to the router. Routes that ask for a key switch it on.
const filterLoggedKey = "gw.logged-key"

func keepKey() *hcmv3.HttpFilter {
	filter := keepTexts(filterLoggedKey, keepText(askedAll, wire.AskedWithKey(kept(askedAll), "%REQ("+wire.KeyHeader+")%")))
	filter.Disabled = true
	return filter
}

// downstream is what may be told of the connections that a listener takes.
type downstream struct{ tls, certificates bool }

// requestStream tells the telemetry service about each request, in the same way for all
// listeners and definitions: what a stage wants to be logged of it is for the service to
// know, so that a change of stages changes no listener. Envoy waits for nothing: what the
// service does not take is dropped, and counted.
func requestStream(g *gateway.Gateway, in pass, from downstream) *accesslogv3.AccessLog {
	cluster := wire.AuthorizationCluster
	if g.Services.Telemetry != nil {
		cluster = wire.ApartTelemetryCluster
	}
	request := loggedRequest(g, in, from)
	return &accesslogv3.AccessLog{
		Name: "envoy.access_loggers.open_telemetry",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: anyOf(&otelaccessv3.OpenTelemetryAccessLogConfig{
			//lint:ignore SA1019 what stands in its place has no say in how much is collected: Envoy 1.40 tells after 16 KiB then, whatever buffer_size_bytes is
			CommonConfig: &grpcaccessv3.CommonGrpcAccessLogConfig{
				LogName: "gatehouse", TransportApiVersion: corev3.ApiVersion_V3,
				GrpcService: &corev3.GrpcService{
					TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
						EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster},
					},
					Timeout: durationpb.New(streamTimeout),
				},
				// One that is not taken is not kept for another try: a service that hangs would
				// cost memory without bound.
				GrpcStreamRetryPolicy: &corev3.RetryPolicy{NumRetries: uint32Value(0)},
				BufferFlushInterval:   durationpb.New(streamInterval),
				BufferSizeBytes:       uint32Value(streamBytes),
			},
			CustomTags: []*tracingv3.CustomTag{logTag(wire.LoggedRequestAttribute, request.String())},
		})},
	}
}

// loggedRequest is what is told of a request, as Envoy's formats.
func loggedRequest(g *gateway.Gateway, in pass, from downstream) *wire.LoggedRequest {
	metadata := func(namespace string) string { return "%DYNAMIC_METADATA(" + namespace + ")%" }
	r := &wire.LoggedRequest{
		Route: "%ROUTE_NAME%", Asked: kept(askedAll), Method: "%REQ(:METHOD)%", Path: "%PATH(NQ)%", UserAgent: "%REQ(USER-AGENT)%",
		Protocol: "%PROTOCOL%", RequestID: "%REQ(X-REQUEST-ID)%", Client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
		Status: "%RESPONSE_CODE%", Details: "%RESPONSE_CODE_DETAILS%", Flags: "%RESPONSE_FLAGS%",
		RequestHeadersSize: "%REQUEST_HEADERS_BYTES%", RequestBodySize: "%BYTES_RECEIVED%", ResponseHeadersSize: "%RESPONSE_HEADERS_BYTES%", ResponseBodySize: "%BYTES_SENT%",
		Took: "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%", TookAtAll: "%DURATION%", IntegrationTook: "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:us)%",
		UpstreamCluster: "%UPSTREAM_CLUSTER%", UpstreamHost: "%UPSTREAM_HOST%",
		ErrorType:     "%RESP(" + wire.ErrorTypeHeader + ")%",
		Authorization: metadata(wire.AuthorizationMetadata), Tokens: metadata(wire.TokensMetadata), Integration: metadata(wire.IntegrationMetadata),
	}
	if g.Tracing != nil {
		r.Trace = metadata(wire.TraceMetadata)
	}
	if in != firstPass {
		r.Protocol = kept(askedConnection)
	}
	if from.tls {
		r.TLSVersion, r.TLSCipher = "%DOWNSTREAM_TLS_VERSION%", "%DOWNSTREAM_TLS_CIPHER%"
	}
	if from.certificates {
		r.Certificate = "%DOWNSTREAM_PEER_CERT%"
	}
	if namesNetworks(g) {
		r.SourceVPC, r.SourceVPCE = listenerSays(wire.MetadataSourceVPC), listenerSays(wire.MetadataSourceVPCE)
		if in != firstPass {
			r.SourceVPC, r.SourceVPCE = kept(keptSourceVPC), kept(keptSourceVPCE)
		}
	}
	return r
}

func logTag(name, format string) *tracingv3.CustomTag {
	return &tracingv3.CustomTag{Tag: name, Type: &tracingv3.CustomTag_Value{Value: format}}
}
