package translator

import (
	"regexp"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	apikeyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/api_key_auth/v3"
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
func keysInEnvoy(groups *gateway.KeyGroups) bool { return groups.Values() <= maxEnvoyKeys }

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
	var groups []string
	for _, group := range c.keyGroups.Stage(c.api.ID, c.stage.Name) {
		groups = append(groups, regexp.QuoteMeta(group))
	}
	// Without a group no key fits: the pattern then matches nothing that a key can be.
	pattern := "(?:" + strings.Join(groups, "|") + "):.*"
	return enabled(refuse(map[string]*principal{
		refusedPlan: not(headerIs(wire.KeyHeader, regexMatcher(pattern))),
	}))
}

// keyFilter is the configuration of the filter that looks API keys up: those that are
// in force and in a usage plan of an API that the gateway serves.
func keyFilter(s *gateway.Snapshot, g *gateway.Gateway, groups *gateway.KeyGroups) *apikeyv3.ApiKeyAuth {
	f := &apikeyv3.ApiKeyAuth{
		KeySources: []*apikeyv3.KeySource{{Header: apiKeyHeader}},
		Forwarding: &apikeyv3.Forwarding{Header: wire.KeyHeader},
	}
	if !keysInEnvoy(groups) {
		return f
	}
	served := servedGroups(s, g, groups)
	for i := range s.APIKeys {
		k := &s.APIKeys[i]
		group := groups.Of(k.Name)
		if k.Disabled || !served[group] {
			continue
		}
		for _, value := range k.Values {
			f.Credentials = append(f.Credentials, &apikeyv3.Credential{Key: value.Reveal(), Client: group + ":" + k.Name})
		}
	}
	slices.SortFunc(f.Credentials, func(a, b *apikeyv3.Credential) int {
		return strings.Compare(a.Client+"\x00"+a.Key, b.Client+"\x00"+b.Key)
	})
	return f
}

func servedGroups(s *gateway.Snapshot, g *gateway.Gateway, groups *gateway.KeyGroups) map[string]bool {
	served := map[string]bool{}
	for i := range s.APIs {
		api := &s.APIs[i]
		if !servedBy(g, api) {
			continue
		}
		for j := range api.Stages {
			for _, group := range groups.Stage(api.ID, api.Stages[j].Name) {
				served[group] = true
			}
		}
	}
	return served
}

func addKeyFilter(s *gateway.Snapshot, g *gateway.Gateway, groups *gateway.KeyGroups, out *gatewayResources) {
	out.add(filterKeys, &corev3.TypedExtensionConfig{Name: filterKeys, TypedConfig: anyOf(keyFilter(s, g, groups))}, gateway.Position{})
}
