package restapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) methodOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}"
	const response = path + "/responses/{status_code}"
	return []restjson.Operation{
		{Name: "PutMethod", Method: http.MethodPut, Path: path, Status: http.StatusCreated, Do: s.putMethod},
		{Name: "GetMethod", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getMethod},
		{Name: "UpdateMethod", Method: http.MethodPatch, Path: path, Status: http.StatusOK, Do: s.updateMethod},
		{Name: "DeleteMethod", Method: http.MethodDelete, Path: path, Status: http.StatusNoContent, Do: s.deleteMethod},
		{Name: "PutMethodResponse", Method: http.MethodPut, Path: response, Status: http.StatusCreated, Do: s.putMethodResponse},
		{Name: "GetMethodResponse", Method: http.MethodGet, Path: response, Status: http.StatusOK, Do: s.getMethodResponse},
		{Name: "UpdateMethodResponse", Method: http.MethodPatch, Path: response, Status: http.StatusCreated, Do: s.updateMethodResponse},
		{Name: "DeleteMethodResponse", Method: http.MethodDelete, Path: response, Status: http.StatusNoContent, Do: s.deleteMethodResponse},
	}
}

// httpMethods are the names of methods that there are.
var httpMethods = []string{"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"}

// readMethod reads the method that a call is about, for answers.
func (s *Service) readMethod(ctx context.Context, c *restjson.Call, pick func(*Method) (any, error)) (any, error) {
	return view(ctx, s, func(r store.Reader) (any, error) {
		_, resource, err := resourceOf(r, c)
		if err != nil {
			return nil, err
		}
		m, ok := resource.ResourceMethods[c.Params["http_method"]]
		if !ok {
			return nil, restjson.NotFound("Invalid Method identifier specified")
		}
		return pick(&m)
	})
}

// changeMethod changes the method that a call is about, and gives what change does.
func (s *Service) changeMethod(ctx context.Context, c *restjson.Call, change func(tx store.Tx, folder string, r *Resource, m *Method) (any, error)) (any, error) {
	return update(ctx, s, func(tx store.Tx) (any, error) {
		key, resource, err := resourceOf(tx, c)
		if err != nil {
			return nil, err
		}
		name := c.Params["http_method"]
		m, ok := resource.ResourceMethods[name]
		if !ok {
			return nil, restjson.NotFound("Invalid Method identifier specified")
		}
		answer, err := change(tx, strings.TrimSuffix(key, resourcesFolder+resource.ID), resource, &m)
		if err != nil {
			return nil, err
		}
		resource.ResourceMethods[name] = m
		return answer, store.WriteDocument(tx, key, resource)
	})
}

func (s *Service) putMethod(ctx context.Context, c *restjson.Call) (any, error) {
	var in Method
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	name := c.Params["http_method"]
	if !slices.Contains(httpMethods, name) {
		return nil, restjson.BadRequest("Invalid HttpMethod specified. Valid options are %s", strings.Join(httpMethods, ","))
	}
	return update(ctx, s, func(tx store.Tx) (*Method, error) {
		key, resource, err := resourceOf(tx, c)
		if err != nil {
			return nil, err
		}
		if _, taken := resource.ResourceMethods[name]; taken {
			return nil, restjson.Conflict("Method already exists for this resource")
		}
		m, err := copyOf(in)
		if err != nil {
			return nil, err
		}
		m.HTTPMethod, m.MethodIntegration, m.MethodResponses = name, nil, nil
		if err := checkMethod(tx, strings.TrimSuffix(key, resourcesFolder+resource.ID), &m); err != nil {
			return nil, err
		}
		if resource.ResourceMethods == nil {
			resource.ResourceMethods = map[string]Method{}
		}
		resource.ResourceMethods[name] = m
		return &m, store.WriteDocument(tx, key, resource)
	})
}

// requestParameterForm is the name of a parameter of a method's requests.
var requestParameterForm = regexp.MustCompile(`^method\.request\.(path|querystring|header|multivaluequerystring|multivalueheader)\.([^\s]+)$`)

// checkMethod tells what of a method is not possible in its API.
func checkMethod(r store.Reader, folder string, m *Method) error {
	switch m.AuthorizationType {
	case "":
		return restjson.BadRequest("Enumeration value for AuthorizationType must be non-empty")
	case "NONE", "AWS_IAM":
		m.AuthorizerID = ""
	case "CUSTOM", "COGNITO_USER_POOLS":
		found := false
		if m.AuthorizerID != "" {
			a, err := readRecord[Authorizer](r, folder+authorizersFolder+m.AuthorizerID, errNone)
			if err != nil && err != errNone {
				return err
			}
			found = err == nil && (a.Type == "COGNITO_USER_POOLS") == (m.AuthorizationType == "COGNITO_USER_POOLS")
		}
		if !found {
			return restjson.BadRequest("Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.")
		}
	default:
		return restjson.BadRequest("Invalid Authorization Type specified. Valid options are NONE,AWS_IAM,CUSTOM,COGNITO_USER_POOLS")
	}
	if m.AuthorizationType != "COGNITO_USER_POOLS" && len(m.AuthorizationScopes) > 0 {
		return restjson.BadRequest("Authorization scopes are only supported for methods with a COGNITO_USER_POOLS authorization type")
	}
	if m.RequestValidatorID != "" {
		ok, err := hasRecord(r, folder+validatorsFolder+m.RequestValidatorID)
		if err != nil {
			return err
		}
		if !ok {
			return restjson.BadRequest("Invalid Request Validator identifier specified")
		}
	}
	if err := checkRequestParameters(m.RequestParameters); err != nil {
		return err
	}
	return checkModels(r, folder, m.RequestModels)
}

// parameterName is what the parameters of methods may be named: Amazon quotes it, and
// documents it nowhere.
var parameterName = regexp.MustCompile(`^[a-zA-Z0-9:._$-]+$`)

func checkRequestParameters(parameters map[string]bool) error {
	names := map[string]bool{}
	for _, parameter := range slices.Sorted(maps.Keys(parameters)) {
		form := requestParameterForm.FindStringSubmatch(parameter)
		switch {
		case form == nil:
			return invalidMapping(parameter)
		case !parameterName.MatchString(form[2]):
			return mappingProblem("Parameter name should match the following regular expression: %s", parameterName)
		case names[form[2]]:
			return restjson.BadRequest("Parameter names must be unique across querystring, header and path")
		}
		names[form[2]] = true
	}
	return nil
}

// checkModels tells which models of a method are none of the API.
func checkModels(r store.Reader, folder string, models map[string]string) error {
	for _, contentType := range slices.Sorted(maps.Keys(models)) {
		name := models[contentType]
		ok, err := hasRecord(r, folder+modelsFolder+name)
		if err != nil {
			return err
		}
		if !ok {
			return restjson.BadRequest("Invalid model identifier specified: %s", name)
		}
	}
	return nil
}

func invalidMapping(expression string) error {
	return mappingProblem("Invalid mapping expression specified: %s", expression)
}

// mappingProblem refuses parameters and mappings as Amazon does.
func mappingProblem(format string, args ...any) error {
	return restjson.BadRequest("Invalid mapping expression specified: Validation Result: warnings : [], errors : [%s]", fmt.Sprintf(format, args...))
}

func (s *Service) getMethod(ctx context.Context, c *restjson.Call) (any, error) {
	return s.readMethod(ctx, c, func(m *Method) (any, error) { return m, nil })
}

func (s *Service) deleteMethod(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, resource, err := resourceOf(tx, c)
		if err != nil {
			return err
		}
		name := c.Params["http_method"]
		if _, ok := resource.ResourceMethods[name]; !ok {
			return restjson.NotFound("Invalid Method identifier specified")
		}
		delete(resource.ResourceMethods, name)
		return store.WriteDocument(tx, key, resource)
	})
}

var methodPatches = []patchRule[Method]{
	{"/authorizationType", opReplace, patchText(func(m *Method) *string { return &m.AuthorizationType })},
	{"/authorizerId", opReplace, patchText(func(m *Method) *string { return &m.AuthorizerID })},
	{"/authorizationScopes", opAddRemove, patchSet(func(m *Method) *[]string { return &m.AuthorizationScopes })},
	{"/apiKeyRequired", opReplace, patchBool(func(m *Method) *bool { return &m.APIKeyRequired })},
	{"/operationName", opReplace, patchText(func(m *Method) *string { return &m.OperationName })},
	{"/requestValidatorId", opReplace, patchText(func(m *Method) *string { return &m.RequestValidatorID })},
	{"/requestParameters/{}", opAddRemoveReplace, patchFlags(func(m *Method) *map[string]bool { return &m.RequestParameters }, "")},
	{"/requestModels/{}", opAddRemoveReplace, patchMap(func(m *Method) *map[string]string { return &m.RequestModels }, "Content-Type specified was not found")},
}

func (s *Service) updateMethod(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return s.changeMethod(ctx, c, func(tx store.Tx, folder string, _ *Resource, m *Method) (any, error) {
		if err := applyPatch(m, operations, pathOnly, methodPatches); err != nil {
			return nil, err
		}
		return m, checkMethod(tx, folder, m)
	})
}

// statusForm is what the status of a response may be.
var statusForm = regexp.MustCompile(`^[1-5]\d\d$`)

// responseParameterForm is the name of a parameter of a method's responses.
var responseParameterForm = regexp.MustCompile(`^method\.response\.header\.([^\s]+)$`)

func checkMethodResponse(r store.Reader, folder string, response *MethodResponse) error {
	if !statusForm.MatchString(response.StatusCode) {
		return restjson.BadRequest("Invalid Response status code specified")
	}
	for _, parameter := range slices.Sorted(maps.Keys(response.ResponseParameters)) {
		form := responseParameterForm.FindStringSubmatch(parameter)
		switch {
		case form == nil:
			return invalidMapping(parameter)
		case !parameterName.MatchString(form[1]):
			return mappingProblem("Parameter name should match the following regular expression: %s", parameterName)
		}
	}
	return checkModels(r, folder, response.ResponseModels)
}

func (s *Service) putMethodResponse(ctx context.Context, c *restjson.Call) (any, error) {
	var in MethodResponse
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	in.StatusCode = c.Params["status_code"]
	return s.changeMethod(ctx, c, func(tx store.Tx, folder string, _ *Resource, m *Method) (any, error) {
		if _, taken := m.MethodResponses[in.StatusCode]; taken {
			return nil, restjson.Conflict("Response already exists for this resource")
		}
		if err := checkMethodResponse(tx, folder, &in); err != nil {
			return nil, err
		}
		if m.MethodResponses == nil {
			m.MethodResponses = map[string]MethodResponse{}
		}
		m.MethodResponses[in.StatusCode] = in
		return &in, nil
	})
}

// methodResponse is the response of a method that a call is about.
func methodResponse(c *restjson.Call, m *Method) (MethodResponse, error) {
	response, ok := m.MethodResponses[c.Params["status_code"]]
	if !ok {
		return response, restjson.NotFound("Invalid Response status code specified")
	}
	return response, nil
}

func (s *Service) getMethodResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return s.readMethod(ctx, c, func(m *Method) (any, error) { return methodResponse(c, m) })
}

var methodResponsePatches = []patchRule[MethodResponse]{
	{"/responseParameters/{}", opAddRemoveReplace, patchFlags(func(r *MethodResponse) *map[string]bool { return &r.ResponseParameters }, "")},
	{"/responseModels/{}", opAddRemoveReplace, patchMap(func(r *MethodResponse) *map[string]string { return &r.ResponseModels }, "Content-Type specified was not found")},
}

func (s *Service) updateMethodResponse(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return s.changeMethod(ctx, c, func(tx store.Tx, folder string, _ *Resource, m *Method) (any, error) {
		response, err := methodResponse(c, m)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(&response, operations, pathOnly, methodResponsePatches); err != nil {
			return nil, err
		}
		m.MethodResponses[response.StatusCode] = response
		return &response, checkMethodResponse(tx, folder, &response)
	})
}

func (s *Service) deleteMethodResponse(ctx context.Context, c *restjson.Call) (any, error) {
	_, err := s.changeMethod(ctx, c, func(_ store.Tx, _ string, _ *Resource, m *Method) (any, error) {
		response, err := methodResponse(c, m)
		delete(m.MethodResponses, response.StatusCode)
		return nil, err
	})
	return nil, err
}
