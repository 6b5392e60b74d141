package openapi

import (
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/source"
)

const (
	// maxNodesPerTool bounds a tool's schemas, and maxToolNodes those of all tools of a
	// document: references multiply what is written.
	maxNodesPerTool = 4_000
	maxToolNodes    = 1_000_000
	// maxToolDepth bounds how deep they nest.
	maxToolDepth = 24
)

// toolWriter writes schemas as those who read tools want them: plain JSON Schema, without
// references, and without what only OpenAPI has.
type toolWriter struct {
	p    *parser
	left int
	// cut: there was more than could be written.
	cut bool
	// within are the referred schemas that are being written. One that comes up again is
	// any value: it would have no end.
	within []*yaml.Node
}

// onlyOpenAPI are keywords that mean nothing to readers of JSON Schema, or that they must
// not follow.
var onlyOpenAPI = map[string]bool{
	"$schema": true, "$id": true, "id": true, "$anchor": true, "$defs": true, "definitions": true, "$dynamicRef": true, "$dynamicAnchor": true, "$recursiveRef": true,
	"discriminator": true, "xml": true, "externalDocs": true, "example": true, "examples": true, "nullable": true, "readOnly": true, "writeOnly": true, "$comment": true,
}

// take says whether another node may be written.
func (w *toolWriter) take(depth int) bool {
	if w.left--; w.left < 0 || depth > maxToolDepth {
		w.cut = true
		return false
	}
	if w.p.tools.nodes--; w.p.tools.nodes < 0 {
		w.cut = true
		return false
	}
	return true
}

// schema is what a schema becomes: an object, or a boolean.
func (w *toolWriter) schema(v source.Value, depth int) any {
	if !w.take(depth) {
		return map[string]any{}
	}
	switch {
	case isReference(v):
		return w.referred(v, depth)
	case v.IsScalar() && v.Node().ShortTag() == "!!bool":
		return v.Raw() == "true"
	case !v.IsObject():
		return map[string]any{}
	}
	out := map[string]any{}
	o := v.Object()
	var hidden []string
	for _, e := range o.Entries() {
		switch {
		case onlyOpenAPI[e.Key] || strings.HasPrefix(e.Key, "x-"):
		case e.Key == "properties" || e.Key == "patternProperties" || e.Key == "dependentSchemas":
			if e.IsObject() {
				out[e.Key], hidden = w.properties(e.Value, depth)
			}
		case slices.Contains([]string{"additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "additionalItems"}, e.Key), e.Key == "items" && !e.IsList():
			out[e.Key] = w.schema(e.Value, depth+1)
		case slices.Contains([]string{"items", "allOf", "anyOf", "oneOf", "prefixItems"}, e.Key):
			if e.IsList() {
				list := []any{}
				for _, item := range e.List() {
					list = append(list, w.schema(item, depth+1))
				}
				out[e.Key] = list
			}
		default:
			if value, ok := w.plain(e.Value); ok {
				out[e.Key] = value
			}
		}
	}
	modern(out, o)
	if required, ok := out["required"].([]any); ok && len(hidden) > 0 {
		required = slices.DeleteFunc(required, func(name any) bool { text, _ := name.(string); return slices.Contains(hidden, text) })
		if out["required"] = required; len(required) == 0 {
			delete(out, "required")
		}
	}
	return out
}

// properties are those that a request may have; the others, which only answers have, are
// hidden.
func (w *toolWriter) properties(v source.Value, depth int) (out map[string]any, hidden []string) {
	out = map[string]any{}
	for _, e := range v.Object().Entries() {
		target, ok := w.p.quietly(e.Value)
		if ok && target.IsObject() && target.Object().Get("readOnly").Raw() == "true" {
			hidden = append(hidden, e.Key)
			continue
		}
		out[e.Key] = w.schema(e.Value, depth+1)
	}
	return out, hidden
}

// referred writes what a reference leads to. What stands beside it counts, too.
func (w *toolWriter) referred(v source.Value, depth int) any {
	target, ok := w.p.quietly(v)
	if !ok || slices.Contains(w.within, target.Node()) {
		return map[string]any{}
	}
	w.within = append(w.within, target.Node())
	out := w.schema(target, depth+1)
	w.within = w.within[:len(w.within)-1]
	if schema, ok := out.(map[string]any); ok {
		for _, e := range v.Object().Entries() {
			if e.Key == "description" || e.Key == "title" || e.Key == "default" {
				if value, ok := w.plain(e.Value); ok {
					schema[e.Key] = value
				}
			}
		}
	}
	return out
}

// modern writes what OpenAPI 3.0 and older drafts say in another way as JSON Schema does.
func modern(out map[string]any, o *source.Object) {
	if o.Get("nullable").Raw() == "true" {
		if t, ok := out["type"].(string); ok {
			out["type"] = []any{t, "null"}
		}
		if values, ok := out["enum"].([]any); ok && !slices.Contains(values, nil) {
			out["enum"] = append(values, nil)
		}
	}
	for key, bound := range map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"} {
		if exclusive, ok := out[key].(bool); ok {
			delete(out, key)
			if value := out[bound]; exclusive && value != nil {
				out[key] = value
				delete(out, bound)
			}
		}
	}
	if out["type"] == "file" {
		out["type"] = "string"
	}
	// In older drafts of JSON Schema, and in OpenAPI 2.0 parameters, this is a boolean.
	if _, ok := out["required"].(bool); ok {
		delete(out, "required")
	}
}

// plain is a value that is no schema.
func (w *toolWriter) plain(v source.Value) (any, bool) {
	if w.left -= countNodes(v.Node()); w.left < 0 {
		w.cut = true
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(w.p.jsonText(v)))
	decoder.UseNumber()
	var out any
	err := decoder.Decode(&out)
	return out, err == nil && out != nil
}
