package extauthz

import (
	"context"
	"crypto/sha256"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/internal/introspection"
)

// introspectedToken takes tokens that only their issuer can tell about, by asking it:
// what a JWT authorizer or a user pool does with keys, for issuers with introspection.
// See https://www.rfc-editor.org/rfc/rfc7662
type introspectedToken struct {
	name   string
	stage  *stage
	source identitySource
	issuer string
	target introspection.Target
	ttl    time.Duration
	// id stands for all that is known of a token by besides the token.
	id [sha256.Size]byte
	// audience has one of the token's, unless it is empty; matching is for user pools.
	audience []string
	matching *regexp.Regexp
}

// tokenScopes is the evaluator of one route: its authorizer, and the scopes of which
// the token has to have one.
type tokenScopes struct {
	*introspectedToken
	scopes []string
}

// knownToken is what an issuer said of a token that is good.
type knownToken struct {
	expires          time.Time
	audience, scopes []string
	hasAudience      bool
	clientID         string
	claims           *structpb.Struct
	ready            *response
}

const (
	// maxTokenBytes bounds what is sent on as a token.
	maxTokenBytes = 8 << 10
	// tokenClockSkew is the tolerance towards issuers whose clock is another: that of JWTs.
	tokenClockSkew = 5 * time.Second
	// maxRefusedTTL is how long it is remembered at most that a token is not good: one
	// that is given out in the meantime must not be kept out for long.
	maxRefusedTTL = 10 * time.Second
)

// The challenges are those that JWT authorizers answer with.
const (
	challengeMissing  = `Bearer`
	challengeInvalid  = `Bearer scope="" error="invalid_token" error_description="the token is not valid"`
	challengeExpired  = `Bearer scope="" error="invalid_token" error_description="the token has expired"`
	challengeAudience = `Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"`
	challengeScope    = `Bearer scope="" error="insufficient_scope" error_description="the token does not have the required scope"`
)

func (r *refusal) challenging(challenge string) *refusal {
	r.challenge = challenge
	return r
}

func (tokenScopes) kind() kind { return introspectionKind }

func (e tokenScopes) evaluate(ctx context.Context, c *check) *refusal {
	token, refused := e.token(c)
	if refused != nil {
		return refused
	}
	answer, refused := c.runtime.askIssuer(ctx, e.introspectedToken, c, token)
	switch {
	case refused != nil:
		return refused
	case answer.refused != nil:
		return answer.refused
	}
	// What is kept is gone when it expires, but a call may have taken its time.
	if at := answer.token.expires; !at.IsZero() && !c.now.Before(at.Add(tokenClockSkew)) {
		return unauthorized(CodeTokenExpired).challenging(challengeExpired)
	}
	c.claims, c.ready = answer.token.claims, answer.token.ready
	return e.judge(answer.token)
}

// token finds the token, which may stand behind "Bearer" in a header.
func (e *introspectedToken) token(c *check) (string, *refusal) {
	values := e.source.values(c)
	switch {
	case missing(values):
		return "", unauthorized(CodeIdentityMissing).challenging(challengeMissing)
	case len(values) > 1 || e.source.kind == identityQuery && c.moreBySemicolons(e.source.name):
		// A backend might believe another one than was asked about.
		return "", unauthorized(CodeIdentityRepeated).challenging(challengeInvalid)
	}
	token := values[0]
	if e.source.kind == identityHeader {
		if scheme, rest, ok := strings.Cut(token, " "); ok && strings.EqualFold(scheme, "Bearer") {
			token = strings.TrimLeft(rest, " ")
		}
	}
	switch {
	case token == "" || strings.EqualFold(token, "Bearer"):
		return "", unauthorized(CodeIdentityMissing).challenging(challengeMissing)
	case len(token) > maxTokenBytes || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", unauthorized(CodeTokenInvalid).challenging(challengeInvalid)
	}
	return token, nil
}

// judge holds what is known of a token against what the route asks for.
func (e tokenScopes) judge(token *knownToken) *refusal {
	audience := token.audience
	if !token.hasAudience {
		// client_id counts only where there is no aud.
		audience = []string{token.clientID}
	}
	if len(e.audience) > 0 && !slices.ContainsFunc(audience, func(a string) bool { return a != "" && slices.Contains(e.audience, a) }) ||
		e.matching != nil && !slices.ContainsFunc(audience, func(a string) bool { return matchesWhole(e.matching, a) }) {
		return unauthorized(CodeTokenAudience).challenging(challengeAudience)
	}
	if len(e.scopes) > 0 && !slices.ContainsFunc(token.scopes, func(s string) bool { return slices.Contains(e.scopes, s) }) {
		if e.stage.protocol == gateway.HTTP {
			return refuse(CodeTokenScope, gateway.AccessDenied).challenging(challengeScope)
		}
		return unauthorized(CodeTokenScope)
	}
	return nil
}

// askIssuer gives what is known of a token.
func (rt *authorizerRuntime) askIssuer(ctx context.Context, e *introspectedToken, c *check, token string) (*answer, *refusal) {
	calls := rt.calls(c.stage.key.api, introspectionKind)
	q := &question{
		kind: introspectionKind, authorizer: e.name, stage: e.stage.key, timeout: rt.options.IntrospectionTimeout, kept: e.ttl > 0,
		call: func(ctx context.Context) (*answer, *refusal) {
			if e.target.Endpoint == "" {
				return nil, refuse(CodeIntrospectionFailed, gateway.AuthorizerFailure).because("the metadata of the issuer, which tells the introspection endpoint, could not be fetched yet")
			}
			said, err := rt.options.Introspection.Introspect(ctx, e.target, token)
			if err != nil {
				return nil, introspectionFailure(ctx, err)
			}
			return e.read(said, rt.options.Now()), nil
		},
		until: func(a *answer) time.Time { return e.until(a, rt.options.Now()) },
	}
	if q.kept {
		q.key = newCacheKey(e.id, [][]string{{token}})
		if known := rt.known(calls, introspectionKind, q.key, c.now); known != nil {
			return known, nil
		}
	}
	return rt.ask(ctx, calls, q, c.now)
}

func introspectionFailure(ctx context.Context, err error) *refusal {
	switch {
	case errors.Is(err, introspection.ErrMalformed):
		return refuse(CodeIntrospectionMalformed, gateway.AuthorizerConfigurationError).because(err.Error())
	case errors.Is(err, introspection.ErrClientRefused):
		return refuse(CodeIntrospectionRefused, gateway.AuthorizerConfigurationError).because(err.Error())
	case ctx.Err() != nil:
		return refuse(CodeIntrospectionTimeout, gateway.AuthorizerFailure).because(ctx.Err().Error())
	}
	return refuse(CodeIntrospectionFailed, gateway.AuthorizerFailure).because(err.Error())
}

// until tells how long an answer is used again: never beyond the token's own end.
func (e *introspectedToken) until(a *answer, now time.Time) time.Time {
	if a.refused != nil {
		return now.Add(min(e.ttl, maxRefusedTTL))
	}
	until := now.Add(e.ttl)
	if end := a.token.expires; !end.IsZero() && end.Before(until) {
		return end
	}
	return until
}

// read makes of what an issuer said what is to be known of the token. What the answer
// tells about times and issuer counts even if it says that the token is active.
func (e *introspectedToken) read(said *introspection.Answer, now time.Time) *answer {
	refused := func(code Code, challenge string) *answer {
		return &answer{refused: unauthorized(code).challenging(challenge), size: refusedSize}
	}
	switch {
	case !said.Active:
		return refused(CodeTokenInactive, challengeInvalid)
	case !said.Expires.IsZero() && !now.Before(said.Expires.Add(tokenClockSkew)):
		return refused(CodeTokenExpired, challengeExpired)
	case said.NotBefore.After(now.Add(tokenClockSkew)):
		return refused(CodeTokenNotYet, challengeInvalid)
	case said.Issuer != "" && said.Issuer != e.issuer:
		return refused(CodeTokenIssuer, challengeInvalid)
	}
	token := &knownToken{
		expires: said.Expires, audience: said.Audience, hasAudience: said.Audience != nil, scopes: said.Scopes, clientID: said.ClientID,
		claims: &structpb.Struct{Fields: make(map[string]*structpb.Value, len(said.Claims))},
	}
	size := 0
	for name, text := range said.Claims {
		token.claims.Fields[utf8Text(name)] = structpb.NewStringValue(utf8Text(text))
		size += len(name) + len(text)
	}
	token.ready = (&check{claims: token.claims}).grant().forAll()
	// Each claim is there as text, and as a field, besides what it is parted into.
	return &answer{token: token, size: 1<<10 + 256*len(said.Claims) + 4*size}
}

// refusedSize is about what a refusal takes in memory, with its place in the cache.
const refusedSize = 512
