package translator

import (
	"time"

	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// validationTimeout bounds a question about a body. The largest takes a few seconds,
// under load.
const validationTimeout = 15 * time.Second

// validationSilent is the status that local replies know the silence of the service by,
// when it was asked about a body: the details say the same as when it was asked about a
// caller.
const validationSilent = typev3.StatusCode_ServiceUnavailable

// validationService is the filter that asks the authorization service about bodies. It
// stands behind the limits: what a caller may not send any more, nobody has to read.
// Without an answer nothing is let through. Like the filter that asks about callers it
// comes by ECDS.
func validationService(g *gateway.Gateway) *extauthzv3.ExtAuthz {
	headers := &envoymatcherv3.ListStringMatcher{}
	for _, name := range []string{"content-type", "content-encoding", "content-length", "x-request-id"} {
		headers.Patterns = append(headers.Patterns, &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Exact{Exact: name}})
	}
	return &extauthzv3.ExtAuthz{
		Services:            &extauthzv3.ExtAuthz_GrpcService{GrpcService: serviceGRPC(g, validationTimeout)},
		TransportApiVersion: corev3.ApiVersion_V3,
		StatusOnError:       &typev3.HttpStatus{Code: validationSilent},
		EncodeRawHeaders:    true,
		// The routes say how large a body may be; that it is to be sent as it is Envoy reads
		// here only.
		WithRequestBody: &extauthzv3.BufferSettings{MaxRequestBytes: defaultMaxRequestBytes, PackAsBytes: true},
		// What the service needs to know of the rest of the request is little.
		AllowedHeaders: headers,
	}
}

// validateBodies has the authorization service look at the bodies of a route's requests,
// where the method's validator asks for that and there is a model.
func (c *stageCompiler) validateBodies(r *parsedRoute, routes []*routev3.Route) {
	if len(c.deployment.BodyModels(r.Route)) == 0 {
		return
	}
	c.asksService()
	settings := &extauthzv3.CheckSettings{
		ContextExtensions: c.aboutRoute(r),
		WithRequestBody:   &extauthzv3.BufferSettings{MaxRequestBytes: uint32(c.bodyLimit(r)), PackAsBytes: true},
	}
	settings.ContextExtensions[wire.ContextCheck] = wire.CheckBody
	config := enabled(&extauthzv3.ExtAuthzPerRoute{Override: &extauthzv3.ExtAuthzPerRoute_CheckSettings{CheckSettings: settings}})
	for _, route := range routes {
		route.TypedPerFilterConfig[filterValidation] = config
	}
}

// bodyLimit is how many bytes a body that is validated may have.
func (c *stageCompiler) bodyLimit(r *parsedRoute) int64 {
	most := r.settings.MaxRequestBytes
	switch {
	case most == nil:
		return defaultMaxRequestBytes
	case *most == 0 || *most > defaultMaxRequestBytes:
		c.warnf("limited-body", r.settings.Source, "", "the body of %s is validated, and may have %d bytes at most whatever maxRequestBytes says", r.Key(), defaultMaxRequestBytes)
		return defaultMaxRequestBytes
	}
	return *most
}

// customBodyRefusals lays the API's own gateway response over the refusals of bodies,
// beside what is customised there already. Routes that lack a parameter answer with the
// same status and exception, and do not get here.
func (c *stageCompiler) customBodyRefusals(routes []*routev3.Route) {
	if c.deployment.ResolveGatewayResponse(gateway.BadRequestBody) == nil {
		return
	}
	for _, route := range routes {
		if route.TypedPerFilterConfig[filterValidation] == nil {
			continue
		}
		before := route.TypedPerFilterConfig[filterResponses]
		key := "body" + string(before.GetValue())
		config, known := c.refused[key]
		if !known {
			config = withMatchers(before, []*matcherconfigv3.Matcher_MatcherList_FieldMatcher{
				c.responseMatcher(gateway.BadRequestBody, "", isReply(gateway.BadRequestBody)),
			})
			if c.refused == nil {
				c.refused = map[string]*anypb.Any{}
			}
			c.refused[key] = config
		}
		route.TypedPerFilterConfig[filterResponses] = config
	}
}

// validationDetail says what is wrong with a body, as it stands inside of a JSON string.
const validationDetail = "%DYNAMIC_METADATA(" + wire.AuthorizationMetadata + ":" + wire.AnswerDetail + ")%"
