package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Types of authorizers.
const (
	authorizerRequest = "REQUEST"
	authorizerJWT     = "JWT"
)

const maxAudiences = 50

var authorizerMembers = []string{
	"authorizerCredentialsArn", "authorizerPayloadFormatVersion", "authorizerResultTtlInSeconds", "authorizerType", "authorizerUri",
	"enableSimpleResponses", "identitySource", "identityValidationExpression", "jwtConfiguration", "name",
}

func (s *Service) authorizerOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/authorizers"
	return []restjson.Operation{
		{Name: "GetAuthorizers", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getAuthorizers},
		{Name: "CreateAuthorizer", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createAuthorizer},
		{Name: "GetAuthorizer", Method: http.MethodGet, Path: path + "/{authorizerId}", Status: http.StatusOK, Do: s.getAuthorizer},
		{Name: "UpdateAuthorizer", Method: http.MethodPatch, Path: path + "/{authorizerId}", Status: http.StatusOK, Do: s.updateAuthorizer},
		{Name: "DeleteAuthorizer", Method: http.MethodDelete, Path: path + "/{authorizerId}", Status: http.StatusNoContent, Do: s.deleteAuthorizer},
	}
}

func authorizerPart(r store.Reader, c *restjson.Call) (*API, *Authorizer, error) {
	return part[Authorizer](r, c, "/authorizers/", "Authorizer", "authorizerId")
}

func (s *Service) getAuthorizers(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[Authorizer], error) {
		if _, err := getAPI(r, c); err != nil {
			return nil, err
		}
		return list[Authorizer](r, c, apiKey(c)+"/authorizers/", nil)
	})
}

func (s *Service) getAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Authorizer, error) {
		_, a, err := authorizerPart(r, c)
		return a, err
	})
}

func (s *Service) createAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, authorizerMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Authorizer, error) {
		api, err := getAPI(tx, c)
		if err != nil {
			return nil, err
		}
		a := &Authorizer{AuthorizerID: restjson.NewID(shortIDLength)}
		if err := in.into(a); err != nil {
			return nil, err
		}
		return a, s.putAuthorizer(ctx, tx, c, api, a)
	})
}

func (s *Service) updateAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, authorizerMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Authorizer, error) {
		api, a, err := authorizerPart(tx, c)
		if err != nil {
			return nil, err
		}
		kind := a.AuthorizerType
		if err := in.into(a); err != nil {
			return nil, err
		}
		if c := a.JWTConfiguration; c != nil && c.Issuer == "" && len(c.Audience) == 0 {
			a.JWTConfiguration = nil
		}
		if a.AuthorizerType != kind {
			users, err := authorizerUsers(tx, c, a.AuthorizerID)
			if err != nil {
				return nil, err
			}
			if len(users) > 0 {
				return nil, restjson.BadRequest("Cannot update the type of authorizer '%s', is referenced in route: %s", a.AuthorizerID, users[0])
			}
		}
		return a, s.putAuthorizer(ctx, tx, c, api, a)
	})
}

func (s *Service) deleteAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, a, err := authorizerPart(tx, c)
		if err != nil {
			return err
		}
		users, err := authorizerUsers(tx, c, a.AuthorizerID)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return restjson.Conflict("Cannot delete authorizer '%s', is referenced in route: %s", a.AuthorizerID, users[0])
		}
		tx.Delete(apiKey(c) + "/authorizers/" + a.AuthorizerID)
		return s.changed(ctx, tx, apiKey(c))
	})
}

// authorizerUsers gives the keys of the routes that an authorizer decides about.
func authorizerUsers(r store.Reader, c *restjson.Call, id string) ([]string, error) {
	routes, err := store.ReadDocuments[Route](r, apiKey(c)+"/routes/")
	var users []string
	for _, route := range routes {
		if route.AuthorizerID == id {
			users = append(users, route.RouteKey)
		}
	}
	return users, err
}

// putAuthorizer checks and writes an authorizer.
func (s *Service) putAuthorizer(ctx context.Context, tx store.Tx, c *restjson.Call, api *API, a *Authorizer) error {
	var p problems
	checkAuthorizer(&p, api, a)
	if err := p.err(); err != nil {
		return err
	}
	others, err := store.ReadDocuments[Authorizer](tx, apiKey(c)+"/authorizers/")
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.Name == a.Name && other.AuthorizerID != a.AuthorizerID {
			return restjson.Conflict("Authorizer name must be unique. Authorizer %s already exists in this Api.", a.Name)
		}
	}
	if err := store.WriteDocument(tx, apiKey(c)+"/authorizers/"+a.AuthorizerID, a); err != nil {
		return err
	}
	return s.changed(ctx, tx, apiKey(c))
}

func checkAuthorizer(p *problems, api *API, a *Authorizer) {
	if a.Name == "" {
		p.constraint("null", "name", "Member must not be null")
	}
	p.length("name", a.Name, 0, 128)
	p.enum("authorizerType", a.AuthorizerType, authorizerRequest, authorizerJWT)
	if a.AuthorizerResultTTLInSeconds != nil {
		p.between("authorizerResultTtlInSeconds", *a.AuthorizerResultTTLInSeconds, 0, 3600)
	}
	switch a.AuthorizerType {
	case "":
		p.constraint("null", "authorizerType", "Member must not be null")
	case authorizerJWT:
		checkJWTAuthorizer(p, api, a)
	case authorizerRequest:
		checkRequestAuthorizer(p, api, a)
	}
}

var (
	tokenSource    = regexp.MustCompile(`^\$request\.(header|querystring)\.[A-Za-z0-9._$-]+$`)
	identitySource = regexp.MustCompile(`^\$(request\.(header|querystring)|stageVariables|context)\.[A-Za-z0-9._$-]+$`)
	// messageSource is that of WebSocket APIs.
	messageSource = regexp.MustCompile(`^(route\.request\.(header|querystring)|stageVariables|context)\.[A-Za-z0-9._$-]+$`)
)

func checkJWTAuthorizer(p *problems, api *API, a *Authorizer) {
	if api.ProtocolType != protocolHTTP {
		p.add("JWT authorizers are supported only for APIs with a protocol type of HTTP")
		return
	}
	for _, member := range []struct {
		name string
		set  bool
	}{
		{"authorizerUri", a.AuthorizerURI != ""},
		{"authorizerCredentialsArn", a.AuthorizerCredentialsARN != ""},
		{"authorizerPayloadFormatVersion", a.AuthorizerPayloadFormatVersion != ""},
		{"enableSimpleResponses", a.EnableSimpleResponses},
	} {
		if member.set {
			p.add("%s is supported only for REQUEST authorizers", member.name)
		}
	}
	if len(a.IdentitySource) != 1 || !tokenSource.MatchString(a.IdentitySource[0]) {
		p.add("Invalid identitySource: a JWT authorizer has exactly one, of the form $request.header.NAME or $request.querystring.NAME")
	}
	if a.JWTConfiguration == nil {
		p.add("jwtConfiguration is required for JWT authorizers")
		return
	}
	if !isIssuer(a.JWTConfiguration.Issuer) {
		p.add("Invalid issuer: %s. Issuer must have a valid discovery endpoint ended with '/.well-known/openid-configuration'", shorten(a.JWTConfiguration.Issuer))
	}
	switch n := len(a.JWTConfiguration.Audience); {
	case n == 0:
		p.add("jwtConfiguration.audience must have at least one value")
	case n > maxAudiences:
		p.add("The number of audiences %d exceeds the limit of %d", n, maxAudiences)
	}
}

// isIssuer tells URLs below which there can be a discovery document. A stage variable may
// stand for a part of one.
func isIssuer(text string) bool {
	if strings.Contains(text, "${stageVariables.") {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func checkRequestAuthorizer(p *problems, api *API, a *Authorizer) {
	if a.JWTConfiguration != nil {
		p.add("jwtConfiguration is supported only for JWT authorizers")
	}
	switch uri := a.AuthorizerURI; {
	case uri == "":
		p.add("authorizerUri is required for REQUEST authorizers")
	case !strings.HasPrefix(uri, "arn:"):
		p.add("Invalid Authorizer URI: %s. Authorizer URI should be a valid API Gateway ARN that represents a Lambda function invocation.", shorten(uri))
	}
	pattern, example := identitySource, "$request.header.NAME"
	if api.ProtocolType == protocolWebSocket {
		pattern, example = messageSource, "route.request.header.NAME"
	}
	for _, source := range a.IdentitySource {
		if !pattern.MatchString(source) {
			p.add("Invalid identitySource %s: it must be an expression such as %s", shorten(source), example)
		}
	}
	if api.ProtocolType == protocolWebSocket {
		if a.AuthorizerPayloadFormatVersion != "" || a.EnableSimpleResponses || a.AuthorizerResultTTLInSeconds != nil {
			p.add("authorizerPayloadFormatVersion, enableSimpleResponses and authorizerResultTtlInSeconds are supported only for APIs with a protocol type of HTTP")
		}
		return
	}
	switch a.AuthorizerPayloadFormatVersion {
	case "1.0", "2.0":
	case "":
		p.add("authorizerPayloadFormatVersion is a required parameter for REQUEST authorizer")
	default:
		p.add("Invalid authorizerPayloadFormatVersion %s. Must be one of [1.0, 2.0]", shorten(a.AuthorizerPayloadFormatVersion))
	}
	if a.EnableSimpleResponses && a.AuthorizerPayloadFormatVersion != "2.0" {
		p.add("enableSimpleResponses is supported only for an authorizerPayloadFormatVersion of 2.0")
	}
	if ttl := a.AuthorizerResultTTLInSeconds; ttl != nil && *ttl > 0 && len(a.IdentitySource) == 0 {
		p.add("identitySource is required when authorizerResultTtlInSeconds is greater than 0")
	}
}
