package vtl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProblems: what is wrong with a template is told when it is loaded, all at once
// and with its place.
func TestProblems(t *testing.T) {
	for _, c := range []struct {
		template string
		want     []string
	}{
		{"#set($x = 1)\n  #if($x == 1 yes#end\n$x.foo()\n#set($y = )\n#foreach($i on)x#end", []string{
			`2:15: error template-syntax: expected ) at the end of #if, found "yes" (text needs quotes, a variable its $)`,
			`3:4: warning template-unknown-method: no value has a method foo, so nothing is printed in its place`,
			`4:11: error template-syntax: expected a value, found ")"`,
			`5:15: error template-syntax: expected a value, found ")"`,
		}},
		{"#if(true)", []string{`1:1: error template-syntax: #if has no #end`}},
		{"#foreach($i in [1])", []string{`1:1: error template-syntax: #foreach has no #end`}},
		{"é#end", []string{`1:2: error template-syntax: #end has no #if or #foreach before it`}},
		{"#if(true)a#{else}b#{else}c#end", []string{`1:19: error template-syntax: #else comes after #else`}},
		{"#foreach($i in [1])#else#end", []string{`1:20: error template-syntax: #else has no #if before it`}},
		{"#if true #end", []string{`1:5: error template-syntax: #if needs its condition or arguments in parentheses, found "true"`}},
		{"#set($a=3)#set($x = $a -1)", []string{`1:24: error template-syntax: expected ) at the end of #set, found "-" (write a space after the minus)`}},
		{"#set($a='b')$a.substring(0, $a.length() - 1)", []string{`1:41: error template-syntax: expected a comma or ) in the arguments of substring, found "-" (API Gateway cannot compute in the arguments of a method: #set a variable first)`}},
		{"#set($a=1)${a|'x'}", []string{`1:14: error template-syntax: expected } at the end of ${a, found "|" (API Gateway has no alternate values; use #if)`}},
		{"#set($a = b)", []string{`1:11: error template-syntax: expected a value, found "b" (text needs quotes, a variable its $)`}},
		{"#set(a = 1)", []string{`1:6: error template-syntax: #set needs a variable to set, found "a" (write #set($name = value))`}},
		{"#set($a == 1)", []string{`1:9: error template-syntax: #set needs = after the variable, found "=" (write #set($name = value))`}},
		{"#set($a=1)#set($a.size() = 1)", []string{`1:16: error template-syntax: #set cannot set the result of a method (set a variable, a property or an index)`}},
		{"#set($a = \"b)", []string{`1:11: error template-syntax: a text is not closed with "`}},
		{"#set($a = {'b' 1})", []string{`1:16: error template-syntax: expected a colon in a map, found "1"`}},
		{"#set($a = [1 2])", []string{`1:14: error template-syntax: expected a comma or ] in a list, found "2"`}},
		{"#set($a = ['x'..2])", []string{`1:17: error template-syntax: a range goes from one whole number to another`}},
		{"#set($a = \"x\n #if(true)y\")", []string{`2:2: error template-syntax: #if has no #end`}},
		{"#set($a = \"#if(true)#stop#end\")", []string{`1:21: error template-unsupported: #stop inside a text is not supported`}},
		{"cost $", []string{`1:6: error template-syntax: a template cannot end with $: API Gateway fails with it (add a space or line end after it)`}},
		{"a\n#", []string{`2:1: error template-syntax: a template cannot end with #: API Gateway fails with it (add a space or line end after it)`}},
		{"#* a", []string{`1:1: error template-syntax: the comment that begins with #* does not end with *#`}},
		{"#[[ a", []string{`1:1: error template-syntax: the literal text that begins with #[[ does not end with ]]#`}},
		{"#parse('x.vm')#include(\"y\")", []string{
			`1:1: error template-unsupported: #parse has no files to read from in API Gateway (put the other template in its place)`,
			`1:15: error template-unsupported: #include has no files to read from in API Gateway (put the other template in its place)`,
		}},
		{"#macro(m $a)$a.what()#end#m(1)", []string{
			`1:1: warning template-ignored: API Gateway has no macros: it drops #macro, and prints what calls it (use #define, or write it out where it is used)`,
			`1:26: warning template-ignored: API Gateway has no directive #m, and prints it as it stands`,
		}},
		{"#@m(1)x#end", []string{
			`1:1: error template-unsupported: API Gateway has no macros with a body, such as #@m (write it out)`,
			`1:8: error template-syntax: #end has no #if or #foreach before it`,
		}},
		{"#set($m={})$m.x## no comment", []string{`1:16: warning template-ignored: ## right after a property begins no comment: API Gateway prints it (put a space before it)`}},
		{"$util.toJson($input.body)$util.escapeJavascript('x')$util.qr(1)", []string{
			`1:7: warning template-unknown-function: $util has no function toJson, so nothing is printed in its place (API Gateway has escapeJavaScript, parseJson, urlEncode, urlDecode, base64Encode, base64Decode; others are AppSync's)`,
			`1:32: warning template-unknown-function: $util has no function escapeJavascript, so nothing is printed in its place (did you mean escapeJavaScript?)`,
			`1:59: warning template-unknown-function: $util has no function qr, so nothing is printed in its place (API Gateway has escapeJavaScript, parseJson, urlEncode, urlDecode, base64Encode, base64Decode; others are AppSync's)`,
		}},
		{"$input.path() $input.jason('$') $input.params.x $input.foo", []string{
			`1:8: warning template-unknown-function: $input.path takes one argument, not 0, so nothing is printed in its place`,
			`1:22: warning template-unknown-function: $input has no function jason, so nothing is printed in its place (did you mean json?)`,
			`1:40: warning template-unknown-function: $input has no params, so nothing is printed in its place (write $input.params(…))`,
			`1:56: warning template-unknown-function: $input has no foo, so nothing is printed in its place`,
		}},
		{"{\"$schema\": 1, \"a\": \"$inputs.body\"}", []string{
			`1:3: warning template-unset-variable: nothing sets $schema, so nothing is printed in its place (set it with #set, or take the $ away)`,
			`1:22: warning template-unset-variable: nothing sets $inputs, so nothing is printed in its place (did you mean $input?)`,
		}},
		{"$input.json('$.a[')$input.path(\"$.b[?(@.x ~ 1)]\")", []string{
			`1:8: error template-invalid-jsonpath: the JSONPath cannot be used: [] is no index at character 5`,
			`1:27: error template-invalid-jsonpath: the JSONPath cannot be used: a filter is not closed at character 11`,
		}},
		{"#set($s='')$s.matches('(?=a)')$s.replaceAll('[','')$s.split('a++')", []string{
			`1:15: error template-invalid-regexp: the regular expression of matches cannot be used: lookahead, lookbehind and atomic groups are not supported`,
			`1:34: error template-invalid-regexp: the regular expression of replaceAll cannot be used: a [ is not closed`,
			`1:55: error template-invalid-regexp: the regular expression of split cannot be used: possessive quantifiers are not supported`,
		}},
		{"#set($l=[])$l.Size() $l.lenght() $l.getClass()", []string{
			`1:15: warning template-unknown-method: no value has a method Size, so nothing is printed in its place (did you mean size?)`,
			`1:25: warning template-unknown-method: no value has a method lenght, so nothing is printed in its place`,
			`1:37: error template-unsupported: the method getClass is not supported`,
		}},
		{"#set($input = $input.path('$'))$input.size() $input.a #set($util = 'x')$util.length()", nil},
		{"#if($input.path('$.x') != $null)x#end", nil},
		{"#macro(", []string{
			`1:1: warning template-ignored: API Gateway has no macros: it drops #macro, and prints what calls it (use #define, or write it out where it is used)`,
			`1:1: error template-syntax: #macro has no #end`,
			`1:7: error template-syntax: #macro( is not closed`,
		}},
		{"a\xff", []string{`1:1: error template-syntax: the template is not UTF-8 (save it as UTF-8)`}},
		{`{"statusCode": 200} #foo #1 $1 $ {x} # y`, nil},
	} {
		template, problems := Parse(c.template)
		var got []string
		for _, p := range problems {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (- want, + got):\n%s", c.template, diff)
		}
		if (template == nil) != HasErrors(problems) {
			t.Errorf("%q: a template %v with %v", c.template, template != nil, problems)
		}
	}
}

// TestProblemsOfSize has what is too much to parse.
func TestProblemsOfSize(t *testing.T) {
	for name, source := range map[string]string{
		"large":          strings.Repeat("x", MaxTemplateBytes+1),
		"deep #if":       strings.Repeat("#if(true)", 30_000),
		"deep #foreach":  strings.Repeat("#foreach($i in [1])", 10_000) + strings.Repeat("#end", 10_000),
		"deep parens":    "#set($x = " + strings.Repeat("(", 200_000) + ")",
		"deep nots":      "#set($x = " + strings.Repeat("!", 200_000) + "true)",
		"deep lists":     "#set($x = " + strings.Repeat("[", 200_000) + ")",
		"deep maps":      "#set($x = " + strings.Repeat("{'a':", 50_000) + ")",
		"deep calls":     strings.Repeat("$a.get(", 40_000),
		"deep indexes":   strings.Repeat("$a[", 90_000),
		"deep texts":     "#set($x = " + strings.Repeat(`"$x.get(`, 30_000),
		"deep macros":    strings.Repeat("#macro(a)", 30_000),
		"deep defines":   strings.Repeat("#define($a)", 25_000),
		"open unknowns":  strings.Repeat("#foo(", 60_000),
		"open sets":      strings.Repeat("#set(", 60_000),
		"many $ and \\":  strings.Repeat(`\$`, 150_000),
		"many #elseif":   "#if(true)" + strings.Repeat("#elseif(", 30_000),
		"quotes in sets": strings.Repeat(`#set($x = "#set($y = '`, 12_000),
	} {
		if template, problems := Parse(source); template != nil || len(problems) == 0 || len(problems) > 2*maxProblems {
			t.Errorf("%s: a template %v, %d problems", name, template != nil, len(problems))
		}
	}
}

// TestManyWarnings: a template is whole, however much is warned of.
func TestManyWarnings(t *testing.T) {
	template, problems := Parse(strings.Repeat("#foo($a) ", 500) + "the end")
	if template == nil || len(problems) != maxProblems {
		t.Fatalf("a template %v with %d warnings", template != nil, len(problems))
	}
	if output, _ := renderOnce(template.source, Input{}); !strings.HasSuffix(output, " the end") {
		t.Errorf("the output ends with %q", output[max(0, len(output)-20):])
	}
}
