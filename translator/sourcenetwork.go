package translator

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
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

// saidNetworks are those that some listener of a gateway says: what none does need not be
// looked for with each request.
func saidNetworks(g *gateway.Gateway) (said []network) {
	if slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPC != "" }) {
		said = append(said, network{wire.MetadataSourceVPC, wire.SourceVPCHeader})
	}
	if slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPCE != "" }) {
		said = append(said, network{wire.MetadataSourceVPCE, wire.SourceVPCEHeader})
	}
	return said
}

func listenerSays(key string) string {
	return "%METADATA(LISTENER:" + wire.MetadataNamespace + ":" + key + ")%"
}
