package extauthz

import (
	"context"

	"gatehouse/gateway"
)

// apiKey checks the key that the request has to come with: that of the X-API-Key header,
// or the one that the authorizer gave.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-key-source.html
type apiKey struct{}

func (apiKey) kind() kind { return keyKind }

// maxKey is more than any key has: AWS's bound is 128 characters.
const maxKey = 512

func (apiKey) evaluate(_ context.Context, c *check) *refusal {
	value := c.usageKey.Reveal()
	if !c.stage.keyFromAuthorizer {
		value = c.apiKey()
	}
	if value == "" || len(value) > maxKey {
		return refuse(CodeKeyMissing, gateway.InvalidAPIKey)
	}
	key := c.current.keys.find(value)
	switch {
	case key == nil:
		return refuse(CodeKeyUnknown, gateway.InvalidAPIKey)
	case key.disabled:
		return refuse(CodeKeyDisabled, gateway.InvalidAPIKey).because("key " + key.name)
	case !c.compiled.keys.access.Admits(key.plans, c.stage.key.api, c.stage.key.stage):
		return refuse(CodeKeyOutsidePlan, gateway.InvalidAPIKey).because("key " + key.name)
	}
	c.keyTag = key.tag
	return nil
}
