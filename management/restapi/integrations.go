package restapi

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) integrationOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration"
	const response = path + "/responses/{status_code}"
	return []restjson.Operation{
		{Name: "PutIntegration", Method: http.MethodPut, Path: path, Status: http.StatusCreated, Do: s.putIntegration},
		{Name: "GetIntegration", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getIntegration},
		{Name: "UpdateIntegration", Method: http.MethodPatch, Path: path, Status: http.StatusOK, Do: s.updateIntegration},
		{Name: "DeleteIntegration", Method: http.MethodDelete, Path: path, Status: http.StatusNoContent, Do: s.deleteIntegration},
		{Name: "PutIntegrationResponse", Method: http.MethodPut, Path: response, Status: http.StatusCreated, Do: s.putIntegrationResponse},
		{Name: "GetIntegrationResponse", Method: http.MethodGet, Path: response, Status: http.StatusOK, Do: s.getIntegrationResponse},
		{Name: "UpdateIntegrationResponse", Method: http.MethodPatch, Path: response, Status: http.StatusOK, Do: s.updateIntegrationResponse},
		{Name: "DeleteIntegrationResponse", Method: http.MethodDelete, Path: response, Status: http.StatusNoContent, Do: s.deleteIntegrationResponse},
	}
}

// sentIntegration is an integration as PutIntegration takes it: there the method that is
// called has another name than in answers.
type sentIntegration struct {
	Integration
	IntegrationHTTPMethod string `json:"integrationHttpMethod"`
}

func (s *Service) putIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	var in sentIntegration
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	return s.changeMethod(ctx, c, func(_ store.Tx, _ string, r *Resource, m *Method) (any, error) {
		i, err := copyOf(in.Integration)
		if err != nil {
			return nil, err
		}
		i.HTTPMethod = cmp.Or(in.IntegrationHTTPMethod, i.HTTPMethod)
		i.PassthroughBehavior = cmp.Or(i.PassthroughBehavior, "WHEN_NO_MATCH")
		i.TimeoutInMillis = cmp.Or(i.TimeoutInMillis, 29000)
		i.CacheNamespace = cmp.Or(i.CacheNamespace, r.ID)
		if strings.HasPrefix(i.Type, "HTTP") {
			i.ConnectionType = cmp.Or(i.ConnectionType, "INTERNET")
		}
		i.ResponseTransferMode = cmp.Or(i.ResponseTransferMode, "BUFFERED")
		// A new integration of a method keeps the responses that are there.
		i.IntegrationResponses = nil
		if m.MethodIntegration != nil {
			i.IntegrationResponses = m.MethodIntegration.IntegrationResponses
		}
		if i.CacheKeyParameters == nil {
			i.CacheKeyParameters = []string{}
		}
		if err := checkIntegration(m, &i); err != nil {
			return nil, err
		}
		m.MethodIntegration = &i
		return &i, nil
	})
}

var (
	arnForm = regexp.MustCompile(`^arn:[a-z0-9-]+:apigateway:[^:]*:[^:/]+:(.*)$`)
	// integrationParameterForm is what a mapping of a request may set.
	integrationParameterForm = regexp.MustCompile(`^integration\.request\.(path|querystring|header|multivaluequerystring|multivalueheader)\.[^\s]+$`)
	// mappingSourceForm is what a mapping of a request may take.
	mappingSourceForm = regexp.MustCompile(`^('[^']*'|method\.request\.(body(\.\S+|\[\S+)?|(path|querystring|header|multivaluequerystring|multivalueheader)\.\S+)|context\.\S+|stageVariables\.[A-Za-z0-9_]+)$`)
)

// minTimeout is Amazon's, in milliseconds.
const minTimeout = 50

// maxTimeout is what Amazon's quota for it can be raised to, and what streams may take.
func maxTimeout(transferMode string) int {
	if transferMode == "STREAM" {
		return 900_000
	}
	return 300_000
}

// checkIntegration tells what of an integration is not possible for its method.
// See https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html
func checkIntegration(m *Method, i *Integration) error {
	switch i.Type {
	case "HTTP", "HTTP_PROXY", "AWS", "AWS_PROXY", "MOCK":
	case "":
		return restjson.BadRequest("Enumeration value for Type must be non-empty")
	default:
		return restjson.BadRequest("Invalid Integration Type specified. Valid options are HTTP,AWS,MOCK,HTTP_PROXY,AWS_PROXY")
	}
	if i.Type != "MOCK" {
		if i.HTTPMethod == "" {
			return restjson.BadRequest("Enumeration value for HttpMethod must be non-empty")
		}
		if !slices.Contains(httpMethods, i.HTTPMethod) {
			return restjson.BadRequest("Invalid HttpMethod specified. Valid options are %s", strings.Join(httpMethods, ","))
		}
		if err := checkURI(i); err != nil {
			return err
		}
	}
	if !slices.Contains([]string{"WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"}, i.PassthroughBehavior) {
		return restjson.BadRequest("Invalid passthroughBehavior specified. Valid options are WHEN_NO_MATCH,WHEN_NO_TEMPLATES,NEVER")
	}
	if err := checkContentHandling(i.ContentHandling); err != nil {
		return err
	}
	if i.Credentials != "" && !strings.HasPrefix(stageVariable.ReplaceAllString(i.Credentials, "arn:"), "arn:") {
		return restjson.BadRequest("Invalid ARN specified in the request")
	}
	if most := maxTimeout(i.ResponseTransferMode); i.TimeoutInMillis < minTimeout || i.TimeoutInMillis > most {
		return restjson.BadRequest("Timeout should be between %d ms and %d ms", minTimeout, most)
	}
	switch i.ConnectionType {
	case "", "INTERNET":
	case "VPC_LINK":
		if i.ConnectionID == "" {
			return restjson.BadRequest("VPC Links require a connectionId")
		}
	default:
		return restjson.BadRequest("Invalid connectionType specified. Valid options are INTERNET,VPC_LINK")
	}
	if i.ResponseTransferMode != "BUFFERED" && i.ResponseTransferMode != "STREAM" && i.ResponseTransferMode != "" {
		return restjson.BadRequest("Invalid responseTransferMode specified. Valid options are BUFFERED,STREAM")
	}
	for _, target := range slices.Sorted(maps.Keys(i.RequestParameters)) {
		from := i.RequestParameters[target]
		switch {
		case !integrationParameterForm.MatchString(target):
			return invalidMapping(target)
		case !mappingSourceForm.MatchString(from):
			return invalidMapping(from)
		case !declares(m, from):
			return undeclaredParameter(from)
		}
	}
	for _, parameter := range i.CacheKeyParameters {
		switch {
		case requestParameterForm.MatchString(parameter) && declares(m, parameter):
		case integrationParameterForm.MatchString(parameter) && i.RequestParameters[parameter] != "":
		default:
			return restjson.BadRequest("Invalid cache key parameter specified")
		}
	}
	return nil
}

// declares reports whether a method has the parameter that a mapping takes, if it is one.
// What may have several values is declared as what has one, too.
func declares(m *Method, from string) bool {
	if !requestParameterForm.MatchString(from) {
		return true
	}
	_, ok := m.RequestParameters[from]
	_, single := m.RequestParameters[strings.Replace(from, ".multivalue", ".", 1)]
	return ok || single
}

// undeclaredParameter refuses a parameter that a method says nothing of.
func undeclaredParameter(name string) error {
	return mappingProblem("Invalid mapping expression parameter specified: %s", name)
}

func checkContentHandling(handling string) error {
	switch handling {
	case "", "CONVERT_TO_BINARY", "CONVERT_TO_TEXT":
		return nil
	}
	return restjson.BadRequest("Invalid contentHandling specified. Valid options are CONVERT_TO_BINARY,CONVERT_TO_TEXT")
}

func checkURI(i *Integration) error {
	if strings.HasPrefix(i.Type, "HTTP") {
		// Stage variables may be anything, the host included.
		text := stageVariable.ReplaceAllString(i.URI, "x")
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return restjson.BadRequest("Invalid HTTP endpoint specified for URI")
		}
		return nil
	}
	if !strings.HasPrefix(i.URI, "arn:") {
		return restjson.BadRequest("Invalid ARN specified in the request")
	}
	form := arnForm.FindStringSubmatch(i.URI)
	switch {
	case form == nil:
		return restjson.BadRequest("Invalid ARN. ARN is not well formed %s", i.URI)
	case !strings.HasPrefix(form[1], "path/") && !strings.HasPrefix(form[1], "action/"):
		return restjson.BadRequest("AWS ARN for integration must contain path or action")
	case i.Type == "AWS_PROXY" && !strings.Contains(i.URI, ":lambda:path/") && !strings.Contains(i.URI, ":firehose:"):
		return restjson.BadRequest("Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.")
	}
	return nil
}

var stageVariable = regexp.MustCompile(`\$\{stageVariables\.[A-Za-z0-9_]+\}`)

// integrationOf is the integration of a method that a call is about.
func integrationOf(m *Method) (*Integration, error) {
	if m.MethodIntegration == nil {
		return nil, restjson.NotFound("Invalid Integration identifier specified")
	}
	return m.MethodIntegration, nil
}

func (s *Service) getIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	return s.readMethod(ctx, c, func(m *Method) (any, error) {
		return integrationOf(m)
	})
}

func (s *Service) deleteIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	_, err := s.changeMethod(ctx, c, func(_ store.Tx, _ string, _ *Resource, m *Method) (any, error) {
		_, err := integrationOf(m)
		m.MethodIntegration = nil
		return nil, err
	})
	return nil, err
}

var integrationPatches = []patchRule[Integration]{
	{"/cacheKeyParameters/{}", opAddRemoveReplace, patchSet(func(i *Integration) *[]string { return &i.CacheKeyParameters })},
	{"/requestParameters/{}", opAddRemoveReplace, patchMap(func(i *Integration) *map[string]string { return &i.RequestParameters }, "Invalid parameter name specified")},
	{"/requestTemplates/{}", opAddRemoveReplace, patchMap(func(i *Integration) *map[string]string { return &i.RequestTemplates }, "Content-Type specified was not found")},
	{"/cacheNamespace", opReplace, patchText(func(i *Integration) *string { return &i.CacheNamespace })},
	{"/connectionId", opReplace, patchText(func(i *Integration) *string { return &i.ConnectionID })},
	{"/connectionType", opReplace, patchText(func(i *Integration) *string { return &i.ConnectionType })},
	{"/contentHandling", opReplace, patchText(func(i *Integration) *string { return &i.ContentHandling })},
	{"/credentials", opReplace, patchText(func(i *Integration) *string { return &i.Credentials })},
	{"/httpMethod", opReplace, patchText(func(i *Integration) *string { return &i.HTTPMethod })},
	{"/integrationTarget", opReplace, patchText(func(i *Integration) *string { return &i.IntegrationTarget })},
	{"/passthroughBehavior", opReplace, patchText(func(i *Integration) *string { return &i.PassthroughBehavior })},
	{"/responseTransferMode", opReplace, patchText(func(i *Integration) *string { return &i.ResponseTransferMode })},
	{"/timeoutInMillis", opReplace, func(i *Integration, o patchOperation, _ []string) (err error) {
		i.TimeoutInMillis, err = whole(o)
		return err
	}},
	{"/tlsConfig/insecureSkipVerification", opReplace, patchBool(func(i *Integration) *bool {
		if i.TLSConfig == nil {
			i.TLSConfig = &TLSConfig{}
		}
		return &i.TLSConfig.InsecureSkipVerification
	})},
	{"/uri", opReplace, patchText(func(i *Integration) *string { return &i.URI })},
}

func (s *Service) updateIntegration(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return s.changeMethod(ctx, c, func(_ store.Tx, _ string, _ *Resource, m *Method) (any, error) {
		i, err := integrationOf(m)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(i, operations, pathOnly, integrationPatches); err != nil {
			return nil, err
		}
		return i, checkIntegration(m, i)
	})
}

// responseSourceForm is what a mapping of a response may take.
var responseSourceForm = regexp.MustCompile(`^('[^']*'|integration\.response\.(body(\.\S+|\[\S+)?|header\.\S+|multivalueheader\.\S+)|context\.\S+|stageVariables\.[A-Za-z0-9_]+)$`)

// checkIntegrationResponse tells what of a response is not possible for its method.
func checkIntegrationResponse(m *Method, r *IntegrationResponse) error {
	declared, ok := m.MethodResponses[r.StatusCode]
	if !ok && len(r.ResponseParameters) > 0 {
		return mappingProblem("No method response exists for method.")
	}
	if !ok {
		return restjson.NotFound("Invalid Response status code specified")
	}
	if err := checkContentHandling(r.ContentHandling); err != nil {
		return err
	}
	for _, target := range slices.Sorted(maps.Keys(r.ResponseParameters)) {
		from := r.ResponseParameters[target]
		if _, ok := declared.ResponseParameters[target]; !ok {
			return undeclaredParameter(target)
		}
		if !responseSourceForm.MatchString(from) {
			return invalidMapping(from)
		}
	}
	return nil
}

func (s *Service) putIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	var in IntegrationResponse
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	in.StatusCode = c.Params["status_code"]
	return s.changeMethod(ctx, c, func(_ store.Tx, _ string, _ *Resource, m *Method) (any, error) {
		i, err := integrationOf(m)
		if err != nil {
			return nil, err
		}
		if err := checkIntegrationResponse(m, &in); err != nil {
			return nil, err
		}
		if i.IntegrationResponses == nil {
			i.IntegrationResponses = map[string]IntegrationResponse{}
		}
		i.IntegrationResponses[in.StatusCode] = in
		return &in, nil
	})
}

// integrationResponseOf is the response of an integration that a call is about.
func integrationResponseOf(c *restjson.Call, m *Method) (IntegrationResponse, error) {
	i, err := integrationOf(m)
	if err != nil {
		return IntegrationResponse{}, err
	}
	response, ok := i.IntegrationResponses[c.Params["status_code"]]
	if !ok {
		return response, restjson.NotFound("Invalid Response status code specified")
	}
	return response, nil
}

func (s *Service) getIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return s.readMethod(ctx, c, func(m *Method) (any, error) { return integrationResponseOf(c, m) })
}

var integrationResponsePatches = []patchRule[IntegrationResponse]{
	{"/contentHandling", opReplace, patchText(func(r *IntegrationResponse) *string { return &r.ContentHandling })},
	{"/selectionPattern", opReplace, patchText(func(r *IntegrationResponse) *string { return &r.SelectionPattern })},
	{"/responseParameters/{}", opAddRemoveReplace, patchMap(func(r *IntegrationResponse) *map[string]string { return &r.ResponseParameters }, "Invalid parameter name specified")},
	{"/responseTemplates/{}", opAddRemoveReplace, patchMap(func(r *IntegrationResponse) *map[string]string { return &r.ResponseTemplates }, "Content-Type specified was not found")},
}

func (s *Service) updateIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return s.changeMethod(ctx, c, func(_ store.Tx, _ string, _ *Resource, m *Method) (any, error) {
		response, err := integrationResponseOf(c, m)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(&response, operations, pathOnly, integrationResponsePatches); err != nil {
			return nil, err
		}
		m.MethodIntegration.IntegrationResponses[response.StatusCode] = response
		return &response, checkIntegrationResponse(m, &response)
	})
}

func (s *Service) deleteIntegrationResponse(ctx context.Context, c *restjson.Call) (any, error) {
	_, err := s.changeMethod(ctx, c, func(_ store.Tx, _ string, _ *Resource, m *Method) (any, error) {
		response, err := integrationResponseOf(c, m)
		if err == nil {
			delete(m.MethodIntegration.IntegrationResponses, response.StatusCode)
		}
		return nil, err
	})
	return nil, err
}
