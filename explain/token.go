package explain

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// token is about JWT authorizers and user pools. What stands in a token can be read without
// its issuer's keys, and be wrong.
func (ex *offline) token(asked *gateway.Authorization, a *gateway.Authorizer) bool {
	source := "$request.header.Authorization"
	if len(a.IdentitySources) > 0 {
		source = a.IdentitySources[0]
	}
	unauthorized := func(text string) bool {
		ex.refuse("token", a.Source, gateway.Unauthorized, "", text)
		return false
	}
	values := ex.valuesOf(source)
	if !slices.ContainsFunc(values, func(value string) bool { return value != "" }) {
		return unauthorized("the route asks for a token in " + source + ", and there is none")
	}
	if ex.severalTokens(source, values) {
		return unauthorized("there is more than one token in " + source)
	}
	issuers, err := ex.snapshot.AuthorizerIssuers(a, ex.variables)
	if err != nil {
		ex.add("token", Open, a.Source, err.Error())
		return true
	}
	if ex.snapshot.Introspects(issuers) {
		ex.add("token", Open, a.Source, fmt.Sprintf("%s is asked about the token; 401 where it is not active", strings.Join(issuers, " or ")))
		return true
	}
	text, behind := values[0], false
	if isHeader(source) {
		if text, behind = strings.CutPrefix(text, "Bearer "); behind {
			text = tokenIn(text)
		} else if strings.Contains(text, "Bearer ") {
			return unauthorized("there is more than the token in " + source + ": what is before it may only be \"Bearer \"")
		}
	}
	claims, err := readClaims(text)
	if err != nil {
		return unauthorized("the token is none: " + err.Error())
	}
	if mistake := wrongTimes(claims, time.Now()); mistake != "" {
		return unauthorized(mistake)
	}
	if iss, _ := claims["iss"].(string); !slices.Contains(issuers, iss) {
		return unauthorized(fmt.Sprintf("the token is of the issuer %q, the authorizer %s takes those of %s", iss, a.Name, strings.Join(issuers, ", ")))
	}
	if a.Type == gateway.JWTAuthorizer && len(a.JWTAudience) > 0 {
		audience := listed(claims["aud"])
		if claims["aud"] == nil {
			audience = listed(claims["client_id"])
		}
		if !slices.ContainsFunc(audience, func(s string) bool { return slices.Contains(a.JWTAudience, s) }) {
			return unauthorized(fmt.Sprintf("the token is for %s, the authorizer %s takes those for %s", quoted(audience), a.Name, strings.Join(a.JWTAudience, ", ")))
		}
	}
	if a.Type == gateway.CognitoAuthorizer {
		if mistake := wrongPoolClaims(claims, a, len(asked.Scopes) > 0); mistake != "" {
			return unauthorized(mistake)
		}
	}
	if len(asked.Scopes) > 0 {
		scopes := append(claimTexts(claims["scope"]), claimTexts(claims["scp"])...)
		if !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(asked.Scopes, s) }) {
			t := gateway.AccessDenied
			if ex.api.Protocol == gateway.REST {
				t = gateway.Unauthorized
			}
			ex.refuse("scope", asked.Source, t, "", fmt.Sprintf("the token has the scopes %s, the route asks for one of %s", quoted(scopes), strings.Join(asked.Scopes, ", ")))
			return false
		}
	}
	ex.add("token", Open, a.Source, fmt.Sprintf("what the token says is as the authorizer %s wants it; 401 where its signature is not by a key of %s", a.Name, strings.Join(issuers, ", ")))
	return true
}

func quoted(texts []string) string {
	if len(texts) == 0 {
		return "none"
	}
	return fmt.Sprintf("%q", texts)
}

// severalTokens reports whether a backend might see another token than the one that is
// verified.
func (ex *offline) severalTokens(source string, values []string) bool {
	if isHeader(source) {
		return len(values) > 1
	}
	_, name, _ := strings.Cut(source, "querystring.")
	several := 0
	for _, f := range lambdaevent.Query(ex.asked.query, true) {
		if f.Name == name {
			several++
		}
	}
	return several > 1
}

func isHeader(source string) bool { return strings.Contains(source, "request.header.") }

// wrongPoolClaims tells why a user pool's token is none that a method takes: one with scopes
// takes access tokens, another id tokens.
func wrongPoolClaims(claims map[string]any, a *gateway.Authorizer, scopes bool) string {
	use := map[bool]string{true: "access", false: "id"}[scopes]
	if !slices.Contains(listed(claims["token_use"]), use) {
		return fmt.Sprintf("the route takes tokens whose token_use is %q, and this one's is %s", use, quoted(listed(claims["token_use"])))
	}
	if scopes || a.ValidationExpression == "" {
		return ""
	}
	if audience, _ := claims["aud"].(string); !wholly(a.ValidationExpression, audience) {
		return fmt.Sprintf("the token is for %q, which the authorizer's identityValidationExpression %s does not match", audience, a.ValidationExpression)
	}
	return ""
}

// tokenIn is what Envoy takes for the token of what stands behind "Bearer ".
func tokenIn(text string) string {
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	}
	text = strings.TrimLeftFunc(text, other)
	if end := strings.IndexFunc(text, other); end >= 0 {
		text = text[:end]
	}
	return text
}

// readClaims reads what a token says, and verifies nothing. Empty parts are passed over, as
// Envoy does.
func readClaims(token string) (map[string]any, error) {
	parts := strings.FieldsFunc(token, func(r rune) bool { return r == '.' })
	if len(parts) != 3 {
		return nil, fmt.Errorf("it has %d parts, not 3", len(parts))
	}
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return nil, fmt.Errorf("part %d is no JSON object in base64url", i+1)
		}
	}
	return claims, nil
}

// clockSkew is what issuers' clocks may be wrong by.
const clockSkew = 5 * time.Second

func wrongTimes(claims map[string]any, now time.Time) string {
	at := func(name string) (time.Time, bool) {
		seconds, ok := claims[name].(float64)
		return time.Unix(int64(seconds), 0).UTC(), ok
	}
	switch t, ok := at("exp"); {
	case !ok:
		return "the token does not say when it expires (exp)"
	case now.After(t.Add(clockSkew)):
		return "the token has expired at " + t.Format(time.RFC3339)
	}
	if t, ok := at("nbf"); ok && now.Add(clockSkew).Before(t) {
		return "the token is not to be taken before " + t.Format(time.RFC3339)
	}
	return ""
}

// claimTexts are the texts of a claim: a list, or words with spaces between.
func claimTexts(claim any) []string {
	if text, ok := claim.(string); ok {
		return strings.Split(text, " ")
	}
	return listed(claim)
}

// listed are the texts of a claim: one, or those of a list.
func listed(claim any) (texts []string) {
	switch value := claim.(type) {
	case string:
		return []string{value}
	case []any:
		for _, item := range value {
			if s, ok := item.(string); ok {
				texts = append(texts, s)
			}
		}
	}
	return texts
}
