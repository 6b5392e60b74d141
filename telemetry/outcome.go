package telemetry

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// customPrefix begins the details of answers that an API has made its own; the type of the
// gateway response follows.
const customPrefix = "gw:"

// responseType is the gateway response that the gateway answered with; empty where the
// answer is the integration's.
func (r *request) responseType() gateway.ResponseType {
	if own, ok := strings.CutPrefix(r.details(), customPrefix); ok {
		return gateway.ResponseType(own)
	}
	answered := r.answered()
	switch {
	case r.status < 400, answered && !r.servedByService():
		return ""
	case r.integrationTold(wire.ToldCache) == wire.CacheRefused:
		return gateway.AccessDenied
	case r.stage.api.Protocol == gateway.HTTP:
		return r.httpResponseType()
	}
	t := r.restResponseType()
	// Functions may call their errors what they like.
	if answered && !slices.Contains(byService, t) {
		return ""
	}
	return t
}

// byService are the types that the integration service answers with.
var byService = []gateway.ResponseType{
	gateway.IntegrationFailure, gateway.IntegrationTimeout, gateway.APIConfigurationError, gateway.RequestTooLarge, gateway.BadRequestBody,
	gateway.UnsupportedMediaType,
}

// answered reports whether the answer came from behind the route, be it not all of it: the
// integration's, or what its service says in the gateway's name.
func (r *request) answered() bool {
	if r.details() == "via_upstream" {
		return true
	}
	_, began := duration(r.entry.IntegrationTook, time.Microsecond)
	return began && r.status != 0 && slices.ContainsFunc(cutShortDetails, func(prefix string) bool { return strings.HasPrefix(r.details(), prefix) })
}

// cutShortDetails begin the details of requests that ended amid an answer, if one was begun: as
// the client went, or the backend, or one of them was silent for too long.
var cutShortDetails = []string{
	"downstream_", "http1.", "http2.", "upstream_reset_after_response_started", "response_timeout", "upstream_per_try", "stream_idle_timeout", "max_duration_timeout",
}

// cutShort reports whether the integration did not end its answer.
func (r *request) cutShort() bool {
	details := r.details()
	return r.answered() && r.status != http.StatusSwitchingProtocols && details != "via_upstream" && !strings.HasPrefix(details, "downstream_") && !strings.HasPrefix(details, "http")
}

// integrated reports whether the answer is the integration's, and made for this request.
func (r *request) integrated() bool {
	return r.route != nil && r.answered() && r.responseType() == "" && r.integrationTold(wire.ToldCache) == ""
}

// answeredBefore reports whether the integration service gave the answer without asking the
// integration: one that was kept, or a refusal.
func (r *request) answeredBefore() bool {
	switch {
	case !r.servedByService():
		return false
	case r.integrationTold(wire.ToldCache) != "":
		return true
	}
	switch r.responseType() {
	case gateway.UnsupportedMediaType, gateway.RequestTooLarge, gateway.BadRequestBody:
		return true
	}
	return false
}

// servedByService reports whether the answer may be one that the integration service gives
// in the gateway's name.
func (r *request) servedByService() bool {
	cluster := r.upstream
	return cluster == wire.IntegrationCluster || cluster == wire.ApartIntegrationCluster
}

// byErrorType are the types that their error tells.
var byErrorType = func() map[string]gateway.ResponseType {
	types := map[string]gateway.ResponseType{}
	twice := map[string]bool{}
	for t, d := range gateway.ResponseDefaults {
		twice[d.ErrorType] = types[d.ErrorType] != ""
		types[d.ErrorType] = t
	}
	for name, ambiguous := range twice {
		if ambiguous {
			delete(types, name)
		}
	}
	return types
}()

// restResponseType goes by the error that REST APIs name in their answers.
func (r *request) restResponseType() gateway.ResponseType {
	name := r.entry.ErrorType
	if t := byErrorType[name]; t != "" {
		return t
	}
	switch name {
	case gateway.ResponseDefaults[gateway.InvalidAPIKey].ErrorType:
		return gateway.InvalidAPIKey
	case gateway.IncompleteSignature, gateway.UnrecognizedClient:
		return gateway.InvalidSignature
	case gateway.ResponseDefaults[gateway.BadRequestBody].ErrorType:
		switch {
		case r.status == 415:
			return gateway.UnsupportedMediaType
		case r.details() == "direct_response":
			return gateway.BadRequestParameters
		}
		return gateway.BadRequestBody
	case gateway.ResponseDefaults[gateway.IntegrationFailure].ErrorType:
		if told := r.integrationTold(wire.ToldResponseType); told != "" {
			return gateway.ResponseType(told)
		}
		switch {
		case r.status == 504:
			return gateway.IntegrationTimeout
		case strings.HasPrefix(r.details(), "ext_authz"), r.details() == "direct_response":
			return gateway.APIConfigurationError
		}
		return gateway.IntegrationFailure
	}
	return ""
}

// httpResponseType goes by what Envoy did, and what the integration service tells: HTTP APIs do
// not name errors in their answers.
func (r *request) httpResponseType() gateway.ResponseType {
	details := r.details()
	switch {
	case details == "via_upstream":
		return gateway.ResponseType(r.integrationTold(wire.ToldResponseType))
	case details == "direct_response" && r.status == 404:
		return gateway.ResourceNotFound
	case details == "local_rate_limited", details == "request_rate_limited", details == "rate_limited_by_quota":
		return gateway.Throttled
	case details == "request_payload_too_large":
		return gateway.RequestTooLarge
	case r.status == 504, r.status == 503 && strings.Contains(details, "timeout"):
		return gateway.IntegrationTimeout
	case strings.HasPrefix(details, "upstream_"), details == "no_healthy_upstream", details == "cluster_not_found":
		return gateway.IntegrationFailure
	case strings.HasPrefix(details, "ext_authz"), strings.HasPrefix(details, "jwt_authn"), strings.HasPrefix(details, "rbac"):
		switch r.status {
		case 401:
			return gateway.Unauthorized
		case 403:
			return gateway.AccessDenied
		}
		return gateway.AuthorizerFailure
	}
	return ""
}

// errorMessage is what the gateway says about its refusal.
func (r *request) errorMessage() string {
	t := r.responseType()
	if t == "" {
		return ""
	}
	if message := r.authorization(wire.AnswerMessage); message != "" {
		return message
	}
	if r.stage.api.Protocol == gateway.HTTP {
		return gateway.HTTPMessage(r.status)
	}
	return gateway.ResponseDefaults[t].Message
}

// A check is one that a route asks of its callers: the status it ended with, and why it
// failed. Both are empty where it was not made.
type check struct{ status, failure string }

// signature is the check of a signature, the first half of what AWS_IAM asks for.
func (r *request) signature() check {
	if !r.asksFor(gateway.AuthorizationIAM) {
		return check{}
	}
	code := r.authorization(wire.AnswerCode)
	switch {
	case strings.HasPrefix(code, "signature-"):
		return check{strconv.Itoa(r.status), code}
	case r.authorized.find(wire.AnswerIdentity) != nil, strings.HasPrefix(code, "permission-"):
		return check{status: "200"}
	}
	return check{}
}

// permission is whether who signed may call, the second half.
func (r *request) permission() check {
	if !r.asksFor(gateway.AuthorizationIAM) {
		return check{}
	}
	code := r.authorization(wire.AnswerCode)
	switch {
	case strings.HasPrefix(code, "permission-"), strings.HasPrefix(code, "resource-policy-"):
		return check{strconv.Itoa(r.status), code}
	case code == "" && r.authorized.find(wire.AnswerIdentity) != nil:
		return check{status: "200"}
	}
	return check{}
}

// authorizer is what an authorizer made of the request: a function, or a token's issuer.
func (r *request) authorizer() check {
	if !r.asksFor(gateway.AuthorizationLambda, gateway.AuthorizationUserPool, gateway.AuthorizationJWT) {
		return check{}
	}
	code, details := r.authorization(wire.AnswerCode), r.details()
	for _, prefix := range []string{"authorizer-", "identity-", "token-", "introspection-"} {
		if strings.HasPrefix(code, prefix) {
			return check{strconv.Itoa(r.status), code}
		}
	}
	switch {
	case strings.HasPrefix(details, "jwt_authn_access_denied"):
		return check{strconv.Itoa(r.status), strings.Trim(strings.TrimPrefix(details, "jwt_authn_access_denied"), "{}")}
	case r.authorized.find(wire.AnswerAuthorizer) != nil,
		r.authorized.find(wire.AnswerClaims) != nil,
		r.tokens.find(wire.TokenClaims) != nil:
		return check{status: "200"}
	}
	return check{}
}

func (r *request) asksFor(types ...string) bool {
	if r.route == nil || r.route.Authorization == nil {
		return false
	}
	for _, t := range types {
		if r.route.Authorization.Type == t {
			return true
		}
	}
	return false
}

// asked is how long the authorization service took for a check.
func (r *request) asked(c check) string {
	if c.status == "" {
		return ""
	}
	took := r.authorized.find("ext_authz_duration")
	if took == nil {
		return ""
	}
	return strconv.FormatInt(int64(max(took.GetNumberValue(), 0)), 10)
}
