package restapi

import (
	"context"
	"net/http"

	"gatehouse/management/restjson"
)

func (s *Service) accessAssociationOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetDomainNameAccessAssociations", Method: http.MethodGet, Path: "/domainnameaccessassociations", Status: http.StatusOK, Do: s.getAccessAssociations},
		{Name: "CreateDomainNameAccessAssociation", Method: http.MethodPost, Path: "/domainnameaccessassociations", Status: http.StatusCreated, Do: refuseAccessAssociation},
		{Name: "DeleteDomainNameAccessAssociation", Method: http.MethodDelete, Path: "/domainnameaccessassociations/{domain_name_access_association_arn+}", Status: http.StatusAccepted, Do: noAccessAssociation},
		{Name: "RejectDomainNameAccessAssociation", Method: http.MethodPost, Path: "/rejectdomainnameaccessassociations", Status: http.StatusAccepted, Do: noAccessAssociation},
	}
}

// getAccessAssociations lists none: there are no VPC endpoints that could be associated
// with a private domain.
func (s *Service) getAccessAssociations(_ context.Context, c *restjson.Call) (any, error) {
	return pageOf(c, []struct{}{})
}

func refuseAccessAssociation(context.Context, *restjson.Call) (any, error) {
	return nil, restjson.BadRequest("Gatehouse has no VPC endpoints: access to a domain name cannot be associated with one. " +
		"Requests by a VPC endpoint are told by the listener that they come to (sourceVpce), and admitted by resource policies.")
}

func noAccessAssociation(context.Context, *restjson.Call) (any, error) {
	return nil, restjson.NotFound("Invalid Domain Name Access Association identifier specified")
}
