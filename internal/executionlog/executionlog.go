// Package executionlog writes the account of one request on its way through the gateway, in
// the lines of Amazon's execution logs. Values are shortened, and of secrets no more is
// shown than what tells them apart.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
package executionlog

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// Log is the account of one request. A nil one keeps nothing, which is what most requests
// have. It belongs to one goroutine.
type Log struct {
	id  string
	now func() time.Time
	// errors, steps and data say what is told.
	errors, steps, data bool
	// room is how many bytes there may still be, where that is bounded.
	room    int
	bounded bool
	entries []Entry
	secrets []string
}

// Entry is a line, and when what it tells has happened.
type Entry struct {
	At   time.Time
	Text string
}

const (
	// executionTime is how lines begin.
	executionTime = "Mon Jan 02 15:04:05 MST 2006"
	// maxShown is how much of a value is shown.
	maxShown = 998
	// maxAccount bounds what is kept of a request.
	maxAccount = 32 << 10
	// maxSearched is how much of a value is searched for secrets before it is shortened.
	maxSearched = 16 << 10
)

// New begins the account of a request for who has asked for it, of which everything is told.
func New(id string, now func() time.Time) *Log {
	return &Log{id: id, now: now, errors: true, steps: true, data: true}
}

// Detailed begins the account of a request to a stage; nil where it has none.
func Detailed(id string, now func() time.Time, errors, steps, data bool) *Log {
	if !errors && !steps {
		return nil
	}
	return &Log{id: id, now: now, errors: errors, steps: steps, data: data, room: maxAccount, bounded: true}
}

// String is the account, so far, with a head and the times.
func (l *Log) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Execution log for request %s\n", l.id)
	for _, e := range l.entries {
		fmt.Fprintf(&b, "%s : %s\n", e.At.UTC().Format(executionTime), e.Text)
	}
	return b.String()
}

// Entries are its lines, so far.
func (l *Log) Entries() []Entry {
	if l == nil {
		return nil
	}
	return l.entries
}

// Data reports whether what is sent is told.
func (l *Log) Data() bool { return l != nil && l.data }

// Line adds a line that tells a step. What a value has of line ends stays in it, as on
// Amazon.
func (l *Log) Line(format string, args ...any) {
	if l != nil && l.steps {
		l.add(fmt.Sprintf(format, args...))
	}
}

// Failure adds a line that tells why there is an error.
func (l *Log) Failure(format string, args ...any) {
	if l != nil && l.errors {
		l.add(fmt.Sprintf(format, args...))
	}
}

func (l *Log) add(text string) {
	text = l.withoutSecrets(text)
	if l.bounded {
		if l.room <= 0 {
			return
		}
		if l.room -= len(text); l.room <= 0 {
			text = "[TRUNCATED]"
		}
	}
	l.entries = append(l.entries, Entry{l.now(), text})
}

// Later adds a line whose end is known later than it is told; fill says it.
func (l *Log) Later(begin string) (fill func(text string)) {
	if !l.Data() {
		return func(string) {}
	}
	l.add(begin)
	if n := len(l.entries); n > 0 && l.entries[n-1].Text == begin {
		return func(text string) {
			l.entries[n-1].Text = begin + l.shown(text)
			l.room -= len(text)
		}
	}
	return func(string) {}
}

// shown is a value without secrets, shortened.
func (l *Log) shown(text string) string {
	if l == nil {
		return ""
	}
	if len(text) > maxSearched {
		text = text[:maxSearched]
	}
	return Shown(l.withoutSecrets(strings.ToValidUTF8(text, "\uFFFD")))
}

// Asked tells what a backend is asked. Where data is not told, that is the URI without its
// query.
func (l *Log) Asked(uri string, header http.Header, body []byte) {
	if l == nil {
		return
	}
	if !l.data {
		uri, _, _ = strings.Cut(uri, "?")
	}
	uri = l.shown(uri)
	if l.data {
		l.Line("Endpoint request URI: %s", uri)
		l.Line("Endpoint request headers: %s", l.headers(header))
		l.Line("Endpoint request body after transformations: %s", l.body(body))
	}
	l.Line("Sending request to %s", uri)
}

// Answered tells that a backend has answered, or a function has returned.
func (l *Log) Answered(status int, took time.Duration) {
	l.Line("Received response. Status: %d, Integration latency: %d ms", status, took.Milliseconds())
}

// Answer tells what a backend has answered.
func (l *Log) Answer(header http.Header, body []byte) {
	if !l.Data() {
		return
	}
	l.Line("Endpoint response headers: %s", l.headers(header))
	l.Line("Endpoint response body before transformations: %s", l.body(body))
}

func (l *Log) headers(header http.Header) string { return headers(header, l.withoutSecrets) }

func (l *Log) body(body []byte) string { return l.shown(string(body[:min(len(body), maxSearched)])) }

// Method tells what a method is asked, but for the body.
func (l *Log) Method(path, query [][2]string, header http.Header) {
	if !l.Data() {
		return
	}
	l.Line("Method request path: %s", pairs(path, l.withoutSecrets))
	l.Line("Method request query string: %s", pairs(query, l.withoutSecrets))
	l.Line("Method request headers: %s", l.headers(header))
}

// Response tells what a method has answered.
func (l *Log) Response(header http.Header, body []byte) {
	if !l.Data() {
		return
	}
	l.Line("Method response body after transformations: %s", l.body(body))
	l.Line("Method response headers: %s", l.headers(header))
}

// GatewayResponse tells what the gateway has answered in the API's own words.
func (l *Log) GatewayResponse(header http.Header, body []byte) {
	if !l.Data() {
		return
	}
	l.Line("Gateway response body: %s", l.body(body))
	l.Line("Gateway response headers: %s", l.headers(header))
}

// Body shows a body, as text.
func Body(body []byte) string { return Shown(strings.ToValidUTF8(string(body), "\uFFFD")) }

// Shown shortens what is long.
func Shown(text string) string {
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + " [TRUNCATED]"
}
