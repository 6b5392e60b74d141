package translator

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// The access log tells which kind of limit refused a request. Of a hard limit the rate
// limit service says so, in dynamic metadata. Envoy's own filters can only put headers
// into their refusals: a filter makes the same metadata of these, and takes them out of
// the response. It is there only where there is an access log.

// filterLoggedRefusals is that filter (header_to_metadata). Routes with limits that Envoy
// counts by itself switch it on.
const filterLoggedRefusals = "gw.logged-refusals"

// Headers of a refusal, which no client sees: its code, and the kind of the limit where
// the filter knows it.
const (
	refusalCodeHeader = "x-gw-refusal"
	refusalKindHeader = "x-gw-refusal-limit"
)

// logRefusals puts the filter in front of all those that may refuse for a limit, and
// behind those that word the reply.
func logRefusals(m *hcmv3.HttpConnectionManager) {
	at := slices.IndexFunc(m.HttpFilters, func(f *hcmv3.HttpFilter) bool { return f.Name == filterLimitHeaders })
	if at < 0 {
		return // nothing is limited here
	}
	take := func(header, key string) *headertometadatav3.Config_Rule {
		return &headertometadatav3.Config_Rule{
			Header: header, Remove: true,
			OnHeaderPresent: &headertometadatav3.Config_KeyValuePair{MetadataNamespace: wire.LimitMetadata, Key: key},
		}
	}
	m.HttpFilters = slices.Insert(m.HttpFilters, at+1, &hcmv3.HttpFilter{
		Name:     filterLoggedRefusals,
		Disabled: true,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&headertometadatav3.Config{
			ResponseRules: []*headertometadatav3.Config_Rule{take(refusalCodeHeader, wire.AnswerCode), take(refusalKindHeader, wire.ToldKind)},
		})},
	})
}

// logRefusals has the refusals of a route's limits logged. A backend has no say in it.
func (c *stageCompiler) logRefusals(route *routev3.Route) {
	if !c.site.accessLog {
		return
	}
	route.TypedPerFilterConfig[filterLoggedRefusals] = enabled(nil)
	if route.GetRoute() != nil {
		route.ResponseHeadersToRemove = append(route.ResponseHeadersToRemove, refusalCodeHeader, refusalKindHeader)
	}
}

// loggedRefusal are the headers that a refusal is to have; of a kind that is not known
// there is none.
func loggedRefusal(t gateway.ResponseType, kind string) []*corev3.HeaderValueOption {
	code := wire.RefusedByThrottle
	if t == gateway.QuotaExceeded {
		code = wire.RefusedByQuota
	}
	headers := []*corev3.HeaderValueOption{setHeader(refusalCodeHeader, code)}
	if kind != "" {
		headers = append(headers, setHeader(refusalKindHeader, kind))
	}
	return headers
}
