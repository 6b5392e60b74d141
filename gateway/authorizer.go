package gateway

// Authorizer decides who may call a route.
type Authorizer struct {
	Name string
	// Type is TOKEN, REQUEST, COGNITO_USER_POOLS or JWT.
	Type string
	// AuthType is x-amazon-apigateway-authtype, informational.
	AuthType       string
	URI            string
	Credentials    string
	PayloadVersion string
	// SimpleResponses: {"isAuthorized": bool} instead of a policy (HTTP API, 2.0).
	SimpleResponses bool
	// IdentitySources as AWS writes them, such as method.request.header.Authorization.
	IdentitySources      []string
	ValidationExpression string
	// ResultTTLSeconds: nil means AWS's default of 300.
	ResultTTLSeconds *int
	ProviderARNs     []string
	JWTIssuer        string
	JWTAudience      []string
	Source           Position
	// URISource, IdentitySource, ValidationSource and IssuerSource are where those
	// parts are written: authorizerUri, identitySource (or the scheme, whose name it
	// is), identityValidationExpression, and providerARNs or jwtConfiguration.
	URISource        Position
	IdentitySource   Position
	ValidationSource Position
	IssuerSource     Position
}
