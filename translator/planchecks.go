package translator

import (
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Which keys there are is in a filter that all routes share (apikeys.go); which of them a
// stage lets in, its routes say, by the tag that the filter gives a key.

// checkKey has Envoy ask for an API key whose usage plans have the stage.
func (c *stageCompiler) checkKey(r *parsedRoute, route *routev3.Route) {
	route.TypedPerFilterConfig[filterKeys] = enabled(nil)
	if classes := c.keyClassesOf(r); classes.told() {
		c.tellClasses(classes, false, route)
		return
	}
	if c.planCheck == nil {
		c.planCheck = enabled(refuseOtherPlans(c.keyAccess.Stage(c.api.ID, c.stage.Name)))
	}
	route.TypedPerFilterConfig[filterPlanKeys] = c.planCheck
}

// keyClasses are the ids of the usage plans that have a stage by the class of the bucket that
// a plan has for each of its keys: ofPlans of that for all its routes, ofRoute of that for one
// route. Where each has one class only, the route says it. Else Envoy writes the classes of
// the plan that let a request in into its metadata, from where the filter of throttles takes
// them (planFilter): a key's buckets cost the same among many plans as among few. Writing that
// takes 6,000 to 13,000 instructions, of the 200,000 that a plain request does.
type keyClasses struct{ ofPlans, ofRoute map[string][]string }

// Besides those of buckets there are two classes: planStopped of what lets nothing through,
// planUnlimited of plans that have no bucket. Policies are tried in the order of their names,
// in which the first comes before all others, and the second behind them.
const (
	planStopped   = "0"
	planUnlimited = "unlimited"
)

func (c *stageCompiler) keyClassesOf(r *parsedRoute) keyClasses {
	found := keyClasses{map[string][]string{}, map[string][]string{}}
	for _, p := range c.plansHere() {
		ofRoute := keyClassOf(p.at.RouteThrottle(r.Key()), 0)
		found.ofPlans[p.class], found.ofRoute[ofRoute] = append(found.ofPlans[p.class], p.id), append(found.ofRoute[ofRoute], p.id)
	}
	return found
}

// stagePlan is a usage plan that has the stage, with the class of its keys' buckets.
type stagePlan struct {
	*gateway.UsagePlan
	at        *gateway.PlanStage
	id, class string
}

// plansHere are found once for all routes.
func (c *stageCompiler) plansHere() []stagePlan {
	if c.stagePlans == nil {
		c.stagePlans = []stagePlan{}
		for i := range c.snapshot.UsagePlans {
			plan := &c.snapshot.UsagePlans[i]
			if at := plan.Stage(c.api.ID, c.stage.Name); at != nil {
				id := plan.ID()
				c.stagePlans = append(c.stagePlans, stagePlan{plan, at, id, keyClassOf(plan.Throttle, c.keyAccess.Twin(id))})
			}
		}
	}
	return c.stagePlans
}

// told reports whether Envoy has to find out the classes of each request.
func (k keyClasses) told() bool { return len(k.ofPlans) > 1 || len(k.ofRoute) > 1 }

// any reports whether a key may have a bucket.
func (k keyClasses) any() bool { return limiting(k.ofPlans) || limiting(k.ofRoute) }

// only is the class that all plans have, and whether there is one which limits.
func only(classes map[string][]string) (string, bool) {
	for class := range classes {
		return class, len(classes) == 1 && class != planUnlimited
	}
	return "", false
}

func limiting(classes map[string][]string) bool {
	return len(classes) > 1 || len(classes) == 1 && classes[planUnlimited] == nil
}

// tellClasses has Envoy tell the classes of those whom a route lets in: the keys of the plans,
// or everybody where the authorization service has looked keys up.
func (c *stageCompiler) tellClasses(classes keyClasses, everybody bool, route *routev3.Route) {
	same := fmt.Sprint(everybody, classes.ofRoute)
	config := c.classChecks[same]
	if config == nil {
		plans, routes := principalsOf(classes.ofPlans), map[string]*principal(nil)
		if everybody {
			plans[planUnlimited] = anybody()
		}
		if limiting(classes.ofRoute) {
			routes = principalsOf(classes.ofRoute)
			delete(routes, planUnlimited)
		}
		if c.classChecks == nil {
			c.classChecks = map[string]*anypb.Any{}
		}
		config = enabled(letInOnly(plans, routes))
		c.classChecks[same] = config
	}
	route.TypedPerFilterConfig[filterPlans] = config
}

// principalsOf are who is in the plans of each class.
func principalsOf(classes map[string][]string) map[string]*principal {
	who := make(map[string]*principal, len(classes))
	for class, ids := range classes {
		slices.Sort(ids)
		who[class] = inOneOf(ids)
	}
	return who
}

// manyPlans is from how many plans on one regular expression is cheaper than looking
// for each of them.
const manyPlans = 8

// inOneOf holds for keys that are in at least one of the plans.
func inOneOf(plans []string) *principal {
	var list []*principal
	for _, tag := range tagsWith(plans) {
		list = append(list, headerIs(wire.KeyHeader, tag))
	}
	if len(list) == 1 {
		return list[0]
	}
	return oneOf(list...)
}

// planCheckRuntime begins the names of runtime flags that the check would heed.
const planCheckRuntime = "gatehouse.plans."

// refuseOtherPlans is a route's configuration of the filter that refuses keys which are in
// none of the plans, and requests that have no key. It is made to answer in place of a backend
// that is to fail, in a case that headers tell: that is all it is asked here, for an eighth of
// what rbac takes, which writes metadata about every request. Runtime flags, by which others
// may steer faults, have no say in it: they would be of names that nobody sets.
func refuseOtherPlans(plans []string) proto.Message {
	f := &faultv3.HTTPFault{
		Abort: &faultv3.FaultAbort{
			ErrorType:  &faultv3.FaultAbort_HttpStatus{HttpStatus: 403},
			Percentage: &typev3.FractionalPercent{Numerator: 100},
		},
		AbortPercentRuntime:           planCheckRuntime + "abort_percent",
		AbortHttpStatusRuntime:        planCheckRuntime + "http_status",
		MaxActiveFaultsRuntime:        planCheckRuntime + "max_active_faults",
		DisableDownstreamClusterStats: true,
	}
	for _, tag := range tagsWith(plans) {
		f.Headers = append(f.Headers, &routev3.HeaderMatcher{
			Name:                      wire.KeyHeader,
			HeaderMatchSpecifier:      &routev3.HeaderMatcher_StringMatch{StringMatch: tag},
			InvertMatch:               true,
			TreatMissingHeaderAsEmpty: true,
		})
	}
	return f
}

// tagsWith match the tags of keys that are in one of the plans: each of them some.
func tagsWith(plans []string) []*envoymatcherv3.StringMatcher {
	if len(plans) >= manyPlans {
		return []*envoymatcherv3.StringMatcher{tagHasOneOf(plans)}
	}
	var list []*envoymatcherv3.StringMatcher
	for _, id := range plans {
		list = append(list, tagHas(id))
	}
	return list
}

// tagHas matches the tag of a key that is in the plan of this id.
func tagHas(plan string) *envoymatcherv3.StringMatcher {
	return textPart("|" + plan + "|")
}

// tagHasOneOf matches the tag of a key that is in at least one of the plans. Ids are
// hexadecimal; what follows them may be anything.
func tagHasOneOf(plans []string) *envoymatcherv3.StringMatcher {
	return regexMatcher(`[0-9a-f|]*\|(?:` + strings.Join(plans, "|") + `)\|.*`)
}
