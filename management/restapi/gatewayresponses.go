package restapi

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) gatewayResponseOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/gatewayresponses"
	return []restjson.Operation{
		{Name: "GetGatewayResponses", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getGatewayResponses},
		{Name: "GetGatewayResponse", Method: http.MethodGet, Path: path + "/{response_type}", Status: http.StatusOK, Do: s.getGatewayResponse},
		{Name: "PutGatewayResponse", Method: http.MethodPut, Path: path + "/{response_type}", Status: http.StatusCreated, Do: s.putGatewayResponse},
		{Name: "UpdateGatewayResponse", Method: http.MethodPatch, Path: path + "/{response_type}", Status: http.StatusOK, Do: s.updateGatewayResponse},
		{Name: "DeleteGatewayResponse", Method: http.MethodDelete, Path: path + "/{response_type}", Status: http.StatusAccepted, Do: s.deleteGatewayResponse},
	}
}

// defaultTemplate is the body of a response that is not customised.
const defaultTemplate = `{"message":$context.error.messageString}`

// responseTypes are all types, sorted by name.
var responseTypes = func() []string {
	names := []string{string(gateway.Default4XX), string(gateway.Default5XX)}
	for t := range gateway.ResponseDefaults {
		names = append(names, string(t))
	}
	slices.Sort(names)
	return names
}()

// defaultGatewayResponse is a response that is not customised. The statuses of the two
// classes are those of what was refused.
func defaultGatewayResponse(name string) *GatewayResponse {
	out := &GatewayResponse{
		ResponseType: name, DefaultResponse: true,
		ResponseParameters: map[string]string{}, ResponseTemplates: map[string]string{"application/json": defaultTemplate},
	}
	if d, ok := gateway.ResponseDefaults[gateway.ResponseType(name)]; ok {
		out.StatusCode = strconv.Itoa(d.Status)
	}
	return out
}

// checkType refuses types that there are not.
func checkType(c *restjson.Call) (string, error) {
	name := c.Params["response_type"]
	if !slices.Contains(responseTypes, name) {
		return "", validationError("1 validation error detected: Value '%s' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: [%s]", name, strings.Join(responseTypes, ", "))
	}
	return name, nil
}

func (s *Service) getGatewayResponses(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[*GatewayResponse], error) {
		folder, err := apiFolder(r, c)
		if err != nil {
			return page[*GatewayResponse]{}, err
		}
		custom, err := store.ReadDocuments[GatewayResponse](r, folder+gatewayResponsesFolder)
		if err != nil {
			return page[*GatewayResponse]{}, err
		}
		all := make([]*GatewayResponse, 0, len(responseTypes))
		for _, name := range responseTypes {
			at := slices.IndexFunc(custom, func(r GatewayResponse) bool { return r.ResponseType == name })
			if at < 0 {
				all = append(all, defaultGatewayResponse(name))
			} else {
				all = append(all, &custom[at])
			}
		}
		if c.Query.Get("limit") == "" {
			// They are few: all are one page.
			return page[*GatewayResponse]{Items: all}, nil
		}
		return pageOf(c, all)
	})
}

// gatewayResponseOf reads the response that a call is about, with its key, customised or
// not.
func gatewayResponseOf(r store.Reader, c *restjson.Call) (key string, response *GatewayResponse, err error) {
	folder, err := apiFolder(r, c)
	if err != nil {
		return "", nil, err
	}
	name, err := checkType(c)
	if err != nil {
		return "", nil, err
	}
	key = folder + gatewayResponsesFolder + name
	response, err = readRecord[GatewayResponse](r, key, errNone)
	if err == errNone {
		return key, defaultGatewayResponse(name), nil
	}
	return key, response, err
}

func (s *Service) getGatewayResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*GatewayResponse, error) {
		_, response, err := gatewayResponseOf(r, c)
		return response, err
	})
}

var gatewayParameterForm = regexp.MustCompile(`^gatewayresponse\.header\.[^\s]+$`)

// gatewaySourceForm is what a parameter may be taken from.
var gatewaySourceForm = regexp.MustCompile(`^('[^']*'|method\.request\.(path|querystring|header|multivaluequerystring|multivalueheader)\.\S+|method\.request\.body\S*|context\.\S+|stageVariables\.[A-Za-z0-9_]+)$`)

func checkGatewayResponse(r *GatewayResponse) error {
	if r.StatusCode != "" && !statusForm.MatchString(r.StatusCode) {
		return restjson.BadRequest("Invalid status code specified: %s", r.StatusCode)
	}
	for _, name := range slices.Sorted(maps.Keys(r.ResponseParameters)) {
		from := r.ResponseParameters[name]
		switch {
		case from == "":
			return restjson.BadRequest("Invalid null or empty value in responseParameters")
		case !gatewayParameterForm.MatchString(name):
			return invalidMapping(name)
		case !gatewaySourceForm.MatchString(from):
			return invalidMapping(from)
		}
	}
	for _, template := range r.ResponseTemplates {
		if template == "" {
			return restjson.BadRequest("Invalid null or empty value in responseTemplates")
		}
	}
	return nil
}

func (s *Service) putGatewayResponse(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		StatusCode         *string            `json:"statusCode"`
		ResponseParameters map[string]*string `json:"responseParameters"`
		ResponseTemplates  map[string]*string `json:"responseTemplates"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*GatewayResponse, error) {
		key, before, err := gatewayResponseOf(tx, c)
		if err != nil {
			return nil, err
		}
		out := defaultGatewayResponse(before.ResponseType)
		out.DefaultResponse = false
		if in.StatusCode != nil {
			out.StatusCode = *in.StatusCode
		}
		for name, value := range in.ResponseParameters {
			if value == nil {
				return nil, restjson.BadRequest("Invalid null or empty value in responseParameters")
			}
			out.ResponseParameters[name] = *value
		}
		if in.ResponseTemplates != nil {
			out.ResponseTemplates = map[string]string{}
		}
		for name, value := range in.ResponseTemplates {
			if value == nil {
				return nil, restjson.BadRequest("Invalid null or empty value in responseTemplates")
			}
			out.ResponseTemplates[name] = *value
		}
		if err := checkGatewayResponse(out); err != nil {
			return nil, err
		}
		return out, store.WriteDocument(tx, key, out)
	})
}

var gatewayResponsePatches = []patchRule[GatewayResponse]{
	{"/statusCode", opReplace, patchText(func(r *GatewayResponse) *string { return &r.StatusCode })},
	{"/responseParameters/{}", opAddRemoveReplace, patchMap(func(r *GatewayResponse) *map[string]string { return &r.ResponseParameters }, "Invalid parameter name specified")},
	{"/responseTemplates/{}", opAddRemoveReplace, patchMap(func(r *GatewayResponse) *map[string]string { return &r.ResponseTemplates }, "Content-Type specified was not found")},
}

func (s *Service) updateGatewayResponse(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*GatewayResponse, error) {
		key, response, err := gatewayResponseOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(response, operations, pathOnly, gatewayResponsePatches); err != nil {
			return nil, err
		}
		response.DefaultResponse = false
		if err := checkGatewayResponse(response); err != nil {
			return nil, err
		}
		return response, store.WriteDocument(tx, key, response)
	})
}

func (s *Service) deleteGatewayResponse(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, response, err := gatewayResponseOf(tx, c)
		if err != nil {
			return err
		}
		if response.DefaultResponse {
			return restjson.NotFound("Gateway response type not defined on api")
		}
		tx.Delete(key)
		return nil
	})
}
