package wire_test

import (
	"testing"

	"gatehouse/internal/wire"
)

// What a client asked for ends the text, so that nothing in it can pass for another
// field.
func TestTold(t *testing.T) {
	for _, told := range []wire.Told{
		{},
		{Client: "2001:db8::1"},
		{Client: "203.0.113.9", SourceVPC: "vpc-1", CarriedVPCE: "vpce-2"},
		{Client: "203.0.113.9", CarriedVPC: "vpc-1", SourceVPCE: "vpce-2", AskedHost: "localhost:8080", AskedPath: "/_aws/a b - vpc-3?q=-"},
	} {
		if got := wire.ParseTold(told.String()); got != told {
			t.Errorf("%q is read as %+v", told.String(), got)
		}
	}
	for _, text := range []string{"", "-", "- - - - - - -", "- - - - - -"} {
		if got := (wire.Told{}); wire.ParseTold(text) != got {
			t.Errorf("%q is read as %+v", text, wire.ParseTold(text))
		}
	}
}

// TestAsked holds that what clients asked for is read as it was written, without a key, too.
func TestAsked(t *testing.T) {
	for text, want := range map[string]wire.Asked{
		wire.Asked{Method: "GET", Host: "shop.example.com:8443", Path: "/a b", UserAgent: "curl/8 (x y)"}.String(): {Method: "GET", Host: "shop.example.com:8443", Path: "/a b", UserAgent: "curl/8 (x y)"},
		wire.Asked{Method: "GET", Host: "h", Path: "/", UserAgent: "-", Key: "|0a1b|:acme: 1"}.String():            {Method: "GET", Host: "h", Path: "/", Key: "|0a1b|:acme: 1"},
		wire.AskedWithKey(wire.Asked{Method: "GET", Host: "h", Path: "/", UserAgent: "curl/8"}.String(), "-"):      {Method: "GET", Host: "h", Path: "/", UserAgent: "curl/8"},
		"GET h /a b": {Method: "GET", Host: "h", Path: "/a b"},
		"-":          {Method: "-"},
		"":           {},
	} {
		if got := wire.ParseAsked(text); got != want {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// TestLoggedRoute holds that the name of a route is read as it was written.
func TestLoggedRoute(t *testing.T) {
	for text, want := range map[string]wire.LoggedRoute{
		"shop|v1|||GET /pets":                                {API: "shop", Stage: "v1", Route: "GET /pets"},
		"shop|v1|canary+rule-1||a|b":                         {API: "shop", Stage: "v1", Canary: true, Rule: "rule-1", Route: "a|b"},
		"shop|v1||GET shop.example.com /v1/pets|GET /pets":   {API: "shop", Stage: "v1", Asked: wire.Asked{Method: "GET", Host: "shop.example.com", Path: "/v1/pets"}, Route: "GET /pets"},
		"shop|$default|+rule-1| shop.example.com |$default":  {API: "shop", Stage: "$default", Rule: "rule-1", Asked: wire.Asked{Host: "shop.example.com"}, Route: "$default"},
		"shop|v1|| shop.example.com /any|ANY /any|something": {API: "shop", Stage: "v1", Asked: wire.Asked{Host: "shop.example.com", Path: "/any"}, Route: "ANY /any|something"},
	} {
		if got := wire.ParseLoggedRoute(text); got != want {
			t.Errorf("%q is read as %+v", text, got)
		}
		if got := want.String(); got != text {
			t.Errorf("%+v is written as %q", want, got)
		}
	}
	for _, other := range []string{"", "-", "path form", "shop|v1||GET /pets"} {
		if got := wire.ParseLoggedRoute(other); got != (wire.LoggedRoute{}) {
			t.Errorf("%q is read as %+v", other, got)
		}
	}
}
