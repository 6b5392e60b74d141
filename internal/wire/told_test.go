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
