package translator

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	filterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
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

// keptSourceVPC and keptSourceVPCE keep what a listener says for the log of a later pass, and
// for mappings and replies.
const (
	keptSourceVPC  = "gw.source-vpc"
	keptSourceVPCE = "gw.source-vpce"
)

// namesNetworks reports whether one of a gateway's listeners says where its requests come
// from.
func namesNetworks(g *gateway.Gateway) bool {
	return slices.ContainsFunc(g.Listeners, func(l gateway.Listener) bool { return l.SourceVPC != "" || l.SourceVPCE != "" })
}

// networkStates are where a request keeps what context variables tell of it.
var networkStates = map[string]string{"identity.vpcId": keptSourceVPC, "identity.vpceId": keptSourceVPCE}

// filterNetworks keeps what the listener says, or what an earlier pass has taken along, for
// mappings and replies (set_filter_state). Routes with such switch it on.
const filterNetworks = "gw.networks"

// readNetworksIn puts the filter in front of all those that may answer, where there is anything
// to tell.
func readNetworksIn(m *hcmv3.HttpConnectionManager, g *gateway.Gateway, in pass) {
	if !namesNetworks(g) {
		return
	}
	vpc, vpce := listenerSays(wire.MetadataSourceVPC), listenerSays(wire.MetadataSourceVPCE)
	if in != firstPass {
		vpc, vpce = "%REQ("+wire.SourceVPCHeader+")%", "%REQ("+wire.SourceVPCEHeader+")%"
	}
	values := []*filterstatev3.FilterStateValue{keepText(keptSourceVPC, vpc), keepText(keptSourceVPCE, vpce)}
	for _, value := range values {
		value.GetFormatString().OmitEmptyValues = true
	}
	filter := keepTexts(filterNetworks, values...)
	filter.Disabled = true
	m.HttpFilters = append([]*hcmv3.HttpFilter{filter}, m.HttpFilters...)
}

// readNetworks has a route keep what its mappings or replies tell of networks.
func (c *stageCompiler) readNetworks(route *routev3.Route) {
	route.TypedPerFilterConfig[filterNetworks] = enabled(nil)
}

// repliesNameNetworks reports whether a gateway response of the API tells of networks.
func (c *stageCompiler) repliesNameNetworks() bool {
	return c.site.namesNetworks && c.rest() && slices.ContainsFunc(c.deployment.GatewayResponses, func(r gateway.GatewayResponse) bool {
		return mapsNetwork(r.Parameters) || templatesNameNetwork(r.Templates)
	})
}

// mappingsNameNetworks reports whether what Envoy maps of a route tells of networks.
func (c *stageCompiler) mappingsNameNetworks(in *gateway.Integration) bool {
	return c.site.namesNetworks && c.rest() && (mapsNetwork(in.RequestParameters) || templatesNameNetwork(in.RequestTemplates) ||
		slices.ContainsFunc(in.Responses, func(r gateway.IntegrationResponse) bool {
			return mapsNetwork(r.ResponseParameters) || templatesNameNetwork(r.ResponseTemplates)
		}))
}

func mapsNetwork(mappings []gateway.ParameterMapping) bool {
	return slices.ContainsFunc(mappings, func(m gateway.ParameterMapping) bool { return namesNetwork(m.Source) })
}

func templatesNameNetwork(templates map[string]string) bool {
	for _, template := range templates {
		if namesNetwork(template) {
			return true
		}
	}
	return false
}

func namesNetwork(text string) bool {
	return strings.Contains(text, "context.identity.vpcId") || strings.Contains(text, "context.identity.vpceId")
}

// networkPart is such a variable for mapping.lua.
func (c *stageCompiler) networkPart(name string) map[string]any {
	if !c.site.namesNetworks {
		return map[string]any{"absent": true}
	}
	return map[string]any{"context": name}
}

// networkFormat is such a variable for replies of Envoy's own.
func (c *stageCompiler) networkFormat(name string) string {
	if !c.site.namesNetworks {
		return ""
	}
	return kept(networkStates[name])
}

// tellsNetwork reports whether a context variable is one of the API's that tells of networks.
func (c *stageCompiler) tellsNetwork(name string) bool { return c.rest() && networkStates[name] != "" }

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
