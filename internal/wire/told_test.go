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
