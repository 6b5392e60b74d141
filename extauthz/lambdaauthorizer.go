package extauthz

import (
	"context"
	"crypto/sha256"
	"net/http"
	"regexp"
	"time"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
	"gatehouse/internal/lambda"
)

// lambdaAuthorizer asks a function about the caller.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
type lambdaAuthorizer struct {
	name  string
	stage *stage
	form  authorizerForm
	// simple: {"isAuthorized": …} is expected, and not a policy.
	simple  bool
	sources []identitySource
	// pattern is what a token has to match as a whole, nil for anything.
	pattern *regexp.Regexp
	// ttl is how long answers are kept, zero for not at all.
	ttl    time.Duration
	target lambda.Target
	// id stands for all that an answer may depend on besides the caller's identity.
	id [sha256.Size]byte
}

// authorizerForm is how a function is asked.
type authorizerForm int

const (
	// tokenForm and requestForm belong to REST APIs, connectForm to WebSocket APIs, the
	// others to HTTP APIs.
	tokenForm authorizerForm = iota
	requestForm
	connectForm
	httpForm1
	httpForm2
)

// maxARN is Amazon's bound on the ARN that an authorizer is given.
const maxARN = 1600

func (a *lambdaAuthorizer) kind() kind { return lambdaKind }

func (a *lambdaAuthorizer) evaluate(ctx context.Context, c *check) *refusal {
	if len(c.methodARN()) > maxARN {
		return &refusal{code: CodeURITooLong, status: http.StatusRequestURITooLong}
	}
	identity, refused := a.identify(c)
	if refused != nil {
		return refused
	}
	answer, refused := c.runtime.askFunction(ctx, a, c, identity)
	if refused != nil {
		c.functionRequest = refused.functionRequest
		return refused
	}
	c.functionRequest = answer.functionRequest
	c.authorizer, c.typed, c.ready, c.usageKey = answer.context, answer.typed, answer.ready, answer.usageKey
	return a.decide(c, answer)
}

// identify finds the values of the identity sources.
func (a *lambdaAuthorizer) identify(c *check) ([][]string, *refusal) {
	identity := make([][]string, len(a.sources))
	for i, source := range a.sources {
		identity[i] = source.values(c)
		// A REST API without a cache lets the function see what is missing.
		if missing(identity[i]) && (a.form != requestForm || a.ttl > 0) {
			return nil, unauthorized(CodeIdentityMissing)
		}
	}
	if a.form != tokenForm {
		return identity, nil
	}
	// Which of several tokens Amazon takes is not known. The function would judge one,
	// and a backend might believe another.
	if len(identity[0]) > 1 {
		return nil, unauthorized(CodeIdentityRepeated)
	}
	if a.pattern != nil && !matchesWhole(a.pattern, identity[0][0]) {
		return nil, unauthorized(CodeIdentityInvalid)
	}
	return identity, nil
}

// decide applies an answer to this request: one that was given for another method
// is about all that its policy says, and about nothing else.
func (a *lambdaAuthorizer) decide(c *check, answer *answer) *refusal {
	decision := iampolicy.Decision{Statement: -1}
	switch {
	case answer.policy != nil:
		request := c.policyRequest()
		decision = answer.policy.Evaluate(&request)
	case answer.authorized:
		decision.Effect = iampolicy.Allow
	}
	switch iampolicy.Combine(iampolicy.LambdaAuthorizer, c.policy, decision) {
	case iampolicy.Allowed:
		return nil
	case iampolicy.ExplicitDeny:
		return refuse(CodeAuthorizerDenied, gateway.AccessDenied).saying(notAuthorized + " with an explicit deny").because(decision.String())
	}
	return refuse(CodeAuthorizerNotAllowed, gateway.AccessDenied).because(decision.String())
}

var notAuthorized = gateway.ResponseDefaults[gateway.AccessDenied].Message
