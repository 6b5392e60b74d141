package restapi

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) authorizerOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/authorizers"
	return []restjson.Operation{
		{Name: "CreateAuthorizer", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createAuthorizer},
		{Name: "GetAuthorizers", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getAuthorizers},
		{Name: "GetAuthorizer", Method: http.MethodGet, Path: path + "/{authorizer_id}", Status: http.StatusOK, Do: s.getAuthorizer},
		{Name: "UpdateAuthorizer", Method: http.MethodPatch, Path: path + "/{authorizer_id}", Status: http.StatusOK, Do: s.updateAuthorizer},
		{Name: "DeleteAuthorizer", Method: http.MethodDelete, Path: path + "/{authorizer_id}", Status: http.StatusAccepted, Do: s.deleteAuthorizer},
	}
}

// maxAuthorizers is Amazon's quota of an API.
const maxAuthorizers = 10

var (
	identitySourceForm = regexp.MustCompile(`^(method\.request\.(header|querystring)\.[^\s,]+|context\.[^\s,]+|stageVariables\.[A-Za-z0-9_]+)$`)
	authorizerURIForm  = regexp.MustCompile(`^arn:[a-z0-9-]+:apigateway:[^:]*:lambda:path/2015-03-31/functions/.+/invocations$`)
)

// checkAuthorizer tells what of an authorizer is not possible, and sets what follows from
// its type.
// See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html
func checkAuthorizer(a *Authorizer) error {
	if a.Name == "" {
		return restjson.BadRequest("Authorizer name must be non-empty")
	}
	switch a.Type {
	case "TOKEN", "REQUEST":
		// An endpoint of one's own is no ARN: Gatehouse calls webhooks too.
		if !authorizerURIForm.MatchString(stageVariable.ReplaceAllString(a.AuthorizerURI, "x")) && !strings.HasPrefix(a.AuthorizerURI, "https://") && !strings.HasPrefix(a.AuthorizerURI, "http://") {
			return restjson.BadRequest("Invalid Authorizer URI: %s. Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation.", a.AuthorizerURI)
		}
		if a.AuthType == "" {
			a.AuthType = "custom"
		}
	case "COGNITO_USER_POOLS":
		if len(a.ProviderARNs) == 0 {
			return restjson.BadRequest("COGNITO_USER_POOLS authorizers must specify at least one provider ARN")
		}
		if a.AuthType == "" {
			a.AuthType = "cognito_user_pools"
		}
	case "":
		return restjson.BadRequest("Enumeration value for Type must be non-empty")
	default:
		return restjson.BadRequest("Invalid Authorizer type specified. Valid options are TOKEN,REQUEST,COGNITO_USER_POOLS")
	}
	if a.Type != "REQUEST" || a.IdentitySource != "" {
		if a.IdentitySource == "" {
			return restjson.BadRequest("Identity source must be non-empty")
		}
		for _, source := range strings.Split(a.IdentitySource, ",") {
			if !identitySourceForm.MatchString(strings.TrimSpace(source)) {
				return invalidMapping(strings.TrimSpace(source))
			}
		}
	}
	if ttl := a.AuthorizerResultTTLInSeconds; ttl != nil && (*ttl < 0 || *ttl > 3600) {
		return restjson.BadRequest("Authorizer result TTL must be between 0 and 3600 seconds")
	}
	if a.Type == "REQUEST" && a.IdentitySource == "" && (a.AuthorizerResultTTLInSeconds == nil || *a.AuthorizerResultTTLInSeconds != 0) {
		return restjson.BadRequest("Identity source is required for REQUEST authorizers whose results are cached")
	}
	return nil
}

func (s *Service) createAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	var in Authorizer
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if err := checkAuthorizer(&in); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Authorizer, error) {
		folder, _, err := apiOf(tx, c)
		var told *restjson.Error
		if errors.As(err, &told) {
			// That is what Amazon answers here where there is no such API.
			return nil, store.ErrConflict
		}
		if err != nil {
			return nil, err
		}
		folder += authorizersFolder
		all, err := store.ReadDocuments[Authorizer](tx, folder)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(a Authorizer) bool { return a.Name == in.Name }) {
			return nil, restjson.Conflict("Authorizer name must be unique. Authorizer %s already exists in this RestApi.", in.Name)
		}
		if len(all) >= maxAuthorizers {
			return nil, limitExceeded("Maximum number of authorizers for this API has been reached. Please contact AWS if you need additional authorizers.")
		}
		a := in
		a.ID = restjson.NewID(6)
		return &a, store.WriteDocument(tx, folder+a.ID, a)
	})
}

// authorizerOf reads the authorizer that a call is about, with its key.
func authorizerOf(r store.Reader, c *restjson.Call) (key, folder string, a *Authorizer, err error) {
	folder, err = apiFolder(r, c)
	if err != nil {
		return "", "", nil, err
	}
	key = folder + authorizersFolder + c.Params["authorizer_id"]
	a, err = readRecord[Authorizer](r, key, restjson.NotFound("Invalid Authorizer identifier specified"))
	return key, folder, a, err
}

func (s *Service) getAuthorizers(ctx context.Context, c *restjson.Call) (any, error) {
	return listOf[Authorizer](ctx, s, c, authorizersFolder)
}

func (s *Service) getAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Authorizer, error) {
		_, _, a, err := authorizerOf(r, c)
		return a, err
	})
}

var authorizerPatches = []patchRule[Authorizer]{
	{"/name", opReplace, patchText(func(a *Authorizer) *string { return &a.Name })},
	{"/type", opReplace, patchText(func(a *Authorizer) *string { return &a.Type })},
	{"/authorizerUri", opReplace, patchText(func(a *Authorizer) *string { return &a.AuthorizerURI })},
	{"/authorizerCredentials", opReplace, patchText(func(a *Authorizer) *string { return &a.AuthorizerCredentials })},
	{"/authorizerResultTtlInSeconds", opReplace, func(a *Authorizer, o patchOperation, _ []string) error {
		n, err := whole(o)
		a.AuthorizerResultTTLInSeconds = &n
		return err
	}},
	{"/authType", opReplace, patchText(func(a *Authorizer) *string { return &a.AuthType })},
	{"/identityValidationExpression", opAddRemoveReplace, patchText(func(a *Authorizer) *string { return &a.IdentityValidationExpression })},
	{"/identitySource", opAddRemoveReplace, patchText(func(a *Authorizer) *string { return &a.IdentitySource })},
	{"/providerARNs", opAddRemove, patchSet(func(a *Authorizer) *[]string { return &a.ProviderARNs })},
}

func (s *Service) updateAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Authorizer, error) {
		key, _, a, err := authorizerOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(a, operations, pathsListed, authorizerPatches); err != nil {
			return nil, err
		}
		if err := checkAuthorizer(a); err != nil {
			return nil, err
		}
		return a, store.WriteDocument(tx, key, a)
	})
}

func (s *Service) deleteAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, folder, a, err := authorizerOf(tx, c)
		if err != nil {
			return err
		}
		where, used, err := methodWhere(tx, folder, func(m *Method) bool { return m.AuthorizerID == a.ID })
		if err != nil {
			return err
		}
		if used {
			return restjson.Conflict("Cannot delete authorizer '%s', is referenced in method: %s", a.Name, where)
		}
		tx.Delete(key)
		return nil
	})
}

// methodWhere names a method of an API, as in "/pets/GET", of which something holds.
func methodWhere(r store.Reader, folder string, holds func(*Method) bool) (string, bool, error) {
	resources, err := store.ReadDocuments[Resource](r, folder+resourcesFolder)
	if err != nil {
		return "", false, err
	}
	var found []string
	for _, resource := range resources {
		for name, m := range resource.ResourceMethods {
			if holds(&m) {
				found = append(found, strings.TrimSuffix(resource.Path, "/")+"/"+name)
			}
		}
	}
	if len(found) == 0 {
		return "", false, nil
	}
	return slices.Min(found), true, nil
}
