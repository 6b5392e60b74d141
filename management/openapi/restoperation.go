package openapi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restapi"
)

const jsonType = "application/json"

// requestParameter is a key of a method's requestParameters, taken apart.
type requestParameter struct{ in, name string }

// places are where OpenAPI says that parameters are, by what API Gateway calls it.
var places = map[string]string{"path": "path", "querystring": "query", "header": "header"}

// documentedPlaces are the types of the documentation parts of parameters.
var documentedPlaces = map[string]string{"path": "PATH_PARAMETER", "querystring": "QUERY_PARAMETER", "header": "REQUEST_HEADER"}

func parseRequestParameter(key string) (requestParameter, error) {
	rest, ok := strings.CutPrefix(key, "method.request.")
	in, name, named := strings.Cut(rest, ".")
	// Parameters with several values are declared like others.
	in = strings.TrimPrefix(in, "multivalue")
	if !ok || !named || name == "" || places[in] == "" {
		return requestParameter{}, fmt.Errorf("%q is not a request parameter", key)
	}
	return requestParameter{in, name}, nil
}

// parameters writes the declared parameters: those of the path in its order, then the
// others by place and name.
func (x *restExport) parameters(r *restapi.Resource, method string, m *restapi.Method) ([]any, error) {
	required := map[requestParameter]bool{}
	for _, key := range slices.Sorted(maps.Keys(m.RequestParameters)) {
		p, err := parseRequestParameter(key)
		if err != nil {
			return nil, err
		}
		required[p] = required[p] || m.RequestParameters[key]
	}
	template, err := gateway.ParsePath(r.Path)
	if err != nil {
		return nil, err
	}
	variables := template.Variables()
	var out []any
	for _, p := range slices.SortedFunc(maps.Keys(required), func(a, b requestParameter) int {
		return cmp.Or(placeRank(a)-placeRank(b), slices.Index(variables, a.name)-slices.Index(variables, b.name), strings.Compare(a.name, b.name))
	}) {
		if p.in == "path" && !slices.Contains(variables, p.name) {
			continue // the resource has moved since
		}
		o := &object{}
		o.set("name", p.name)
		o.set("in", places[p.in])
		o.text("description", x.described.text(restapi.DocumentationPartLocation{Type: documentedPlaces[p.in], Path: r.Path, Method: method, Name: p.name}, "description"))
		if required[p] || p.in == "path" {
			o.set("required", true)
		}
		x.stringType(o)
		out = append(out, o)
	}
	if x.Version == OpenAPI20 && len(m.RequestModels) > 0 {
		out = append(out, x.bodyParameter(r, method, m))
	}
	return out, nil
}

func placeRank(p requestParameter) int {
	return slices.Index([]string{"path", "querystring", "header"}, p.in)
}

// stringType says that a parameter or a header is text, which is all that is known.
func (x *restExport) stringType(o *object) {
	if x.Version == OpenAPI20 {
		o.set("type", "string")
		return
	}
	text := &object{}
	text.set("type", "string")
	o.set("schema", text)
}

// bodyParameter is the request body in OpenAPI 2.0, which has one schema for all types.
func (x *restExport) bodyParameter(r *restapi.Resource, method string, m *restapi.Method) *object {
	name := m.RequestModels[jsonType]
	if name == "" {
		name = m.RequestModels[slices.Sorted(maps.Keys(m.RequestModels))[0]]
	}
	o := &object{}
	o.set("in", "body")
	o.set("name", name)
	o.text("description", x.bodyDescription(r, method))
	o.set("required", true)
	o.set("schema", x.modelReference(name))
	return o
}

func (x *restExport) bodyDescription(r *restapi.Resource, method string) string {
	return x.described.text(restapi.DocumentationPartLocation{Type: "REQUEST_BODY", Path: r.Path, Method: method}, "description")
}

func (x *restExport) requestBody(r *restapi.Resource, method string, m *restapi.Method) *object {
	o := &object{}
	o.text("description", x.bodyDescription(r, method))
	o.set("content", x.mediaTypes(m.RequestModels))
	o.set("required", true)
	return o
}

func (x *restExport) mediaTypes(models map[string]string) *object {
	content := &object{}
	for _, contentType := range slices.Sorted(maps.Keys(models)) {
		media := &object{}
		media.set("schema", x.modelReference(models[contentType]))
		content.set(contentType, media)
	}
	return content
}

func (x *restExport) responses(r *restapi.Resource, method string, m *restapi.Method) *object {
	responses := &object{}
	for _, status := range slices.Sorted(maps.Keys(m.MethodResponses)) {
		response := m.MethodResponses[status]
		o := &object{}
		at := restapi.DocumentationPartLocation{Type: "RESPONSE", Path: r.Path, Method: method, StatusCode: status}
		o.set("description", cmp.Or(x.described.text(at, "description"), status+" response"))
		headers := &object{}
		for _, key := range slices.Sorted(maps.Keys(response.ResponseParameters)) {
			if name, ok := strings.CutPrefix(key, "method.response.header."); ok {
				header := &object{}
				of := at
				of.Type, of.Name = "RESPONSE_HEADER", name
				header.text("description", x.described.text(of, "description"))
				x.stringType(header)
				headers.set(name, header)
			}
		}
		switch model := response.ResponseModels[jsonType]; {
		case x.Version == OpenAPI30:
			o.object("headers", headers)
			if len(headers.members) == 0 || len(response.ResponseModels) > 0 {
				o.set("content", x.mediaTypes(response.ResponseModels))
			}
		default:
			if model != "" {
				o.set("schema", x.modelReference(model))
			}
			o.object("headers", headers)
		}
		responses.set(status, o)
	}
	return responses
}
