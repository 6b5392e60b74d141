package restapi

import (
	"context"
	"net/http"

	"gatehouse/management/restjson"
)

func (s *Service) sdkOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetSdkTypes", Method: http.MethodGet, Path: "/sdktypes", Status: http.StatusOK, Do: getSDKTypes},
		{Name: "GetSdkType", Method: http.MethodGet, Path: "/sdktypes/{sdktype_id}", Status: http.StatusOK, Do: getSDKType},
		{Name: "GetSdk", Method: http.MethodGet, Path: "/restapis/{restapi_id}/stages/{stage_name}/sdks/{sdk_type}",
			Unsupported: "export the stage as an OpenAPI document (GetExport), and have a generator of clients read that"},
	}
}

// sdkType is a language that Amazon generates clients in.
type sdkType struct {
	ID           string        `json:"id"`
	FriendlyName string        `json:"friendlyName"`
	Description  string        `json:"description,omitempty"`
	Properties   []sdkProperty `json:"configurationProperties,omitempty"`
}

type sdkProperty struct {
	Name         string `json:"name"`
	FriendlyName string `json:"friendlyName"`
	Description  string `json:"description,omitempty"`
	Required     bool   `json:"required"`
	DefaultValue string `json:"defaultValue,omitempty"`
}

// sdkTypes are those of Amazon's service, and what one has to say for each.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-generate-sdk.html
var sdkTypes = []sdkType{
	{ID: "javascript", FriendlyName: "JavaScript"},
	{ID: "android", FriendlyName: "Android", Properties: []sdkProperty{
		{Name: "groupId", FriendlyName: "Group ID", Description: "The group ID of the project", Required: true},
		{Name: "artifactId", FriendlyName: "Artifact ID", Description: "The artifact ID of the project", Required: true},
		{Name: "artifactVersion", FriendlyName: "Artifact Version", Description: "The version of the project", Required: true},
		{Name: "invokerPackage", FriendlyName: "Invoker Package", Description: "The package of the classes that call the API", Required: true},
	}},
	{ID: "objectivec", FriendlyName: "iOS (Objective-C)", Properties: []sdkProperty{
		{Name: "classPrefix", FriendlyName: "Class Prefix", Description: "What the names of classes begin with", Required: true},
	}},
	{ID: "swift", FriendlyName: "iOS (Swift)", Properties: []sdkProperty{
		{Name: "classPrefix", FriendlyName: "Class Prefix", Description: "What the names of classes begin with", Required: true},
	}},
	{ID: "java", FriendlyName: "Java SDK", Properties: []sdkProperty{
		{Name: "service.name", FriendlyName: "Service Name", Description: "The name of the service, in class names", Required: true},
		{Name: "java.package-name", FriendlyName: "Java Package Name", Description: "The package of the classes", Required: true},
		{Name: "java.build-system", FriendlyName: "Java Build System", Description: "gradle or maven", DefaultValue: "gradle"},
		{Name: "java.group-id", FriendlyName: "Java Group Id", Description: "The group ID of the project"},
		{Name: "java.artifact-id", FriendlyName: "Java Artifact Id", Description: "The artifact ID of the project"},
		{Name: "java.artifact-version", FriendlyName: "Java Artifact Version", Description: "The version of the project"},
		{Name: "java.license-text", FriendlyName: "Source Code License Text", Description: "The licence of the source code"},
	}},
	{ID: "ruby", FriendlyName: "Ruby", Properties: []sdkProperty{
		{Name: "service.name", FriendlyName: "Service Name", Description: "The name of the service, in module names", Required: true},
		{Name: "ruby.gem-name", FriendlyName: "Ruby Gem Name", Description: "The name of the gem"},
		{Name: "ruby.gem-version", FriendlyName: "Ruby Gem Version", Description: "The version of the gem"},
	}},
}

func getSDKTypes(_ context.Context, c *restjson.Call) (any, error) { return pageOf(c, sdkTypes) }

func getSDKType(_ context.Context, c *restjson.Call) (any, error) {
	for i := range sdkTypes {
		if sdkTypes[i].ID == c.Params["sdktype_id"] {
			return &sdkTypes[i], nil
		}
	}
	return nil, restjson.NotFound("Invalid SDK type specified")
}
