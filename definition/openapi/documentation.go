package openapi

import "gatehouse/definition/source"

// documentation checks x-amazon-apigateway-documentation. Nothing publishes the
// parts yet, which the user is told.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-documentation.html
func (p *parser) documentation(root *source.Object) {
	v, ok := p.extension(root, extDocumentation)
	if !ok {
		return
	}
	o := v.Object()
	for _, key := range []string{"version", "createdDate", "description"} {
		p.text(o.Get(key))
	}
	parts := o.Get("documentationParts")
	for _, part := range parts.List() {
		p.documentationPart(part)
	}
	o.Done()
	if v.IsObject() {
		v.Warnf("no-effect", "", "%s has no effect yet", extDocumentation)
	}
}

func (p *parser) documentationPart(v source.Value) {
	o := v.Object()
	location := o.Require("location").Object()
	if location.Exists() {
		location.Require("type").OneOf("API", "AUTHORIZER", "MODEL", "RESOURCE", "METHOD", "PATH_PARAMETER", "QUERY_PARAMETER",
			"REQUEST_HEADER", "REQUEST_BODY", "RESPONSE", "RESPONSE_HEADER", "RESPONSE_BODY")
		for _, key := range []string{"path", "method", "statusCode", "name"} {
			p.text(location.Get(key))
		}
		location.Done()
	}
	if properties := o.Get("properties"); !properties.IsScalar() {
		properties.Object()
	}
	o.Done()
}
