package translator

import (
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Which VPC, or endpoint of one, a request comes from is what the listener says that it
// came by. The listener has it as metadata, from where the authorization service is
// told. A request by the path form has another listener in its second pass: headers
// carry it there, which no client can send.

// networkMetadata is what a listener says, or nil.
func networkMetadata(l *gateway.Listener) *corev3.Metadata {
	fields := map[string]*structpb.Value{}
	if l.SourceVPC != "" {
		fields[wire.MetadataSourceVPC] = structpb.NewStringValue(l.SourceVPC)
	}
	if l.SourceVPCE != "" {
		fields[wire.MetadataSourceVPCE] = structpb.NewStringValue(l.SourceVPCE)
	}
	if len(fields) == 0 {
		return nil
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{wire.MetadataNamespace: {Fields: fields}}}
}

func listenerSays(key string) string {
	return "%METADATA(LISTENER:" + wire.MetadataNamespace + ":" + key + ")%"
}

// sourceNetwork tells the authorization service, in one pass or the other.
func sourceNetwork() []*corev3.HeaderValue {
	return []*corev3.HeaderValue{
		{Key: wire.SourceVPCHeader, Value: listenerSays(wire.MetadataSourceVPC)},
		{Key: wire.SourceVPCHeader, Value: "%REQ(" + wire.SourceVPCHeader + ")%"},
		{Key: wire.SourceVPCEHeader, Value: listenerSays(wire.MetadataSourceVPCE)},
		{Key: wire.SourceVPCEHeader, Value: "%REQ(" + wire.SourceVPCEHeader + ")%"},
	}
}

// carryNetwork takes it along to the second pass.
func carryNetwork() []*corev3.HeaderValueOption {
	return []*corev3.HeaderValueOption{
		setHeader(wire.SourceVPCHeader, listenerSays(wire.MetadataSourceVPC)),
		setHeader(wire.SourceVPCEHeader, listenerSays(wire.MetadataSourceVPCE)),
	}
}

// dropNetwork is a filter that takes the headers away when they have been read.
func dropNetwork() *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name: "gw.second-pass-network",
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&headermutationv3.HeaderMutation{
			Mutations: &headermutationv3.Mutations{RequestMutations: []*mutationv3.HeaderMutation{
				mutateRemove(wire.SourceVPCHeader), mutateRemove(wire.SourceVPCEHeader),
			}},
		})},
	}
}
