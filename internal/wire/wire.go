// Package wire holds the names that Envoy's configuration and the services beside
// it must agree on.
package wire

import (
	"slices"
	"strings"
)

// MetadataNamespace is the namespace of route metadata: which API, stage and route
// a request was matched to. It is the one source for logs, metrics, throttles and
// mappings.
const MetadataNamespace = "gw"

// ThrottleNamespace is the namespace of route metadata that tells which buckets a
// request takes a token from.
const ThrottleNamespace = "gw.throttle"

// Keys of the route metadata.
const (
	MetadataAPI      = "api"
	MetadataStage    = "stage"
	MetadataRoute    = "route"
	MetadataProtocol = "protocol"
	// MetadataCanary is "true" on the routes of a canary.
	MetadataCanary = "canary"
	// MetadataMapped is "true" on routes that map backend responses.
	MetadataMapped = "mapped"
	// MetadataAgents is, for an endpoint for agents that asks for a token, the path of what
	// says who issues those.
	MetadataAgents = "agents"
)

// InternalHeaderPrefix begins the names of headers that Envoy and the services
// beside it exchange. Clients' headers of such names are removed first of all.
const InternalHeaderPrefix = "x-gw-"

// TracingCluster is where Envoy reaches the collector that it reports spans to.
const TracingCluster = "gw-tracing"

// TraceMetadata is the namespace of dynamic metadata about the trace of a request, with
// TraceID, $context.xrayTraceId.
const (
	TraceMetadata = "gw.trace"
	TraceID       = "id"
)

// LocalReplyHeader marks, inside Envoy only, replies that the gateway gives itself
// on routes with MetadataMapped. mapping.lua knows it by the same name.
const LocalReplyHeader = "x-gw-local-reply"

// ReplyHeader is set, inside Envoy only, by mapping.lua on a backend's answer that the
// gateway must not pass on; its value is the type of the gateway response to give.
const ReplyHeader = "x-gw-reply"

// ClientAddressHeader carries the client's address to the second pass of a path-form
// request. X-Forwarded-For does not do: for clients on the same machine Envoy writes the
// machine's own address there.
const ClientAddressHeader = "x-gw-client-address"

// ClientConnectionHeader carries what the client's connection is to those passes, as
// ConnectionFormat writes it.
const ClientConnectionHeader = InternalHeaderPrefix + "client-connection"

// SourceVPCHeader and SourceVPCEHeader carry what a listener says about where its
// requests come from, in the same way. The same names without their prefix are keys of
// the listener's metadata.
const (
	SourceVPCHeader  = InternalHeaderPrefix + MetadataSourceVPC
	SourceVPCEHeader = InternalHeaderPrefix + MetadataSourceVPCE
)

// AskedHostHeader and AskedPathHeader carry what the client of a path-form request asked
// for, as it was before the first pass rewrote it: that is what its signature is about.
const (
	AskedHostHeader = InternalHeaderPrefix + "asked-host"
	AskedPathHeader = InternalHeaderPrefix + "asked-path"
)

// Keys of the listener's metadata.
const (
	MetadataSourceVPC  = "source-vpc"
	MetadataSourceVPCE = "source-vpce"
)

// PathFormCluster is the cluster, and the internal listener, by which path-form
// requests reach an API's own host.
const PathFormCluster = "gw-path-form"

// PresentChainCluster begins the names of the cluster, and the internal listener, by which
// requests of connections with an earlier chain of filters reach the present one.
const PresentChainCluster = "gw-chain"

// ToolCluster is the cluster, and the internal listener, by which the requests that calls of
// tools become reach the API. ToolHeader marks them: there are no tools for those.
const (
	ToolCluster = "gw-tools"
	ToolHeader  = InternalHeaderPrefix + "tool"
)

// SignerHeader is, on the request that a call of a tool has become, the access key that the
// message was signed with: its signature is for the message. Envoy tells the authorization
// service the same by metadata of that name.
const SignerHeader = InternalHeaderPrefix + "signer"

// Nothing is what Envoy writes for what a request does not have.
const Nothing = "-"

// AuthorizationCluster is where Envoy reaches the authorization service: the static
// cluster of its bootstrap that leads to the control plane (xds.ClusterName).
const AuthorizationCluster = "gatehouse-xds"

// ApartAuthorizationCluster is where Envoy reaches an authorization service that runs
// apart from the control plane.
const ApartAuthorizationCluster = "gw-authorization"

// AuthorizationService is the gRPC service that health checks of the authorization
// service ask about. Where it is not served they fail.
const AuthorizationService = "envoy.service.auth.v3.Authorization"

// ApartRateLimitCluster is where Envoy reaches a rate limit service that runs apart from
// the control plane.
const ApartRateLimitCluster = "gw-ratelimit"

// RateLimitService is the gRPC service that health checks of it ask about.
const RateLimitService = "envoy.service.ratelimit.v3.RateLimitService"

// Keys of the context extensions that tell the authorization service which route an
// Envoy asks about. They come from the route, never from the request.
const (
	ContextAPI   = "api"
	ContextStage = "stage"
	// ContextRoute is the route key, "GET /pets/{id}" or "$default".
	ContextRoute = "route"
	// ContextCanary is "true" on the routes of a canary.
	ContextCanary = "canary"
	// ContextToken is "true" on routes where Envoy has verified the caller's token before
	// it asks. Others are not let in where it ought to have: while the authorizer of a
	// route changes, an Envoy may still have the route as it was.
	ContextToken = "token"
	// ContextBase is the path below which the route's own path begins: "/v1", a
	// domain's base path, or "" for the root.
	ContextBase = "base"
	// ContextCheck is what is asked about: CheckBody for the body of a request whose
	// caller was let in already, absent for the caller.
	ContextCheck = "check"
)

// CheckBody is a value of ContextCheck.
const CheckBody = "body"

// AuthorizationMetadata is the namespace of dynamic metadata in which Envoy keeps what
// the authorization service said, for the mappings, logs and limits behind it. It is the
// same whatever the filter is called, and what was said about a body is in it, too.
const AuthorizationMetadata = "envoy.filters.http.ext_authz"

// TokensMetadata is the namespace of dynamic metadata in which Envoy keeps what it found
// in a token, and TokenClaims the key of the token's claims.
const (
	TokensMetadata = "envoy.filters.http.jwt_authn"
	TokenClaims    = "claims"
)

// Keys of the authorization service's answer.
const (
	// AnswerAuthorizer is an object: $context.authorizer.*, its values as text.
	AnswerAuthorizer = "authorizer"
	// AnswerTyped is a list: the names in AnswerAuthorizer whose text is JSON that an HTTP
	// API's function gets as it is, since it is no text there.
	AnswerTyped = "typed"
	// AnswerFunctionRequest is the id of the call of an authorizer's function that was made for
	// the request, $context.authorizer.requestId.
	AnswerFunctionRequest = "functionRequest"
	// AnswerClaims is an object: $context.authorizer.claims.*, its values as text.
	AnswerClaims = "claims"
	// AnswerIdentity is an object: $context.identity.*, such as userArn.
	AnswerIdentity = "identity"
	// AnswerInvalidate is "true" where the caller asks for an answer that was not kept, and
	// may: execute-api:InvalidateCache.
	AnswerInvalidate = "invalidate"
	// AnswerMessage is the message of a refusal, $context.error.message.
	AnswerMessage = "message"
	// AnswerCode says why a request was refused, in a word that is stable.
	AnswerCode = "code"
	// AnswerDetail is $context.error.validationErrorString, as it stands inside of a JSON
	// string.
	AnswerDetail = "validationErrorString"
)

// KeyHeader tells the filters behind the API key check whose key a request came with,
// as |PLAN|PLAN|:KEY: the ids of the key's usage plans, then its name, in which there is
// no bar. It never leaves Envoy.
const KeyHeader = "x-gw-key"

// Entries that tell a limit apart, of the descriptors that an Envoy asks about. It fills
// them from its route and from KeyHeader, never from what a client says. The buckets
// that it reports have them as BucketOf says.
const (
	// LimitKind is which limit of the definition it is, one of the constants below.
	LimitKind = "limit"
	// LimitPlan is the id of a usage plan, gateway.UsagePlan.ID.
	LimitPlan = "plan"
	// LimitPlans has the value SomePlan where several plans have the limit, and none is named.
	LimitPlans = "plans"
	SomePlan   = "some"
	// LimitKey is the name of an API key.
	LimitKey   = "key"
	LimitAPI   = "api"
	LimitStage = "stage"
	// LimitRoute is a route key, "GET /pets/{id}" or "$default".
	LimitRoute = "route"
)

// LimitTell is an entry that is not about which limit it is: the service is to say what
// remains of it.
const LimitTell = "tell"

// LimitMetadata and ClosedLimitMetadata are the namespaces of dynamic metadata in which
// Envoy keeps what the rate limit service said, one for each filter that asks it.
const (
	LimitMetadata       = "gw.limits"
	ClosedLimitMetadata = "gw.limits-closed"
)

// Keys of the rate limit service's metadata, all text but for ToldOfKey. A refusal has
// AnswerCode, ToldKind, ToldErrorType and ToldRetryAfter, the others are there when LimitTell asked for
// them.
const (
	// ToldKind is the kind of the limit that refused. That is not known of a bucket that an
	// Envoy keeps for itself.
	ToldKind = "limit-kind"
	// ToldErrorType is Amazon's name of the refusal.
	ToldErrorType = "errorType"
	// ToldRetryAfter is the seconds until there is something again.
	ToldRetryAfter = "retryAfter"
	// ToldLimit, ToldRemaining and ToldReset, which is seconds, are of the limit that is
	// closest to being used up.
	ToldLimit, ToldRemaining, ToldReset = "limit", "remaining", "reset"
	// ToldList and ToldPolicy are the values of RateLimit and RateLimit-Policy.
	ToldList, ToldPolicy = "list", "policy"
	// ToldOfKey is whether the numbers are about the caller's key.
	ToldOfKey = "ofKey"
)

// Values of AnswerCode in a limit's refusal.
const (
	RefusedByQuota    = "quota-exceeded"
	RefusedByThrottle = "throttled"
)

// The kinds of limits, with the entries that tell one from another.
const (
	// LimitQuota is a key's quota: plan, key; api and stage say where it was used. A plan that
	// is empty, or not there, is the one that the key has for the stage, as KeyHeader's value
	// says.
	LimitQuota = "quota"
	// LimitKeyRoute is a plan's throttle of a route for a key: plan, which may be missing, too,
	// key, api, stage, route.
	LimitKeyRoute = "key-route"
	// LimitKeyPlan is a plan's throttle for a key: plan, key; without a plan api and stage, too,
	// which may be any of the plan's.
	LimitKeyPlan = "key-plan"
	// LimitOfRoute is a stage's throttle of a route: api, stage, route.
	LimitOfRoute = "route"
	// LimitOfStage is a stage's own throttle: api, stage.
	LimitOfStage = "stage"
	// LimitOfAccount is the throttle of all APIs together: no entries.
	LimitOfAccount = "account"
)

// EveryKey is the value of a bucket that is of no key: Envoy wants one.
const EveryKey = "-"

// limitEntries are the entries of each kind, beside the kind and the key.
var limitEntries = map[string][]string{
	LimitQuota:     {LimitPlan, LimitAPI, LimitStage},
	LimitKeyRoute:  {LimitPlan, LimitAPI, LimitStage, LimitRoute},
	LimitKeyPlan:   {LimitPlan, LimitAPI, LimitStage},
	LimitOfRoute:   {LimitAPI, LimitStage, LimitRoute},
	LimitOfStage:   {LimitAPI, LimitStage},
	LimitOfAccount: {},
}

// BucketOf is the name of the bucket of entries, among which is the kind. What identifies a
// bucket that an Envoy reports is one entry, of this name, whose value is the key, as
// KeyHeader has it, or EveryKey. Envoy puts that together for each request, and hashes it,
// which takes half as long again with a second entry.
func BucketOf(entries map[string]string) string {
	parts := []string{entries[LimitKind]}
	for _, entry := range limitEntries[entries[LimitKind]] {
		parts = append(parts, entries[entry])
	}
	return Join(parts...)
}

// BucketEntries are the entries of a bucket that an Envoy reports; false when it has others
// than it ought to have: there could be any number of those.
func BucketEntries(id map[string]string) (map[string]string, bool) {
	if len(id) != 1 {
		return nil, false
	}
	var name, key string
	for name, key = range id {
	}
	parts := strings.Split(name, "|")
	of, known := limitEntries[parts[0]]
	if parts[0] == LimitKeyPlan && len(parts) == 2 {
		of = of[:1] // Versions of before November 27th, 2026 say the plan, and nothing else.
	}
	keyed := slices.Contains(of, LimitPlan)
	if !known || len(parts) != len(of)+1 || !keyed && key != EveryKey {
		return nil, false
	}
	entries := map[string]string{LimitKind: parts[0]}
	for i, entry := range of {
		entries[entry] = strings.ReplaceAll(strings.ReplaceAll(parts[i+1], "%7C", "|"), "%25", "%")
	}
	if keyed {
		entries[LimitKey] = key
	}
	return entries, true
}

// Join joins parts so that different ones never give the same name.
func Join(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = strings.ReplaceAll(strings.ReplaceAll(part, "%", "%25"), "|", "%7C")
	}
	return strings.Join(escaped, "|")
}

// LimitDomain is the domain of the limits that definitions ask for, at the rate limit
// service.
const LimitDomain = "gatehouse"
