package gateway

import "time"

// IntegrationType is what stands behind a route.
type IntegrationType string

// The integration types of API Gateway.
const (
	IntegrationHTTP      IntegrationType = "HTTP"
	IntegrationHTTPProxy IntegrationType = "HTTP_PROXY"
	IntegrationAWS       IntegrationType = "AWS"
	IntegrationAWSProxy  IntegrationType = "AWS_PROXY"
	IntegrationMock      IntegrationType = "MOCK"
)

// Connection types of an integration.
const (
	ConnectionInternet = "INTERNET"
	ConnectionVPCLink  = "VPC_LINK"
)

// Integration is the backend side of a route. Strings may hold
// ${stageVariables.name}; they are kept as written and resolved per stage.
type Integration struct {
	Type IntegrationType
	// HTTPMethod sent to the backend; empty or ANY keeps the client's.
	HTTPMethod string
	URI        string
	// ConnectionType is INTERNET or VPC_LINK; a VPC link's ConnectionID names a Backend.
	ConnectionType string
	ConnectionID   string
	// IntegrationTarget is the load balancer's ARN behind a VPC link V2.
	IntegrationTarget string
	Credentials       string
	// Subtype of an HTTP API's service integration, such as SQS-SendMessage.
	Subtype              string
	PayloadFormatVersion string
	// PassthroughBehavior is WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER.
	PassthroughBehavior string
	// ContentHandling is empty, CONVERT_TO_TEXT or CONVERT_TO_BINARY.
	ContentHandling string
	// RequestParameters: integration.request.* (REST) or append:header.* (HTTP API).
	RequestParameters []ParameterMapping
	// RequestTemplates maps content types to mapping templates (VTL).
	RequestTemplates map[string]string
	// TemplateSelectionExpression says which template a message takes, and
	// ResponseSelectionExpression which of the Responses an answer (WebSocket).
	TemplateSelectionExpression string
	ResponseSelectionExpression string
	// RequestTemplateSources are where those are written.
	RequestTemplateSources map[string]TextSource
	// Responses of a REST integration, in the order of the document.
	Responses []IntegrationResponse
	// ResponseParameters of an HTTP API, by integration status code.
	ResponseParameters []StatusMappings
	CacheKeyParameters []string
	CacheNamespace     string
	// TimeoutMillis: 0 means the DefaultTimeout.
	TimeoutMillis int64
	TLS           *IntegrationTLS
	// ResponseTransferMode is empty, BUFFERED or STREAM.
	ResponseTransferMode string
	Source               Position
	// URISource is where the URI is written, or the integration that has none.
	URISource Position
}

// IntegrationTLS is the tlsConfig of an integration.
type IntegrationTLS struct {
	// InsecureSkipVerification accepts a certificate of any issuer (REST).
	InsecureSkipVerification bool
	// ServerNameToVerify is the SNI and verified name of a private integration (HTTP API).
	ServerNameToVerify string
}

// ParameterMapping sets Target from Source, both as AWS writes them.
type ParameterMapping struct {
	Target string
	Source string
	Pos    Position
}

// StatusMappings are an HTTP API's response mappings for one integration status.
type StatusMappings struct {
	StatusCode string
	Mappings   []ParameterMapping
	Pos        Position
}

// IntegrationResponse maps what the integration of a REST or WebSocket API answered.
type IntegrationResponse struct {
	// SelectionPattern is a regular expression over the status code (or a Lambda
	// function's errorMessage), in a WebSocket API over what its expression selects;
	// empty marks the default response.
	SelectionPattern   string
	StatusCode         string
	ResponseParameters []ParameterMapping
	ResponseTemplates  map[string]string
	// ResponseTemplateSources are where those are written.
	ResponseTemplateSources map[string]TextSource
	ContentHandling         string
	Source                  Position
}

// IsLambdaProxy reports whether the integration passes requests to a Lambda function as
// they are.
func (in *Integration) IsLambdaProxy() bool {
	return in.Type == IntegrationAWSProxy && in.Subtype == ""
}

// DefaultTimeout is how long the integration may take where neither it nor the stage says
// otherwise, as on Amazon. There is no upper bound here.
func (in *Integration) DefaultTimeout(p Protocol) time.Duration {
	switch {
	case in.ResponseTransferMode == "STREAM":
		return 15 * time.Minute
	case p == HTTP:
		return 30 * time.Second
	}
	return 29 * time.Second
}
