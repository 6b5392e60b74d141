package restapi

import (
	"context"
	"slices"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// accountOperations are those of what APIs share: keys, usage plans, domains and more.
func (s *Service) accountOperations() []restjson.Operation {
	return slices.Concat(
		s.settingsOperations(), s.apiKeyOperations(), s.usagePlanOperations(), s.usagePlanKeyOperations(), s.usageOperations(),
		s.domainNameOperations(), s.basePathMappingOperations(), s.accessAssociationOperations(), s.vpcLinkOperations(), s.clientCertificateOperations(), s.sdkOperations(),
	)
}

// checkAccount asks whether the gateway can serve what a region shares, as it is about to
// be.
func (s *Service) checkAccount(ctx context.Context, r store.Reader, region string) error {
	if s.checker == nil {
		return nil
	}
	if err := s.checker.Check(ctx, r, region); err != nil {
		return restjson.BadRequest("%s", err)
	}
	return nil
}
