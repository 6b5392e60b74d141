// Package socket has what is told of connections of WebSocket APIs: by who serves them, to
// who writes logs of it and counts it.
package socket

import (
	"time"

	"gatehouse/gateway"
)

// Type is what has happened on a connection.
type Type string

// The types are Amazon's.
const (
	Connect    Type = "CONNECT"
	Message    Type = "MESSAGE"
	Disconnect Type = "DISCONNECT"
)

// Event is one that has been dealt with. Who is told of it keeps none of it, and changes
// nothing.
type Event struct {
	API, Stage string
	// Route is the key of the route, empty where a message has none.
	Route string
	Type  Type
	// Status is what came of it, as of an HTTP request: 200 for good.
	Status                  int
	RequestID, ConnectionID string
	// MessageID is that of a message.
	MessageID string
	// Connected is when the client wanted to connect, At when this began.
	Connected, At time.Time
	// Took is how long it was dealt with.
	Took time.Duration
	// Domain is the host name that the client asked for.
	Domain, SourceIP, UserAgent string
	// Authorizer is the context that an authorizer gave, a JSON object, or nil.
	Authorizer []byte
	// Caller is who signed the request to connect, and KeyName names the key that came with
	// it.
	Caller  map[string]string
	KeyName string

	// Integrated tells that the integration was called, which took IntegrationLatency.
	Integrated         bool
	IntegrationLatency time.Duration
	// IntegrationStatus is what it answered, 0 for nothing; then IntegrationError says why.
	IntegrationStatus int
	IntegrationError  string
	// IntegrationRequestID is the id that an AWS service has given.
	IntegrationRequestID string

	// CloseCode and CloseReason are how a connection has ended.
	CloseCode   int
	CloseReason string

	// Response is the gateway response that stands for a refusal, empty where the gateway did
	// not refuse; Error is what the client was told then.
	Response gateway.ResponseType
	Error    string
	// Invalid is what was wrong with a message that was held to a model, a list in brackets with
	// parts of the message in it.
	Invalid string

	// Trace is what was sent, nil where nobody wants to know.
	Trace *Trace
}

// Fault is whose it was that an event failed, by the names of CloudWatch's metrics.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
type Fault string

const (
	// ClientError: the gateway answered with 4XX before it called the integration.
	ClientError Fault = "ClientError"
	// IntegrationError: the integration answered with 4XX or 5XX.
	IntegrationError Fault = "IntegrationError"
	// ExecutionError: the integration could not be called, or what it answered not be used.
	ExecutionError Fault = "ExecutionError"
)

// Fault is empty where the event did not fail.
func (e *Event) Fault() Fault {
	switch {
	case !e.Integrated && e.Status >= 400 && e.Status < 500:
		return ClientError
	case e.IntegrationStatus >= 400:
		return IntegrationError
	case e.IntegrationError != "", e.Status >= 500:
		return ExecutionError
	}
	return ""
}

// Refused is whose it was that a client may not connect which an Envoy did not let in.
func Refused(status int) Fault {
	switch status / 100 {
	case 4:
		return ClientError
	case 5:
		return ExecutionError
	}
	return ""
}

// Observer is told what happens. It does not wait for anything.
type Observer interface {
	// Happened tells of an event.
	Happened(*Event)
	// Sent tells of a message that a client was sent: as the answer to one that came by a
	// route, or by nobody's but a backend's wish, for which there is none.
	Sent(api, stage, route string)
}
