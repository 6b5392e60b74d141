package translator

import (
	"maps"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Throttles that each Envoy keeps by itself are token buckets of two filters
// (throttlefilters.go). A route says in its metadata which buckets its requests take a
// token from, and the class of each.

// Keys of a route's metadata in wire.ThrottleNamespace.
const (
	// throttleStage and throttleRoute name the stage and the route, as no other has it.
	throttleStage = "stage"
	throttleRoute = "route"
	// Classes of the buckets of the stage and of the route.
	throttleStageClass = "stageClass"
	throttleRouteClass = "routeClass"
	// throttlePlanClass and throttlePlanRouteClass are the classes of the buckets that each
	// key has for all routes of its usage plan, and for this one, where these are the same in
	// all plans of the stage (keyClasses).
	throttlePlanClass      = "planClass"
	throttlePlanRouteClass = "planRouteClass"
	// throttleStopped has a value where nothing gets through.
	throttleStopped = "stopped"
	// throttleQuiet is an object like this one, of which the filter of stages says nothing
	// in headers: those of the usage plan's limits are in their place.
	throttleQuiet = "quiet"
)

// routeThrottles are the buckets of a route's requests.
type routeThrottles struct {
	// stages are fields for the filter of stages, plans for that of usage plans: classes.
	stages, plans map[string]*structpb.Value
	// keys are the classes of buckets that keys may have.
	keys keyClasses
	// ownStages and ownPlans tell that there is one among them which is not only in place
	// of a shared limit while the service does not answer.
	ownStages, ownPlans bool
}

func (t routeThrottles) any() bool { return len(t.stages) > 0 || t.ofKeys() }

// ofKeys reports whether a key may have buckets.
func (t routeThrottles) ofKeys() bool { return t.keys.any() }

// backup reports whether those that clients are told of are all in place of shared limits.
func (t routeThrottles) backup() bool {
	if t.ofKeys() {
		return !t.ownPlans
	}
	return !t.ownStages
}

// throttlesOf finds what bounds a route's requests.
func (c *stageCompiler) throttlesOf(r *parsedRoute) routeThrottles {
	found := routeThrottles{stages: map[string]*structpb.Value{}}
	add := func(t *gateway.Throttle, key string) {
		class, keeps := bucketOf(t)
		switch keeps {
		case noToken:
			found.stages[throttleStopped] = structpb.NewStringValue("true")
		case aBucket:
			found.stages[key] = structpb.NewStringValue(class.String())
		}
		found.ownStages = found.ownStages || keeps != noBucket && !t.Shared
	}
	add(c.stage.RouteThrottle(r.Key()), throttleRouteClass)
	add(c.stage.Throttle, throttleStageClass)
	if mark := accountMark(c.snapshot); mark != "" {
		found.stages[mark] = structpb.NewStringValue("true")
		found.ownStages = found.ownStages || !c.snapshot.Account.Throttle.Shared
	}
	if r.APIKeyRequired && c.keyed() {
		c.addPlanThrottles(r, &found)
	}
	return found
}

// addPlanThrottles finds those of the usage plans that have the stage.
func (c *stageCompiler) addPlanThrottles(r *parsedRoute, found *routeThrottles) {
	own := func(t *gateway.Throttle) bool { return t != nil && !t.Shared }
	for _, p := range c.plansHere() {
		found.ownPlans = found.ownPlans || own(p.Throttle) || own(p.at.RouteThrottle(r.Key()))
	}
	found.keys = c.keyClassesOf(r)
	if found.keys.told() {
		return
	}
	found.plans = map[string]*structpb.Value{}
	for key, classes := range map[string]map[string][]string{throttlePlanClass: found.keys.ofPlans, throttlePlanRouteClass: found.keys.ofRoute} {
		if class, limits := only(classes); limits {
			found.plans[key] = structpb.NewStringValue(class)
		}
	}
}

// throttle has Envoy count a route's requests, behind the checks of who calls.
func (c *stageCompiler) throttle(r *parsedRoute, throttles routeThrottles, route *routev3.Route) {
	stage := c.api.ID + "/" + c.stage.Name
	fields := map[string]*structpb.Value{
		throttleStage: structpb.NewStringValue(stage),
		throttleRoute: structpb.NewStringValue(stage + "/" + r.Key()),
	}
	maps.Copy(fields, throttles.plans)
	if c.site.limitHeaders.Numbers() && throttles.ofKeys() && len(throttles.stages) > 0 {
		quiet := maps.Clone(throttles.stages)
		quiet[throttleStage], quiet[throttleRoute] = fields[throttleStage], fields[throttleRoute]
		if stop, stopped := quiet[throttleStopped]; stopped {
			fields[throttleStopped] = stop
			delete(quiet, throttleStopped)
		}
		fields[throttleQuiet] = structpb.NewStructValue(&structpb.Struct{Fields: quiet})
	} else {
		maps.Copy(fields, throttles.stages)
	}
	route.Metadata.FilterMetadata[wire.ThrottleNamespace] = &structpb.Struct{Fields: fields}
	if len(throttles.stages) > 0 {
		route.TypedPerFilterConfig[filterStageThrottles] = enabled(nil)
	}
	if throttles.ofKeys() {
		route.TypedPerFilterConfig[filterPlanThrottles] = enabled(nil)
	}
	if throttles.keys.told() && route.TypedPerFilterConfig[filterPlans] == nil {
		c.tellClasses(throttles.keys, true, route)
	}
}

// planLimits are what a usage plan contributes to the routes of a stage; one without limits
// has its keys' usage counted.
type planLimits struct {
	ID        string
	Throttle  *gateway.Throttle
	Quota     *gateway.Quota
	Routes    []gateway.RouteThrottle
	Uncounted bool
	// Twin is gateway.KeyAccess.Twin of it, FirstStage its first.
	Twin       int
	FirstStage [2]string
}

func planLimitsOf(s *gateway.Snapshot, access *gateway.KeyAccess, api, stage string) []planLimits {
	var list []planLimits
	for i := range s.UsagePlans {
		plan := &s.UsagePlans[i]
		if at := plan.Stage(api, stage); at != nil {
			firstAPI, firstStage := plan.FirstStage()
			list = append(list, planLimits{plan.ID(), plan.Throttle, plan.Quota, at.Routes, plan.Uncounted, access.Twin(plan.ID()), [2]string{firstAPI, firstStage}})
		}
	}
	return list
}

// accountMark is what routes depend on of the account's throttle: whether there is one,
// and whether it lets anything through. Its class is in the filter.
func accountMark(s *gateway.Snapshot) string {
	switch _, keeps := bucketOf(s.Account.Throttle); keeps {
	case noToken:
		return throttleStopped
	case aBucket:
		return throttleAccount
	}
	return ""
}
