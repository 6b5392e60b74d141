package websocket

import "time"

// Bounds of Amazon's.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
const (
	// maxFrame is how long a frame may be, and maxMessage what a message may have in
	// all its frames.
	maxFrame   = 32 << 10
	maxMessage = 128 << 10
	// defaultTimeout is how long an integration may take.
	defaultTimeout = 29 * time.Second
)

// Bounds of our own.
const (
	// maxAnswer is what an integration may answer, which is more than can be sent to the
	// client: a backend's long page about an error is not worse than a short one.
	maxAnswer = 1 << 20
	// maxAuthorizer is Amazon's bound for the context that an authorizer gives.
	maxAuthorizer = 8 << 10
	// maxUserAgent and maxDomain are what is kept of them for as long as a connection
	// lasts. $connect is shown them as they are.
	maxUserAgent = 1 << 10
	maxDomain    = 255
	// messagesInFlight is how many messages of a connection are worked on at once. The
	// next is not read before one of them is done.
	messagesInFlight = 8
	// writersWaiting is how many wait to send to a connection. More are told to slow
	// down: the client does not read as fast as it is sent to.
	writersWaiting = 16
)

// Limits bound what the process does for its connections. The zero value of each means
// its default.
type Limits struct {
	// Connections of the process, those that are being made or ended included: 100,000.
	Connections int
	// Calls of integrations that a stage may have under way: 1,000. Messages wait for
	// their turn, and what comes behind them is not read.
	Calls int
	// MessageBytes that may be in memory before they are worked off: 64 MiB.
	MessageBytes int64
	// MessageTimeout is how long a client may take to send a message, from its first
	// frame on: 60 seconds.
	MessageTimeout time.Duration
	// WriteTimeout is how long a client may take none of what it is sent: 10 seconds.
	WriteTimeout time.Duration
	// CloseTimeout is how long a client may take to answer the end of its connection:
	// 2 seconds.
	CloseTimeout time.Duration
}

func (l *Limits) setDefaults() {
	if l.Connections <= 0 {
		l.Connections = 100_000
	}
	if l.Calls <= 0 {
		l.Calls = 1_000
	}
	if l.MessageBytes <= 0 {
		l.MessageBytes = 64 << 20
	}
	if l.MessageTimeout <= 0 {
		l.MessageTimeout = time.Minute
	}
	if l.WriteTimeout <= 0 {
		l.WriteTimeout = 10 * time.Second
	}
	if l.CloseTimeout <= 0 {
		l.CloseTimeout = 2 * time.Second
	}
}
