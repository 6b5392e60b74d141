package schema_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
)

var dialects = []string{
	"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#", "http://json-schema.org/draft-07/schema#",
	"https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema",
}

// random makes schemas and bodies out of few names and values, so that they meet.
type random struct {
	*rand.Rand
	dialect string
}

func (r random) pick(list ...string) string { return list[r.IntN(len(list))] }

var (
	names  = []string{"a", "b", "ab", "c/d", "~"}
	texts  = []string{`""`, `"a"`, `"ab"`, `"bb"`, `"äß€"`, `"2020-02-30T00:00:00Z"`, `"a@example.com"`, `"\ud83d\ude00"`}
	digits = []string{"0", "-0", "1", "2", "1.5", "-3", "1e2", "100", "1.0", "0.01", "9007199254740993", "9007199254740992", "1E-3"}
	// patterns are what the library's own engine understands in the same way.
	patterns = []string{"^a", "b$", "^[a-c]+$", "^.{2}$", "a|b", "\\d"}
)

func (r random) value(depth int) string {
	kind := r.IntN(7)
	if depth == 0 {
		kind = r.IntN(5)
	}
	switch kind {
	case 0:
		return "null"
	case 1:
		return r.pick("true", "false")
	case 2:
		return r.pick(digits...)
	case 3, 4:
		return r.pick(texts...)
	case 5:
		var items []string
		for range r.IntN(5) {
			items = append(items, r.value(depth-1))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	var members []string
	used := map[string]bool{}
	for range r.IntN(5) {
		if name := r.pick(names...); !used[name] {
			used[name] = true
			members = append(members, string(must(json.Marshal(name)))+":"+r.value(depth-1))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// version is 4, 6, 7, 2019 or 2020.
func version(dialect string) int {
	for i, v := range []int{4, 6, 7, 2019, 2020} {
		if dialects[i] == dialect {
			return v
		}
	}
	panic(dialect)
}

func (r random) schema(depth int) string {
	v := version(r.dialect)
	if depth == 0 && v >= 6 && r.IntN(4) == 0 {
		return r.pick("true", "false", "{}")
	}
	sub := func() string { return r.schema(depth - 1) }
	object := func(value func() string) string {
		var members []string
		used := map[string]bool{}
		for range 1 + r.IntN(3) {
			if name := r.pick(names...); !used[name] {
				used[name] = true
				members = append(members, string(must(json.Marshal(name)))+":"+value())
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	required := func() string { return r.pick(`["a"]`, `["b","a"]`, `["c/d"]`) }
	small := func() string { return fmt.Sprint(r.IntN(4)) }
	list := func() string {
		items := []string{sub()}
		for range r.IntN(2) {
			items = append(items, sub())
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	keywords := map[string]func() string{
		"type": func() string {
			return r.pick(`"object"`, `"array"`, `"integer"`, `["string","null"]`, `["number","object","array"]`)
		},
		"enum":          func() string { return "[" + r.value(1) + ",\"a\"]" },
		"minimum":       func() string { return r.pick("0", "1.5", "9007199254740992.5") },
		"maximum":       func() string { return r.pick("2", "100", "-1") },
		"multipleOf":    func() string { return r.pick("2", "0.01", "0.5") },
		"minLength":     small,
		"maxLength":     small,
		"pattern":       func() string { return string(must(json.Marshal(r.pick(patterns...)))) },
		"format":        func() string { return r.pick(`"date-time"`, `"email"`, `"ipv4"`, `"int32"`) },
		"minItems":      small,
		"maxItems":      small,
		"uniqueItems":   func() string { return "true" },
		"minProperties": small,
		"maxProperties": small,
		"required":      required,
	}
	if depth > 0 {
		for name, make := range map[string]func() string{
			"properties": func() string { return object(sub) },
			"patternProperties": func() string {
				return "{" + string(must(json.Marshal(r.pick(patterns...)))) + ":" + sub() + "}"
			},
			"additionalProperties": func() string {
				if r.IntN(2) == 0 {
					return r.pick("true", "false")
				}
				return sub()
			},
			"items": func() string {
				if v < 2020 && r.IntN(2) == 0 {
					return list()
				}
				return sub()
			},
			"dependencies": func() string {
				if v >= 2019 {
					return "{}"
				}
				return object(func() string {
					if r.IntN(2) == 0 {
						return required()
					}
					return sub()
				})
			},
			"allOf": list, "anyOf": list, "oneOf": list, "not": sub,
			"definitions": func() string { return `{"d":` + sub() + "}" },
		} {
			keywords[name] = make
		}
		if v < 2020 {
			keywords["additionalItems"] = keywords["additionalProperties"]
		} else {
			keywords["prefixItems"] = list
		}
		if v >= 6 {
			keywords["contains"], keywords["propertyNames"] = sub, sub
			keywords["const"] = func() string { return r.value(1) }
			keywords["exclusiveMinimum"] = keywords["minimum"]
		}
		if v >= 7 {
			keywords["if"], keywords["then"], keywords["else"] = sub, sub, sub
		}
		if v >= 2019 {
			keywords["unevaluatedProperties"], keywords["unevaluatedItems"] = sub, sub
			keywords["minContains"], keywords["maxContains"] = small, small
			keywords["dependentSchemas"] = func() string { return object(sub) }
			keywords["dependentRequired"] = func() string { return object(required) }
		}
	}
	all := make([]string, 0, len(keywords))
	for name := range keywords {
		all = append(all, name)
	}
	// The order of a map is no source of chance that can be repeated.
	slices.Sort(all)
	var members []string
	used := map[string]bool{}
	for range 1 + r.IntN(4) {
		if name := r.pick(all...); !used[name] {
			used[name] = true
			members = append(members, `"`+name+`":`+keywords[name]())
			if (name == "minimum" || name == "maximum") && v == 4 && r.IntN(3) == 0 {
				members = append(members, `"exclusiveM`+name[1:]+`":true`)
			}
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// library holds a body to a schema as the library does.
func library(text, dialect string) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	if object, ok := doc.(map[string]any); ok && object["$schema"] == nil {
		object["$schema"] = dialect
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("https://library.invalid/", doc); err != nil {
		return nil, err
	}
	return c.Compile("https://library.invalid/")
}

// TestSameAsLibrary holds many bodies to many schemas of every draft, and compares what
// comes of it with what the library says.
func TestSameAsLibrary(t *testing.T) {
	schemas := 250
	if testing.Short() {
		schemas = 200
	}
	good, all := 0, 0
	for _, dialect := range dialects {
		r := random{rand.New(rand.NewPCG(1, 2)), dialect}
		for range schemas {
			text := r.schema(3)
			theirs, err := library(text, dialect)
			if err != nil {
				continue
			}
			ours, problems := schema.NewSet([]gateway.Model{{Name: "M", Schema: text, Dialect: dialect}}).Compile("M")
			if ours == nil {
				t.Fatalf("%s: %v", text, problems)
			}
			for range 10 {
				body := r.value(3)
				if version(dialect) == 4 && strings.Contains(text, "integer") && strings.ContainsAny(body, ".eE") {
					continue // draft 4 goes by how a number is written; the library does not
				}
				doc := must(jsonschema.UnmarshalJSON(strings.NewReader(body)))
				wrong := theirs.Validate(doc)
				failure := ours.Check([]byte(body))
				if (wrong == nil) != (failure == nil) {
					t.Fatalf("%s\n%s\nschema %s\nbody %s\nours %+v", dialect, wrong, text, body, failure)
				}
				if failure != nil && (failure.Reason != schema.NotAllowed || len(failure.Detail) < 4) {
					t.Fatalf("schema %s\nbody %s\nunexplained: %+v", text, body, failure)
				}
				all++
				if failure == nil {
					good++
				}
			}
		}
	}
	if good < all/10 || good > all*9/10 {
		t.Errorf("%d of %d bodies are good: the test sees one side only", good, all)
	}
	t.Logf("%d of %d bodies are good", good, all)
}
