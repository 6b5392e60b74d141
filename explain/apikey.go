package explain

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/translator"
)

// apiKey is whether the route asks for a key, whose it is, and whether a plan lets it in.
func (ex *offline) apiKey() bool {
	if !ex.of.APIKeyRequired {
		return true
	}
	at := ex.of.APIKeySource
	forbidden := func(text string) bool {
		ex.refuse("API key", at, gateway.InvalidAPIKey, "", text)
		return false
	}
	plans := ex.plansOfStage()
	if ex.deployment.APIKeySource == gateway.APIKeyFromAuthorizer {
		ex.add("API key", Open, at, "the authorizer names the key; it must be in one of the usage plans of the stage: "+strings.Join(plans, ", "))
		return true
	}
	value := ex.asked.header.Get("X-Api-Key")
	if asksService := ex.route.GetTypedPerFilterConfig()[wire.AuthorizationMetadata] != nil; !asksService && translator.KeysInEnvoy(ex.snapshot.KeyAccess()) {
		value = strings.TrimPrefix(value, "Bearer ") // as Envoy takes it
	}
	if value == "" {
		return forbidden("the route asks for an API key in the header x-api-key, and there is none")
	}
	if !slices.ContainsFunc(ex.snapshot.APIKeys, func(k gateway.APIKey) bool { return slices.ContainsFunc(k.Values, known) }) && len(ex.snapshot.APIKeys) > 0 {
		ex.add("API key", Open, at, "whose key it is, only the gateway knows; it must be in one of the usage plans of the stage: "+strings.Join(plans, ", "))
		return true
	}
	for i := range ex.snapshot.APIKeys {
		key := &ex.snapshot.APIKeys[i]
		if !slices.Contains(key.Values, gateway.Secret(value)) {
			continue
		}
		if key.Disabled {
			return forbidden("it is a value of the key " + key.Name + ", which is disabled")
		}
		access := ex.snapshot.KeyAccess()
		if !access.Admits(access.Key(key.Name), ex.API, ex.Stage) {
			return forbidden(fmt.Sprintf("it is a value of the key %s, which is in no usage plan that has the stage (%s)", key.Name, orNone(plans)))
		}
		ex.key = key.Name
		ex.add("API key", Passed, key.Source, fmt.Sprintf("it is a value of the key %s, in the usage plan %s", key.Name, strings.Join(ex.plansOf(key.Name), ", ")))
		return true
	}
	return forbidden("there is no API key of that value")
}

// known tells a value from one that a server has kept to itself.
func known(value gateway.Secret) bool { return value.Reveal() != value.String() }

func orNone(texts []string) string {
	if len(texts) == 0 {
		return "none has it"
	}
	return strings.Join(texts, ", ") + " have it"
}

// plansOfStage are the names of the usage plans that have the stage.
func (ex *offline) plansOfStage() (names []string) {
	for i := range ex.snapshot.UsagePlans {
		if p := &ex.snapshot.UsagePlans[i]; p.Stage(ex.API, ex.Stage) != nil {
			names = append(names, p.Name)
		}
	}
	return names
}

// plansOf are those of them that a key is in.
func (ex *offline) plansOf(key string) (names []string) {
	for i := range ex.snapshot.UsagePlans {
		p := &ex.snapshot.UsagePlans[i]
		if p.Stage(ex.API, ex.Stage) != nil && slices.Contains(ex.snapshot.PlanKeys(p), key) {
			names = append(names, p.Name)
		}
	}
	return names
}
