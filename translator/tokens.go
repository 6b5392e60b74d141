package translator

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// A tokenCheck asks for a token of one of several issuers in one place of the request.
// Routes name checks; what they are is in the filter's own configuration, so that keys
// rotate without touching a route.
type tokenCheck struct {
	issuers []string
	// header or query has the token; the other one is empty.
	header, query string
}

func (t tokenCheck) name() string {
	place := "header " + t.header
	if t.query != "" {
		place = "query " + t.query
	}
	return place + " of " + strings.Join(t.issuers, " ")
}

// tokenMetadata is where in the filter's metadata a token's claims are.
const tokenMetadata = wire.TokenClaims

// bearerFailure is where in the metadata Envoy says what is wrong with a token after
// "Bearer ": the response code details tell of the last form that was tried.
const bearerFailure = "bearer"

const (
	// tokenClockSkew is the tolerance towards issuers whose clock is another, in seconds.
	tokenClockSkew = 5
	// tokenCacheSize is how many verified tokens each worker remembers for an issuer:
	// verifying a signature costs ten times what finding it there does.
	tokenCacheSize = 1000
	// maxTokenBytes bounds the tokens that are remembered.
	maxTokenBytes = 8 << 10
)

// checkToken has a route ask for a token by its JWT authorizer or user pool.
func (c *stageCompiler) checkToken(r *parsedRoute, a *gateway.Authorizer, route *routev3.Route) {
	issuers, err := c.snapshot.AuthorizerIssuers(a, c.variables)
	if err != nil {
		return // Validate reports it.
	}
	slices.Sort(issuers)
	check := tokenCheck{issuers: slices.Compact(issuers)}
	if !check.from(a) {
		c.errorf("invalid-identity-source", a.Source, "write $request.header.NAME or $request.querystring.NAME",
			"the authorizer %s cannot take its token from %s", a.Name, strings.Join(a.IdentitySources, ", "))
		return
	}
	c.site.tokens[check.name()] = check
	route.TypedPerFilterConfig[filterTokens] = enabled(&jwtv3.PerRouteConfig{
		RequirementSpecifier: &jwtv3.PerRouteConfig_RequirementName{RequirementName: check.name()},
	})
	rules := claimRules(r, a)
	rules[refusedTokenForm] = check.otherThanVerified()
	route.TypedPerFilterConfig[filterClaims] = enabled(refuse(rules))
}

// bearer is what may stand before a token in a header.
const bearer = "Bearer "

// otherThanVerified holds for requests in which a backend may see another token than the
// one that Envoy has verified: Envoy finds "Bearer" anywhere in a header, and of several
// query parameters takes the first, in whatever escapes their names are, and only after an
// ampersand, while some backends take a semicolon for one.
func (t tokenCheck) otherThanVerified() *principal {
	if t.query != "" {
		name := anyEscapes(t.query)
		return headerIs(":path", regexMatcher(`[^?]*\?(?:.*[&;])?`+name+`(?:=[^&;]*)?[&;](?:.*[&;])?`+name+`(?:[=&;].*)?`))
	}
	return allOf(not(headerIs(t.header, textPrefix(bearer))), headerIs(t.header, textPart(bearer)))
}

// anyEscapes is a regular expression for text of which any byte may be percent-encoded.
func anyEscapes(text string) string {
	var b strings.Builder
	for i := range len(text) {
		// In bytes, as they are in a path: another character than ASCII has to be escaped.
		if plain := text[i : i+1]; plain[0] < utf8.RuneSelf {
			fmt.Fprintf(&b, "(?:%s|%%(?i:%02x))", regexp.QuoteMeta(plain), plain[0])
		} else {
			fmt.Fprintf(&b, "%%(?i:%02x)", plain[0])
		}
	}
	return b.String()
}

// from reads the identity source; false when it is none that a token can come from.
func (t *tokenCheck) from(a *gateway.Authorizer) bool {
	switch len(a.IdentitySources) {
	case 0:
		t.header = "authorization"
		return true
	case 1:
	default:
		return false
	}
	source := a.IdentitySources[0]
	for _, prefix := range []string{"$request.header.", "method.request.header."} {
		if name, ok := strings.CutPrefix(source, prefix); ok && name != "" {
			t.header = strings.ToLower(name)
			return true
		}
	}
	for _, prefix := range []string{"$request.querystring.", "method.request.querystring."} {
		if name, ok := strings.CutPrefix(source, prefix); ok && name != "" {
			t.query = name
			return true
		}
	}
	return false
}

// claimRules are what the claims of a verified token must not be.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
func claimRules(r *parsedRoute, a *gateway.Authorizer) map[string]*principal {
	claim := func(name string, texts ...string) *principal {
		return metadataIs(filterTokens, textOrListHas(texts), tokenMetadata, name)
	}
	scopes := r.Authorization.Scopes
	hasScope := func() *principal {
		words := wordsOrListHave(scopes)
		return oneOf(metadataIs(filterTokens, words, tokenMetadata, "scope"), metadataIs(filterTokens, words, tokenMetadata, "scp"))
	}
	rules := map[string]*principal{}
	if a.Type == gateway.JWTAuthorizer {
		if len(a.JWTAudience) > 0 {
			// client_id counts only where there is no aud.
			rules[refusedAudience] = not(oneOf(
				claim("aud", a.JWTAudience...),
				allOf(not(metadataIs(filterTokens, present(), tokenMetadata, "aud")), claim("client_id", a.JWTAudience...)),
			))
		}
		if len(scopes) > 0 {
			rules[refusedScope] = not(hasScope())
		}
		return rules
	}
	// User pools: a method with scopes takes access tokens, another one id tokens.
	if len(scopes) > 0 {
		rules[refusedPoolClaims] = not(claim("token_use", "access"))
		rules[refusedPoolScope] = not(hasScope())
		return rules
	}
	valid := []*principal{claim("token_use", "id")}
	if a.ValidationExpression != "" {
		valid = append(valid, metadataIs(filterTokens, textValue(regexMatcher(a.ValidationExpression)), tokenMetadata, "aud"))
	}
	rules[refusedPoolClaims] = not(allOf(valid...))
	return rules
}

// tokenFilter is the configuration of the filter that verifies tokens.
func tokenFilter(s *gateway.Snapshot, checks map[string]tokenCheck) *jwtv3.JwtAuthentication {
	f := &jwtv3.JwtAuthentication{
		Providers:      map[string]*jwtv3.JwtProvider{},
		RequirementMap: map[string]*jwtv3.JwtRequirement{},
		// The challenge and the body are Amazon's: localreply.go.
		StripFailureResponse: true,
	}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		check := checks[name]
		var ways []*jwtv3.JwtRequirement
		for _, issuer := range check.issuers {
			for form, provider := range check.providers(s, issuer) {
				f.Providers[form] = provider
				ways = append(ways, &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_ProviderName{ProviderName: form}})
			}
		}
		// A route that asks for what is not here refuses everybody.
		if len(ways) > 0 {
			// The usual form, with Bearer, comes first by its name.
			slices.SortFunc(ways, func(a, b *jwtv3.JwtRequirement) int { return strings.Compare(a.GetProviderName(), b.GetProviderName()) })
			f.RequirementMap[name] = anyRequirement(ways)
		}
	}
	return f
}

func anyRequirement(ways []*jwtv3.JwtRequirement) *jwtv3.JwtRequirement {
	if len(ways) == 1 {
		return ways[0]
	}
	return &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_RequiresAny{
		RequiresAny: &jwtv3.JwtRequirementOrList{Requirements: ways},
	}}
}

// providers verify an issuer's tokens, by name. A header may have the token with or
// without "Bearer " before it, for which Envoy needs one provider each.
func (t tokenCheck) providers(s *gateway.Snapshot, issuer string) map[string]*jwtv3.JwtProvider {
	provider := func() *jwtv3.JwtProvider {
		return &jwtv3.JwtProvider{
			Issuer: issuer,
			// Where the keys are not known (yet) this is empty: no token is good then, and who
			// has none is still told so.
			JwksSourceSpecifier: &jwtv3.JwtProvider_LocalJwks{LocalJwks: inlineString(keySet(s, issuer))},
			Forward:             true,
			RequireExpiration:   true,
			ClockSkewSeconds:    tokenClockSkew,
			// Not normalized: that copies all claims once more with each request, to spare
			// the routes with scopes what wordsOrListHave does.
			PayloadInMetadata: tokenMetadata,
			JwtCacheConfig:    &jwtv3.JwtCacheConfig{JwtCacheSize: tokenCacheSize, JwtMaxTokenSize: maxTokenBytes},
		}
	}
	if t.query != "" {
		p := provider()
		p.FromParams = []string{t.query}
		return map[string]*jwtv3.JwtProvider{"query " + t.query + " of " + issuer: p}
	}
	behind, raw := provider(), provider()
	behind.FromHeaders = []*jwtv3.JwtHeader{{Name: t.header, ValuePrefix: bearer}}
	behind.FailedStatusInMetadata = bearerFailure
	raw.FromHeaders = []*jwtv3.JwtHeader{{Name: t.header}}
	return map[string]*jwtv3.JwtProvider{
		t.header + " Bearer of " + issuer:   behind,
		t.header + " as it is of " + issuer: raw,
	}
}

// keySet gives an issuer's keys; "" when they are not known (yet).
func keySet(s *gateway.Snapshot, issuer string) string {
	if i := s.Issuer(issuer); i != nil {
		return i.JWKS
	}
	return ""
}

// addTokenFilter puts the filter's configuration among the gateway's resources.
func addTokenFilter(s *gateway.Snapshot, checks map[string]tokenCheck, out *gatewayResources) {
	out.add(filterTokens, &corev3.TypedExtensionConfig{Name: filterTokens, TypedConfig: anyOf(tokenFilter(s, checks))}, gateway.Position{})
}
