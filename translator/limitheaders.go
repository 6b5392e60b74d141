package translator

import (
	_ "embed"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Headers about limits have two sources. Of the buckets that Envoy keeps itself, its
// filters tell in x-ratelimit-* and retry-after; of the limits that the rate limit
// service keeps, the service does in dynamic metadata. A request may have both, and is
// told of the limit that is closest to being used up: limitheaders.lua looks for it.

// limitHeadersScript is that program.
//
//go:embed limitheaders.lua
var limitHeadersScript string

// limitHeadersScriptName is what routes call the script by.
const limitHeadersScriptName = "limit-headers"

// limitHeaderNames are the headers, which the script has left in the metadata of its
// filter for replies that an API customises.
var limitHeaderNames = []string{"retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "ratelimit-policy"}

// tellLimits has a route's responses tell about its limits, as the gateway wants it.
func (c *stageCompiler) tellLimits(throttles routeThrottles, limits *routeLimits, reports reportedLimits, route *routev3.Route) {
	want := c.site.limitHeaders
	// Without the script Envoy tells of its own buckets in every way but the draft's.
	own := throttles.any() && (limits.any() || want.Draft || c.customLimitReplies())
	// Refusals of reported limits have all that is known of those, which has to outlast
	// another wording.
	kept := want.RetryAfter && reports.limit() && c.customLimitReplies()
	if want == (gateway.LimitHeaders{}) || !own && !limits.any() && !kept {
		return
	}
	context := map[string]*structpb.Value{
		"retry": structpb.NewBoolValue(want.RetryAfter), "x": structpb.NewBoolValue(want.XRateLimit), "draft": structpb.NewBoolValue(want.Draft),
	}
	if own && want.Numbers() {
		whose := "others"
		if throttles.ofKeys() {
			whose = "key"
		}
		context["own"], context["backup"] = structpb.NewStringValue(whose), structpb.NewBoolValue(throttles.backup())
	}
	route.TypedPerFilterConfig[filterLimitHeaders] = enabled(&luav3.LuaPerRoute{
		Override:      &luav3.LuaPerRoute_Name{Name: limitHeadersScriptName},
		FilterContext: &structpb.Struct{Fields: context},
	})
}

// tell has the service say what remains of the limits, besides answering. What concerns
// others than the caller's key is left out where Envoy has buckets of the key to tell of, or
// the service has said something of the key already.
func (l *routeLimits) tell(want gateway.LimitHeaders, throttles routeThrottles, reports reportedLimits) {
	if !want.Numbers() {
		return
	}
	told := l.ofKey.all()
	if !throttles.ofKeys() && (len(told) == 0 || l.atOnce(reports)) {
		told = append(told, l.ofAll.all()...)
	}
	for _, limit := range told {
		limit.Actions = append(limit.Actions, literalEntry(wire.LimitTell, "true"))
	}
}

// limitMetadata are the places where Envoy may keep what the rate limit service said.
func limitMetadata(key string) []string {
	return []string{wire.ClosedLimitMetadata + ":" + key, wire.LimitMetadata + ":" + key}
}

// customLimitReplies reports whether the API has words of its own for a request that is
// over a limit.
func (c *stageCompiler) customLimitReplies() bool {
	return c.rest() && (c.deployment.ResolveGatewayResponse(gateway.Throttled) != nil || c.deployment.ResolveGatewayResponse(gateway.QuotaExceeded) != nil)
}

// keptLimitHeaders are for the replies that an API customises.
func (c *stageCompiler) keptLimitHeaders(t gateway.ResponseType) []*corev3.HeaderValueOption {
	if t != gateway.Throttled && t != gateway.QuotaExceeded || c.site.limitHeaders == (gateway.LimitHeaders{}) {
		return nil
	}
	var kept []*corev3.HeaderValueOption
	for _, name := range limitHeaderNames {
		kept = append(kept, setHeader(name, "%DYNAMIC_METADATA("+filterLimitHeaders+":"+name+")%"))
	}
	return kept
}
