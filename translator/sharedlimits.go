package translator

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ratelimitconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/ratelimit/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ratelimit/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Quotas, and throttles that are shared, are kept by the rate limit service. About the
// hard ones Envoy asks it, about all of a request's at once; the others are in
// reportedlimits.go. A route says which there are; whose key it is, Envoy adds.

// sharedLimits is a filter that asks, closed one that lets nothing through when it gets
// no answer.
func sharedLimits(g *gateway.Gateway, closed bool) *ratelimitv3.RateLimit {
	metadata := wire.LimitMetadata
	if closed {
		metadata = wire.ClosedLimitMetadata
	}
	cluster := func(name string) *corev3.GrpcService {
		return &corev3.GrpcService{
			TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: name}},
		}
	}
	service := cluster(rateLimitCluster(g))
	if apart := g.Services.RateLimit; apart != nil {
		service = askedApart(service, apart)
	}
	return &ratelimitv3.RateLimit{
		Domain: wire.LimitDomain,
		// Behind it is the failure mode of each limit. The service waits for its store less
		// long than that.
		Timeout:         durationpb.New(gateway.HardLimitTimeout),
		FailureModeDeny: closed,
		RateLimitService: &ratelimitconfigv3.RateLimitServiceConfig{
			TransportApiVersion: corev3.ApiVersion_V3,
			GrpcService:         service,
		},
		DisableXEnvoyRatelimitedHeader: true,
		MetadataNamespace:              metadata,
	}
}

// rateLimitCluster is where Envoy reaches the rate limit service.
func rateLimitCluster(g *gateway.Gateway) string {
	if g.Services.RateLimit != nil {
		return wire.ApartRateLimitCluster
	}
	return wire.AuthorizationCluster
}

// routeLimits are the hard limits of a route's requests: ofKey those that a key has for
// itself, ofAll those of the route, the stage and the account.
type routeLimits struct{ ofKey, ofAll askedLimits }

func (l *routeLimits) any() bool { return l.ofKey.any() || l.ofAll.any() }

// askedLimits are asked about by what holds when the service does not answer.
type askedLimits struct{ open, closed []*routev3.RateLimit }

func (l *askedLimits) any() bool { return len(l.open)+len(l.closed) > 0 }

func (l *askedLimits) all() []*routev3.RateLimit { return slices.Concat(l.open, l.closed) }

func (l *askedLimits) add(mode gateway.FailureMode, actions ...*routev3.RateLimit_Action) {
	limit := &routev3.RateLimit{Actions: actions}
	if mode == gateway.FailClosed {
		l.closed = append(l.closed, limit)
	} else {
		l.open = append(l.open, limit)
	}
}

// sharedLimitsOf finds them, in the order in which Amazon applies them.
func (c *stageCompiler) sharedLimitsOf(r *parsedRoute) routeLimits {
	var found routeLimits
	api, stage := literalEntry(wire.LimitAPI, c.api.ID), literalEntry(wire.LimitStage, c.stage.Name)
	route := literalEntry(wire.LimitRoute, r.Key())
	kind := func(k string) *routev3.RateLimit_Action { return literalEntry(wire.LimitKind, k) }
	if r.APIKeyRequired && c.keyed() {
		var quotas, routes, plans hardPlans
		for _, p := range c.plansHere() {
			if q := p.Quota; q != nil && !reported(q.Hard, q.FailureMode) {
				quotas.add(p.id, q.FailureMode)
			}
			if t := asked(p.at.RouteThrottle(r.Key())); t != nil {
				routes.add(p.id, t.FailureMode)
			}
			if t := asked(p.Throttle); t != nil {
				plans.add(p.id, t.FailureMode)
			}
		}
		c.addHard(&found.ofKey, quotas, kind(wire.LimitQuota), keyEntry(), api, stage)
		c.addHard(&found.ofKey, routes, kind(wire.LimitKeyRoute), keyEntry(), api, stage, route)
		c.addHard(&found.ofKey, plans, kind(wire.LimitKeyPlan), keyEntry(), api, stage)
	}
	if t := asked(c.stage.RouteThrottle(r.Key())); t != nil {
		found.ofAll.add(t.FailureMode, kind(wire.LimitOfRoute), api, stage, route)
	}
	if t := asked(c.stage.Throttle); t != nil {
		found.ofAll.add(t.FailureMode, kind(wire.LimitOfStage), api, stage)
	}
	if t := asked(c.snapshot.Account.Throttle); t != nil {
		found.ofAll.add(t.FailureMode, kind(wire.LimitOfAccount))
	}
	return found
}

// hardPlans are the ids of usage plans that have a hard limit of a kind, by what holds when
// the service does not answer.
type hardPlans struct{ open, closed []string }

func (p *hardPlans) add(id string, mode gateway.FailureMode) {
	if mode == gateway.FailClosed {
		p.closed = append(p.closed, id)
	} else {
		p.open = append(p.open, id)
	}
}

// addHard has the service asked about a limit of keys. Envoy tells only whether there is one:
// of several plans that have it, the service sees by itself which the key is in. Envoy would
// look for one after the other, for each request.
func (c *stageCompiler) addHard(found *askedLimits, plans hardPlans, entries ...*routev3.RateLimit_Action) {
	for mode, ids := range map[gateway.FailureMode][]string{gateway.FailOpen: plans.open, gateway.FailClosed: plans.closed} {
		var which []*routev3.RateLimit_Action
		switch len(ids) {
		case 0:
			continue
		case 1:
			which = append(which, planEntry(wire.LimitPlan, ids[0], tagHas(ids[0])))
		case c.plansOfStage():
			// No key of another plan gets here.
		default:
			which = append(which, planEntry(wire.LimitPlans, wire.SomePlan, tagHasOneOf(ids)))
		}
		found.add(mode, slices.Concat(entries[:1], which, entries[1:])...)
	}
}

// checkMock tells of limits that nobody counts: Envoy's filter passes routes over that it
// answers by itself.
func (c *stageCompiler) checkMock(r *parsedRoute, limits *routeLimits) {
	if !limits.any() || r.Integration == nil || r.Integration.Type != gateway.IntegrationMock {
		return
	}
	const hint = "give it an integration that asks a backend, or make the limit local"
	if r.APIKeyRequired {
		c.errorf("unsupported-mock-limit", r.Source, hint, "the quota, or the shared throttle, of %s would not be enforced: it is a MOCK", r.Key())
		return
	}
	c.warnf("unsupported-mock-limit", r.Source, hint, "%s is a MOCK: it does not count for shared throttles", r.Key())
}

// shared is a throttle that the rate limit service keeps, or nil.
func shared(t *gateway.Throttle) *gateway.Throttle {
	if t == nil || !t.Shared {
		return nil
	}
	return t
}

// asked is a throttle that the rate limit service is asked about, or nil.
func asked(t *gateway.Throttle) *gateway.Throttle {
	if shared(t) == nil || reported(t.Hard, t.FailureMode) {
		return nil
	}
	return t
}

// askLimits has Envoy ask the service, behind the checks of who calls. A key's buckets that
// Envoy keeps for itself are asked before, so that what they refuse uses no quota. Those
// that are in place of the service's limits, while it does not answer, are asked after:
// the service knows more to tell.
func (l *routeLimits) askLimits(throttles routeThrottles, reports reportedLimits, route *routev3.Route) {
	first, last := l.ofKey, l.ofAll
	if l.atOnce(reports) {
		first, last = askedLimits{slices.Concat(first.open, last.open), slices.Concat(first.closed, last.closed)}, askedLimits{}
	}
	shared, closed := filterSharedLimits, filterClosedLimits
	if throttles.ownPlans {
		shared, closed = filterLateSharedLimits, filterLateClosedLimits
	}
	for filter, limits := range map[string][]*routev3.RateLimit{
		shared: first.open, closed: first.closed, filterLastSharedLimits: last.open, filterLastClosedLimits: last.closed,
	} {
		if len(limits) > 0 {
			route.TypedPerFilterConfig[filter] = enabled(&ratelimitv3.RateLimitPerRoute{RateLimits: limits})
		}
	}
}

// atOnce reports whether one question is about all limits of a request: then what one of them
// refuses is given back to the others. Else those that all callers share are asked about when
// nothing is left that is the key's own and may refuse: neither a limit that is reported, nor
// one that another question is about. A key that is over its quota must not use up what is
// everybody's.
func (l *routeLimits) atOnce(reports reportedLimits) bool {
	reported := slices.ContainsFunc(reports, func(level reportedLimit) bool {
		return slices.ContainsFunc(level.buckets, func(b reportedBucket) bool { return b.keyed && !b.usage })
	})
	apart := len(l.ofKey.open) > 0 && len(l.ofAll.closed) > 0 || len(l.ofKey.closed) > 0 && len(l.ofAll.open) > 0
	return !reported && !apart
}

func literalEntry(key, value string) *routev3.RateLimit_Action {
	return &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_GenericKey_{
		GenericKey: &routev3.RateLimit_Action_GenericKey{DescriptorKey: key, DescriptorValue: value},
	}}
}

// planEntry is there only for keys of a plan; without it there is no descriptor.
func planEntry(key, value string, tag *envoymatcherv3.StringMatcher) *routev3.RateLimit_Action {
	return &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_HeaderValueMatch_{
		HeaderValueMatch: &routev3.RateLimit_Action_HeaderValueMatch{
			DescriptorKey: key, DescriptorValue: value, ExpectMatch: wrapperspb.Bool(true),
			Headers: []*routev3.HeaderMatcher{{
				Name: wire.KeyHeader, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: tag},
			}},
		},
	}}
}

func keyEntry() *routev3.RateLimit_Action {
	return &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_RequestHeaders_{
		RequestHeaders: &routev3.RateLimit_Action_RequestHeaders{HeaderName: wire.KeyHeader, DescriptorKey: wire.LimitKey},
	}}
}
