package extauthz

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
)

// evaluator is one question that a request has to get past.
type evaluator interface {
	// kind names the evaluator in metrics.
	kind() kind
	// evaluate gives nil to let the request go on to the next one. What it finds out
	// about the caller it leaves in the check.
	evaluate(context.Context, *check) *refusal
}

// kind is a sort of evaluator.
type kind int

const (
	policyKind kind = iota
	lambdaKind
	introspectionKind
	signatureKind
	permissionKind
	keyKind
	bodyKind
	kinds
)

var kindNames = [kinds]string{"resource-policy", "lambda", "introspection", "signature", "permission", "api-key", "body"}

// check is one request on its way through the evaluators.
type check struct {
	*request
	stage   *stage
	route   *route
	runtime *authorizerRuntime
	// bodies bounds what is looked at together.
	bodies *semaphore.Weighted
	// compiled is the revision that has the route. Who holds which keys and credentials is
	// always asked of the current one: what was revoked stays so on old routes.
	compiled, current *Compiled
	// base is the path below which the route's own begins.
	base string
	now  time.Time

	// arn is that of the method, once it was needed.
	arn string
	// policy is what the resource policy says, nil without one.
	policy *iampolicy.Decision
	// caller signed the request.
	caller iampolicy.Caller
	// accessKey is the key that it was signed with.
	accessKey string
	// presigned: the signature was in the query.
	presigned bool
	// authorizer, claims and identity are $context.authorizer, the claims in it, and
	// $context.identity.
	authorizer *structpb.Struct
	// typed are the names in authorizer whose values were no text.
	typed *structpb.ListValue
	// functionRequest is the id of the call of an authorizer's function.
	functionRequest string
	claims          *structpb.Struct
	identity        map[string]string
	// invalidates: the caller asks for an answer that was not kept, and may.
	invalidates bool
	// usageKey is the API key that the authorizer has given.
	usageKey gateway.Secret
	// keyTag is the value of wire.KeyHeader.
	keyTag string
	// ready is an answer that may be given as it is, unless an evaluator adds to it.
	ready *response
}

// methodARN names the method as policies do, by the path that was routed.
func (c *check) methodARN() string {
	switch {
	case c.arn != "":
	case c.stage.protocol == gateway.WebSocket:
		c.arn = c.webSocketARN()
	default:
		c.arn = c.stage.identity.MethodARN(c.stage.name, c.http.GetMethod(), c.resourcePath())
	}
	return c.arn
}

// resourcePath is the path below the stage. A REST API routes /pets/ as it does /pets,
// so its ARNs, too, have one spelling for both: a denial of /pets must not be passed by
// with a slash.
func (c *check) resourcePath() string {
	path := c.below(c.base)
	if c.stage.protocol == gateway.REST && len(path) > 1 && path[len(path)-1] == '/' {
		return path[:len(path)-1]
	}
	return path
}

// policyRequest is what policies are asked about.
func (c *check) policyRequest() iampolicy.Request {
	r := iampolicy.Request{
		Action:          c.action(),
		Resource:        c.methodARN(),
		Caller:          c.caller,
		Time:            c.now,
		SourceIP:        c.sourceAddress(),
		SecureTransport: c.secure(),
		Referer:         c.header("referer"),
		UserAgent:       c.header("user-agent"),
		SourceVPC:       c.sourceVPC,
		SourceVPCE:      c.sourceVPCE,
	}
	if r.SourceVPC != "" || r.SourceVPCE != "" {
		r.VPCSourceIP = r.SourceIP
	}
	return r
}
