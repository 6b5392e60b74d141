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
	if s.check == nil {
		return nil
	}
	return s.check(ctx, r, region)
}
