package translator

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Which VPC, or endpoint of one, a request comes from is what the listener says that it
// came by. The listener has it as metadata, from where the authorization service is
// told. A request by the path form has another listener in its second pass, where
// secondpass.go takes it along.

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

// keptSourceVPC and keptSourceVPCE keep what a listener says for the log of a later pass.
const (
	keptSourceVPC  = "gw.source-vpc"
	keptSourceVPCE = "gw.source-vpce"
)

// namesNetworks reports whether one of a gateway's listeners says where its requests come
// from.
func namesNetworks(g *gateway.Gateway) bool {
	return slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPC != "" || l.SourceVPCE != "" })
}

// tellNetworks has a route tell what is behind it where a request came from, as the listener
// says it or, by the path form, an earlier pass.
func tellNetworks(route *routev3.Route) {
	for _, key := range []string{wire.MetadataSourceVPC, wire.MetadataSourceVPCE} {
		route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: wire.InternalHeaderPrefix + key, Value: listenerSays(key)}, AppendAction: corev3.HeaderValueOption_ADD_IF_ABSENT,
		})
	}
	route.TypedPerFilterConfig[filterDropCarried] = anyOf(&routev3.FilterConfig{Disabled: true})
	route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, wire.AskedHostHeader, wire.AskedPathHeader)
}

func listenerSays(key string) string {
	return "%METADATA(LISTENER:" + wire.MetadataNamespace + ":" + key + ")%"
}
