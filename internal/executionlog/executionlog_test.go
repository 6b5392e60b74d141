package executionlog

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func at() time.Time { return noon }

// told makes an account of the same request in so much detail.
func told(l *Log) []string {
	l.Method([][2]string{{"id", "7"}}, [][2]string{{"a", "1"}}, http.Header{"X-A": {"1", "2"}, "X-Gw-Route": {"x"}})
	fill := l.Later("Method request body before transformations: ")
	l.Asked("http://backend/seen/7?token=1", http.Header{"X-A": {"1"}}, []byte("in"))
	l.Answered(200, 12*time.Millisecond)
	l.Answer(http.Header{"Server": {"b"}}, []byte("out"))
	l.Failure("Execution failed: %s", "it")
	fill("body")
	l.Response(http.Header{"Server": {"g"}}, []byte("out"))
	var lines []string
	for _, e := range l.Entries() {
		lines = append(lines, e.Text)
	}
	return lines
}

// TestDetail holds which lines each level has.
func TestDetail(t *testing.T) {
	for _, c := range []struct {
		name                string
		errors, steps, data bool
		want                []string
	}{
		{"off", false, false, false, nil},
		{"errors", true, false, false, []string{"Execution failed: it"}},
		{"steps", true, true, false, []string{"Sending request to http://backend/seen/7", "Received response. Status: 200, Integration latency: 12 ms", "Execution failed: it"}},
		{"data", true, true, true, []string{
			"Method request path: {id=7}", "Method request query string: {a=1}", "Method request headers: {X-A=1,2}", "Method request body before transformations: body",
			"Endpoint request URI: http://backend/seen/7?token=1", "Endpoint request headers: {X-A=1}", "Endpoint request body after transformations: in", "Sending request to http://backend/seen/7?token=1",
			"Received response. Status: 200, Integration latency: 12 ms", "Endpoint response headers: {Server=b}", "Endpoint response body before transformations: out", "Execution failed: it",
			"Method response body after transformations: out", "Method response headers: {Server=g}",
		}},
	} {
		if diff := cmp.Diff(c.want, told(Detailed("id", at, c.errors, c.steps, c.data))); diff != "" {
			t.Errorf("%s (-want):\n%s", c.name, diff)
		}
	}
}

// TestString holds what who tries a method is told.
func TestString(t *testing.T) {
	l := New("id-1", at)
	l.Line("Starting")
	if want := "Execution log for request id-1\nThu Nov 26 12:00:00 UTC 2026 : Starting\n"; l.String() != want {
		t.Errorf("it is %q, want %q", l.String(), want)
	}
}

// TestSecrets holds that what lets others in is not told, wherever it stands.
func TestSecrets(t *testing.T) {
	const token, odd = "eyJhbGciOi.secret-tail42", "secret\"with<quotes>&more"
	l := New("id", at)
	header := http.Header{
		"Authorization": {"Bearer " + token}, "X-Copy": {"is " + token}, "Cookie": {"theme=dark; session=secret-session"},
		"x-api-key": {"short"}, "X-Amz-Security-Token": {odd},
	}
	l.SecretsOf(header)
	l.SecretsOfQuery([][2]string{{"Access_Token", "secret of a query"}, {"page", "common"}})
	l.Method(nil, [][2]string{{"access_token", "secret of a query"}, {"token", "tiny"}, {"page", "common"}}, header)
	l.Asked("http://backend/?t=secret+of+a+query&page=common", header, []byte(`{"a":"`+token+`","o":"secret\"with<quotes>&more","cookies":["session=secret-session"]}`))
	l.Line("found %s", token)
	l.Failure("failed at %s", odd)
	// A value is searched before it is cut off.
	l.Answer(http.Header{"X-Long": {strings.Repeat("x", maxShown-10) + token}, "Set-Cookie": {"a=later-secret; Path=/longer-path"}}, []byte(`{"later-secret":1}`))
	l.SecretsOf(http.Header{"Set-Cookie": {"a=later-secret; Path=/longer-path"}})
	l.Clean()
	text := l.String()
	for _, secret := range []string{"eyJ", "secret-session", "secret of", "secret+of", `secret\"`, `secret"`, "later-secret", "short", "tiny"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is told:\n%s", secret, text)
		}
	}
	for _, plain := range []string{"page=common", "X-Copy=is ***", "tail42"} {
		if !strings.Contains(text, plain) {
			t.Errorf("%q is not told:\n%s", plain, text)
		}
	}
}

// TestBounds holds that no request makes the log long, whatever it sends.
func TestBounds(t *testing.T) {
	l := Detailed("id", at, true, true, true)
	long := strings.Repeat("ß", 5000)
	for range 200 {
		l.Answer(http.Header{"X": {long}}, []byte("x"+long))
	}
	size := 0
	for _, e := range l.Entries() {
		size += len(e.Text)
		if !utf8.ValidString(e.Text) {
			t.Errorf("%q is no text", e.Text)
		}
	}
	last := l.Entries()[len(l.Entries())-1].Text
	if size > maxAccount+2000 || size < maxAccount/2 || last != "[TRUNCATED]" {
		t.Errorf("there are %d bytes, the last are %q", size, last)
	}
	if got := Shown(strings.Repeat("x", maxShown)); strings.Contains(got, "TRUNCATED") {
		t.Error("what is not too long is cut off")
	}
	if got := Shown(strings.Repeat("x", maxShown+1)); got != strings.Repeat("x", maxShown)+" [TRUNCATED]" {
		t.Errorf("it ends in %q", got[maxShown-5:])
	}
}
