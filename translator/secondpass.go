package translator

import (
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"gatehouse/internal/wire"
)

// What only the first pass of a path-form request knows, headers carry to the second
// one. No client can send them: the first pass takes away every header of such a name
// before anything reads it, and the second is inside Envoy.

// carried are the headers that the first pass adds. It does so before it rewrites host
// and path, so that they hold what the client sent.
func carried() []*corev3.HeaderValueOption {
	return []*corev3.HeaderValueOption{
		setHeader(wire.ClientAddressHeader, "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
		setHeader(wire.SourceVPCHeader, listenerSays(wire.MetadataSourceVPC)),
		setHeader(wire.SourceVPCEHeader, listenerSays(wire.MetadataSourceVPCE)),
		setHeader(wire.AskedHostHeader, "%REQ(:AUTHORITY)%"),
		setHeader(wire.AskedPathHeader, "%REQ(:PATH)%"),
	}
}

// told is what the authorization service gets to know beside the request, in one pass or
// the other. It does not read the headers themselves, which an Envoy that is configured
// otherwise might let clients send.
func told() []*corev3.HeaderValue {
	header := func(name string) string { return "%REQ(" + name + ")%" }
	return []*corev3.HeaderValue{
		// The address that Envoy tells by itself is the other end of the connection: a
		// proxy's where there is one in front.
		{Key: wire.ClientAddressHeader, Value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
		{Key: wire.SourceVPCHeader, Value: listenerSays(wire.MetadataSourceVPC)},
		{Key: wire.SourceVPCHeader, Value: header(wire.SourceVPCHeader)},
		{Key: wire.SourceVPCEHeader, Value: listenerSays(wire.MetadataSourceVPCE)},
		{Key: wire.SourceVPCEHeader, Value: header(wire.SourceVPCEHeader)},
		{Key: wire.AskedHostHeader, Value: header(wire.AskedHostHeader)},
		{Key: wire.AskedPathHeader, Value: header(wire.AskedPathHeader)},
	}
}

// dropCarried is a filter that takes the headers away when they have been read, but for
// the client's address, which is read before any filter.
func dropCarried() *hcmv3.HttpFilter {
	var remove []*mutationv3.HeaderMutation
	for _, name := range []string{wire.SourceVPCHeader, wire.SourceVPCEHeader, wire.AskedHostHeader, wire.AskedPathHeader} {
		remove = append(remove, mutateRemove(name))
	}
	return &hcmv3.HttpFilter{
		Name: "gw.second-pass-read",
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&headermutationv3.HeaderMutation{
			Mutations: &headermutationv3.Mutations{RequestMutations: remove},
		})},
	}
}
