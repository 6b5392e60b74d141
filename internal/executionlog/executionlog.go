// Package executionlog writes the account of one request on its way through the gateway, in
// the lines of Amazon's execution logs. Values are shortened, and of secrets no more is
// shown than what tells them apart.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
package executionlog

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/wire"
)

// Log is the account of one request. A nil one keeps nothing, which is what most requests
// have. It belongs to one goroutine.
type Log struct {
	text strings.Builder
	now  func() time.Time
}

// New begins the account of a request.
func New(id string, now func() time.Time) *Log {
	l := &Log{now: now}
	fmt.Fprintf(&l.text, "Execution log for request %s\n", id)
	return l
}

const (
	// executionTime is how lines begin.
	executionTime = "Mon Jan 02 15:04:05 MST 2006"
	// maxShown is how much of a value is shown.
	maxShown = 998
	// shownOfSecret is how much of the end of a secret is shown.
	shownOfSecret = 6
)

// String is the account, so far.
func (l *Log) String() string { return l.text.String() }

// Line adds a line. What a value has of line ends stays in it, as on Amazon.
func (l *Log) Line(format string, args ...any) {
	if l == nil {
		return
	}
	fmt.Fprintf(&l.text, "%s : ", l.now().UTC().Format(executionTime))
	fmt.Fprintf(&l.text, format, args...)
	l.text.WriteByte('\n')
}

// Asked tells what a backend is asked. The URI is to have no secrets in it.
func (l *Log) Asked(uri string, header http.Header, body []byte) {
	if l == nil {
		return
	}
	l.Line("Endpoint request URI: %s", Shown(uri))
	l.Line("Endpoint request headers: %s", Headers(header))
	l.Line("Endpoint request body after transformations: %s", Body(body))
	l.Line("Sending request to %s", Shown(uri))
}

// Answered tells that a backend has answered, or a function has returned.
func (l *Log) Answered(status int, took time.Duration) {
	l.Line("Received response. Status: %d, Integration latency: %d ms", status, took.Milliseconds())
}

// Answer tells what a backend has answered.
func (l *Log) Answer(header http.Header, body []byte) {
	if l == nil {
		return
	}
	l.Line("Endpoint response headers: %s", Headers(header))
	l.Line("Endpoint response body before transformations: %s", Body(body))
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

// secretHeaders are shown by their ends.
var secretHeaders = map[string]bool{
	"Authorization": true, "Cookie": true, "Proxy-Authorization": true, "Set-Cookie": true, "X-Amz-Security-Token": true, "X-Api-Key": true,
}

// Headers writes headers as {name=value, …}, sorted.
func Headers(header http.Header) string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if strings.HasPrefix(strings.ToLower(name), wire.InternalHeaderPrefix) {
			continue
		}
		values := strings.Join(header[name], ",")
		if secretHeaders[http.CanonicalHeaderKey(name)] {
			values = Masked(values)
		}
		fields = append(fields, name+"="+Shown(values))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// Masked leaves the end of a secret, so that it can be told from others; of a short one
// nothing.
func Masked(secret string) string {
	if len(secret) <= 2*shownOfSecret {
		return strings.Repeat("*", len(secret))
	}
	hidden := len(secret) - shownOfSecret
	return strings.Repeat("*", hidden) + strings.ToValidUTF8(secret[hidden:], "*")
}

// Pairs writes what a request has of named values.
func Pairs(pairs [][2]string) string {
	fields := make([]string, 0, len(pairs))
	for _, p := range pairs {
		fields = append(fields, p[0]+"="+Shown(p[1]))
	}
	slices.Sort(fields)
	return "{" + strings.Join(fields, ", ") + "}"
}
