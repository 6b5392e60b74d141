package extauthz

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/lambdaevent"
)

// IssuerKeys gives an issuer with its key set.
type IssuerKeys func(ctx context.Context, issuer gateway.Issuer) (gateway.Issuer, error)

// AskUserPool verifies the token of a trial, as Envoy does on the way to a stage, by the
// user pools of an authorizer. As on Amazon it is an id token: a method without scopes is
// tried.
// See https://docs.aws.amazon.com/apigateway/latest/api/API_TestInvokeAuthorizer.html
func (s *TrialServer) AskUserPool(ctx context.Context, t *Trial, name string, keys IssuerKeys) *AuthorizerDecision {
	begin := s.server.now()
	account := executionlog.New(t.ID, s.server.now)
	account.Line("Starting authorizer: %s for request: %s", name, t.ID)
	decision := &AuthorizerDecision{}
	refused := s.askUserPool(ctx, t, name, keys, account, decision)
	if refused != nil && refused.reason != "" {
		account.Line("The token is not valid: %s", refused.reason)
	}
	decision.conclude(account, t.ID, refused)
	decision.Latency = s.server.now().Sub(begin)
	decision.Log = account.String()
	return decision
}

func (s *TrialServer) askUserPool(ctx context.Context, t *Trial, name string, keys IssuerKeys, account *executionlog.Log, decision *AuthorizerDecision) *refusal {
	stage := t.Snapshot.API(t.API).Stage(t.Stage)
	a := stage.Deployment.Authorizer(name)
	if a == nil || a.Type != gateway.CognitoAuthorizer {
		return refuse(CodeUnknownRoute, gateway.APIConfigurationError).because("the authorizer is none that takes tokens")
	}
	c, found := s.check(ctx, t)
	if found {
		for _, e := range c.route.evaluators {
			if asked, is := e.(tokenScopes); is {
				return s.introspect(ctx, c, asked, account, decision)
			}
		}
	}
	verifier := tokenVerifier{authorizer: a, keys: keys, now: c.now, snapshot: t.Snapshot}
	var err error
	if verifier.issuers, err = t.Snapshot.AuthorizerIssuers(a, stage.Variables); err != nil {
		return refuse(CodeUnknownRoute, gateway.APIConfigurationError).because(err.Error())
	}
	source := identitySource{kind: identityHeader, name: "authorization"}
	if len(a.IdentitySources) > 0 {
		if source, err = parseIdentitySource(a.IdentitySources[0]); err != nil || source.kind != identityHeader {
			return refuse(CodeUnknownRoute, gateway.APIConfigurationError).because("the token of a user pool is in a header, method.request.header.NAME")
		}
	}
	token, refused := (&introspectedToken{source: source}).token(c)
	if refused != nil {
		return refused.because("there is no token in " + source.name)
	}
	account.Line("Incoming identity: %s", executionlog.Masked(token))
	claims, refused := verifier.verify(ctx, token)
	if refused == nil {
		decision.claim(claims)
	}
	return refused
}

// introspect asks the issuer that the authorizer's pool stands for, which is what the
// definitions have it do.
func (s *TrialServer) introspect(ctx context.Context, c *check, e tokenScopes, account *executionlog.Log, decision *AuthorizerDecision) *refusal {
	if token, _ := e.token(c); token != "" {
		account.Line("Incoming identity: %s", executionlog.Masked(token))
	}
	if refused := e.evaluate(ctx, c); refused != nil {
		return refused
	}
	decision.claim(c.claims.AsMap())
	return nil
}

// claim takes the claims of a token in, as texts.
func (d *AuthorizerDecision) claim(claims map[string]any) {
	d.Claims = make(map[string]string, len(claims))
	for name, value := range claims {
		d.Claims[name] = lambdaevent.ClaimText(value)
	}
}

// tokenVerifier verifies tokens by the keys of their issuers, with the rules that the
// translator gives Envoy (translator/tokens.go).
type tokenVerifier struct {
	authorizer *gateway.Authorizer
	issuers    []string
	keys       IssuerKeys
	snapshot   *gateway.Snapshot
	now        time.Time
}

// tokenAlgorithms are those that Envoy verifies.
var tokenAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// verify gives the claims of a token that is good.
func (v *tokenVerifier) verify(ctx context.Context, token string) (map[string]any, *refusal) {
	signed, err := jose.ParseSignedCompact(token, tokenAlgorithms)
	if err != nil {
		return nil, unauthorized(CodeTokenInvalid).because("the token is no signed JWT")
	}
	var said struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &said) != nil || !slices.Contains(v.issuers, said.Issuer) {
		return nil, unauthorized(CodeTokenIssuer).because("the token is of none of the issuers " + strings.Join(v.issuers, ", "))
	}
	issuer := gateway.Issuer{URL: said.Issuer}
	if known := v.snapshot.Issuer(said.Issuer); known != nil {
		issuer = *known
	}
	if issuer, err = v.keys(ctx, issuer); err != nil {
		return nil, unauthorized(CodeTokenInvalid).because(fmt.Sprintf("the keys of %s are not known: %v", said.Issuer, err))
	}
	payload, ok := verifiedBy(signed, issuer.JWKS)
	var claims map[string]any
	if !ok || json.Unmarshal(payload, &claims) != nil {
		return nil, unauthorized(CodeTokenInvalid).because("the token is signed by no key of " + said.Issuer)
	}
	if refused := v.judge(claims); refused != nil {
		return nil, refused
	}
	return claims, nil
}

// verifiedBy gives what was signed by one of the keys: that which the token names, if it
// names one.
func verifiedBy(signed *jose.JSONWebSignature, keySet string) ([]byte, bool) {
	var set jose.JSONWebKeySet
	if json.Unmarshal([]byte(keySet), &set) != nil {
		return nil, false
	}
	header := signed.Signatures[0].Header
	for _, key := range set.Keys {
		if header.KeyID != "" && key.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// judge holds claims against what a method without scopes asks for.
func (v *tokenVerifier) judge(claims map[string]any) *refusal {
	at := func(name string) (time.Time, bool) {
		seconds, ok := claims[name].(float64)
		return time.Unix(int64(seconds), 0), ok
	}
	switch expires, ok := at("exp"); {
	case !ok:
		return unauthorized(CodeTokenInvalid).because("the token does not say when it expires")
	case !v.now.Before(expires.Add(tokenClockSkew)):
		return unauthorized(CodeTokenExpired).because("the token has expired")
	}
	if from, ok := at("nbf"); ok && v.now.Add(tokenClockSkew).Before(from) {
		return unauthorized(CodeTokenNotYet).because("the token is not valid yet")
	}
	if claims["token_use"] != "id" {
		return unauthorized(CodeTokenAudience).because("the token is no id token")
	}
	if v.authorizer.ValidationExpression != "" {
		pattern, err := regexp.Compile(v.authorizer.ValidationExpression)
		if err == nil {
			pattern.Longest() // matchesWhole asks for it
		}
		audience, _ := claims["aud"].(string)
		if err != nil || !matchesWhole(pattern, audience) {
			return unauthorized(CodeTokenAudience).because("the token's aud does not match the identityValidationExpression")
		}
	}
	return nil
}
