package wire_test

import (
	"reflect"
	"strings"
	"testing"

	"gatehouse/internal/wire"
)

// TestLoggedRequestOfAnotherVersion holds that what has more lines or fewer is not taken for a
// request, and that the attribute has another name once it has other fields.
func TestLoggedRequestOfAnotherVersion(t *testing.T) {
	var named wire.LoggedRequest
	for i, v := 0, reflect.ValueOf(&named).Elem(); i < v.NumField(); i++ {
		v.Field(i).SetString(v.Type().Field(i).Name)
	}
	text := named.String()
	if got, ok := wire.ParseLoggedRequest(text); !ok || got != named {
		t.Errorf("read was %+v", got)
	}
	_, less, _ := strings.Cut(text, "\n")
	for _, other := range []string{less, text + "\nMore", text + "\n", "", "something else"} {
		if got, ok := wire.ParseLoggedRequest(other); ok {
			t.Errorf("%q is read as %+v", other, got)
		}
	}
	const want = "request-3: Route Asked Method Path UserAgent Protocol RequestID Client Status Details Flags" +
		" RequestHeadersSize RequestBodySize ResponseHeadersSize ResponseBodySize Took TookAtAll IntegrationTook UpstreamCluster UpstreamHost" +
		" ErrorType TLSVersion TLSCipher Certificate SourceVPC SourceVPCE" +
		" Authorization Tokens Trace Integration"
	if got := wire.LoggedRequestAttribute + ": " + strings.ReplaceAll(text, "\n", " "); got != want {
		t.Errorf("the fields are others:\n%s\nwant\n%s\n(give the attribute another name)", got, want)
	}
}

func FuzzParseLoggedRequest(f *testing.F) {
	f.Add((&wire.LoggedRequest{Route: "shop|v1|||GET /", Client: "- -", Integration: "{}"}).String())
	f.Add(strings.Repeat("\n", 29))
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := wire.ParseLoggedRequest(text)
		if !ok {
			return
		}
		if again, ok := wire.ParseLoggedRequest(r.String()); !ok || again != r {
			t.Errorf("%q is read as %+v, and that as %+v", text, r, again)
		}
	})
}
