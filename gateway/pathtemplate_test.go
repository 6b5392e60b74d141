package gateway_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

func TestParsePath(t *testing.T) {
	literal := func(s string) gateway.PathSegment { return gateway.PathSegment{Literal: s} }
	variable := func(s string) gateway.PathSegment { return gateway.PathSegment{Variable: s} }
	greedy := func(s string) gateway.PathSegment { return gateway.PathSegment{Variable: s, Greedy: true} }
	for path, want := range map[string]gateway.PathTemplate{
		"/":                 nil,
		"/pets":             {literal("pets")},
		"/pets/":            {literal("pets"), literal("")},
		"/pets/{id}":        {literal("pets"), variable("id")},
		"/{a}/b/{c.d-e_$f}": {variable("a"), literal("b"), variable("c.d-e_$f")},
		"/files/{proxy+}":   {literal("files"), greedy("proxy")},
		"/{proxy+}":         {greedy("proxy")},
		"/a+b":              {literal("a+b")},
		"/{a+b}":            {variable("a+b")},
		"/%7Bid%7D":         {literal("%7Bid%7D")},
	} {
		got, err := gateway.ParsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if got.String() != path {
			t.Errorf("%s is written as %s", path, got)
		}
	}
	for path, want := range map[string]string{
		"":                     "a path must begin with a slash",
		"pets":                 "a path must begin with a slash",
		"{id}":                 "a path must begin with a slash",
		"//":                   "the path has an empty segment",
		"/a//b":                "the path has an empty segment",
		"/a/{b}//":             "the path has an empty segment",
		"/{proxy+}/a":          "the greedy variable {proxy+} must be the last segment",
		"/{proxy+}/":           "the greedy variable {proxy+} must be the last segment",
		"/{id}/a/{id}":         "the variable {id} stands twice",
		"/{id}/{id+}":          "the variable {id} stands twice",
		"/{}":                  `the segment "{}" has no variable name`,
		"/{+}":                 `the segment "{+}" has no variable name`,
		"/pet-{id}":            `the segment "pet-{id}" mixes text and a variable; braces must span a whole segment`,
		"/{id}.json":           `the segment "{id}.json" mixes text and a variable; braces must span a whole segment`,
		"/{a}{b}":              `the segment "{a}{b}" mixes text and a variable; braces must span a whole segment`,
		"/{a":                  `the segment "{a" mixes text and a variable; braces must span a whole segment`,
		"/a}":                  `the segment "a}" mixes text and a variable; braces must span a whole segment`,
		"/${stageVariables.x}": `the segment "${stageVariables.x}" mixes text and a variable; braces must span a whole segment`,
	} {
		if got, err := gateway.ParsePath(path); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v, want %s", path, got, err, want)
		}
	}
}

func TestPathTemplateOrder(t *testing.T) {
	// Most specific first, as API Gateway tries them.
	ordered := []string{
		"/a/b/c",
		"/a/b/{x}",
		"/a/b",
		"/a/b/{x+}",
		"/a/{x}/c/d",
		"/a/{x}/c",
		"/a/{x}/{y}",
		"/a/{x}",
		"/a/{x}/{y+}",
		"/a",
		"/a/{x+}",
		"/b",
		"/{x}/b",
		"/{x}/{y}/c",
		"/{x}",
		"/",
		"/{x+}",
	}
	want := make([]gateway.PathTemplate, len(ordered))
	for i, path := range ordered {
		var err error
		if want[i], err = gateway.ParsePath(path); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		got := slices.Clone(want)
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, gateway.PathTemplate.Compare)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

func TestPathTemplateVariables(t *testing.T) {
	template, err := gateway.ParsePath("/{a}/b/{c}/{d+}")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "c", "d"}, template.Variables()); diff != "" {
		t.Error(diff)
	}
	if !template.Greedy() || template[:3].Greedy() || (gateway.PathTemplate)(nil).Greedy() {
		t.Error("only the last segment is greedy")
	}
}
