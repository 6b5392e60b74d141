package translator

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	apikeyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/api_key_auth/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// maxEnvoyKeys is how many API keys Envoy itself looks up. All of them are sent when
// one changes, which takes half a second and five megabytes at 100,000: beyond this
// number the authorization service has them.
const maxEnvoyKeys = 20_000

// apiKeyHeader is where clients put their key.
const apiKeyHeader = "x-api-key"

// KeysInEnvoy reports whether Envoy looks the API keys up itself.
func KeysInEnvoy(access *gateway.KeyAccess) bool { return access.Values() <= maxEnvoyKeys }

// keyFilter is the configuration of the filter that looks API keys up: those that are
// in force and in a usage plan of an API that the gateway serves.
func keyFilter(s *gateway.Snapshot, g *gateway.Gateway, access *gateway.KeyAccess) *apikeyv3.ApiKeyAuth {
	f := &apikeyv3.ApiKeyAuth{
		KeySources: []*apikeyv3.KeySource{{Header: apiKeyHeader}},
		Forwarding: &apikeyv3.Forwarding{Header: wire.KeyHeader},
	}
	if !KeysInEnvoy(access) {
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
