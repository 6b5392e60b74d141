package openapi

// Amazon's extensions, as they are written.
const (
	extAnyMethod         = "x-amazon-apigateway-any-method"
	extAPIKeySource      = "x-amazon-apigateway-api-key-source"
	extAuthorizer        = "x-amazon-apigateway-authorizer"
	extAuthType          = "x-amazon-apigateway-authtype"
	extBinaryMediaTypes  = "x-amazon-apigateway-binary-media-types"
	extCompression       = "x-amazon-apigateway-minimum-compression-size"
	extCORS              = "x-amazon-apigateway-cors"
	extDocumentation     = "x-amazon-apigateway-documentation"
	extAccessMode        = "x-amazon-apigateway-endpoint-access-mode"
	extEndpoint          = "x-amazon-apigateway-endpoint-configuration"
	extGatewayResponses  = "x-amazon-apigateway-gateway-responses"
	extImportExport      = "x-amazon-apigateway-importexport-version"
	extIntegration       = "x-amazon-apigateway-integration"
	extPolicy            = "x-amazon-apigateway-policy"
	extRequestValidator  = "x-amazon-apigateway-request-validator"
	extRequestValidators = "x-amazon-apigateway-request-validators"
	extSecurityPolicy    = "x-amazon-apigateway-security-policy"
	extTagValue          = "x-amazon-apigateway-tag-value"
	extAuth              = "x-amazon-apigateway-auth"
)
