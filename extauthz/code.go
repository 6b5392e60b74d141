package extauthz

// Code says why a request was refused, for logs, metrics and explanations. Codes are
// stable.
type Code string

// The codes of refusals.
const (
	// CodeUnknownRoute: the Envoy asks about a route that neither this revision has nor
	// the one before.
	CodeUnknownRoute Code = "unknown-route"
	// CodeInternal: a mistake of ours.
	CodeInternal Code = "internal-error"
	// CodeCancelled: the client went away, or Envoy's patience ended.
	CodeCancelled Code = "cancelled"

	// CodePolicyDenied and CodePolicyNotAllowed: the resource policy has a statement
	// against the request, or none for it.
	CodePolicyDenied     Code = "resource-policy-denied"
	CodePolicyNotAllowed Code = "resource-policy-not-allowed"

	// CodeIdentityMissing: an identity source of the authorizer is missing or empty.
	CodeIdentityMissing Code = "identity-source-missing"
	// CodeIdentityRepeated: the header with the token is there more than once.
	CodeIdentityRepeated Code = "identity-source-repeated"
	// CodeIdentityInvalid: the token does not match the validation expression.
	CodeIdentityInvalid Code = "identity-validation-failed"
	// CodeURITooLong: the ARN of the method is longer than authorizers are given.
	CodeURITooLong Code = "uri-too-long"
	// CodeAuthorizerUnauthorized: the function raised "Unauthorized".
	CodeAuthorizerUnauthorized Code = "authorizer-unauthorized"
	// CodeAuthorizerDenied and CodeAuthorizerNotAllowed: the function's answer has a
	// statement against the request, or none for it.
	CodeAuthorizerDenied     Code = "authorizer-denied"
	CodeAuthorizerNotAllowed Code = "authorizer-not-allowed"
	// CodeAuthorizerFailed: the function raised another error.
	CodeAuthorizerFailed Code = "authorizer-failed"
	// CodeAuthorizerTimeout: the function took too long.
	CodeAuthorizerTimeout Code = "authorizer-timeout"
	// CodeAuthorizerUnreachable: the function could not be called.
	CodeAuthorizerUnreachable Code = "authorizer-unreachable"
	// CodeAuthorizerMalformed: the function's answer is not what it has to be.
	CodeAuthorizerMalformed Code = "authorizer-malformed"
	// CodeAuthorizerBusy: too many calls of the API's authorizers, or about tokens, are
	// under way.
	CodeAuthorizerBusy Code = "authorizer-busy"

	// CodeTokenInvalid: what was sent cannot be a token. CodeTokenInactive: its issuer says
	// that it is not good, or not any more. CodeTokenExpired, CodeTokenNotYet,
	// CodeTokenIssuer: it says so, but its exp, nbf or iss does not bear it out.
	CodeTokenInvalid  Code = "token-invalid"
	CodeTokenInactive Code = "token-inactive"
	CodeTokenExpired  Code = "token-expired"
	CodeTokenNotYet   Code = "token-not-yet-valid"
	CodeTokenIssuer   Code = "token-wrong-issuer"
	// CodeTokenAudience and CodeTokenScope: the token is good, but for others, or not for
	// this route.
	CodeTokenAudience Code = "token-wrong-audience"
	CodeTokenScope    Code = "token-scope-missing"
	// CodeIntrospectionTimeout: the introspection endpoint took too long.
	CodeIntrospectionTimeout Code = "introspection-timeout"
	// CodeIntrospectionFailed: it could not be asked, or answered with an error.
	CodeIntrospectionFailed Code = "introspection-failed"
	// CodeIntrospectionRefused: it does not take the gateway's clientId and clientSecret.
	CodeIntrospectionRefused Code = "introspection-client-refused"
	// CodeIntrospectionMalformed: its answer is not what it has to be.
	CodeIntrospectionMalformed Code = "introspection-malformed"

	// CodeSignature begins the codes of refused signatures; a kind of sigv4 follows.
	CodeSignature Code = "signature-"
	// CodeBodyMissing: the signature is about a body that Envoy did not send along.
	CodeBodyMissing Code = "signature-body-missing"
	// CodeNotPermitted and CodePermissionDenied: no policy allows the caller the
	// request, or one denies it.
	CodeNotPermitted     Code = "permission-not-allowed"
	CodePermissionDenied Code = "permission-denied"

	// CodeKeyMissing, CodeKeyUnknown, CodeKeyDisabled, CodeKeyOutsidePlan: no API key,
	// none that exists, one that is switched off, one without a plan for the stage.
	CodeKeyMissing     Code = "api-key-missing"
	CodeKeyUnknown     Code = "api-key-unknown"
	CodeKeyDisabled    Code = "api-key-disabled"
	CodeKeyOutsidePlan Code = "api-key-outside-plan"

	// CodeBodyNotJSON: the body cannot be read. CodeBodyNotAllowed: it is not what its
	// model asks for. CodeBodyTooMuch: it is deeper, has more in it, or takes more steps
	// to be compared with its model than is allowed.
	CodeBodyNotJSON    Code = "body-not-json"
	CodeBodyNotAllowed Code = "body-not-allowed"
	CodeBodyTooMuch    Code = "body-too-complex"
	// CodeModelBodyMissing: there is a body to look at that Envoy did not send along.
	CodeModelBodyMissing Code = "body-missing"
)
