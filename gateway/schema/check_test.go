package schema_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
)

func compiled(t testing.TB, text string, more ...gateway.Model) *schema.Schema {
	t.Helper()
	s, problems := schema.NewSet(append(more, gateway.Model{Name: "M", Schema: text})).Compile("M")
	if s == nil {
		t.Fatal(problems)
	}
	return s
}

// TestCheck holds bodies to schemas. The words are those of Amazon's gateway, which
// users see in $context.error.validationErrorString.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
func TestCheck(t *testing.T) {
	const person = `{"type":"object","required":["name","age"],"additionalProperties":false,"properties":{
		"name":{"type":"string","minLength":2,"maxLength":5,"pattern":"^[A-Z]"},"age":{"type":"integer","minimum":0,"maximum":150,"exclusiveMaximum":true},
		"kind":{"enum":["dog","cat"]},"tags":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":2,"uniqueItems":true},
		"mail":{"format":"email"},"at":{"format":"date-time"},"price":{"type":"number","multipleOf":0.01},
		"either":{"anyOf":[{"type":"string"},{"type":"null"}]},"one":{"oneOf":[{"minimum":1},{"minimum":2}]},
		"both":{"allOf":[{"type":"string"},{"maxLength":1}]},"not":{"not":{"type":"string"}},"few":{"minProperties":1,"maxProperties":2},
		"pair":{"items":[{},{}],"additionalItems":false},"card":{"dependencies":{"card":["address"]}}}}`
	with := func(member string) string { return `{"name":"Ann","age":7,` + member + `}` }
	for body, want := range map[string]string{
		`{"name":"Ann","age":7}`:              "",
		`{"age":7}`:                           `[object has missing required properties (["name"])]`,
		``:                                    `[object has missing required properties (["age","name"])]`,
		`[]`:                                  `[instance type (array) does not match any allowed primitive type (allowed: ["object"])]`,
		`{"name":7,"age":"x"}`:                `[instance type (integer) does not match any allowed primitive type (allowed: ["string"]), instance type (string) does not match any allowed primitive type (allowed: ["integer"])]`,
		`{"name":"Ann","age":1.0}`:            `[instance type (number) does not match any allowed primitive type (allowed: ["integer"])]`,
		`{"name":"Ann","age":-1}`:             `[numeric instance is lower than the required minimum (minimum: 0, found: -1)]`,
		`{"name":"Ann","age":150}`:            `[numeric instance is not strictly lower than the required maximum 150]`,
		`{"name":"A","age":7}`:                `[string "A" is too short (length: 1, required minimum: 2)]`,
		`{"name":"Annabella","age":7}`:        `[string "Annabella" is too long (length: 9, maximum allowed: 5)]`,
		`{"name":"ann","age":7}`:              `[ECMA 262 regex "^[A-Z]" does not match input string "ann"]`,
		with(`"z":1,"y":2`):                   `[object instance has properties which are not allowed by the schema: ["y","z"]]`,
		with(`"kind":"cow"`):                  `[instance value ("cow") not found in enum (possible values: ["dog","cat"])]`,
		with(`"tags":[]`):                     `[array is too short: must have at least 1 elements but instance has 0 elements]`,
		with(`"tags":["a","b","c"]`):          `[array is too long: must have at most 2 elements but instance has 3 elements]`,
		with(`"tags":["a","a"]`):              `[array must not contain duplicate elements]`,
		with(`"tags":["a",null]`):             `[instance type (null) does not match any allowed primitive type (allowed: ["string"])]`,
		with(`"mail":"x"`):                    `[string "x" is not a valid email address]`,
		with(`"at":"today"`):                  `[string "today" is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]]`,
		with(`"price":0.005`):                 `[remainder of division is not zero (0.005 / 0.01)]`,
		with(`"price":"1"`):                   `[instance type (string) does not match any allowed primitive type (allowed: ["integer","number"])]`,
		with(`"either":1`):                    `[instance failed to match at least one required schema among 2]`,
		with(`"one":3`):                       `[instance failed to match exactly one schema (matched 2 out of 2)]`,
		with(`"both":"ab"`):                   `[instance failed to match all required schemas (matched only 1 out of 2)]`,
		with(`"not":"ab"`):                    `[instance matched a schema which it should not have]`,
		with(`"few":{}`):                      `[object has too few properties (found 0 but schema requires at least 1)]`,
		with(`"few":{"a":1,"b":1,"c":1}`):     `[object has too many properties (found 3 but schema requires at most 2)]`,
		with(`"pair":[1,2,3]`):                `[schema only allows 2 elements in array but instance has 3 elements]`,
		with(`"card":{"card":1}`):             `[property "card" of object has missing property dependencies (schema requires ["address"]; missing: ["address"])]`,
		with(`"z":1,"kind":"cow"`):            `[object instance has properties which are not allowed by the schema: ["z"]]`, // and not what is inside
		`{"name":"Ann","age":7`:               `[unexpected end of JSON input]`,
		`{"name":"Ann","age":7} x`:            `[invalid character 'x' after top-level value]`,
		`{"name":"Ann","age":7}{}`:            `[invalid character '{' after top-level value]`,
		`{"name":"Ann","age":7,"age":8}`:      `[an object has two members of one name]`,
		`{"name":"Ann","age":7,"\u0061ge":8}`: `[an object has two members of one name]`,
		"{\"name\":\"\xc3\x28\",\"age\":7}":   `[the text is not UTF-8]`,
		"\ufeff{\"name\":\"Ann\",\"age\":7}":  `[invalid character 'ï' looking for beginning of value]`,
		`name=Ann&age=7`:                      `[invalid character 'a' in literal null (expecting 'u')]`,
		` `:                                   `[unexpected end of JSON input]`,
	} {
		failure := compiled(t, person).Check([]byte(body))
		switch {
		case want == "" && failure != nil:
			t.Errorf("%s: %+v", body, failure)
		case want != "" && (failure == nil || failure.Detail != want):
			t.Errorf("%s: %+v, want %s", body, failure, want)
		}
	}
}

// TestNumbers are exact, however large.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		schema, body string
		good         bool
	}{
		{`{"enum":[9007199254740993]}`, `9007199254740993`, true},
		{`{"enum":[9007199254740993]}`, `9007199254740992`, false},
		{`{"enum":[100]}`, `1e2`, true},
		{`{"enum":[0]}`, `-0.0`, true},
		{`{"maximum":1e308}`, `1e309`, false},
		{`{"maximum":1e400}`, `1e399`, true},
		{`{"maximum":9007199254740992}`, `9007199254740993`, false},
		{`{"maximum":9007199254740992}`, `9007199254740992.0`, true},
		{`{"minimum":0.1,"exclusiveMinimum":true}`, `0.1`, false},
		{`{"minimum":0.1,"exclusiveMinimum":true}`, `0.10000000000000000001`, true},
		{`{"multipleOf":0.1}`, `0.3`, true},
		{`{"multipleOf":0.0001}`, `1.00011`, false},
		{`{"type":"integer"}`, `123456789012345678901234567890`, true},
		{`{"type":"integer"}`, `1e2`, false}, // draft 4 goes by how it is written
		{`{"$schema":"http://json-schema.org/draft-07/schema#","type":"integer"}`, `1e2`, true},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","type":"integer"}`, `1.50`, false},
		{`{"uniqueItems":true}`, `[1,1.0]`, false},
		{`{"uniqueItems":true}`, `[{"a":1,"b":2},{"b":2,"a":1.0}]`, false},
		{`{"uniqueItems":true}`, `["1",1,"a,b",["a","b"],["a,b"],{},[],null,false]`, true},
	} {
		if failure := compiled(t, c.schema).Check([]byte(c.body)); (failure == nil) != c.good {
			t.Errorf("%s of %s: %+v", c.body, c.schema, failure)
		}
	}
}

// TestPatterns are as in JavaScript.
// See https://tc39.es/ecma262/#sec-patterns
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		match         bool
	}{
		{`^\\u00e9\\x41$`, "éA", true},
		{`^\\ud83d\\ude00$`, "😀", true},
		{`^\\u{1F600}$`, "😀", true},
		{`^\\s$`, "\u00a0", true},
		{`^[\\s]$`, "\u2003", true},
		{`^\\S$`, "\u00a0", false},
		{`^[\\S]$`, "\u2003", false},
		{`^[\\s\\S]+$`, "a\u00a0\n", true},
		{`^.$`, "\u2028", false},
		{`^.$`, "x", true},
		{`^[^]$`, "\n", true},
		{`^[]?$`, "", true},
		{`[]`, "x", false},
		{`^[[]$`, "[", true},
		{`^[a\\-z]$`, "-", true},
		{`^\\/\\_\\-\\@$`, "/_-@", true},
		{`^(?:a|b)(?<name>c)$`, "bc", true},
		{`^\\p{Lu}\\p{Script=Greek}$`, "Aα", true},
		{`^\\cJ$`, "\n", true},
		{`^[\\b]\\0$`, "\b\x00", true},
		{`^\\d+$`, "٣", false},
		{`a$`, "a\n", false},
		{`^a{2,}b*?$`, "aaa", true},
		{`^x{,2}$`, "x{,2}", true},
		{`^\\A\\z$`, "Az", true},
	} {
		body := strings.NewReplacer("\\", `\\`, "\n", `\n`, "\b", `\b`, "\x00", `\u0000`).Replace(c.text)
		failure := compiled(t, `{"pattern":"`+c.pattern+`"}`).Check([]byte(`"` + body + `"`))
		if (failure == nil) != c.match {
			t.Errorf("%s of %q: %+v", c.pattern, c.text, failure)
		}
	}
	for _, pattern := range []string{
		`(?=a)`, `(?!a)`, `(?<=a)`, `(?<!a)`, `(a)\\1`, `(?<n>a)\\k<n>`, `(?i)a`, `(?P<n>a)`, `a\\`, `[a`, `(a`, `a)`, `*`, `a**`, `\\ud83d`, `\\ude00`, `\\ud83d\\u0041`,
		`\\u12`, `\\xZ1`, `\\u{110000}`, `\\u{}`, `\\c1`, `\\p{Nobody}`, `a{1001}`, `((a{100}){100}){100}`, `[z-a]`,
	} {
		s, problems := schema.NewSet([]gateway.Model{{Name: "M", Schema: `{"pattern":"` + pattern + `"}`}}).Compile("M")
		if s != nil || len(problems) != 1 || problems[0].Pointer != "/pattern" {
			t.Errorf("%s: %v", pattern, problems)
		}
	}
}

// TestReferences lead to other models, in every form that AWS and OpenAPI know.
func TestReferences(t *testing.T) {
	tag := gateway.Model{Name: "Tag", Schema: `{"type":"string"}`}
	odd := gateway.Model{Name: "a/b~c d%", Schema: `{"definitions":{"x y":{"type":"null"}}}`}
	for ref, good := range map[string]string{
		"https://apigateway.amazonaws.com/restapis/a1b2c3/models/Tag": `"x"`,
		"#/definitions/Tag":                                             `"x"`,
		"#/components/schemas/Tag":                                      `"x"`,
		"#/definitions/own":                                             `true`,
		"#/components/schemas/M/definitions/own":                        `true`,
		"#/definitions/a~1b~0c%20d%25":                                  `7`,
		"#/definitions/a~1b~0c%20d%25/definitions/x y":                  `null`,
		"https://apigateway.amazonaws.com/restapis/a1b2c3/models/Empty": `{}`,
	} {
		s := compiled(t, `{"id":"https://example.com/m","properties":{"a":{"id":"#a","$ref":"`+ref+`"}},"definitions":{"own":{"type":"boolean"}}}`, tag, odd)
		if failure := s.Check([]byte(`{"a":` + good + `}`)); failure != nil {
			t.Errorf("%s: %+v", ref, failure)
		}
		if ref != "#/definitions/a~1b~0c%20d%25" && s.Check([]byte(`{"a":7.5}`)) == nil {
			t.Errorf("%s is passed over", ref)
		}
	}
	tree := compiled(t, `{"required":["v"],"properties":{"left":{"$ref":"#"},"right":{"$ref":"#/definitions/M"}}}`)
	if tree.Check([]byte(`{"v":1,"left":{"v":1,"right":{}}}`)) == nil {
		t.Error("a schema in itself is passed over")
	}
}

// TestProblems are what cannot be a model that bodies are held to.
func TestProblems(t *testing.T) {
	other := gateway.Model{Name: "Other", Schema: `{"anyOf":[{"$ref":"#/definitions/M"}]}`}
	for text, want := range map[string]string{
		`{"type":"objekt"}`: "M#/type: type: value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'",
		`{"properties":{"a":{"exclusiveMinimum":0,"minimum":0}}}`:                                   "M#/properties/a/exclusiveMinimum: exclusiveMinimum: got number, want boolean (in draft 4 it is true or false, beside a minimum or a maximum)",
		`{"$schema":"http://json-schema.org/draft-06/schema#","minimum":0,"exclusiveMinimum":true}`: "M#/exclusiveMinimum: exclusiveMinimum: got boolean, want number (since draft 6 it is the number itself)",
		`{"$ref":"https://example.com/schema.json"}`:                                                "M#: https://example.com/schema.json is not asked for its schemas (put what is referred to into the document)",
		`{"$ref":"file:///etc/passwd"}`:                                                             "M#: file:///etc/passwd is not asked for its schemas (put what is referred to into the document)",
		`{"$ref":"#/definitions/Nobody"}`:                                                           "M#/$ref: the reference #/definitions/Nobody leads to no model",
		`{"$ref":"#/properties/nobody"}`:                                                            "M#: a reference leads to /properties/nobody of the model M, where nothing is",
		`{"$ref":"#"}`:                                                                              "M#: the schema refers to itself for the same value, and would never be done",
		`{"$ref":"#/definitions/Other"}`:                                                            "M#: the schema refers to itself for the same value, and would never be done",
		`{"$schema":"http://json-schema.org/draft-03/schema#"}`:                                     "M#/$schema: the draft http://json-schema.org/draft-03/schema# is not supported (draft 4, 6, 7, 2019-09 and 2020-12 are)",
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","$dynamicRef":"#a","$dynamicAnchor":"a"}`: "M#/$dynamicRef: $dynamicRef is not supported (refer to the schema by $ref)",
		`{"minLength":1e300}`:          "M#/minLength: minLength has to be a whole number between 0 and 2147483647",
		`{"minimum":1e999999999}`:      "M#/minimum: the number is too long, or its exponent too large",
		`{"enum":[{"a":1e999999999}]}`: "M#/enum/0/a: the number is too long, or its exponent too large",
		`{`:                            "M#: the schema is not JSON: unexpected EOF",
		`{"title":"` + strings.Repeat("x", 400<<10) + `"}`: "M#: the schema, with those that it refers to, is larger than 400 KiB",
	} {
		s, problems := schema.NewSet([]gateway.Model{{Name: "M", Schema: text}, other}).Compile("M")
		var found []string
		for _, p := range problems {
			found = append(found, p.String())
		}
		if s != nil || len(found) == 0 || found[0] != want {
			t.Errorf("%.100s: %q, want %s", text, found, want)
		}
	}
	if s, problems := schema.NewSet(nil).Compile("Nobody"); s != nil || len(problems) != 1 {
		t.Errorf("no model: %v", problems)
	}
	// What cannot be told apart by JSON Schema has no effect, and is told.
	s, problems := schema.NewSet([]gateway.Model{{Name: "M", Schema: `{"type":"string","nullable":true,"discriminator":{"propertyName":"a"},"xml":{},"example":{"$ref":"x"}}`}}).Compile("M")
	if s == nil || len(problems) != 1 || !problems[0].Warning || s.Check([]byte("null")) == nil {
		t.Errorf("nullable: %v", problems)
	}
}

// TestHostileBodies cost what their size allows and no more. None of them may take
// noticeable time or memory: each is refused by what it is, not by a clock.
func TestHostileBodies(t *testing.T) {
	expression := `{"oneOf":[{"properties":{"op":{"enum":["and"]},"of":{"$ref":"#"}}},{"properties":{"op":{"enum":["or"]},"of":{"$ref":"#"}}}]}`
	nested := `{"op":"xor"}`
	for range 60 {
		nested = `{"of":` + nested + `,"op":"and"}`
	}
	for name, c := range map[string]struct {
		schema, body string
		reason       schema.Reason
	}{
		"a question that doubles":      {expression, nested, schema.TooMuch},
		"a number to compute with":     {`{"minimum":1}`, `1e999999999`, schema.TooMuch},
		"a number with many digits":    {`{"minimum":1}`, strings.Repeat("9", 2000), schema.TooMuch},
		"many numbers, each very long": {`{"items":{"multipleOf":0.7}}`, "[" + strings.Repeat("1e999,", 20_000) + "1]", schema.NotAllowed},
		"deep arrays":                  {`{}`, strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000), schema.TooMuch},
		"very deep arrays":             {`{}`, strings.Repeat("[", 1_000_000), schema.NotJSON},
		"deep objects":                 {`{"additionalProperties":{"$ref":"#"}}`, strings.Repeat(`{"a":`, 501) + "1" + strings.Repeat("}", 501), schema.TooMuch},
		"many values":                  {`{}`, "[" + strings.Repeat("1,", 1_100_000) + "1]", schema.TooMuch},
		"a long text, a large pattern": {`{"pattern":"^(?:a{0,400}b{0,400})$"}`, `"` + strings.Repeat("ab", 50_000) + `"`, schema.TooMuch},
		"nested lists of unique items": {`{"uniqueItems":true,"items":{"$ref":"#"}}`, strings.Repeat("[", 400) + strings.Repeat(`"a",`, 20_000) + `1` + strings.Repeat("]", 400), schema.TooMuch},
		"many mistakes":                {`{"items":{"anyOf":[{"type":"string"},{"type":"null"},{"type":"array"}]}}`, "[" + strings.Repeat("1,", 900_000) + "1]", schema.NotAllowed},
		"an array without an end":      {`{}`, strings.Repeat("[1,", 200), schema.NotJSON},
		"many names":                   {`{"additionalProperties":false}`, "{" + strings.Join(numbered(50_000), ",") + "}", schema.NotAllowed},
	} {
		s := compiled(t, c.schema)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		failure := s.Check([]byte(c.body))
		runtime.ReadMemStats(&after)
		if failure == nil || failure.Reason != c.reason || len(failure.Detail) > 4096 {
			t.Errorf("%s: %.300v", name, failure)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 400<<20 {
			t.Errorf("%s: %d MiB", name, took>>20)
		}
	}
}

// TestManyAtOnce use one schema; what they send is their own.
func TestManyAtOnce(t *testing.T) {
	s := compiled(t, `{"required":["p"],"properties":{"p":{"format":"regex"},"n":{"type":"array","uniqueItems":true,"items":{"minimum":1,"multipleOf":0.5}}}}`)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 200 {
				body := fmt.Sprintf(`{"p":"^[a-z]{%d}$","n":[%d.5,%d]}`, i+1, j+1, j+1)
				if failure := s.Check([]byte(body)); failure != nil {
					t.Errorf("%s: %+v", body, failure)
				}
				if failure := s.Check([]byte(`{"p":"(?=a)"}`)); failure == nil || failure.Detail != `[string "(?=a)" is not a valid ECMA 262 regular expression]` {
					t.Errorf("%+v", failure)
				}
			}
		})
	}
	group.Wait()
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`"name%d":1`, i)
	}
	return out
}
