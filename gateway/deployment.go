package gateway

import (
	"slices"
	"strings"
)

// Deployment is an immutable snapshot of what an API does: its routes with their
// integrations, and everything they refer to. Stages pin deployments; two stages
// of one definition share a pointer.
type Deployment struct {
	Title       string
	Version     string
	Description string
	Protocol    Protocol
	// Routes hold every (method, path) of the API, in the order of the document.
	Routes            []Route
	Authorizers       []Authorizer
	Models            []Model
	RequestValidators []RequestValidator
	// GatewayResponses are the customised ones only (REST).
	GatewayResponses []GatewayResponse
	// BinaryMediaTypes as in x-amazon-apigateway-binary-media-types (REST).
	BinaryMediaTypes []string
	// MinimumCompressionSize in bytes; nil means no compression (REST).
	MinimumCompressionSize *int64
	// APIKeySource is HEADER or AUTHORIZER (REST); empty means HEADER.
	APIKeySource string
	// CORS of an HTTP API; nil means none.
	CORS *CORS
	// Tools are the operations as agents see them, in the order of the document; only
	// where a stage has MCP.
	Tools []Tool
	// CredentialQuery are the query parameters that prove who calls, where there are Tools.
	CredentialQuery []string
	// RouteSelectionExpression says which route a message of a WebSocket API takes.
	RouteSelectionExpression string
	// Policy is the resource policy document as JSON; empty means none (REST).
	// PolicySource is where it is written.
	Policy       string
	PolicySource Position
	// DisableExecuteAPIEndpoint as written in the document.
	DisableExecuteAPIEndpoint bool
	// ServerPath is the path part of the first server (OpenAPI 3) or basePath
	// (OpenAPI 2), used only as the default base for documents without extensions.
	ServerPath string
	Tags       map[string]string
	Source     Position

	hash string
}

// Seal computes the content hash; later calls do nothing.
func (d *Deployment) Seal() *Deployment {
	if d.hash == "" {
		d.hash = ContentHash(*d)
	}
	return d
}

// Hash is the content hash of a sealed deployment.
func (d *Deployment) Hash() string { return d.hash }

// Authorizer finds an authorizer by name, or nil.
func (d *Deployment) Authorizer(name string) *Authorizer {
	for i := range d.Authorizers {
		if d.Authorizers[i].Name == name {
			return &d.Authorizers[i]
		}
	}
	return nil
}

// GatewayResponse finds a customised gateway response, or nil.
func (d *Deployment) GatewayResponse(t ResponseType) *GatewayResponse {
	for i := range d.GatewayResponses {
		if d.GatewayResponses[i].Type == t {
			return &d.GatewayResponses[i]
		}
	}
	return nil
}

// APIKeyFromAuthorizer is the APIKeySource of an API whose Lambda authorizers say which
// API key a caller has.
const APIKeyFromAuthorizer = "AUTHORIZER"

const (
	// AnyMethod serves DELETE GET HEAD OPTIONS PATCH POST PUT where no exact
	// method is defined.
	AnyMethod = "ANY"
	// DefaultRoute is the path of an HTTP API's catch-all route.
	DefaultRoute = "$default"
	// ConnectRoute and DisconnectRoute are taken when a client of a WebSocket API
	// connects, and after it is gone.
	ConnectRoute    = "$connect"
	DisconnectRoute = "$disconnect"
	// ConnectionsRoute stands for the @connections of a WebSocket API, by which backends
	// send to clients. It is not among the routes of a deployment.
	ConnectionsRoute = "@connections"
)

// Bounds of Amazon's for WebSocket APIs.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
const (
	// DefaultIdleMillis is how long nothing may happen on a connection.
	DefaultIdleMillis = 10 * 60 * 1000
	// DefaultDurationMillis is how long a connection may last.
	DefaultDurationMillis = 2 * 60 * 60 * 1000
)

// AnyMethods are the methods that AnyMethod stands for, sorted.
func AnyMethods() []string {
	return []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
}

// Route is a method on a resource of a REST API ("GET", "/pets/{id}"), a route of an
// HTTP API (the same, or DefaultRoute as Path with AnyMethod), or one of a WebSocket
// API, which has its key as Path and no Method.
type Route struct {
	// Method is upper case, or AnyMethod; empty in a WebSocket API.
	Method string
	// Path is a template: literal, {name} or {name+} segments; or DefaultRoute; or the
	// route key of a WebSocket API.
	Path          string
	OperationName string
	// Authorization: nil means open to all.
	Authorization *Authorization
	// APIKeyRequired: callers show an API key. APIKeySource is where that is asked.
	APIKeyRequired bool
	APIKeySource   Position
	// Parameters that the method declares (REST: method.request.*).
	Parameters []Parameter
	// RequestModels maps content types to model names.
	RequestModels map[string]string
	// ModelSelectionExpression says which of the RequestModels a message is held to, by
	// their keys; DefaultRoute is the key of that for all others (WebSocket).
	ModelSelectionExpression string
	// RequestValidator is the effective validator's name; empty means none.
	RequestValidator string
	// Responses are the declared method responses (REST).
	Responses   []MethodResponse
	Integration *Integration
	// ResponseSelectionExpression is DefaultRoute where what the integration answers is
	// sent back to the client; empty for one-way routes (WebSocket).
	ResponseSelectionExpression string
	Source                      Position
}

// Key is the route key as AWS writes it: "GET /pets/{id}", "$default" or "sendmessage".
func (r *Route) Key() string {
	if r.Path == DefaultRoute || r.Method == "" {
		return r.Path
	}
	return r.Method + " " + r.Path
}

// Types of a route's Authorization.
const (
	AuthorizationIAM      = "AWS_IAM"
	AuthorizationLambda   = "CUSTOM"
	AuthorizationUserPool = CognitoAuthorizer
	AuthorizationJWT      = JWTAuthorizer
)

// Authorization says who may call a route.
type Authorization struct {
	// Type is one of the constants above.
	Type string
	// Authorizer names one of the deployment's authorizers; empty for AWS_IAM.
	Authorizer string
	// Scopes of which the token must have at least one.
	Scopes []string
	Source Position
}

// Parameter is a declared request parameter.
type Parameter struct {
	// In is "path", "querystring" or "header".
	In       string
	Name     string
	Required bool
	Source   Position
}

// MethodResponse is a declared response of a REST method.
type MethodResponse struct {
	StatusCode string
	// Headers that responseParameters may set.
	Headers []string
	// Models maps content types to model names.
	Models map[string]string
	Source Position
}

// RequestValidator says which parts of a request are checked before the integration.
type RequestValidator struct {
	Name               string
	ValidateBody       bool
	ValidateParameters bool
	Source             Position
}

// RequestValidator finds a validator by name, or nil.
func (d *Deployment) RequestValidator(name string) *RequestValidator {
	for i := range d.RequestValidators {
		if d.RequestValidators[i].Name == name {
			return &d.RequestValidators[i]
		}
	}
	return nil
}

// Model is a named JSON schema.
type Model struct {
	Name        string
	ContentType string
	// Schema is JSON, with internal references kept as written.
	Schema string
	// Dialect is the draft of schemas that name none, as they would write it under
	// $schema; empty means draft 4.
	Dialect string
	Source  Position
}

// BodyModels are the models that the bodies of a route's requests are held to, by
// content type; nil for none. HTTP APIs have no models.
func (d *Deployment) BodyModels(r *Route) map[string]string {
	v := d.RequestValidator(r.RequestValidator)
	if v == nil || !v.ValidateBody || d.Protocol != REST || len(r.RequestModels) == 0 {
		return nil
	}
	return r.RequestModels
}

// ModelFor finds what a body is held to by its Content-Type, among what there is by type, in
// lower case, or DefaultRoute for any other. A request without a type is taken for JSON. Of
// several, which nobody knows how the integration reads, each counts.
func ModelFor[M comparable](models map[string]M, fields []string) M {
	var none M
	named := false
	for _, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			mediaType, _, _ := strings.Cut(part, ";")
			if mediaType = strings.ToLower(strings.TrimSpace(mediaType)); mediaType == "" {
				continue
			}
			named = true
			if found := models[mediaType]; found != none {
				return found
			}
		}
	}
	if found := models["application/json"]; !named && found != none {
		return found
	}
	return models[DefaultRoute]
}

// RequiredParameters are those that a route's validator asks requests for, in the order of
// Amazon's message: by full key (header before querystring), then by name. Path parameters
// are there whenever the path matches. HTTP APIs have no validators.
func (d *Deployment) RequiredParameters(r *Route) []Parameter {
	v := d.RequestValidator(r.RequestValidator)
	if d.Protocol != REST || v == nil || !v.ValidateParameters {
		return nil
	}
	var required []Parameter
	for _, p := range r.Parameters {
		if p.Required && p.In != "path" {
			required = append(required, p)
		}
	}
	slices.SortFunc(required, func(a, b Parameter) int { return strings.Compare(a.In+"."+a.Name, b.In+"."+b.Name) })
	return required
}

// CORS is the cross-origin setting of an HTTP API.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
type CORS struct {
	AllowOrigins  []string
	AllowMethods  []string
	AllowHeaders  []string
	ExposeHeaders []string
	// MaxAge in seconds, -1 to 86400; nil means unset.
	MaxAge           *int
	AllowCredentials bool
	Source           Position
}
