package iampolicy

// Authorization is how a method authorizes its callers, as far as it matters to the
// resource policy of the API.
type Authorization int

const (
	// Open: authorization type NONE.
	Open Authorization = iota
	// LambdaAuthorizer: type CUSTOM. An explicit denial by the resource policy refuses
	// the request before the authorizer is asked.
	LambdaAuthorizer
	// SameAccount: type AWS_IAM, the caller belongs to the account of the API.
	SameAccount
	// CrossAccount: type AWS_IAM, the caller belongs to another account.
	CrossAccount
	// UserPool: type COGNITO_USER_POOLS, and the token has proved good.
	UserPool
)

// Outcome of a request.
type Outcome int

const (
	// ImplicitDeny: nobody allowed the request.
	ImplicitDeny Outcome = iota
	Allowed
	// ExplicitDeny: a statement denied it.
	ExplicitDeny
)

var outcomeNames = [...]string{"implicit deny", "allowed", "explicit deny"}

func (o Outcome) String() string { return outcomeNames[o] }

// Combine makes the outcome of what the resource policy says, nil when the API has
// none, and of what the policies of the caller or the answer of the Lambda authorizer
// say. The latter does not count with Open and UserPool.
//
// A private API without a policy is open to no one, so the caller has to give the
// zero Decision for it rather than nil.
func Combine(a Authorization, resource *Decision, identity Decision) Outcome {
	var policy Decision
	if resource != nil {
		policy = *resource
	}
	counts := a == LambdaAuthorizer || a == SameAccount || a == CrossAccount
	if policy.Effect == Deny || counts && identity.Effect == Deny {
		return ExplicitDeny
	}
	allowed := false
	switch a {
	case Open, UserPool:
		// The token of a user pool proves who calls. What they may call is then the
		// policy's word alone, if there is one.
		allowed = resource == nil || policy.Effect == Allow
	case LambdaAuthorizer, SameAccount:
		allowed = identity.Effect == Allow || policy.Effect == Allow && !policy.Delegated
	case CrossAccount:
		allowed = identity.Effect == Allow && policy.Effect == Allow
	}
	if allowed {
		return Allowed
	}
	return ImplicitDeny
}
