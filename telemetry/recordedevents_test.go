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
	for _, e := range []*socket.Event{&said, &throttled, &failed, &unknown} {
		h.Happened(e)
	}
	h.Sent("chat", "v1", "say")
	h.Sent("chat", "v1", "")
	h.Sent("chat", "gone", "")

	refused := entry("chat", "v1", gateway.ConnectRoute)
	refused.RequestID, refused.Status, refused.Details = "r4", "403", "ext_authz_denied"
	connected := entry("chat", "v1", gateway.ConnectRoute)
	connected.RequestID, connected.Status = "r5", "101"
	h.tell(refused, connected)

	if len(kept.all) != 5 {
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
		3: {Event: "CONNECT", Fault: "ClientError", ConnectionID: wire.ConnectionID("r4"), ResponseType: kept.all[3].ResponseType, ErrorMessage: kept.all[3].ErrorMessage},
		4: {},
	} {
		got := kept.all[i]
		got = history.Request{
			Event: got.Event, Fault: got.Fault, ConnectionID: got.ConnectionID, Throttled: got.Throttled, ResponseType: got.ResponseType, ErrorMessage: got.ErrorMessage,
			UpstreamFailure: got.UpstreamFailure,
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
}
