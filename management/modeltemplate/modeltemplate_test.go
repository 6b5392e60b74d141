package modeltemplate_test

import (
	"strings"
	"testing"

	"gatehouse/management/modeltemplate"
)

func TestOf(t *testing.T) {
	for _, test := range []struct{ name, schema, want string }{
		{"no schema", "", "#set($inputRoot = $input.path('$'))\n{\n}"},
		{"text and numbers", `{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}`,
			"#set($inputRoot = $input.path('$'))\n{\n  \"age\" : $inputRoot.age,\n  \"name\" : \"$util.escapeJavaScript($inputRoot.name)\"\n}"},
		{"lists", `{"type": "array", "items": {"properties": {"tags": {"type": "array", "items": {"type": "string"}}}}}`,
			"#set($inputRoot = $input.path('$'))\n[\n#foreach($elem in $inputRoot)\n  {\n    \"tags\" : [\n#foreach($elem2 in $elem.tags)\n      \"$util.escapeJavaScript($elem2)\"#if($foreach.hasNext),#end\n#end\n    ]\n  }#if($foreach.hasNext),#end\n#end\n]"},
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
