package translator

import (
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Context variables about the caller come from the check that let the caller in: the
// claims of a token, or what the authorization service said. Envoy keeps both as
// dynamic metadata.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html

// callerIdentity are the members of $context.identity that a signature gives.
var callerIdentity = []string{
	"accountId", "caller", "user", "userArn", "accessKey", "cognitoIdentityId", "cognitoIdentityPoolId",
	"cognitoAuthenticationType", "cognitoAuthenticationProvider", "principalOrgId",
}

// aboutCaller reports whether a context variable is about the caller.
func aboutCaller(name string) bool {
	member, ofIdentity := strings.CutPrefix(name, "identity.")
	return strings.HasPrefix(name, "authorizer.") ||
		ofIdentity && (slices.Contains(callerIdentity, member) || member == "apiKey" || member == "apiKeyId")
}

// callerMetadata is where a variable about the caller of a route is kept: the filter's
// namespace, then keys. It is nil when the route's checks do not give it. Where no route
// is known, as in gateway responses, any check may have been the one.
func (c *stageCompiler) callerMetadata(r *parsedRoute, name string) []string {
	kind := ""
	switch {
	case r.Route != nil && r.Authorization == nil:
		return nil
	case r.Route != nil:
		kind = r.Authorization.Type
	case strings.HasPrefix(name, "authorizer.claims."):
		kind = gateway.AuthorizationUserPool
	case strings.HasPrefix(name, "authorizer."):
		kind = gateway.AuthorizationLambda
	default:
		kind = gateway.AuthorizationIAM
	}
	if claim, ok := strings.CutPrefix(name, "authorizer.claims."); ok && (kind == gateway.AuthorizationJWT || kind == gateway.AuthorizationUserPool) {
		if c.claimsOfService(r) {
			return []string{wire.AuthorizationMetadata, wire.AnswerClaims, claim}
		}
		return []string{filterTokens, tokenMetadata, claim}
	}
	if key, ok := strings.CutPrefix(name, "authorizer."); ok && kind == gateway.AuthorizationLambda {
		return []string{wire.AuthorizationMetadata, wire.AnswerAuthorizer, key}
	}
	if member, ok := strings.CutPrefix(name, "identity."); ok && kind == gateway.AuthorizationIAM && slices.Contains(callerIdentity, member) {
		return []string{wire.AuthorizationMetadata, wire.AnswerIdentity, member}
	}
	return nil
}

// claimsOfService reports whether a route's token is introspected: its claims are what
// the authorization service says. Where no route is known, those of an API are that
// has no other tokens.
func (c *stageCompiler) claimsOfService(r *parsedRoute) bool {
	if r.Route != nil {
		return c.introspects(c.deployment.Authorizer(r.Authorization.Authorizer))
	}
	some := false
	for i := range c.deployment.Authorizers {
		if a := &c.deployment.Authorizers[i]; a.ChecksTokens() {
			if !c.introspects(a) {
				return false
			}
			some = true
		}
	}
	return some
}

// callerPart is such a variable for mapping.lua.
func (c *stageCompiler) callerPart(r *parsedRoute, name string) map[string]any {
	if keys := c.callerMetadata(r, name); keys != nil {
		return map[string]any{"metadata": toList(keys)}
	}
	if r.Route != nil && r.APIKeyRequired {
		switch {
		case name == "identity.apiKeyId":
			return map[string]any{"context": name}
		case name == "identity.apiKey" && c.deployment.APIKeySource != gateway.APIKeyFromAuthorizer:
			return map[string]any{"header": apiKeyHeader}
		}
	}
	return map[string]any{"absent": true}
}

// callerFormat is such a variable for replies of Envoy's own; empty when it has no value.
func (c *stageCompiler) callerFormat(r *parsedRoute, name string, at place) string {
	if keys := c.callerMetadata(r, name); keys != nil {
		// Colons part the keys and cannot stand in one.
		if slices.ContainsFunc(keys, func(key string) bool { return strings.ContainsAny(key, ":%()") }) {
			return oddMetadataFormat(keys, at)
		}
		return "%DYNAMIC_METADATA(" + strings.Join(keys, ":") + ")%"
	}
	if r.Route != nil && r.APIKeyRequired && name == "identity.apiKey" && c.deployment.APIKeySource != gateway.APIKeyFromAuthorizer {
		return "%REQ(" + apiKeyHeader + ")%"
	}
	return ""
}

// oddMetadataFormat is the value of metadata by CEL, which costs a little more, and can
// name anything. It prints lists as mappings do; but functions for that are switched on
// for bodies only, and in a header a list is nothing.
func oddMetadataFormat(keys []string, at place) string {
	value := "metadata.filter_metadata"
	for _, key := range keys {
		value += "[" + celString(key) + "]"
	}
	list := "''"
	if at == inBody {
		list = "'[' + " + value + ".join(' ') + ']'"
	}
	return "%CEL(type(" + value + ") == list ? " + list + " : " + value + ")%"
}
