package gateway

// ResponseType names a gateway response: a reply the gateway itself gives.
type ResponseType string

// The gateway response types of a REST API.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
const (
	AccessDenied                 ResponseType = "ACCESS_DENIED"
	APIConfigurationError        ResponseType = "API_CONFIGURATION_ERROR"
	AuthorizerConfigurationError ResponseType = "AUTHORIZER_CONFIGURATION_ERROR"
	AuthorizerFailure            ResponseType = "AUTHORIZER_FAILURE"
	BadRequestBody               ResponseType = "BAD_REQUEST_BODY"
	BadRequestParameters         ResponseType = "BAD_REQUEST_PARAMETERS"
	ExpiredToken                 ResponseType = "EXPIRED_TOKEN"
	IntegrationFailure           ResponseType = "INTEGRATION_FAILURE"
	IntegrationTimeout           ResponseType = "INTEGRATION_TIMEOUT"
	InvalidAPIKey                ResponseType = "INVALID_API_KEY"
	InvalidSignature             ResponseType = "INVALID_SIGNATURE"
	MissingAuthenticationToken   ResponseType = "MISSING_AUTHENTICATION_TOKEN"
	QuotaExceeded                ResponseType = "QUOTA_EXCEEDED"
	RequestTooLarge              ResponseType = "REQUEST_TOO_LARGE"
	ResourceNotFound             ResponseType = "RESOURCE_NOT_FOUND"
	Throttled                    ResponseType = "THROTTLED"
	Unauthorized                 ResponseType = "UNAUTHORIZED"
	UnsupportedMediaType         ResponseType = "UNSUPPORTED_MEDIA_TYPE"
	WAFFiltered                  ResponseType = "WAF_FILTERED"
	Default4XX                   ResponseType = "DEFAULT_4XX"
	Default5XX                   ResponseType = "DEFAULT_5XX"
)

// ResponseDefault is what a gateway response looks like until it is customised.
type ResponseDefault struct {
	Status int
	// ErrorType is the value of the x-amzn-errortype header.
	ErrorType string
	// Message of the body {"message": …}; empty stands for null.
	Message string
}

// What x-amzn-errortype says, besides the default, of an INVALID_SIGNATURE that is not customised:
// of a signature that cannot be read, and of an access key or session token that is not known.
const (
	IncompleteSignature = "IncompleteSignatureException"
	UnrecognizedClient  = "UnrecognizedClientException"
)

// ResponseDefaults holds AWS's built-in reply of every type but the two class
// fallbacks, which have none. INTEGRATION_FAILURE is documented as 504 and
// answers 500.
var ResponseDefaults = map[ResponseType]ResponseDefault{
	AccessDenied:                 {403, "AccessDeniedException", "User is not authorized to access this resource"},
	APIConfigurationError:        {500, "InternalServerErrorException", "Internal server error"},
	AuthorizerConfigurationError: {500, "AuthorizerConfigurationException", ""},
	AuthorizerFailure:            {500, "AuthorizerFailureException", ""},
	BadRequestBody:               {400, "BadRequestException", "Invalid request body"},
	BadRequestParameters:         {400, "BadRequestException", "Missing required request parameters"},
	ExpiredToken:                 {403, "ExpiredTokenException", "The security token included in the request is expired"},
	IntegrationFailure:           {500, "InternalServerErrorException", "Internal server error"},
	IntegrationTimeout:           {504, "InternalServerErrorException", "Endpoint request timed out"},
	InvalidAPIKey:                {403, "ForbiddenException", "Forbidden"},
	InvalidSignature:             {403, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided."},
	MissingAuthenticationToken:   {403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
	QuotaExceeded:                {429, "LimitExceededException", "Limit Exceeded"},
	RequestTooLarge:              {413, "RequestTooLargeException", "HTTP content length exceeded 10485760 bytes."},
	ResourceNotFound:             {404, "ResourceNotFoundException", "Not Found"},
	Throttled:                    {429, "TooManyRequestsException", "Too Many Requests"},
	Unauthorized:                 {401, "UnauthorizedException", "Unauthorized"},
	UnsupportedMediaType:         {415, "BadRequestException", "Unsupported Media Type"},
	WAFFiltered:                  {403, "WafFilteredException", "Forbidden"},
}

// httpMessages are what HTTP APIs say, whose answers of a status are all the same.
var httpMessages = map[int]string{
	401: "Unauthorized",
	403: "Forbidden",
	404: "Not Found",
	413: "Request Entity Too Large",
	414: "Request URI Too Long",
	429: "Too Many Requests",
	500: "Internal Server Error",
	503: "Service Unavailable",
	504: "Service Unavailable",
}

// HTTPMessage is what an HTTP API says when it answers by itself with a status.
func HTTPMessage(status int) string { return httpMessages[status] }

// MessageKey is the member of the built-in body that has the message. It is "message"
// but for ACCESS_DENIED, as long as that is not customised.
func (t ResponseType) MessageKey() string {
	if t == AccessDenied {
		return "Message"
	}
	return "message"
}

// GatewayResponse customises the replies of one type (REST). Zero fields keep the
// default's.
type GatewayResponse struct {
	Type ResponseType
	// StatusCode is empty or three digits.
	StatusCode string
	// Parameters: gatewayresponse.header.Name from a literal, context or request.
	Parameters []ParameterMapping
	// Templates map content types to templates of plain variables.
	Templates map[string]string
	Source    Position
}

// ResolveGatewayResponse finds what a REST API answers for a type: its own
// customisation, else that of the class (DEFAULT_4XX, DEFAULT_5XX), else nil for
// the built-in default. A class fallback keeps the type's status unless it sets one.
func (d *Deployment) ResolveGatewayResponse(t ResponseType) *GatewayResponse {
	if own := d.GatewayResponse(t); own != nil {
		return own
	}
	if ResponseDefaults[t].Status >= 500 {
		return d.GatewayResponse(Default5XX)
	}
	return d.GatewayResponse(Default4XX)
}
