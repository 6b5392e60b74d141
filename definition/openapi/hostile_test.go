package openapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// TestHostile holds that small documents cannot cost much: each case would take
// minutes, gigabytes or the stack without its bound.
func TestHostile(t *testing.T) {
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, strings.ReplaceAll(format, "NEXT", fmt.Sprint(i+1)), i)
		}
		return b.String()
	}
	cases := []struct {
		name, document, code string
	}{
		{
			"references multiply",
			"openapi: 3.0.1\nx-many:\n  get:\n    parameters:\n" + repeat(5000, "    - {name: p%d, in: query}\n") +
				"paths:\n" + repeat(5000, "  /p%d: {$ref: '#/x-many'}\n"),
			"ref-expansion",
		},
		{
			"a long chain of references",
			"openapi: 3.0.1\ncomponents: {parameters: {\n" + repeat(200, "  p%d: {$ref: '#/components/parameters/pNEXT'},\n") +
				"  p200: {name: a, in: query}}}\npaths: {/a: {parameters: [{$ref: '#/components/parameters/p0'}]}}\n",
			"cyclic-ref",
		},
		{
			"a chain of schemas outside of components",
			"openapi: 3.0.1\nx-schemas:\n" + repeat(10_000, "  s%d: {properties: {next: {$ref: '#/x-schemas/sNEXT'}}}\n") +
				"paths: {/a: {get: {requestBody: {content: {application/json: {schema: {$ref: '#/x-schemas/s0'}}}}}}}\n",
			"dangling-ref",
		},
		{
			"typos without end",
			"openapi: 3.0.1\ncomponents: {parameters: {\n" + repeat(5000, "  parameter%d: {name: a, in: query},\n") + "}}\npaths: {/a: {parameters: [\n" +
				repeat(5000, "  {$ref: '#/components/parameters/paramter%d'},\n") + "]}}\n",
			"dangling-ref",
		},
		{
			"files without end",
			"openapi: 3.0.1\npaths: {/a: {get: {requestBody: {content: {application/json: {schema: {$ref: 'd/f#/x-schema'}}}}}}}\n" +
				"x-schema: {items: {$ref: 'd/f#/x-schema'}}\n",
			"ref-expansion",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, diags := fuzzOnce([]byte(c.document), gateway.REST)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
			if !slices.ContainsFunc(diags, func(d gateway.Diagnostic) bool { return d.Code == c.code }) {
				t.Errorf("no %s among %d diagnostics, the first of which are:\n%s", c.code, len(diags), lines(diags[:min(5, len(diags))]))
			}
		})
	}
}

// TestOpenIsOptional holds that without Open no reference leaves the document.
func TestOpenIsOptional(t *testing.T) {
	var diags gateway.Diagnostics
	doc, _ := source.Parse("a.yaml", []byte("openapi: 3.0.1\npaths: {/a: {$ref: 'b.yaml'}}\n"), source.Environment{}, &diags)
	openapi.Parse(doc, openapi.Options{Protocol: gateway.REST})
	if want := "a.yaml:2:20: error external-ref: the reference b.yaml leads to another file, which is not allowed here\n"; lines(diags) != want {
		t.Errorf("got %swant %s", lines(diags), want)
	}
}

// TestTemplatesAreNotInterpolated holds that ${name} stays: it is VTL's, not the
// environment's, also where the reader has an environment.
func TestTemplatesAreNotInterpolated(t *testing.T) {
	var diags gateway.Diagnostics
	env := source.Environment{Variable: func(string) (string, bool) { return "wrong", true }}
	doc, _ := source.Parse("a.yaml", []byte(`
openapi: 3.0.1
paths: {/a: {get: {x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: "${id} $$ ${AWS::Region}"}}}}}
`), env, &diags)
	d := openapi.Parse(doc, openapi.Options{Protocol: gateway.REST})
	if got := d.Routes[0].Integration.RequestTemplates["application/json"]; got != "${id} $$ us-east-1" || len(diags) > 0 {
		t.Errorf("got %q, %v", got, diags)
	}
}
