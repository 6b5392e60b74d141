package translator

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	celfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Envoy's own replies are told apart by their response code details, and become
// what Amazon's gateway answers in that case.
const (
	// timedOut: the integration took too long.
	timedOut = `response.code_details == 'response_timeout' || response.code_details.startsWith('upstream_per_try_timeout') || response.code_details == 'stream_idle_timeout' || response.code_details == 'max_duration_timeout'`
	// failed: no connection to the backend, or it broke before an answer.
	failed = `response.code_details.startsWith('upstream_reset') || response.code_details == 'no_healthy_upstream' || response.code_details == 'cluster_not_found'`
	// tooLarge: the body exceeds the route's limit.
	tooLarge = `response.code_details == 'request_payload_too_large'`
	// noHost: no site for the Host header, so that no route and no API is known.
	noHost = `response.code_details == 'route_not_found' || response.code_details == 'absolute_path_rejected'`
	// headersTooLarge and badRequest: refused before any route was looked up.
	headersTooLarge = `response.code_details == 'http1.headers_too_large' || response.code_details == 'http1.too_many_headers'`
	badRequest      = `response.code_details.startsWith('http1.') || response.code_details.startsWith('http2.') || response.code_details == 'path_normalization_failed' || response.code_details == 'missing_host_header'`
	// oldProtocol: HTTP/1.0 and before.
	oldProtocol    = `response.code_details == 'low_version'`
	upgradeRefused = `response.code_details == 'upgrade_failed'`

	// What is said to callers who are not let in: by the check of API keys, of tokens and
	// of their claims, by a resource policy; and when the authorization service is silent.
	nameRefused     = `response.code_details == 'rbac_access_denied_matched_policy[` + refusedServerName + `]'`
	keyRefused      = `response.code_details in ['missing_api_key', 'missing_credentials', 'unknown_api_key', '` + refusedPlan + `', 'rbac_access_denied_matched_policy[` + refusedByAll + `]']`
	tokenExpired    = tokenRefused + ` && (response.code_details == 'jwt_authn_access_denied{Jwt_is_expired}' || metadata.filter_metadata['` + filterTokens + `']['` + bearerFailure + `']['message'] == 'Jwt is expired')`
	tokenMissing    = `response.code_details == 'jwt_authn_access_denied{Jwt_is_missing}'`
	tokenRefused    = `(response.code_details.startsWith('jwt_authn_access_denied') || ` + formRefused + `)`
	formRefused     = `response.code_details == 'rbac_access_denied_matched_policy[` + refusedTokenForm + `]'`
	audienceRefused = `response.code_details == 'rbac_access_denied_matched_policy[` + refusedAudience + `]'`
	poolRefused     = `response.code_details in ['rbac_access_denied_matched_policy[` + refusedPoolClaims + `]', 'rbac_access_denied_matched_policy[` + refusedPoolScope + `]']`
	scopeRefused    = `response.code_details == 'rbac_access_denied_matched_policy[` + refusedScope + `]'`
	policyRefused   = `response.code_details in ['rbac_access_denied_matched_policy[` + refusedByPolicy + `]', 'rbac_access_denied_matched_policy[` + refusedUnallowed + `]']`
	// bodyUnknown: it is silent about a body, which nobody has looked at then.
	bodyUnknown   = `response.code_details == 'ext_authz_error' && response.code == 503`
	serviceSilent = `response.code_details == 'ext_authz_error'`

	// throttled: a bucket of gw.throttle.plans or gw.throttle.stages is empty.
	throttled = `response.code_details == 'local_rate_limited'`

	// overLimit: the rate limit service refused. It has worded the reply.
	overLimit = `response.code_details == 'request_rate_limited'`
	// overShare: the Envoy's part of a limit that Envoys share is used up. What the filter
	// that counts has put into the reply tells which kind of limit it was.
	overShare = `response.code_details == 'rate_limited_by_quota'`
	overQuota = overShare + ` && response.headers['` + errorTypeHeader + `'] == 'LimitExceededException'`

	ofHTTPAPI = `xds.route_metadata.filter_metadata['` + wire.MetadataNamespace + `']['` + wire.MetadataProtocol + `'] == 'HTTP'`
)

// customDetailsPrefix begins the response code details of customised replies.
const customDetailsPrefix = "gw:"

// localReplies are the built-in gateway responses. They are the same for all
// listeners and definitions; an API's own are laid over them per route.
func localReplies() *hcmv3.LocalReplyConfig {
	return &hcmv3.LocalReplyConfig{Mappers: []*hcmv3.ResponseMapper{
		// Customised replies come by here a second time; nothing is to be done to them.
		{Filter: celFilter(`response.code_details.startsWith('` + customDetailsPrefix + `')`)},
		agentReply(),
		httpReply(timedOut, 504),
		httpReply(failed, 503),
		httpReply(tooLarge, 413),
		restReply(timedOut, gateway.IntegrationTimeout),
		restReply(failed, gateway.IntegrationFailure),
		restReply(tooLarge, gateway.RequestTooLarge),
		tokenReply(tokenMissing, 401, `Bearer`),
		tokenReply(tokenExpired, 401, `Bearer scope="" error="invalid_token" error_description="the token has expired"`),
		tokenReply(tokenRefused, 401, `Bearer scope="" error="invalid_token" error_description="the token is not valid"`),
		tokenReply(audienceRefused, 401, `Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"`),
		tokenReply(scopeRefused, 403, `Bearer scope="" error="insufficient_scope" error_description="the token does not have the required scope"`),
		restReply(bodyUnknown, gateway.APIConfigurationError),
		httpReply(serviceSilent, 500),
		restReply(tokenRefused+" || "+poolRefused, gateway.Unauthorized),
		restReply(keyRefused, gateway.InvalidAPIKey),
		restReply(policyRefused, gateway.AccessDenied),
		restReply(serviceSilent, gateway.AuthorizerConfigurationError),
		httpReply(throttled+" || "+overShare, 429),
		restReply(overQuota, gateway.QuotaExceeded),
		restReply(throttled+" || "+overShare, gateway.Throttled),
		overLimitReply(),
		httpReply(nameRefused, 403),
		replyMapper(nameRefused, 403, "Forbidden", setHeader(errorTypeHeader, "ForbiddenException"), setHeader("x-amzn-requestid", requestIDFormat)),
		replyMapper(noHost, 403, "Forbidden", setHeader(errorTypeHeader, "ForbiddenException"), setHeader("x-amzn-requestid", requestIDFormat)),
		replyMapper(headersTooLarge, 431, "Request Header Fields Too Large", setHeader("x-amzn-requestid", "%UNIQUE_ID%")),
		replyMapper(badRequest, 400, "Bad Request", setHeader("x-amzn-requestid", "%UNIQUE_ID%")),
		replyMapper(oldProtocol, 426, "Upgrade Required"),
		replyMapper(upgradeRefused, 403, "Forbidden", setHeader(errorTypeHeader, "ForbiddenException")),
		{Filter: celFilter("true"), HeadersToAdd: []*corev3.HeaderValueOption{localReplyMark()}},
	}}
}

func restReply(expression string, t gateway.ResponseType) *hcmv3.ResponseMapper {
	d := gateway.ResponseDefaults[t]
	mapper := replyMapper(expression, uint32(d.Status), d.Message, setHeader(errorTypeHeader, d.ErrorType), setHeader("x-amzn-requestid", requestIDFormat))
	mapper.BodyFormatOverride = bodyFormat("application/json", `{"`+t.MessageKey()+`":`+quoteFormat(formatLiteral(d.Message))+`}`)
	return mapper
}

// overLimitReply names the error to callers of REST APIs.
func overLimitReply() *hcmv3.ResponseMapper {
	return &hcmv3.ResponseMapper{
		Filter:       celFilter("!(" + ofHTTPAPI + ") && " + overLimit),
		HeadersToAdd: []*corev3.HeaderValueOption{setHeader(errorTypeHeader, firstOf(limitMetadata(wire.ToldErrorType)...)), localReplyMark()},
	}
}

func httpReply(expression string, status uint32, headers ...*corev3.HeaderValueOption) *hcmv3.ResponseMapper {
	return replyMapper(ofHTTPAPI+` && (`+expression+`)`, status, gateway.HTTPMessage(int(status)), append(headers, setHeader("apigw-requestid", requestIDFormat))...)
}

// agentReply refuses the token of an agent, or asks it for one, with where to read who
// issues those, as RFC 9728, section 5.1 has it. What is said else is as of any route.
func agentReply() *hcmv3.ResponseMapper {
	const at = "'" + wire.MetadataAgents + "' in xds.route_metadata.filter_metadata['" + wire.MetadataNamespace + "']"
	return replyMapper(at+` && (response.code == 401 || `+formRefused+` || `+audienceRefused+` || `+poolRefused+`)`, 401, "Unauthorized",
		setHeader("www-authenticate", `Bearer resource_metadata="%REQ(X-FORWARDED-PROTO)%://%REQ(:AUTHORITY)%%METADATA(ROUTE:`+wire.MetadataNamespace+`:`+wire.MetadataAgents+`)%"`),
		setHeader("x-amzn-requestid", requestIDFormat))
}

// tokenReply refuses a token of an HTTP API's caller, with the challenge of RFC 6750.
func tokenReply(expression string, status uint32, challenge string) *hcmv3.ResponseMapper {
	return httpReply(expression, status, setHeader("www-authenticate", challenge))
}

func replyMapper(expression string, status uint32, message string, headers ...*corev3.HeaderValueOption) *hcmv3.ResponseMapper {
	return &hcmv3.ResponseMapper{
		Filter:             celFilter(expression),
		StatusCode:         uint32Value(status),
		BodyFormatOverride: bodyFormat("application/json", `{"message":`+quoteFormat(formatLiteral(message))+`}`),
		HeadersToAdd:       append(headers, localReplyMark()),
	}
}

// localReplyMark tells mapping.lua that a response is no backend's. It has a value,
// and is there at all, only on routes that map responses; the script takes it off.
func localReplyMark() *corev3.HeaderValueOption {
	return setHeader(wire.LocalReplyHeader, "%METADATA(ROUTE:"+wire.MetadataNamespace+":"+wire.MetadataMapped+")%")
}

func celFilter(expression string) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ExtensionFilter{
		ExtensionFilter: &accesslogv3.ExtensionFilter{
			Name:       "cel",
			ConfigType: &accesslogv3.ExtensionFilter_TypedConfig{TypedConfig: anyOf(proto.Message(&celfilterv3.ExpressionFilter{Expression: expression}))},
		},
	}}
}
