package openapi

import (
	"fmt"
	"regexp"
	"strings"

	"gatehouse/gateway/schema"
	"gatehouse/management/restapi"
)

// modelURL is how models refer to each other where they are kept.
var modelURL = regexp.MustCompile(`^https://apigateway\.amazonaws\.com/restapis/[^/]*/models/([^/#]+)(?:#(/.*))?$`)

// schemaPrefix is how they do in a document.
func (e Export) schemaPrefix() string {
	if e.Version == OpenAPI20 {
		return "#/definitions/"
	}
	return "#/components/schemas/"
}

// modelReference is the schema that is a model.
func (e Export) modelReference(name string) *object {
	o := &object{}
	o.set("$ref", e.schemaPrefix()+name)
	return o
}

func (x *restExport) models() (*object, error) {
	models := &object{}
	for _, m := range sortedBy(x.content.Models, func(m restapi.Model) string { return m.Name }) {
		text := m.Schema
		if strings.TrimSpace(text) == "" {
			text = "{}"
		}
		tree, err := parseJSON(text)
		if err != nil {
			return nil, fmt.Errorf("the schema of the model %s is not JSON: %w", m.Name, err)
		}
		models.set(m.Name, rewriteReferences(tree, schema.InSchema, func(ref string) string {
			if at := modelURL.FindStringSubmatch(ref); at != nil {
				return x.schemaPrefix() + at[1] + at[2]
			}
			return ref
		}))
	}
	// Methods may use what the API was born with and nobody has kept.
	for _, name := range bornWith {
		if models.get(name) == nil && x.refersTo(name) {
			o := &object{}
			o.set("title", name+" Schema")
			o.set("type", "object")
			models.set(name, o)
		}
	}
	return models, nil
}

// bornWith are the models that every REST API has.
var bornWith = []string{"Empty", "Error"}

func (x *restExport) refersTo(model string) bool {
	for _, r := range x.content.Resources {
		for _, m := range r.ResourceMethods {
			for _, name := range m.RequestModels {
				if name == model {
					return true
				}
			}
			for _, response := range m.MethodResponses {
				for _, name := range response.ResponseModels {
					if name == model {
						return true
					}
				}
			}
		}
	}
	return false
}

// rewriteReferences gives a schema with its references replaced: those that are ones,
// not what happens to be called $ref in an example or an enumeration.
func rewriteReferences(v any, at schema.Place, replace func(string) string) any {
	switch v := v.(type) {
	case *object:
		out := &object{members: make([]member, 0, len(v.members))}
		for _, m := range v.members {
			ref, isText := m.value.(string)
			if m.key == "$ref" && at == schema.InSchema && isText {
				out.members = append(out.members, member{m.key, replace(ref)})
				continue
			}
			out.members = append(out.members, member{m.key, rewriteReferences(m.value, at.Of(m.key), replace)})
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = rewriteReferences(item, at, replace)
		}
		return out
	}
	return v
}
