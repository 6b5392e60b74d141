package telemetry

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/telemetry/socket"
)

// TestEventAccounts holds what is told of events of every fate, at every level, and of the
// request that a connection is to Envoy.
func TestEventAccounts(t *testing.T) {
	event := func(change func(*socket.Event)) *socket.Event {
		e := &socket.Event{
			API: "chat", Stage: "v1", Route: "say", Type: socket.Message, Status: 200, RequestID: "r", ConnectionID: "c", SourceIP: "192.0.2.1", UserAgent: "ws\n\"/1",
			At: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Took: 20 * time.Millisecond,
		}
		change(e)
		return e
	}
	answered := func(e *socket.Event) {
		e.Integrated, e.IntegrationLatency, e.IntegrationStatus, e.IntegrationRequestID = true, 15*time.Millisecond, 200, "aws"
	}
	for name, c := range map[string]struct {
		event        *socket.Event
		info, errors string
	}{
		"connect": {event(func(e *socket.Event) { e.Type, e.Route = socket.Connect, "$connect" }),
			"Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [$connect]|Client [UserAgent: ws\n\"/1, SourceIp: 192.0.2.1] is connecting to WebSocket API [chat].|Client [Connection Id: c] connected to API [chat] successfully.", ""},
		"refused by the integration": {event(func(e *socket.Event) {
			e.Type, e.Route, e.Status = socket.Connect, "$connect", 403
			e.Integrated, e.IntegrationStatus = true, 403
		}), "Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [$connect]|Client [UserAgent: ws\n\"/1, SourceIp: 192.0.2.1] is connecting to WebSocket API [chat].|Received response. Status: 403, Integration latency: 0 ms", ""},
		"message": {event(answered),
			"Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [say]|WebSocket API [chat] received message from client [Connection Id: c].|Sending request to http://127.0.0.1:9/say|Received response. Status: 200, Integration latency: 15 ms|AWS Integration Endpoint RequestId : aws|Message from client [Connection Id: c] sent to API [chat] with response status code [200].", ""},
		"throttled": {event(func(e *socket.Event) { e.Status, e.Response, e.Error = 429, gateway.Throttled, "Too Many Requests" }),
			"Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [say]|WebSocket API [chat] received message from client [Connection Id: c].|Execution failed: Too Many Requests (THROTTLED, 429)",
			"Execution failed: Too Many Requests (THROTTLED, 429)"},
		"not as its model says": {event(func(e *socket.Event) {
			e.Status, e.Response, e.Error, e.Invalid = 400, gateway.BadRequestBody, "Bad request body", "[no id]"
		}), "Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [say]|WebSocket API [chat] received message from client [Connection Id: c].|Request body does not match model schema: [no id]|Execution failed: Bad request body (BAD_REQUEST_BODY, 400)",
			"Request body does not match model schema: [no id]|Execution failed: Bad request body (BAD_REQUEST_BODY, 400)"},
		"timed out": {event(func(e *socket.Event) {
			e.Integrated, e.IntegrationError, e.Status, e.Response, e.Error = true, "late", 504, gateway.IntegrationTimeout, "Endpoint request timed out"
		}), "Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [say]|WebSocket API [chat] received message from client [Connection Id: c].|Sending request to http://127.0.0.1:9/say|Execution failed due to a timeout error|Execution failed: Endpoint request timed out (INTEGRATION_TIMEOUT, 504)",
			"Execution failed due to a timeout error|Execution failed: Endpoint request timed out (INTEGRATION_TIMEOUT, 504)"},
		"an answer that cannot be sent": {event(func(e *socket.Event) {
			answered(e)
			e.Status, e.Response, e.Error = 500, gateway.APIConfigurationError, "Internal server error"
		}), "Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [say]|WebSocket API [chat] received message from client [Connection Id: c].|Sending request to http://127.0.0.1:9/say|Received response. Status: 200, Integration latency: 15 ms|Execution failed: Internal server error (API_CONFIGURATION_ERROR, 500)|AWS Integration Endpoint RequestId : aws",
			"Execution failed: Internal server error (API_CONFIGURATION_ERROR, 500)"},
		"disconnect": {event(func(e *socket.Event) {
			e.Type, e.Route, e.CloseCode, e.CloseReason = socket.Disconnect, "$disconnect", 1000, "done"
		}), "Extended Request Id: r|Starting execution for request: r|WebSocket Request Route: [$disconnect]|Client [Connection Id: c] disconnected from API [chat]. Close reason: [1000: done]", ""},
		"a route that is off": {event(func(e *socket.Event) { e.Route = "quiet"; answered(e) }), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for level, want := range map[gateway.ExecutionLevel]string{gateway.ExecutionSteps: c.info, gateway.ExecutionErrors: c.errors, gateway.ExecutionOff: ""} {
				kept := &recording{}
				h := newHarness(t, Options{History: kept})
				s := snapshot(nil)
				s.APIs = append(s.APIs, gateway.API{ID: "chat", Name: "Chat", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{
					Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.WebSocket, Routes: []gateway.Route{
						{Path: "$connect"}, {Path: "quiet"},
						{Path: "say", Integration: &gateway.Integration{Type: gateway.IntegrationHTTP, URI: "http://127.0.0.1:9/say?token=secret"}},
					}},
					ExecutionLog: &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: level}},
					Settings:     []gateway.RouteSettings{{RouteKey: "quiet", Execution: &gateway.ExecutionDetail{Level: gateway.ExecutionOff}}},
				}}})
				h.Swap(h.Compile(s.Seal()))
				h.Happened(c.event)
				// A connection that was served is told of by its events.
				connected := entry("chat", "v1", gateway.ConnectRoute)
				connected.Status = "101"
				h.tell(connected)
				got := strings.ReplaceAll(strings.Join(messages(t, h.written(t)), "|"), "(r) ", "")
				if diff := cmp.Diff(strings.Split(want, "|"), strings.Split(got, "|")); diff != "" {
					t.Errorf("%s (-want):\n%s", level, diff)
				}
				if shown := strings.Join(kept.all[0].Execution, "|"); shown != want {
					t.Errorf("%s: the history has %q", level, shown)
				}
			}
		})
	}
}
