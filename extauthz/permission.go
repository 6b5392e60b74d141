package extauthz

import (
	"context"

	"gatehouse/gateway/iampolicy"
)

// permission decides whether the one who signed may call the method: by their own
// policies, and by the API's.
type permission struct {
	// resource is the API's policy, nil for none.
	resource *iampolicy.Policy
}

func (permission) kind() kind { return permissionKind }

func (e permission) evaluate(_ context.Context, c *check) *refusal {
	request := c.policyRequest()
	if e.resource != nil {
		decision := e.resource.Evaluate(&request)
		c.policy = &decision
	}
	own, _ := iampolicy.EvaluateAll(c.current.access.keys[c.accessKey].policies, &request)
	authorization := iampolicy.SameAccount
	if c.caller.Account != c.stage.identity.Account {
		authorization = iampolicy.CrossAccount
	}
	outcome := iampolicy.Combine(authorization, c.policy, own)
	reason := "the caller's own policies: " + own.String()
	if c.policy != nil {
		reason += "; the resource policy: " + c.policy.String()
	}
	switch outcome {
	case iampolicy.Allowed:
		return nil
	case iampolicy.ExplicitDeny:
		return refusedByPolicy(CodePermissionDenied, c, outcome).because(reason)
	}
	return refusedByPolicy(CodeNotPermitted, c, outcome).because(reason)
}
