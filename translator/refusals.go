package translator

import (
	"strconv"

	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	customresponsev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/custom_response/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// refusals are the gateway responses that callers get who are not let in, or not yet.
var refusals = []gateway.ResponseType{
	gateway.Unauthorized, gateway.AccessDenied, gateway.InvalidAPIKey, gateway.MissingAuthenticationToken,
	gateway.InvalidSignature, gateway.ExpiredToken, gateway.AuthorizerFailure, gateway.AuthorizerConfigurationError,
	gateway.Throttled, gateway.QuotaExceeded,
}

// serviceMessage is the message of a refusal by the authorization service.
const serviceMessage = "%DYNAMIC_METADATA(" + wire.AuthorizationMetadata + ":" + wire.AnswerMessage + ")%"

// customRefusals lays the API's own gateway responses over the refusals of a route's
// checks, beside what is customised there already.
func (c *stageCompiler) customRefusals(checks routeChecks, route *routev3.Route) {
	if !c.rest() {
		return
	}
	before := route.TypedPerFilterConfig[filterResponses]
	key := strconv.FormatBool(checks.policy != nil) + strconv.FormatBool(checks.service) + string(before.GetValue())
	config, known := c.refused[key]
	if !known {
		config = withMatchers(before, c.refusalMatchers(checks))
		if c.refused == nil {
			c.refused = map[string]*anypb.Any{}
		}
		c.refused[key] = config
	}
	if config != nil {
		route.TypedPerFilterConfig[filterResponses] = config
	}
}

// refusalMatchers are for the types that the API customises, and for what a resource
// policy refuses, whose message says who may not do what.
func (c *stageCompiler) refusalMatchers(checks routeChecks) []*matcherconfigv3.Matcher_MatcherList_FieldMatcher {
	var matchers []*matcherconfigv3.Matcher_MatcherList_FieldMatcher
	for _, t := range refusals {
		d := gateway.ResponseDefaults[t]
		ofPolicy := t == gateway.AccessDenied && checks.policy != nil
		if c.deployment.ResolveGatewayResponse(t) == nil && !ofPolicy {
			continue
		}
		message := ""
		switch {
		case ofPolicy:
			message = c.policyMessage(checks.policy)
		case checks.service && d.Message != "":
			message = serviceMessage
		}
		matchers = append(matchers, c.responseMatcher(t, message, isReply(t)))
	}
	return matchers
}

// withMatchers adds to a route's customised responses; nil when there is nothing to add.
func withMatchers(before *anypb.Any, more []*matcherconfigv3.Matcher_MatcherList_FieldMatcher) *anypb.Any {
	if len(more) == 0 {
		return before
	}
	var filter routev3.FilterConfig
	var config customresponsev3.CustomResponse
	if before != nil {
		if before.UnmarshalTo(&filter) != nil || filter.Config.UnmarshalTo(&config) != nil {
			panic("translator: customised responses of another type") // we made them
		}
		more = append(config.GetCustomResponseMatcher().GetMatcherList().GetMatchers(), more...)
	}
	return enabled(proto.Message(customResponse(more)))
}
