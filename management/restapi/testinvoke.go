package restapi

import (
	"net/http"

	"gatehouse/management/restjson"
)

// testOperations would call what is not deployed, and so is nowhere to be called.
func testOperations() []restjson.Operation {
	const deployInstead = "deploy the API to a stage, and call that"
	return []restjson.Operation{
		{Name: "TestInvokeMethod", Method: http.MethodPost, Path: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", Unsupported: deployInstead},
		{Name: "TestInvokeAuthorizer", Method: http.MethodPost, Path: "/restapis/{restapi_id}/authorizers/{authorizer_id}", Unsupported: deployInstead},
	}
}
