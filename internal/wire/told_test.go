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

// TestAsked holds that what clients asked for is read as it was written, and what earlier
// versions had Envoys write, who told user agents apart.
func TestAsked(t *testing.T) {
	for text, want := range map[string][4]string{
		wire.AskedFormat("GET", "shop.example.com:8443", "/a b", "curl/8 (x y)"): {"GET", "shop.example.com:8443", "/a b", "curl/8 (x y)"},
		wire.AskedFormat("GET", "h", "/", "-"):                                   {"GET", "h", "/", ""},
		"GET h /a b":                                                             {"GET", "h", "/a b", ""},
		"":                                                                       {},
	} {
		var got [4]string
		if got[0], got[1], got[2], got[3] = wire.ParseAsked(text); got != want {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}
