package openapi

import (
	"math"
	"slices"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

var corsMethods = []string{"*", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// cors reads the cross-origin setting of an HTTP API.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-cors-configuration.html
func (p *parser) cors(root *source.Object) {
	v, ok := p.extension(root, extCORS)
	if !ok || v.IsNull() {
		return
	}
	o := v.Object()
	c := &gateway.CORS{
		AllowHeaders:     p.texts(o.Get("allowHeaders")),
		ExposeHeaders:    p.texts(o.Get("exposeHeaders")),
		AllowCredentials: o.Get("allowCredentials").Bool(false),
		Source:           v.Pos(),
	}
	for _, item := range o.Get("allowOrigins").List() {
		if origin := p.corsOrigin(item); origin != "" {
			c.AllowOrigins = append(c.AllowOrigins, origin)
		}
	}
	for _, item := range o.Get("allowMethods").List() {
		if method := item.OneOf(corsMethods...); method != "" {
			c.AllowMethods = append(c.AllowMethods, method)
		}
	}
	if age := o.Get("maxAge"); !age.IsNull() {
		// A value out of range is reported, and is not a reason to lose the rest.
		if n := age.Int(math.MinInt64, -1, 86400); n >= -1 {
			seconds := int(n)
			c.MaxAge = &seconds
		}
	}
	if c.AllowCredentials {
		if v := wildcard(o.Get("allowOrigins")); v != nil {
			// Amazon's words: allow-credentials is not supported if 'allow-origin' is *.
			v.Errorf("cors-credentials", "list the allowed origins, or drop allowCredentials", `"*" cannot be combined with allowCredentials`)
		}
		for _, key := range []string{"allowMethods", "allowHeaders", "exposeHeaders"} {
			if v := wildcard(o.Get(key)); v != nil {
				v.Warnf("cors-wildcard", "list what is meant", `%s: for requests with credentials, browsers take "*" for a name like any other`, key)
			}
		}
	}
	o.Done()
	p.out.CORS = c
}

// corsOrigin reads "*", a scheme with any host ("https://*"), or one origin.
func (p *parser) corsOrigin(v source.Value) string {
	origin := p.text(v)
	if !gateway.IsCORSOrigin(origin) {
		if v.IsScalar() {
			v.Errorf("invalid-origin", "write *, https://*, or scheme://host[:port] without a path", "%q is not an origin", origin)
		}
		return ""
	}
	return origin
}

// wildcard is the "*" in a list; nil when there is none. Where credentials are allowed,
// Amazon refuses it for origins only, and answers it as it is elsewhere: so browsers honour
// it for requests without credentials, and for none with them.
// See https://fetch.spec.whatwg.org/#http-new-header-syntax
func wildcard(v source.Value) *source.Value {
	if !v.IsList() {
		return nil
	}
	items := v.List()
	if i := slices.IndexFunc(items, func(item source.Value) bool { return item.Raw() == "*" }); i >= 0 {
		return &items[i]
	}
	return nil
}
