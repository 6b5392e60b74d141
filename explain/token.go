package explain

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
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
	if len(values) == 0 || values[0] == "" {
		return unauthorized("the route asks for a token in " + source + ", and there is none")
	}
	issuers, err := ex.snapshot.AuthorizerIssuers(a, ex.variables)
	if err != nil {
		ex.add("token", Open, a.Source, err.Error())
		return true
	}
	text := strings.TrimSpace(values[0])
	if len(text) > 7 && strings.EqualFold(text[:7], "Bearer ") {
		text = strings.TrimSpace(text[7:])
	}
	if ex.snapshot.Introspects(issuers) {
		ex.add("token", Open, a.Source, fmt.Sprintf("%s is asked about the token; 401 where it is not active", strings.Join(issuers, " or ")))
		return true
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
		audience := claimTexts(claims["aud"])
		if claims["aud"] == nil {
			audience = claimTexts(claims["client_id"])
		}
		if !slices.ContainsFunc(audience, func(s string) bool { return slices.Contains(a.JWTAudience, s) }) {
			return unauthorized(fmt.Sprintf("the token is for %s, the authorizer %s takes those for %s", quoted(audience), a.Name, strings.Join(a.JWTAudience, ", ")))
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

// readClaims reads what a token says, and verifies nothing.
func readClaims(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("it has %d parts, not 3", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, fmt.Errorf("its second part is not base64url")
	}
	var claims map[string]any
	if json.Unmarshal(text, &claims) != nil {
		return nil, fmt.Errorf("its second part is no JSON object")
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
func claimTexts(claim any) (texts []string) {
	switch value := claim.(type) {
	case string:
		return strings.Fields(value)
	case []any:
		for _, item := range value {
			if s, ok := item.(string); ok {
				texts = append(texts, s)
			}
		}
	}
	return texts
}
