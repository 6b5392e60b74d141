package translator

import (
	"slices"
	"strings"
	"time"

	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// What Envoy cannot do behind a route, the integration service does: a cluster like any
// other, which gets the request as it came. Headers of ours say which route it is, and
// what was found out about the caller; clients' own of such names are long gone.

// servedByService reports whether the integration service serves a route.
func (c *stageCompiler) servedByService(r *parsedRoute) bool { return c.stage.NeedsService(r.Route) }

// checkServed looks at a route that the integration service serves.
func (c *stageCompiler) checkServed(r *parsedRoute) {
	if t := r.Integration.Type; t == gateway.IntegrationHTTP || t == gateway.IntegrationHTTPProxy {
		c.checkPlaceholders(r)
	}
	failing := failingTargets
	if t := r.Integration.Type; t == gateway.IntegrationAWS || t == gateway.IntegrationAWSProxy {
		failing = failingFunctionTargets
	}
	for _, m := range r.Integration.RequestParameters {
		name, ok := strings.CutPrefix(strings.ToLower(m.Target), "integration.request.header.")
		if ok && slices.Contains(failing, name) {
			c.errorf("forbidden-mapping", m.Pos, "", "the header %s cannot be mapped; on Amazon API Gateway every request would fail", name)
		}
	}
}

// failingFunctionTargets are failingTargets, and those that fail besides where a function
// is called, though its mappings have no other effect.
var failingFunctionTargets = append([]string{"authorization", "connection", "expect", "proxy-authenticate", "te"}, failingTargets...)

// clientFormat is the value of wire.ClientHeader.
const clientFormat = "%START_TIME(%s%3f)% %PROTOCOL% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"

// toService leads a route to a cluster of the integration service: the one where the control
// plane is, or that of a service apart.
func (c *stageCompiler) toService(route *routev3.Route, here, apart string, timeout *durationpb.Duration) *routev3.RouteAction {
	action := &routev3.RouteAction{
		ClusterSpecifier:            &routev3.RouteAction_Cluster{Cluster: here},
		ClusterNotFoundResponseCode: routev3.RouteAction_SERVICE_UNAVAILABLE,
		Timeout:                     timeout,
	}
	if c.site.integrationApart {
		action.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: apart}
		action.RetryPolicy = anotherProcess()
	} else {
		c.site.integratesThere = true
	}
	route.Action = &routev3.Route_Route{Route: action}
	return action
}

// integrated sends a route to the integration service.
func (c *stageCompiler) integrated(r *parsedRoute, match *routev3.RouteMatch) *routev3.Route {
	route := c.newRoute(r.Key(), match)
	action := c.toService(route, wire.IntegrationCluster, wire.ApartIntegrationCluster, c.timeout(r))
	action.IdleTimeout = c.silence(r)
	route.RequestHeadersToAdd = c.serviceHeaders(r)
	if c.rest() && c.site.namesNetworks {
		tellNetworks(route)
	}
	if _, exact := match.PathSpecifier.(*routev3.RouteMatch_Path); !exact {
		route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, setHeader(wire.PathHeader, "%REQ(:PATH)%"))
		action.PathRewrite = "/"
	}
	if c.served == nil {
		c.served = &servedReplies{}
		if config := c.serviceReplies(); config != nil {
			c.served.config = enabled(config)
		}
	}
	if c.served.config != nil {
		route.TypedPerFilterConfig[filterResponses] = c.served.config
	}
	c.answerCORS(route)

	var extra []extraFilter
	c.compress(r.Integration, &extra)
	c.askIntegration(r, route, &extra)
	// Behind decompression: the limit is for what the service gets.
	c.limitBody(r, route, &extra)
	setExtra(route, extra)
	return route
}

// anotherProcess has a request that has reached no process tried with another. What has
// reached one may have done its work.
func anotherProcess() *routev3.RetryPolicy {
	return &routev3.RetryPolicy{
		RetryOn: "connect-failure,refused-stream", NumRetries: uint32Value(serviceRetries),
		RetryBackOff: &routev3.RetryPolicy_RetryBackOff{BaseInterval: durationpb.New(5 * time.Millisecond), MaxInterval: durationpb.New(50 * time.Millisecond)},
		RetryHostPredicate: []*routev3.RetryPolicy_RetryHostPredicate{{
			Name:       "envoy.retry_host_predicates.previous_hosts",
			ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: anyOf(&previoushostsv3.PreviousHostsPredicate{})},
		}},
		HostSelectionRetryMaxAttempts: 5,
	}
}

// serviceHeaders tell the integration service which route it is, and what is known of the
// client.
func (c *stageCompiler) serviceHeaders(r *parsedRoute) []*corev3.HeaderValueOption {
	id := wire.RouteIdentity{API: c.api.ID, Stage: c.stage.Name, Canary: c.share != nil, Base: c.base, Route: r.Key()}
	return append([]*corev3.HeaderValueOption{
		setHeader(wire.RouteHeader, formatLiteral(id.String())),
		setHeader(wire.ClientHeader, clientFormat),
	}, c.callerHeaders(r)...)
}

// callerHeaders tell what the checks of a route have found out about the caller.
func (c *stageCompiler) callerHeaders(r *parsedRoute) []*corev3.HeaderValueOption {
	var headers []*corev3.HeaderValueOption
	tell := func(header string, keys ...string) {
		headers = append(headers, setHeader(header, "%DYNAMIC_METADATA("+strings.Join(keys, ":")+")%"))
	}
	if r.Authorization != nil {
		switch r.Authorization.Type {
		case gateway.AuthorizationLambda:
			tell(wire.AuthorizerHeader, wire.AuthorizationMetadata, wire.AnswerAuthorizer)
			if c.api.Protocol == gateway.HTTP && r.Integration.PayloadFormatVersion == "2.0" {
				tell(wire.TypedHeader, wire.AuthorizationMetadata, wire.AnswerTyped)
			}
		case gateway.AuthorizationIAM:
			tell(wire.IdentityHeader, wire.AuthorizationMetadata, wire.AnswerIdentity)
			if cache := c.stage.RouteCache(r.Route); cache != nil && cache.RequireAuthorization {
				tell(wire.InvalidateHeader, wire.AuthorizationMetadata, wire.AnswerInvalidate)
			}
		case gateway.AuthorizationJWT, gateway.AuthorizationUserPool:
			if c.claimsOfService(r) {
				tell(wire.ClaimsHeader, wire.AuthorizationMetadata, wire.AnswerClaims)
			} else {
				tell(wire.ClaimsHeader, filterTokens, tokenMetadata)
			}
		}
	}
	if c.site.mutualTLS {
		headers = append(headers, setHeader(wire.CertificateHeader, "%DOWNSTREAM_PEER_CERT%"))
	}
	return headers
}

// serviceResponses are the gateway responses that the integration service gives.
var serviceResponses = []gateway.ResponseType{
	gateway.IntegrationFailure, gateway.IntegrationTimeout, gateway.APIConfigurationError, gateway.RequestTooLarge, gateway.BadRequestBody,
	gateway.UnsupportedMediaType,
}

// servedReplies is what serviceReplies gives, made once: no config for nil.
type servedReplies struct{ config *anypb.Any }

// serviceReplies puts the API's own gateway responses in the place of those that the
// service gives, besides Envoy's own; nil when it customises none.
func (c *stageCompiler) serviceReplies() proto.Message {
	if !c.rest() {
		return nil
	}
	var matchers []*matcherconfigv3.Matcher_MatcherList_FieldMatcher
	responses := serviceResponses
	if c.stage.Cache != nil {
		// Who may not invalidate the cache is refused there.
		responses = append(slices.Clip(responses), gateway.AccessDenied)
	}
	for _, t := range responses {
		if c.deployment.ResolveGatewayResponse(t) != nil {
			matchers = append(matchers, c.responseMatcher(t, "", marked(string(t))))
		}
	}
	if custom := c.deployment.GatewayResponse(gateway.Default5XX); custom != nil {
		builtIn := gateway.ResponseDefaults[gateway.IntegrationFailure]
		for _, own := range []struct {
			mark, errorType, message string
			status                   uint32
		}{
			{wire.ReplyMalformed, builtIn.ErrorType, builtIn.Message, 502},
			{wire.ReplyOverloaded, "ServiceUnavailableException", "Service Unavailable", 503},
		} {
			reply := gatewayReply{status: own.status, contentType: jsonType, headers: []*corev3.HeaderValueOption{setHeader(errorTypeHeader, own.errorType)}}
			c.customise(&reply, custom, gateway.Default5XX, formatLiteral(own.message))
			matchers = append(matchers, c.replyMatcher(gateway.Default5XX, reply, marked(own.mark)))
		}
	}
	return customResponse(append(matchers, c.runtimeMatchers()...))
}

// integrationHealth asks the integration service whether it is well.
func integrationHealth() *corev3.HealthCheck {
	check := serviceCheck()
	check.HealthChecker = &corev3.HealthCheck_HttpHealthCheck_{HttpHealthCheck: &corev3.HealthCheck_HttpHealthCheck{
		Path: wire.IntegrationHealthPath, CodecClientType: typev3.CodecClientType_HTTP2,
	}}
	return check
}
