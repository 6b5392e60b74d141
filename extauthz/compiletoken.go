package extauthz

import (
	"crypto/sha256"
	"errors"
	"regexp"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/introspection"
)

// issuersHash covers what authorizers depend on that take tokens. Keys are not among
// it: those are Envoy's.
func issuersHash(snapshot *gateway.Snapshot) string {
	type issuer struct {
		URL, UserPool, CA string
		Introspection     *gateway.Introspection
	}
	var known []issuer
	for i := range snapshot.Issuers {
		if from := &snapshot.Issuers[i]; from.Introspection != nil || from.UserPool != "" {
			known = append(known, issuer{from.URL, from.UserPool, from.CA, from.Introspection})
		}
	}
	return gateway.ContentHash(known)
}

// token has a route's token introspected, or counts on Envoy to verify it.
func (b *stageCompiler) token(out *route, r *gateway.Route) {
	e := b.introspectedToken(r.Authorization.Authorizer)
	if e == nil {
		out.tokenInEnvoy = true
		return
	}
	out.evaluators = append(out.evaluators, tokenScopes{e, r.Authorization.Scopes})
}

// introspectedToken compiles an authorizer, once for all routes. It gives nil if its
// tokens are verified by keys, or after a problem was reported.
func (b *stageCompiler) introspectedToken(name string) *introspectedToken {
	if known, done := b.tokens[name]; done {
		return known
	}
	b.tokens[name] = nil
	from := b.deployment.Authorizer(name)
	if from == nil {
		return nil // The translator reports it, as for all tokens.
	}
	issuer, err := b.snapshot.IntrospectedIssuer(from, b.stage.variables)
	switch {
	case errors.Is(err, gateway.ErrSeveralIssuers):
		b.errorf("ambiguous-issuer", from.IssuerSource, "give each issuer an authorizer of its own", "the authorizer %s cannot be served: %v", name, err)
		return nil
	case issuer == nil:
		return nil // Validate reports what cannot be told.
	}
	problems := len(b.stage.found)
	in := issuer.Introspection
	e := &introspectedToken{
		name: name, stage: b.stage, issuer: issuer.URL,
		target: introspection.Target{
			Endpoint: in.Endpoint, ClientID: in.ClientID, ClientSecret: in.ClientSecret, Post: in.Auth == gateway.IntrospectionPost, CA: issuer.CA,
		},
		ttl:      time.Duration(in.CacheMillis) * time.Millisecond,
		source:   b.tokenSource(from),
		audience: from.JWTAudience,
	}
	if err := introspection.CheckAuthorities(issuer.CA); err != nil {
		b.errorf("invalid-certificate", issuer.Source, "", "the introspection endpoint of %s cannot be asked: %v", issuer.URL, err)
	}
	if from.ValidationExpression != "" {
		pattern, err := regexp.Compile(from.ValidationExpression)
		if err != nil {
			b.errorf("invalid-pattern", from.Source, "use the syntax of RE2, which has no look-around and no back-references",
				"the identityValidationExpression of the authorizer %s: %v", name, err)
		} else {
			pattern.Longest()
			e.matching = pattern
		}
	}
	for _, d := range b.stage.found[problems:] {
		if d.Severity == gateway.Error {
			return nil
		}
	}
	e.id = sha256.Sum256([]byte(gateway.ContentHash(struct {
		API, Stage string
		Canary     bool
		Issuer     string
		Authorizer gateway.Authorizer
		Target     introspection.Target
		TTL        int64
	}{b.stage.key.api, b.stage.name, b.stage.key.canary, e.issuer, *from, e.target, in.CacheMillis})))
	b.tokens[name] = e
	return e
}

// tokenSource is where the token is: one header or parameter, Authorization by default.
func (b *stageCompiler) tokenSource(from *gateway.Authorizer) identitySource {
	source := identitySource{kind: identityHeader, name: "authorization"}
	if len(from.IdentitySources) == 0 {
		return source
	}
	source, err := parseIdentitySource(from.IdentitySources[0])
	if err != nil || len(from.IdentitySources) > 1 || source.kind != identityHeader && source.kind != identityQuery {
		b.errorf("invalid-identity-source", from.Source, "write $request.header.NAME or $request.querystring.NAME",
			"the authorizer %s cannot take its token from %q", from.Name, from.IdentitySources)
	}
	return source
}
