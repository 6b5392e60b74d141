package translator

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	apikeyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/api_key_auth/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// maxEnvoyKeys is how many API keys Envoy itself looks up. All of them are sent when
// one changes, which takes half a second and five megabytes at 100,000: beyond this
// number the authorization service has them.
const maxEnvoyKeys = 20_000

// apiKeyHeader is where clients put their key.
const apiKeyHeader = "x-api-key"

// keysInEnvoy reports whether Envoy looks the API keys up itself.
func keysInEnvoy(access *gateway.KeyAccess) bool { return access.Values() <= maxEnvoyKeys }

// checkKey has Envoy ask for an API key whose usage plans have the stage.
func (c *stageCompiler) checkKey(route *routev3.Route) {
	route.TypedPerFilterConfig[filterKeys] = enabled(nil)
	if c.plans == nil {
		c.plans = c.planCheck()
	}
	route.TypedPerFilterConfig[filterPlans] = c.plans
}

// planCheck refuses keys whose usage plans lack the stage.
func (c *stageCompiler) planCheck() *anypb.Any {
	if classes := c.planClasses(); len(classes) > 0 {
		return enabled(letInOnly(classes))
	}
	plans := c.keyAccess.Stage(c.api.ID, c.stage.Name)
	if len(plans) == 0 {
		return enabled(refuse(map[string]*principal{refusedPlan: anybody()}))
	}
	return enabled(refuse(map[string]*principal{refusedPlan: oneOf(not(inOneOf(plans)), keyBehindBearer())}))
}

// keyBehindBearer holds where a key is that Envoy has looked up without the "Bearer" before
// it. Amazon's keys are the header's whole value.
func keyBehindBearer() *principal { return headerIs(apiKeyHeader, textPrefix(bearer)) }

// planUnlimited is the name of the policy for keys whose plan has no bucket for them. It
// comes after those of all classes, which begin with a digit.
const planUnlimited = "unlimited"

// planClasses are who is in the usage plans that have the stage, by the class of the bucket
// that a plan has for each of its keys; none if there is no such plan. Envoy writes the
// class that let a request in into its metadata, from where the filter of throttles takes
// it (planFilter): a key's bucket costs the same among many plans as among few.
func (c *stageCompiler) planClasses() map[string]*principal {
	plans, limited := map[string][]string{}, false
	limits := planLimitsOf(c.snapshot, c.keyAccess, c.api.ID, c.stage.Name)
	for i := range limits {
		name := planUnlimited
		if class, found := limits[i].class(); found {
			name, limited = class.String(), true
		}
		plans[name] = append(plans[name], limits[i].ID)
	}
	if !limited {
		return nil
	}
	classes := make(map[string]*principal, len(plans))
	for name, ids := range plans {
		slices.Sort(ids)
		classes[name] = allOf(inOneOf(ids), not(keyBehindBearer()))
	}
	return classes
}

// manyPlans is from how many plans on one regular expression is cheaper than looking
// for each of them.
const manyPlans = 8

// inOneOf holds for keys that are in at least one of the plans.
func inOneOf(plans []string) *principal {
	if len(plans) >= manyPlans {
		// Ids are hexadecimal; what follows them may be anything.
		return headerIs(wire.KeyHeader, regexMatcher(`[0-9a-f|]*\|(?:`+strings.Join(plans, "|")+`)\|.*`))
	}
	var list []*principal
	for _, id := range plans {
		list = append(list, headerIs(wire.KeyHeader, tagHas(id)))
	}
	if len(list) == 1 {
		return list[0]
	}
	return oneOf(list...)
}

// tagHas matches the tag of a key that is in the plan of this id.
func tagHas(plan string) *envoymatcherv3.StringMatcher {
	return textPart("|" + plan + "|")
}

// keyFilter is the configuration of the filter that looks API keys up: those that are
// in force and in a usage plan of an API that the gateway serves.
func keyFilter(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess) *apikeyv3.ApiKeyAuth {
	f := &apikeyv3.ApiKeyAuth{
		KeySources: []*apikeyv3.KeySource{{Header: apiKeyHeader}},
		Forwarding: &apikeyv3.Forwarding{Header: wire.KeyHeader},
	}
	if !keysInEnvoy(access) {
		return f
	}
	served := servedPlans(s, g, access)
	for i := range s.APIKeys {
		k := &s.APIKeys[i]
		if k.Disabled || !slices.ContainsFunc(access.Key(k.Name), func(id string) bool { return served[id] }) {
			continue
		}
		tag := access.Tag(k.Name)
		for _, value := range k.Values {
			f.Credentials = append(f.Credentials, &apikeyv3.Credential{Key: value.Reveal(), Client: tag})
		}
	}
	slices.SortFunc(f.Credentials, func(a, b *apikeyv3.Credential) int {
		return strings.Compare(a.Client+"\x00"+a.Key, b.Client+"\x00"+b.Key)
	})
	return f
}

// servedPlans are the plans with a stage that the gateway serves.
func servedPlans(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess) map[string]bool {
	served := map[string]bool{}
	for i := range s.APIs {
		api := &s.APIs[i]
		if !servedBy(g, api) {
			continue
		}
		for j := range api.Stages {
			for _, id := range access.Stage(api.ID, api.Stages[j].Name) {
				served[id] = true
			}
		}
	}
	return served
}

func addKeyFilter(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess, out *gatewayResources) {
	out.add(filterKeys, &corev3.TypedExtensionConfig{Name: filterKeys, TypedConfig: anyOf(keyFilter(s, g, access))}, gateway.Position{})
}
