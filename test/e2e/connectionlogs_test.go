package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/internal/proctest"
	"gatehouse/telemetry/history"
)

// socketMetric is a metric of a WebSocket API's route: a counter, or how often a histogram
// was told.
func socketMetric(t *testing.T, registry *prometheus.Registry, name, api, route string) (sum float64) {
	t.Helper()
	for values, told := range metricsNamed(t, registry, "gatehouse_apigateway_websocket_"+name) {
		if values["api_id"] == api && values["route"] == route && values["stage"] == "v1" {
			sum += told
		}
	}
	return sum
}

// TestConnectionLogs holds what is logged and counted of WebSocket APIs: by who serves
// connections, and by Envoy of those that it lets not connect.
func TestConnectionLogs(t *testing.T) {
	backend := newChatBackend(t)
	definition := strings.Replace(chatDefinition, "    routes:\n", `    models: {Order: {type: object, required: [id]}}
    routes:
      down: {integration: {type: HTTP_PROXY, uri: "http://127.0.0.1:1/"}}
      order: {requestModels: {$default: Order}, integration: {type: AWS_PROXY, uri: hear}}
`, 1)
	s := loadText(t, strings.ReplaceAll(definition, "BACKEND", backend.URL))
	names := []string{
		"apiId", "stage", "eventType", "routeKey", "status", "connectionId", "messageId", "connectedAt", "requestTimeEpoch", "requestTime", "domainName",
		"integrationStatus", "integration.error", "error.message", "error.responseType", "error.validationErrorString", "authorizer.principalId", "authorizer.told", "authorizer.status", "authorizer.error",
		"identity.sourceIp", "identity.userAgent", "identity.apiKeyId", "identity.apiKey", "identity.userArn", "integrationLatency",
	}
	for i := range s.APIs {
		st := &s.APIs[i].Stages[0]
		st.AccessLog = &gateway.StageAccessLog{Format: jsonFormat(append([]string{"requestId"}, names...)...), Destination: gateway.DestinationStdout}
		st.DetailedMetrics = true
	}
	s.Gateways[0].Telemetry = true
	g := start(t, s)
	const chat, keyed = "chat.execute-api.localhost", "keyed.execute-api.localhost"

	if _, _, r := g.handshake(chat, "/v1?token=bad", "User-Agent", "test/1"); r.StatusCode != 403 {
		t.Fatal(r.StatusCode)
	}
	linesOf(t, g.told.String, 1)
	c, in, r := g.handshake(chat, "/v1?token=good", "User-Agent", `test"}<1>`)
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r.StatusCode)
	}
	// What happened is told when it is over, which is after its answer: so that the lines
	// come in order, each is waited for.
	linesOf(t, g.told.String, 2)
	say(t, c, in, "hello")
	linesOf(t, g.told.String, 3)
	say(t, c, in, `{"action": "down"}`)
	linesOf(t, g.told.String, 4)
	say(t, c, in, `{"action": "order"}`)
	linesOf(t, g.told.String, 5)
	id := backend.of("CONNECT")[0]["requestContext"].(map[string]any)["connectionId"].(string)
	c.Close()
	linesOf(t, g.told.String, 6)
	k, in, _ := g.handshake(keyed, "/v1", "x-api-key", "acme-0123456789-acme-0123456789")
	linesOf(t, g.told.String, 7)
	say(t, k, in, "hello")
	linesOf(t, g.told.String, 8)
	k.Close()
	// Envoy tells of connections when they have ended, which is no event: their clients went
	// without a word.
	told := func() (sum float64) {
		for _, n := range metricsNamed(t, g.metrics, "gatehouse_telemetry_requests_total") {
			sum += n
		}
		return sum
	}
	for end := time.Now().Add(proctest.Patience); told() < 3; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("Envoy has told of %v requests", told())
		}
	}
	lines := linesOf(t, g.told.String, 9)

	common := map[string]string{"apiId": "chat", "stage": "v1", "domainName": chat, "identity.sourceIp": "127.0.0.1", "identity.userAgent": `test"}<1>`, "connectionId": id, "authorizer.principalId": "user-good", "authorizer.told": id}
	wants := []map[string]string{
		{"eventType": "CONNECT", "routeKey": "$connect", "status": "403", "identity.userAgent": "test/1", "connectionId": "some", "authorizer.principalId": "user-bad", "authorizer.told": "some", "error.responseType": "ACCESS_DENIED", "error.message": "User is not authorized to access this resource with an explicit deny", "authorizer.status": "403", "authorizer.error": "authorizer-denied"},
		{"eventType": "CONNECT", "routeKey": "$connect", "status": "200", "integrationStatus": "200", "authorizer.status": "200"},
		{"eventType": "MESSAGE", "routeKey": "$default", "status": "200", "integrationStatus": "200", "messageId": "some"},
		{"eventType": "MESSAGE", "routeKey": "down", "status": "500", "messageId": "some", "integration.error": "some", "error.responseType": "INTEGRATION_FAILURE", "error.message": "Internal server error"},
		{"eventType": "MESSAGE", "routeKey": "order", "status": "400", "messageId": "some", "error.responseType": "BAD_REQUEST_BODY", "error.message": "Bad request body", "error.validationErrorString": `[object has missing required properties (["id"])]`},
		{"eventType": "DISCONNECT", "routeKey": "$disconnect", "status": "200", "integrationStatus": "200"},
	}
	key := map[string]string{"apiId": "keyed", "domainName": keyed, "identity.userAgent": "-", "connectionId": "some", "authorizer.principalId": "-", "authorizer.told": "-", "identity.apiKeyId": "acme", "identity.apiKey": "[redacted]"}
	for _, more := range []map[string]string{{"eventType": "CONNECT", "routeKey": "$connect", "status": "200"}, {"eventType": "MESSAGE", "routeKey": "$default", "status": "200", "integrationStatus": "200", "messageId": "some"}, {"eventType": "DISCONNECT", "routeKey": "$disconnect", "status": "200"}} {
		for name, value := range key {
			more[name] = value
		}
		wants = append(wants, more)
	}
	for i, line := range lines {
		var got map[string]string
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		want := map[string]string{}
		for _, name := range names {
			want[name] = "-"
		}
		for _, of := range []map[string]string{common, wants[i]} {
			for name, value := range of {
				want[name] = value
			}
		}
		if called := want["integrationStatus"] != "-" || want["integration.error"] != "-"; called != (got["integrationLatency"] != "-") {
			t.Errorf("%s: the latency is %s", line, got["integrationLatency"])
		}
		for _, name := range []string{"requestId", "requestTime", "requestTimeEpoch"} {
			if got[name] == "-" || got[name] == "" {
				t.Errorf("%s has no %s", line, name)
			}
		}
		if got["apiId"] == "chat" && got["authorizer.told"] != got["connectionId"] {
			t.Errorf("%s: the authorizer was told of another connection", line)
		}
		if (got["connectedAt"] == "-") != (i == 0) {
			t.Errorf("%s: connected at %s", line, got["connectedAt"])
		}
		for name, value := range want {
			if value == "some" && got[name] != "-" {
				want[name] = got[name]
			}
		}
		for _, name := range []string{"requestId", "requestTime", "requestTimeEpoch", "connectedAt", "integrationLatency"} {
			delete(got, name)
			delete(want, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line %d: %s", i, diff)
		}
	}
	// The history has the same events, and counts them once: Envoy tells of a connection, too.
	events := map[string]int{}
	for _, r := range g.history.Recent(history.Filter{Of: history.Of{API: "chat", Stage: "v1"}}, 100) {
		if r.Event != "" {
			events[strings.TrimSpace(fmt.Sprint(r.Event, " ", r.Resource, " ", r.Status, " ", r.Fault, r.Ended))]++
		}
	}
	if diff := cmp.Diff(map[string]int{
		"CONNECT $connect 403 ClientError": 1, "CONNECT $connect 200": 1, "MESSAGE $default 200": 1, "MESSAGE down 500 ExecutionError": 1,
		"MESSAGE order 400 ClientError": 1, "DISCONNECT $disconnect 200 1006": 1,
	}, events); diff != "" {
		t.Errorf("events of the history: %s", diff)
	}
	now := time.Now()
	var counted history.Sockets
	for _, p := range g.history.Series(history.Of{API: "chat"}, now.Add(-time.Hour), now.Add(time.Minute), time.Minute) {
		counted.Add(&p.Sockets)
	}
	if want := (history.Sockets{Connects: 2, Received: 3, Sent: 3, ClientErrors: 2, ExecutionErrors: 1}); counted != want {
		t.Errorf("the history counts %+v, want %+v", counted, want)
	}
	for _, m := range []struct {
		name, api, route string
		want             float64
	}{
		{"connect_count_total", "chat", "$connect", 2}, {"client_errors_total", "chat", "$connect", 1},
		{"message_count_total", "chat", "$default", 2}, {"message_count_total", "chat", "down", 2}, {"execution_errors_total", "chat", "down", 1},
		{"integration_latency_seconds", "chat", "$connect", 1}, {"integration_latency_seconds", "chat", "$disconnect", 1}, {"integration_errors_total", "chat", "down", 0},
		{"connect_count_total", "keyed", "$connect", 1}, {"client_errors_total", "chat", "order", 1}, {"client_errors_total", "keyed", "$connect", 0},
	} {
		if got := socketMetric(t, g.metrics, m.name, m.api, m.route); got != m.want {
			t.Errorf("%s of %s %s is %v, want %v", m.name, m.api, m.route, got, m.want)
		}
	}
}
