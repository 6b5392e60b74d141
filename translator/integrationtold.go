package translator

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"

	"gatehouse/internal/wire"
)

// logOverrides has the integration service tell what the templates of a route override, as far
// as the stage's access log wants it. Envoy takes that out of the response, and keeps it for
// those who are told about the request.
func (c *stageCompiler) logOverrides(r *parsedRoute, route *routev3.Route, extra *[]extraFilter) {
	if !c.site.telemetry || !c.rest() || !r.Integration.Overrides() {
		return
	}
	names := c.stage.AccessLog.Overrides()
	if len(names) == 0 {
		return
	}
	route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, setHeader(wire.OverridesHeader, formatLiteral(wire.AskOverrides(names))))
	*extra = append(*extra, extraFilter{"logged-overrides", &headertometadatav3.Config{
		ResponseRules: []*headertometadatav3.Config_Rule{{
			Header: wire.OverridesHeader, Remove: true,
			OnHeaderPresent: &headertometadatav3.Config_KeyValuePair{MetadataNamespace: wire.OverridesMetadata, Key: wire.OverridesTold},
		}},
	}})
}
