package openapi

import (
	"slices"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

const (
	extAnyMethod         = "x-amazon-apigateway-any-method"
	extAPIKeySource      = "x-amazon-apigateway-api-key-source"
	extAuth              = "x-amazon-apigateway-auth"
	extAuthorizer        = "x-amazon-apigateway-authorizer"
	extAuthType          = "x-amazon-apigateway-authtype"
	extBinaryMediaTypes  = "x-amazon-apigateway-binary-media-types"
	extCORS              = "x-amazon-apigateway-cors"
	extDocumentation     = "x-amazon-apigateway-documentation"
	extAccessMode        = "x-amazon-apigateway-endpoint-access-mode"
	extEndpoint          = "x-amazon-apigateway-endpoint-configuration"
	extGatewayResponses  = "x-amazon-apigateway-gateway-responses"
	extVersion           = "x-amazon-apigateway-importexport-version"
	extIntegration       = "x-amazon-apigateway-integration"
	extIntegrations      = "x-amazon-apigateway-integrations"
	extCompression       = "x-amazon-apigateway-minimum-compression-size"
	extPolicy            = "x-amazon-apigateway-policy"
	extRequestValidator  = "x-amazon-apigateway-request-validator"
	extRequestValidators = "x-amazon-apigateway-request-validators"
	extSecurityPolicy    = "x-amazon-apigateway-security-policy"
	extTagValue          = "x-amazon-apigateway-tag-value"

	extPrefix = "x-amazon-apigateway-"
)

// extension says where one of Amazon's extensions is written and which kind of
// API it is for.
type extension struct {
	places []*place
	// only is the one protocol that has the feature; empty means both.
	only gateway.Protocol
	// matters: leaving it out would change behaviour or security, so that writing
	// it for the other protocol is an error, not a warning.
	matters bool
}

var extensions = map[string]extension{
	extAnyMethod:         {places: []*place{atPathItem}},
	extAPIKeySource:      {places: []*place{atRoot}, only: gateway.REST},
	extAuth:              {places: []*place{atOperation, atSecurityScheme}},
	extAuthorizer:        {places: []*place{atSecurityScheme}},
	extAuthType:          {places: []*place{atSecurityScheme}},
	extBinaryMediaTypes:  {places: []*place{atRoot}, only: gateway.REST},
	extCORS:              {places: []*place{atRoot}, only: gateway.HTTP, matters: true},
	extDocumentation:     {places: []*place{atRoot}, only: gateway.REST},
	extAccessMode:        {places: []*place{atRoot}, only: gateway.REST},
	extEndpoint:          {places: []*place{atRoot, atServer}},
	extGatewayResponses:  {places: []*place{atRoot}, only: gateway.REST, matters: true},
	extVersion:           {places: []*place{atRoot}},
	extIntegration:       {places: []*place{atOperation}},
	extIntegrations:      {places: []*place{atComponents}},
	extCompression:       {places: []*place{atRoot}, only: gateway.REST},
	extPolicy:            {places: []*place{atRoot}, only: gateway.REST, matters: true},
	extRequestValidator:  {places: []*place{atRoot, atOperation}, only: gateway.REST},
	extRequestValidators: {places: []*place{atRoot}, only: gateway.REST},
	extSecurityPolicy:    {places: []*place{atRoot}, only: gateway.REST},
	extTagValue:          {places: []*place{atTag}, only: gateway.HTTP},
}

// extension reads one of Amazon's extensions. Where the kind of API doesn't have
// it, that is reported and the result is false, as it is for one not written.
func (p *parser) extension(o *source.Object, name string) (source.Value, bool) {
	if !o.Has(name) {
		return source.Value{}, false
	}
	v := o.Get(name)
	e := extensions[name]
	switch {
	case e.only == "" || e.only == p.protocol:
		return v, true
	case e.matters:
		v.Errorf("wrong-protocol", "remove it, or change the API's protocol to "+string(e.only), "only %s APIs have %s", e.only, name)
	default:
		v.Warnf("wrong-protocol", "", "only %s APIs have %s; it has no effect here", e.only, name)
	}
	return v, false
}

// place is a kind of object in an OpenAPI document with the keys OpenAPI defines
// for it, in 2.0 and in 3.x.
type place struct {
	name   string
	v2, v3 []string
}

func (at *place) keys(d dialect) []string {
	if d == openAPI20 {
		return at.v2
	}
	return at.v3
}

var (
	atRoot = &place{"the document's root",
		[]string{"swagger", "info", "host", "basePath", "schemes", "consumes", "produces", "paths", "definitions", "parameters", "responses", "securityDefinitions", "security", "tags", "externalDocs"},
		[]string{"openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security", "tags", "externalDocs"}}
	atInfo = &place{"info",
		[]string{"title", "description", "termsOfService", "contact", "license", "version"},
		[]string{"title", "summary", "description", "termsOfService", "contact", "license", "version"}}
	atServer     = &place{"a server", nil, []string{"url", "description", "variables"}}
	atTag        = &place{"a tag", []string{"name", "description", "externalDocs"}, []string{"name", "description", "externalDocs"}}
	atComponents = &place{"components", nil,
		[]string{"schemas", "responses", "parameters", "examples", "requestBodies", "headers", "securitySchemes", "links", "callbacks", "pathItems"}}
	atPathItem = &place{"a path item",
		[]string{"$ref", "get", "put", "post", "delete", "options", "head", "patch", "parameters"},
		[]string{"$ref", "summary", "description", "get", "put", "post", "delete", "options", "head", "patch", "trace", "servers", "parameters"}}
	atOperation = &place{"an operation",
		[]string{"tags", "summary", "description", "externalDocs", "operationId", "consumes", "produces", "parameters", "responses", "schemes", "deprecated", "security"},
		[]string{"tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses", "callbacks", "deprecated", "security", "servers"}}
	atParameter = &place{"a parameter",
		[]string{"name", "in", "description", "required", "schema", "type", "format", "allowEmptyValue", "items", "collectionFormat", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf"},
		// API Gateway reads a parameter's type also where 3.0 has it in the schema.
		[]string{"name", "in", "description", "required", "deprecated", "allowEmptyValue", "style", "explode", "allowReserved", "schema", "example", "examples", "content", "type"}}
	atRequestBody = &place{"a request body", nil, []string{"description", "content", "required"}}
	atMediaType   = &place{"a media type", nil, []string{"schema", "example", "examples", "encoding"}}
	atResponse    = &place{"a response",
		[]string{"description", "schema", "headers", "examples"},
		[]string{"description", "headers", "content", "links"}}
	atSecurityScheme = &place{"a security scheme",
		[]string{"type", "description", "name", "in", "flow", "authorizationUrl", "tokenUrl", "scopes"},
		[]string{"type", "description", "name", "in", "scheme", "bearerFormat", "flows", "openIdConnectUrl"}}
	atIntegration = &place{name: "an integration"}
	atHeader      = &place{name: "a header"}
	atPaths       = &place{name: "paths"}
)

// finish reports the keys of an OpenAPI object that nobody has read: Amazon's
// extensions in a wrong place or misspelt are errors, unknown plain keys are
// warnings. Known keys that nobody read are documentation.
func (p *parser) finish(o *source.Object, at *place) {
	for _, e := range o.Unread() {
		if strings.HasPrefix(e.Key, "x-") {
			p.strayExtension(e, at)
			continue
		}
		if known := at.keys(p.dialect); !slices.Contains(known, e.Key) {
			e.KeyValue.Warnf("unknown-key", p.didYouMean(e.Key, known), "unknown key %q in %s has no effect", e.Key, at.name)
		}
	}
}

func (p *parser) strayExtension(e source.Entry, at *place) {
	if known, ok := extensions[e.Key]; ok {
		var names []string
		for _, place := range known.places {
			names = append(names, place.name)
		}
		e.KeyValue.Errorf("misplaced-extension", "write it in "+strings.Join(names, " or "), "%s does not belong in %s", e.Key, at.name)
		return
	}
	if strings.HasPrefix(e.Key, extPrefix) {
		e.KeyValue.Errorf("unknown-extension", p.didYouMean(e.Key, extensionNames), "unknown extension %s", e.Key)
		return
	}
	// Other vendors' extensions are none of our business, unless one is Amazon's
	// with a slip in the prefix.
	if strings.HasPrefix(e.Key, "x-am") {
		if hint := p.didYouMean(e.Key, extensionNames); hint != "" {
			e.KeyValue.Warnf("unknown-extension", hint, "unknown extension %s has no effect", e.Key)
		}
	}
}

var extensionNames = func() []string {
	var names []string
	for name := range extensions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}()
