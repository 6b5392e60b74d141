package openapi

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// Types of authorizers, as AWS's control plane spells them.
const (
	authorizerToken   = "TOKEN"
	authorizerRequest = "REQUEST"
	authorizerCognito = "COGNITO_USER_POOLS"
	authorizerJWT     = "JWT"
)

// maxAuthorizerTTL is how long AWS lets an authorizer's answer be kept, in seconds.
const maxAuthorizerTTL = 3600

// authorizerKeys are the keys that only some types of authorizers have.
var authorizerKeys = map[string][]string{
	"authorizerUri":                  {authorizerToken, authorizerRequest},
	"authorizerCredentials":          {authorizerToken, authorizerRequest},
	"identityValidationExpression":   {authorizerToken, authorizerCognito},
	"authorizerResultTtlInSeconds":   {authorizerToken, authorizerRequest, authorizerCognito},
	"providerARNs":                   {authorizerCognito},
	"jwtConfiguration":               {authorizerJWT},
	"authorizerPayloadFormatVersion": {authorizerRequest},
	"enableSimpleResponses":          {authorizerRequest},
}

// authorizer reads x-amazon-apigateway-authorizer of a security scheme.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
func (p *parser) authorizer(e source.Entry, definition *source.Object, v source.Value) scheme {
	if !p.isObject(v) {
		return scheme{kind: schemeInvalid}
	}
	o := v.Object()
	a := gateway.Authorizer{
		Name:     e.Key,
		Type:     p.authorizerType(o),
		AuthType: p.text(definition.Get(extAuthType)),
		Source:   e.KeyValue.Pos(),
	}
	p.readAuthorizer(&a, o)
	switch a.Type {
	case authorizerToken, authorizerCognito:
		a.IdentitySources = p.schemeHeader(e, definition, o)
		a.IdentitySource = firstPosition(definition.Value, definition.Get("name"))
	case authorizerRequest, authorizerJWT:
		a.IdentitySources = p.identitySources(&a, o)
		a.IdentitySource = firstPosition(o.Value, o.Get("identitySource"))
	}
	o.Done()
	if kind := p.text(definition.Get("type")); p.protocol == gateway.REST && kind != "apiKey" {
		// AWS would import the API without the authorizer: its methods would be open.
		definition.Errorf("unsupported-security-scheme", `write type: apiKey with the header's name and in: header`, "an authorizer of a REST API needs a scheme of type apiKey, not %q", kind)
	}
	if a.Type == "" {
		return scheme{kind: schemeInvalid}
	}
	p.out.Authorizers = append(p.out.Authorizers, a)
	authorization := map[string]string{
		authorizerToken: "CUSTOM", authorizerRequest: "CUSTOM", authorizerCognito: authorizerCognito, authorizerJWT: authorizerJWT,
	}
	return scheme{schemeAuthorizer, authorization[a.Type]}
}

func (p *parser) authorizerType(o *source.Object) string {
	if p.protocol == gateway.HTTP {
		return o.Require("type").OneOf(authorizerRequest, authorizerJWT)
	}
	if t := o.Get("type"); !t.IsNull() {
		return t.OneOf(authorizerToken, authorizerRequest, authorizerCognito)
	}
	return authorizerToken
}

// readAuthorizer reads what doesn't depend on the security scheme.
func (p *parser) readAuthorizer(a *gateway.Authorizer, o *source.Object) {
	for key, types := range authorizerKeys {
		if v := o.Get(key); v.Exists() && a.Type != "" && !slices.Contains(types, a.Type) {
			v.Warnf("no-effect", "", "%s has no effect: an authorizer of type %s has none", key, a.Type)
		}
	}
	a.URI, a.URISource = p.text(o.Get("authorizerUri")), o.Get("authorizerUri").Pos()
	a.Credentials = p.text(o.Get("authorizerCredentials"))
	a.ProviderARNs = p.texts(o.Get("providerARNs"))
	if v := o.Get("identityValidationExpression"); !v.IsNull() {
		a.ValidationExpression, a.ValidationSource = p.text(v), v.Pos()
		p.checkPattern(v, a.ValidationExpression)
	}
	if v := o.Get("authorizerResultTtlInSeconds"); !v.IsNull() {
		if n := int(v.Int(-1, 0, maxAuthorizerTTL)); n >= 0 {
			a.ResultTTLSeconds = &n
		}
	}
	switch {
	case a.Type == authorizerToken, a.Type == authorizerRequest:
		p.requireText(o, "authorizerUri")
	case a.Type == authorizerCognito:
		if a.IssuerSource = firstPosition(o.Value, o.Get("providerARNs")); len(a.ProviderARNs) == 0 {
			o.Errorf("missing-key", "", "a user pool authorizer needs providerARNs")
		}
	case a.Type == authorizerJWT:
		p.jwt(a, o)
	}
	p.payload(a, o)
}

// payload reads the form of a Lambda authorizer's event and answer (HTTP APIs).
func (p *parser) payload(a *gateway.Authorizer, o *source.Object) {
	version, simple := o.Get("authorizerPayloadFormatVersion"), o.Get("enableSimpleResponses")
	if p.protocol == gateway.REST {
		for _, v := range []source.Value{version, simple} {
			if v.Exists() && a.Type == authorizerRequest {
				v.Warnf("no-effect", "", "%s has no effect: only HTTP APIs have it", v.Path())
			}
		}
		return
	}
	if a.Type != authorizerRequest {
		return
	}
	a.PayloadVersion = o.Require("authorizerPayloadFormatVersion").OneOf("1.0", "2.0")
	a.SimpleResponses = simple.Bool(false)
	if a.SimpleResponses && a.PayloadVersion == "1.0" {
		simple.Errorf("conflicting-keys", `set authorizerPayloadFormatVersion to "2.0"`, "simple responses need the payload format 2.0")
	}
}

func (p *parser) jwt(a *gateway.Authorizer, o *source.Object) {
	v := o.Require("jwtConfiguration")
	if !v.IsObject() {
		v.Object()
		return
	}
	jwt := v.Object()
	a.IssuerSource = v.Pos()
	a.JWTIssuer = p.requireText(jwt, "issuer")
	a.JWTAudience = p.texts(jwt.Require("audience"))
	// A stage variable may stand for a part of it.
	if u, err := url.Parse(a.JWTIssuer); a.JWTIssuer != "" && !strings.Contains(a.JWTIssuer, "${") && (err != nil || u.Scheme == "" || u.Host == "") {
		jwt.Get("issuer").Errorf("invalid-url", "", "the issuer %q is not a URL", a.JWTIssuer)
	}
	if audience := jwt.Get("audience"); audience.IsList() && len(a.JWTAudience) == 0 {
		audience.Errorf("empty-value", "", "a JWT authorizer needs at least one audience")
	}
	jwt.Done()
}

// firstPosition is where the value is written, else where it should be.
func firstPosition(whole, value source.Value) gateway.Position {
	if value.Exists() {
		return value.Pos()
	}
	return whole.Pos()
}

// schemeHeader gives the identity source of a TOKEN or user pool authorizer: the
// header that the scheme itself names.
func (p *parser) schemeHeader(e source.Entry, definition, o *source.Object) []string {
	name, in := p.text(definition.Get("name")), p.text(definition.Get("in"))
	if in != "" && in != "header" {
		definition.Get("in").Errorf("unknown-value", "write in: header", "the token of authorizer %q must be in a header, not in %q", e.Key, in)
	}
	written := o.Get("identitySource")
	if name == "" {
		if text := p.text(written); text != "" {
			return []string{text}
		}
		definition.Errorf("missing-key", "", "the security scheme %q needs a name: the header with the token", e.Key)
		return nil
	}
	from := "method.request.header." + name
	if text := p.text(written); text != "" && !strings.EqualFold(text, from) {
		written.Warnf("no-effect", "", "identitySource has no effect: the token is in the header %q that the scheme names", name)
	}
	return []string{from}
}

var (
	restIdentitySource = regexp.MustCompile(`^(method\.request\.(header|querystring|multivalueheader|multivaluequerystring)|stageVariables|context)\.[A-Za-z0-9._$-]+$`)
	httpIdentitySource = regexp.MustCompile(`^\$(request\.(header|querystring)|stageVariables|context)\.[A-Za-z0-9._$-]+$`)
)

// identitySources reads the comma-separated sources of a REQUEST or JWT authorizer.
func (p *parser) identitySources(a *gateway.Authorizer, o *source.Object) []string {
	v := o.Get("identitySource")
	pattern, example := restIdentitySource, "method.request.header.Authorization"
	if p.protocol == gateway.HTTP {
		pattern, example = httpIdentitySource, "$request.header.Authorization"
	}
	var sources []string
	written := []source.Value{v}
	if v.IsList() {
		written = v.List()
	}
	for _, item := range written {
		for text := range strings.SplitSeq(p.text(item), ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			if !pattern.MatchString(text) {
				item.Errorf("invalid-identity-source", "such as "+example, "%q is not an identity source", text)
				continue
			}
			sources = append(sources, text)
		}
	}
	if a.Type == authorizerJWT && (len(sources) > 1 || len(sources) == 1 && !strings.HasPrefix(sources[0], "$request.")) {
		v.Errorf("invalid-identity-source", "such as "+example, "the token of a JWT authorizer comes from one header or query parameter, not from %s", strings.Join(sources, ", "))
	}
	// Without a source all callers would share one cached answer. REST caches by
	// default, so there the source can be left out only with a TTL of 0.
	cached := a.ResultTTLSeconds != nil && *a.ResultTTLSeconds > 0 || a.ResultTTLSeconds == nil && p.protocol == gateway.REST
	if v.IsNull() && (cached || a.Type == authorizerJWT) {
		o.Errorf("missing-key", "such as "+example, "the authorizer %q needs an identitySource", a.Name)
	}
	return sources
}
