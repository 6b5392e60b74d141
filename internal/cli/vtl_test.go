package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestVTL tries templates of every kind.
func TestVTL(t *testing.T) {
	dir := files(t, map[string]string{
		"good.vtl":  "#set($in = $input.path('$'))\n{\"id\": $in.id, \"q\": \"$input.params('q')\", \"h\": \"$input.params().header.get('X-Custom')\", \"p\": \"$input.params('p')\",\n \"ip\": \"$context.identity.sourceIp\", \"sub\": \"$context.authorizer.claims.sub\", \"env\": \"$stageVariables.env\"}",
		"over.vtl":  "#set($context.requestOverride.header.x-many = ['a', 'b'])#set($context.requestOverride.querystring.q = 1)#set($context.requestOverride.path.id = 7)#set($context.responseOverride.status = 418)#set($context.responseOverride.header.hello = 'w')x",
		"whole.vtl": "#set($context.requestOverride.path = '/a/b')",
		"bad.vtl":   "#if(true)\n  $input.jsn('$')\n#set($x = )",
		"warn.vtl":  "{\"$ref\": 1}",
		"fails.vtl": "x\n $input.path('$.a').substring(9)",
		"large.vtl": strings.Repeat("x", 300<<10+1),
		"body.json": `{"id": 8}`,
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	sampleArgs := []string{"--query", "q=a=b", "--header", "x-custom: c:d ", "--path", "p=1", "--context", "identity.sourceIp=192.0.2.1",
		"--context", "authorizer.claims.sub=u7", "--context", "authorizer.principalId=u7", "--stage-variable", "env=prod"}
	for name, c := range map[string]struct {
		args     []string
		code     int
		out, err string
	}{
		"all of a request": {append([]string{at("good.vtl"), "--body", `{"id": 7}`}, sampleArgs...), 0,
			"{\"id\": 7, \"q\": \"a=b\", \"h\": \"c:d\", \"p\": \"1\",\n \"ip\": \"192.0.2.1\", \"sub\": \"u7\", \"env\": \"prod\"}\n", ""},
		"a body of a file": {[]string{at("good.vtl"), "--body", "@" + at("body.json")}, 0, "{\"id\": 8, \"q\": \"\"", ""},
		"overrides": {[]string{at("over.vtl")}, 0, "x\n",
			"override: request header x-many: a\noverride: request header x-many: b\noverride: request querystring q: 1\noverride: request path id: 7\noverride: response header hello: w\noverride: response status: 418\n"},
		"overrides as JSON": {[]string{at("over.vtl"), "-o", "json"}, 0, "{\n  \"output\": \"x\",\n  \"requestOverride\": {\n    \"header\": {\n      \"x-many\": [\n        \"a\",\n        \"b\"\n      ]\n    },", ""},
		"a whole path":      {[]string{at("whole.vtl")}, 0, "", "override: request path: /a/b\n"},
		"a whole path JSON": {[]string{at("whole.vtl"), "-o", "json"}, 0, `"path": "/a/b"`, ""},
		"problems": {[]string{at("bad.vtl")}, 1, "",
			at("bad.vtl") + ":1:1: error template-syntax: #if has no #end\n" + at("bad.vtl") + ":2:10: warning template-unknown-function: $input has no function jsn"},
		"a warning":         {[]string{at("warn.vtl")}, 0, "{\"\": 1}\n", at("warn.vtl") + ":1:3: warning template-unset-variable: nothing sets $ref"},
		"a failure":         {[]string{at("fails.vtl"), "--body", `{"a":"abc"}`}, 1, "", at("fails.vtl") + ":2:21: error template-failed: there is no part from 9 to 3 of a text of 3\n"},
		"no JSON":           {[]string{at("good.vtl"), "--body", "oops"}, 1, "", at("good.vtl") + ":1:19: error template-failed: the body is not JSON: byte 1 is not a value\n"},
		"no file":           {[]string{at("none.vtl")}, 1, "", "reading " + at("none.vtl") + ": no such file or directory"},
		"no body":           {[]string{at("good.vtl"), "--body", "@" + at("none.json")}, 1, "", "reading " + at("none.json") + ": no such file or directory"},
		"a large file":      {[]string{at("large.vtl")}, 1, "", "has more than 307200 bytes"},
		"a folder":          {[]string{dir}, 1, "", "is a directory"},
		"no template":       {nil, 2, "", "accepts 1 arg(s), received 0"},
		"flags":             {[]string{at("good.vtl"), "--query", "q", "--header", "x", "--context", "a..b=1"}, 2, "", "--header must be NAME:VALUE, not \"x\"\n--query must be NAME=VALUE, not \"q\"\n--context must be NAME=VALUE"},
		"a member of text":  {[]string{at("good.vtl"), "--context", "a=1", "--context", "a.b=2"}, 2, "", "--context a.b=2: a already has a value of its own"},
		"text with members": {[]string{at("good.vtl"), "--context", "a.b=1", "--context", "a=2"}, 2, "", "--context a=2: a already has members"},
	} {
		got := command(t, append([]string{"vtl"}, c.args...)...)
		if got.code != c.code || !strings.HasPrefix(got.out, c.out) && !strings.Contains(got.out, c.out) || c.out == "" && got.out != "" || !strings.Contains(got.err, c.err) || c.err == "" && got.err != "" && c.code == 0 && !strings.Contains(name, "JSON") {
			t.Errorf("%s: exit %d\n%s%s", name, got.code, got.out, got.err)
		}
	}
}

// TestVTLFromStdin reads the template from the standard input.
func TestVTLFromStdin(t *testing.T) {
	var out, err bytes.Buffer
	code := Main(t.Context(), []string{"vtl", "-", "--body", `{"a":[1]}`}, Streams{In: strings.NewReader("$input.json('$.a')\n"), Out: &out, Err: &err})
	if code != 0 || out.String() != "[1]\n" || err.Len() > 0 {
		t.Errorf("exit %d, %q, %q", code, &out, &err)
	}
	out.Reset()
	code = Main(t.Context(), []string{"vtl", "-"}, Streams{In: strings.NewReader("#set($x = )"), Out: &out, Err: &err})
	if code != 1 || out.Len() > 0 || !strings.HasPrefix(err.String(), "-:1:11: error template-syntax") {
		t.Errorf("exit %d, %q, %q", code, &out, &err)
	}
}
