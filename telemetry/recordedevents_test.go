package telemetry

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/telemetry/history"
	"gatehouse/telemetry/socket"
)

// TestHistoryOfConnections holds what becomes of events, of clients that an Envoy does not let
// connect, and of the request that a connection is to Envoy.
func TestHistoryOfConnections(t *testing.T) {
	kept := &recording{}
	began := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	h := newHarness(t, Options{History: kept, Now: func() time.Time { return began.Add(time.Minute) }})
	s := snapshot(nil)
	s.APIs = append(s.APIs, gateway.API{ID: "chat", Name: "Chat", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{
		Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.WebSocket, Routes: []gateway.Route{{Path: "say"}}},
	}}})
	s = s.Seal()
	h.Swap(h.Compile(s))

	said := socket.Event{
		API: "chat", Stage: "v1", Route: "say", Type: socket.Message, Status: 200, RequestID: "r1", ConnectionID: "c1", MessageID: "m1",
		Connected: began.Add(-time.Hour), At: began, Took: 20 * time.Millisecond, Domain: "chat.example.com", SourceIP: "192.0.2.1", UserAgent: "ws/1",
		Authorizer: []byte(`{"principalId":"jane"}`), KeyName: "acme", Integrated: true, IntegrationLatency: 15 * time.Millisecond, IntegrationStatus: 502,
	}
	throttled := said
	throttled.RequestID, throttled.Status, throttled.Response, throttled.Error = "r2", 429, gateway.Throttled, "Too Many Requests"
	throttled.Integrated, throttled.IntegrationLatency, throttled.IntegrationStatus = false, 0, 0
	failed := said
	failed.RequestID, failed.Status, failed.IntegrationStatus, failed.IntegrationError = "r3", 500, 0, "nobody answers"
	unknown := said
	unknown.Stage = "gone"
	over := said
	over.Type, over.Route, over.RequestID, over.IntegrationStatus, over.CloseCode, over.CloseReason = socket.Disconnect, "$disconnect", "r6", 200, 1009, "Message too big"
	for _, e := range []*socket.Event{&said, &throttled, &failed, &unknown, &over} {
		h.Happened(e)
	}
	h.Sent("chat", "v1", "say")
	h.Sent("chat", "v1", "")
	h.Sent("chat", "gone", "")

	refused := entry("chat", "v1", gateway.ConnectRoute)
	refused.RequestID, refused.Status, refused.Details = "r4", "403", "ext_authz_denied"
	connected := entry("chat", "v1", gateway.ConnectRoute)
	// What Envoy says when such a connection has ended is how it has.
	connected.RequestID, connected.Status, connected.Details = "r5", "101", "downstream_remote_disconnect"
	left := entry("chat", "v1", gateway.ConnectRoute)
	left.RequestID, left.Status, left.IntegrationTook, left.Details = "r7", "0", "", "downstream_remote_disconnect"
	early := *left
	early.RequestID, early.UpstreamHost = "r8", ""
	h.tell(refused, connected, left, &early)

	if len(kept.all) != 8 {
		t.Fatalf("%d are kept", len(kept.all))
	}
	want := history.Request{
		ID: "r1", At: began, API: "chat", Stage: "v1", Resource: "say", Protocol: "WEBSOCKET", Event: "MESSAGE", Fault: "IntegrationError", ConnectionID: "c1",
		Host: "chat.example.com", Caller: "192.0.2.1", UserAgent: "ws/1", KeyName: "acme", Status: 200, Latency: 20 * time.Millisecond,
		Integrated: true, IntegrationLatency: 15 * time.Millisecond, IntegrationStatus: 502, Revision: s.Revision(),
	}
	if diff := cmp.Diff(want, kept.all[0]); diff != "" {
		t.Errorf("a message (-want):\n%s", diff)
	}
	for i, want := range []history.Request{
		1: {Event: "MESSAGE", Fault: "ClientError", ConnectionID: "c1", Throttled: true, ResponseType: "THROTTLED", ErrorMessage: "Too Many Requests"},
		2: {Event: "MESSAGE", Fault: "ExecutionError", ConnectionID: "c1", UpstreamFailure: "nobody answers"},
		3: {Event: "DISCONNECT", ConnectionID: "c1", Ended: "1009 Message too big"},
		4: {Event: "CONNECT", Fault: "ClientError", ConnectionID: wire.ConnectionID("r4"), ResponseType: kept.all[4].ResponseType, ErrorMessage: kept.all[4].ErrorMessage},
		5: {},
		6: {}, // It was told of by who was asked to let it in.
		7: {Event: "CONNECT", ConnectionID: wire.ConnectionID("r8")},
	} {
		got := kept.all[i]
		got = history.Request{
			Event: got.Event, Fault: got.Fault, ConnectionID: got.ConnectionID, Throttled: got.Throttled, ResponseType: got.ResponseType, ErrorMessage: got.ErrorMessage,
			UpstreamFailure: got.UpstreamFailure, Ended: got.Ended,
		}
		if diff := cmp.Diff(want, got); i > 0 && diff != "" {
			t.Errorf("number %d (-want):\n%s", i, diff)
		}
	}
	if !slices.Equal(kept.sent, []string{"chat v1 say", "chat v1 "}) {
		t.Errorf("sent: %q", kept.sent)
	}
	for direction, want := range map[string]float64{"received": 3, "sent": 2} {
		if n, _ := h.metric(t, "gatehouse_apigateway_websocket_message_count_total", map[string]string{"api_id": "chat", "direction": direction}); n != want {
			t.Errorf("%v messages are %s", n, direction)
		}
	}
	if n, _ := h.metric(t, "gatehouse_apigateway_websocket_connect_count_total", map[string]string{"api_id": "chat"}); n != 2 {
		t.Errorf("%v clients wanted to connect that nobody else tells of", n)
	}
}
