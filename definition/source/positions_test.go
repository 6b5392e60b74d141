package source_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// TestPositions holds that every value is known at the line and column where an
// editor shows it, counted in characters from 1.
func TestPositions(t *testing.T) {
	tests := map[string]struct {
		text string
		want string
	}{
		"block": {
			"a: 1\nb:\n  c:\n    - x\n    -   y\n  d: z\n",
			"a 1:4 1|b 3:3|b.c 4:5|b.c[0] 4:7 x|b.c[1] 5:9 y|b.d 6:6 z",
		},
		"flow": {
			"a: {b: [1,  2], c: {}}\nd: [\n  x,\n  {e: f}\n]\n",
			"a 1:4|a.b 1:8|a.b[0] 1:9 1|a.b[1] 1:13 2|a.c 1:20|d 2:4|d[0] 3:3 x|d[1] 4:3|d[1].e 4:7 f",
		},
		"scalars of several lines": {
			"a: |\n  one\n  two\nb: \"three\n  four\"\nc: >-\n  five\nd: x\n",
			"a 1:4 one\\ntwo\\n|b 4:4 three four|c 6:4 five|d 8:4 x",
		},
		"aliases stand where they are used, what is in them where it is written": {
			"a: &a\n  b: 1\nc: *a\nd: [*a]\n",
			"a 1:4|a.b 2:6 1|c 3:4|c.b 2:6 1|d 4:4|d[0] 4:5|d[0].b 2:6 1",
		},
		"merge keys add what is not written": {
			"a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 5\n",
			"a 1:4|a.x 1:11 1|a.y 1:17 2|b 2:4|b.y 2:11 3|b.z 2:17 4|c 4:3|c.x 5:6 5|c.y 1:17 2|c.z 2:17 4",
		},
		"CRLF":                   {"a: 1\r\nb:\r\n  - x\r\n", "a 1:4 1|b 3:3|b[0] 3:5 x"},
		"a byte order mark":      {"\ufeffa: 1\nb: 2\n", "a 1:4 1|b 2:4 2"},
		"letters of many bytes":  {"é: ü\n\"\u65e5\u672c\": [\U0001f980, x]\n", "[\"é\"] 1:4 ü|[\"日本\"] 2:7|[\"日本\"][0] 2:8 \U0001f980|[\"日本\"][1] 2:11 x"},
		"tabs are one character": {"a:\t1\nb: [\t2 ]\n", "a 1:4 1|b 2:4|b[0] 2:6 2"},
		"line breaks of YAML alone": {
			"a: \"x\u2028y\u2029z\"\nb: [\"\u0085\", c]\nd: 1\n",
			"a 1:4 x\u2028y\u2029z|b 2:4|b[0] 2:5  |b[1] 2:10 c|d 3:4 1",
		},
		"comments and a marker": {"# one\n---\n# two\na: 1 # three\n...\n", "a 4:4 1"},
		"keys that need quotes": {"\"a.b\": {\"\": 1, \"c d\": 2, $e-f_1: 3}\n", "[\"a.b\"] 1:8|[\"a.b\"][\"\"] 1:13 1|[\"a.b\"][\"c d\"] 1:23 2|[\"a.b\"].$e-f_1 1:34 3"},
		"JSON": {
			"{\"a\": [1, -2.5e3,\n\t\ttrue, null],\r\n \"b\" : {\"é\":\"\\u00fc\", \"c\":[]}}\n",
			"a 1:7|a[0] 1:8 1|a[1] 1:11 -2.5e3|a[2] 2:3 true|a[3] 2:9 null|b 3:8|b[\"é\"] 3:13 ü|b.c 3:27",
		},
		"JSON in one line":           {"{\"\U0001f980\": {\"a\": [[{}]]}}", "[\"\U0001f980\"] 1:7|[\"\U0001f980\"].a 1:13|[\"\U0001f980\"].a[0] 1:14|[\"\U0001f980\"].a[0][0] 1:15"},
		"YAML that begins like JSON": {"{a: 1, # one\n b: [x,],}\n", "a 1:5 1|b 2:5|b[0] 2:6 x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var diags gateway.Diagnostics
			doc, ok := source.Parse("f", []byte(test.text), source.Environment{}, &diags)
			if !ok {
				t.Fatal(diags)
			}
			var got []string
			walk(doc.Root(), &got)
			if diff := cmp.Diff(strings.Split(test.want, "|"), got[1:]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func walk(v source.Value, out *[]string) {
	line := fmt.Sprintf("%s %d:%d", v.Path(), v.Pos().Line, v.Pos().Column)
	switch {
	case v.IsObject():
		*out = append(*out, line)
		for _, e := range v.Object().Entries() {
			walk(e.Value, out)
		}
	case v.IsList():
		*out = append(*out, line)
		for _, item := range v.List() {
			walk(item, out)
		}
	default:
		*out = append(*out, line+" "+strings.ReplaceAll(v.Raw(), "\n", `\n`))
	}
}

// TestSyntaxErrors holds that what cannot be read is told where it is wrong.
func TestSyntaxErrors(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"a colon too many":             {"a: 1\nb: c: d\n", "2:5: error invalid-yaml: mapping values are not allowed in this context"},
		"a tab for indentation":        {"a:\n\tb: 1\n", "2:1: error invalid-yaml: while scanning for the next token, found character that cannot start any token (YAML takes no tabs here: indent with spaces)"},
		"another character like that":  {"ä: 1\nb: @c\td\n", "2:4: error invalid-yaml: while scanning for the next token, found character that cannot start any token"},
		"wrong indentation":            {"a:\n  - b: 1\n c: 2\n", "3:2: error invalid-yaml: while parsing a block mapping, did not find expected key"},
		"a list that is not closed":    {"a: 1\nb: [\n  x,\n", "4:1: error invalid-yaml: while parsing a flow node, did not find expected node content"},
		"a quote that is not closed":   {"a: 1\nb: 'c\nd: e\n", "2:4: error invalid-yaml: while scanning a quoted scalar, found unexpected end of stream"},
		"a key without a colon":        {"a: 1\nb\nc: 2\n", "2:1: error invalid-yaml: while scanning a simple key, could not find expected ':'"},
		"an unknown anchor":            {"a: 1\nb: [x, *c]\n", "2:8: error invalid-yaml: unknown anchor 'c' referenced"},
		"an unknown escape":            {"a: \"\u00e9\\q\"\n", "1:6: error invalid-yaml: while parsing a quoted scalar, found unknown escape character"},
		"a control character":          {"a: 1\nb: x\x01\n", "2:5: error invalid-yaml: control characters are not allowed"},
		"two documents":                {"a: 1\n---\nb: 2\n", "2:1: error invalid-yaml: a second document begins here; only one is read (write it into a file of its own)"},
		"a second document is wrong":   {"a: 1\n---\nb: [}\n", "3:5: error invalid-yaml: while parsing a flow node, did not find expected node content"},
		"text after the end":           {"{\"a\": 1}\n}", "2:1: error invalid-json: invalid character '}' after top-level value"},
		"only comments":                {"# a\n\n# b\n", "1:1: error empty-file: the file has nothing but comments"},
		"nothing":                      {"\ufeff \n\t\n", "1:1: error empty-file: the file is empty"},
		"invalid UTF-8":                {"a: 1\nb: \"\u00e9\xff\"\n", "2:6: error invalid-utf8: the file is not valid UTF-8 here (save the file as UTF-8)"},
		"UTF-16":                       {"\xff\xfea\x00:\x00 \x001\x00", "1:1: error invalid-utf8: the file is not valid UTF-8 here (save the file as UTF-8)"},
		"CloudFormation":               {"a: 1\nb: !Sub \"${C}\"\n", "2:4: error unsupported-tag: the YAML tag !Sub is not supported (CloudFormation's functions work only there: write the value itself, or export the deployed API)"},
		"binary":                       {"a: !!binary aGk=\n", "1:4: error unsupported-tag: the YAML tag !!binary is not supported"},
		"an alias in itself":           {"a: &a\n  b: [*a]\n", "2:7: error alias-cycle: the alias *a refers to a value that contains it"},
		"JSON without a comma":         {"{\"a\": 1\n  \"b\": 2}", "2:3: error invalid-json: invalid character '\"' after object key:value pair"},
		"x.json: JSON without a value": {"{\"a\": }", "1:7: error invalid-json: invalid character '}' looking for beginning of value"},
		"JSON that ends too early":     {"{\"a\": [1,\n2", "2:2: error invalid-json: the JSON document ends too early"},
		"JSON with a bad escape":       {"{\"a\": \"\\x\"}", "1:9: error invalid-json: invalid character 'x' in string escape code"},
		"x.JSON: a key without quotes": {"{\n\"a\": {b: 2}}", "2:7: error invalid-json: invalid character 'b' looking for beginning of object key string"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file, _, isNamed := strings.Cut(name, ":")
			if !isNamed {
				file = "f"
			}
			var diags gateway.Diagnostics
			if _, ok := source.Parse(file, []byte(test.text), source.Environment{}, &diags); ok {
				t.Fatal("it was read")
			}
			if len(diags) != 1 || diags[0].String() != file+":"+test.want {
				t.Errorf("got  %v\nwant %s:%s", diags, file, test.want)
			}
		})
	}
}

// TestMistakesInValues holds that a value that is read as what it is not is told
// once, at its place, and that reading goes on with a default.
func TestMistakesInValues(t *testing.T) {
	var diags gateway.Diagnostics
	doc, ok := source.Parse("f", []byte(`
duplicate: {a: 1, b: 2, "a": 3}
merged: {<<: 5, <<: [x]}
keys: {[a]: 1, {b: c}: 2}
unknown: {naem: x, completely-different: y}
`), source.Environment{}, &diags)
	if !ok {
		t.Fatal(diags)
	}
	root := doc.Root().Object()
	for _, key := range []string{"duplicate", "merged", "keys"} {
		root.Get(key).Object().Entries()
	}
	unknown := root.Get("unknown").Object()
	unknown.Get("name")
	unknown.Done()
	root.Done()
	diags.Sort()
	want := `f:2:25: error duplicate-key: the key "a" stands twice; first at line 2
f:3:14: error wrong-type: merged must be an object to merge, not the number 5
f:3:22: error wrong-type: merged must be an object to merge, not the text "x"
f:4:8: error wrong-type: a key must be text
f:4:16: error wrong-type: a key must be text
f:5:11: error unknown-key: unknown key "naem" (did you mean "name"?)
f:5:20: error unknown-key: unknown key "completely-different"
`
	if diff := cmp.Diff(want, lines(diags)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func lines(diags gateway.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		b.WriteString(d.String() + "\n")
	}
	return b.String()
}
