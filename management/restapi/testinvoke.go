package restapi

import (
	"context"
	"net/http"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) testOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "TestInvokeMethod", Method: http.MethodPost, Path: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", Status: http.StatusOK, Do: s.testInvokeMethod},
		{Name: "TestInvokeAuthorizer", Method: http.MethodPost, Path: "/restapis/{restapi_id}/authorizers/{authorizer_id}", Status: http.StatusOK, Do: s.testInvokeAuthorizer},
	}
}

// Both refuse: a method that is not deployed is nowhere to be called. What is deployed is
// called as its clients do.
const noTestInvoke = "Test invocations are not supported by this gateway: deploy the API to a stage, and call that"

func (s *Service) testInvokeMethod(ctx context.Context, c *restjson.Call) (any, error) {
	return s.readMethod(ctx, c, func(*Method) (any, error) { return nil, restjson.BadRequest(noTestInvoke) })
}

func (s *Service) testInvokeAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (any, error) {
		if _, _, _, err := authorizerOf(r, c); err != nil {
			return nil, err
		}
		return nil, restjson.BadRequest(noTestInvoke)
	})
}
