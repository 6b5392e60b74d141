package vtl

import (
	"context"
	"testing"
)

// tenLines is a template as integrations have them: parameters, a part of the body,
// a loop, a condition and an override.
const tenLines = `#set($in = $input.path('$'))
#set($context.requestOverride.header.x-trace = $context.requestId)
{
  "id": "$in.id",
  "who": "$context.authorizer.principalId", "stage": "$stageVariables.env",
  "tags": [#foreach($t in $in.tags)"$util.escapeJavaScript($t)"#if($foreach.hasNext),#end#end],
  "kind": #if($in.kind == "large")1#{else}2#end,
  "q": "$input.params('q')", "agent": "$input.params().header.get('User-Agent')",
  "payload": $input.json('$.payload')
}`

func benchInput() Input {
	return Input{
		Body:        `{"id": "o-7", "kind": "large", "tags": ["new", "it's", "blue"], "payload": {"a": [1, 2.5, true, null], "b": "text"}}`,
		Path:        Pairs(Pair{"id", "7"}),
		QueryString: Pairs(Pair{"q", "search"}),
		Header:      Pairs(Pair{"accept", "*/*"}, Pair{"user-agent", "curl/8"}, Pair{"content-type", "application/json"}),
		Context: func() *Map {
			return NewMap(4).Put("requestId", "9c2c6a5e").Put("stage", "v1").
				Put("authorizer", NewMap(1).Put("principalId", "user-7"))
		},
		StageVariables: Pairs(Pair{"env", "prod"}),
	}
}

func BenchmarkRenderTenLines(b *testing.B) {
	t, problems := Parse(tenLines)
	if t == nil {
		b.Fatal(problems)
	}
	in := benchInput()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(context.Background(), in, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseTenLines(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if t, problems := Parse(tenLines); t == nil {
			b.Fatal(problems)
		}
	}
}

// BenchmarkMock is the template of most OPTIONS methods.
func BenchmarkRenderMock(b *testing.B) {
	t, _ := Parse(`{"statusCode": 200}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(context.Background(), Input{}, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderLoop(b *testing.B) {
	t, problems := Parse(`#foreach($i in [1..1000])$foreach.count: "$i", #end`)
	if t == nil {
		b.Fatal(problems)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(context.Background(), Input{}, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
