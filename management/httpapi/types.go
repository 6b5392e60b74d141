package httpapi

import "time"

// API is an HTTP or WebSocket API, without what belongs to it (AWS: Api).
type API struct {
	APIEndpoint               string            `json:"apiEndpoint,omitempty"`
	APIGatewayManaged         bool              `json:"apiGatewayManaged,omitempty"`
	APIID                     string            `json:"apiId,omitempty"`
	APIKeySelectionExpression string            `json:"apiKeySelectionExpression,omitempty"`
	CorsConfiguration         *Cors             `json:"corsConfiguration,omitempty"`
	CreatedDate               time.Time         `json:"createdDate,omitzero"`
	Description               string            `json:"description,omitempty"`
	DisableSchemaValidation   bool              `json:"disableSchemaValidation,omitempty"`
	DisableExecuteAPIEndpoint bool              `json:"disableExecuteApiEndpoint"`
	IPAddressType             string            `json:"ipAddressType,omitempty"` // ipv4 | dualstack
	Name                      string            `json:"name,omitempty"`
	ProtocolType              string            `json:"protocolType,omitempty"` // WEBSOCKET | HTTP
	RouteSelectionExpression  string            `json:"routeSelectionExpression,omitempty"`
	Tags                      map[string]string `json:"tags,omitzero"`
	Version                   string            `json:"version,omitempty"`
}

// Cors says which other origins may call an HTTP API.
type Cors struct {
	AllowCredentials bool     `json:"allowCredentials,omitempty"`
	AllowHeaders     []string `json:"allowHeaders,omitempty"`
	AllowMethods     []string `json:"allowMethods,omitempty"`
	AllowOrigins     []string `json:"allowOrigins,omitempty"`
	ExposeHeaders    []string `json:"exposeHeaders,omitempty"`
	MaxAge           *int     `json:"maxAge,omitempty"` // 0 is another thing than nothing
}

// Route is a route of an API.
type Route struct {
	APIGatewayManaged                bool                            `json:"apiGatewayManaged,omitempty"`
	APIKeyRequired                   bool                            `json:"apiKeyRequired"`
	AuthorizationScopes              []string                        `json:"authorizationScopes,omitempty"`
	AuthorizationType                string                          `json:"authorizationType,omitempty"` // NONE | AWS_IAM | CUSTOM | JWT
	AuthorizerID                     string                          `json:"authorizerId,omitempty"`
	ModelSelectionExpression         string                          `json:"modelSelectionExpression,omitempty"`
	OperationName                    string                          `json:"operationName,omitempty"`
	RequestModels                    map[string]string               `json:"requestModels,omitempty"`
	RequestParameters                map[string]ParameterConstraints `json:"requestParameters,omitempty"`
	RouteID                          string                          `json:"routeId,omitempty"`
	RouteKey                         string                          `json:"routeKey,omitempty"`
	RouteResponseSelectionExpression string                          `json:"routeResponseSelectionExpression,omitempty"`
	Target                           string                          `json:"target,omitempty"`
}

// RouteResponse declares what a WebSocket route answers with.
type RouteResponse struct {
	ModelSelectionExpression string                          `json:"modelSelectionExpression,omitempty"`
	ResponseModels           map[string]string               `json:"responseModels,omitempty"`
	ResponseParameters       map[string]ParameterConstraints `json:"responseParameters,omitempty"`
	RouteResponseID          string                          `json:"routeResponseId,omitempty"`
	RouteResponseKey         string                          `json:"routeResponseKey,omitempty"`
}

// ParameterConstraints are those of a route's parameter.
type ParameterConstraints struct {
	Required bool `json:"required"`
}

// Integration is what a route calls.
type Integration struct {
	APIGatewayManaged                      bool                         `json:"apiGatewayManaged,omitempty"`
	ConnectionID                           string                       `json:"connectionId,omitempty"`
	ConnectionType                         string                       `json:"connectionType,omitempty"`          // INTERNET | VPC_LINK
	ContentHandlingStrategy                string                       `json:"contentHandlingStrategy,omitempty"` // CONVERT_TO_BINARY | CONVERT_TO_TEXT
	CredentialsARN                         string                       `json:"credentialsArn,omitempty"`
	Description                            string                       `json:"description,omitempty"`
	IntegrationID                          string                       `json:"integrationId,omitempty"`
	IntegrationMethod                      string                       `json:"integrationMethod,omitempty"`
	IntegrationResponseSelectionExpression string                       `json:"integrationResponseSelectionExpression,omitempty"`
	IntegrationSubtype                     string                       `json:"integrationSubtype,omitempty"`
	IntegrationType                        string                       `json:"integrationType,omitempty"` // AWS | HTTP | MOCK | HTTP_PROXY | AWS_PROXY
	IntegrationURI                         string                       `json:"integrationUri,omitempty"`
	PassthroughBehavior                    string                       `json:"passthroughBehavior,omitempty"` // WHEN_NO_MATCH | NEVER | WHEN_NO_TEMPLATES
	PayloadFormatVersion                   string                       `json:"payloadFormatVersion,omitempty"`
	RequestParameters                      map[string]string            `json:"requestParameters,omitempty"`
	RequestTemplates                       map[string]string            `json:"requestTemplates,omitempty"`
	ResponseParameters                     map[string]map[string]string `json:"responseParameters,omitempty"`
	TemplateSelectionExpression            string                       `json:"templateSelectionExpression,omitempty"`
	TimeoutInMillis                        int                          `json:"timeoutInMillis,omitempty"`
	TLSConfig                              *TLSConfig                   `json:"tlsConfig,omitempty"`
}

// IntegrationResponse maps answers of a WebSocket integration.
type IntegrationResponse struct {
	ContentHandlingStrategy     string            `json:"contentHandlingStrategy,omitempty"` // CONVERT_TO_BINARY | CONVERT_TO_TEXT
	IntegrationResponseID       string            `json:"integrationResponseId,omitempty"`
	IntegrationResponseKey      string            `json:"integrationResponseKey,omitempty"`
	ResponseParameters          map[string]string `json:"responseParameters,omitempty"`
	ResponseTemplates           map[string]string `json:"responseTemplates,omitempty"`
	TemplateSelectionExpression string            `json:"templateSelectionExpression,omitempty"`
}

// TLSConfig says how an integration verifies its backend.
type TLSConfig struct {
	ServerNameToVerify string `json:"serverNameToVerify,omitempty"`
}

// Authorizer decides who may call a route.
type Authorizer struct {
	AuthorizerCredentialsARN       string            `json:"authorizerCredentialsArn,omitempty"`
	AuthorizerID                   string            `json:"authorizerId,omitempty"`
	AuthorizerPayloadFormatVersion string            `json:"authorizerPayloadFormatVersion,omitempty"`
	AuthorizerResultTTLInSeconds   *int              `json:"authorizerResultTtlInSeconds,omitempty"`
	AuthorizerType                 string            `json:"authorizerType,omitempty"` // REQUEST | JWT
	AuthorizerURI                  string            `json:"authorizerUri,omitempty"`
	EnableSimpleResponses          bool              `json:"enableSimpleResponses,omitempty"`
	IdentitySource                 []string          `json:"identitySource,omitempty"`
	IdentityValidationExpression   string            `json:"identityValidationExpression,omitempty"`
	JWTConfiguration               *JWTConfiguration `json:"jwtConfiguration,omitempty"`
	Name                           string            `json:"name,omitempty"`
}

// JWTConfiguration says which tokens an authorizer takes.
type JWTConfiguration struct {
	Audience []string `json:"audience,omitempty"`
	Issuer   string   `json:"issuer,omitempty"`
}

// Model is a JSON schema.
type Model struct {
	ContentType string `json:"contentType,omitempty"`
	Description string `json:"description,omitempty"`
	ModelID     string `json:"modelId,omitempty"`
	Name        string `json:"name,omitempty"`
	Schema      string `json:"schema,omitempty"`
}

// Stage is a deployment that is served.
type Stage struct {
	AccessLogSettings           *AccessLogSettings       `json:"accessLogSettings,omitempty"`
	APIGatewayManaged           bool                     `json:"apiGatewayManaged,omitempty"`
	AutoDeploy                  bool                     `json:"autoDeploy,omitempty"`
	ClientCertificateID         string                   `json:"clientCertificateId,omitempty"`
	CreatedDate                 time.Time                `json:"createdDate,omitzero"`
	DefaultRouteSettings        *RouteSettings           `json:"defaultRouteSettings,omitempty"`
	DeploymentID                string                   `json:"deploymentId,omitempty"`
	Description                 string                   `json:"description,omitempty"`
	LastDeploymentStatusMessage string                   `json:"lastDeploymentStatusMessage,omitempty"`
	LastUpdatedDate             time.Time                `json:"lastUpdatedDate,omitzero"`
	RouteSettings               map[string]RouteSettings `json:"routeSettings"`
	StageName                   string                   `json:"stageName,omitempty"`
	StageVariables              map[string]string        `json:"stageVariables"`
	Tags                        map[string]string        `json:"tags"`
}

// RouteSettings are settings of a route in a stage.
type RouteSettings struct {
	DataTraceEnabled       bool     `json:"dataTraceEnabled"`
	DetailedMetricsEnabled bool     `json:"detailedMetricsEnabled"`
	LoggingLevel           string   `json:"loggingLevel,omitempty"` // ERROR | INFO | OFF
	ThrottlingBurstLimit   *int     `json:"throttlingBurstLimit,omitempty"`
	ThrottlingRateLimit    *float64 `json:"throttlingRateLimit,omitempty"`
}

// AccessLogSettings says where and how the requests of a stage are logged.
type AccessLogSettings struct {
	DestinationARN string `json:"destinationArn,omitempty"`
	Format         string `json:"format,omitempty"`
}

// Deployment is an immutable snapshot of an API; its content is a document of its own.
type Deployment struct {
	AutoDeployed            bool      `json:"autoDeployed,omitempty"`
	CreatedDate             time.Time `json:"createdDate,omitzero"`
	DeploymentID            string    `json:"deploymentId,omitempty"`
	DeploymentStatus        string    `json:"deploymentStatus,omitempty"` // PENDING | FAILED | DEPLOYED
	DeploymentStatusMessage string    `json:"deploymentStatusMessage,omitempty"`
	Description             string    `json:"description,omitempty"`
}

// DomainName is a custom domain.
type DomainName struct {
	APIMappingSelectionExpression string                    `json:"apiMappingSelectionExpression,omitempty"`
	DomainName                    string                    `json:"domainName,omitempty"`
	DomainNameARN                 string                    `json:"domainNameArn,omitempty"`
	DomainNameConfigurations      []DomainNameConfiguration `json:"domainNameConfigurations,omitempty"`
	MutualTLSAuthentication       *MutualTLSAuthentication  `json:"mutualTlsAuthentication,omitempty"`
	RoutingMode                   string                    `json:"routingMode,omitempty"` // API_MAPPING_ONLY | ROUTING_RULE_ONLY | ROUTING_RULE_THEN_API_MAPPING
	Tags                          map[string]string         `json:"tags,omitzero"`
}

// DomainNameConfiguration says how a domain is reached.
type DomainNameConfiguration struct {
	APIGatewayDomainName                string    `json:"apiGatewayDomainName,omitempty"`
	CertificateARN                      string    `json:"certificateArn,omitempty"`
	CertificateName                     string    `json:"certificateName,omitempty"`
	CertificateUploadDate               time.Time `json:"certificateUploadDate,omitzero"`
	DomainNameStatus                    string    `json:"domainNameStatus,omitempty"` // AVAILABLE | UPDATING | PENDING_CERTIFICATE_REIMPORT | PENDING_OWNERSHIP_VERIFICATION
	DomainNameStatusMessage             string    `json:"domainNameStatusMessage,omitempty"`
	EndpointType                        string    `json:"endpointType,omitempty"` // REGIONAL | EDGE
	HostedZoneID                        string    `json:"hostedZoneId,omitempty"`
	IPAddressType                       string    `json:"ipAddressType,omitempty"`  // ipv4 | dualstack
	SecurityPolicy                      string    `json:"securityPolicy,omitempty"` // TLS_1_0 | TLS_1_2
	OwnershipVerificationCertificateARN string    `json:"ownershipVerificationCertificateArn,omitempty"`
}

// MutualTLSAuthentication is what client certificates are verified with.
type MutualTLSAuthentication struct {
	TruststoreURI      string   `json:"truststoreUri,omitempty"`
	TruststoreVersion  string   `json:"truststoreVersion,omitempty"`
	TruststoreWarnings []string `json:"truststoreWarnings,omitempty"`
}

// APIMapping maps a path of a domain to a stage.
type APIMapping struct {
	APIID         string `json:"apiId,omitempty"`
	APIMappingID  string `json:"apiMappingId,omitempty"`
	APIMappingKey string `json:"apiMappingKey,omitempty"`
	Stage         string `json:"stage,omitempty"`
}

// VPCLink is a private way to backends.
type VPCLink struct {
	CreatedDate          time.Time         `json:"createdDate,omitzero"`
	Name                 string            `json:"name,omitempty"`
	SecurityGroupIDs     []string          `json:"securityGroupIds,omitempty"`
	SubnetIDs            []string          `json:"subnetIds,omitempty"`
	Tags                 map[string]string `json:"tags,omitzero"`
	VPCLinkID            string            `json:"vpcLinkId,omitempty"`
	VPCLinkStatus        string            `json:"vpcLinkStatus,omitempty"` // PENDING | AVAILABLE | DELETING | FAILED | INACTIVE
	VPCLinkStatusMessage string            `json:"vpcLinkStatusMessage,omitempty"`
	VPCLinkVersion       string            `json:"vpcLinkVersion,omitempty"` // V2
}
