package translator

import (
	"slices"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"gatehouse/gateway"
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
		clientConnection(),
		setHeader(wire.SourceVPCHeader, listenerSays(wire.MetadataSourceVPC)),
		setHeader(wire.SourceVPCEHeader, listenerSays(wire.MetadataSourceVPCE)),
		setHeader(wire.AskedHostHeader, "%REQ(:AUTHORITY)%"),
		setHeader(wire.AskedPathHeader, "%REQ(:PATH)%"),
	}
}

// clientConnection tells a later pass what the client's connection is.
func clientConnection() *corev3.HeaderValueOption {
	return setHeader(wire.ClientConnectionHeader, wire.ConnectionFormat("%PROTOCOL%", "%DOWNSTREAM_TLS_VERSION%", "%DOWNSTREAM_TLS_CIPHER%"))
}

// told is what the authorization service gets to know beside the request, in one pass or
// the other. It does not read the headers themselves, which an Envoy that is configured
// otherwise might let clients send.
func told(g *gateway.Gateway) *corev3.HeaderValue {
	carried := func(name string) string { return "%REQ(" + name + ")%" }
	t := wire.Told{
		// The address that Envoy tells by itself is the other end of the connection: a
		// proxy's where there is one in front.
		Client:    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
		AskedHost: carried(wire.AskedHostHeader),
		AskedPath: carried(wire.AskedPathHeader),
	}
	// What no listener says need not be looked for with each request.
	if slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPC != "" }) {
		t.SourceVPC, t.CarriedVPC = listenerSays(wire.MetadataSourceVPC), carried(wire.SourceVPCHeader)
	}
	if slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPCE != "" }) {
		t.SourceVPCE, t.CarriedVPCE = listenerSays(wire.MetadataSourceVPCE), carried(wire.SourceVPCEHeader)
	}
	return &corev3.HeaderValue{Key: wire.ToldHeader, Value: t.String()}
}

// filterDropCarried is the name of dropCarried.
const filterDropCarried = "gw.second-pass-read"

// dropCarried is a filter that takes the headers away when they have been read, but for
// the client's address, which is read before any filter.
func dropCarried() *hcmv3.HttpFilter {
	var remove []*mutationv3.HeaderMutation
	for _, name := range []string{wire.SourceVPCHeader, wire.SourceVPCEHeader, wire.AskedHostHeader, wire.AskedPathHeader, wire.SignerHeader} {
		remove = append(remove, mutateRemove(name))
	}
	return &hcmv3.HttpFilter{
		Name: filterDropCarried,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&headermutationv3.HeaderMutation{
			Mutations: &headermutationv3.Mutations{RequestMutations: remove},
		})},
	}
}
