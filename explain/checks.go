package explain

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
	"gatehouse/translator"
)

// checks goes through what a route asks of its callers, in the order in which it is asked;
// false when one of them refuses.
func (ex *offline) checks() bool {
	limits := translator.BodyLimitsOf(ex.vh, ex.route)
	within := func(limit uint64) func() bool { return func() bool { return ex.within(limit) } }
	for _, check := range []func() bool{within(limits.First), ex.policy, within(limits.Signed), ex.authorization, ex.apiKey, ex.limits, ex.parametersThere, within(limits.Validated), ex.bodyFits} {
		if !check() {
			return false
		}
	}
	// The last limit is looked at behind the parameters, for which there is another route.
	return ex.within(limits.Last)
}

// within holds the body to what it may have; 0 is any number of bytes.
func (ex *offline) within(limit uint64) bool {
	if limit == 0 || uint64(len(ex.body)) <= limit {
		return true
	}
	at := ex.stage.Source
	for _, s := range ex.stage.Settings {
		if s.MaxRequestBytes != nil && (s.RouteKey == ex.Route || s.RouteKey == "*") {
			at = s.Source
		}
	}
	ex.refuse("body", at, gateway.RequestTooLarge, "", fmt.Sprintf("the body has %d bytes, and may have %d", len(ex.body), limit))
	return false
}

// certificate tells of domains whose clients show one; false where they cannot. It is asked for
// before HTTP begins.
func (ex *offline) certificate() bool {
	d := ex.domain
	if d == nil || d.TLS == nil || d.TLS.ClientCA == "" {
		return true
	}
	if !ex.asked.secure {
		ex.add("client certificate", Failed, d.Source, "clients of the domain show a certificate, which only a TLS handshake by its name can ask for")
		ex.answer(403, "", forbidden)
		return false
	}
	ex.add("client certificate", Open, d.Source, "the handshake fails without a certificate of the domain's truststore")
	return true
}

func (ex *offline) identity() iampolicy.API {
	home := ex.api.Home()
	return iampolicy.OwnIdentity([]byte(ex.deployment.Policy), iampolicy.API{Region: home.Region, Account: home.Account, ID: ex.API})
}

// policy is the resource policy, as far as it goes by what is asked. With a function, it
// decides together with that; with a signature, behind it.
func (ex *offline) policy() bool {
	kind := iampolicy.Open
	if ex.of.Authorization != nil {
		switch ex.of.Authorization.Type {
		case gateway.AuthorizationIAM:
			return true
		case gateway.AuthorizationLambda:
			kind = iampolicy.LambdaAuthorizer
		case gateway.AuthorizationUserPool:
			kind = iampolicy.UserPool
		}
	}
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
	resource := ex.below()
	if ex.api.Protocol == gateway.REST && len(resource) > 1 {
		resource = strings.TrimSuffix(resource, "/") // the ARN has one spelling for both
	}
	request := iampolicy.Request{
		Action: iampolicy.Invoke, Resource: identity.MethodARN(ex.Stage, ex.asked.method, resource), Time: time.Now(), SourceIP: ex.asked.source,
		SecureTransport: ex.asked.secure, UserAgent: ex.asked.header.Get("User-Agent"), Referer: ex.asked.header.Get("Referer"),
	}
	text := fmt.Sprintf("the resource policy, asked about %s from %s, says: ", request.Resource, ex.asked.source)
	var decision iampolicy.Decision
	for i, network := range ex.networks() {
		request.SourceVPC, request.SourceVPCE, request.VPCSourceIP = network.vpc, network.endpoint, network.address(ex.asked.source)
		said := policy.Evaluate(&request)
		if i > 0 && said != decision {
			ex.add("resource policy", Open, at, text+fmt.Sprintf("%s, or %s, by the network of the listener that it comes by", decision, said))
			return true
		}
		decision = said
	}
	text += decision.String()
	switch outcome := iampolicy.Combine(kind, &decision, iampolicy.Decision{Statement: -1}); {
	case outcome == iampolicy.Allowed:
		ex.add("resource policy", Passed, at, text)
	case outcome == iampolicy.ImplicitDeny && kind == iampolicy.LambdaAuthorizer:
		ex.add("resource policy", Open, at, text+"; the authorizer's policy may allow it")
	default:
		ex.refuse("resource policy", at, gateway.AccessDenied, iampolicy.DenialText("", iampolicy.Invoke, request.Resource, outcome), text)
		return false
	}
	return true
}

// network is what a listener says of where its requests come from.
type network struct{ vpc, endpoint string }

// address is the client's within a network; none where no network is told of.
func (n network) address(source netip.Addr) netip.Addr {
	if n == (network{}) {
		return netip.Addr{}
	}
	return source
}

// networks are those of the gateway's listeners.
func (ex *offline) networks() (all []network) {
	for i := range ex.snapshot.Gateways {
		for _, l := range ex.snapshot.Gateways[i].Listeners {
			if n := (network{l.SourceVPC, l.SourceVPCE}); ex.snapshot.Gateways[i].Name == ex.Gateway && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	if len(all) == 0 {
		all = []network{{}}
	}
	return all
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
		return ex.signature(asked.Source)
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

// signature is verified as far as that takes no access key.
func (ex *offline) signature(at gateway.Position) bool {
	request := sigv4.Request{Method: ex.asked.method, Path: ex.first.path, Query: ex.first.query, Host: ex.first.host}
	for name, values := range ex.asked.header {
		// Envoy takes the values of a header together.
		request.Headers = append(request.Headers, sigv4.Header{Name: name, Value: strings.Join(values, ",")})
	}
	unasked := errors.New("no access key is looked up")
	verifier, err := sigv4.New(sigv4.Options{Lookup: func(context.Context, string) (*sigv4.Credential, error) { return nil, unasked }})
	if err == nil {
		_, err = verifier.Verify(context.Background(), &request, time.Now())
	}
	var wrong *sigv4.Error
	switch {
	case errors.As(err, &wrong) && ex.api.Protocol == gateway.HTTP:
		ex.refuse("signature", at, gateway.AccessDenied, "", "the route asks for a request that is signed (AWS_IAM): "+wrong.Error())
		return false
	case errors.As(err, &wrong):
		ex.refuse("signature", at, wrong.Response, wrong.Message, "the route asks for a request that is signed (AWS_IAM): "+wrong.Error())
		return false
	}
	whose := "the caller's policies are asked"
	if ex.deployment.Policy != "" {
		whose = "the caller's policies and the resource policy are asked"
	}
	ex.add("signature", Open, at, "the signature is verified, and "+whose+" for execute-api:Invoke; 403 where one of them says no")
	return true
}
