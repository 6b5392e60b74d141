package extauthz

import (
	"context"

	"gatehouse/gateway"
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
		c.invalidates = gateway.AsksAnew(c.header("cache-control")) && e.permits(c, authorization, iampolicy.InvalidateCache)
		return nil
	case iampolicy.ExplicitDeny:
		return refusedByPolicy(CodePermissionDenied, c, outcome).because(reason)
	}
	return refusedByPolicy(CodeNotPermitted, c, outcome).because(reason)
}

// permits reports whether the caller may do something else with the method.
func (e permission) permits(c *check, authorization iampolicy.Authorization, action string) bool {
	request := c.policyRequest()
	request.Action = action
	var resource *iampolicy.Decision
	if e.resource != nil {
		decision := e.resource.Evaluate(&request)
		resource = &decision
	}
	own, _ := iampolicy.EvaluateAll(c.current.access.keys[c.accessKey].policies, &request)
	return iampolicy.Combine(authorization, resource, own) == iampolicy.Allowed
}
