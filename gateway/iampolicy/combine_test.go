package iampolicy

import "testing"

func TestCombine(t *testing.T) {
	const absent = Effect(-1)
	tests := []struct {
		name               string
		authorization      Authorization
		identity, resource Effect
		want               Outcome
	}{
		{"resource policy only", Open, Neither, Allow, Allowed},
		{"resource policy only", Open, Neither, Neither, ImplicitDeny},
		{"resource policy only", Open, Neither, Deny, ExplicitDeny},
		{"nothing at all", Open, Neither, absent, Allowed},

		{"table A", SameAccount, Allow, Allow, Allowed},
		{"table A", SameAccount, Allow, Neither, Allowed},
		{"table A", SameAccount, Allow, Deny, ExplicitDeny},
		{"table A", SameAccount, Neither, Allow, Allowed},
		{"table A", SameAccount, Neither, Neither, ImplicitDeny},
		{"table A", SameAccount, Neither, Deny, ExplicitDeny},
		{"table A", SameAccount, Deny, Allow, ExplicitDeny},
		{"table A", SameAccount, Deny, Neither, ExplicitDeny},
		{"table A", SameAccount, Deny, Deny, ExplicitDeny},
		{"no policy", SameAccount, Allow, absent, Allowed},
		{"no policy", SameAccount, Neither, absent, ImplicitDeny},
		{"no policy", SameAccount, Deny, absent, ExplicitDeny},

		{"table A, Lambda", LambdaAuthorizer, Allow, Allow, Allowed},
		{"table A, Lambda", LambdaAuthorizer, Allow, Neither, Allowed},
		{"table A, Lambda", LambdaAuthorizer, Allow, Deny, ExplicitDeny},
		{"table A, Lambda", LambdaAuthorizer, Neither, Allow, Allowed},
		{"table A, Lambda", LambdaAuthorizer, Neither, Neither, ImplicitDeny},
		{"table A, Lambda", LambdaAuthorizer, Neither, Deny, ExplicitDeny},
		{"table A, Lambda", LambdaAuthorizer, Deny, Allow, ExplicitDeny},
		{"table A, Lambda", LambdaAuthorizer, Deny, Neither, ExplicitDeny},
		{"table A, Lambda", LambdaAuthorizer, Deny, Deny, ExplicitDeny},
		{"no policy, Lambda", LambdaAuthorizer, Allow, absent, Allowed},
		{"no policy, Lambda", LambdaAuthorizer, Neither, absent, ImplicitDeny},

		{"table B", CrossAccount, Allow, Allow, Allowed},
		{"table B", CrossAccount, Allow, Neither, ImplicitDeny},
		{"table B", CrossAccount, Allow, Deny, ExplicitDeny},
		{"table B", CrossAccount, Neither, Allow, ImplicitDeny},
		{"table B", CrossAccount, Neither, Neither, ImplicitDeny},
		{"table B", CrossAccount, Neither, Deny, ExplicitDeny},
		{"table B", CrossAccount, Deny, Allow, ExplicitDeny},
		{"table B", CrossAccount, Deny, Neither, ExplicitDeny},
		{"table B", CrossAccount, Deny, Deny, ExplicitDeny},
		{"no policy, another account", CrossAccount, Allow, absent, ImplicitDeny},

		{"user pool", UserPool, Neither, Allow, Allowed},
		{"user pool", UserPool, Allow, Neither, ImplicitDeny},
		{"user pool", UserPool, Allow, Deny, ExplicitDeny},
		{"user pool, no policy", UserPool, Neither, absent, Allowed},
	}
	for _, tt := range tests {
		var resource *Decision
		if tt.resource != absent {
			resource = &Decision{Effect: tt.resource}
		}
		if got := Combine(tt.authorization, resource, Decision{Effect: tt.identity}); got != tt.want {
			t.Errorf("%s: identity %d, resource %d: %v, want %v", tt.name, tt.identity, tt.resource, got, tt.want)
		}
	}
}

// TestCombineDelegated: naming an account lets the account decide; within it that
// takes a policy of the caller's own, from outside it takes one anyway.
func TestCombineDelegated(t *testing.T) {
	account := &Decision{Effect: Allow, Delegated: true}
	for _, tt := range []struct {
		authorization Authorization
		identity      Effect
		want          Outcome
	}{
		{SameAccount, Neither, ImplicitDeny},
		{SameAccount, Allow, Allowed},
		{CrossAccount, Neither, ImplicitDeny},
		{CrossAccount, Allow, Allowed},
	} {
		if got := Combine(tt.authorization, account, Decision{Effect: tt.identity}); got != tt.want {
			t.Errorf("authorization %d, identity %v: %v, want %v", tt.authorization, tt.identity, got, tt.want)
		}
	}
}

func TestDenialText(t *testing.T) {
	api := API{Region: "us-east-1", Account: "111122221234", ID: "api"}
	for _, tt := range []struct {
		user, resource string
		outcome        Outcome
		want           string
	}{
		{"", api.MethodARN("stage", "GET", "/"), ImplicitDeny,
			"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********1234:api/stage/GET/"},
		{"", api.MethodARN("stage", "GET", "/a:b"), ExplicitDeny,
			"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********1234:api/stage/GET/a:b with an explicit deny"},
		{annARN, api.MethodARN("stage", "GET", "pets"), ImplicitDeny,
			"User: " + annARN + " is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********1234:api/stage/GET/pets"},
		{"", "arn:aws-cn:execute-api::1234:x", ImplicitDeny, "User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws-cn:execute-api::****:x"},
		{"", "none", ImplicitDeny, "User: anonymous is not authorized to perform: execute-api:Invoke on resource: none"},
	} {
		if got := DenialText(tt.user, Invoke, tt.resource, tt.outcome); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
