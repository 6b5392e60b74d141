package iampolicy_test

import (
	"fmt"
	"net/netip"

	"gatehouse/gateway/iampolicy"
)

func Example() {
	api := iampolicy.API{Region: "eu-west-1", Account: "111122223333", ID: "petstore"}
	policy, problems := iampolicy.Parse([]byte(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
		{"Sid": "Office", "Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/prod/*/admin/*",
		 "Condition": {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}}]}`),
		iampolicy.Options{Kind: iampolicy.ResourcePolicy, API: api})
	if policy == nil {
		fmt.Println(problems)
		return
	}

	request := iampolicy.Request{
		Action: iampolicy.Invoke, Resource: api.MethodARN("prod", "GET", "/admin/users"), SourceIP: netip.MustParseAddr("203.0.113.9"),
	}
	decision := policy.Evaluate(&request)
	outcome := iampolicy.Combine(iampolicy.Open, &decision, iampolicy.Decision{})
	fmt.Println(decision)
	fmt.Println(iampolicy.DenialText("", request.Action, request.Resource, outcome))

	// Envoy can decide this policy by itself.
	rules, err := policy.AddressRules(api, "prod")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range rules.Deny {
		fmt.Println("deny all but", rule.Sources.NotIn, "on", rule.Paths("GET").Patterns)
	}
	// Output:
	// deny by Statement[1] (Office)
	// User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:********3333:petstore/prod/GET/admin/users with an explicit deny
	// deny all but [198.51.100.0/24] on [*/admin/*]
}
