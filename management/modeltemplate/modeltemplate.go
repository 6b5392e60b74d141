// Package modeltemplate writes a mapping template that gives the JSON which a model
// describes: something to begin with for who writes one by hand.
package modeltemplate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDepth bounds schemas within schemas, maxLength what is written of schemas that
// refer to themselves in several places: that would double with each level.
const (
	maxDepth  = 32
	maxLength = 64 << 10
)

// Of gives the template for a model's schema, which may refer to its own definitions. One
// that is no JSON object gives the template of an empty object.
func Of(schema string) string {
	var root map[string]any
	// What cannot be read has no properties.
	_ = json.Unmarshal([]byte(schema), &root)
	w := &writer{}
	w.definitions, _ = root["definitions"].(map[string]any)
	w.line("#set($inputRoot = $input.path('$'))")
	w.value(root, "$inputRoot", 0)
	return strings.TrimSuffix(w.String(), "\n")
}

type writer struct {
	strings.Builder
	loops int
	// definitions are schemas that others refer to.
	definitions map[string]any
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// value writes what a schema describes, which the variable has.
func (w *writer) value(schema map[string]any, variable string, depth int) {
	for range maxDepth {
		ref, refers := schema["$ref"].(string)
		name, own := strings.CutPrefix(ref, "#/definitions/")
		if !refers || !own {
			break
		}
		schema, _ = w.definitions[name].(map[string]any)
	}
	properties, _ := schema["properties"].(map[string]any)
	items, isArray := schema["items"].(map[string]any)
	switch kind, _ := schema["type"].(string); {
	case depth >= maxDepth || w.Len() > maxLength:
		w.WriteString("{}")
	case kind == "array" || isArray && kind == "":
		w.array(items, variable, depth)
	case kind == "" || kind == "object":
		w.object(properties, variable, depth)
	case kind == "string":
		fmt.Fprintf(w, `"$util.escapeJavaScript(%s)"`, variable)
	default:
		w.WriteString(variable)
	}
}

func (w *writer) object(properties map[string]any, variable string, depth int) {
	names := slices.Sorted(maps.Keys(properties))
	w.line("{")
	for i, name := range names {
		schema, _ := properties[name].(map[string]any)
		key, err := json.Marshal(name)
		if err != nil {
			continue // Text from JSON can be written as JSON.
		}
		fmt.Fprintf(w, "%s%s : ", strings.Repeat("  ", depth+1), key)
		w.value(schema, variable+reference(name), depth+1)
		if i < len(names)-1 {
			w.WriteString(",")
		}
		w.line("")
	}
	w.WriteString(strings.Repeat("  ", depth) + "}")
}

func (w *writer) array(items map[string]any, variable string, depth int) {
	element := "$elem"
	if w.loops++; w.loops > 1 {
		element += fmt.Sprint(w.loops)
	}
	w.line("[")
	w.line("#foreach(%s in %s)", element, variable)
	w.WriteString(strings.Repeat("  ", depth+1))
	w.value(items, element, depth+1)
	w.line("#if($foreach.hasNext),#end")
	w.line("#end")
	w.WriteString(strings.Repeat("  ", depth) + "]")
}

// reference refers to a property: by its name where that can stand in a template, else
// by a call.
func reference(name string) string {
	plain := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_')
	}) && (name[0] < '0' || name[0] > '9')
	if plain {
		return "." + name
	}
	return ".get('" + strings.ReplaceAll(name, "'", "''") + "')"
}
