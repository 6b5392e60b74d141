package translator

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// askIntegration has the integration service tell what cannot be seen of its answers: what the
// templates of a route override, what the backend has answered, by which id, and why it has not,
// as far as the stage's access log wants it, whether the stage's cache has answered, and whether
// the gateway has in its place: of REST APIs, whose answers name some of those reasons alike, if
// the log wants that. Envoy takes it out of the response, and keeps it for those who are told
// about the request.
func (c *stageCompiler) askIntegration(r *parsedRoute, route *routev3.Route, extra *[]extraFilter) {
	if !c.site.telemetry {
		return
	}
	var names []string
	if c.api.Protocol == gateway.HTTP || c.stage.AccessLog.ErrorResponseType() {
		names = append(names, wire.ToldResponseType)
	}
	if c.stage.AccessLog.IntegrationError() {
		names = append(names, wire.ToldError)
	}
	if r.Integration.Overrides() {
		names = append(names, c.stage.AccessLog.Overrides()...)
	}
	switch r.Integration.Type {
	case gateway.IntegrationHTTP, gateway.IntegrationAWS, gateway.IntegrationAWSProxy:
		if c.stage.AccessLog.IntegrationStatus() {
			names = append(names, wire.ToldStatus)
		}
	}
	switch r.Integration.Type {
	case gateway.IntegrationAWS, gateway.IntegrationAWSProxy:
		if c.stage.AccessLog.IntegrationRequestID() {
			names = append(names, wire.ToldRequestID)
		}
	}
	if c.stage.RouteCache(r.Route) != nil {
		names = append(names, wire.ToldCache)
	}
	if len(names) == 0 {
		return
	}
	route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, setHeader(wire.IntegrationToldHeader, formatLiteral(wire.AskIntegration(names))))
	*extra = append(*extra, extraFilter{"integration-told", &headertometadatav3.Config{
		ResponseRules: []*headertometadatav3.Config_Rule{{
			Header: wire.IntegrationToldHeader, Remove: true,
			OnHeaderPresent: &headertometadatav3.Config_KeyValuePair{MetadataNamespace: wire.IntegrationMetadata, Key: wire.IntegrationTold},
		}},
	}})
}

// keepRequestIDs has Envoy keep the ids that a service of Amazon's gives a request in its answer,
// as far as the stage's logs want them: that a backend is one of those is not to be seen before,
// and to look for them costs each request.
func (c *stageCompiler) keepRequestIDs(r *parsedRoute, extra *[]extraFilter) {
	if !c.site.telemetry || r.Integration.Type != gateway.IntegrationHTTPProxy ||
		!c.stage.AccessLog.IntegrationRequestID() && !c.stage.RouteExecution(r.Key()).Steps() {
		return
	}
	headers := []string{wire.AWSRequestIDHeader, wire.AWSStorageIDHeader, wire.AWSStorageID2Header}
	if c.rest() {
		headers = []string{wire.RemappedRequestIDHeader, wire.AWSStorageIDHeader}
	}
	config := &headertometadatav3.Config{}
	for _, header := range headers {
		config.ResponseRules = append(config.ResponseRules, &headertometadatav3.Config_Rule{
			Header:          header,
			OnHeaderPresent: &headertometadatav3.Config_KeyValuePair{MetadataNamespace: wire.IntegrationMetadata, Key: header},
		})
	}
	*extra = append(*extra, extraFilter{"request-ids", config})
}

// tellsStatus reports whether mapping.lua has to tell what the backend has answered: where the
// stage's access log wants it, and it may be mapped to another status.
func (c *stageCompiler) tellsStatus(p *program) bool {
	if !c.site.telemetry || !c.stage.AccessLog.IntegrationStatus() {
		return false
	}
	rules, _ := p.response["rules"].([]any)
	for _, rule := range rules {
		if rule, ok := rule.(map[string]any); ok && rule["status"] != nil {
			return true
		}
	}
	return false
}
