package socket

import (
	"net/http"
	"time"

	"gatehouse/internal/executionlog"
)

// Trace is what is sent on the way of an event, in the lines that execution logs of REST APIs
// have for it. A nil one, which most events have, keeps nothing. It belongs to one goroutine
// until the event is told of.
type Trace struct {
	// Log masks the secrets that it is told of.
	*executionlog.Log
	// ends are how many lines there are with each part.
	ends [Replied + 1]int
	last Part
}

// Part is a part of what is sent.
type Part int

// The parts, in their order.
const (
	// Received came from the client.
	Received Part = iota
	// Asked goes to the integration, Answered comes from it.
	Asked
	Answered
	// Replied goes to the client.
	Replied
)

// NewTrace begins to keep what is sent.
func NewTrace(request string) *Trace {
	return &Trace{Log: executionlog.Detailed(request, time.Now, true, true, true), last: Received}
}

// part has the lines told by tell in a part; what belongs before what is there already is not
// told again.
func (t *Trace) part(p Part, tell func(l *executionlog.Log)) {
	if t == nil || p < t.last || p == t.last && t.ends[p] > 0 {
		return
	}
	tell(t.Log)
	t.last = p
	for ; p <= Replied; p++ {
		t.ends[p] = len(t.Entries())
	}
}

// Connecting tells of the request of a client that wants to connect.
func (t *Trace) Connecting(query [][2]string, header http.Header) {
	t.part(Received, func(l *executionlog.Log) { l.Method(nil, query, header) })
}

// Message tells of a client's message.
func (t *Trace) Message(text []byte) {
	t.part(Received, func(l *executionlog.Log) { l.Later("Method request body before transformations: ")(string(text)) })
}

// Ask tells what the integration is asked.
func (t *Trace) Ask(uri string, header http.Header, body []byte) {
	t.part(Asked, func(l *executionlog.Log) { l.Asked(uri, header, body) })
}

// Answer tells what it answers. Who tells first knows best.
func (t *Trace) Answer(header http.Header, body []byte) {
	t.part(Answered, func(l *executionlog.Log) { l.Answer(header, body) })
}

// Reply tells what the client is answered; header is nil for a message.
func (t *Trace) Reply(header http.Header, body []byte) {
	t.part(Replied, func(l *executionlog.Log) {
		if header != nil {
			l.SecretsOf(header)
			l.Response(header, body)
			return
		}
		l.Later("Method response body after transformations: ")(string(body))
	})
}

// Lines are those of a part.
func (t *Trace) Lines(p Part) []executionlog.Entry {
	if t == nil {
		return nil
	}
	begin := 0
	if p > Received {
		begin = t.ends[p-1]
	}
	return t.Entries()[begin:max(begin, t.ends[p])]
}
