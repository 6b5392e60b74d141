package extauthz

import (
	"cmp"
	"context"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
)

// resourcePolicy asks the API's own policy. Without an authorizer its word is the last;
// with one, only an explicit denial is final, and what else it says goes into the
// authorizer's outcome.
type resourcePolicy struct {
	policy        *iampolicy.Policy
	authorization iampolicy.Authorization
}

func (e resourcePolicy) kind() kind { return policyKind }

func (e resourcePolicy) evaluate(_ context.Context, c *check) *refusal {
	request := c.policyRequest()
	decision := e.policy.Evaluate(&request)
	c.policy = &decision
	outcome := iampolicy.Combine(e.authorization, &decision, iampolicy.Decision{Statement: -1})
	switch {
	case outcome == iampolicy.ExplicitDeny:
		return refusedByPolicy(CodePolicyDenied, c, outcome).because(decision.String())
	case outcome == iampolicy.ImplicitDeny && e.authorization != iampolicy.LambdaAuthorizer:
		return refusedByPolicy(CodePolicyNotAllowed, c, outcome).because(decision.String())
	}
	return nil
}

func refusedByPolicy(code Code, c *check, outcome iampolicy.Outcome) *refusal {
	return refuse(code, gateway.AccessDenied).saying(iampolicy.DenialText(c.caller.ARN, c.action(), c.methodARN(), outcome))
}

// policyKey is what a compiled policy depends on.
type policyKey struct {
	api  iampolicy.API
	text string
}

// policy reads the resource policy of the stage's deployment.
func (b *stageCompiler) policy() {
	text := b.deployment.Policy
	if text == "" || b.stage.protocol != gateway.REST {
		return
	}
	at := policyKey{b.stage.identity, text}
	if known, done := b.policies[at]; done && known != nil {
		b.resourcePolicy = known
		return
	}
	policy, problems := iampolicy.Parse([]byte(text), iampolicy.Options{Kind: iampolicy.ResourcePolicy, API: b.stage.identity})
	reportPolicy(&b.stage.found, "the resource policy", cmp.Or(b.deployment.PolicySource, b.deployment.Source), problems)
	b.resourcePolicy = policy
	if len(problems) == 0 {
		b.policies[at] = policy
	}
}

// reportPolicy turns the problems of a policy into diagnostics. The text that was parsed
// is not the file's, so the place inside the policy is said in words.
func reportPolicy(found *gateway.Diagnostics, what string, pos gateway.Position, problems []iampolicy.Problem) {
	for _, p := range problems {
		message := p.Message
		if len(p.Path) > 0 {
			message = p.Path.String() + ": " + message
		}
		if p.Warning {
			found.Warnf("suspicious-policy", pos, "", p.Hint, "%s: %s", what, message)
		} else {
			found.Errorf("invalid-policy", pos, "", p.Hint, "%s: %s", what, message)
		}
	}
}
