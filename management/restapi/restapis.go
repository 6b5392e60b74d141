package restapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) restAPIOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "CreateRestApi", Method: http.MethodPost, Path: "/restapis", Status: http.StatusCreated, Do: s.createRestAPI},
		{Name: "GetRestApis", Method: http.MethodGet, Path: "/restapis", Status: http.StatusOK, Do: s.getRestAPIs},
		{Name: "GetRestApi", Method: http.MethodGet, Path: "/restapis/{restapi_id}", Status: http.StatusOK, Do: s.getRestAPI},
		{Name: "UpdateRestApi", Method: http.MethodPatch, Path: "/restapis/{restapi_id}", Status: http.StatusOK, Do: s.updateRestAPI},
		{Name: "DeleteRestApi", Method: http.MethodDelete, Path: "/restapis/{restapi_id}", Status: http.StatusAccepted, Do: s.deleteRestAPI},
	}
}

// Bounds of an API's own document.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
const (
	maxName        = 1024
	maxCompression = 10485760
	maxPolicy      = 8192
)

// The models that every new API has.
var firstModels = []Model{
	{Name: "Empty", Description: "This is a default empty schema model", ContentType: "application/json",
		Schema: "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}"},
	{Name: "Error", Description: "This is a default error schema model", ContentType: "application/json",
		Schema: "{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Error Schema\",\n  \"type\" : \"object\",\n  \"properties\" : {\n    \"message\" : { \"type\" : \"string\" }\n  }\n}"},
}

func (s *Service) createRestAPI(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		RestAPI
		CloneFrom   string  `json:"cloneFrom"`
		Description *string `json:"description"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	api := in.RestAPI
	if in.Description != nil {
		if *in.Description == "" {
			return nil, restjson.BadRequest("Description cannot be an empty string")
		}
		api.Description = *in.Description
	}
	if strings.TrimSpace(api.Name) == "" {
		return nil, restjson.BadRequest("Name cannot be empty")
	}
	types := ""
	if api.EndpointConfiguration != nil {
		types = strings.Join(api.EndpointConfiguration.Types, ",")
	}
	endpoint, err := endpointOf(types)
	if err != nil {
		return nil, err
	}
	if given := api.EndpointConfiguration; given != nil {
		endpoint.VPCEndpointIDs = given.VPCEndpointIDs
		if given.IPAddressType != "" {
			endpoint.IPAddressType = given.IPAddressType
		}
	}
	api.EndpointConfiguration = &endpoint
	if api.APIKeySource == "" {
		api.APIKeySource = "HEADER"
	}
	if err := checkAPI(&api); err != nil {
		return nil, err
	}
	if err := checkTags(api.Tags); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*RestAPI, error) {
		api, err := copyOf(api)
		if err != nil {
			return nil, err
		}
		api.ID, api.RootResourceID, api.CreatedDate = restjson.NewID(10), restjson.NewID(10), now()
		content := &Content{
			API:       api,
			Resources: []Resource{{ID: api.RootResourceID, Path: "/"}},
		}
		for _, m := range firstModels {
			m.ID = restjson.NewID(6)
			content.Models = append(content.Models, m)
		}
		if in.CloneFrom != "" {
			original, err := originalOf(tx, c, in.CloneFrom)
			if err != nil {
				return nil, err
			}
			content = cloneOf(original, api)
		}
		if err := WriteContent(tx, c.Region, content); err != nil {
			return nil, err
		}
		api = shownAPI(content.API)
		return &api, nil
	})
}

// checkAPI tells what of an API's own document is not possible.
func checkAPI(api *RestAPI) error {
	if strings.TrimSpace(api.Name) == "" {
		return restjson.BadRequest("Name cannot be empty")
	}
	if len(api.Name) > maxName {
		return restjson.BadRequest("Invalid API name, can be at most %d characters.", maxName)
	}
	if n := api.MinimumCompressionSize; n != nil && (*n < 0 || *n > maxCompression) {
		return restjson.BadRequest("Invalid minimum compression size, must be between 0 and %d", maxCompression)
	}
	if api.APIKeySource != "HEADER" && api.APIKeySource != "AUTHORIZER" {
		return restjson.BadRequest("Invalid API key source specified. Valid options are HEADER,AUTHORIZER")
	}
	if e := api.EndpointConfiguration; e != nil {
		if e.IPAddressType != "ipv4" && e.IPAddressType != "dualstack" {
			return restjson.BadRequest("Invalid ipAddressType specified. Valid options are ipv4,dualstack")
		}
		if slices.Contains(e.Types, "PRIVATE") && e.IPAddressType != "dualstack" {
			return restjson.BadRequest("Only dualstack ipAddressType is supported for Private APIs.")
		}
	}
	if api.Policy != "" && (len(api.Policy) > maxPolicy || !isPolicy(api.Policy)) {
		return restjson.BadRequest("Invalid policy document. Please check the policy syntax and ensure that Principals are valid.")
	}
	return nil
}

// isPolicy tells whether a text is an object with statements. What these say is checked where they
// are to be in force. A null must not get there: it would be no policy.
func isPolicy(text string) bool {
	var policy struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(text), &policy) != nil {
		return false
	}
	statements := strings.TrimSpace(string(policy.Statement))
	return strings.HasPrefix(statements, "{") || strings.HasPrefix(statements, "[")
}

func (s *Service) getRestAPIs(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[RestAPI], error) {
		entries, err := r.Children(c.Region + "/restapis/")
		if err != nil {
			return page[RestAPI]{}, err
		}
		apis := make([]RestAPI, 0, len(entries))
		for _, e := range entries {
			var api RestAPI
			if err := json.Unmarshal(e.Value, &api); err != nil {
				return page[RestAPI]{}, err
			}
			apis = append(apis, shownAPI(api))
		}
		return pageOf(c, apis)
	})
}

func (s *Service) getRestAPI(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*taggedAPI, error) {
		_, api, err := apiOf(r, c)
		if err != nil {
			return nil, err
		}
		return &taggedAPI{shownAPI(*api), orEmpty(api.Tags)}, nil
	})
}

// shownAPI is an API's document as it is sent: Amazon escapes a policy once more than
// JSON does, slashes included, and clients such as Terraform take that away again.
func shownAPI(api RestAPI) RestAPI {
	// A text can always be written as JSON.
	escaped, _ := json.Marshal(api.Policy)
	api.Policy = strings.ReplaceAll(string(escaped[1:len(escaped)-1]), "/", `\/`)
	return api
}

// taggedAPI always has tags, as what GetRestApi answers does.
type taggedAPI struct {
	RestAPI
	Tags map[string]string `json:"tags"`
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func (s *Service) deleteRestAPI(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return err
		}
		id := c.Params["restapi_id"]
		mapped, err := mappedDomains(tx, c.Region, id, "")
		if err != nil {
			return err
		}
		if mapped != "" {
			return restjson.BadRequest("Deleting RestApi %s failed. Please remove all base path mappings related to the RestApi in your domains: %s.", id, mapped)
		}
		tx.DeleteAll(folder)
		tx.Delete(strings.TrimSuffix(folder, "/"))
		return nil
	})
}

var restAPIPatches = []patchRule[RestAPI]{
	{"/name", opReplace, patchText(func(a *RestAPI) *string { return &a.Name })},
	{"/description", opAddRemoveReplace, patchText(func(a *RestAPI) *string { return &a.Description })},
	{"/apiKeySource", opReplace, patchText(func(a *RestAPI) *string { return &a.APIKeySource })},
	{"/disableExecuteApiEndpoint", opReplace, patchBool(func(a *RestAPI) *bool { return &a.DisableExecuteAPIEndpoint })},
	{"/policy", opReplace, patchText(func(a *RestAPI) *string { return &a.Policy })},
	{"/securityPolicy", opReplace, patchText(func(a *RestAPI) *string { return &a.SecurityPolicy })},
	{"/endpointAccessMode", opReplace, patchText(func(a *RestAPI) *string { return &a.EndpointAccessMode })},
	{"/version", opReplace, patchText(func(a *RestAPI) *string { return &a.Version })},
	{"/minimumCompressionSize", opAddRemoveReplace, patchCompression},
	{"/binaryMediaTypes/{}", opAddRemoveReplace, patchSet(func(a *RestAPI) *[]string { return &a.BinaryMediaTypes })},
	{"/endpointConfiguration/types/{}", opReplace, patchEndpointType},
	{"/endpointConfiguration/ipAddressType", opReplace, patchText(func(a *RestAPI) *string { return &endpointOfAPI(a).IPAddressType })},
	{"/endpointConfiguration/vpcEndpointIds", opAddRemove, patchSet(func(a *RestAPI) *[]string { return &endpointOfAPI(a).VPCEndpointIDs })},
}

func endpointOfAPI(a *RestAPI) *EndpointConfiguration {
	if a.EndpointConfiguration == nil {
		a.EndpointConfiguration = &EndpointConfiguration{Types: []string{"EDGE"}, IPAddressType: "ipv4"}
	}
	return a.EndpointConfiguration
}

// patchCompression turns compression off without a value.
func patchCompression(a *RestAPI, o patchOperation, _ []string) error {
	if o.Op == "remove" || o.text() == "" || o.text() == "null" {
		a.MinimumCompressionSize = nil
		return nil
	}
	n, err := strconv.Atoi(o.text())
	if err != nil {
		return restjson.BadRequest("Invalid minimum compression size, must be between 0 and %d", maxCompression)
	}
	a.MinimumCompressionSize = &n
	return nil
}

// patchEndpointType puts another type in the place of the one that the path names.
func patchEndpointType(a *RestAPI, o patchOperation, names []string) error {
	e := endpointOfAPI(a)
	at := slices.Index(e.Types, names[0])
	if at < 0 && names[0] != "0" {
		return restjson.NotFound("Invalid parameter name specified")
	}
	endpoint, err := endpointOf(o.text())
	if err != nil {
		return err
	}
	endpoint.VPCEndpointIDs = e.VPCEndpointIDs
	*e = endpoint
	return nil
}

func (s *Service) updateRestAPI(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*taggedAPI, error) {
		folder, api, err := apiOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(api, operations, pathOnly, restAPIPatches); err != nil {
			return nil, err
		}
		if err := checkAPI(api); err != nil {
			return nil, err
		}
		return &taggedAPI{shownAPI(*api), orEmpty(api.Tags)}, store.WriteDocument(tx, strings.TrimSuffix(folder, "/"), api)
	})
}
