package openapi

import (
	"regexp"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// requestBody reads the body's model. As an import by AWS does, only JSON's is
// kept; that others aren't validated is told where a validator says they should.
func (p *parser) requestBody(r *gateway.Route, written source.Value) {
	if written.IsNull() {
		return
	}
	v, ok := p.follow(written, atRequestBody)
	if !ok {
		return
	}
	o := v.Object()
	for _, e := range o.Get("content").Object().Entries() {
		schema := p.mediaTypeSchema(e)
		if e.Key == modelContentType || p.opts.AllBodies {
			p.requestModel(r, e.Key, schema)
			continue
		}
		validator := p.out.RequestValidator(r.RequestValidator)
		if validator != nil && validator.ValidateBody && !schema.IsNull() {
			e.KeyValue.Warnf("no-effect", "", "only %s bodies are validated; the schema of %s has no effect", modelContentType, e.Key)
		}
	}
	p.finish(o, atRequestBody)
}

func (p *parser) requestModel(r *gateway.Route, contentType string, schema source.Value) {
	name := p.schemaModel(schema)
	if name == "" {
		return
	}
	if r.RequestModels == nil {
		r.RequestModels = map[string]string{}
	}
	r.RequestModels[contentType] = name
}

// mediaTypeSchema reads a media type object, which may be empty.
func (p *parser) mediaTypeSchema(e source.Entry) source.Value {
	o := e.Object()
	schema := o.Get("schema")
	p.finish(o, atMediaType)
	return schema
}

var (
	responseStatus = regexp.MustCompile(`^[1-5][0-9][0-9]$`)
	responseClass  = regexp.MustCompile(`^[1-5]XX$`)
)

// methodResponses reads the declared responses. AWS drops "default" and classes
// such as "2XX", which declare no status.
func (p *parser) methodResponses(v source.Value) []gateway.MethodResponse {
	var out []gateway.MethodResponse
	for _, e := range v.Object().Entries() {
		switch {
		case strings.HasPrefix(e.Key, "x-"):
			p.strayExtension(e, atResponse)
			continue
		case !responseStatus.MatchString(e.Key):
			if e.Key != "default" && !responseClass.MatchString(strings.ToUpper(e.Key)) {
				e.KeyValue.Errorf("invalid-status", "", "%q is not a status code", e.Key)
			}
			continue
		}
		response, ok := p.follow(e.Value, atResponse)
		if !ok {
			continue
		}
		out = append(out, p.methodResponse(e, response.Object()))
	}
	return out
}

func (p *parser) methodResponse(e source.Entry, o *source.Object) gateway.MethodResponse {
	response := gateway.MethodResponse{StatusCode: e.Key, Source: e.KeyValue.Pos()}
	for _, header := range o.Get("headers").Object().Entries() {
		// Only the name is of use, but it must be a header.
		if v, ok := p.follow(header.Value, atHeader); ok && p.isObject(v) {
			response.Headers = append(response.Headers, header.Key)
		}
	}
	model := func(contentType string, schema source.Value) {
		name := p.schemaModel(schema)
		// AWS drops ranges of media types.
		if name == "" || strings.Contains(contentType, "*") {
			return
		}
		if response.Models == nil {
			response.Models = map[string]string{}
		}
		response.Models[contentType] = name
	}
	if p.dialect == openAPI20 {
		model(modelContentType, o.Get("schema"))
	} else {
		for _, media := range o.Get("content").Object().Entries() {
			model(media.Key, p.mediaTypeSchema(media))
		}
	}
	p.finish(o, atResponse)
	return response
}
