package source

import (
	"fmt"

	"gatehouse/gateway"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
)

// Trial gives the files of a REST API as it would be served if it were deployed as it is,
// to one stage. It is for methods that are tried.
func Trial(region string, c *restapi.Content, stage string, variables map[string]string, clientCertificate string) (Files, error) {
	document, err := openapi.ServedREST(c)
	if err != nil {
		return Files{}, fmt.Errorf("the API %s: %w", c.API.ID, err)
	}
	const deployment = "tried"
	native := nativeAPI{Name: c.API.ID, ID: c.API.ID, Protocol: string(gateway.REST), Stages: []nativeStage{{
		Name: stage, Definition: documentName(deployment), Variables: variables, Certificate: clientCertificate,
	}}}
	return apiFiles(restapi.APIKeyOf(region, c.API.ID), native, map[string][]byte{deployment: document})
}
