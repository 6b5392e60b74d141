package websocket

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"gatehouse/gateway"
	"gatehouse/telemetry/socket"
)

// observe begins what is told of an event; nil where nobody wants to know.
func (s *Server) observe(kind socket.Type, key stageKey, route, request string, at time.Time) *socket.Event {
	if s.observer == nil {
		return nil
	}
	return &socket.Event{
		Type: kind, API: key.api, Stage: key.stage, Route: route, RequestID: request,
		Connected: at, At: at, Status: http.StatusOK,
	}
}

// ofClient adds who is connected.
func ofClient(e *socket.Event, a *about) {
	if e == nil {
		return
	}
	e.ConnectionID, e.Connected = a.id, a.connected
	e.Domain, e.SourceIP, e.UserAgent = a.domain, a.sourceIP, a.userAgent
	e.Authorizer, e.Caller, e.KeyName = a.authorizer, a.caller, a.apiKeyID
	if e.Trace != nil {
		// Functions are told of the key and of who signed, and maybe of more by authorizers.
		e.Trace.Secret(a.apiKey.Reveal(), a.caller["accessKey"])
		e.Trace.Secret(a.secrets...)
	}
}

// ended adds how the connection has ended.
func ended(e *socket.Event, last *ending) {
	if e != nil && last != nil {
		e.CloseCode, e.CloseReason = int(last.code), last.reason
	}
}

// refused adds why the gateway refused.
func refused(e *socket.Event, status int, response gateway.ResponseType, message string) {
	if e != nil {
		e.Status, e.Response, e.Error = status, response, message
	}
}

// refusedMessage adds what is wrong with a message.
func refusedMessage(e *socket.Event, f *failure) {
	refused(e, f.status, gateway.BadRequestBody, f.message)
	if e != nil && f.status == http.StatusBadRequest {
		e.Invalid = f.cause.Error()
	}
}

// failedCall adds the failure of an integration.
func failedCall(e *socket.Event, f *failure) {
	response := gateway.IntegrationFailure
	if f.status == http.StatusGatewayTimeout {
		response = gateway.IntegrationTimeout
	}
	refused(e, f.status, response, f.message)
}

// called adds what an integration did.
func called(e *socket.Event, took time.Duration, a *answer, err error) {
	if e == nil {
		return
	}
	e.Integrated, e.IntegrationLatency = true, max(0, took)
	if err != nil {
		var f *failure
		if errors.As(err, &f) && f.cause != nil {
			err = f.cause
		}
		// Without the URI, whose query may be what lets others in.
		if of := (*url.Error)(nil); errors.As(err, &of) {
			err = of.Err
		}
		e.IntegrationError = err.Error()
		return
	}
	if e.Trace != nil {
		e.Trace.SecretsOf(a.header)
		e.Trace.Answer(a.header, a.body)
	}
	e.IntegrationStatus = a.status
	e.IntegrationRequestID = a.header.Get("X-Amzn-Requestid")
}

// tell tells of an event that has been dealt with.
func (s *Server) tell(e *socket.Event) {
	if e != nil {
		e.Took = max(0, time.Since(e.At))
		if e.Trace != nil {
			// What is answered to come back with may have been told before it was known.
			e.Trace.Clean()
		}
		s.observer.Happened(e)
	}
}

// tellSent tells of a message that a client was sent.
func (s *Server) tellSent(a *about, route string) {
	if s.observer != nil {
		s.observer.Sent(a.stage.api, a.stage.stage, route)
	}
}
