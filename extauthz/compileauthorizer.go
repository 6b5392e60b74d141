package extauthz

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
	"gatehouse/internal/lambda"
)

// defaultTTL is Amazon's, in seconds.
const defaultTTL = 300

// authorizer compiles the Lambda authorizer of a route, once for all routes. It gives
// nil after a problem was reported.
func (b *stageCompiler) authorizer(r *gateway.Route) *lambdaAuthorizer {
	name := r.Authorization.Authorizer
	if known, done := b.authorizers[name]; done {
		return known
	}
	b.authorizers[name] = nil
	from := b.deployment.Authorizer(name)
	if from == nil {
		b.errorf("unsupported-authorizer", cmp.Or(r.Authorization.Source, r.Source), "", "%s asks for the authorizer %q, which is not defined", r.Key(), name)
		return nil
	}
	problems := len(b.stage.found)
	a := &lambdaAuthorizer{name: name, stage: b.stage, simple: from.SimpleResponses, ttl: ttlOf(from)}
	switch {
	case from.Type == "TOKEN":
		a.form = tokenForm
	case b.stage.protocol == gateway.REST:
		a.form = requestForm
	case b.stage.protocol == gateway.WebSocket:
		a.form = connectForm
	case from.PayloadVersion == "2.0":
		a.form = httpForm2
	default:
		a.form = httpForm1
	}
	b.sources(a, from)
	b.pattern(a, from)
	b.target(a, from)
	b.role(a, from)
	for _, d := range b.stage.found[problems:] {
		if d.Severity == gateway.Error {
			return nil
		}
	}
	a.id = b.authorizerID(a, from)
	b.authorizers[name] = a
	return a
}

// ttlOf is how long answers are kept. Without an identity source all callers would
// share one.
func ttlOf(a *gateway.Authorizer) time.Duration {
	switch {
	case len(a.IdentitySources) == 0:
		return 0
	case a.ResultTTLSeconds == nil:
		return defaultTTL * time.Second
	}
	return time.Duration(*a.ResultTTLSeconds) * time.Second
}

func (b *stageCompiler) sources(a *lambdaAuthorizer, from *gateway.Authorizer) {
	for _, text := range from.IdentitySources {
		source, err := parseIdentitySource(text)
		if err != nil {
			b.errorf("unsupported-identity-source", from.Source, "", "the identity source of the authorizer %s: %v", a.name, err)
			continue
		}
		a.sources = append(a.sources, source)
	}
	if a.form == tokenForm && (len(from.IdentitySources) != 1 || len(a.sources) == 1 && a.sources[0].kind != identityHeader) {
		b.errorf("unsupported-identity-source", from.Source, "such as method.request.header.Authorization",
			"the authorizer %s takes its token from one header", a.name)
	}
}

// pattern reads the expression as it stands: with anything put around it, an expression
// such as a)|(b would be read as something else.
func (b *stageCompiler) pattern(a *lambdaAuthorizer, from *gateway.Authorizer) {
	if from.ValidationExpression == "" || a.form != tokenForm {
		return
	}
	pattern, err := regexp.Compile(from.ValidationExpression)
	if err != nil {
		b.errorf("invalid-pattern", from.Source, "use the syntax of RE2, which has no look-around and no back-references",
			"the identityValidationExpression of the authorizer %s: %v", a.name, err)
		return
	}
	pattern.Longest()
	a.pattern = pattern
}

// matchesWhole reports whether a pattern, which prefers longer matches, takes all of a
// text.
func matchesWhole(pattern *regexp.Regexp, text string) bool {
	at := pattern.FindStringIndex(text)
	return at != nil && at[0] == 0 && at[1] == len(text)
}

func (b *stageCompiler) target(a *lambdaAuthorizer, from *gateway.Authorizer) {
	uri, missing := gateway.ResolveStageVariables(from.URI, b.stage.variables)
	if len(missing) > 0 {
		b.errorf("unset-stage-variable", from.Source, fmt.Sprintf("add it to the variables of stage %s", b.stage.name),
			"the stage %s/%s has no variable %s, which the URI of the authorizer %s uses", b.stage.key.api, b.stage.name, strings.Join(missing, ", "), a.name)
		return
	}
	target, err := lambda.Find(uri, b.snapshot.Functions)
	switch {
	case errors.Is(err, lambda.ErrUnknown):
		b.errorf("unknown-function", from.Source, "add it to functions:, or write its ARN", "the authorizer %s calls the function %s, which is not defined", a.name, target)
	case err != nil:
		b.errorf("invalid-authorizer-uri", from.Source,
			"write arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION-ARN/invocations, the ARN of a function, or the URL of a webhook",
			"the URI of the authorizer %s: %v", a.name, err)
	}
	a.target = target
}

// role takes on what the authorizer says its function is called as. Where an entry of
// functions says how a function is called, that is it.
func (b *stageCompiler) role(a *lambdaAuthorizer, from *gateway.Authorizer) {
	if from.Credentials == "" {
		return
	}
	if a.target.URL != "" || a.target.Endpoint != "" {
		b.stage.found.Warnf("no-effect", from.Source, "", "",
			"the authorizerCredentials of %s have no effect: its function is not called at AWS", a.name)
		return
	}
	text, missing := gateway.ResolveStageVariables(from.Credentials, b.stage.variables)
	if len(missing) > 0 {
		b.errorf("unset-stage-variable", from.Source, fmt.Sprintf("add it to the variables of stage %s", b.stage.name),
			"the stage %s/%s has no variable %s, which the authorizerCredentials of %s use", b.stage.key.api, b.stage.name, strings.Join(missing, ", "), a.name)
		return
	}
	role, err := amazon.ParseRole(text)
	if err != nil {
		b.errorf("invalid-credentials", from.Source, "write arn:aws:iam::ACCOUNT:role/NAME, or leave it out for Gatehouse's own credentials",
			"the authorizerCredentials of %s: %v", a.name, err)
		return
	}
	a.target.Role = role
}

// authorizerID is a hash of all that goes into an answer besides the caller: an answer
// is not used again when any of it has changed.
func (b *stageCompiler) authorizerID(a *lambdaAuthorizer, from *gateway.Authorizer) [sha256.Size]byte {
	return sha256.Sum256([]byte(gateway.ContentHash(struct {
		API, Stage string
		Canary     bool
		Protocol   gateway.Protocol
		Variables  map[string]string
		Authorizer gateway.Authorizer
		Target     lambda.Target
	}{b.stage.key.api, b.stage.name, b.stage.key.canary, b.stage.protocol, b.stage.variables, *from, a.target})))
}
