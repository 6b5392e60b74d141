package dashboard_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// open is how many are connected.
func open(api, stage string) int { return len(api + stage) }

// serveChat has a WebSocket API that two clients have used.
func serveChat(t *testing.T, archive dashboard.Archive, connected func(api, stage string) int) *dashboard.Server {
	t.Helper()
	s := (&gateway.Snapshot{
		Gateways: []gateway.Gateway{{Name: "edge", Suffix: "localhost", Telemetry: true}},
		APIs: []gateway.API{{ID: "chat", Name: "Chat", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{
			Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.WebSocket, Routes: []gateway.Route{{Path: "$connect"}, {Path: "say", Source: at(7)}}},
		}}}},
	}).Seal()
	began := now.Add(-10 * time.Minute)
	h := history.New(history.Options{Now: func() time.Time { return began }})
	tell := func(n int, r history.Request) {
		for i := range n {
			told := r
			told.ID, told.At, told.API, told.Stage, told.Protocol = fmt.Sprintf("%s-%d", r.ID, i), began, "chat", "v1", "WEBSOCKET"
			told.Caller, told.ConnectionID = "192.0.2.1", fmt.Sprint("c", i%2)
			h.Add(&told)
		}
	}
	const ms = time.Millisecond
	tell(2, history.Request{ID: "in", Event: "CONNECT", Resource: "$connect", Status: 200, Latency: 9 * ms, Integrated: true, IntegrationLatency: 8 * ms, IntegrationStatus: 200})
	tell(30, history.Request{ID: "said", Event: "MESSAGE", Resource: "say", Status: 200, Latency: 21 * ms, Integrated: true, IntegrationLatency: 20 * ms, IntegrationStatus: 200})
	tell(3, history.Request{ID: "broken", Event: "MESSAGE", Resource: "say", Status: 200, Fault: "IntegrationError", Latency: 41 * ms, Integrated: true, IntegrationLatency: 40 * ms, IntegrationStatus: 502})
	tell(1, history.Request{ID: "down", Event: "MESSAGE", Resource: "say", Status: 500, Fault: "ExecutionError", Integrated: true, IntegrationLatency: ms, ResponseType: "INTEGRATION_FAILURE", ErrorMessage: "Internal server error", UpstreamFailure: "nobody " + hostile})
	tell(4, history.Request{ID: "what", Event: "MESSAGE", Status: 403, Fault: "ClientError", ResponseType: "ACCESS_DENIED", ErrorMessage: "Forbidden"})
	tell(2, history.Request{ID: "out", Event: "DISCONNECT", Resource: "$disconnect", Status: 200, Ended: "4001 " + hostile})
	// What a connection is to Envoy is no call of anybody's.
	tell(2, history.Request{ID: "in", Method: "GET", Path: "/v1", Resource: "$connect", Status: 101, Latency: time.Hour})
	for range 5 {
		h.Sent("chat", "v1", "say")
	}
	h.Sent("chat", "v1", "")
	began = now
	d := dashboard.New(dashboard.Options{
		Log: slog.New(slog.DiscardHandler), Connected: connected, Snapshot: func() *gateway.Snapshot { return s }, Traffic: h, Archive: archive, Now: func() time.Time { return now },
	})
	t.Cleanup(d.Close)
	return d
}

// TestConnections holds that pages of WebSocket APIs have the numbers of their events.
func TestConnections(t *testing.T) {
	d := serveChat(t, nil, open)
	const page = "/dashboard/apis/chat/v1"
	expect(t, d, "/dashboard/", "Calls 42 ", "Chat v1 42 ")
	expect(t, d, "/dashboard/apis/chat", "Connections 2 4 open now Messages received 38 Messages sent 6", "Stage Connections Received Sent", "v1 2 38 6 4 3 1 ")
	expect(t, d, page,
		"WEBSOCKET API", "Connections 2 6 open now Messages received 38 Messages sent 6 Integration, p99 39 ms p50 20 ms",
		"Client errors 4 0 throttled Integration errors 3 Execution errors 1", "14:59 2 38 6 4 3 1 ",
		"say 0 34 5 0 3 1 ", "No route 0 4 1 4 0 0 ", "$connect 2 0 0 0 0 0 ", "403 Forbidden 4 ", "192.0.2.1 42 100%",
	)
	expect(t, d, page+"?method=&resource=say", "v1 say Live", "Connections 0 Messages received 34 Messages sent 5")
	text := bodyOf(d, page)
	for _, want := range []string{
		`aria-label="Messages by minute: 38 received, 6 sent"`, `<title>14:59 UTC: 38 received, 6 sent</title>`, `aria-label="Connections by minute: 2 in all"`,
		`aria-label="Errors by minute: 4 of clients, 3 of integrations, 1 of execution"`, `<title>14:59 UTC: 4 of clients, 3 of integrations, 1 of execution</title>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is without %s", page, want)
		}
	}
	if _, text := textOf(t, d, page); strings.Contains(text, "Cache") || strings.Contains(text, "role integration") {
		t.Errorf("%s speaks of what is not there:\n%s", page, text)
	}
	expect(t, serveChat(t, nil, nil), page, "Connections are with the role integration , which this process has not")
	expect(t, serveChat(t, &far{}, nil), page+"?range=7d", "These numbers are Prometheus's", "Messages received 0 ")
}

// TestEvents holds what is shown of single events.
func TestEvents(t *testing.T) {
	d := serveChat(t, nil, open)
	expect(t, d, "/dashboard/requests", "MESSAGE say chat v1 200 41 ms 40 ms 192.0.2.1 IntegrationError", "MESSAGE no route chat v1 403", "CONNECT $connect", "DISCONNECT $disconnect", "GET /v1 chat v1 101")
	_, text := textOf(t, d, "/dashboard/requests?connection=c1&status=500-599")
	if strings.Contains(text, "MESSAGE") {
		t.Errorf("events of another connection are shown:\n%s", text)
	}
	expect(t, d, "/dashboard/requests?connection=c0&status=5xx", "MESSAGE say")
	expect(t, d, "/dashboard/requests/broken-1", "MESSAGE say 200 chat v1 say", "All of its connection", "Failed with IntegrationError", "Integration answered 502", "Connection c1", "the route say pets.yaml:7", "it answered with 502 after 40.0 ms")
	expect(t, d, "/dashboard/requests/down-0", "it gave no answer: nobody", "No answer of the integration", "the client was told &#34;Internal server error&#34; (ExecutionError)")
	expect(t, d, "/dashboard/requests/what-0", "MESSAGE no route", "no route has the key that the message selects")
	expect(t, d, "/dashboard/requests/out-1", "It ended with 4001", "the connection has ended with 4001")
	for _, page := range []string{"/dashboard/requests/down-0", "/dashboard/requests/out-1"} {
		if strings.Contains(bodyOf(d, page), "<script>") {
			t.Errorf("%s: what went wrong is markup", page)
		}
	}
}
