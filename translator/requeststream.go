package translator

import (
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	grpcaccessv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tracingv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

const (
	// streamInterval is how long Envoy collects requests before it tells about them, and
	// streamBytes how much of them.
	streamInterval = time.Second
	streamBytes    = 64 << 10
)

// filterLoggedKey keeps which API key a request came with: the header that says so goes no
// further than to the router. Routes that ask for a key switch it on.
const filterLoggedKey = "gw.logged-key"

func keepKey() *hcmv3.HttpFilter {
	value := keepText(filterLoggedKey, "%REQ("+wire.KeyHeader+")%")
	value.SkipIfEmpty = true
	filter := keepTexts(filterLoggedKey, value)
	filter.Disabled = true
	return filter
}

// requestStream tells the telemetry service about each request, in the same way for all
// listeners and definitions: what a stage wants to be logged of it is for the service to
// know, so that a change of stages changes no listener. Envoy waits for nothing: what the
// service does not take is dropped, and counted.
func requestStream(g *gateway.Gateway, in pass, mutualTLS bool) *accesslogv3.AccessLog {
	cluster := wire.AuthorizationCluster
	if g.Services.Telemetry != nil {
		cluster = wire.ApartTelemetryCluster
	}
	kept := func(key string) string { return "%FILTER_STATE(" + key + ":PLAIN)%" }
	tags := []*tracingv3.CustomTag{logTag(wire.TagAsked, kept(askedAll)), logTag(wire.TagKey, kept(filterLoggedKey))}
	if mutualTLS {
		tags = append(tags, logTag(wire.TagCertificate, "%DOWNSTREAM_PEER_CERT%"))
	}
	if namesNetworks(g) {
		vpc, vpce := listenerSays(wire.MetadataSourceVPC), listenerSays(wire.MetadataSourceVPCE)
		if in != firstPass {
			vpc, vpce = kept(keptSourceVPC), kept(keptSourceVPCE)
		}
		tags = append(tags, logTag(wire.TagSourceVPC, vpc), logTag(wire.TagSourceVPCE, vpce))
	}
	return &accesslogv3.AccessLog{
		Name: "envoy.access_loggers.http_grpc",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: anyOf(&grpcaccessv3.HttpGrpcAccessLogConfig{
			CommonConfig: &grpcaccessv3.CommonGrpcAccessLogConfig{
				LogName: "gatehouse",
				GrpcService: &corev3.GrpcService{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
					EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster},
				}},
				TransportApiVersion: corev3.ApiVersion_V3,
				BufferFlushInterval: durationpb.New(streamInterval),
				BufferSizeBytes:     uint32Value(streamBytes),
				CustomTags:          tags,
			},
			AdditionalResponseHeadersToLog: []string{
				wire.ErrorTypeHeader, wire.RemappedRequestIDHeader, wire.AWSRequestIDHeader, wire.AWSStorageIDHeader, wire.AWSStorageID2Header,
			},
		})},
	}
}

func logTag(name, format string) *tracingv3.CustomTag {
	return &tracingv3.CustomTag{Tag: name, Type: &tracingv3.CustomTag_Value{Value: format}}
}
