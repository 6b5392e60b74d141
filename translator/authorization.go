package translator

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// authorizationTimeout bounds a question to the authorization service. The service has
// its own, shorter ones, for the authorizers it calls.
const authorizationTimeout = 31 * time.Second

// authorize puts what the route asks of its callers, and how many requests it takes of
// them, into all of its Envoy routes,
// those that only refuse included: who may not call learns nothing else.
func (c *stageCompiler) authorize(r *parsedRoute, routes []*routev3.Route) {
	checks := c.checksOf(r)
	throttles := c.throttlesOf(r)
	limits := c.sharedLimitsOf(r)
	c.checkMock(r, &limits)
	reports := c.reportedLimitsOf(r)
	limits.tell(c.site.limitHeaders, throttles, reports)
	checks.throttled, checks.limited, checks.reported = throttles.any(), limits.any(), len(reports) > 0
	c.site.countsShared = c.site.countsShared || checks.limited || reports.limit()
	if checks == (routeChecks{}) {
		return
	}
	for _, route := range routes {
		c.letIn(r, checks, route)
		limits.askLimits(throttles, reports, route)
		if checks.reported {
			route.TypedPerFilterConfig[filterReportedLimits] = c.reportLimits(reports)
		}
		if checks.throttled {
			c.throttle(r, throttles, route)
		}
		c.tellLimits(throttles, &limits, reports, route)
		if checks.reported || checks.throttled {
			c.logRefusals(route)
		}
		if checks.key || checks.service {
			if route.GetRoute() != nil {
				// The integration service may know whose key it was.
				if c.api.Protocol != gateway.WebSocket && !c.servedByService(r) {
					route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, wire.KeyHeader)
				}
				if r.Authorization != nil && r.Authorization.Type == gateway.AuthorizationIAM {
					// A signature is for the gateway; the backend could only misuse it.
					route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, "authorization", "x-amz-security-token")
				}
			}
		}
	}
}

// letIn puts the checks of who calls into a route.
func (c *stageCompiler) letIn(r *parsedRoute, checks routeChecks, route *routev3.Route) {
	c.customRefusals(checks, route)
	if checks.policy != nil {
		checks.policy.enforce(route)
	}
	if checks.authorizer != nil {
		c.checkToken(r, checks.authorizer, route)
	}
	if checks.service {
		c.askService(r, route)
	}
	if checks.key {
		c.checkKey(r, route)
	}
	if c.site.telemetry && r.APIKeyRequired && (checks.key || checks.service) {
		route.TypedPerFilterConfig[filterLoggedKey] = enabled(nil)
	}
}

// routeChecks are what a route asks of its callers, by who checks it.
type routeChecks struct {
	// policy is the resource policy, when Envoy enforces it.
	policy *addressPolicy
	// authorizer has tokens that Envoy verifies.
	authorizer *gateway.Authorizer
	// service: the authorization service is asked.
	service bool
	// key: Envoy looks up the API key.
	key bool
	// throttled: Envoy counts the requests.
	throttled bool
	// limited: the rate limit service does. reported: it hears of it.
	limited, reported bool
}

func (c *stageCompiler) checksOf(r *parsedRoute) routeChecks {
	var checks routeChecks
	kind := ""
	if r.Authorization != nil {
		kind = r.Authorization.Type
	}
	switch kind {
	case gateway.AuthorizationJWT, gateway.AuthorizationUserPool:
		if checks.authorizer = c.deployment.Authorizer(r.Authorization.Authorizer); c.introspects(checks.authorizer) {
			// Only the issuer can tell, and Envoy does not ask.
			checks.authorizer, checks.service = nil, true
		}
	case gateway.AuthorizationLambda, gateway.AuthorizationIAM:
		// The policy and the authorizer decide together: both are the service's.
		checks.service = true
	}
	if c.deployment.Policy != "" && !checks.service {
		if checks.policy = c.addressPolicy(r); checks.policy == nil {
			checks.service = true
		}
	}
	if r.APIKeyRequired {
		if c.deployment.APIKeySource == gateway.APIKeyFromAuthorizer || !KeysInEnvoy(c.keyAccess) {
			checks.service = true
		} else {
			checks.key = true
		}
	}
	return checks
}

// introspects reports whether an authorizer's issuer is asked about its tokens.
func (c *stageCompiler) introspects(a *gateway.Authorizer) bool {
	if a == nil || !a.ChecksTokens() {
		return false
	}
	issuers, _ := c.snapshot.AuthorizerIssuers(a, c.variables) // Validate reports errors.
	return c.snapshot.Introspects(issuers)
}

// askService has the authorization service decide about a route's requests.
func (c *stageCompiler) askService(r *parsedRoute, route *routev3.Route) {
	about := c.aboutRoute(r)
	if route.TypedPerFilterConfig[filterTokens] != nil {
		about[wire.ContextToken] = "true"
	}
	settings := &extauthzv3.CheckSettings{ContextExtensions: about}
	c.asksService()
	if r.Authorization != nil && r.Authorization.Type == gateway.AuthorizationIAM {
		// The signature covers the body.
		settings.WithRequestBody = &extauthzv3.BufferSettings{MaxRequestBytes: defaultMaxRequestBytes, PackAsBytes: true}
	} else {
		settings.DisableRequestBodyBuffering = true
	}
	route.TypedPerFilterConfig[filterAuthorization] = enabled(&extauthzv3.ExtAuthzPerRoute{
		Override: &extauthzv3.ExtAuthzPerRoute_CheckSettings{CheckSettings: settings},
	})
}

// aboutRoute tells the authorization service which route it is asked about.
func (c *stageCompiler) aboutRoute(r *parsedRoute) map[string]string {
	about := map[string]string{
		wire.ContextAPI:   c.api.ID,
		wire.ContextStage: c.stage.Name,
		wire.ContextRoute: r.Key(),
		wire.ContextBase:  c.base,
	}
	if c.share != nil {
		about[wire.ContextCanary] = "true"
	}
	return about
}

// asksService notes that there has to be an authorization service.
func (c *stageCompiler) asksService() {
	c.site.asksControlPlane = c.site.asksControlPlane || !c.site.authorizationApart
}

// authorizationService is the filter that asks the authorization service. Without an
// answer nobody is let in.
//
// It comes by ECDS, so that open connections ask the right service, too, from their next
// request on. Routes could name the service as well, but then Envoy makes out anew with
// each request what it is to call: a quarter of all that a check costs it.
func authorizationService(g *gateway.Gateway, signers bool) *extauthzv3.ExtAuthz {
	service := serviceGRPC(g, authorizationTimeout)
	service.InitialMetadata = []*corev3.HeaderValue{told(g)}
	if signers {
		service.InitialMetadata = append(service.InitialMetadata, &corev3.HeaderValue{Key: wire.SignerHeader, Value: "%REQ(" + wire.SignerHeader + ")%"})
	}
	return &extauthzv3.ExtAuthz{
		Services:               &extauthzv3.ExtAuthz_GrpcService{GrpcService: service},
		TransportApiVersion:    corev3.ApiVersion_V3,
		StatusOnError:          &typev3.HttpStatus{Code: typev3.StatusCode_InternalServerError},
		ValidateMutations:      true,
		IncludePeerCertificate: true,
		IncludeTlsSession:      true,
		EncodeRawHeaders:       true,
		// For the routes that do not say otherwise. Envoy sends bodies as they are, not as
		// text with question marks in it, only if that is said here: a route's own setting
		// was seen to have no effect.
		WithRequestBody: &extauthzv3.BufferSettings{MaxRequestBytes: defaultMaxRequestBytes, PackAsBytes: true},
	}
}

// addServiceFilters adds the filters that ask the authorization service. signers: some
// requests tell who has signed for them.
func addServiceFilters(g *gateway.Gateway, signers bool, out *gatewayResources) {
	out.add(filterAuthorization, &corev3.TypedExtensionConfig{Name: filterAuthorization, TypedConfig: anyOf(authorizationService(g, signers))}, gateway.Position{})
	out.add(filterValidation, &corev3.TypedExtensionConfig{Name: filterValidation, TypedConfig: anyOf(validationService(g))}, gateway.Position{})
}

// serviceGRPC is how the authorization service is called, which is where the control
// plane is unless the gateway says otherwise.
func serviceGRPC(g *gateway.Gateway, timeout time.Duration) *corev3.GrpcService {
	cluster := wire.AuthorizationCluster
	if g.Services.Authorization != nil {
		cluster = wire.ApartAuthorizationCluster
	}
	service := &corev3.GrpcService{
		TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{
			ClusterName: cluster,
			// The service makes no use of x-forwarded-for and x-envoy-internal.
			SkipEnvoyHeaders: true,
		}},
		Timeout: durationpb.New(timeout),
	}
	if apart := g.Services.Authorization; apart != nil {
		return askedApart(service, apart)
	}
	return service
}
