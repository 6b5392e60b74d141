package translator

import (
	_ "embed"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	apikeyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/api_key_auth/v3"
	bodysizev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/body_size_limit/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	customresponsev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/custom_response/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	filterchainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	localratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// The HTTP filters, in the order a request passes them (a response passes them in
// reverse). The chain is the same for every listener of a gateway and never depends on the
// definitions: every filter is switched off and routes switch on what they need.
// That makes unused features free, and a feature switched on is in force on the
// next request of open connections. Nothing in this chain may re-route: the set of
// enabled filters is fixed by the first route match.
const (
	// filterHeaders renames backend response headers (header_mutation).
	filterHeaders = "gw.headers"
	// filterResponses customises gateway responses (custom_response).
	filterResponses = "gw.responses"
	// filterLimitHeaders tells about limits in responses (lua, one constant script). It is
	// behind filterResponses, which takes over what it said.
	filterLimitHeaders = "gw.limit-headers"
	// filterServerName refuses requests that came to a domain with mutual TLS over a
	// connection to another (rbac).
	filterServerName = "gw.server-name"
	// filterCORS adds cross-origin headers to responses (cors).
	filterCORS = "gw.cors"
	// filterBodyLimit bounds request bodies at the default size (body_size_limit).
	filterBodyLimit = "gw.body"
	// filterPolicyDeny and filterPolicy enforce a resource policy (rbac): what it denies,
	// then what it does not allow.
	filterPolicyDeny = "gw.policy-deny"
	filterPolicy     = "gw.policy"
	// filterTokens verifies tokens (jwt_authn, by ECDS). Envoy writes what it found
	// under this name.
	filterTokens = wire.TokensMetadata
	// filterClaims looks at a verified token's claims (rbac).
	filterClaims = "gw.claims"
	// filterAuthorization asks the authorization service (ext_authz, by ECDS).
	filterAuthorization = wire.AuthorizationMetadata
	// filterKeys looks API keys up (api_key_auth, by ECDS).
	filterKeys = "gw.keys"
	// filterPlanKeys lets in only the keys whose usage plans have the stage (fault), and
	// filterPlans does so where it matters which of the plans a key is in (rbac).
	filterPlanKeys = "gw.plan-keys"
	filterPlans    = "gw.plans"
	// filterSharedLimits and filterClosedLimits ask the rate limit service about limits
	// that all Envoys share and that are hard: those that let through, and those that do
	// not, what the service does not answer (ratelimit).
	filterSharedLimits = wire.LimitMetadata
	filterClosedLimits = wire.ClosedLimitMetadata
	// filterLateSharedLimits and filterLateClosedLimits are the same behind the buckets of
	// usage plans, for routes on which a key has such: what they refuse uses no quota.
	filterLateSharedLimits = "gw.limits-late"
	filterLateClosedLimits = "gw.limits-closed-late"
	// filterPlanThrottles and filterStageThrottles keep the buckets of throttles
	// (local_ratelimit, by ECDS): what usage plans grant a key, then what routes, stages
	// and the account bear.
	filterPlanThrottles  = "gw.throttle.plans"
	filterStageThrottles = "gw.throttle.stages"
	// filterReportedLimits holds a route's own chain of filters that count for limits which
	// all Envoys share, and report to the rate limit service (filter_chain of
	// rate_limit_quota). It stands behind what a key's own throttles refuse, so that a
	// quota does not count that.
	filterReportedLimits = "gw.limits-reported"
	// filterLastSharedLimits and filterLastClosedLimits ask about what all callers share, where
	// a key has limits that are not in the same question (ratelimit).
	filterLastSharedLimits = "gw.limits-last"
	filterLastClosedLimits = "gw.limits-closed-last"
	// filterKeptLimits is never switched on: it keeps what those filters count when no route
	// has any of them for a moment (rate_limit_quota).
	filterKeptLimits = "gw.limits-kept"
	// filterValidation asks the authorization service about request bodies (ext_authz, by
	// ECDS).
	filterValidation = "gw.validation"
	// filterMapping maps parameters (lua, one constant script).
	filterMapping = "gw.mapping"
	// filterExtra holds a route's own chain of filters that have no per-route
	// configuration (filter_chain): other body limits, compression.
	filterExtra = "gw.extra"
	// filterRouter asks the backend.
	filterRouter = "envoy.filters.http.router"
)

// defaultMaxRequestBytes is Amazon's payload limit.
const defaultMaxRequestBytes = 10 << 20

// mappingScript is the program that carries out parameter mappings; what to map
// comes from the route.
//
//go:embed mapping.lua
var mappingScript string

// mappingScriptName is what routes call the script by.
const mappingScriptName = "mapping"

// httpFilters are the chain of a gateway.
func httpFilters(g *gateway.Gateway) []*hcmv3.HttpFilter {
	off := func(name string, config proto.Message) *hcmv3.HttpFilter {
		return &hcmv3.HttpFilter{
			Name:       name,
			Disabled:   true,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(config)},
		}
	}
	return []*hcmv3.HttpFilter{
		off(filterHeaders, &headermutationv3.HeaderMutation{}),
		off(filterResponses, &customresponsev3.CustomResponse{}),
		off(filterLimitHeaders, &luav3.Lua{
			SourceCodes:     map[string]*corev3.DataSource{limitHeadersScriptName: inlineString(limitHeadersScript)},
			ClearRouteCache: wrapperspb.Bool(false),
		}),
		off(filterServerName, &rbacv3.RBAC{}),
		off(filterCORS, &corsv3.Cors{}),
		off(filterBodyLimit, &bodysizev3.BodySizeLimit{MaxRequestBytes: wrapperspb.UInt64(defaultMaxRequestBytes)}),
		off(filterPolicyDeny, &rbacv3.RBAC{}),
		off(filterPolicy, &rbacv3.RBAC{}),
		discovered(filterTokens, &jwtv3.JwtAuthentication{}),
		off(filterClaims, &rbacv3.RBAC{}),
		discovered(filterAuthorization, &extauthzv3.ExtAuthz{}),
		discovered(filterKeys, &apikeyv3.ApiKeyAuth{}),
		// A route that does not say which plans refuses everybody.
		off(filterPlanKeys, refuseOtherPlans(nil)),
		off(filterPlans, &rbacv3.RBAC{}),
		off(filterSharedLimits, sharedLimits(g, false)),
		off(filterClosedLimits, sharedLimits(g, true)),
		discovered(filterPlanThrottles, &localratelimitv3.LocalRateLimit{}),
		off(filterLateSharedLimits, sharedLimits(g, false)),
		off(filterLateClosedLimits, sharedLimits(g, true)),
		off(filterReportedLimits, &filterchainv3.FilterChainConfig{}),
		off(filterLastSharedLimits, sharedLimits(g, false)),
		off(filterLastClosedLimits, sharedLimits(g, true)),
		off(filterKeptLimits, keptLimits(g)),
		discovered(filterStageThrottles, &localratelimitv3.LocalRateLimit{}),
		discovered(filterValidation, &extauthzv3.ExtAuthz{}),
		off(filterMapping, &luav3.Lua{
			SourceCodes: map[string]*corev3.DataSource{mappingScriptName: inlineString(mappingScript)},
			// The script changes :path; a new route match would skip the filters that
			// the first one enabled.
			ClearRouteCache: wrapperspb.Bool(false),
		}),
		off(filterExtra, &filterchainv3.FilterChainConfig{}),
		{Name: filterRouter, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(router())}},
	}
}

// router ends every chain.
func router() *routerv3.Router {
	return &routerv3.Router{
		SuppressEnvoyHeaders: true,
		// Per-request cluster counters cost five times what the whole chain of
		// switched-off filters does.
		DynamicStats: wrapperspb.Bool(false),
	}
}

// discovered is a filter, switched off, whose configuration comes by ECDS: it changes
// often, and a change of the listener would leave open connections with the old one.
func discovered(name string, config proto.Message) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name:     name,
		Disabled: true,
		ConfigType: &hcmv3.HttpFilter_ConfigDiscovery{ConfigDiscovery: &corev3.ExtensionConfigSource{
			ConfigSource: adsSource(),
			TypeUrls:     []string{anyOf(config).TypeUrl},
		}},
	}
}

// enabled switches a filter on for a route, with the route's own configuration or,
// for nil, with the listener's.
func enabled(config proto.Message) *anypb.Any {
	filter := &routev3.FilterConfig{Config: &anypb.Any{}}
	if config != nil {
		filter.Config = anyOf(config)
	}
	return anyOf(filter)
}

// readEnabled reads what enabled has written; false where there is nothing.
func readEnabled(packed *anypb.Any, config proto.Message) bool {
	filter := &routev3.FilterConfig{}
	return packed != nil && packed.UnmarshalTo(filter) == nil && filter.GetConfig().UnmarshalTo(config) == nil
}
