package schema

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// modelReference is how Amazon's gateway writes references between models.
var modelReference = regexp.MustCompile(`^https://apigateway\.amazonaws\.com/restapis/[^/]*/models/([^/#]+)(#.*)?$`)

// sharedPrefixes are where OpenAPI documents have the schemas that become models.
var sharedPrefixes = []string{"/definitions/", "/components/schemas/"}

// preparation goes through a schema before the library reads it: it makes references
// to other models absolute, and reports what the library would pass over.
type preparation struct {
	set    *Set
	model  *model
	root   any
	draft4 bool
}

func (p *preparation) report(pointer, message, hint string) {
	p.model.problems = append(p.model.problems, Problem{Model: p.model.Name, Pointer: pointer, Message: message, Hint: hint})
}

func (p *preparation) value(v any, at Place, pointer string) {
	switch v := v.(type) {
	case map[string]any:
		p.object(v, at, pointer)
	case []any:
		for i, item := range v {
			p.value(item, at, pointer+"/"+strconv.Itoa(i))
		}
	case json.Number:
		if !modest(string(v)) {
			p.report(pointer, "the number is too long, or its exponent too large", "")
		}
	}
}

func (p *preparation) object(v map[string]any, at Place, pointer string) {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		member := below(pointer, name)
		if at == InSchema {
			p.keyword(v, name, member)
		}
		p.value(v[name], at.Of(name), member)
	}
	if text, ok := v["$ref"].(string); ok && at == InSchema {
		if v["$ref"] = p.reference(text, below(pointer, "$ref")); v["$ref"] == "" {
			delete(v, "$ref")
		}
	}
	if _, text := v["id"].(string); text && at == InSchema && p.draft4 {
		// Amazon's gateway resolves references by where things are, not by their ids.
		delete(v, "id")
	}
}

// counts are the keywords that say how many there may be of something.
var counts = []string{
	"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains",
}

func (p *preparation) keyword(v map[string]any, name, pointer string) {
	switch value := v[name].(type) {
	case json.Number:
		if slices.Contains(counts, name) {
			if n := rationalOrNil(string(value)); n == nil || !n.IsInt() || n.Sign() < 0 || !n.Num().IsInt64() || n.Num().Int64() > 1<<31-1 {
				p.report(pointer, name+" has to be a whole number between 0 and 2147483647", "")
			}
		}
	case bool:
		if name == "nullable" && value {
			p.model.problems = append(p.model.problems, Problem{
				Model: p.model.Name, Pointer: pointer, Warning: true,
				Message: "nullable has no effect in a model, as on Amazon's gateway: null is refused here",
				Hint:    "write anyOf: [{…}, {type: \"null\"}]",
			})
		}
	}
	if dialect, ok := v[name].(string); ok && name == "$schema" && !knownDialect(dialect) {
		p.report(pointer, "the draft "+dialect+" is not supported", "draft 4, 6, 7, 2019-09 and 2020-12 are")
		delete(v, name)
	}
	if (name == "$recursiveRef" || name == "$dynamicRef") && !p.draft4 {
		p.report(pointer, name+" is not supported", "refer to the schema by $ref")
	}
}

var dialects = []string{
	"json-schema.org/draft-04/schema", "json-schema.org/draft-06/schema", "json-schema.org/draft-07/schema",
	"json-schema.org/draft/2019-09/schema", "json-schema.org/draft/2020-12/schema",
}

func knownDialect(text string) bool {
	_, name, _ := strings.Cut(strings.TrimSuffix(text, "#"), "://")
	return slices.Contains(dialects, name)
}

// reference gives a $ref as the library has to see it, "" for one that was reported.
func (p *preparation) reference(text, pointer string) string {
	name, rest := "", ""
	if m := modelReference.FindStringSubmatch(text); m != nil {
		name, rest = unescaped(m[1]), strings.TrimPrefix(m[2], "#")
	} else {
		path, local := strings.CutPrefix(text, "#")
		if !local || path == "" || p.inside(path) {
			return text
		}
		for _, prefix := range sharedPrefixes {
			if shared, ok := strings.CutPrefix(path, prefix); ok {
				name, rest, _ = strings.Cut(shared, "/")
				name = token(name)
				if rest != "" {
					rest = "/" + rest
				}
			}
		}
		if name == "" {
			return text // an anchor, or the library says that nothing is there.
		}
	}
	other := p.set.byName[name]
	if other == nil {
		p.model.problems = append(p.model.problems, Problem{
			Model: p.model.Name, Pointer: pointer, Message: "the reference " + text + " leads to no model", Dangling: true,
		})
		return ""
	}
	if !slices.Contains(p.model.refers, other) {
		p.model.refers = append(p.model.refers, other)
	}
	return other.url + "#" + rest
}

// inside reports whether a pointer leads to something in the model itself.
func (p *preparation) inside(pointer string) bool {
	v := p.root
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		switch at := v.(type) {
		case map[string]any:
			if v, ok = at[token(part)]; !ok {
				return false
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(at) {
				return false
			}
			v = at[i]
		default:
			return false
		}
	}
	return true
}

// token reads a part of a JSON pointer in a URI fragment.
func token(part string) string {
	return strings.ReplaceAll(strings.ReplaceAll(unescaped(part), "~1", "/"), "~0", "~")
}

func unescaped(text string) string {
	if out, err := url.PathUnescape(text); err == nil {
		return out
	}
	return text
}
