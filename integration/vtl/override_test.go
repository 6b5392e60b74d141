package vtl

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t testing.TB, source string) *Template {
	t.Helper()
	template, problems := Parse(source)
	if template == nil {
		t.Fatalf("%q: %v", source, problems)
	}
	return template
}

// TestOverrides has the table of the guide on overrides (reference 4.3.3).
func TestOverrides(t *testing.T) {
	for _, c := range []struct {
		template string
		want     Overrides
	}{
		{`x`, Overrides{}},
		{`$context.requestOverride.header.x`, Overrides{}},
		{`#set($context.requestOverride.header.x-trace = "a")`, Overrides{Request: RequestOverride{Header: []Pair{{"x-trace", "a"}}}}},
		{`#set($context.requestOverride.header['X-Two'] = ["a", 1])`, Overrides{Request: RequestOverride{Header: []Pair{{"X-Two", "a"}, {"X-Two", "1"}}}}},
		{`#set($ignore = $context.requestOverride.querystring.put("q", true))`, Overrides{Request: RequestOverride{QueryString: []Pair{{"q", "true"}}}}},
		{`#set($context.requestOverride.path.id = 7)`, Overrides{Request: RequestOverride{Path: []Pair{{"id", "7"}}}}},
		{`#set($context.requestOverride.path = "/a/b")`, Overrides{Request: RequestOverride{WholePath: "/a/b"}}},
		{`#set($context.responseOverride.header.hello = "world")#set($context.responseOverride.status = 418)`, Overrides{Response: ResponseOverride{Header: []Pair{{"hello", "world"}}, Status: 418}}},
		{`#set($context.responseOverride.status = "404")`, Overrides{Response: ResponseOverride{Status: 404}}},
		{`#set($context.responseOverride.status = 99)`, Overrides{}},
		{`#set($context.responseOverride.status = 600)`, Overrides{}},
		{`#set($context.responseOverride.status = "4xx")`, Overrides{}},
		{`#set($context.responseOverride.status = 200.5)`, Overrides{}},
	} {
		out, err := mustParse(t, c.template).Render(context.Background(), Input{}, Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		if diff := cmp.Diff(c.want, out.Overrides); diff != "" {
			t.Errorf("%s: %s", c.template, diff)
		}
	}
}

// TestOverrideOnce: the service answers 5XX where a template overrides a parameter twice.
func TestOverrideOnce(t *testing.T) {
	for _, template := range []string{
		`#set($context.requestOverride.header.x = 1)#set($context.requestOverride.header.x = 2)`,
		`#foreach($i in [1, 2])#set($context.responseOverride.status = 200)#end`,
		`#set($ignore = $context.requestOverride.path.put("a", 1))#set($ignore = $context.requestOverride.path.put("a", 2))`,
		`#set($ignore = $context.requestOverride.path.putAll({"a": 1}))#set($ignore = $context.requestOverride.path.putAll({"a": 2}))`,
	} {
		_, err := mustParse(t, template).Render(context.Background(), Input{}, Limits{})
		if !errors.Is(err, ErrOverride) {
			t.Errorf("%s gives %v", template, err)
		}
	}
}

// TestOverridesFromBefore: what a request template overrides is there for the template
// of the response, which may set it anew (reference 4.3.3).
func TestOverridesFromBefore(t *testing.T) {
	before, err := mustParse(t, `#set($context.requestOverride.path.body = $input.body)#set($context.requestOverride.header.many = ["a","b"])`+
		`#set($context.responseOverride.status = 201)#set($context.responseOverride.header.kept = "k"){"statusCode": 200}`).
		Render(context.Background(), Input{Body: `{"a":1}`}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := mustParse(t, `$context.requestOverride.path.body $context.requestOverride.header.many $context.responseOverride.status`+
		`#set($context.responseOverride.status = 202)`).
		Render(context.Background(), Input{Overrides: before.Overrides}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":1} [a, b] 201`; after.Text != want {
		t.Errorf("%q, want %q", after.Text, want)
	}
	want := before.Overrides
	want.Response.Status = 202
	if diff := cmp.Diff(want, after.Overrides); diff != "" {
		t.Error(diff)
	}
	if before.Overrides.Response.Status != 201 {
		t.Error("a later template changed the overrides of the one before")
	}
	_, err = mustParse(t, `#set($context.responseOverride.status = 202)#set($context.responseOverride.status = 203)`).
		Render(context.Background(), Input{Overrides: before.Overrides}, Limits{})
	if !errors.Is(err, ErrOverride) {
		t.Errorf("overriding twice what was inherited gives %v", err)
	}
}

// TestContextIsLazy: the context is made when it is asked for, and once.
func TestContextIsLazy(t *testing.T) {
	calls := 0
	in := Input{Context: func() *Map { calls++; return NewMap(0).Put("stage", "v1") }}
	for template, want := range map[string]int{`x`: 0, `$context.stage$context.stage#set($context.a = 1)$context.a`: 1, `$context.responseOverride.status`: 1} {
		calls = 0
		if _, err := mustParse(t, template).Render(context.Background(), in, Limits{}); err != nil || calls != want {
			t.Errorf("%s calls %d times (%v)", template, calls, err)
		}
	}
}
