package vtl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLimits has templates that would take all memory or never end.
func TestLimits(t *testing.T) {
	doubling := strings.Repeat(`#set($s = "$s$s")`, 60)
	nested := strings.Repeat(`#foreach($i in [1..1000])`, 8) + "x" + strings.Repeat("#end", 8)
	deepJSON := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	wide := `[` + strings.Repeat(`{"a":[1,2,3]},`, 20_000) + `1]`
	for name, c := range map[string]struct{ template, body string }{
		"a loop over the limit":           {`#foreach($i in [1..1001])x#end`, ""},
		"loops in loops":                  {nested, ""},
		"text that doubles":               {`#set($s = "abcdefgh")` + doubling, ""},
		"text that doubles by +":          {`#set($s = "abcdefgh")` + strings.Repeat(`#set($s = $s + $s)`, 60), ""},
		"text that doubles by concat":     {`#set($s = "abcdefgh")` + strings.Repeat(`#set($s = $s.concat($s))`, 60), ""},
		"text that grows by replace":      {`#set($s = "aaaaaaaa")` + strings.Repeat(`#set($s = $s.replace("a", $s))`, 10), ""},
		"text that grows by replaceAll":   {`#set($s = "aaaaaaaa")` + strings.Repeat(`#set($s = $s.replaceAll("a", $s))`, 10), ""},
		"lists that double":               {`#set($l = [1,2])` + strings.Repeat(`#set($ignore = $l.addAll($l))`, 60), ""},
		"a huge range":                    {`#set($l = [1..2000000000])`, ""},
		"a huge range of a body":          {`#foreach($i in [1..$input.path('$.n')])x#end`, `{"n": 2000000000}`},
		"a map in itself":                 {`#set($m = {})#set($m.m = $m)$m`, ""},
		"a list in itself":                {`#set($l = [1])#set($ignore = $l.add($l))$l.hashCode()`, ""},
		"lists in themselves compared":    {`#set($l = [1])#set($ignore = $l.add($l))#set($k = [1])#set($ignore = $k.add($k))#if($l == $k)x#end`, ""},
		"maps that print exponentially":   {`#set($m = {"a": "x"})` + strings.Repeat(`#set($m = {"a": $m, "b": $m})`, 60) + `$m`, ""},
		"maps compared exponentially":     {`#set($m = {"a": "x"})#set($n = {"a": "x"})` + strings.Repeat(`#set($m = {"a": $m, "b": $m})#set($n = {"a": $n, "b": $n})`, 60) + `#if($m == $n)x#end`, ""},
		"numbers that double":             {`#set($n = 99999999999)` + strings.Repeat(`#set($n = $n * $n)`, 60), ""},
		"a definition that needs itself":  {`#define($d)$e$e$e$e$e$e$e$e#end#define($e)$f$f$f$f$f$f$f$f#end#define($f)$d$d$d$d$d$d$d$d$e$e$e$e#end` + strings.Repeat("$d", 500), ""},
		"a body nested too deep":          {`$input.path('$')`, deepJSON},
		"JSON nested too deep":            {`$util.parseJson($input.body)`, deepJSON},
		"an output over the limit":        {`#foreach($i in [1..1000])` + strings.Repeat("0123456789abcdef", 1000) + `#end`, ""},
		"a search through everything":     {`#foreach($i in [1..1000])$input.json('$..a..*')#end`, wide},
		"a filter that looks at the root": {`$input.json('$..[?($..a)]')`, wide},
		"a wide format":                   {`#set($s = "")$s.format("%99999999d", 1)`, ""},
		"a pattern from a body":           {`#foreach($i in [1..1000])#set($x = $input.path('$.t').matches("$input.path('$.p')$i"))#end`, fmt.Sprintf(`{"t": %q, "p": %q}`, strings.Repeat("a", 50_000), strings.Repeat("(a?){50}", 50))},
		"list insertions":                 {`#set($l = [1..100000])#foreach($i in [1..1000])#foreach($j in [1..1000])#set($ignore = $l.add(0, 1))#end#end`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			template := mustParse(t, c.template)
			start := time.Now()
			_, err := template.Render(context.Background(), Input{Body: c.body}, Limits{OutputBytes: 1 << 20})
			var at *Error
			if !errors.As(err, &at) || at.Line != 1 || at.Column < 1 {
				t.Fatalf("it gives %v", err)
			}
			if !errors.Is(err, ErrLimit) && !errors.Is(err, ErrBody) && !errors.Is(err, ErrValue) {
				t.Errorf("it gives %v", err)
			}
			// Seconds on a machine that is busy; hours where a limit is missing.
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestLimitsCanBeSet: each of them is looked at.
func TestLimitsCanBeSet(t *testing.T) {
	template := mustParse(t, `#foreach($i in [1..20])0123456789$i#end`)
	for name, c := range map[string]struct {
		limits Limits
		want   string
	}{
		"none":   {Limits{}, ""},
		"loop":   {Limits{LoopIterations: 19}, "#foreach runs more than 19 times"},
		"exact":  {Limits{LoopIterations: 20}, ""},
		"steps":  {Limits{Steps: 30}, "more than 30 steps"},
		"memory": {Limits{MemoryBytes: 100}, "more than 100 bytes of values"},
		"output": {Limits{OutputBytes: 100}, "more than 100 bytes"},
	} {
		_, err := template.Render(context.Background(), Input{}, c.limits)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestGivenUp: rendering ends when nobody waits for it any more.
func TestGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	in := Input{Context: func() *Map { cancel(); return NewMap(0) }}
	template := mustParse(t, `$context.stage`+strings.Repeat(`#foreach($i in [1..1000])#foreach($j in [1..1000])$j#end#end`, 2))
	if _, err := template.Render(ctx, in, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("it gives %v", err)
	}
	if _, err := mustParse(t, "x").Render(ctx, Input{}, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("it gives %v", err)
	}
}
