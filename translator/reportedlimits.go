package translator

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	quotafilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rate_limit_quota/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Limits that are not hard are reported: Envoy counts by itself, tells the rate limit
// service every five seconds what it let through, and hears what part of each limit it
// may have (rate_limit_quota). No request waits for that.
//
// A filter takes a request into one bucket, so that there is one for each level that
// has a limit, at most six. One bucket for a combination of levels would be one filter,
// and wrong: what a key has left of its quota, its rate and the stage's rate are not one
// number, and a part for each combination of key and route would be too small to use.
//
// The filter has no configuration of routes, and its own is to know the route. So each
// route has its filters in a chain of its own; the buckets are Envoy's, found by what
// tells them apart, and do not go with the route. This costs nothing where there is no
// limit, and the filters know the route's limits without asking for anything but the
// key – which is what costs most in them, since Envoy makes what reads it for each request.
// Of the 26,000 instructions that a filter takes, 10,000 are for that: less than the other
// 16,000 it cannot be. The chain around it is 200 of them. (Envoy 1.40; a request with an API
// key takes 202,000 without.)
//
// The order is that in which least is used up for nothing: first what is the key's own,
// its throttles and then its quota, so that the quota counts nothing that its throttles
// refuse; then what all callers share, of which a key that is over its quota must not
// use anything. Amazon asks for the quota before the key's throttles. That is told
// apart only by a key that is over both: it hears of its rate first.

// reportInterval is how often Envoy reports. It knows no other.
const reportInterval = 5 * time.Second

// reported reports whether Envoy counts for a limit by itself. A limit that is closed
// without the service is asked about: Envoy could not tell a bucket whose part has not
// come yet from one whose service is gone.
func reported(hard bool, mode gateway.FailureMode) bool { return !hard && mode != gateway.FailClosed }

// reportedLimits are those of a route's requests by level, in the order of the filters.
type reportedLimits []reportedLimit

// reportedLimit is a level: the buckets that its requests may count in.
type reportedLimit struct {
	kind    string
	buckets []reportedBucket
}

// reportedBucket has one bucket for each key of the plan, or for all requests when it is of
// no key. One for keys of several plans has no plan: the key says which of them it has for the
// stage in the entries.
type reportedBucket struct {
	keyed bool
	plan  string
	// plans are the ids of those whose keys it is for.
	plans   []string
	entries map[string]string
	// throttle is nil for a quota, and for what is counted for usage only.
	throttle *gateway.Throttle
	// usage is what one is for that limits nothing.
	usage bool
}

// limit reports whether anything is limited, and not only counted.
func (l reportedLimits) limit() bool {
	return slices.ContainsFunc(l, func(level reportedLimit) bool {
		return slices.ContainsFunc(level.buckets, func(b reportedBucket) bool { return !b.usage })
	})
}

// reportedLimitsOf finds them. Every key of a stage counts, if only for its usage, unless
// its plan does without.
func (c *stageCompiler) reportedLimitsOf(r *parsedRoute) reportedLimits {
	at := map[string]string{wire.LimitAPI: c.api.ID, wire.LimitStage: c.stage.Name}
	on := map[string]string{wire.LimitAPI: c.api.ID, wire.LimitStage: c.stage.Name, wire.LimitRoute: r.Key()}
	var found reportedLimits
	level := func(kind string, buckets ...reportedBucket) {
		if len(buckets) > 0 {
			found = append(found, reportedLimit{kind, buckets})
		}
	}
	counts := func(t *gateway.Throttle) bool { return shared(t) != nil && reported(t.Hard, t.FailureMode) }
	if r.APIKeyRequired && c.keyed() {
		var routes, plans, quotas []reportedBucket
		for _, p := range c.plansHere() {
			of := []string{p.id}
			if t := p.at.RouteThrottle(r.Key()); counts(t) {
				routes = append(routes, reportedBucket{keyed: true, plan: p.id, plans: of, entries: on, throttle: t})
			}
			if counts(p.Throttle) {
				// It is one bucket for all stages of the plan, whatever plans these have besides.
				api, stage := p.FirstStage()
				first := map[string]string{wire.LimitAPI: api, wire.LimitStage: stage}
				plans = append(plans, reportedBucket{keyed: true, plans: of, entries: first, throttle: p.Throttle})
			}
			if q := p.Quota; q == nil && !p.Uncounted || q != nil && reported(q.Hard, q.FailureMode) {
				quotas = append(quotas, reportedBucket{keyed: true, plan: p.id, plans: of, entries: at, usage: q == nil})
			}
		}
		level(wire.LimitKeyRoute, routes...)
		level(wire.LimitKeyPlan, plans...)
		level(wire.LimitQuota, quotas...)
	}
	if t := c.stage.RouteThrottle(r.Key()); counts(t) {
		level(wire.LimitOfRoute, reportedBucket{entries: on, throttle: t})
	}
	if t := c.stage.Throttle; counts(t) {
		level(wire.LimitOfStage, reportedBucket{entries: at, throttle: t})
	}
	if t := c.snapshot.Account.Throttle; counts(t) {
		level(wire.LimitOfAccount, reportedBucket{throttle: t})
	}
	return found
}

// reportLimits has Envoy count a route's requests and report them.
func (c *stageCompiler) reportLimits(limits reportedLimits) *anypb.Any {
	chain := &filterchainv3.FilterChain{}
	for _, limit := range limits {
		matcher := &matcherconfigv3.Matcher{}
		var list []*matcherconfigv3.Matcher_MatcherList_FieldMatcher
		for _, b := range c.ofAnyPlan(limit) {
			settings := bucketSettings(limit.kind, b, c.refusalHeaders(limit.kind, b.throttle))
			if !b.keyed || len(b.plans) == c.plansOfStage() {
				// No key of another plan gets here.
				matcher.OnNoMatch = settings
				continue
			}
			list = append(list, &matcherconfigv3.Matcher_MatcherList_FieldMatcher{Predicate: keyInOneOf(b.plans), OnMatch: settings})
		}
		if len(list) > 0 {
			matcher.MatcherType = &matcherconfigv3.Matcher_MatcherList_{MatcherList: &matcherconfigv3.Matcher_MatcherList{Matchers: list}}
		}
		chain.Filters = append(chain.Filters, &corev3.TypedExtensionConfig{
			Name: limit.kind, TypedConfig: anyOf(quotaFilter(c.site.rateLimitCluster, matcher)),
		})
	}
	return enabled(&filterchainv3.FilterChainConfigPerRoute{FilterChain: chain})
}

// ofAnyPlan leaves it to the service to see which plan a key is in, of those whose buckets
// refuse in the same way. Envoy would look for one plan after the other, for each request.
// Plans whose first stages differ stay apart: by that a throttle over all stages of a plan is
// named.
func (c *stageCompiler) ofAnyPlan(limit reportedLimit) []reportedBucket {
	var merged []reportedBucket
	for _, b := range limit.buckets {
		same := slices.IndexFunc(merged, func(m reportedBucket) bool {
			return maps.Equal(m.entries, b.entries) && (!c.site.limitHeaders.RetryAfter || retryAfter(m.throttle) == retryAfter(b.throttle))
		})
		if same < 0 {
			merged = append(merged, b)
			continue
		}
		merged[same].plan, merged[same].plans = "", append(merged[same].plans, b.plans...)
	}
	return merged
}

// plansOfStage is how many usage plans have the stage: their keys are let in.
func (c *stageCompiler) plansOfStage() int { return len(c.keyAccess.Stage(c.api.ID, c.stage.Name)) }

// keptLimits is a filter that no request gets to. Envoy forgets all buckets when the last
// filter of this kind goes, and routes come and go.
func keptLimits(g *gateway.Gateway) *quotafilterv3.RateLimitQuotaFilterConfig {
	return quotaFilter(rateLimitCluster(g), &matcherconfigv3.Matcher{OnNoMatch: bucketSettings(wire.LimitQuota, reportedBucket{}, nil)})
}

// quotaFilter counts in the bucket that a matcher finds, or in none.
func quotaFilter(cluster string, matcher *matcherconfigv3.Matcher) *quotafilterv3.RateLimitQuotaFilterConfig {
	return &quotafilterv3.RateLimitQuotaFilterConfig{
		RlqsServer: &corev3.GrpcService{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
			EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster},
		}},
		Domain:         wire.LimitDomain,
		BucketMatchers: matcher,
	}
}

// bucketSettings say which bucket it is, and what a refusal carries. Until its part comes,
// and when that is over, requests get through; local throttles hold them to the whole of
// a limit.
func bucketSettings(kind string, b reportedBucket, headers []*corev3.HeaderValueOption) *matcherconfigv3.Matcher_OnMatch {
	type valueBuilder = quotafilterv3.RateLimitQuotaBucketSettings_BucketIdBuilder_ValueBuilder
	entries := maps.Clone(b.entries)
	if entries == nil {
		entries = map[string]string{}
	}
	entries[wire.LimitKind], entries[wire.LimitPlan] = kind, b.plan
	value := &valueBuilder{ValueSpecifier: &quotafilterv3.RateLimitQuotaBucketSettings_BucketIdBuilder_ValueBuilder_StringValue{StringValue: wire.EveryKey}}
	if b.keyed {
		value.ValueSpecifier = &quotafilterv3.RateLimitQuotaBucketSettings_BucketIdBuilder_ValueBuilder_CustomValue{
			CustomValue: &corev3.TypedExtensionConfig{Name: "key", TypedConfig: anyOf(&envoymatcherv3.HttpRequestHeaderMatchInput{HeaderName: wire.KeyHeader})},
		}
	}
	id := map[string]*valueBuilder{wire.BucketOf(entries): value}
	settings := &quotafilterv3.RateLimitQuotaBucketSettings{
		BucketIdBuilder:   &quotafilterv3.RateLimitQuotaBucketSettings_BucketIdBuilder{BucketIdBuilder: id},
		ReportingInterval: durationpb.New(reportInterval),
		DenyResponseSettings: &quotafilterv3.RateLimitQuotaBucketSettings_DenyResponseSettings{
			HttpStatus:           &typev3.HttpStatus{Code: typev3.StatusCode_TooManyRequests},
			ResponseHeadersToAdd: headers,
		},
		NoAssignmentBehavior: &quotafilterv3.RateLimitQuotaBucketSettings_NoAssignmentBehavior{
			NoAssignmentBehavior: &quotafilterv3.RateLimitQuotaBucketSettings_NoAssignmentBehavior_FallbackRateLimit{
				FallbackRateLimit: &typev3.RateLimitStrategy{Strategy: &typev3.RateLimitStrategy_BlanketRule_{BlanketRule: typev3.RateLimitStrategy_ALLOW_ALL}},
			},
		},
	}
	return &matcherconfigv3.Matcher_OnMatch{OnMatch: &matcherconfigv3.Matcher_OnMatch_Action{
		Action: &xdscorev3.TypedExtensionConfig{Name: "bucket", TypedConfig: anyOf(settings)},
	}}
}

// keyInOneOf holds for requests whose key is in one of the plans.
func keyInOneOf(plans []string) *matcherconfigv3.Matcher_MatcherList_Predicate {
	tag := &matcherconfigv3.StringMatcher{MatchPattern: &matcherconfigv3.StringMatcher_Contains{Contains: "|" + plans[0] + "|"}}
	if len(plans) > 1 {
		tag.MatchPattern = &matcherconfigv3.StringMatcher_SafeRegex{SafeRegex: &matcherconfigv3.RegexMatcher{
			EngineType: &matcherconfigv3.RegexMatcher_GoogleRe2{GoogleRe2: &matcherconfigv3.RegexMatcher_GoogleRE2{}},
			Regex:      tagHasOneOf(plans).GetSafeRegex().GetRegex(),
		}}
	}
	return headerMatches(wire.KeyHeader, tag)
}

// headerMatches holds for requests with a header of such a value.
func headerMatches(name string, value *matcherconfigv3.StringMatcher) *matcherconfigv3.Matcher_MatcherList_Predicate {
	return &matcherconfigv3.Matcher_MatcherList_Predicate{MatchType: &matcherconfigv3.Matcher_MatcherList_Predicate_SinglePredicate_{
		SinglePredicate: &matcherconfigv3.Matcher_MatcherList_Predicate_SinglePredicate{
			Input:   &xdscorev3.TypedExtensionConfig{Name: "header", TypedConfig: anyOf(&envoymatcherv3.HttpRequestHeaderMatchInput{HeaderName: name})},
			Matcher: &matcherconfigv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: value},
		},
	}}
}

// refusalHeaders tell the replies to refusals apart (localreply.go), and for the access
// log which limit it was.
func (c *stageCompiler) refusalHeaders(kind string, t *gateway.Throttle) []*corev3.HeaderValueOption {
	of := gateway.Throttled
	if kind == wire.LimitQuota {
		of = gateway.QuotaExceeded
	}
	var headers []*corev3.HeaderValueOption
	if c.keyed() {
		headers = append(headers, setHeader(errorTypeHeader, gateway.ResponseDefaults[of].ErrorType))
	}
	if wait := retryAfter(t); c.site.limitHeaders.RetryAfter && wait != "" {
		headers = append(headers, setHeader("retry-after", wait))
	}
	if c.site.accessLog {
		headers = append(headers, loggedRefusal(of, kind)...)
	}
	return headers
}

// retryAfter is the time in which the whole of a shared throttle is filled by one token.
// How long it takes an Envoy's part is known to nobody when a refusal is worded. It is
// empty for a throttle that lets nothing through, and for a quota: that an Envoy's part is
// used up does not tell whether it has to wait for the next report or for the next month.
func retryAfter(t *gateway.Throttle) string {
	if t == nil || t.Rate <= 0 || t.Burst <= 0 {
		return ""
	}
	return strconv.FormatInt(int64(math.Ceil(1/t.Rate)), 10)
}
