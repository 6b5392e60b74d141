package openapi

import (
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// schemeKind is what a security scheme means to API Gateway.
type schemeKind int

const (
	// schemeUnenforced: OpenAPI describes it, API Gateway doesn't look at it.
	schemeUnenforced schemeKind = iota
	// schemeInvalid: reported where it is defined; its uses add nothing to that.
	schemeInvalid
	schemeAPIKey
	schemeIAM
	schemeAuthorizer
)

type scheme struct {
	kind schemeKind
	// authorization is the type that an authorizer gives to its methods.
	authorization string
}

// requirement is what a security list asks for.
type requirement struct {
	authorization *gateway.Authorization
	apiKey        bool
	apiKeySource  gateway.Position
}

// securitySchemes reads the shared security schemes. Authorizers are created even
// if nothing uses them, as an import by AWS does.
func (p *parser) securitySchemes(v source.Value) {
	for _, e := range v.Object().Entries() {
		p.schemes[e.Key] = p.securityScheme(e)
		p.schemeNames = append(p.schemeNames, e.Key)
	}
}

func (p *parser) securityScheme(e source.Entry) scheme {
	v, ok := p.follow(e.Value, atSecurityScheme)
	if !ok || !p.isObject(v) {
		return scheme{kind: schemeInvalid}
	}
	o := v.Object()
	s := scheme{}
	kind, name, in := p.text(o.Get("type")), p.text(o.Get("name")), p.text(o.Get("in"))
	if kind == "apiKey" {
		p.tools.credential(in, name)
	}
	authType := p.text(o.Get(extAuthType))
	isIAM := strings.EqualFold(authType, "awsSigv4")
	if auth, ok := p.extension(o, extAuth); ok {
		isIAM = p.authType(auth) == "AWS_IAM" || isIAM
	}
	isKey := kind == "apiKey" && in == "header" && strings.EqualFold(name, "x-api-key")
	authorizer, hasAuthorizer := p.extension(o, extAuthorizer)
	switch {
	case hasAuthorizer:
		s = p.authorizer(e, o, authorizer)
	case isIAM:
		s.kind = schemeIAM
	case isKey && p.protocol == gateway.HTTP:
		e.KeyValue.Errorf("wrong-protocol", "serve the document as a REST API", "HTTP APIs have no API keys")
		s.kind = schemeInvalid
	case isKey:
		s.kind = schemeAPIKey
	case strings.HasPrefix(strings.ToLower(authType), "aws"):
		o.Get(extAuthType).Errorf("unknown-value", `write "awsSigv4"`, "%q is not a known authorization type", authType)
		s.kind = schemeInvalid
	}
	p.finish(o, atSecurityScheme)
	return s
}

// authType reads x-amazon-apigateway-auth.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-auth.html
func (p *parser) authType(v source.Value) string {
	o := v.Object()
	t := ""
	if v.IsObject() {
		t = o.Require("type").OneOf("NONE", "AWS_IAM")
	}
	o.Done()
	return t
}

// security reads a list of security requirements. OpenAPI means alternatives; API
// Gateway has no such thing, so an API key and an authorizer in separate entries
// (as its exports write them) are both required.
func (p *parser) security(v source.Value) requirement {
	var r requirement
	list, total := v.List(), 0
	for _, item := range list {
		entries := item.Object().Entries()
		if len(entries) == 0 && len(list) > 1 && (item.IsObject() || item.IsNull()) {
			item.Errorf("optional-security", "drop the empty entry, or all others", "security cannot be optional in API Gateway")
		}
		for _, e := range entries {
			if total++; total == 2 && p.protocol == gateway.HTTP {
				e.KeyValue.Errorf("too-many-requirements", "", "an operation of an HTTP API has at most one security requirement")
				return r
			}
			p.require(&r, e)
		}
	}
	return r
}

// noScheme is the name that AWS SAM gives to "no authorizer": it writes
// security: [{NONE: []}] and defines no such scheme.
const noScheme = "NONE"

func (p *parser) require(r *requirement, e source.Entry) {
	scopes := p.texts(e.Value)
	s, known := p.schemes[e.Key]
	if !known {
		if e.Key == noScheme {
			return
		}
		e.KeyValue.Errorf("unknown-security-scheme", p.didYouMean(e.Key, p.schemeNames), "the security scheme %q is not defined", e.Key)
		return
	}
	auth := &gateway.Authorization{Source: e.KeyValue.Pos()}
	switch s.kind {
	case schemeInvalid:
		return
	case schemeUnenforced:
		e.KeyValue.Warnf("security-not-enforced", "give the scheme an "+extAuthorizer, "the gateway does not enforce the security scheme %q: it is left to the backend", e.Key)
		return
	case schemeAPIKey:
		if !r.apiKey {
			r.apiKey, r.apiKeySource = true, e.KeyValue.Pos()
		}
		return
	case schemeIAM:
		auth.Type = "AWS_IAM"
	case schemeAuthorizer:
		auth.Type, auth.Authorizer = s.authorization, e.Key
	}
	if auth.Type == "COGNITO_USER_POOLS" || auth.Type == "JWT" {
		auth.Scopes = scopes
	} else if len(scopes) > 0 {
		e.Warnf("no-effect", "", "scopes of a %s authorization have no effect: only tokens of user pools and JWTs have scopes", auth.Type)
	}
	if r.authorization != nil && r.authorization.Authorizer != auth.Authorizer {
		e.KeyValue.Errorf("conflicting-authorization", "", "a method has one authorization: %q comes after %s at %s", e.Key, describe(r.authorization), r.authorization.Source)
		return
	}
	r.authorization = auth
}

func describe(a *gateway.Authorization) string {
	if a.Authorizer == "" {
		return a.Type
	}
	return "the authorizer " + a.Authorizer
}

// authorize sets who may call a route: by its own security, else the root's
// (which AWS applies, though its guide denies it). x-amazon-apigateway-auth
// replaces the authorizer but not the API key.
func (p *parser) authorize(r *gateway.Route, o *source.Object) {
	required := p.rootSecurity
	own := o.Get("security")
	if !own.IsNull() {
		required = p.security(own)
	}
	r.Authorization = required.authorization
	r.APIKeyRequired, r.APIKeySource = required.apiKey, required.apiKeySource
	auth, ok := p.extension(o, extAuth)
	if !ok {
		return
	}
	authType := p.authType(auth)
	if authType == "" {
		return
	}
	if !own.IsNull() && required.authorization != nil && required.authorization.Type != authType {
		auth.Errorf("conflicting-authorization", "keep one of the two", "%s says %s, but security asks for %s", extAuth, authType, describe(required.authorization))
		return
	}
	r.Authorization = nil
	if authType == "AWS_IAM" {
		r.Authorization = &gateway.Authorization{Type: authType, Source: auth.Pos()}
	}
}
