package restapi

import (
	"slices"

	"gatehouse/management/restjson"
)

// accountOperations are those of what APIs share: keys, usage plans, domains and more.
func (s *Service) accountOperations() []restjson.Operation {
	return slices.Concat(
		s.settingsOperations(), s.apiKeyOperations(), s.usagePlanOperations(), s.usagePlanKeyOperations(), s.usageOperations(),
	)
}
