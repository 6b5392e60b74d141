package restapi

import (
	"slices"

	"gatehouse/management/restjson"
)

// apiOperations are those of APIs and of what belongs to one.
func (s *Service) apiOperations() []restjson.Operation {
	return slices.Concat(
		s.restAPIOperations(),
		s.resourceOperations(),
		s.methodOperations(),
		s.integrationOperations(),
		s.deploymentOperations(),
		s.stageOperations(),
		s.authorizerOperations(),
		s.modelOperations(),
		s.validatorOperations(),
		s.gatewayResponseOperations(),
		s.documentationOperations(),
		s.tagOperations(),
		s.testOperations(),
	)
}
