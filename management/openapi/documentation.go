package openapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/management/restapi"
)

// documentation writes the documentation parts.
func (x *restExport) documentation(root *object) error {
	if !x.Extensions.Documentation || x.served || len(x.content.DocumentationParts) == 0 {
		return nil
	}
	parts := slices.SortedStableFunc(slices.Values(x.content.DocumentationParts), func(a, b restapi.DocumentationPart) int {
		return compareLocations(location(&a), location(&b))
	})
	written := make([]any, 0, len(parts))
	for _, p := range parts {
		at, o, where := location(&p), &object{}, &object{}
		where.set("type", at.Type)
		where.text("path", at.Path)
		where.text("method", at.Method)
		where.text("statusCode", at.StatusCode)
		where.text("name", at.Name)
		properties, err := parseJSON(cmp.Or(strings.TrimSpace(p.Properties), "{}"))
		if err != nil {
			return fmt.Errorf("the properties of a documentation part of type %s are not JSON: %w", at.Type, err)
		}
		o.set("location", where)
		o.set("properties", properties)
		written = append(written, o)
	}
	extension := &object{}
	extension.text("version", cmp.Or(x.DocumentationVersion, x.content.API.Version, x.InfoVersion))
	extension.set("documentationParts", written)
	root.set(extDocumentation, extension)
	return nil
}

func location(p *restapi.DocumentationPart) restapi.DocumentationPartLocation {
	if p.Location == nil {
		return restapi.DocumentationPartLocation{}
	}
	return *p.Location
}

func compareLocations(a, b restapi.DocumentationPartLocation) int {
	return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method),
		strings.Compare(a.StatusCode, b.StatusCode), strings.Compare(a.Name, b.Name))
}

// documentationParts reads x-amazon-apigateway-documentation, whose shape has been
// checked. Until they are given others, parts have no ids.
func documentationParts(v source.Value) []restapi.DocumentationPart {
	if !v.IsObject() {
		return nil
	}
	var out []restapi.DocumentationPart
	for _, item := range v.Object().Get("documentationParts").List() {
		o := item.Object()
		at := o.Get("location").Object()
		part := restapi.DocumentationPart{Location: &restapi.DocumentationPartLocation{
			Type: strings.ToUpper(at.Get("type").Raw()), Path: at.Get("path").Raw(), Method: at.Get("method").Raw(),
			StatusCode: at.Get("statusCode").Raw(), Name: at.Get("name").Raw(),
		}}
		switch properties := o.Get("properties"); {
		case properties.IsScalar():
			part.Properties = properties.Raw()
		case properties.IsObject():
			part.Properties = properties.JSON()
		}
		out = append(out, part)
	}
	return out
}
