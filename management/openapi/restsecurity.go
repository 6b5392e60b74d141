package openapi

import (
	"fmt"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restapi"
)

// security writes what a method asks of its callers, each as an entry of its own, as
// Amazon's exports have it: all of them are asked for.
func (x *restExport) security(m *restapi.Method) ([]any, error) {
	var out []any
	require := func(scheme string, scopes []string) {
		o := &object{}
		o.set(scheme, list(scopes))
		out = append(out, o)
	}
	switch m.AuthorizationType {
	case "", "NONE":
	case gateway.AuthorizationIAM:
		if x.iamScheme == "" {
			x.iamScheme = freeName("sigv4", x.taken)
		}
		require(x.iamScheme, nil)
	default:
		scheme, ok := x.schemes[m.AuthorizerID]
		if !ok {
			return nil, fmt.Errorf("there is no authorizer %s", m.AuthorizerID)
		}
		require(scheme, m.AuthorizationScopes)
	}
	if m.APIKeyRequired {
		if x.keyScheme == "" {
			x.keyScheme = freeName("api_key", x.taken)
		}
		require(x.keyScheme, nil)
	}
	return out, nil
}

// securitySchemes writes the authorizers, used or not, and what the methods written
// before asked for.
func (x *restExport) securitySchemes() *object {
	schemes := &object{}
	for _, a := range sortedBy(x.content.Authorizers, func(a restapi.Authorizer) string { return x.schemes[a.ID] }) {
		schemes.set(x.schemes[a.ID], x.authorizerScheme(&a))
	}
	if x.keyScheme != "" {
		schemes.set(x.keyScheme, headerScheme("x-api-key"))
	}
	if x.iamScheme != "" {
		o := headerScheme("Authorization")
		if x.Extensions.Authorizers {
			o.set(extAuthType, "awsSigv4")
		}
		schemes.set(x.iamScheme, o)
	}
	return schemes
}

func headerScheme(name string) *object {
	o := &object{}
	o.set("type", "apiKey")
	o.set("name", name)
	o.set("in", "header")
	return o
}

// identityHeader is where TOKEN and user pool authorizers find the token.
const identityHeader = "method.request.header."

// defaultIdentityHeader is the header of those that name none.
const defaultIdentityHeader = "Authorization"

func (x *restExport) authorizerScheme(a *restapi.Authorizer) *object {
	header := "Unused"
	if a.Type != restAuthorizerRequest {
		header = defaultIdentityHeader
		if name, ok := strings.CutPrefix(a.IdentitySource, identityHeader); ok && name != "" {
			header = name
		}
	}
	o := headerScheme(header)
	if !x.Extensions.Authorizers {
		return o
	}
	o.text(extAuthType, a.AuthType)
	extension := &object{}
	extension.set("type", strings.ToLower(a.Type))
	extension.texts("providerARNs", a.ProviderARNs)
	extension.text("authorizerUri", a.AuthorizerURI)
	extension.text("authorizerCredentials", a.AuthorizerCredentials)
	if a.Type == restAuthorizerRequest {
		extension.text("identitySource", a.IdentitySource)
	}
	extension.text("identityValidationExpression", a.IdentityValidationExpression)
	if a.AuthorizerResultTTLInSeconds != nil {
		extension.set("authorizerResultTtlInSeconds", *a.AuthorizerResultTTLInSeconds)
	}
	o.set(extAuthorizer, extension)
	return o
}

const restAuthorizerRequest = "REQUEST"
