package modeltemplate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/integration/vtl"
	"gatehouse/management/modeltemplate"
)

func TestOf(t *testing.T) {
	for _, test := range []struct{ name, schema, want string }{
		{"no schema", "", "#set($inputRoot = $input.path('$'))\n{\n}"},
		{"text and numbers", `{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}`,
			"#set($inputRoot = $input.path('$'))\n{\n  \"age\" : $inputRoot.age,\n  \"name\" : \"$util.escapeJavaScript($inputRoot.name)\"\n}"},
		{"lists", `{"type": "array", "items": {"properties": {"tags": {"type": "array", "items": {"type": "string"}}}}}`,
			"#set($inputRoot = $input.path('$'))\n[\n#foreach($elem in $inputRoot)\n  {\n    \"tags\" : [\n#foreach($elem2 in $elem.tags)\n      \"$util.escapeJavaScript($elem2)\"#if($foreach.hasNext),#end\n#end\n    ]\n  }#if($foreach.hasNext),#end\n#end\n]"},
		{"definitions", `{"properties": {"owner": {"$ref": "#/definitions/Owner"}, "none": {"$ref": "#/definitions/None"}}, "definitions": {"Owner": {"properties": {"age": {"type": "number"}}}}}`,
			"#set($inputRoot = $input.path('$'))\n{\n  \"none\" : {\n  },\n  \"owner\" : {\n    \"age\" : $inputRoot.owner.age\n  }\n}"},
		{"names that are no identifiers", `{"properties": {"it's": {"type": "number"}}}`,
			"#set($inputRoot = $input.path('$'))\n{\n  \"it's\" : $inputRoot.get('it''s')\n}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := modeltemplate.Of(test.schema); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestDeepSchemas(t *testing.T) {
	schema := strings.Repeat(`{"properties":{"a":`, 1000) + `{}` + strings.Repeat(`}}`, 1000)
	if got := modeltemplate.Of(schema); strings.Count(got, `"a"`) != 32 {
		t.Errorf("%d levels", strings.Count(got, `"a"`))
	}
}

func TestRecursiveSchemas(t *testing.T) {
	schema := `{"properties": {"next": {"$ref": "#/definitions/Node"}}, "definitions": {"Node": {"properties": {"next": {"$ref": "#/definitions/Node"}}}}}`
	if got := modeltemplate.Of(schema); strings.Count(got, `"next"`) != 32 {
		t.Errorf("%d levels", strings.Count(got, `"next"`))
	}
}

// TestSchemasThatReferToThemselves: what would double with each level has an end.
func TestSchemasThatReferToThemselves(t *testing.T) {
	got := modeltemplate.Of(`{"$ref":"#/definitions/T","definitions":{"T":{"properties":{"left":{"$ref":"#/definitions/T"},"right":{"$ref":"#/definitions/T"}}}}}`)
	if len(got) > 1<<20 {
		t.Errorf("%d bytes", len(got))
	}
	if _, problems := vtl.Parse(got); len(problems) > 0 {
		t.Error(problems)
	}
}

// TestTemplatesWork renders what Of gives: it has to give back the document.
func TestTemplatesWork(t *testing.T) {
	const schema = `{"properties": {"name": {"type": "string"}, "it's": {"type": "number"}, "tags": {"type": "array", "items": {"type": "string"}},
		"owners": {"type": "array", "items": {"properties": {"age": {"type": "integer"}}}}}}`
	const body = `{"name": "Rex \"the dog\"", "it's": 1, "tags": ["a", "b"], "owners": [{"age": 1}, {"age": 2}]}`
	template, problems := vtl.Parse(modeltemplate.Of(schema))
	if template == nil {
		t.Fatal(problems)
	}
	out, err := template.Render(t.Context(), vtl.Input{Body: body}, vtl.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal([]byte(out.Text), &got); err != nil {
		t.Fatalf("%v in\n%s", err, out.Text)
	}
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
