package restapi

// RestAPI is a REST API, without what belongs to it (AWS: RestApi).
type RestAPI struct {
	ID                        string                 `json:"id,omitempty"`
	Name                      string                 `json:"name,omitempty"`
	Description               string                 `json:"description,omitempty"`
	CreatedDate               Time                   `json:"createdDate,omitzero"`
	Version                   string                 `json:"version,omitempty"`
	BinaryMediaTypes          []string               `json:"binaryMediaTypes,omitempty"`
	MinimumCompressionSize    *int                   `json:"minimumCompressionSize,omitempty"`
	APIKeySource              string                 `json:"apiKeySource"` // HEADER | AUTHORIZER
	EndpointConfiguration     *EndpointConfiguration `json:"endpointConfiguration,omitempty"`
	Policy                    string                 `json:"policy,omitempty"`
	Tags                      map[string]string      `json:"tags,omitempty"`
	DisableExecuteAPIEndpoint bool                   `json:"disableExecuteApiEndpoint"`
	RootResourceID            string                 `json:"rootResourceId,omitempty"`
	SecurityPolicy            string                 `json:"securityPolicy,omitempty"`
	EndpointAccessMode        string                 `json:"endpointAccessMode,omitempty"` // BASIC | STRICT
}

// EndpointConfiguration says how an API or a domain is reached.
type EndpointConfiguration struct {
	Types          []string `json:"types,omitempty"`
	IPAddressType  string   `json:"ipAddressType,omitempty"` // ipv4 | dualstack
	VPCEndpointIDs []string `json:"vpcEndpointIds,omitempty"`
}

// Resource is one segment of an API's paths, with its methods.
type Resource struct {
	ID              string            `json:"id,omitempty"`
	ParentID        string            `json:"parentId,omitempty"`
	PathPart        string            `json:"pathPart,omitempty"`
	Path            string            `json:"path,omitempty"`
	ResourceMethods map[string]Method `json:"resourceMethods,omitempty"`
}

// Method is an HTTP method of a resource.
type Method struct {
	HTTPMethod          string                    `json:"httpMethod,omitempty"`
	AuthorizationType   string                    `json:"authorizationType,omitempty"`
	AuthorizerID        string                    `json:"authorizerId,omitempty"`
	APIKeyRequired      bool                      `json:"apiKeyRequired"`
	RequestValidatorID  string                    `json:"requestValidatorId,omitempty"`
	OperationName       string                    `json:"operationName,omitempty"`
	RequestParameters   map[string]bool           `json:"requestParameters,omitempty"`
	RequestModels       map[string]string         `json:"requestModels,omitempty"`
	MethodResponses     map[string]MethodResponse `json:"methodResponses,omitempty"`
	MethodIntegration   *Integration              `json:"methodIntegration,omitempty"`
	AuthorizationScopes []string                  `json:"authorizationScopes,omitempty"`
}

// MethodResponse declares a status that a method answers with.
type MethodResponse struct {
	StatusCode         string            `json:"statusCode,omitempty"`
	ResponseParameters map[string]bool   `json:"responseParameters,omitempty"`
	ResponseModels     map[string]string `json:"responseModels,omitempty"`
}

// Integration is what a method calls.
type Integration struct {
	Type                 string                         `json:"type,omitempty"` // HTTP | AWS | MOCK | HTTP_PROXY | AWS_PROXY
	HTTPMethod           string                         `json:"httpMethod,omitempty"`
	URI                  string                         `json:"uri,omitempty"`
	ConnectionType       string                         `json:"connectionType,omitempty"` // INTERNET | VPC_LINK
	ConnectionID         string                         `json:"connectionId,omitempty"`
	Credentials          string                         `json:"credentials,omitempty"`
	RequestParameters    map[string]string              `json:"requestParameters,omitempty"`
	RequestTemplates     map[string]string              `json:"requestTemplates,omitempty"`
	PassthroughBehavior  string                         `json:"passthroughBehavior,omitempty"`
	ContentHandling      string                         `json:"contentHandling,omitempty"` // CONVERT_TO_BINARY | CONVERT_TO_TEXT
	TimeoutInMillis      int                            `json:"timeoutInMillis,omitempty"`
	CacheNamespace       string                         `json:"cacheNamespace,omitempty"`
	CacheKeyParameters   []string                       `json:"cacheKeyParameters,omitzero"`
	IntegrationResponses map[string]IntegrationResponse `json:"integrationResponses,omitempty"`
	TLSConfig            *TLSConfig                     `json:"tlsConfig,omitempty"`
	ResponseTransferMode string                         `json:"responseTransferMode,omitempty"` // BUFFERED | STREAM
	IntegrationTarget    string                         `json:"integrationTarget,omitempty"`
}

// IntegrationResponse maps answers of an integration to a method response.
type IntegrationResponse struct {
	StatusCode         string            `json:"statusCode,omitempty"`
	SelectionPattern   string            `json:"selectionPattern,omitempty"`
	ResponseParameters map[string]string `json:"responseParameters,omitempty"`
	ResponseTemplates  map[string]string `json:"responseTemplates,omitempty"`
	ContentHandling    string            `json:"contentHandling,omitempty"` // CONVERT_TO_BINARY | CONVERT_TO_TEXT
}

// TLSConfig says how an integration verifies its backend.
type TLSConfig struct {
	InsecureSkipVerification bool `json:"insecureSkipVerification,omitempty"`
}

// Authorizer decides who may call a method.
type Authorizer struct {
	ID                           string   `json:"id,omitempty"`
	Name                         string   `json:"name,omitempty"`
	Type                         string   `json:"type,omitempty"` // TOKEN | REQUEST | COGNITO_USER_POOLS | JWT
	ProviderARNs                 []string `json:"providerARNs,omitempty"`
	AuthType                     string   `json:"authType,omitempty"`
	AuthorizerURI                string   `json:"authorizerUri,omitempty"`
	AuthorizerCredentials        string   `json:"authorizerCredentials,omitempty"`
	IdentitySource               string   `json:"identitySource,omitempty"`
	IdentityValidationExpression string   `json:"identityValidationExpression,omitempty"`
	AuthorizerResultTTLInSeconds *int     `json:"authorizerResultTtlInSeconds,omitempty"`
}

// Model is a JSON schema.
type Model struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Schema      string `json:"schema,omitempty"`
	ContentType string `json:"contentType,omitempty"`
}

// RequestValidator says what of a request is validated.
type RequestValidator struct {
	ID                        string `json:"id,omitempty"`
	Name                      string `json:"name,omitempty"`
	ValidateRequestBody       bool   `json:"validateRequestBody"`
	ValidateRequestParameters bool   `json:"validateRequestParameters"`
}

// GatewayResponse is an answer that the gateway gives by itself.
type GatewayResponse struct {
	ResponseType       string            `json:"responseType,omitempty"`
	StatusCode         string            `json:"statusCode,omitempty"`
	ResponseParameters map[string]string `json:"responseParameters,omitempty"`
	ResponseTemplates  map[string]string `json:"responseTemplates,omitempty"`
	DefaultResponse    bool              `json:"defaultResponse"`
}

// DocumentationPart documents a part of an API.
type DocumentationPart struct {
	ID         string                     `json:"id,omitempty"`
	Location   *DocumentationPartLocation `json:"location,omitempty"`
	Properties string                     `json:"properties,omitempty"`
}

// DocumentationPartLocation is what a documentation part documents.
type DocumentationPartLocation struct {
	Type       string `json:"type,omitempty"`
	Path       string `json:"path,omitempty"`
	Method     string `json:"method,omitempty"`
	StatusCode string `json:"statusCode,omitempty"`
	Name       string `json:"name,omitempty"`
}

// DocumentationVersion is a snapshot of the documentation parts.
type DocumentationVersion struct {
	Version     string `json:"version,omitempty"`
	CreatedDate Time   `json:"createdDate,omitzero"`
	Description string `json:"description,omitempty"`
}
