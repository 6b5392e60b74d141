package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
)

// TestConnectionAccounts holds what is told of clients that an authorizer does not let connect,
// of messages that an integration serves or fails, and of a connection's end; nothing is told
// of a route that is off, and no token is.
func TestConnectionAccounts(t *testing.T) {
	backend := newChatBackend(t)
	definition := strings.Replace(chatDefinition, "      http:\n", "      down: {integration: {type: HTTP_PROXY, uri: \"http://127.0.0.1:1/?key=secret-0123\"}}\n      http:\n", 1)
	s := loadText(t, strings.ReplaceAll(definition, "BACKEND", backend.URL))
	for i := range s.APIs {
		s.APIs[i].Stages[0].ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionSteps}, Destination: gateway.DestinationStdout}
	}
	s.Gateways[0].Telemetry = true
	g := start(t, s)
	const host = "chat.execute-api.localhost"
	next := accounts(t, g)
	if _, _, r := g.handshake(host, "/v1?token=bad"); r.StatusCode != http.StatusForbidden {
		t.Fatal(r.StatusCode)
	}
	inOrder(t, next("Method completed with status: 403"), "Extended Request Id: ", "WebSocket Request Route: [$connect]", "Client [UserAgent: ", "The client is not authorized to perform this operation.", "Gateway response type: ACCESS_DENIED with status code: 403")
	c, in, r := g.handshake(host, "/v1?token=good", "User-Agent", "test\"/1")
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r.StatusCode)
	}
	inOrder(t, next("Client [Connection Id: "), "Extended Request Id: ", "Starting execution for request: ", "WebSocket Request Route: [$connect]", "Client [UserAgent: test\"/1, SourceIp: 127.0.0.1] is connecting to WebSocket API [chat].", "Received response. Status: 200")
	say(t, c, in, "hello")
	inOrder(t, next("Message from client [Connection Id: "), "Extended Request Id: ", "WebSocket Request Route: [$default]", "WebSocket API [chat] received message from client", "Received response. Status: 200")
	say(t, c, in, `{"action": "down"}`)
	inOrder(t, next("Execution failed: "), "Extended Request Id: ", "WebSocket Request Route: [down]", "Sending request to http://127.0.0.1:1/", "Execution failed due to configuration error: ", "Execution failed: Internal server error (INTEGRATION_FAILURE, 500)")
	c.Close()
	inOrder(t, next("Client [Connection Id: "), "Extended Request Id: ", "WebSocket Request Route: [$disconnect]", "Received response. Status: 200")
	if text := g.told.String(); strings.Contains(text, "token=") || strings.Contains(text, "secret-") {
		t.Errorf("a secret is told:\n%s", text)
	}
}

// accounts gives a function that waits for the next account in the log of the API chat, the one
// that ends with such a line, and gives its messages.
func accounts(t *testing.T, g *running) func(end string) []string {
	read := 0
	return func(end string) (account []string) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
			line, _, whole := strings.Cut(g.told.String()[read:], "\n")
			if !whole {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			read += len(line) + 1
			var l executionLine
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			if l.LogGroup != "API-Gateway-Execution-Logs_chat/v1" {
				t.Fatalf("it is in the group %s", l.LogGroup)
			}
			_, message, _ := strings.Cut(l.Message, ") ")
			if account = append(account, message); strings.HasPrefix(message, end) {
				return account
			}
		}
		t.Fatalf("no line begins with %q: %q", end, account)
		return nil
	}
}

// TestConnectionTraces holds that what is sent on the way of each event is told where a route
// wants it, in its place, and that nothing is that would let others in.
func TestConnectionTraces(t *testing.T) {
	backend := newChatBackend(t)
	s := loadText(t, strings.ReplaceAll(chatDefinition, "BACKEND", backend.URL))
	st := &s.API("chat").Stages[0]
	st.ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionSteps, DataTrace: true}, Destination: gateway.DestinationStdout}
	st.Settings = append(st.Settings, gateway.RouteSettings{RouteKey: "http", Execution: &gateway.ExecutionDetail{Level: gateway.ExecutionSteps}})
	s.Gateways[0].Telemetry = true
	g := start(t, s)
	next := accounts(t, g)
	const token, cookie = "good-token-0123456789", "session-0123456789"
	c, in, r := g.handshake("chat.execute-api.localhost", "/v1?token="+token+"&room=7", "Cookie", "id="+cookie, "X-Note", "hi")
	if r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r.StatusCode)
	}
	told := next("Client [Connection Id: ")
	inOrder(t, told, "Client [UserAgent: ", "Method request query string: {room=7, token=***************456789}", "Method request headers: {", "Endpoint request URI: "+backend.URL+"/hear",
		`Endpoint request body after transformations: {"headers":`, "Sending request to "+backend.URL+"/hear", "Received response. Status: 200", `Endpoint response body before transformations: {"body":`, "Client [Connection Id: ")
	if !strings.Contains(strings.Join(told, "\n"), "x-note=hi") {
		t.Errorf("the headers are not told: %q", told)
	}
	if text, _ := say(t, c, in, `{"say": "hello", "to": "`+cookie+`"}`); !strings.Contains(text, cookie) {
		t.Fatal(text)
	}
	inOrder(t, next("Message from client [Connection Id: "), "WebSocket API [chat] received message", `Method request body before transformations: {"say": "hello", "to": "************456789"}`,
		"Endpoint request URI: ", `Endpoint request body after transformations: {"requestContext":`, "Received response. Status: 200",
		"Endpoint response body before transformations: ", "Method response body after transformations: {", "Message from client [Connection Id: ")
	// A route that only tells its steps.
	say(t, c, in, `{"action": "http", "text": "untold"}`)
	for _, line := range next("Message from client [Connection Id: ") {
		if strings.HasPrefix(line, "Method ") || strings.HasPrefix(line, "Endpoint ") || strings.Contains(line, "untold") {
			t.Errorf("a route that does not want it tells what is sent: %q", line)
		}
	}
	c.Close()
	inOrder(t, next("Client [Connection Id: "), "WebSocket Request Route: [$disconnect]", "Endpoint request URI: ", "Received response. Status: 200", "Endpoint response body ")
	if text := g.told.String(); strings.Contains(text, token) || strings.Contains(text, cookie) || strings.Contains(text, "x-gw-") {
		t.Errorf("a secret is told:\n%s", text)
	}
}
