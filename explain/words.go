package explain

import (
	"maps"
	"slices"
	"strings"
)

// dotsMapped are the details where the program that maps parameters answers by itself.
const dotsMapped = "lua_response"

// detailWords are Envoy's response code details in words.
// See https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
var detailWords = map[string]string{
	"via_upstream":                 "the answer is the integration's",
	"direct_response":              "the route answers by itself",
	"route_not_found":              "there is no route",
	"cluster_not_found":            "where the route leads is not there (yet)",
	"no_healthy_upstream":          "no host of the backend is healthy",
	"upstream_response_timeout":    "the integration took longer than its timeout",
	"upstream_per_try_timeout":     "each try took longer than it may",
	"local_rate_limited":           "a throttle that this Envoy keeps",
	"request_rate_limited":         "a limit that Envoys share",
	"rate_limited_by_quota":        "a limit that Envoys share, by its part",
	"request_payload_too_large":    "the request's body is too large",
	"fault_filter_abort":           "the API key's usage plans lack the stage",
	"ext_authz_denied":             "the authorization service said no",
	"ext_authz_error":              "the authorization service did not answer",
	"rbac_access_denied":           "Envoy's own rules said no",
	"downstream_remote_disconnect": "the client went away",
	"stream_idle_timeout":          "nothing happened for too long",
	"request_overall_timeout":      "the request took too long to come",
	"internal_redirect":            "it was sent on within Envoy",
	dotsMapped:                     "a value that is mapped into the path would lead elsewhere",
}

// detailPrefixes are the same for details that go on.
var detailPrefixes = map[string]string{
	"upstream_reset_before_response_started": "the integration's connection ended before it answered",
	"upstream_reset_after_response_started":  "the integration's connection ended amid its answer",
	"jwt_authn_access_denied":                "the token is not good",
	"rbac_access_denied_matched_policy":      "Envoy's own rules said no",
	"downstream_remote_disconnect":           "the client went away",
	"filter_chain_not_found":                 "no certificate is for that name",
	"http1.":                                 "the request is not as HTTP/1.1 has it",
	"http2.":                                 "the request is not as HTTP/2 has it",
	"path_normalization_failed":              "the path cannot be normalized",
	"gw:":                                    "the API's own gateway response",
}

// flagWords are Envoy's response flags in words.
// See https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
var flagWords = map[string]string{
	"UF": "connecting to the integration failed", "UH": "no host is healthy", "UT": "the integration timed out", "UC": "the integration ended the connection",
	"UO": "the backend's limits were reached", "URX": "all tries were used up", "NR": "there is no route", "NC": "there is no cluster",
	"DC": "the client went away", "RL": "a limit refused it", "RLSE": "the rate limit service did not answer", "UAEX": "the authorization service said no",
	"DPE": "the client broke the protocol", "UPE": "the integration broke the protocol", "SI": "nothing happened for too long", "LH": "a health check failed",
	"UR": "the integration reset the stream", "LR": "Envoy reset the stream", "OM": "Envoy is short of memory", "DT": "the request took too long",
	"FI": "the API key's usage plans lack the stage", "IH": "a header that Envoy checks is wrong", "UMSDR": "the stream lasted too long",
}

// refusedClaims are the rules about a token that was verified, by what Envoy's details have
// of them.
var refusedClaims = []struct{ detail, name, words string }{
	{"-token-form]", "token", "there is more than the token in its place"},
	{"-token-audience]", "token", "the token is for another audience"},
	{"-pool-claims]", "token", "the token is none of the user pool's that the route takes"},
	{"-pool-scope]", "scope", "the token has none of the scopes that the route asks for"},
	{"-token-scope]", "scope", "the token has none of the scopes that the route asks for"},
}

// refusedKeys say what was wrong with an API key, by Envoy's details.
var refusedKeys = map[string]string{
	"missing_api_key":     "there was no API key",
	"missing_credentials": "there was no API key",
	"unknown_api_key":     "there is no API key of that value, or it is disabled",
}

// codeWords say in words why the authorization service refused.
var codeWords = map[string]string{
	"signature-not-signed":                   "the request is not signed",
	"identity-source-missing":                "what the authorizer goes by is not in the request",
	"authorizer-unreachable":                 "the authorizer's function could not be called",
	"authorizer-denied":                      "the authorizer said no",
	"Jwt_is_missing":                         "there is no token",
	"Jwt_is_expired":                         "the token has expired",
	"Jwt_issuer_is_not_configured":           "the token is of another issuer",
	"Jwt_verification_fails":                 "the token's signature is not good",
	"Jwks_doesn't_have_any_valid_public_key": "the issuer's keys are not known (yet)",
	// Where tokens may come with "Bearer" and without, the last try is what is told.
	"Jwt_header_is_an_invalid_JSON": "the token is not good: has expired, is of another issuer, or is signed by a wrong key",
}

// InWords is a refusal's code in words; the code itself where there are none.
func InWords(code string) string {
	if words, ok := codeWords[code]; ok {
		return words
	}
	return strings.ReplaceAll(strings.ReplaceAll(code, "-", " "), "_", " ")
}

// happenedWords say what Envoy's details and flags mean; empty where that is nothing of note.
func happenedWords(details, flags string) string {
	var parts []string
	if details != "" && details != "via_upstream" {
		words := detailWords[details]
		for _, prefix := range slices.Sorted(maps.Keys(detailPrefixes)) {
			if words == "" && strings.HasPrefix(details, prefix) {
				words = detailPrefixes[prefix]
			}
		}
		if words == "" {
			parts = append(parts, details)
		} else {
			parts = append(parts, words+" ("+details+")")
		}
	}
	for flag := range strings.FieldsFuncSeq(flags, func(r rune) bool { return r == ',' || r == ' ' }) {
		// What the details have said is not said again.
		if words := flagWords[flag]; words != "" && !slices.ContainsFunc(parts, func(s string) bool { return strings.HasPrefix(s, words+" (") }) {
			parts = append(parts, words+" ("+flag+")")
		}
	}
	return strings.Join(parts, "; ")
}
