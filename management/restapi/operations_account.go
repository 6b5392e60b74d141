package restapi

import (
	"context"
	"slices"

	"gatehouse/management/domain"
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

// checkDomain asks whether the gateway can serve a domain, as it is about to be.
func (s *Service) checkDomain(ctx context.Context, r store.Reader, region, name string) error {
	if s.checker == nil {
		return nil
	}
	if err := s.checker.Check(ctx, r, domain.NameKey(region, name)); err != nil {
		return restjson.BadRequest("%s", err)
	}
	return nil
}
