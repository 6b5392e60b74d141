package portal

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// fromSwagger writes the words of a document of OpenAPI 2.0 as version 3 has them: of
// operations, their parameters, bodies and answers, and of the schemas that these refer to.
// See https://spec.openapis.org/oas/v2.0.html and https://spec.openapis.org/oas/v3.0.3.html
func fromSwagger(document map[string]any) map[string]any {
	s := &swagger{document}
	out := map[string]any{}
	for _, key := range []string{"tags", "externalDocs"} {
		if v := document[key]; v != nil {
			out[key] = v
		}
	}
	if definitions, ok := document["definitions"].(map[string]any); ok {
		schemas := make(map[string]any, len(definitions))
		for name, schema := range definitions {
			schemas[name] = schemaOf(schema)
		}
		out["components"] = map[string]any{"schemas": schemas}
	}
	described, _ := document["paths"].(map[string]any)
	paths := make(map[string]any, len(described))
	for path, item := range described {
		item, _ := item.(map[string]any)
		written := map[string]any{}
		for _, method := range methods {
			if operation, ok := item[method].(map[string]any); ok {
				written[method] = s.operation(operation, item["parameters"])
			}
		}
		paths[path] = written
	}
	out["paths"] = paths
	return out
}

// swagger is a document of version 2.
type swagger struct{ document map[string]any }

// here gives what an object refers to, of those that the document has of a kind, or the
// object itself; nil for what is not here.
func (s *swagger) here(v any, kind string) map[string]any {
	object, _ := v.(map[string]any)
	ref, refers := object["$ref"].(string)
	if !refers {
		return object
	}
	name, ok := strings.CutPrefix(ref, "#/"+kind+"/")
	if !ok {
		return nil
	}
	all, _ := s.document[kind].(map[string]any)
	found, _ := all[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)].(map[string]any)
	if found["$ref"] != nil {
		return nil // nothing refers on
	}
	return found
}

// types are the media types that an operation takes or gives.
func (s *swagger) types(operation map[string]any, key string) (types []string) {
	list, ok := operation[key].([]any)
	if !ok {
		list, _ = s.document[key].([]any)
	}
	for _, t := range list {
		if name := text(t); name != "" && !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	if len(types) == 0 {
		types = []string{"application/json"}
	}
	return types
}

func (s *swagger) operation(operation map[string]any, shared any) map[string]any {
	out := map[string]any{}
	for _, key := range []string{"summary", "description", "tags", "externalDocs", "deprecated", "operationId"} {
		if v := operation[key]; v != nil {
			out[key] = v
		}
	}
	s.addParameters(out, operation, shared)
	if all, ok := operation["responses"].(map[string]any); ok {
		responses := map[string]any{}
		for status, answer := range all {
			if r := s.here(answer, "responses"); r != nil {
				responses[status] = s.response(operation, r)
			}
		}
		if len(responses) > 0 {
			out["responses"] = responses
		}
	}
	return out
}

func (s *swagger) response(operation, answer map[string]any) map[string]any {
	out := map[string]any{"description": text(answer["description"])}
	if all, ok := answer["headers"].(map[string]any); ok {
		headers := map[string]any{}
		for name, h := range all {
			if h, ok := h.(map[string]any); ok {
				headers[name] = described(h)
			}
		}
		out["headers"] = headers
	}
	examples, _ := answer["examples"].(map[string]any)
	content := map[string]any{}
	if answer["schema"] != nil {
		for _, t := range s.types(operation, "produces") {
			content[t] = map[string]any{"schema": schemaOf(answer["schema"])}
		}
	}
	for t, example := range examples {
		media, _ := content[t].(map[string]any)
		if media == nil {
			media = map[string]any{}
			content[t] = media
		}
		media["example"] = example
	}
	if len(content) > 0 {
		out["content"] = content
	}
	return out
}

// addParameters adds those of an operation, and of its path, which its own replace. What
// stands in a body is a body in version 3.
func (s *swagger) addParameters(out, operation map[string]any, shared any) {
	own, _ := operation["parameters"].([]any)
	common, _ := shared.([]any)
	var parameters []any
	var fields []map[string]any
	taken := map[[2]string]bool{}
	for _, p := range slices.Concat(own, common) {
		p := s.here(p, "parameters")
		id := [2]string{text(p["in"]), text(p["name"])}
		if p == nil || taken[id] {
			continue
		}
		taken[id] = true
		switch id[0] {
		case "body":
			content := map[string]any{}
			for _, t := range s.types(operation, "consumes") {
				content[t] = map[string]any{"schema": schemaOf(p["schema"])}
			}
			out["requestBody"] = bodyOf(content, p["description"], p["required"])
		case "formData":
			fields = append(fields, p)
		case "query", "path", "header":
			parameter := described(p)
			parameter["name"], parameter["in"] = id[1], id[0]
			parameters = append(parameters, parameter)
		}
	}
	if len(parameters) > 0 {
		out["parameters"] = parameters
	}
	if len(fields) > 0 && out["requestBody"] == nil {
		out["requestBody"] = formOf(fields)
	}
}

func bodyOf(content map[string]any, description, required any) map[string]any {
	body := map[string]any{"content": content}
	if description != nil {
		body["description"] = description
	}
	if required == true {
		body["required"] = true
	}
	return body
}

// formOf is the body of a form: with a file in it, one of parts.
func formOf(fields []map[string]any) map[string]any {
	properties, media := map[string]any{}, "application/x-www-form-urlencoded"
	var required []any
	for _, f := range fields {
		field := described(f)
		schema, _ := field["schema"].(map[string]any)
		if d := field["description"]; d != nil {
			schema["description"] = d
		}
		properties[text(f["name"])] = schema
		if f["required"] == true {
			required = append(required, f["name"])
		}
		if f["type"] == "file" {
			media = "multipart/form-data"
		}
	}
	schema := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return bodyOf(map[string]any{media: map[string]any{"schema": schema}}, nil, nil)
}

// described writes a parameter, or a header, whose schema stands below "schema" in version 3.
func described(p map[string]any) map[string]any {
	out, schema := map[string]any{}, map[string]any{}
	for key, v := range p {
		switch key {
		case "description", "required":
			out[key] = v
		case "in", "name", "collectionFormat", "allowEmptyValue":
		default:
			if !strings.HasPrefix(key, "x-") {
				schema[key] = v
			}
		}
	}
	out["schema"] = schemaOf(schema)
	if p["type"] == "array" {
		switch in, format := text(p["in"]), cmp.Or(text(p["collectionFormat"]), "csv"); {
		case in == "query" && format == "multi":
			out["style"], out["explode"] = "form", true
		case in == "query" && format == "ssv":
			out["style"], out["explode"] = "spaceDelimited", false
		case in == "query" && format == "pipes":
			out["style"], out["explode"] = "pipeDelimited", false
		case in == "query" && format == "csv":
			out["style"], out["explode"] = "form", false
		}
	}
	return out
}

// schemaOf writes a schema: what it refers to has moved, and two keys are others.
func schemaOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for key, child := range out {
			switch key {
			case "$ref":
				if ref, ok := child.(string); ok {
					out[key] = strings.Replace(ref, "#/definitions/", "#/components/schemas/", 1)
				}
			case "discriminator":
				if name, ok := child.(string); ok {
					out[key] = map[string]any{"propertyName": name}
				}
			case "example", "default", "enum":
			case "properties":
				// Any of these names may be that of a property.
				if all, ok := child.(map[string]any); ok {
					properties := make(map[string]any, len(all))
					for name, schema := range all {
						properties[name] = schemaOf(schema)
					}
					out[key] = properties
				}
			case "x-nullable":
				if child == true {
					out["nullable"] = true
				}
			default:
				out[key] = schemaOf(child)
			}
		}
		if out["type"] == "file" {
			out["type"], out["format"] = "string", "binary"
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = schemaOf(child)
		}
		return out
	}
	return v
}
