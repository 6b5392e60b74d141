package vtl

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParams(t *testing.T) {
	header := http.Header{"X-Two": {"a", "b"}, "Accept": {"*/*"}, "lower": {"c"}}
	for name, c := range map[string]struct {
		params Params
		want   []Pair
	}{
		"pairs":          {Pairs(Pair{"b", "1"}, Pair{"a", "2"}), []Pair{{"b", "1"}, {"a", "2"}}},
		"a map":          {MapParams(map[string]string{"b": "1", "a": "2"}), []Pair{{"a", "2"}, {"b", "1"}}},
		"a header":       {HeaderParams(header), []Pair{{"Accept", "*/*"}, {"X-Two", "a"}, {"X-Two", "b"}, {"lower", "c"}}},
		"a query":        {QueryParams("b=1&a=x+y%26&b=2&c&=d&%zz=%zz&e=%ff"), []Pair{{"b", "1"}, {"a", "x y&"}, {"b", "2"}, {"c", ""}, {"%zz", "%zz"}, {"e", "\ufffd"}}},
		"no pairs":       {Pairs(), nil},
		"no map":         {MapParams(nil), nil},
		"no header":      {HeaderParams(nil), nil},
		"no query":       {QueryParams(""), nil},
		"nothing at all": {nil, nil},
	} {
		if diff := cmp.Diff(c.want, c.params.once()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestParamsAreLazy: they are read when they are asked for, and once.
func TestParamsAreLazy(t *testing.T) {
	calls := map[string]int{}
	counted := func(name string) Params {
		return func() []Pair { calls[name]++; return []Pair{{name, name}} }
	}
	in := Input{Path: counted("path"), QueryString: counted("query"), Header: counted("header"), StageVariables: counted("stage")}
	for template, want := range map[string]map[string]int{
		`x $context.stage $input.body`:                                                {},
		`$input.params('path')$input.params('path')`:                                  {"path": 1},
		`$input.params('header').header`:                                              {"header": 1},
		`$input.params('header').x$input.params().header.header$input.params('none')`: {"path": 1, "query": 1, "header": 1},
		`$stageVariables.stage$stageVariables.stage`:                                  {"stage": 1},
	} {
		clear(calls)
		if _, failure := renderOnce(template, in); failure != "" {
			t.Error(failure)
		}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("%s: %s", template, diff)
		}
	}
}
