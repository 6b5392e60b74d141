package definition_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"gatehouse/definition/source"
)

// TestHostileFiles holds that one file, as a definition, as an OpenAPI document, or
// as what one refers to, cannot cost more than its bounds allow, and is told.
func TestHostileFiles(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
	tests := map[string]struct{ text, code string }{
		"50 MB":                 {strings.Repeat("# a comment\n", 50<<20/12), "file-too-large"},
		"deep YAML":             {"apis: " + deep, "too-deep"},
		"deep JSON":             {deep, "too-deep"},
		"aliases that multiply": {bomb, "alias-bomb"},
		"invalid UTF-8":         {"apis: []\n# \xff\n", "invalid-utf8"},
		"very many APIs":        {"apis: [" + strings.Repeat("{},", 200_000) + "]", "too-many-problems"},
		"very many listeners":   {"gateways: [{name: edge, listeners: [" + strings.Repeat("{port: 1},", 100_000) + "]}]", "duplicate-listener"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder(t, map[string]string{
				"hostile.yaml":  test.text,
				"names.yaml":    "apis: [{name: a, definition: hostile.yaml, stages: [{name: v1}]}]\n",
				"refers.yaml":   "apis: [{name: a, definition: document.yaml, stages: [{name: v1}]}]\n",
				"document.yaml": "openapi: 3.0.3\npaths: {/a: {$ref: 'hostile.yaml#/a'}}\n",
			})
			for _, file := range []string{"hostile.yaml", "names.yaml", "refers.yaml"} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				result := load(t, file)
				runtime.ReadMemStats(&after)
				if spent := after.TotalAlloc - before.TotalAlloc; spent > 2<<30 {
					t.Errorf("%s: %d MB were allocated", file, spent>>20)
				}
				if result.Snapshot != nil {
					t.Errorf("%s was taken", file)
				}
				found := false
				for _, d := range result.Diagnostics {
					found = found || d.Code == test.code
					if d.Pos.Line == 0 {
						t.Fatalf("%s: no position: %v", file, d)
					}
				}
				// As an OpenAPI document, most of it is another mistake.
				if file == "hostile.yaml" && !found || len(result.Diagnostics) == 0 || len(result.Diagnostics) > 2100 {
					t.Errorf("%s: no %s among %d diagnostics: %.300s", file, test.code, len(result.Diagnostics), lines(result.Diagnostics))
				}
			}
		})
	}
}

// TestLargeFiles holds that the limit is one of definitions, not of what they name.
func TestLargeFiles(t *testing.T) {
	folder(t, map[string]string{"gatehouse.yaml": "apiKeys: [{name: k, value: {file: large.txt}}]\n"})
	if err := os.WriteFile("large.txt", make([]byte, source.MaxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "gatehouse.yaml:1:35: error unreadable-file: cannot read large.txt: large.txt is larger than 33554432 bytes\n"
	if got := lines(load(t, "gatehouse.yaml").Diagnostics); got != want {
		t.Errorf("got %s", got)
	}
}
