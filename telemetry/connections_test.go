package telemetry

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
	"gatehouse/telemetry/socket"
)

// chat is a WebSocket API beside those of snapshot.
func chat() *gateway.Snapshot {
	s := snapshot(nil)
	s.APIs = append(s.APIs, gateway.API{ID: "chat", Name: "Chat", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{
		Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.WebSocket, Routes: []gateway.Route{{Path: "say"}}},
	}}})
	return s.Seal()
}

// said is a message of a client of chat's.
func said() *socket.Event {
	return &socket.Event{
		API: "chat", Stage: "v1", Route: "say", Type: socket.Message, Status: 200, RequestID: "r1", ConnectionID: "c1", MessageID: "m1",
		Connected: time.Now(), At: time.Now(), Took: 20 * time.Millisecond, Domain: "chat.example.com", SourceIP: "192.0.2.1", UserAgent: "ws/1",
		Integrated: true, IntegrationLatency: 15 * time.Millisecond, IntegrationStatus: 200,
	}
}

// BenchmarkEvents tells of messages: of one that came, and of its answer.
func BenchmarkEvents(b *testing.B) {
	for name, kept := range map[string]History{"metrics": nil, "history": history.New(history.Options{})} {
		b.Run(name, func(b *testing.B) {
			s := New(Options{History: kept, Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
			b.Cleanup(func() { _ = s.Close(b.Context()) })
			s.Swap(s.Compile(chat()))
			e := said()
			b.ReportAllocs()
			for b.Loop() {
				s.Happened(e)
				s.Sent("chat", "v1", "say")
			}
		})
	}
}

// TestEventsThatAreOnlyCounted leave nothing behind for the garbage collector.
func TestEventsThatAreOnlyCounted(t *testing.T) {
	h := newHarness(t, Options{})
	h.Swap(h.Compile(chat()))
	e := said()
	if n := testing.AllocsPerRun(1000, func() {
		h.Happened(e)
		h.Sent("chat", "v1", "say")
		h.Sent("chat", "v1", "")
	}); n != 0 {
		t.Errorf("each takes memory %v times", n)
	}
	if n, _ := h.metric(t, "gatehouse_apigateway_websocket_message_count_total", map[string]string{"api_id": "chat"}); n != 3*1001 {
		t.Errorf("%v messages were counted", n)
	}
}
