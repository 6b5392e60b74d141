package integration

import (
	"encoding/json"
	"slices"
	"strconv"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// What is known of the caller comes from the check that let it in, by headers of Envoy's.

// object reads a header that is a JSON object; nil when there is none.
func (x *exchange) object(header string) map[string]any {
	text := x.told(header)
	if text == "" {
		return nil
	}
	var o map[string]any
	if json.Unmarshal([]byte(text), &o) != nil {
		return nil
	}
	return o
}

// callerIdentity is what a signature tells of the caller.
func (x *exchange) callerIdentity() map[string]string {
	if x.route.Authorization == nil || x.route.Authorization.Type != gateway.AuthorizationIAM {
		return nil
	}
	identity := map[string]string{}
	for name, value := range x.object(wire.IdentityHeader) {
		identity[name] = lambdaevent.ClaimText(value)
	}
	return identity
}

// authorizer1 is the member authorizer of the formats 1.0: the context of a Lambda
// authorizer, or the claims of a token.
func (x *exchange) authorizer1(j *jsonText) {
	kind := ""
	if x.route.Authorization != nil {
		kind = x.route.Authorization.Type
	}
	switch {
	case kind == gateway.AuthorizationLambda:
		j.object("authorizer")
		x.authorizerContext(j)
		j.end('}')
	case kind == gateway.AuthorizationUserPool:
		j.object("authorizer")
		x.claims(j)
		j.end('}')
	case kind == gateway.AuthorizationJWT:
		j.object("authorizer")
		x.scopes(j, x.claims(j))
		j.end('}')
	case !x.route.stage.rest():
		j.object("authorizer")
		j.null("claims")
		j.null("scopes")
		j.end('}')
	}
}

// authorizer2 is that of the format 2.0, which tells the kinds apart.
func (x *exchange) authorizer2(j *jsonText) {
	switch x.route.Authorization.Type {
	case gateway.AuthorizationLambda:
		j.object("authorizer")
		j.object("lambda")
		x.typedContext(j)
		j.end('}')
		j.end('}')
	case gateway.AuthorizationJWT:
		j.object("authorizer")
		j.object("jwt")
		x.scopes(j, x.claims(j))
		j.end('}')
		j.end('}')
	case gateway.AuthorizationIAM:
		caller := x.callerIdentity()
		j.object("authorizer")
		j.object("iam")
		j.textOrNull("accessKey", caller["accessKey"])
		j.textOrNull("accountId", caller["accountId"])
		j.textOrNull("callerId", caller["caller"])
		j.null("cognitoIdentity")
		j.textOrNull("principalOrgId", caller["principalOrgId"])
		j.textOrNull("userArn", caller["userArn"])
		j.textOrNull("userId", caller["user"])
		j.end('}')
		j.end('}')
	}
}

// latencyName is the gateway's own part of an authorizer's context.
const latencyName = "integrationLatency"

// authorizerContext writes what a Lambda authorizer has answered with.
func (x *exchange) authorizerContext(j *jsonText) {
	context := x.object(wire.AuthorizerHeader)
	for _, name := range sortedKeys(context) {
		text := lambdaevent.ClaimText(context[name])
		if name != latencyName {
			j.text(name, text)
		} else if milliseconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			j.number(name, milliseconds)
		}
	}
}

// typedContext is the same with values as the authorizer gave them: numbers, truth
// values, lists and objects are not turned into text.
func (x *exchange) typedContext(j *jsonText) {
	context := x.object(wire.AuthorizerHeader)
	var typed []string
	if text := x.told(wire.TypedHeader); text != "" {
		_ = json.Unmarshal([]byte(text), &typed) // Without the list all is text.
	}
	for _, name := range sortedKeys(context) {
		text := lambdaevent.ClaimText(context[name])
		switch {
		case name == latencyName:
		case slices.Contains(typed, name) && json.Valid([]byte(text)):
			j.raw(name, text)
		default:
			j.text(name, text)
		}
	}
}

// claims writes the claims of a token as texts, and gives them.
func (x *exchange) claims(j *jsonText) map[string]any {
	claims := x.object(wire.ClaimsHeader)
	j.object("claims")
	for _, name := range sortedKeys(claims) {
		j.text(name, lambdaevent.ClaimText(claims[name]))
	}
	j.end('}')
	return claims
}

// scopes writes those that the route asks for and the token has; null where it asks
// for none.
func (x *exchange) scopes(j *jsonText, claims map[string]any) {
	if len(x.route.Authorization.Scopes) == 0 {
		j.null("scopes")
		return
	}
	j.list("scopes")
	for _, claim := range []string{"scope", "scp"} {
		for _, scope := range lambdaevent.ScopesIn(claims[claim]) {
			if slices.Contains(x.route.Authorization.Scopes, scope) {
				j.item(scope)
			}
		}
	}
	j.end(']')
}
