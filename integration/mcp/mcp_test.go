package mcp

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

func toolFor(t testing.TB, route string, arguments []gateway.ToolArgument, bodyType string, others ...string) *tool {
	t.Helper()
	d := &gateway.Deployment{Tools: []gateway.Tool{{Name: "it", Route: route, Arguments: arguments, BodyType: bodyType, BodyName: "body", InputSchema: "{}"}}}
	for _, key := range append([]string{route}, others...) {
		method, path, _ := strings.Cut(key, " ")
		d.Routes = append(d.Routes, gateway.Route{Method: method, Path: path})
	}
	api := &gateway.API{ID: "pets", Name: "pets"}
	return newEndpoint(endpointKey{}, api, &gateway.Stage{Deployment: d, MCP: &gateway.MCP{}}, nil).tools["it"]
}

// TestRequests makes requests of arguments.
func TestRequests(t *testing.T) {
	in := func(where, name string, g gateway.ToolArgument) gateway.ToolArgument {
		g.In, g.Name, g.Parameter = where, name, name
		return g
	}
	const query, header, path = "querystring", "header", "path"
	for name, c := range map[string]struct {
		route     string
		arguments []gateway.ToolArgument
		body      string
		others    []string
		given     string
		want      string
	}{
		"nothing":             {"GET /pets", nil, "", nil, `{}`, "GET /v1/pets"},
		"the root":            {"GET /", nil, "", nil, `{}`, "GET /v1/"},
		"scalars":             {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{}), in(query, "b", gateway.ToolArgument{}), in(query, "c", gateway.ToolArgument{})}, "", nil, `{"a":1.50,"b":true,"c":"x y&z=é"}`, "GET /v1/p?a=1.50&b=true&c=x%20y%26z%3D%C3%A9"},
		"null is not given":   {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{})}, "", nil, `{"a":null}`, "GET /v1/p"},
		"repeated":            {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{})}, "", nil, `{"a":[1,"2"]}`, "GET /v1/p?a=1&a=2"},
		"separated":           {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{Separator: "|"})}, "", nil, `{"a":[1,"2"]}`, "GET /v1/p?a=1%7C2"},
		"an object":           {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{Style: gateway.ToolDeepObject})}, "", nil, `{"a":{"y":[1],"x":"2"}}`, "GET /v1/p?a%5Bx%5D=2&a%5By%5D=%5B1%5D"},
		"JSON":                {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{Style: gateway.ToolJSON})}, "", nil, `{"a":{"x":1}}`, "GET /v1/p?a=%7B%22x%22%3A1%7D"},
		"a header":            {"GET /p", []gateway.ToolArgument{in(header, "X-A", gateway.ToolArgument{Separator: ","})}, "", nil, `{"X-A":["1","2"]}`, "GET /v1/p x-a: 1,2"},
		"a split header":      {"GET /p", []gateway.ToolArgument{in(header, "X-A", gateway.ToolArgument{})}, "", nil, `{"X-A":"1\r\nX-B: 2"}`, `the argument "X-A" has a line break or another control character in it`},
		"a greedy path":       {"GET /f/{p+}", []gateway.ToolArgument{in(path, "p", gateway.ToolArgument{Required: true})}, "", nil, `{"p":"/a/b c/d"}`, "GET /v1/f/a/b%20c/d"},
		"up a greedy path":    {"GET /f/{p+}", []gateway.ToolArgument{in(path, "p", gateway.ToolArgument{Required: true})}, "", nil, `{"p":"a/../../b"}`, `the argument for {p} cannot be, or have a part, "..": in a path that means another place`},
		"an empty part":       {"GET /f/{p+}", []gateway.ToolArgument{in(path, "p", gateway.ToolArgument{Required: true})}, "", nil, `{"p":"a//b"}`, `the argument for {p} is empty, or has an empty part`},
		"another's path":      {"GET /f/{p+}", []gateway.ToolArgument{in(path, "p", gateway.ToolArgument{Required: true})}, "", []string{"GET /f/{x}/secret"}, `{"p":"a/secret"}`, `the arguments lead to another operation, /f/{x}/secret`},
		"another's method":    {"GET /f/{p+}", []gateway.ToolArgument{in(path, "p", gateway.ToolArgument{Required: true})}, "", []string{"POST /f/{x}/secret"}, `{"p":"a/secret"}`, `GET /v1/f/a/secret`},
		"another's any":       {"GET /f/{p}", []gateway.ToolArgument{in(path, "p", gateway.ToolArgument{Required: true})}, "", []string{"ANY /f/x", "ANY /{all+}"}, `{"p":"x"}`, `the arguments lead to another operation, /f/x`},
		"a body":              {"POST /p", nil, "application/json", nil, `{"body": {"b": 1e3, "a": "<"} }`, `POST /v1/p application/json {"b": 1e3, "a": "<"}`},
		"no body":             {"POST /p", nil, "application/json", nil, `{}`, `POST /v1/p`},
		"a form":              {"POST /p", nil, "application/x-www-form-urlencoded", nil, `{"body":{"b":[1,2],"a":"x&y"}}`, `POST /v1/p application/x-www-form-urlencoded a=x%26y&b=1&b=2`},
		"no form":             {"POST /p", nil, "application/x-www-form-urlencoded", nil, `{"body":"a=1"}`, `the argument "body" must be an object`},
		"a text":              {"POST /p", nil, "text/plain", nil, `{"body":"a\"b"}`, `POST /v1/p text/plain a"b`},
		"unknown":             {"GET /p", nil, "", nil, `{"a":1}`, `there is no argument "a"`},
		"missing":             {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{Required: true})}, "", nil, `{}`, `the argument "a" is missing`},
		"more than addresses": {"GET /p", []gateway.ToolArgument{in(query, "a", gateway.ToolArgument{})}, "", nil, `{"a":"` + strings.Repeat("x", maxPath) + `"}`, "the arguments make an address of more than 16384 bytes"},
	} {
		var arguments map[string]json.RawMessage
		if err := json.Unmarshal([]byte(c.given), &arguments); err != nil {
			t.Fatal(name, err)
		}
		r, err := toolFor(t, c.route, c.arguments, c.body, c.others...).request("/v1", "", nil, arguments)
		got := fmt.Sprint(err)
		if err == nil {
			got = r.method + " " + r.path
			for _, h := range r.headers {
				got += " " + h[0] + ": " + h[1]
			}
			if r.contentType != "" {
				got += " " + r.contentType + " " + string(r.body)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	r, err := toolFor(t, "GET /p", nil, "").request("", "a=1&token=x%20y&to%6Ben=z&TOKEN=n", []string{"token"}, nil)
	if err != nil || r.path != "/p?token=x%20y&to%6Ben=z" {
		t.Errorf("%v %v", r, err)
	}
}

// TestPages walks through the tools of a large API.
func TestPages(t *testing.T) {
	d := &gateway.Deployment{}
	var want []string
	for i := range 250 {
		name := fmt.Sprintf("t%d", i)
		want = append(want, name)
		d.Routes = append(d.Routes, gateway.Route{Method: "GET", Path: "/" + name})
		schema := `{"type":"object"}`
		if i == 7 {
			schema = `{"description":"` + strings.Repeat("x", pageBytes) + `"}`
		}
		d.Tools = append(d.Tools, gateway.Tool{Name: name, Route: "GET /" + name, InputSchema: schema})
	}
	e := newEndpoint(endpointKey{}, &gateway.API{}, &gateway.Stage{Deployment: d, MCP: &gateway.MCP{}}, nil)
	var got []string
	pages, cursor := 0, ""
	for {
		text, ok := e.page(cursor)
		var page struct {
			Tools      []struct{ Name string }
			NextCursor string
		}
		if err := json.Unmarshal(text, &page); err != nil || !ok || len(page.Tools) > pageTools || len(text) > 2*pageBytes {
			t.Fatalf("%v: %d tools in %d bytes", err, len(page.Tools), len(text))
		}
		for _, each := range page.Tools {
			got = append(got, each.Name)
		}
		pages++
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 5 {
		t.Errorf("%d pages: %s", pages, diff)
	}
	for _, cursor := range []string{"x", "!", "dDk5OQ"} {
		if _, ok := e.page(cursor); ok {
			t.Errorf("%q is a cursor", cursor)
		}
	}
}

// TestResults makes results of responses.
func TestResults(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		typ, body  string
		encoding   string
		want       string
		retryAfter string
	}{
		"an object":       {200, "application/json", ` {"a":1}`, "", `{"content":[{"type":"text","text":" {\"a\":1}"}],"structuredContent":{"a":1},"_meta":{"gatehouse/status":200}}`, ""},
		"a list":          {200, "application/json", `[1]`, "", `{"content":[{"type":"text","text":"[1]"}],"_meta":{"gatehouse/status":200}}`, ""},
		"an odd type":     {200, "application/hal+json; charset=utf-8", `{}`, "", `{"content":[{"type":"text","text":"{}"}],"structuredContent":{},"_meta":{"gatehouse/status":200}}`, ""},
		"broken JSON":     {200, "application/json", `{"a"`, "", `{"content":[{"type":"text","text":"{\"a\""}],"_meta":{"gatehouse/status":200}}`, ""},
		"text":            {201, "text/plain", `{"a":1}`, "", `{"content":[{"type":"text","text":"{\"a\":1}"}],"_meta":{"gatehouse/status":201}}`, ""},
		"nothing":         {204, "", "", "", `{"content":[{"type":"text","text":"204 No Content"}],"_meta":{"gatehouse/status":204}}`, ""},
		"nothing bad":     {500, "", "", "", `{"content":[{"type":"text","text":"500 Internal Server Error"}],"isError":true,"_meta":{"gatehouse/status":500}}`, ""},
		"an error":        {429, "application/json", `{"message":"Slow"}`, "", `{"content":[{"type":"text","text":"429 Too Many Requests\n{\"message\":\"Slow\"}\nRetry-After: 3"}],"isError":true,"_meta":{"gatehouse/status":429}}`, "3"},
		"an image":        {200, "image/png", "\xff\x00", "", `{"content":[{"type":"image","data":"/wA=","mimeType":"image/png"}],"_meta":{"gatehouse/status":200}}`, ""},
		"bytes":           {200, "application/zip", "\xff\x00", "", `{"content":[{"type":"resource","resource":{"uri":"data:application/zip","mimeType":"application/zip","blob":"/wA="}}],"_meta":{"gatehouse/status":200}}`, ""},
		"compressed":      {200, "application/json", "\x1f\x8b", "gzip", `{"content":[{"type":"text","text":"200 OK\nthe answer is compressed (gzip), though nobody asked for that"}],"isError":true,"_meta":{"gatehouse/status":200}}`, ""},
		"a broken status": {0, "", "", "", `{"content":[{"type":"text","text":"0"}],"_meta":{"gatehouse/status":0}}`, ""},
	} {
		got := resultOf(c.status, headers{"content-type": c.typ, "content-encoding": c.encoding, "retry-after": c.retryAfter}.get, []byte(c.body))
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// FuzzPath holds that a value stays in its segment, whatever it is.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"", ".", "..", "a/b", `..\x`, "%2e%2e", "%2F", "é", "a?b#c;d", "\x00", "secret", " ", "\xff"} {
		f.Add(seed)
	}
	it := toolFor(f, "GET /a/{x}/b", []gateway.ToolArgument{{Name: "x", Parameter: "x", In: "path", Required: true}}, "", "GET /a/secret/b")
	f.Fuzz(func(t *testing.T, value string) {
		path, err := it.path(map[string]string{"x": value})
		if err != nil {
			return
		}
		parts := strings.Split(path, "/")
		if len(parts) != 4 || parts[1] != "a" || parts[3] != "b" || strings.ContainsAny(path, `?#\`) {
			t.Fatalf("%q became %s", value, path)
		}
		if back, err := url.PathUnescape(parts[2]); err != nil || back != value || back == ".." || back == "." || back == "secret" {
			t.Fatalf("%q became %s", value, path)
		}
	})
}

// FuzzAnswer holds that no message is answered by what is no JSON.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"it","arguments":{"x":"1"}}}`)
	f.Add(`{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-06-18"}}`)
	f.Add(`[]`)
	f.Add(`{"jsonrpc":"2.0","id":null,"method":"ping"}`)
	it := toolFor(f, "GET /a/{x}", []gateway.ToolArgument{{Name: "x", Parameter: "x", In: "path", Required: true}}, "")
	e := &endpoint{tools: map[string]*tool{"it": it}, position: map[string]int{}}
	f.Add(`{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		a := e.answer([]byte(body), "", "", headers{})
		if a.forward == nil && len(a.body) > 0 && !json.Valid(a.body) || a.forward == nil && a.status == 0 {
			t.Fatalf("%q was answered %d %q", body, a.status, a.body)
		}
	})
}
