package schema_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
)

// FuzzCheck reads any schema and holds any body to it. Where the library takes both, it
// must come to the same end.
func FuzzCheck(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"type":"object","required":["a"],"properties":{"a":{"type":"integer","minimum":1}}}`, `{"a":1}`},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","if":{"type":"string"},"then":{"minLength":1},"else":{"const":1e2}}`, `100`},
		{`{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[true],"unevaluatedItems":false,"contains":{"type":"null"}}`, `[1,null,2]`},
		{`{"$schema":"https://json-schema.org/draft/2019-09/schema","allOf":[{"properties":{"a":true}}],"unevaluatedProperties":{"type":"string"}}`, `{"a":1,"b":"c"}`},
		{`{"anyOf":[{"$ref":"#/definitions/d"},{"pattern":"^\\u00e9[\\s\\S]*$"}],"definitions":{"d":{"enum":[1,[2],{"a":null}]}}}`, `"\u00e9x"`},
		{`{"patternProperties":{"^a":{"uniqueItems":true}},"additionalProperties":false,"dependencies":{"a":["ab"]}}`, `{"a":[1,1.0],"ab":1e400}`},
		{`{"$ref":"#"}`, `{}`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, text string, body []byte) {
		if len(text) > 2000 || len(body) > 2000 {
			return
		}
		s, problems := schema.NewSet([]gateway.Model{{Name: "M", Schema: text}}).Compile("M")
		for _, p := range problems {
			if p.Message == "" || !utf8.ValidString(text) {
				continue
			}
			_ = p.String()
		}
		if s == nil {
			if len(problems) == 0 {
				t.Fatalf("%s is no schema, and nobody says why", text)
			}
			return
		}
		failure := s.Check(body)
		if failure != nil && (failure.Detail == "" || len(failure.Detail) > 4096) {
			t.Fatalf("%s: %s: %+v", text, body, failure)
		}
		readable := len(body) == 0 || json.Valid(body) && utf8.Valid(body)
		if failure == nil && !readable {
			t.Fatalf("%q is taken for JSON", body)
		}
		if failure != nil && failure.Reason == schema.NotJSON && readable && !strings.Contains(failure.Detail, "two members") {
			t.Fatalf("%q is not taken for JSON: %s", body, failure.Detail)
		}
		// Ids and spellings of numbers are where draft 4 is read as Amazon's gateway does;
		// patterns are compared by a test of their own.
		if len(body) == 0 || failure != nil && failure.Reason != schema.NotAllowed ||
			strings.Contains(text, "id") || strings.Contains(text, "attern") || strings.Contains(text, "integer") || strings.Contains(text, "regex") || strings.Contains(text, "definitions") {
			return
		}
		theirs, err := library(text, "http://json-schema.org/draft-04/schema#")
		if err != nil {
			return
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
		if err != nil {
			return
		}
		if wrong := theirs.Validate(doc); (wrong == nil) != (failure == nil) {
			t.Fatalf("schema %s\nbody %s\ntheirs %v\nours %+v", text, body, wrong, failure)
		}
	})
}

// FuzzPattern translates any pattern: it is refused, or it can be matched.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{`^[a-z\s]+$`, `\u{1F600}|\ud83d\ude00`, `[^]|[]`, `(?<n>a)\cJ`, `\p{Script=Greek}`, `a{2,3}?`, `[[\]\S]`} {
		f.Add(seed, "a text")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		quotedPattern, err := json.Marshal(pattern)
		if err != nil || len(pattern) > 500 {
			return
		}
		s, problems := schema.NewSet([]gateway.Model{{Name: "M", Schema: `{"pattern":` + string(quotedPattern) + `}`}}).Compile("M")
		if s == nil && len(problems) == 0 {
			t.Fatalf("%q is refused, and nobody says why", pattern)
		}
		if quotedText, err := json.Marshal(text); err == nil && s != nil {
			s.Check(quotedText)
		}
	})
}
