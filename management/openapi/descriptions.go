package openapi

import (
	"cmp"
	"strings"

	"gatehouse/management/restapi"
)

// descriptions are the properties of documentation parts by what they document.
type descriptions map[restapi.DocumentationPartLocation]*object

// describe reads parts. One whose properties are no object says nothing.
func describe(parts []restapi.DocumentationPart) descriptions {
	d := descriptions{}
	for _, p := range parts {
		properties, err := parseJSON(p.Properties)
		if o, ok := properties.(*object); ok && err == nil {
			d[complete(location(&p))] = o
		}
	}
	return d
}

// complete says what is meant where a location says nothing: the root, all methods, all
// status codes.
func complete(at restapi.DocumentationPartLocation) restapi.DocumentationPartLocation {
	at.Path, at.Method, at.StatusCode = cmp.Or(at.Path, "/"), cmp.Or(at.Method, "*"), cmp.Or(at.StatusCode, "*")
	return at
}

// get gives a property of what documents a place: what is said of the place itself, else
// of all methods or status codes there, else of the resources above it.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-content-representation.html
func (d descriptions) get(at restapi.DocumentationPartLocation, property string) any {
	if len(d) == 0 {
		return nil
	}
	at = complete(at)
	method, status := at.Method, at.StatusCode
	for {
		for _, at.Method = range []string{method, "*"} {
			for _, at.StatusCode = range []string{status, "*"} {
				if o := d[at]; o != nil && o.get(property) != nil {
					return o.get(property)
				}
			}
		}
		if at.Path == "/" {
			return nil
		}
		at.Path = cmp.Or(at.Path[:strings.LastIndex(at.Path, "/")], "/")
	}
}

// text gives a property that is text.
func (d descriptions) text(at restapi.DocumentationPartLocation, property string) string {
	text, _ := d.get(at, property).(string)
	return text
}
