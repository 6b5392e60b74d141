package translator

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/internal/wire"
)

// Which keys there are is in a filter that all routes share (apikeys.go); which of them a
// stage lets in, its routes say, by the tag that the filter gives a key.

// checkKey has Envoy ask for an API key whose usage plans have the stage.
func (c *stageCompiler) checkKey(route *routev3.Route) {
	route.TypedPerFilterConfig[filterKeys] = enabled(nil)
	name := filterPlans
	if c.planClasses().differ() {
		name = filterPlanClasses
	}
	if c.planCheck == nil {
		if name == filterPlans {
			c.planCheck = enabled(refuseOtherPlans(c.keyAccess.Stage(c.api.ID, c.stage.Name)))
		} else {
			c.planCheck = enabled(letInOnly(c.planClasses().principals()))
		}
	}
	route.TypedPerFilterConfig[name] = c.planCheck
}

// nameClasses has Envoy find the class of a key's bucket, where the authorization service has
// looked the key up.
func (c *stageCompiler) nameClasses(route *routev3.Route) {
	if c.classNames == nil {
		classes := c.planClasses().principals()
		classes[planUnlimited] = anybody()
		c.classNames = enabled(letInOnly(classes))
	}
	route.TypedPerFilterConfig[filterPlanClasses] = c.classNames
}

// planClasses are the ids of the usage plans that have a stage, by the class of the bucket
// that a plan has for each of its keys, or planUnlimited. Where all have the same, the route
// says it. Else Envoy writes the class that let a request in into its metadata, from where the
// filter of throttles takes it (planFilter): a key's bucket costs the same among many plans as
// among few. Writing that takes 8,000 instructions, a twentieth of what a plain request does.
type planClasses map[string][]string

// planUnlimited is the name of the policy for keys whose plan has no bucket for them. It
// comes after those of all classes, which begin with a digit.
const planUnlimited = "unlimited"

func (c *stageCompiler) planClasses() planClasses {
	if c.classes == nil {
		c.classes = planClasses{}
		limits := planLimitsOf(c.snapshot, c.keyAccess, c.api.ID, c.stage.Name)
		for i := range limits {
			name := planUnlimited
			if class, limited := limits[i].class(); limited {
				name = class.String()
			}
			c.classes[name] = append(c.classes[name], limits[i].ID)
		}
	}
	return c.classes
}

func (p planClasses) differ() bool { return len(p) > 1 }

// only is the class that all plans have; empty when they differ, or have no bucket for keys.
func (p planClasses) only() string {
	for class := range p {
		if class != planUnlimited && !p.differ() {
			return class
		}
	}
	return ""
}

// principals are who is in the plans of each class.
func (p planClasses) principals() map[string]*principal {
	who := make(map[string]*principal, len(p))
	for class, ids := range p {
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
		// Ids are hexadecimal; what follows them may be anything.
		return []*envoymatcherv3.StringMatcher{regexMatcher(`[0-9a-f|]*\|(?:` + strings.Join(plans, "|") + `)\|.*`)}
	}
	var list []*envoymatcherv3.StringMatcher
	for _, id := range plans {
		list = append(list, tagHas(id))
	}
	return list
}

// tagHas matches the tag of a key that is in the plan of this id.
func tagHas(plan string) *envoymatcherv3.StringMatcher {
	return &envoymatcherv3.StringMatcher{MatchPattern: &envoymatcherv3.StringMatcher_Contains{Contains: "|" + plan + "|"}}
}
