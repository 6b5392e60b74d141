package restapi

import (
	"context"
	"net/http"

	"gatehouse/management/restjson"
)

// noVPCEndpoints is why nothing can be associated with a private domain.
const noVPCEndpoints = "it has no VPC endpoints that could be given access to a domain name; requests of a VPC endpoint are told by the listener that they come to (sourceVpce), and admitted by resource policies"

func (s *Service) accessAssociationOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetDomainNameAccessAssociations", Method: http.MethodGet, Path: "/domainnameaccessassociations", Status: http.StatusOK, Do: s.getAccessAssociations},
		{Name: "CreateDomainNameAccessAssociation", Method: http.MethodPost, Path: "/domainnameaccessassociations", Unsupported: noVPCEndpoints},
		{Name: "DeleteDomainNameAccessAssociation", Method: http.MethodDelete, Path: "/domainnameaccessassociations/{domain_name_access_association_arn+}", Unsupported: noVPCEndpoints},
		{Name: "RejectDomainNameAccessAssociation", Method: http.MethodPost, Path: "/rejectdomainnameaccessassociations", Unsupported: noVPCEndpoints},
	}
}

// getAccessAssociations lists none: there are no VPC endpoints that could be associated
// with a private domain.
func (s *Service) getAccessAssociations(_ context.Context, c *restjson.Call) (any, error) {
	return pageOf(c, []struct{}{})
}
