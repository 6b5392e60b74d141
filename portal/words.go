package portal

import (
	"encoding/json"
	"maps"
	"strings"
)

// addWords adds what the author of a document says for people to an exported one, which has
// what the gateway does and few words: summaries, descriptions, examples, schemas of answers.
// Who may call stays as it was exported.
func addWords(exported map[string]any, written string) {
	var author map[string]any
	decoder := json.NewDecoder(strings.NewReader(written))
	decoder.UseNumber()
	if written == "" || decoder.Decode(&author) != nil {
		return
	}
	if author["swagger"] != nil {
		author = fromSwagger(author)
		withoutModels(exported, author)
	}
	for _, key := range []string{"tags", "externalDocs"} {
		if v := author[key]; v != nil && exported[key] == nil && !refersElsewhere(v) {
			exported[key] = v
		}
	}
	paths, _ := exported["paths"].(map[string]any)
	described, _ := author["paths"].(map[string]any)
	for path, item := range paths {
		item, _ := item.(map[string]any)
		words, _ := described[path].(map[string]any)
		for _, method := range methods {
			operation, _ := item[method].(map[string]any)
			said, _ := words[method].(map[string]any)
			if operation != nil && said != nil {
				addOperationWords(operation, said, words["parameters"])
			}
		}
	}
	addComponents(exported, author)
}

// withoutModels takes out of an exported document the models that a document of version 2
// has: they are exported as they were written, and the words have them as version 3 does.
func withoutModels(exported, author map[string]any) {
	schemas := func(document map[string]any) map[string]any {
		components, _ := document["components"].(map[string]any)
		all, _ := components["schemas"].(map[string]any)
		return all
	}
	models := schemas(exported)
	for name, schema := range schemas(author) {
		if !refersElsewhere(schema) {
			delete(models, name)
		}
	}
}

func addOperationWords(operation, said map[string]any, shared any) {
	for key, v := range said {
		switch key {
		case "security", "servers", "operationId", "parameters":
			continue
		}
		if !refersElsewhere(v) {
			operation[key] = v
		}
	}
	own, _ := said["parameters"].([]any)
	common, _ := shared.([]any)
	if len(own)+len(common) == 0 || refersElsewhere(own) || refersElsewhere(common) {
		return
	}
	taken := map[[2]any]bool{}
	all := make([]any, 0, len(own)+len(common))
	for _, p := range append(append([]any{}, own...), common...) {
		if object, ok := p.(map[string]any); ok && object["$ref"] == nil {
			id := [2]any{text(object["in"]), text(object["name"])}
			if taken[id] {
				continue
			}
			taken[id] = true
		}
		all = append(all, p)
	}
	operation["parameters"] = all
}

func text(v any) string { s, _ := v.(string); return s }

// addComponents adds those that words refer to. What nothing refers to goes again.
func addComponents(exported, author map[string]any) {
	components, _ := exported["components"].(map[string]any)
	if components == nil {
		components = map[string]any{}
		exported["components"] = components
	}
	written, _ := author["components"].(map[string]any)
	for kind, all := range written {
		all, _ := all.(map[string]any)
		if kind == "securitySchemes" || all == nil {
			continue
		}
		has, _ := components[kind].(map[string]any)
		merged := maps.Clone(all)
		maps.DeleteFunc(merged, func(_ string, v any) bool { return refersElsewhere(v) })
		maps.Copy(merged, has)
		components[kind] = merged
	}
}

// refersElsewhere reports whether something refers to other files, which consumers cannot
// read, or whose content is not theirs to see.
func refersElsewhere(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && !strings.HasPrefix(ref, "#/components/") {
			return true
		}
		for _, child := range v {
			if refersElsewhere(child) {
				return true
			}
		}
	case []any:
		for _, child := range v {
			if refersElsewhere(child) {
				return true
			}
		}
	}
	return false
}
