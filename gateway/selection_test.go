package gateway_test

import (
	"strings"
	"testing"

	"gatehouse/gateway"
)

// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
func TestSelection(t *testing.T) {
	const body = `{"action": "join", "a": {"b": {"c": "deep"}}, "n": 7, "f": 1.50, "t": true, "null": null, "o": {}, "l": [1], "e": "", "q": "a\"b"}`
	for expression, want := range map[string]string{
		"$request.body.action":                       "join",
		"${request.body.action}":                     "join",
		"$request.body.a.b.c":                        "deep",
		"${request.body.action}/${request.body.n}":   "join/7",
		"pre-${request.body.action}-post":            "pre-join-post",
		"$request.body.f":                            "1.50",
		"$request.body.t":                            "true",
		"$request.body.null":                         "",
		"$request.body.o":                            "",
		"$request.body.l":                            "",
		"$request.body.e":                            "",
		"$request.body.q":                            `a"b`,
		"$request.body.missing":                      "",
		"$request.body.action.below":                 "",
		"${request.body.missing}/${request.body.e}":  "/",
		`\$default`:                                  "$default",
		`\${request.body.action}`:                    "${request.body.action}",
		"constant":                                   "constant",
		"$default":                                   "error",
		"$request.body":                              "error",
		"$request.body.":                             "error",
		"$request.body.a[0]":                         "error",
		"$request.path.a":                            "error",
		"${request.body.action":                      "error",
		"":                                           "error",
		"$request.body.action/${request.body.other}": "error",
	} {
		e, err := gateway.ParseSelection(expression)
		if (err != nil) != (want == "error") {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if err != nil {
			continue
		}
		if got := e.Select(func(p gateway.SelectionPart) string { return gateway.JSONText([]byte(body), p.Path) }); got != want {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
	e, err := gateway.ParseSelection("$integration.response.statuscode")
	if err != nil || !e.Only(gateway.SelectResponseStatus) || e.Only(gateway.SelectRequestBody) {
		t.Errorf("a status: %+v %v", e, err)
	}
}

func TestResponseKeys(t *testing.T) {
	for key, texts := range map[string]string{"/4..|5../": "404 500", "404": "404", "$default": "", "/a(b|c)/": "ab ac"} {
		pattern, err := gateway.ParseResponseKey(key)
		if err != nil || (pattern == nil) != (texts == "") {
			t.Errorf("%s: %v %v", key, pattern, err)
		}
		for text := range strings.FieldsSeq(texts) {
			if !pattern.MatchString(text) || pattern.MatchString(text+"0") || pattern.MatchString("0"+text) {
				t.Errorf("%s: %s is not matched, or more than it", key, text)
			}
		}
	}
	for _, key := range []string{"/(/", "/a)|(b/"} {
		if _, err := gateway.ParseResponseKey(key); err == nil {
			t.Errorf("%s is taken", key)
		}
	}
}

// FuzzSelection holds that no expression and no message is too much.
func FuzzSelection(f *testing.F) {
	f.Add("${request.body.a}/x", `{"a": "b"}`)
	f.Add(`\$default`, `[[[[`)
	f.Add("$request.body.a.b", `{"a": {"b": 1e999}}`)
	f.Fuzz(func(t *testing.T, expression, body string) {
		e, err := gateway.ParseSelection(expression)
		if err != nil {
			return
		}
		e.Select(func(p gateway.SelectionPart) string { return gateway.JSONText([]byte(body), p.Path) })
	})
}
