package extauthz_test

import (
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Who has signed, asks for an answer that was not kept, and has the permission for it, is
// said to have it; nobody else. It does not let anybody in.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
func TestInvalidateCache(t *testing.T) {
	policy := func(effect, action, resource string) gateway.Policy {
		return gateway.Policy{JSON: `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"execute-api:` + action + `","Resource":"` + resource + `"}]}`}
	}
	const all, pet, others = "arn:aws:execute-api:*:*:*", "arn:aws:execute-api:*:*:pets/v1/GET/pets/7", "arn:aws:execute-api:*:*:pets/v1/GET/orders/*"
	invoke := policy("Allow", "Invoke", all)
	for name, c := range map[string]struct {
		policies []gateway.Policy
		resource string
		header   string
		status   int
		told     bool
	}{
		"permitted":                     {[]gateway.Policy{invoke, policy("Allow", "InvalidateCache", pet)}, "", "max-age=0", 200, true},
		"among other directives":        {[]gateway.Policy{policy("Allow", "*", all)}, "", "no-cache, max-age=0", 200, true},
		"does not ask":                  {[]gateway.Policy{policy("Allow", "*", all)}, "", "max-age=10", 200, false},
		"says nothing":                  {[]gateway.Policy{policy("Allow", "*", all)}, "", "", 200, false},
		"may call only":                 {[]gateway.Policy{invoke}, "", "max-age=0", 200, false},
		"for another resource":          {[]gateway.Policy{invoke, policy("Allow", "InvalidateCache", others)}, "", "max-age=0", 200, false},
		"denied":                        {[]gateway.Policy{policy("Allow", "*", all), policy("Deny", "InvalidateCache", all)}, "", "max-age=0", 200, false},
		"may not call":                  {[]gateway.Policy{policy("Allow", "InvalidateCache", all)}, "", "max-age=0", 403, false},
		"permitted by the API's policy": {[]gateway.Policy{invoke}, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + ownUser + `"},"Action":"execute-api:InvalidateCache","Resource":"*"}]}`, "max-age=0", 200, true},
		"denied by the API's policy":    {[]gateway.Policy{policy("Allow", "*", all)}, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:InvalidateCache","Resource":"*"}]}`, "max-age=0", 200, false},
	} {
		s := one(gateway.REST, signed("GET", "/pets/{id}"))
		s.Credentials = []gateway.Credential{credential("AKID", ownUser, c.policies...)}
		s.APIs[0].Stages[0].Deployment.Policy = c.resource
		a := ask{route: petRoute, base: "/v1"}
		if c.header != "" {
			a.headers = []string{"cache-control: " + c.header}
		}
		got := newHarness(t, s).check(sign(t, a, "AKID"))
		if _, told := got.kept[wire.AnswerInvalidate]; got.status != c.status || told != c.told {
			t.Errorf("%s: %d %v %s", name, got.status, got.kept, got.body)
		}
	}
}
