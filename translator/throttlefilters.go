package translator

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	commonratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	localratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Two filters keep the buckets of a gateway's local throttles: one those of usage plans,
// the other those of routes, stages and the account. Their configuration is made of
// classes, and of nothing that belongs to a route or a plan: Envoy forgets all buckets of a
// filter when its configuration changes, and must not do so whenever an API does.
//
// A filter makes a descriptor of each of its rate limits whose parts a request all has,
// and takes a token from the bucket of each descriptor: of that which fills slowest
// first, then in the order of the list. The first that has none refuses.

// throttleAccount is the key of the account's bucket, and in a route's metadata that
// there is one.
const throttleAccount = "account"

// throttleClasses are the classes that a gateway's routes may name.
type throttleClasses struct {
	account        *bucketClass
	stages, routes map[bucketClass]bool
	// plans are of usage plans for all their routes, planRoutes for single ones.
	plans      map[planClass]bool
	planRoutes map[bucketClass]bool
	// stoppedPlans tells that a usage plan has a limit that lets nothing through, stopped
	// that something else has one.
	stoppedPlans, stopped bool
	// places is how many routes have a bucket, keyPlaces how many buckets keys may have.
	places, keyPlaces int
}

// classesOf collects them from the APIs that the gateway serves.
func classesOf(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess) *throttleClasses {
	c := &throttleClasses{
		stages: map[bucketClass]bool{}, routes: map[bucketClass]bool{},
		plans: map[planClass]bool{}, planRoutes: map[bucketClass]bool{},
	}
	switch class, keeps := bucketOf(s.Account.Throttle); keeps {
	case noToken:
		c.stopped = true
	case aBucket:
		c.account = &class
	}
	served := map[string]*gateway.API{}
	for i := range s.APIs {
		if api := &s.APIs[i]; servedBy(g, api) {
			served[api.ID] = api
			for j := range api.Stages {
				c.addStage(&api.Stages[j])
			}
		}
	}
	for i := range s.UsagePlans {
		c.addPlan(s, &s.UsagePlans[i], access, served)
	}
	return c
}

func (c *throttleClasses) addStage(stage *gateway.Stage) {
	add := func(t *gateway.Throttle, classes map[bucketClass]bool) {
		switch class, keeps := bucketOf(t); keeps {
		case noToken:
			c.stopped = true
		case aBucket:
			classes[class] = true
			c.places++
		}
	}
	add(stage.Throttle, c.stages)
	for _, d := range stage.Deployments() {
		for i := range d.Routes {
			add(stage.RouteThrottle(d.Routes[i].Key()), c.routes)
		}
	}
}

func (c *throttleClasses) addPlan(s *gateway.Snapshot, plan *gateway.UsagePlan, access *gateway.KeyAccess, served map[string]*gateway.API) {
	buckets := 0
	add := func(t *gateway.Throttle, limit func(bucketClass)) {
		switch class, keeps := bucketOf(t); keeps {
		case noToken:
			c.stoppedPlans = true
		case aBucket:
			limit(class)
			buckets++
		}
	}
	reached := false
	for i := range plan.Stages {
		at := &plan.Stages[i]
		if served[at.API] == nil {
			continue
		}
		reached = true
		for j := range at.Routes {
			add(&at.Routes[j].Throttle, func(class bucketClass) { c.planRoutes[class] = true })
		}
	}
	if reached {
		add(plan.Throttle, func(class bucketClass) { c.plans[planClass{class, access.Twin(plan.ID())}] = true })
		c.keyPlaces += buckets * len(s.PlanKeys(plan))
	}
}

// addThrottleFilters makes the configurations of both filters.
func addThrottleFilters(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess, out *gatewayResources) {
	classes := classesOf(s, g, access)
	for name, config := range map[string]*localratelimitv3.LocalRateLimit{
		filterPlanThrottles:  classes.planFilter(),
		filterStageThrottles: classes.stageFilter(g.LimitHeaders.Numbers()),
	} {
		config.EnableRetryAfterHeader = g.LimitHeaders.RetryAfter
		if g.LimitHeaders.Numbers() {
			config.EnableXRatelimitHeaders = commonratelimitv3.XRateLimitHeadersRFCVersion_DRAFT_VERSION_03
		}
		if g.AccessLog != nil {
			config.ResponseHeadersToAdd = loggedRefusal(gateway.Throttled, "")
		}
		out.add(name, &corev3.TypedExtensionConfig{Name: name, TypedConfig: anyOf(config)}, g.Source)
	}
}

// stageFilter has the buckets of routes, stages and the account. loud tells that it puts
// headers about them into responses, except on routes where those of plans are there.
func (c *throttleClasses) stageFilter(loud bool) *localratelimitv3.LocalRateLimit {
	f := throttleFilter("throttle_stages", c.places)
	limit := func(keys ...string) {
		var open, quiet []*routev3.RateLimit_Action
		for _, key := range keys {
			open, quiet = append(open, ofRoute(key, key)), append(quiet, ofRoute(key, throttleQuiet, key))
		}
		f.RateLimits = append(f.RateLimits, rateLimit(open...))
		if loud {
			f.RateLimits = append(f.RateLimits, &routev3.RateLimit{Actions: quiet, XRatelimitOption: routev3.RateLimit_OFF})
		}
	}
	if c.stopped {
		f.RateLimits = append(f.RateLimits, stopping(ofRoute(throttleStopped, throttleStopped)))
		f.Descriptors = append(f.Descriptors, stopped(entry(throttleStopped, "true")))
	}
	if len(c.routes) > 0 {
		limit(throttleRouteClass, throttleRoute)
		for _, class := range sorted(c.routes) {
			f.Descriptors = append(f.Descriptors, bucketsOf(class, entry(throttleRouteClass, class.String()), each(throttleRoute)))
		}
	}
	if len(c.stages) > 0 {
		limit(throttleStageClass, throttleStage)
		for _, class := range sorted(c.stages) {
			f.Descriptors = append(f.Descriptors, bucketsOf(class, entry(throttleStageClass, class.String()), each(throttleStage)))
		}
	}
	if c.account != nil {
		limit(throttleAccount)
		f.Descriptors = append(f.Descriptors, bucketsOf(*c.account, entry(throttleAccount, "true")))
	}
	return f
}

// planFilter has a bucket for each key: of its plan, and of each route that the plan
// has a throttle for. Of the places that may say which class that is, a request has one.
func (c *throttleClasses) planFilter() *localratelimitv3.LocalRateLimit {
	const class, key = "class", "key"
	f := throttleFilter("throttle_plans", c.keyPlaces)
	ofPlan := func(key string) []*routev3.RateLimit_Action {
		return []*routev3.RateLimit_Action{ofRoute(key, throttlePlanClass), ofRequest(key, letInBy())}
	}
	ofPlanRoute := func(key string) []*routev3.RateLimit_Action {
		return []*routev3.RateLimit_Action{ofRoute(key, throttlePlanRouteClass), ofRequest(key, toldBy())}
	}
	if c.stoppedPlans {
		for _, class := range slices.Concat(ofPlanRoute(throttleStopped), ofPlan(throttleStopped)) {
			f.RateLimits = append(f.RateLimits, stopping(class))
		}
		f.Descriptors = append(f.Descriptors, stopped(entry(throttleStopped, planStopped)))
	}
	theKey := &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_RequestHeaders_{
		RequestHeaders: &routev3.RateLimit_Action_RequestHeaders{HeaderName: wire.KeyHeader, DescriptorKey: key},
	}}
	if len(c.planRoutes) > 0 {
		for _, class := range ofPlanRoute(class) {
			f.RateLimits = append(f.RateLimits, rateLimit(class, ofRoute(throttleRoute, throttleRoute), theKey))
		}
	}
	for _, of := range sorted(c.planRoutes) {
		f.Descriptors = append(f.Descriptors, bucketsOf(of, entry(class, of.String()), each(throttleRoute), each(key)))
	}
	if len(c.plans) > 0 {
		for _, class := range ofPlan(class) {
			f.RateLimits = append(f.RateLimits, rateLimit(class, theKey))
		}
	}
	for _, of := range slices.SortedFunc(maps.Keys(c.plans), func(a, b planClass) int {
		return cmp.Or(compareClasses(a.bucketClass, b.bucketClass), cmp.Compare(a.twin, b.twin))
	}) {
		f.Descriptors = append(f.Descriptors, bucketsOf(of.bucketClass, entry(class, of.String()), each(key)))
	}
	return f
}

// throttleFilter begins a filter that keeps up to so many buckets at the same time.
func throttleFilter(stats string, live int) *localratelimitv3.LocalRateLimit {
	always := &corev3.RuntimeFractionalPercent{DefaultValue: &typev3.FractionalPercent{Numerator: 100}}
	return &localratelimitv3.LocalRateLimit{
		StatPrefix:                      stats,
		FilterEnabled:                   always,
		FilterEnforced:                  always,
		AlwaysConsumeDefaultTokenBucket: wrapperspb.Bool(false),
		MaxDynamicDescriptors:           uint32Value(room(live)),
	}
}

// leastRoom is for how many buckets of a class there is room in any case: few gateways
// have more, so that the number, which is part of the configuration, seldom changes.
const leastRoom = 1 << 14

// room is how many buckets of a class Envoy is to keep. It forgets the oldest beyond
// that, which then begin full again; so it is twice what there can be, for those that
// an edit has left behind.
func room(live int) uint32 {
	return uint32(min(max(leastRoom, 1<<bits.Len(uint(live*2))), 1<<30))
}

func rateLimit(actions ...*routev3.RateLimit_Action) *routev3.RateLimit {
	return &routev3.RateLimit{Actions: actions}
}

// stopping asks for more tokens than the bucket of stopped holds.
func stopping(actions ...*routev3.RateLimit_Action) *routev3.RateLimit {
	return &routev3.RateLimit{Actions: actions, HitsAddend: &routev3.RateLimit_HitsAddend{Number: wrapperspb.UInt64(2)}}
}

// stopped is a bucket that fills slower than any, so that it is asked before all others.
func stopped(entries ...*commonratelimitv3.RateLimitDescriptor_Entry) *commonratelimitv3.LocalRateLimitDescriptor {
	return bucketsOf(bucketClass{rate: 1.0 / longestFill, burst: 1}, entries...)
}

// ofRoute takes a descriptor's entry from the route's metadata; a route that has it not
// has no such descriptor.
func ofRoute(key string, path ...string) *routev3.RateLimit_Action {
	at := &metadatav3.MetadataKey{Key: wire.ThrottleNamespace}
	for _, part := range path {
		at.Path = append(at.Path, &metadatav3.MetadataKey_PathSegment{Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: part}})
	}
	return &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_Metadata{Metadata: &routev3.RateLimit_Action_MetaData{
		DescriptorKey: key, MetadataKey: at, Source: routev3.RateLimit_Action_MetaData_ROUTE_ENTRY,
	}}}
}

// ofRequest takes an entry from what filterPlans has found out about the caller.
func ofRequest(key string, at *metadatav3.MetadataKey) *routev3.RateLimit_Action {
	return &routev3.RateLimit_Action{ActionSpecifier: &routev3.RateLimit_Action_Metadata{Metadata: &routev3.RateLimit_Action_MetaData{
		DescriptorKey: key, MetadataKey: at, Source: routev3.RateLimit_Action_MetaData_DYNAMIC,
	}}}
}

// bucketsOf a class are: one, or one for each combination of values of the entries that
// leave theirs open.
func bucketsOf(class bucketClass, entries ...*commonratelimitv3.RateLimitDescriptor_Entry) *commonratelimitv3.LocalRateLimitDescriptor {
	return &commonratelimitv3.LocalRateLimitDescriptor{Entries: entries, TokenBucket: class.tokenBucket()}
}

func entry(key, value string) *commonratelimitv3.RateLimitDescriptor_Entry {
	return &commonratelimitv3.RateLimitDescriptor_Entry{Key: key, Value: value}
}

func each(key string) *commonratelimitv3.RateLimitDescriptor_Entry { return entry(key, "") }

func sorted(classes map[bucketClass]bool) []bucketClass {
	return slices.SortedFunc(maps.Keys(classes), compareClasses)
}

func compareClasses(a, b bucketClass) int {
	return cmp.Or(cmp.Compare(a.rate, b.rate), cmp.Compare(a.burst, b.burst))
}
