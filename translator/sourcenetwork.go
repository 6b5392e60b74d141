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

// network is something that listeners may say about where requests come from: a key of their
// metadata, and the header that carries it on.
type network struct{ key, header string }

var allNetworks = []network{{wire.MetadataSourceVPC, wire.SourceVPCHeader}, {wire.MetadataSourceVPCE, wire.SourceVPCEHeader}}

// saidNetworks are those that some listener of a gateway says: what none does need not be
// looked for with each request.
func saidNetworks(g *gateway.Gateway) (said []network) {
	if slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPC != "" }) {
		said = append(said, allNetworks[0])
	}
	if slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPCE != "" }) {
		said = append(said, allNetworks[1])
	}
	return said
}

// tellNetworks has a route tell of networks behind it, as the listener says it or, by the
// path form, an earlier pass.
func tellNetworks(route *routev3.Route, networks []network) {
	for _, n := range networks {
		route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: n.header, Value: listenerSays(n.key)}, AppendAction: corev3.HeaderValueOption_ADD_IF_ABSENT,
		})
	}
	route.TypedPerFilterConfig[filterDropCarried] = anyOf(&routev3.FilterConfig{Disabled: true})
	route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, wire.AskedHostHeader, wire.AskedPathHeader)
}

func listenerSays(key string) string {
	return "%METADATA(LISTENER:" + wire.MetadataNamespace + ":" + key + ")%"
}
