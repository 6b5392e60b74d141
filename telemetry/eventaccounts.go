package telemetry

import (
	"fmt"
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/telemetry/socket"
)

// eventAccount is what is told of an event of a connection. Amazon has documented no texts
// for it: docs/execution-logs.md says where these are from.
func (r *request) eventAccount(d gateway.ExecutionDetail) []executionlog.Entry {
	e := r.socket
	a := &account{request: r, detail: d, at: e.At}
	a.step("Extended Request Id: %s", e.RequestID)
	a.step("Starting execution for request: %s", e.RequestID)
	a.step("WebSocket Request Route: [%s]", e.Route)
	switch e.Type {
	case socket.Connect:
		a.connecting(e.UserAgent, e.SourceIP)
	case socket.Message:
		a.step("WebSocket API [%s] received message from client [Connection Id: %s].", e.API, e.ConnectionID)
	case socket.Disconnect: // is told with what came of it
	}
	a.entries = append(a.entries, e.Trace.Lines(socket.Received)...)
	if asked := e.Trace.Lines(socket.Asked); asked != nil {
		a.entries = append(a.entries, asked...)
	} else if in := r.integration(); e.Integrated && in != nil && in.URI != "" && in.Type != gateway.IntegrationMock {
		to, _, _ := strings.Cut(in.URI, "?")
		a.step("Sending request to %s", to)
	}
	a.at = e.At.Add(e.Took)
	if e.IntegrationStatus != 0 {
		a.step("Received response. Status: %d, Integration latency: %d ms", e.IntegrationStatus, e.IntegrationLatency.Milliseconds())
	}
	a.entries = append(a.entries, e.Trace.Lines(socket.Answered)...)
	a.eventFailure(e)
	a.entries = append(a.entries, e.Trace.Lines(socket.Replied)...)
	if e.IntegrationRequestID != "" {
		a.step("AWS Integration Endpoint RequestId : %s", e.IntegrationRequestID)
	}
	a.eventEnd(e)
	return a.entries
}

func (r *request) integration() *gateway.Integration {
	if r.route == nil {
		return nil
	}
	return r.route.Integration
}

// connecting tells who wants to connect.
func (a *account) connecting(userAgent, sourceIP string) {
	a.step("Client [UserAgent: %s, SourceIp: %s] is connecting to WebSocket API [%s].", userAgent, sourceIP, a.stage.api.ID)
}

// eventFailure tells why the gateway has failed an event, if it has.
func (a *account) eventFailure(e *socket.Event) {
	switch {
	case e.Response == gateway.IntegrationTimeout:
		a.failure("Execution failed due to a timeout error")
	case e.IntegrationError != "":
		a.failure("Execution failed due to configuration error: %s", e.IntegrationError)
	}
	if e.Invalid != "" {
		a.failure("Request body does not match model schema: %s", e.Invalid)
	}
	if e.Error != "" {
		why := ""
		if e.Response != "" {
			why = fmt.Sprintf(" (%s, %d)", e.Response, e.Status)
		}
		a.failure("Execution failed: %s%s", e.Error, why)
	}
}

// eventEnd tells what has come of an event that the gateway has not failed.
func (a *account) eventEnd(e *socket.Event) {
	switch {
	case e.Type == socket.Connect && e.Status < http.StatusMultipleChoices:
		a.step("Client [Connection Id: %s] connected to API [%s] successfully.", e.ConnectionID, e.API)
	case e.Type == socket.Message && e.Error == "" && e.IntegrationStatus != 0:
		a.step("Message from client [Connection Id: %s] sent to API [%s] with response status code [%d].", e.ConnectionID, e.API, e.IntegrationStatus)
	case e.Type == socket.Disconnect && e.IntegrationStatus != 0:
		a.step("Client [Connection Id: %s] disconnected from API [%s] with integration response status code [%d]. Close reason: [%d: %s]",
			e.ConnectionID, e.API, e.IntegrationStatus, e.CloseCode, e.CloseReason)
	case e.Type == socket.Disconnect:
		a.step("Client [Connection Id: %s] disconnected from API [%s]. Close reason: [%d: %s]", e.ConnectionID, e.API, e.CloseCode, e.CloseReason)
	}
}
