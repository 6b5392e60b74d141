package openapi

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// operation makes a route of a method of a path.
func (p *parser) operation(item *pathItem, method string, e source.Entry) {
	o := e.Object()
	if !e.IsObject() && !e.IsNull() {
		return
	}
	if item.path == gateway.DefaultRoute && method != gateway.AnyMethod {
		e.KeyValue.Errorf("default-route", "write "+extAnyMethod, "the $default route takes every method; it has none of its own")
		return
	}
	r := gateway.Route{
		Method:        method,
		Path:          item.path,
		OperationName: p.text(o.Get("operationId")),
		Source:        e.KeyValue.Pos(),
	}
	p.defaultRoute(item, o)
	p.authorize(&r, o)
	parameters := p.request(&r, item, o)
	if p.protocol == gateway.REST {
		r.Responses = p.methodResponses(o.Get("responses"))
	}
	if v, ok := p.extension(o, extIntegration); ok {
		r.Integration = p.sharedIntegration(&r, item, v)
	} else {
		r.Integration = p.backendIntegration(&r, item)
	}
	if p.dialect != openAPI20 {
		for _, key := range []string{"callbacks", "servers"} {
			if v := o.Get(key); !v.IsNull() {
				v.Warnf("no-effect", "", "%s of an operation have no effect", key)
			}
		}
	}
	p.tool(&r, item, parameters, o, e.KeyValue)
	p.finish(o, atOperation)
	p.out.Routes = append(p.out.Routes, r)
}

// defaultRoute checks isDefaultRoute, which an HTTP API's export writes into the
// any-method of "/$default".
func (p *parser) defaultRoute(item *pathItem, o *source.Object) {
	const key = "isDefaultRoute"
	if !o.Has(key) || p.protocol != gateway.HTTP {
		return
	}
	v := o.Get(key)
	switch isDefault := v.Bool(true); {
	case isDefault && item.path != gateway.DefaultRoute:
		v.Errorf("default-route", "move the operation to the path "+defaultRoutePath, "only the path %s is the default route", defaultRoutePath)
	case !isDefault && item.path == gateway.DefaultRoute:
		v.Errorf("default-route", "remove it, or give the route another path", "the path %s is the default route", defaultRoutePath)
	}
}

// request reads what a route asks of requests: its parameters, body models and
// validator. An HTTP API validates nothing, so there it is only checked.
func (p *parser) request(r *gateway.Route, item *pathItem, o *source.Object) []parameter {
	parameters := override(item.parameters, p.parameters(item, o.Get("parameters")))
	validator := p.rootValidator
	if v, ok := p.extension(o, extRequestValidator); ok {
		validator = p.validatorName(v)
	}
	if p.protocol != gateway.REST {
		return parameters
	}
	r.RequestValidator = validator
	r.Parameters = item.declare(parameters)
	for _, parsed := range parameters {
		if parsed.In == inBody {
			p.requestModel(r, modelContentType, parsed.body)
		}
	}
	if p.dialect != openAPI20 {
		p.requestBody(r, o.Get("requestBody"))
	}
	return parameters
}
