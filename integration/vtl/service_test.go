package vtl

import (
	"strings"
	"testing"
)

// TestService has what API Gateway does beyond Velocity, each rule with where it is
// known from: "guide" is the developer guide, "recorded" are runs against the service
// that were published with tests of emulators, "reference" is the project's own.
func TestService(t *testing.T) {
	in := Input{
		Body:        `{"a":{"b":"c"},"list":[{"foo":"bar"},1,"x/y"],"mixed":{"foo":[{"nested":"bar"}]},"two":{"bigger":"dict","to":"test"},"s":"it's","n":null,"num":1.50,"t":true,"big":12345678901}`,
		Path:        Pairs(Pair{"id", "p"}, Pair{"both", "path"}),
		QueryString: Pairs(Pair{"q", "1"}, Pair{"q", "2"}, Pair{"both", "query"}, Pair{"x", "query"}),
		Header:      Pairs(Pair{"X-Custom", "h"}, Pair{"both", "header"}, Pair{"x", "header"}),
		Context: func() *Map {
			return NewMap(0).Put("stage", "v1").Put("requestTimeEpoch", int64(1741806238390)).
				Put("identity", NewMap(0).Put("sourceIp", "203.0.113.9")).
				Put("authorizer", NewMap(0).Put("principalId", "u").Put("claims", NewMap(0).Put("custom:x", "y")))
		},
		StageVariables: Pairs(Pair{"env", "prod"}, Pair{"url", "example.com"}),
	}
	for _, c := range []struct{ source, template, want string }{
		// References that resolve to nothing.
		{"recorded", `Hello $name`, `Hello `},
		{"recorded", `Hello $!name`, `Hello `},
		{"recorded", `#if(${a.b.c})yes!#end`, `yes!`},
		{"recorded", `#if($value) true #else false #end`, ` true `},
		{"recorded", `#if(!$value)yes#end`, ``},
		{"recorded", ` $input.path('$').a.nope `, `  `},
		{"recorded", `#set( $m = {} )#set($ignore = $m.put('k', null))#if("$m.k" == "")none#{else}some#end`, `none`},
		{"recorded", `#foreach($v in $values)foo#end`, ``},
		// Directives that are none there.
		{"recorded", `#macro(tryme)$values#end#tryme()`, `#tryme()`},
		{"recorded", "\n#macro ( blah )\nhello##\n#end\n#blah()", "\n#blah()"},
		{"recorded", `#set($x = "a")#evaluate($x)`, `#evaluate($x)`},
		{"recorded", `#set($v1 = {})#return($v1)`, `#return($v1)`},
		{"recorded", `hello #stop world`, `hello `},
		{"recorded", `#define ( $hello)hi#end$hello()$hello()`, `hi()hi()`},
		{"recorded", "\n#define( $f )$ctx#end\n#set( $ctx = 'foo' )\n$f\n#set( $ctx = 'bar' )\n$f\n", "\nfoo\nbar\n"},
		{"recorded", `#foreach ($i in [1, 2, 3])$i. #if ($velocityHasNext)yes#end, #end`, `1. yes, 2. yes, 3. , `},
		{"recorded", `#foreach ($w in ["a","b"])Outer $velocityCount#foreach ($n in [1,2]), inner $velocityCount#end. #end`, `Outer 1, inner 1, inner 2. Outer 2, inner 1, inner 2. `},
		{"recorded", `#set($d = "{""a"": 2}")$d`, `{"a": 2}`},
		{"recorded", `#set($x = .5*.1)$x`, `0.05`},
		{"recorded", `#set($ignore = $input.path('$').a.put('b', 'new'))$ignore - $input.path('$.a.b')`, `c - new`},
		{"recorded", "\n        #set( $o = {\n  \"userId\": \"user1\"\n} )\n        {$o.userId}", "\n                {user1}"},
		// $input.
		{"reference 4.3.1", `$input.path('$.a')`, `{b=c}`},
		{"reference 4.3.1", `$input.path('$.list')`, `[{"foo":"bar"},1,"x\/y"]`},
		{"reference 4.3.1", `$input.path('$.mixed')`, `{foo=[{"nested":"bar"}]}`},
		{"reference 4.3.1", `$input.path('$.two')`, `{bigger=dict, to=test}`},
		{"reference 4.3.1", `$input.path('$.s')`, `it's`},
		{"reference 4.3.1", `[$input.path('$.n')][$input.path('$.nope')]`, `[][]`},
		{"reference 4.3.1", `$input.json('$.s') $input.json('$.n') $input.json('$.num') $input.json('$.t') $input.json('$.big')`, `"it's" null 1.5 true 12345678901`},
		{"reference 4.3.1", `$input.json('$.list') $input.json('$.a')`, `[{"foo":"bar"},1,"x/y"] {"b":"c"}`},
		{"reference 4.3.1", `$input.json('$.nope')`, `""`},
		{"reference 4.3.1", `$input.json('$.list[?(@.foo)]')`, `[{"foo":"bar"}]`},
		{"reference 4.3.1", `[$input.body.attr]`, `[]`},
		{"reference 4.3.1", `$input.params('id') $input.params('both') $input.params('x')`, `p path query`},
		{"reference 4.2", `$input.params('q') $input.params().querystring.q`, `2 2`},
		{"reference 4.3.1", `[$input.params('absent')]`, `[]`},
		{"reference 4.3.1", `$input.params('header').get('X-Custom')$input.params().header.X-Custom${input.params().header['X-Custom']}`, `hhh`},
		{"reference 4.3.1", `#foreach($kind in $input.params().keySet())$kind:#foreach($p in $input.params().get($kind).keySet())$p #end#end`, `path:id both querystring:q both x header:X-Custom both x `},
		{"headers in any case", `$input.params('x-CUSTOM')$input.params().header.get('x-custom')$input.params('header').x-custom`, `hhh`},
		// $util.
		{"reference 4.3.2", `$util.escapeJavaScript("it's ""so"" a/b \ é")`, `it\'s \"so\" a\/b \\ \u00E9`},
		{"guide", `$util.escapeJavaScript($input.path('$.s')).replaceAll("\\'","'")`, `it's`},
		{"reference 4.3.2", `$util.parseJson('{"x":[1,{"y":2}]}').x[1].y`, `2`},
		{"reference 4.3.2", `$util.urlEncode('a b&c~*é') $util.urlDecode('a+b%26c')`, `a+b%26c%7E*%C3%A9 a b&c`},
		{"reference 4.3.2", `$util.base64Encode('héllo') $util.base64Decode('aMOpbGxv')`, `aMOpbGxv héllo`},
		// $context and $stageVariables.
		{"reference 4.3.2", `$context.stage $context.identity.sourceIp $context.requestTimeEpoch`, `v1 203.0.113.9 1741806238390`},
		{"reference 4.3.2", `[$context.nope][$context.identity.nope.more]`, `[][]`},
		{"reference 4.3.2", `$context.authorizer.principalId $context.authorizer.claims['custom:x']`, `u y`},
		{"reference 4.3.2", `$stageVariables.env $stageVariables['env'] ${stageVariables.url}`, `prod prod example.com`},
		{"guide", `#foreach($k in $context.identity.keySet())"$k": "$context.identity.get($k)"#end`, `"sourceIp": "203.0.113.9"`},
	} {
		output, failure := renderOnce(c.template, in)
		if failure != "" || output != c.want {
			t.Errorf("%s: %q gives %q %s, want %q", c.source, c.template, output, failure, c.want)
		}
	}
}

// TestEmptyBody: an empty body counts as {} (reference 4.3.1).
func TestEmptyBody(t *testing.T) {
	output, failure := renderOnce(`$input.body $input.json('$') [$input.path('$.a')] $input.json('$.a')`, Input{})
	if want := `{} {} [] ""`; failure != "" || output != want {
		t.Errorf("%q %s, want %q", output, failure, want)
	}
}

// TestNotJSON: the body is parsed only if a template asks for it, and what is wrong
// with it is told without its text.
func TestNotJSON(t *testing.T) {
	in := Input{Body: `secret: no json`}
	if output, failure := renderOnce(`$input.body`, in); output != in.Body || failure != "" {
		t.Errorf("%q %s", output, failure)
	}
	for _, template := range []string{"x\n  $input.path('$')", "x\n  $input.json('$.a')"} {
		_, failure := renderOnce(template, in)
		if !strings.HasPrefix(failure, "render: 2:") || !strings.Contains(failure, "the body is not JSON") || strings.Contains(failure, "secret") {
			t.Errorf("%q: %s", template, failure)
		}
	}
}

// TestGuideExamples are templates as the developer guide has them.
func TestGuideExamples(t *testing.T) {
	pets := Input{Body: `[{"id":1,"type":"dog","price":249.99},{"id":2,"type":"cat","price":124.99},{"id":3,"type":"fish","price":0.99}]`}
	template := `#set($inputRoot = $input.path('$'))
[
#foreach($elem in $inputRoot)
  {
    "description" : "Item $elem.id is a $elem.type.",
    "askingPrice" : $elem.price, "cheap": #if($elem.price < 100)true#{else}false#end

  }#if($foreach.hasNext),#end
#end
]`
	want := `[
  {
    "description" : "Item 1 is a dog.",
    "askingPrice" : 249.99, "cheap": false
  },  {
    "description" : "Item 2 is a cat.",
    "askingPrice" : 124.99, "cheap": false
  },  {
    "description" : "Item 3 is a fish.",
    "askingPrice" : 0.99, "cheap": true
  }]`
	if output, failure := renderOnce(template, pets); failure != "" || output != want {
		t.Errorf("%s\n%s", output, failure)
	}
}
