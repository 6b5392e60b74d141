package socket

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestTrace holds that lines are in the part that they belong to, whichever parts there are, that
// who tells first knows best, and that a secret is masked in what was told before it was known.
func TestTrace(t *testing.T) {
	tr := NewTrace("r")
	tr.Secret("sent-cookie-0123456789")
	known := tr.Secrets()
	tr.Message([]byte(`{"id": "sent-cookie-0123456789"}`))
	tr.Answer(nil, []byte(`{"headers": {"Set-Cookie": "id=given-cookie-0123456789"}}`))
	tr.Answer(http.Header{"X": {"later"}}, nil)
	tr.Ask("http://too.late", nil, nil)
	tr.SecretsOf(http.Header{"Set-Cookie": {"id=given-cookie-0123456789; HttpOnly"}})
	tr.Clean()
	want := map[Part]string{
		Received: `Method request body before transformations: {"id": "****************456789"}`,
		Asked:    "",
		Answered: `Endpoint response headers: {}|Endpoint response body before transformations: {"headers": {"Set-Cookie": "id=*****************456789"}}`,
		Replied:  "",
	}
	for part, lines := range want {
		var got []string
		for _, e := range tr.Lines(part) {
			got = append(got, e.Text)
		}
		if strings.Join(got, "|") != lines {
			t.Errorf("part %d is\n%s\nwant\n%s", part, strings.Join(got, "|"), lines)
		}
	}
	// What another account masks does not change with this one.
	if !slices.Equal(known, []string{"sent-cookie-0123456789"}) {
		t.Error(known)
	}
	var none *Trace
	none.Message(nil)
	none.Reply(nil, nil)
	if none.Lines(Received) != nil {
		t.Error("nothing keeps something")
	}
}
