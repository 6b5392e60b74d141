package openapi

import (
	"math"
	"regexp"

	"gatehouse/definition/source"
)

// maxCompressionSize is AWS's bound of x-amazon-apigateway-minimum-compression-size.
const maxCompressionSize = 10 << 20

// mediaTypePattern is what binary media types look like; "*/*" makes everything binary,
// and "*~1*", as patch operations write it, too.
var mediaTypePattern = regexp.MustCompile(`^(\*|[A-Za-z0-9!#$&^_.+-]+)(/|~1)(\*|[A-Za-z0-9!#$&^_.+-]+)$`)

// settings reads the extensions at the root that set one option of the API each.
func (p *parser) settings(root *source.Object) {
	if v, ok := p.extension(root, extAPIKeySource); ok {
		p.out.APIKeySource = v.OneOf("HEADER", "AUTHORIZER")
	}
	if v, ok := p.extension(root, extBinaryMediaTypes); ok {
		p.binaryMediaTypes(v)
	}
	if v, ok := p.extension(root, extCompression); ok && !v.IsNull() {
		if size := v.Int(math.MinInt64, 0, maxCompressionSize); size >= 0 {
			p.out.MinimumCompressionSize = &size
		}
	}
	if v, ok := p.extension(root, extPolicy); ok {
		p.policy(v)
	}
	if v, ok := p.extension(root, extVersion); ok {
		v.OneOf("1.0")
	}
	if v, ok := p.extension(root, extSecurityPolicy); ok {
		p.text(v)
		v.Warnf("no-effect", "set minVersion at the listener's or domain's tls", "%s has no effect: TLS is set at listeners and domains", extSecurityPolicy)
	}
	if v, ok := p.extension(root, extAccessMode); ok {
		v.OneOf("BASIC", "STRICT")
		v.Warnf("no-effect", "", "%s has no effect", extAccessMode)
	}
}

// binaryMediaTypes takes all that AWS does, which asks for no form: exports have entries
// such as "/", which no body is of.
func (p *parser) binaryMediaTypes(v source.Value) {
	for _, item := range v.List() {
		text := p.text(item)
		if !item.IsScalar() {
			continue
		}
		if !mediaTypePattern.MatchString(text) {
			item.Warnf("invalid-media-type", `such as "image/*" or "application/octet-stream"`, "%q is not a media type: no body is of it", text)
		}
		p.out.BinaryMediaTypes = append(p.out.BinaryMediaTypes, text)
	}
}

// policy keeps the resource policy as JSON. Its shape is checked here, what it
// means where it is compiled.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/openapi-extensions-policy.html
func (p *parser) policy(v source.Value) {
	if v.IsNull() {
		return
	}
	o := v.Object()
	if !v.IsObject() {
		return
	}
	o.Require("Statement")
	for _, key := range []string{"Version", "Id"} {
		p.text(o.Get(key))
	}
	o.Done()
	p.out.Policy, p.out.PolicySource = p.jsonText(v), v.Pos()
}

// endpointConfiguration reads x-amazon-apigateway-endpoint-configuration.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-endpoint-configuration.html
func (p *parser) endpointConfiguration(v source.Value) {
	o := v.Object()
	if o.Get("disableExecuteApiEndpoint").Bool(false) {
		p.out.DisableExecuteAPIEndpoint = true
	}
	if v := o.Get("ipAddressType"); v.OneOf("ipv4", "dualstack") != "" {
		v.Warnf("no-effect", "listen on the address you want", "ipAddressType has no effect: listeners have addresses of their own")
	}
	// Amazon's documentation does not have the types here, and many documents do.
	if types := o.Get("types"); len(p.texts(types)) > 0 {
		types.Warnf("no-effect", "serve a private API on a gateway whose listeners only the private network reaches", "types have no effect: listeners say who reaches an API")
	}
	if ids := o.Get("vpcEndpointIds"); len(p.texts(ids)) > 0 {
		ids.Warnf("no-effect", "serve a private API on a gateway whose listeners only the private network reaches", "vpcEndpointIds have no effect: there are no VPC endpoints outside of AWS")
	}
	o.Done()
}
