package explain

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
)

// checks goes through what a route asks of its callers, in the order in which it is asked;
// false when one of them refuses.
func (ex *offline) checks() bool {
	ex.certificate()
	for _, check := range []func() bool{ex.policy, ex.authorization, ex.apiKey, ex.parametersThere, ex.bodyFits} {
		if !check() {
			return false
		}
	}
	return true
}

// certificate tells of domains whose clients show one. It is asked for before HTTP begins.
func (ex *offline) certificate() {
	for i := range ex.snapshot.Domains {
		d := &ex.snapshot.Domains[i]
		if d.TLS != nil && d.TLS.ClientCA != "" && strings.EqualFold(d.Name, ex.asked.host) {
			ex.add("client certificate", Open, d.Source, "the handshake fails without a certificate of the domain's truststore")
		}
	}
}

func (ex *offline) identity() iampolicy.API {
	return iampolicy.OwnIdentity([]byte(ex.deployment.Policy), iampolicy.API{Region: gateway.DefaultRegion, Account: gateway.DefaultAccountID, ID: ex.API})
}

// policy is the resource policy, as far as it goes by what is asked. With a signature or a
// function, it decides together with them.
func (ex *offline) policy() bool {
	if ex.deployment.Policy == "" {
		return true
	}
	at := ex.deployment.PolicySource
	identity := ex.identity()
	policy, problems := iampolicy.Parse([]byte(ex.deployment.Policy), iampolicy.Options{Kind: iampolicy.ResourcePolicy, API: identity})
	if policy == nil {
		ex.add("resource policy", Failed, at, fmt.Sprintf("the policy cannot be read: %v", problems))
		return false
	}
	if !ex.asked.source.IsValid() {
		ex.add("resource policy", Open, at, "the API has a resource policy; give the client's address to have it looked at")
		return true
	}
	decision := policy.Evaluate(&iampolicy.Request{
		Action: iampolicy.Invoke, Resource: identity.MethodARN(ex.Stage, ex.asked.method, ex.below()), Time: time.Now(),
		SourceIP: ex.asked.source, UserAgent: ex.asked.header.Get("User-Agent"), Referer: ex.asked.header.Get("Referer"),
	})
	kind := iampolicy.Open
	if ex.of.Authorization != nil {
		switch ex.of.Authorization.Type {
		case gateway.AuthorizationIAM:
			kind = iampolicy.SameAccount
		case gateway.AuthorizationLambda:
			kind = iampolicy.LambdaAuthorizer
		case gateway.AuthorizationUserPool:
			kind = iampolicy.UserPool
		}
	}
	outcome := iampolicy.Combine(kind, &decision, iampolicy.Decision{Statement: -1})
	text := fmt.Sprintf("the resource policy, asked about %s from %s, says: %s", identity.MethodARN(ex.Stage, ex.asked.method, ex.below()), ex.asked.source, decision)
	switch {
	case outcome == iampolicy.Allowed:
		ex.add("resource policy", Passed, at, text)
	case outcome == iampolicy.ImplicitDeny && (kind == iampolicy.SameAccount || kind == iampolicy.LambdaAuthorizer):
		ex.add("resource policy", Open, at, text+"; the "+map[bool]string{true: "caller's own policies", false: "authorizer's policy"}[kind == iampolicy.SameAccount]+" may allow it")
	default:
		message := iampolicy.DenialText("", iampolicy.Invoke, identity.MethodARN(ex.Stage, ex.asked.method, ex.below()), outcome)
		ex.refuse("resource policy", at, gateway.AccessDenied, message, text)
		return false
	}
	return true
}

// authorization is the route's authorizer, or the signature that it asks for.
func (ex *offline) authorization() bool {
	asked := ex.of.Authorization
	if asked == nil {
		ex.add("authorization", Passed, ex.of.Source, "the route asks for none")
		return true
	}
	switch asked.Type {
	case gateway.AuthorizationIAM:
		return ex.signature(asked)
	}
	a := ex.deployment.Authorizer(asked.Authorizer)
	if a == nil {
		ex.add("authorization", Open, asked.Source, "the authorizer "+asked.Authorizer+" is not in the definitions")
		return true
	}
	if asked.Type == gateway.AuthorizationLambda {
		return ex.functionAuthorizer(a)
	}
	return ex.token(asked, a)
}

func (ex *offline) signature(asked *gateway.Authorization) bool {
	header := ex.asked.header.Get("Authorization")
	signed := strings.HasPrefix(header, "AWS4-HMAC-SHA256") || strings.Contains(ex.asked.query, "X-Amz-Signature=")
	switch {
	case !signed && ex.api.Protocol == gateway.HTTP:
		ex.refuse("signature", asked.Source, gateway.AccessDenied, "", "the route asks for a request that is signed (AWS_IAM), and this is not")
		return false
	case !signed:
		ex.refuse("signature", asked.Source, gateway.MissingAuthenticationToken, "", "the route asks for a request that is signed (AWS_IAM), and this is not")
		return false
	}
	ex.add("signature", Open, asked.Source, "the signature is verified, and the caller's policies are asked for execute-api:Invoke; 403 where one of them says no")
	return true
}
